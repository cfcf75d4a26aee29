#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
When a change has returned, the next request sees it, however warm the cache.

Each test asks first, changes, and asks again on the same connection: there is
no time in between that would hide a late change.
"""

import os
import shutil
import socket
import struct

from lib import (TOP, WWW, Client, Counting, Skip, load, params, run, run_tests,
                 same, stat, test, write)

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

    def warm_absent(self, target, status=404):
        """That there is no file is in the cache, and was found there."""
        self.expect(target, b"", status)
        counting = Counting()
        self.expect(target, b"", status)
        same((counting.grown("cache_hits_absent"), counting.grown("lookups")),
             (1, 0), f"remembered: {target}")

    def never_remembered(self, target, status):
        counting = Counting()
        for _ in range(3):
            self.expect(target, b"", status)
        same((counting.grown("cache_hits_absent"), counting.grown("lookups")),
             (0, 3), f"not remembered: {target}")


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


# --- that there is no file ---

@test("no such file, remembered: until it is made, linked, or moved there")
def absent():
    write("source/f", "file")
    with Warm() as client:
        for n, make in enumerate((
                lambda path: write(os.path.relpath(path, WWW), "file"),
                lambda path: os.link(f"{WWW}/source/f", path),
                lambda path: os.symlink("source/f", path),
                lambda path: shutil.move(write("moved", "file"), path),
                lambda path: os.rename(write("source/again", "file"), path))):
            for _ in range(ROUNDS):
                client.warm_absent(f"/absent{n}")
                make(f"{WWW}/absent{n}")
                client.expect(f"/absent{n}", b"file")
                os.unlink(f"{WWW}/absent{n}")


@test("no such directory: until each that is missing has come")
def absent_directory():
    write("whole/d/e/f", "file")
    with Warm() as client:
        client.warm_absent("/c/d/e/f")
        client.warm_absent("/c/d/e/")
        for path in "c", "c/d", "c/d/e":
            os.mkdir(f"{WWW}/{path}")
            client.warm_absent("/c/d/e/f")
        client.warm_absent("/c/d/e/", 403)	# there now, without an index
        write("c/d/e/f", "file")
        client.expect("/c/d/e/f", b"file")
        shutil.rmtree(f"{WWW}/c")
        client.warm_absent("/c/d/e/f")
        os.rename(f"{WWW}/whole", f"{WWW}/c")
        client.expect("/c/d/e/f", b"file")
        client.warm_absent("/whole/d/e/f")


@test("a file where a directory should be: until it is one")
def file_in_the_way():
    write("way", "file")
    with Warm() as client:
        client.warm_absent("/way/f")
        client.warm_absent("/way/")
        os.unlink(f"{WWW}/way")
        write("way/f", "below")
        client.expect("/way/f", b"below")
        client.expect("/way/", b"", 403)


@test("no such file, and a directory above is another one now")
def absent_parent_renamed():
    os.makedirs(f"{WWW}/ap/q")
    write("ap2/q/f", "second")
    with Warm() as client:
        for _ in range(ROUNDS):
            client.warm_absent("/ap/q/f")
            os.rename(f"{WWW}/ap", f"{WWW}/ap1")
            client.warm_absent("/ap/q/f")
            os.rename(f"{WWW}/ap2", f"{WWW}/ap")
            client.expect("/ap/q/f", b"second")
            client.warm_absent("/ap1/q/f")
            os.rename(f"{WWW}/ap", f"{WWW}/ap2")
            os.rename(f"{WWW}/ap1", f"{WWW}/ap")


@test("no such file, and something is mounted over the directory")
def absent_mounted_over():
    os.makedirs(f"{WWW}/am/d")
    write("other/f", "mounted")
    with Warm() as client:
        for path in "am/d", "am":
            client.warm_absent("/am/d/f")
            os.makedirs(f"{WWW}/other/d", exist_ok=True)
            write("other/d/f", "mounted")
            run("mount", "--bind", f"{WWW}/other", f"{WWW}/{path}")
            client.expect("/am/d/f", b"mounted")
            os.unlink(f"{WWW}/other/f")
            os.unlink(f"{WWW}/other/d/f")
            # On another mount: right, but not remembered.
            client.never_remembered("/am/d/f", 404)
            run("umount", f"{WWW}/{path}")
            client.warm_absent("/am/d/f")
            write("other/f", "mounted")


@test("a directory without its slash: until it is none, closed, or elsewhere")
def no_slash():
    with Warm() as client:
        for change, status in (
                (lambda: os.rmdir(f"{WWW}/ns"), 404),
                (lambda: os.rename(f"{WWW}/ns", f"{WWW}/ns1"), 404),
                (lambda: os.chmod(f"{WWW}/ns", 0o700), 403),
                (lambda: os.chmod(f"{WWW}/ns", 0o711), 403)):
            os.mkdir(f"{WWW}/ns")
            client.warm_absent("/ns", 301)
            change()
            client.warm_absent("/ns", status)
            run("rm", "-rf", f"{WWW}/ns")
        os.mkdir(f"{WWW}/ns")
        client.warm_absent("/ns", 301)
        os.rmdir(f"{WWW}/ns")
        write("ns", "file")
        client.expect("/ns", b"file")


@test("a directory without an index: until one of them comes, or may be seen")
def no_index():
    os.mkdir(f"{WWW}/ni")
    with params(index="one.html,two.html"), Warm() as client:
        for name in "one.html", "two.html":
            for _ in range(ROUNDS):
                client.warm_absent("/ni/", 403)
                write(f"ni/{name}", name)
                client.expect("/ni/", name.encode())
                os.unlink(f"{WWW}/ni/{name}")
        write("ni/two.html", "two", mode=0o600)
        client.warm_absent("/ni/", 403)
        write("ni/one.html", "one")
        client.expect("/ni/", b"one")
        os.unlink(f"{WWW}/ni/one.html")
        client.warm_absent("/ni/", 403)
        os.chmod(f"{WWW}/ni/two.html", 0o644)
        client.expect("/ni/", b"two")
        # Not remembered, but right.
        os.mkdir(f"{WWW}/ni/one.html")
        client.expect("/ni/", b"two")
        os.unlink(f"{WWW}/ni/two.html")
        client.never_remembered("/ni/", 403)
    client = Warm()
    client.warm_absent("/ni/", 403)	# by another name there is none either
    client.close()


@test("the docroot without an index")
def no_index_at_all():
    with params(index="nothing.html"), Warm() as client:
        client.warm_absent("/", 403)
        write("nothing.html", "top")
        client.expect("/", b"top")
        os.unlink(f"{WWW}/nothing.html")


@test("forbidden, by the file and by each directory above: until it is not")
def forbidden():
    write("fo/r/f", "readable")
    with Warm() as client:
        for name, closed in ("fo/r/f", 0o600), ("fo/r", 0o700), ("fo", 0o600):
            path = f"{WWW}/{name}"
            mode = os.stat(path).st_mode
            for _ in range(ROUNDS):
                os.chmod(path, closed)
                client.warm_absent("/fo/r/f", 403)
                os.chmod(path, mode)
                client.expect("/fo/r/f", b"readable")
            os.chmod(path, 0o705)
            os.chown(path, 0, 65534)	# now its group's bits count
            client.warm_absent("/fo/r/f", 403)
            os.chown(path, 0, 0)
            os.chmod(path, mode)
            client.expect("/fo/r/f", b"readable")
        os.chmod(f"{WWW}/fo/r", 0o700)
        client.warm_absent("/fo/r/none", 403)
        os.chmod(f"{WWW}/fo/r", 0o755)
        client.warm_absent("/fo/r/none", 404)
        os.chmod(WWW, 0o700)
        client.warm_absent("/fo/r/none", 403)
        os.chmod(WWW, 0o755)
        client.warm_absent("/fo/r/none", 404)


@test("a program, a FIFO: until it is a file to be served")
def no_file_to_serve():
    write("pr", "program", mode=0o755)
    os.mkfifo(f"{WWW}/ff")
    with Warm() as client:
        client.warm_absent("/pr", 403)
        os.chmod(f"{WWW}/pr", 0o644)
        client.expect("/pr", b"program")
        client.warm_absent("/ff", 404)
        replace("ff", "no FIFO")
        client.expect("/ff", b"no FIFO")
        write("px", "text", mode=0o644)
        with params(mode_required="0666"):
            client.warm_absent("/px", 403)
            os.chmod(f"{WWW}/px", 0o666)
            client.expect("/px", b"text")


@test("settings that decide what is no file: at once")
def settings():
    write("se/x.abc", "x")
    with Warm() as client:
        client.warm_absent("/se/", 403)
        with params(index="x.abc"):
            client.expect("/se/", b"x")
            with params(dynamic_suffix=".abc"):
                client.warm_absent("/se/", 403)
            client.expect("/se/", b"x")
        client.warm_absent("/se/", 403)


@test("through a symlink: right at once, and remembered; by an access control list, never")
def not_certain():
    os.symlink("nowhere", f"{WWW}/dangling")
    write("ln/f", "linked")
    os.symlink("ln", f"{WWW}/sy")
    os.symlink("/etc", f"{WWW}/outside")
    with Warm() as client:
        client.warm_absent("/dangling", 404)
        write("nowhere", "somewhere")
        client.expect("/dangling", b"somewhere")
        client.warm_absent("/sy/g", 404)
        write("ln/g", "linked")
        client.warm("/sy/g", b"linked")
        client.warm_absent("/outside/passwd", 403)
        write("acl", "for some")
        # user::rw- user:65534:--- group::r-- mask::r-- other::r--
        acl = struct.pack("<I", 2) + b"".join(
            struct.pack("<HHI", *entry) for entry in (
                (1, 6, 0xffffffff), (2, 0, 65534), (4, 4, 0xffffffff),
                (16, 4, 0xffffffff), (32, 4, 0xffffffff)))
        try:
            os.setxattr(f"{WWW}/acl", "system.posix_acl_access", acl)
        except OSError as reason:
            raise Skip(f"no access control lists here: {reason}") from None
        client.never_remembered("/acl", 403)
        os.removexattr(f"{WWW}/acl", "system.posix_acl_access")
        client.expect("/acl", b"for some")


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
