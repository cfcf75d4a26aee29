#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""It says why: at load, for the first request of each kind that is not served, and the last."""

import os
import stat as mode_bits
import time

from lib import (TOP, WWW, Client, Nginx, get, load, new_messages, param, params, request,
                 run_tests, same, test, unload, write)

HANDOVERS = "/proc/net/sluice/handovers"


def last():
    with open(HANDOVERS) as lines:
        return lines.read().splitlines()


def fresh(**how):
    """The module once more: nothing has been said."""
    unload()
    new_messages()
    load(**how)
    return new_messages()


def has(text, *words):
    for word in words:
        same(word in text, True, f"'{text}' has '{word}'")


@test("at load: where, which file system, who is behind")
def at_load():
    has(fresh(), "serves on 0.0.0.0 port 80", f"docroot={WWW}: on tmpfs",
        "backend_port=8080: IPv4, of user 0")
    has(fresh(backend_uid=4), "of user 0, expected 4")
    has(fresh(backend_port=8099), "backend_port=8099: nobody listens")
    same("backend" in fresh(standalone=1, backend_port=0), False, "standalone")
    os.chmod(WWW, 0o700)
    has(fresh(), "user 65534 may not search it")
    os.chmod(WWW, 0o755)
    has(fresh(docroot="/sys/kernel"), "is on sysfs, of which no file can be served")


@test("the first of each kind leaves a line, with its path; the others do not")
def first():
    fresh()
    rows = (
        ("/missing", "handed_over_not_found", "no such file"),
        ("/x.php", "handed_over_dynamic", "a program by its name"),
        ("/runs", "handed_over_dynamic", "may be executed"),
        ("/unreadable", "handed_over_forbidden", "not readable"),
        ("/h/file", "handed_over_htaccess", ".htaccess"),
        ("/out", "handed_over_forbidden", "symlink"),
        ("/dir/", "handed_over_directory", "without a file of index"),
        ("/.git/x", "handed_over_hidden", "dot"),
    )
    for target, *words in rows:
        get(target + "?token=secret")
        said = new_messages()
        has(said, f'"GET {target}"', *words)
        same((said.count("\n"), "secret" in said), (0, False), "one line")
        has(last()[0], f'"GET {target}"', *words)
        for _ in range(3):
            get(target)
        get(target + "x")
    with params(mode_required="0666"):
        get("/file")
        has(new_messages(), "handed_over_forbidden", "the file's mode")
    with Client() as client:
        client.send("POST /file HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        client.response()
        has(new_messages(), '"POST /file"', "handed_over_method")
    same(new_messages(), "", "afterwards")
    before = last()
    get("/file")
    same([line.split(" ", 1)[1] for line in last()],
         [line.split(" ", 1)[1] for line in before], "what is served is not among them")


@test("say_why=0: nothing in the log, and the last ones all the same")
def silent():
    fresh(say_why=0)
    get("/missing")
    same(new_messages(), "", "the log")
    has(last()[0], '"GET /missing"')
    param("say_why", 1)
    get("/missing")
    has(new_messages(), '"GET /missing"')


@test("whatever a client sends, it is one line, quoted, and not long")
def escaped():
    fresh()
    with Client() as client:
        client.send(b'GET /a"\\\x80\xff%0asluice: HTTP/1.1\r\nHost: a\r\n\r\n')
        client.response()
    wanted = '"GET /a%22%5C%80%FF%0asluice:"'
    has(new_messages(), wanted)
    has(last()[0], wanted)
    for line in (b"GET /a\x1b[31mb HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n",
                 b"GE\x07T / HTTP/1.1\r\n\r\n"):
        with Client() as client:
            client.send(line)
            client.shut()
            client.rest()
    get("/" + "y" * 3000)
    long = last()[0]
    same((len(long) < 300, 'y..."' in long), (True, True), long)
    for line in last() + new_messages().splitlines():
        same(all(" " <= c <= "~" for c in line), True, repr(line))
        same(line.count('"'), 2, line)


@test("the last 32, the latest first; and who reads meanwhile")
def ring():
    fresh()
    with Client() as client:
        for n in range(100):
            client.send(request(f"/missing{n}"))
            client.response()
            # Behind a handover the connection is the backend's.
            client.close()
            client.__init__()
            time.sleep(0.01)	# one of a kind in a jiffy is noted
    lines = last()
    same(len(lines), 32, "lines")
    for n, line in enumerate(lines):
        has(line, f'handed_over_not_found "GET /missing{99 - n}"')
        same(int(line.split()[0]) < 600, True, line)
    same(mode_bits.S_IMODE(os.stat(HANDOVERS).st_mode), 0o400, "mode")


write("file", "file")
write("x.php", "program")
write("runs", "program", mode=0o755)
write("unreadable", "secret", mode=0o600)
write("h/file", "file")
write("h/.htaccess", "")
write("dir/x", "x")
write(".git/x", "x")
os.symlink("../outside", f"{WWW}/out")
with open(f"{TOP}/outside", "w") as out:
    out.write("outside")
Nginx()
load()
run_tests()
