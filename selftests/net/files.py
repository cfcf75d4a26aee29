#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Which files are served, and to whom they look how."""

import os
import socket

from lib import (WWW, Counting, get, load, mount, run_tests, same, test,
                 unload, write)


def expect_served(target, body):
    response = get(target)
    same((response.status, response.body), (200, body), target)


def expect_refused(target, status, key):
    """Without a backend the answer is sluice's own."""
    counting = Counting()
    same(get(target).status, status, target)
    counting.expect(**{f"error_{status}": 1})
    same(key is None or counting.grown(key) > 0, True, key)


@test("what nobody may read: 403")
def modes():
    write("root-only", "secret", mode=0o600)
    write("nothing", "secret", mode=0o000)
    write("locked/file", "secret")
    os.chmod(f"{WWW}/locked", 0o700)
    write("listless/file", "readable")
    os.chmod(f"{WWW}/listless", 0o711)
    for target in "/root-only", "/nothing", "/locked/file", "/locked/other":
        expect_refused(target, 403, None)
    expect_served("/listless/file", b"readable")


@test("group and owner are those of run_as")
def owners():
    write("group", "for a group", mode=0o640)
    os.chown(f"{WWW}/group", 0, 4242)
    expect_refused("/group", 403, None)
    unload()
    load(standalone=1, run_as=4242)
    expect_served("/group", b"for a group")
    unload()
    load(standalone=1)


@test("symlinks inside: followed, relative ones, through directories")
def symlinks():
    write("real/file", "real")
    os.symlink("real/file", f"{WWW}/link")
    os.symlink("real", f"{WWW}/dirlink")
    os.symlink("../real/../real/file", f"{WWW}/real/updown")
    for target in "/link", "/dirlink/file", "/real/updown", "/dirlink/updown":
        expect_served(target, b"real")
        expect_served(target, b"real")


@test("FIFOs, sockets and devices: refused at once, never waited for")
def special():
    os.mkfifo(f"{WWW}/fifo", 0o666)
    os.chmod(f"{WWW}/fifo", 0o666)
    os.mknod(f"{WWW}/zero", 0o020666, os.makedev(1, 5))
    os.chmod(f"{WWW}/zero", 0o666)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{WWW}/socket")
        os.symlink("fifo", f"{WWW}/fifo-link")
        for target in "/fifo", "/zero", "/socket", "/fifo-link", "/fifo/":
            expect_refused(target, 404, None)


@test("long names: 404")
def long_names():
    expect_refused("/" + "n" * 300, 404, None)
    expect_refused("/" + "d/" * 2200, 404, None)
    write("n" * 255, "long")
    expect_served("/" + "n" * 255, b"long")


@test("directories: index.html, or 403; an index that is none")
def directories():
    os.makedirs(f"{WWW}/bare")
    os.makedirs(f"{WWW}/odd/index.html")
    write("good/index.html", "index")
    expect_served("/good/", b"index")
    expect_refused("/bare/", 403, None)
    expect_refused("/odd/", 403, None)
    expect_refused("/none/", 404, None)


@test("a file through a mount below the docroot")
def mounts():
    os.mkdir(f"{WWW}/mnt")
    mount("-t", "tmpfs", "tmpfs", f"{WWW}/mnt")
    write("mnt/file", "mounted")
    expect_served("/mnt/file", b"mounted")
    expect_served("/mnt/file", b"mounted")


@test("file systems whose pages are not the file: not served")
def file_systems():
    os.mkdir(f"{WWW}/proc")
    mount("-t", "proc", "proc", f"{WWW}/proc")
    counting = Counting()
    same(get("/proc/version").status, 503, "proc")
    counting.expect(served=0)


@test("an access control list, where the mode would say yes")
def acl():
    # Without setfacl: version 2, owner, user 65534 ---, group, mask, other r--.
    value = bytes.fromhex("02000000" "01000600ffffffff" "02000000feff0000"
                          "04000400ffffffff" "10000400ffffffff"
                          "20000400ffffffff")
    write("acl", "with a list")
    expect_served("/acl", b"with a list")
    os.setxattr(f"{WWW}/acl", "system.posix_acl_access", value)
    expect_refused("/acl", 403, None)
    os.removexattr(f"{WWW}/acl", "system.posix_acl_access")
    expect_served("/acl", b"with a list")


load(standalone=1)
run_tests()
