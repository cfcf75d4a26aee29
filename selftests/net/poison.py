#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A page that the memory lost (PG_hwpoison) is not sent: touching it may end the machine."""

import ctypes
import errno
import mmap
import os
import signal
import subprocess

from lib import (TOP, WWW, Client, Closed, Counting, Skip, bytes_of, get, load, mount,
                 nothing_left, param, params, request, run, run_tests, same, say,
                 sysctl, test, write)

PAGE = mmap.PAGESIZE
DISK = f"{TOP}/disk"
HWPOISON = 100

libc = ctypes.CDLL(None, use_errno=True)


def read_error(path):
    """What a process is told that reads it; None: its bytes."""
    try:
        with open(path, "rb") as file:
            file.read()
    except OSError as reason:
        return errno.errorcode[reason.errno]
    return None


def poison(path, at):
    """In a process of its own, which the kernel may kill for it. Said to the log alone:
    the console is where scripts/vm looks for complaints, and this sounds like one.
    """
    with sysctl("kernel/printk", "1"):
        poison_in_child(path, at)


def poison_in_child(path, at):
    pid = os.fork()
    if not pid:
        with open(path, "r+b") as file:
            area = mmap.mmap(file.fileno(), 0)
            start = ctypes.addressof(ctypes.c_char.from_buffer(area))
            area[at]	# it is in memory
            failed = libc.madvise(ctypes.c_void_p(start + at), ctypes.c_size_t(PAGE),
                                  HWPOISON)
            os._exit(ctypes.get_errno() if failed else 0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status in (errno.EINVAL, errno.EPERM):
        raise Skip("this kernel cannot be told that memory is bad")
    # Busy: somebody else has the page, which is not in the file any more.
    same(status in (0, errno.EBUSY, -signal.SIGBUS), True, f"MADV_HWPOISON: {status}")


def expect_lost(target, at):
    """The head may come, and what is in front of it; nothing of it, and no end."""
    with Client() as client:
        client.send(request(target))
        try:
            client.response()
            raise AssertionError(f"{target} is whole")
        except (Closed, ConnectionResetError):
            pass
        same(len(client.buffer) <= at, True, f"{len(client.buffer)} bytes of {target}")


@test("tmpfs: a page that the memory lost is not sent, from the cache or read anew")
def lost():
    for name, size in ("lost", 1000), ("big", 40 * PAGE):
        body = bytes_of(size)
        write(name, body)
        for _ in range(2):
            same(get(f"/{name}").body, body, f"{name} before")
        at = size // PAGE // 2 * PAGE
        poison(f"{WWW}/{name}", at)
        same(read_error(f"{WWW}/{name}"), "EIO", "a process")
        for _ in range(2):
            expect_lost(f"/{name}", at)
        param("cache_drop", 1)
        expect_lost(f"/{name}", at)


@test("ext4: a page that the memory lost is read from the disk again, or not sent")
def found_again():
    body = bytes_of(40 * PAGE)
    write(f"{DISK}/file", body)
    os.sync()
    with params(docroot=DISK):
        for _ in range(2):
            same(get("/file").body, body, "before")
        poison(f"{DISK}/file", 20 * PAGE)
        same(read_error(f"{DISK}/file"), None, "a process")
        counting = Counting()
        try:
            same(get("/file").body, body, "after")
        except (Closed, ConnectionResetError):
            # Of a large folio (7.3) that somebody had, TCP for one, all is kept.
            say("the kernel has kept it")
        counting.expect(cache_hits=1, lookups=0)


@test("nothing is left")
def left():
    nothing_left()


subprocess.run(["modprobe", "-qa", "loop", "ext4"])
run("truncate", "-s", "8M", f"{TOP}/disk.img")
run("mke2fs", "-q", "-t", "ext4", f"{TOP}/disk.img")
os.makedirs(DISK)
mount("-o", "loop", f"{TOP}/disk.img", DISK)
load(standalone=1)
run_tests()
