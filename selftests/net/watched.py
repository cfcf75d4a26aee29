#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Who wants to be asked before a file is read (fanotify's permission events) is asked by
the backend: nothing that he refuses, and no placeholder that he would have filled, is
sent from the cache.
"""

import contextlib
import ctypes
import errno
import os
import signal
import struct
import subprocess

from lib import (TOP, WWW, Client, Counting, Nginx, Skip, get, load, mount,
                 nothing_left, params, request, run, run_tests, same, test, write)

FAR = f"{TOP}/far"	# ext4: others are not for placeholders
BODY = b"of the site"

libc = ctypes.CDLL(None, use_errno=True)
libc.fanotify_mark.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64,
                               ctypes.c_int, ctypes.c_char_p)

CLASS_NOTIF, CLASS_CONTENT, CLASS_PRE_CONTENT = 0, 4, 8
MARK_ADD, MARK_MOUNT, MARK_FILESYSTEM = 1, 0x10, 0x100
ACCESS, ACCESS_PERM, PRE_ACCESS, ON_CHILD = 1, 0x20000, 0x100000, 0x08000000
ALLOW, DENY = 1, 2

# By what each is watched: where the mark is, of what kind, for what.
MARKS = {
    "the file": (f"{WWW}/file", 0, ACCESS_PERM),
    "its directory": (WWW, 0, ACCESS_PERM | ON_CHILD),
    "the mount": (WWW, MARK_MOUNT, ACCESS_PERM),
    "the file system": (WWW, MARK_FILESYSTEM, ACCESS_PERM),
}


def group(kind):
    fd = libc.fanotify_init(kind | 1, os.O_RDWR | os.O_LARGEFILE)
    if fd < 0 and ctypes.get_errno() == errno.ENOSYS:
        raise Skip("this kernel has no fanotify")
    if fd < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    return fd


def mark(fd, where, kind, mask):
    if libc.fanotify_mark(fd, MARK_ADD | kind, mask, -100, where.encode()):
        raise OSError(ctypes.get_errno(), f"fanotify_mark {where}")


def answer_all(fd, decide):
    """Each event has a file of its own, and its answer names it."""
    while True:
        data = os.read(fd, 4096)
        while data:
            length, _, _, _, _, about, _ = struct.unpack_from("=IBBHQii", data)
            os.write(fd, struct.pack("=iI", about, decide(about)))
            os.close(about)
            data = data[length:]


@contextlib.contextmanager
def watcher(where, kind, mask, decide=lambda about: DENY, of=CLASS_CONTENT):
    """Somebody who is asked, until he goes; then nobody is."""
    fd = group(of)
    mark(fd, where, kind, mask)
    pid = os.fork()
    if not pid:
        try:
            answer_all(fd, decide)
        finally:
            os._exit(1)
    os.close(fd)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def process_may_read(path):
    try:
        with open(path, "rb") as file:
            file.read()
    except PermissionError as reason:
        same(reason.errno, errno.EPERM, path)
        return False
    return True


def expect_hit(target="/file", body=BODY):
    same(get(target).body, body, "before")
    counting = Counting()
    same(get(target).body, body, "from the cache")
    counting.expect(cache_hits=1, lookups=0)


def expect_backends(target="/file"):
    """No byte of it is ours to send; HEAD, for nginx may not read it either."""
    same(process_may_read(f"{WWW}{target}"), False, "a process may read it")
    counting = Counting()
    same(get(target, method="HEAD").is_nginx, True, target)
    counting.expect(handed_over_watched=1, served=0)
    with params(standalone=1):
        same(get(target).status, 503, "without a backend")
    counting.expect(error_503=1, served=0)


for name in MARKS:
    @test(f"{name} is watched since it is in the cache: the backend's as long as it is")
    def afterwards(name=name):
        expect_hit()
        with watcher(*MARKS[name]):
            expect_backends()
        counting = Counting()
        same(get("/file").body, BODY, "nobody is asked any more")
        counting.expect(handed_over=0, lookups=0)

    @test(f"{name} is watched before anybody asked for it: the backend's")
    def before(name=name):
        with params(cache_control=f"max-age={len(name)}"), watcher(*MARKS[name]):
            expect_backends()


@test("what may be sent instead of a file is watched: both are the backend's")
def sibling():
    expect_hit()
    with Client() as client:
        same(client.ask("/text", fields="Accept-Encoding: gzip\r\n").body, b"packed",
             "packed")
        with watcher(f"{WWW}/text.gz", 0, ACCESS_PERM):
            client.send(request("/text", "HEAD", "Accept-Encoding: gzip\r\n"))
            same(client.response(head_only=True).is_nginx, True, "whose it is")


@test("who watches and is not asked (inotify, FAN_ACCESS) costs no hit")
def told():
    expect_hit()
    watch = libc.inotify_init()
    libc.inotify_add_watch(watch, f"{WWW}/file".encode(), 0xfff)
    libc.inotify_add_watch(watch, WWW.encode(), 0xfff)
    fd = group(CLASS_NOTIF)
    for kind in 0, MARK_MOUNT, MARK_FILESYSTEM:
        mark(fd, WWW, kind, ACCESS | ON_CHILD if not kind else ACCESS)
    counting = Counting()
    for _ in range(20):
        same(get("/file").body, BODY, "from the cache")
    counting.expect(cache_hits=20, lookups=0)
    os.close(fd)
    os.close(watch)


def fill(about):
    os.pwrite(about, b"from afar", 0)
    return ALLOW


@test("a placeholder that is filled when it is read is the backend's (FAN_PRE_ACCESS)")
def placeholder():
    with params(docroot=FAR):
        expect_hit("/placeholder", bytes(9))
        watching = watcher(FAR, MARK_MOUNT, PRE_ACCESS, fill, CLASS_PRE_CONTENT)
        try:
            watching.__enter__()
        except OSError as reason:
            raise Skip(f"this kernel has none: {reason}") from reason
        counting = Counting()
        same(get("/placeholder").body, b"from afar", "filled")
        counting.expect(handed_over_watched=1, served=0)
        watching.__exit__(None, None, None)


@test("nothing is left")
def left():
    nothing_left()


subprocess.run(["modprobe", "-qa", "loop", "ext4"])
run("truncate", "-s", "8M", f"{TOP}/far.img")
run("mke2fs", "-q", "-t", "ext4", f"{TOP}/far.img")
os.makedirs(FAR)
mount("-o", "loop", f"{TOP}/far.img", FAR)
write(f"{FAR}/placeholder", bytes(9))
mount("-t", "tmpfs", "tmpfs", WWW)
os.chmod(WWW, 0o755)
write("file", BODY)
write("text", b"text", mtime=1000000000)
write("text.gz", b"packed", mtime=1000000000)
Nginx(locations=f"location = /placeholder {{ root {FAR}; }}")
load()
run_tests()
