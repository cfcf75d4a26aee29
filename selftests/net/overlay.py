#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
overlayfs as docroot, as every container image has it: served from the page cache of what is
below, and whatever is changed through the overlay is seen by the next request.
"""

import contextlib
import errno
import itertools
import os
import shutil
import struct
import time

from lib import (TOP, WWW, Client, Counting, Nginx, bytes_of, eventually, get, in_child, load, mount,
                 new_messages, nothing_left, numbers_of, param, param_refused, params,
                 run, run_tests, same, say, start, test, write)

DISK = f"{TOP}/disk"		# a tmpfs
EXT4 = f"{TOP}/ext4"
MERGED = f"{TOP}/merged"
BIG = bytes_of(3_000_000)
OPTIONS = ("", "metacopy=on,redirect_dir=on", "redirect_dir=on,index=on")
SECONDS = 8


def put(path, data, mode=0o644, mtime=1_000_000_000):
    write(path, data, mode, mtime)


def replace(path, data):
    put(f"{path}~", data, mtime=time.time())
    os.rename(f"{path}~", path)


@contextlib.contextmanager
def overlay(where=DISK, options=""):
    """Two lower layers, an upper one; docroot, served alone."""
    for name in "lower", "deep", "upper", "work":
        shutil.rmtree(f"{where}/{name}", ignore_errors=True)
        os.makedirs(f"{where}/{name}", 0o755)
    os.makedirs(MERGED, exist_ok=True)
    put(f"{where}/deep/file", "deepest")
    put(f"{where}/lower/file", "lower")
    put(f"{where}/deep/deep", "deep")
    put(f"{where}/upper/upper", "upper")
    put(f"{where}/lower/d/e/f", "below d")
    put(f"{where}/deep/d/g", "deep d")
    put(f"{where}/lower/big", BIG)
    words = f"lowerdir={where}/lower:{where}/deep,upperdir={where}/upper,workdir={where}/work"
    run("mount", "-t", "overlay", "-o", ",".join(filter(None, (words, options))), "overlay",
        MERGED)
    try:
        with params(docroot=MERGED, standalone=1), Client() as client:
            yield client
    finally:
        run("umount", MERGED)


def each():
    """Every file system and option, one overlay after the other."""
    for where, options in itertools.product((DISK, EXT4), OPTIONS):
        with overlay(where, options) as client:
            yield client


def expect(client, target, body, status=200):
    response = client.ask(target)
    same((response.status, response.body if status == 200 else body), (status, body), target)
    return response


def warm(client, target, body, status=200):
    """In the cache, as soon as all changes are 20 ms ago."""
    def hit():
        counting = Counting()
        expect(client, target, body, status)
        return (counting.grown("lookups"), counting.grown("cache_hits")) == (0, 1)

    expect(client, target, body, status)
    eventually(hit, f"{target} to be in the cache")
    expect(client, target, body, status)


@test("of each layer, from the cache; what is in none too")
def layers():
    for client in each():
        for target, body in (("/file", b"lower"), ("/deep", b"deep"), ("/upper", b"upper"),
                             ("/d/e/f", b"below d"), ("/d/g", b"deep d"), ("/big", BIG)):
            warm(client, target, body)
        warm(client, "/none", b"", 404)
        warm(client, "/d/none/none", b"", 404)
        warm(client, "/d", b"", 301)


@test("from the disk, nothing of it in memory")
def cold():
    with overlay(EXT4) as client:
        param("cache_drop", 1)
        run("sync")
        with open("/proc/sys/vm/drop_caches", "w") as out:
            out.write("3")
        counting = Counting()
        expect(client, "/big", BIG)
        same(counting.grown("fills") > 0, True, "filled")


@test("written to, which copies it up: at once, again and again")
def copied_up():
    for client in each():
        for target in "/file", "/deep", "/d/e/f", "/upper":
            client.ask(target)
            warm(client, target, client.ask(target).body)
            for n in range(5):
                with open(f"{MERGED}{target}", "r+") as out:
                    out.write(f"{n}")
                response = client.ask(target)
                same(response.body[:1], b"%d" % n, target)
                warm(client, target, response.body)
            with open(f"{MERGED}{target}", "w") as out:
                out.write("written")
            warm(client, target, b"written")
            os.truncate(f"{MERGED}{target}", 4)
            warm(client, target, b"writ")
            with open(f"{MERGED}{target}", "a") as out:
                out.write("ten")
            warm(client, target, b"written")
        warm(client, "/big", BIG)
        with open(f"{MERGED}/big", "r+b") as out:
            out.write(b"x")
            expect(client, "/big", BIG)
            out.flush()
            expect(client, "/big", b"x" + BIG[1:])


@test("an answer that has begun goes on with what was below")
def goes_on():
    with overlay() as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        replace(f"{MERGED}/big", "another")
        same(client.take(len(BIG)) == BIG, True, "all of it")
        expect(client, "/big", b"another")


@test("opened for writing, which copies it up and changes nothing: the same, of the copy")
def opened():
    for client in each():
        before = client.ask("/file")
        with open(f"{MERGED}/file", "r+") as out:
            after = expect(client, "/file", b"lower")
            same(after["etag"], before["etag"], "tag")
            out.write("LOWER")
        expect(client, "/file", b"LOWER")


@test("owner, mode and time changed, with the bytes left below or not: at once")
def attributes():
    for client in each():
        path = f"{MERGED}/file"
        warm(client, "/file", b"lower")
        os.chmod(path, 0o600)
        expect(client, "/file", b"", 403)
        os.chmod(path, 0o644)
        expect(client, "/file", b"lower")
        os.chown(path, 65534, 0)
        os.chmod(path, 0o044)
        expect(client, "/file", b"", 403)
        os.chmod(path, 0o644)
        expect(client, "/file", b"lower")
        os.setxattr(path, "trusted.x", b"x")
        expect(client, "/file", b"lower")
        os.utime(path, (1_000_000_001, 1_000_000_001))
        response = client.ask("/file")
        # What has its time above and its bytes below is not served.
        if response.status == 200:
            same(response["last-modified"], "Sun, 09 Sep 2001 01:46:41 GMT", "time")
        else:
            same(response.status, 503, "time above, bytes below")
        with open(path, "r+") as out:
            out.write("LOWER")
        warm(client, "/file", b"LOWER")


def acl_for_nobody(path):
    """user::rwx user:65534:--- group::r-x mask::r-x other::r-x: the mode stays what it was."""
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in (
            (1, 7, 0xffffffff), (2, 0, 65534), (4, 5, 0xffffffff),
            (16, 5, 0xffffffff), (32, 5, 0xffffffff)))
    os.setxattr(path, "system.posix_acl_access", acl)


@test("an access control list that comes to a directory, and goes: at once")
def lists():
    for client in each():
        for _ in range(3):
            for path in f"{MERGED}/d/e", f"{MERGED}/d":
                warm(client, "/d/e/f", b"below d")
                acl_for_nobody(path)
                for _ in range(3):
                    expect(client, "/d/e/f", b"", 403)
                os.removexattr(path, "system.posix_acl_access")
                warm(client, "/d/e/f", b"below d")


@test("unlinked (a whiteout), made anew, renamed, renamed over: at once")
def names():
    for client in each():
        for target in "/file", "/d/e/f", "/upper", "/deep":
            client.ask(target)
            client.ask(target)
            os.unlink(MERGED + target)
            warm(client, target, b"", 404)
            put(MERGED + target, "anew")
            warm(client, target, b"anew")
            replace(MERGED + target, "renamed over")
            warm(client, target, b"renamed over")
            os.rename(MERGED + target, f"{MERGED}/elsewhere")
            warm(client, target, b"", 404)
            warm(client, "/elsewhere", b"renamed over")
            os.link(f"{MERGED}/elsewhere", MERGED + target)
            warm(client, target, b"renamed over")
            os.unlink(f"{MERGED}/elsewhere")
            warm(client, "/elsewhere", b"", 404)


@test("a file of a lower layer renamed over one of a lower layer")
def over_lower():
    for client in each():
        warm(client, "/file", b"lower")
        warm(client, "/deep", b"deep")
        os.rename(f"{MERGED}/deep", f"{MERGED}/file")
        warm(client, "/file", b"deep")
        warm(client, "/deep", b"", 404)


@test("directories: renamed if they can be (redirect_dir), removed, made anew (opaque)")
def directories():
    renamed = 0
    for client in each():
        warm(client, "/d/e/f", b"below d")
        warm(client, "/d/g", b"deep d")
        try:
            os.rename(f"{MERGED}/d", f"{MERGED}/moved")
        except OSError as reason:
            same(reason.errno, errno.EXDEV, "rename")
        else:
            renamed += 1
            warm(client, "/d/e/f", b"", 404)
            warm(client, "/moved/e/f", b"below d")
            warm(client, "/moved/g", b"deep d")
            os.rename(f"{MERGED}/moved", f"{MERGED}/d")
            warm(client, "/d/e/f", b"below d")
        shutil.rmtree(f"{MERGED}/d")
        warm(client, "/d/e/f", b"", 404)
        os.mkdir(f"{MERGED}/d")
        warm(client, "/d/g", b"", 404)
        put(f"{MERGED}/d/e/f", "of the new one")
        warm(client, "/d/e/f", b"of the new one")
        warm(client, "/d/g", b"", 404)
    same(renamed > 0, True, "some could be renamed")


@test("precompressed siblings, an index and symlinks, from any layer")
def around():
    gzip = "Accept-Encoding: gzip\r\n"
    for client in each():
        same(client.ask("/file", fields=gzip).body, b"lower", "none beside it")
        put(f"{MERGED}/file.gz", "packed")
        same(client.ask("/file", fields=gzip).body, b"packed", "it came")
        os.unlink(f"{MERGED}/file.gz")
        same(client.ask("/file", fields=gzip).body, b"lower", "it went")
        expect(client, "/d/", b"", 403)
        put(f"{MERGED}/d/index.html", "index")
        warm(client, "/d/", b"index")
        os.symlink("d/e", f"{MERGED}/link")
        warm(client, "/link/f", b"below d")
        os.symlink("d", f"{MERGED}/link~")
        os.rename(f"{MERGED}/link~", f"{MERGED}/link")
        warm(client, "/link/g", b"deep d")
        warm(client, "/link/f", b"", 404)


@test("a deploy whose releases are overlays")
def deploys():
    with overlay() as client:
        os.symlink(MERGED, f"{TOP}/current")
        param("docroot", f"{TOP}/current")
        warm(client, "/file", b"lower")
        write("file", "no overlay")
        os.symlink(WWW, f"{TOP}/next")
        os.rename(f"{TOP}/next", f"{TOP}/current")
        warm(client, "/file", b"no overlay")


@test("lower layers only, and an overlay on an overlay")
def others():
    with overlay() as client:
        os.makedirs(f"{TOP}/second", exist_ok=True)
        for words in (f"lowerdir={MERGED}:{DISK}/deep",
                      f"lowerdir={MERGED},upperdir={TOP}/u,workdir={TOP}/w"):
            for name in "u", "w":
                os.makedirs(f"{TOP}/{name}", exist_ok=True)
            run("mount", "-t", "overlay", "-o", words, "overlay", f"{TOP}/second")
            param("docroot", f"{TOP}/second")
            warm(client, "/file", b"lower")
            warm(client, "/big", BIG)
            if "upper" in words:
                put(f"{TOP}/second/file", "above all")
                warm(client, "/file", b"above all")
                os.unlink(f"{TOP}/second/file")
                warm(client, "/file", b"", 404)
            param("docroot", MERGED)
            run("umount", f"{TOP}/second")


def change_storm(stop):
    """Whatever way: a change has returned when its number is there."""
    version = 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        version += 1
        text = f"{version:09d}"
        with contextlib.suppress(FileNotFoundError):
            if version % 11 == 0:
                os.unlink(f"{MERGED}/storm")
        if version % 3:
            replace(f"{MERGED}/storm", text)
        else:
            put(f"{MERGED}/storm", text)
        with Client() as client:
            same(client.ask("/storm").body, text.encode(), "at once")
            same(client.ask("/storm").body, text.encode(), "and again")
    return version, 0


@test("changed all the time, with others asking: at once")
def storm():
    with overlay(EXT4, OPTIONS[1]):
        put(f"{MERGED}/storm", "0")
        wrk = start("wrk", "-t1", "-c8", f"-d{SECONDS}s", "http://127.0.0.1/storm", stdout=-1)
        changes, _ = numbers_of(in_child(change_storm, None))
        wrk.communicate()
        say(f"{changes} changes")


@test("of what can never be served it is said, by name; and standalone=1 is refused")
def never():
    new_messages()
    with params(docroot="/proc/sys", standalone=0):
        same("docroot=/proc/sys: is on proc, of which no file" in new_messages(), True, "said")
        param_refused("standalone", 1, errno.EOPNOTSUPP, "is on proc")
    with params(standalone=1):
        param_refused("docroot", "/proc/sys", errno.EOPNOTSUPP, "is on proc")
    os.makedirs(f"{TOP}/flipped", exist_ok=True)
    os.symlink("flipped", f"{TOP}/link")
    with params(docroot=f"{TOP}/link", standalone=0):
        os.symlink("/sys/kernel", f"{TOP}/link~")
        os.rename(f"{TOP}/link~", f"{TOP}/link")
        get("/file")
        same("leads to sysfs, of which no file can be served" in new_messages(), True, "flip")


@test("nothing is left")
def left():
    nothing_left()


run("modprobe", "-qa", "loop", "overlay", "ext4")
for path in DISK, EXT4:
    os.mkdir(path)
mount("-t", "tmpfs", "tmpfs", DISK)
os.chmod(DISK, 0o755)
run("truncate", "-s", "200M", f"{TOP}/image")
run("mke2fs", "-q", "-t", "ext4", f"{TOP}/image")
mount("-o", "loop", f"{TOP}/image", EXT4)
os.chmod(EXT4, 0o755)
nginx = Nginx()
load()
run_tests()
