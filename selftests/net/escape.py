#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Nothing that lies beside the docroot is served: not by a path, not by a symlink, and
not in the moment in which something is moved.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections import Counter

from lib import (PATIENCE, SLOWNESS, TOP, WWW, Client, Counting, get, load, mount,
                 nothing_left, params, request, run_tests, same, say, start, test, write)

SECRET = b"not for anybody who asks"
INSIDE = b"inside"
NOBODY = 65534
RENAME_EXCHANGE = 2
AT_FDCWD = -100
# Requests at a time on a connection.
BATCH = 16
# Answers of each kind that there are to be in a race.
ENOUGH = 500 // SLOWNESS
DEPTH = 24


def beside(name):
    """A file that is not below the docroot."""
    path = f"{TOP}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(SECRET)
    return path


def link(to, name):
    path = f"{WWW}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(to, path)


def judge(response, what):
    same(SECRET in response.body or b"root:" in response.body, False,
         f"{what} gave what is not below docroot: {response}")
    if response.status == 200:
        same(response.body, INSIDE, what)


def expect(target, status, host="localhost"):
    if isinstance(target, str):
        target = target.encode()
    counting = Counting()
    with Client() as client:
        client.send(b"GET " + target + b" HTTP/1.1\r\nHost: " + host.encode() +
                    b"\r\n\r\n")
        response = client.response()
    judge(response, f"{target} {host}")
    same(response.status, status, f"{target} {host}")
    if status != 200:
        counting.expect(**{f"error_{status}": 1, "served": 0})


# --- paths ----------------------------------------------------------------------

@test("dots: normalised; above the root 400")
def dots():
    for target in ("/a/b/./file", "/a/../a/b/file", "/a/b/../b/file",
                   "/a/%2e%2e/a/b/file", "//a///b//file", "/a/b/c/../file",
                   "/x/../a/b/file", "/file?/../../outside/file",
                   "http://x/a/%2e/b/file"):
        expect(target, 200)
    for target in ("/..", "/../a", "/../outside/file", "/../www/file",
                   "/../www-other/file", "/%2e%2e/outside/file", "/.%2e/outside/file",
                   "/%2E./outside/file", "/a/../../a/b/file", "/a/../../outside/file",
                   "/file/../../outside/file", "//../outside/file",
                   "/./../outside/file", "/a/b/../../../www/a/b/file",
                   "/" + "../" * 20 + "etc/passwd", "/" + "%2e%2e/" * 20 + "etc/passwd",
                   "http://x/../outside/file", "http://x/%2e%2e/outside/file",
                   "../outside/file", "..", "outside/file"):
        expect(target, 400)


@test("what would be dots or a slash elsewhere: names like others")
def not_dots():
    for target in ("/...", "/a/b/..file", "/a/b/file..", "/..a", "/.../outside/file",
                   "/..;/outside/file", "/..;x=y/outside/file",
                   # Decoded once.
                   "/%252e%252e/outside/file", "/%25%32%65%25%32%65/outside/file",
                   "/..%252foutside%252ffile",
                   # No separators here.
                   "/..\\outside\\file", "/..%5coutside%5cfile",
                   "/..%5c..%5coutside%5cfile", "/..%255coutside",
                   "/..%2foutside%2ffile", "/%2e%2e%2foutside%2ffile",
                   "/a%2f..%2f..%2foutside%2ffile", "/..%2Foutside/file",
                   # Overlong, and full width.
                   "/%c0%ae%c0%ae/outside/file", "/%c0%2e%c0%2e/outside/file",
                   "/%e0%80%ae%e0%80%ae/outside/file",
                   "/%f0%80%80%ae%f0%80%80%ae/outside/file",
                   "/..%c0%afoutside%c0%affile", "/..%e0%80%afoutside%e0%80%affile",
                   "/%ef%bc%8e%ef%bc%8e/outside/file", "/..%ef%bc%8foutside",
                   b"/\xc0\xae\xc0\xae/outside/file", b"/..\xc0\xafoutside"):
        expect(target, 404)


@test("NUL, control characters, escapes that are none: 400")
def no_names():
    for target in ("/..%00/outside/file", "/%00/../outside/file", "/file%00",
                   "/file%00.txt", "/a/b/file%00/../../../outside/file",
                   b"/file\0", "/.%09./outside/file", "/..%0a/outside/file",
                   "/..%7f/outside/file", "/%u002e%u002e/outside/file",
                   "/..%u2215outside", "/%%32%65%%32%65/outside/file", "/%2/../file"):
        expect(target, 400)


@test("vhosts=1: no host is a way up")
def hosts():
    write("default/file", INSIDE)
    with params(vhosts=1):
        for host in ("..", ".", "../outside", "..%2foutside", "%2e%2e",
                     "a/../../outside", "..\\outside", "outside/..", "[::1]/..",
                     "..:80", "\xff.."):
            with Client() as client:
                for target in "/file", "/outside/file":
                    client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
                                .encode("latin-1"))
                    response = client.response()
                    judge(response, f"{host} {target}")
                    if response["connection"] == "close":
                        break
            same(response.status in (400, 404), True, f"{host}: {response.status}")


# --- symlinks -------------------------------------------------------------------

@test("symlinks that lead out: 403; out and in again, too, but for docroot's own name")
def symlinks():
    for name, to in (("s/out", "../../outside/file"), ("s/outdir", "../../outside"),
                     ("s/absolute", f"{TOP}/outside/file"), ("s/rootdir", "/"),
                     ("s/absolute-inside", f"{WWW}/file"), ("s/up", ".."),
                     ("s/out-and-in", "../../www/file"),
                     ("s/1", "2"), ("s/2", "d/3"), ("s/d/3", "../outdir/file"),
                     ("s/through", "up/s/outdir/file"), ("s/loop", "loop"),
                     ("s/dots", "../" * 30 + "etc/passwd")):
        link(to, name)
    for target in ("/s/out", "/s/outdir/file", "/s/absolute",
                   "/s/rootdir/etc/passwd", "/s/out-and-in", "/s/1", "/s/2", "/s/d/3",
                   "/s/through", "/s/up/s/outdir/file", "/s/loop", "/s/loop/file",
                   "/s/dots", "/s/outdir/"):
        expect(target, 403)
    # From a directory of another name; normalised before it is looked up.
    expect("/s/up/file", 200)
    expect("/s/absolute-inside", 200)
    expect("/s/up/../file", 404)
    with params(symlinks="none"):
        for target in "/s/out", "/s/up/file", "/s/absolute-inside":
            expect(target, 403)


@test("a chain of 40 symlinks is followed, one of 41 is not")
def chain():
    link("../file", "c/0")
    for number in range(1, 41):
        link(str(number - 1), f"c/{number}")
    expect("/c/39", 200)
    expect("/c/40", 403)


@test("magic links of procfs: not followed, whoever leads to them, symlinks=any too")
def magic():
    path = beside("closed/open/file")
    with open(path, "rb") as secret:
        holder = start("sleep", "1000", cwd=os.path.dirname(path), user=NOBODY,
                       group=NOBODY, extra_groups=[], stdin=secret)
    os.chmod(f"{TOP}/closed", 0o700)
    magic_links = f"/proc/{holder.pid}/cwd/file", f"/proc/{holder.pid}/fd/0"
    for path in magic_links:
        # They are a way in for the user whom files are opened as.
        said = subprocess.run(["cat", path], user=NOBODY, group=NOBODY, extra_groups=[],
                              capture_output=True, check=True).stdout
        same(said, SECRET, path)
    os.mkdir(f"{WWW}/proc")
    mount("--bind", "/proc", f"{WWW}/proc")
    for number, path in enumerate(magic_links):
        link(path, f"magic/{number}")
        link(f"..{path}", f"magic/inside-{number}")
    link("/proc/self/root/etc/passwd", "magic/self")
    link("/proc/thread-self/cwd", "magic/thread-self")
    link(f"/proc/{holder.pid}/root", "magic/root")
    targets = [*magic_links, "/magic/self", "/magic/thread-self/outside/file",
               "/magic/root/etc/passwd"]
    for number in range(len(magic_links)):
        targets += [f"/magic/{number}", f"/magic/inside-{number}"]
    for symlinks in "beneath", "any":
        with params(symlinks=symlinks):
            for target in targets:
                expect(target, 403)
    holder.kill()
    holder.wait()


@test("mounts below docroot: what is mounted, and from there not out")
def mounts():
    os.makedirs(f"{TOP}/tree/sub")
    with open(f"{TOP}/tree/file", "wb") as out:
        out.write(INSIDE)
    for name, to in (("in", "../file"), ("out", "../../outside/file"),
                     ("sub/in", "../../file"), ("sub/out", "../../../outside/file"),
                     ("sub/absolute", f"{TOP}/tree/file")):
        os.symlink(to, f"{TOP}/tree/{name}")
    write("over/file", SECRET)
    expect_covered("/over/file")
    mount("--bind", f"{TOP}/tree", f"{WWW}/over")
    for target in "/over/file", "/over/in", "/over/sub/in":
        expect(target, 200)
    for target in "/over/out", "/over/sub/out", "/over/sub/absolute":
        expect(target, 403)
    # The same over a file.
    write("over-file", SECRET)
    expect_covered("/over-file")
    mount("--bind", f"{TOP}/tree/file", f"{WWW}/over-file")
    expect("/over-file", 200)
    os.mkfifo(f"{TOP}/fifo", 0o666)
    for number, special in enumerate((f"{TOP}/fifo", "/dev/zero")):
        write(f"special{number}", SECRET)
        expect_covered(f"/special{number}")
        mount("--bind", special, f"{WWW}/special{number}")
        expect(f"/special{number}", 404)


def expect_covered(target):
    """So that the cache has it when something is mounted over it."""
    same(get(target).body, SECRET, f"{target} before")


# --- what is moved while it is looked up -------------------------------------------

def exchange(one, other):
    if ctypes.CDLL(None).renameat2(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(),
                                   RENAME_EXCHANGE):
        raise OSError("renameat2")


@contextlib.contextmanager
def mover(move):
    """A process that calls move() all the time."""
    pid = os.fork()
    if not pid:
        try:
            while True:
                move()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        same(os.waitpid(pid, os.WNOHANG), (0, 0), "the mover ended")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def race(targets, move, *statuses):
    """Until each of the statuses was seen often enough."""
    seen = Counter()
    deadline = time.monotonic() + PATIENCE
    with mover(move), Client() as client:
        while any(seen[status] < ENOUGH for status in statuses):
            same(time.monotonic() < deadline, True, f"in time, so far {dict(seen)}")
            for _ in range(BATCH):
                for target in targets:
                    client.send(request(target))
            for _ in range(BATCH):
                for target in targets:
                    response = client.response()
                    judge(response, target)
                    seen[response.status] += 1
    say(dict(seen))


@test("a directory exchanged with a symlink that leads out")
def directories():
    write("e/dir/file", INSIDE)
    link("../../outside", "e/link")
    race(["/e/dir/file", "/e/link/file"],
         lambda: exchange(f"{WWW}/e/dir", f"{WWW}/e/link"), 200, 403)


@test("a file exchanged with a symlink, with a file for root, with a FIFO")
def files():
    for kind in "link", "root-only", "fifo":
        write(f"{kind}/file", INSIDE)
        if kind == "link":
            link("../../outside/file", "link/other")
        elif kind == "fifo":
            os.mkfifo(f"{WWW}/fifo/other", 0o666)
        else:
            write("root-only/other", SECRET, mode=0o600)
        race([f"/{kind}/file", f"/{kind}/other"],
             lambda: exchange(f"{WWW}/{kind}/file", f"{WWW}/{kind}/other"),
             200, 404 if kind == "fifo" else 403)


def maze(base, away):
    """
    base/m/0/1/.../up leads back to base/secret/file, and when m has been moved to away
    it leads to away/secret/file.
    """
    below = "/".join(["m", *map(str, range(DEPTH))])
    os.makedirs(f"{base}/{below}")
    os.makedirs(f"{base}/secret")
    with open(f"{base}/secret/file", "wb") as out:
        out.write(INSIDE)
    with open(f"{base}/{below}/file", "wb") as out:
        out.write(INSIDE)
    os.symlink("../" * (DEPTH + 1) + "secret/file", f"{base}/{below}/up")

    def move():
        os.rename(f"{base}/m", f"{away}/m")
        os.rename(f"{away}/m", f"{base}/m")

    return f"/{below}", move


@test("a directory moved out and back, and in it a symlink that leads up")
def moved():
    beside("secret/file")
    below, move = maze(f"{WWW}/moved", TOP)
    race([f"/moved{below}/up", f"/moved{below}/file", f"/moved{below}/none"],
         move, 200, 404)


@test("the same out of what a mount shows of another directory")
def moved_below_mount():
    beside("source/secret/file")
    below, move = maze(f"{TOP}/source/shown", f"{TOP}/source")
    os.mkdir(f"{WWW}/bound")
    mount("--bind", f"{TOP}/source/shown", f"{WWW}/bound")
    race([f"/bound{below}/up", f"/bound{below}/file", f"/bound{below}/none"],
         move, 200, 404)


@test("nothing is left")
def left():
    nothing_left()


beside("outside/file")
beside("www-other/file")
write("file", INSIDE)
write("a/b/file", INSIDE)
load(standalone=1)
run_tests()
