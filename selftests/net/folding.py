#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
File systems that know one name by many spellings: what a path is by its name, a program
or hidden, is not got around by another one.
"""

import errno
import os
import subprocess
from urllib.parse import quote

from lib import (TOP, Client, Skip, load, mount, nothing_left, param_refused, params, run,
                 run_tests, same, test, write)

SECRET = b"secret"
# Soft hyphen, zero width joiner, long s: letters that casefold leaves out or replaces.
SPELLINGS = ("CGI-BIN/file", "cgi\u00ad-bin/file", "c\u200dgi-bin/FILE",
             "page.ph\u200dp", "page.\u00adphp", "\u200d.hidden", "\u200d.dir/file",
             "\u017fecret/file")


def fill(top):
    for name in "cgi-bin/file", "page.php", ".hidden", ".dir/file", "secret/file":
        write(f"{top}/{name}", SECRET)
    write(f"{top}/file", b"plain")
    write(f"{top}/below/file", b"plain")


def image(name, size, *make):
    path, top = f"{TOP}/{name}.img", f"{TOP}/{name}"
    subprocess.run(["modprobe", "-qa", "loop", name.split("-")[0]])
    run("truncate", "-s", f"{size}M", path)
    os.makedirs(top)
    try:
        run(*make, path)
        mount("-o", "loop", path, top)
    except subprocess.CalledProcessError as reason:
        why = reason.stderr.splitlines()[0]
        raise Skip(f"cannot be made or mounted here: {why}") from reason
    os.chmod(top, 0o755)
    return top


def reachable(top, names):
    """The file system does take them for the same."""
    for name in names:
        with open(f"{top}/{name}", "rb") as file:
            same(file.read(), SECRET, name)


def expect_not_served(top, names, plain, below=""):
    with params(docroot=top, dynamic_prefix="/cgi-bin/,/secret/"), Client() as client:
        for _ in range(2):
            for name in names:
                response = client.ask(quote(f"{below}/{name}"))
                same(SECRET in response.body, False, repr(name))
                same(response.status in (403, 404, 503), True, f"{name!r} {response}")
            same(client.ask(f"{below}/file").status, plain, "a file")


def expect_none_served(top, names):
    """As docroot it is refused, for nobody else is there; and below it all is as if it were."""
    param_refused("docroot", top, errno.EOPNOTSUPP, "no file can be served")
    expect_not_served(TOP, names, 503, top.removeprefix(TOP))


@test("ext4 with casefold: nothing of it is served, whatever it is called")
def casefold():
    top = image("ext4-casefold", 16, "mke2fs", "-q", "-t", "ext4", "-O", "casefold",
                "-E", "encoding=utf8")
    os.makedirs(f"{top}/www")
    run("chattr", "+F", f"{top}/www")
    fill(f"{top}/www")
    reachable(f"{top}/www", SPELLINGS)
    expect_none_served(f"{top}/www", SPELLINGS)


@test("xfs with names in any case: a program and what is hidden are that in any")
def any_case():
    top = image("xfs-ci", 320, "mkfs.xfs", "-q", "-n", "version=ci")
    fill(top)
    names = "CGI-BIN/file", "Cgi-Bin/FILE", "PAGE.PHP", ".HIDDEN", ".Dir/File", "SECRET/file"
    reachable(top, names)
    expect_not_served(top, names, 200)


@test("iso9660 with Joliet names: nothing of it is served")
def joliet():
    fill(f"{TOP}/tree")
    run("genisoimage", "-quiet", "-J", "-o", f"{TOP}/joliet.img", f"{TOP}/tree")
    subprocess.run(["modprobe", "-qa", "loop", "isofs"])
    os.makedirs(f"{TOP}/joliet")
    mount("-o", "loop,norock,mode=0444,dmode=0555", f"{TOP}/joliet.img", f"{TOP}/joliet")
    names = "CGI-BIN/file", "page.php.", "page.php..", ".HIDDEN"
    if not os.path.exists(f"{TOP}/joliet/{names[1]}"):
        raise Skip("this kernel does not read Joliet's names")
    reachable(f"{TOP}/joliet", names)
    expect_none_served(f"{TOP}/joliet", names)


@test("nothing is left")
def left():
    nothing_left()


load(standalone=1)
run_tests()
