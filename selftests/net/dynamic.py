#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Programs and hidden files below the docroot: the backend has rules for them."""

import errno
import os

from lib import (WWW, Client, Counting, Nginx, get, load, param, param_refused,
                 run_tests, same, test, write)


def expect_handed_over(target, key):
    counting = Counting()
    same(get(target).is_nginx, True, target)
    counting.expect(**{key: 1, "handed_over": 1, "served": 0})


def expect_served(target):
    response = get(target)
    same((response.is_nginx, response.status), (False, 200), target)


@test("names that end as programs do, in any case of letters")
def suffixes():
    for name in "a.php", "a.PHP", "a.b.cgi", "a.pl", "a.sh", "a.inc":
        write(name, "source")
        expect_handed_over(f"/{name}", "handed_over_dynamic")
        expect_handed_over(f"/{name}?x", "handed_over_dynamic")
    expect_handed_over("/a.%70hp", "handed_over_dynamic")
    expect_handed_over("/none.php", "handed_over_dynamic")


@test("names that only look like it")
def not_suffixes():
    for name in "aphp", "php", "a.php.txt", "a.phpx", "a.php/file":
        if os.path.exists(f"{WWW}/a.php"):
            os.unlink(f"{WWW}/a.php")
        write(name, "text")
        expect_served(f"/{name}")


@test("dynamic_suffix= changed while it runs, refused when it makes no sense")
def parameter():
    write("b.php", "source")
    write("b.x", "text")
    expect_served("/b.x")
    param("dynamic_suffix", ".x,.y")
    expect_handed_over("/b.x", "handed_over_dynamic")
    expect_served("/b.php")
    for value in ("php", ".tar.gz", ".", "./x", ".a,",
                  ",".join(f".{n}" for n in range(65))):
        param_refused("dynamic_suffix", value, errno.EINVAL)
    expect_handed_over("/b.x", "handed_over_dynamic")
    param("dynamic_suffix", "\n")
    expect_served("/b.x")
    param("dynamic_suffix", ".php")


@test("files that may be executed, and those that become so when warm")
def executable():
    write("program", "binary", mode=0o755)
    expect_handed_over("/program", "handed_over_dynamic")
    write("text", "text")
    with Client() as client:
        for _ in range(3):
            same(client.ask("/text").is_nginx, False, "text")
        os.chmod(f"{WWW}/text", 0o744)
        same(client.ask("/text").is_nginx, True, "when it may be executed")
    os.chmod(f"{WWW}/text", 0o644)
    expect_served("/text")


@test("names that begin with a dot, of files and of directories")
def hidden():
    for name in ".htpasswd", ".git/config", "a/.b/c", ".a.txt":
        write(name, "secret")
        expect_handed_over(f"/{name}", "handed_over_hidden")
    expect_handed_over("/a/%2eb/c", "handed_over_hidden")
    write("a/b.c/d", "text")
    expect_served("/a/b.c/d")
    expect_served("/a/.b/../b.c/./d")


@test("standalone: 403 and 404")
def standalone():
    param("standalone", 1)
    for target, status in (("/b.php", 403), ("/program", 403),
                           ("/.htpasswd", 404), ("/.git/config", 404)):
        same(get(target).status, status, target)


nginx = Nginx()
load()
run_tests()
