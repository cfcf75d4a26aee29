#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
When a change has returned, the next request sees it, however warm the cache.

Each test asks first, changes, and asks again on the same connection: there is
no time in between that would hide a late change.
"""

import os
import socket

from lib import (TOP, WWW, Client, Counting, load, run, run_tests, same, stat,
                 test, write)

ROUNDS = 20


class Warm(Client):
    def expect(self, target, body, status=200):
        response = self.ask(target)
        same((response.status, response.body if status == 200 else body),
             (status, body), target)
        return response

    def warm(self, target, body):
        self.expect(target, body)
        hits = stat("cache_hits")
        self.expect(target, body)
        same(stat("cache_hits"), hits + 1, f"hits of {target}")


def replace(name, data):
    """As editors and rsync do it."""
    write(name + ".new", data)
    os.rename(f"{WWW}/{name}.new", f"{WWW}/{name}")


@test("rewritten in place, longer and shorter and of the same size")
def rewritten():
    write("a/f", "zero")
    with Warm() as client:
        client.warm("/a/f", b"zero")
        for n in range(ROUNDS):
            body = f"{n}" * (n % 3 * 3000 + 1)
            write("a/f", body)
            client.expect("/a/f", body.encode())
        write("a/f", "same")
        client.warm("/a/f", b"same")
        write("a/f", "size")
        client.expect("/a/f", b"size")


@test("rewritten: the validators change with it")
def validators():
    write("v", "one", mtime=1000000000)
    with Warm() as client:
        client.warm("/v", b"one")
        tag = client.ask("/v")["etag"]
        write("v", "two", mtime=1000000001)
        response = client.ask("/v", fields=f"If-None-Match: {tag}\r\n")
        same((response.status, response.body), (200, b"two"), "other tag")
        os.utime(f"{WWW}/v", (1000000002, 1000000002))
        same(client.ask("/v")["last-modified"],
             "Sun, 09 Sep 2001 01:46:42 GMT", "after touch")


@test("truncated, and extended by a hole")
def truncated():
    write("t", "0123456789")
    with Warm() as client:
        client.warm("/t", b"0123456789")
        os.truncate(f"{WWW}/t", 4)
        client.expect("/t", b"0123")
        os.truncate(f"{WWW}/t", 0)
        client.expect("/t", b"")
        os.truncate(f"{WWW}/t", 3)
        client.expect("/t", b"\0\0\0")


@test("renamed over")
def renamed_over():
    write("a/r", "before")
    with Warm() as client:
        client.warm("/a/r", b"before")
        for n in range(ROUNDS):
            replace("a/r", f"new {n}")
            client.expect("/a/r", f"new {n}".encode())


@test("unlinked, and made again")
def unlinked():
    write("u", "there")
    with Warm() as client:
        for n in range(ROUNDS):
            write("u", f"there {n}")
            client.warm("/u", f"there {n}".encode())
            os.unlink(f"{WWW}/u")
            client.expect("/u", b"", 404)


@test("a file that was not there appears")
def appears():
    with Warm() as client:
        for n in range(ROUNDS):
            client.expect(f"/new{n}", b"", 404)
            write(f"new{n}", "new")
            client.expect(f"/new{n}", b"new")


@test("chmod and chown, of the file and of each directory above")
def modes():
    write("m/n/f", "readable")
    with Warm() as client:
        for name, closed in ("m/n/f", 0o600), ("m/n", 0o700), ("m", 0o600):
            path = f"{WWW}/{name}"
            mode = os.stat(path).st_mode
            client.warm("/m/n/f", b"readable")
            os.chmod(path, closed)
            client.expect("/m/n/f", b"", 403)
            os.chmod(path, mode)
            client.warm("/m/n/f", b"readable")
        os.chmod(f"{WWW}/m/n", 0o705)
        client.warm("/m/n/f", b"readable")
        os.chown(f"{WWW}/m/n", 0, 65534)	# now its group's bits count
        client.expect("/m/n/f", b"", 403)
        os.chown(f"{WWW}/m/n", 0, 0)
        client.expect("/m/n/f", b"readable")


@test("chmod of the docroot itself")
def docroot_mode():
    write("d", "readable")
    with Warm() as client:
        client.warm("/d", b"readable")
        os.chmod(WWW, 0o700)
        client.expect("/d", b"", 403)
        os.chmod(WWW, 0o755)
        client.expect("/d", b"readable")


@test("a directory above renamed away, and another put in its place")
def parent_renamed():
    write("p/q/f", "first")
    write("p2/q/f", "second")
    with Warm() as client:
        client.warm("/p/q/f", b"first")
        os.rename(f"{WWW}/p", f"{WWW}/p1")
        client.expect("/p/q/f", b"", 404)
        os.rename(f"{WWW}/p2", f"{WWW}/p")
        client.expect("/p/q/f", b"second")
        client.expect("/p1/q/f", b"first")


@test("a directory above moved out of the docroot")
def moved_out():
    write("o/p/f", "inside")
    with Warm() as client:
        client.warm("/o/p/f", b"inside")
        os.rename(f"{WWW}/o/p", f"{TOP}/moved")
        client.expect("/o/p/f", b"", 404)


@test("something mounted over the file, and over a directory above")
def mounted_over():
    write("x/y/f", "below")
    write("cover", "above")
    with Warm() as client:
        client.warm("/x/y/f", b"below")
        run("mount", "--bind", f"{WWW}/cover", f"{WWW}/x/y/f")
        client.expect("/x/y/f", b"above")
        run("umount", f"{WWW}/x/y/f")
        client.warm("/x/y/f", b"below")
        run("mount", "-t", "tmpfs", "tmpfs", f"{WWW}/x")
        client.expect("/x/y/f", b"", 404)
        run("umount", f"{WWW}/x")
        client.expect("/x/y/f", b"below")


@test("a symlink pointed elsewhere: how sites are deployed")
def symlink_flip():
    write("releases/1/f", "release 1")
    write("releases/2/f", "release 2")
    os.symlink("releases/1", f"{WWW}/current")
    with Warm() as client:
        client.expect("/current/f", b"release 1")
        client.expect("/current/f", b"release 1")
        for n in range(ROUNDS):
            os.symlink(f"releases/{n % 2 + 1}", f"{WWW}/next")
            os.rename(f"{WWW}/next", f"{WWW}/current")
            client.expect("/current/f", f"release {n % 2 + 1}".encode())


@test("an index that comes and goes")
def index():
    os.mkdir(f"{WWW}/i")
    with Warm() as client:
        client.expect("/i/", b"", 403)
        write("i/index.html", "index")
        client.warm("/i/", b"index")
        os.unlink(f"{WWW}/i/index.html")
        client.expect("/i/", b"", 403)


@test("a file replaced by a directory, and back")
def kinds():
    write("k", "file")
    with Warm() as client:
        client.warm("/k", b"file")
        os.unlink(f"{WWW}/k")
        os.mkdir(f"{WWW}/k")
        client.expect("/k", b"", 301)
        os.rmdir(f"{WWW}/k")
        write("k", "file again")
        client.expect("/k", b"file again")


def expect_cut(size, shrunk):
    write("s", b"x" * size)
    with Client(options=[SMALL_WINDOW]) as client:
        counting = Counting()
        client.send("GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        os.truncate(f"{WWW}/s", shrunk)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        try:
            body = client.rest()
        except ConnectionResetError:
            body = client.buffer
        same(len(body) < size, True, "less than promised")
        same(body.strip(b"x"), b"", "bytes that were never in the file")
        counting.expect(connections_aborted=1, files_truncated=1)


@test("a file that becomes empty while it is sent: cut off, never padded")
def emptied():
    expect_cut(8_000_000, 0)


@test("a file that loses half a page: the zeros behind its end are not sent")
def loses_half_a_page():
    # Its last page is as it was, but for the zeros.
    expect_cut(8_000_000, 8_000_000 - 100)


SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
load(standalone=1)
run_tests()
