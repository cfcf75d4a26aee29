#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Sites that are deployed: docroot's name leads to another directory, and the next request
is answered from there, not one from where it was.  What symlinks below docroot lead to.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import shutil
import socket
import subprocess
import time

from lib import (TOP, Client, Counting, Nginx, bytes_of, eventually, get, in_child, load,
                 new_messages, nothing_left, numbers_of, param, param_refused, params,
                 request, run, run_tests, same, say, test, write)

APP = f"{TOP}/app"
CURRENT = f"{APP}/current"
ROOT = f"{CURRENT}/public"
BIG = bytes_of(4_000_000)
SECONDS = 10
READERS = 3
ROUNDS = 20
LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


def put(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + "~", "w") as out:
        out.write(data)
    os.chmod(path + "~", mode)
    os.rename(path + "~", path)


def release(n, where=f"{APP}/releases"):
    """As an upload leaves it; all of its files say which one it is."""
    public = f"{where}/{n}/public"
    for name in "file", "index.html", "assets/app.js", f"only-{n}":
        put(f"{public}/{name}", f"release {n}")
    return f"{where}/{n}"


def flip(target, link=CURRENT):
    """As Capistrano, Deployer, "ln -sfn" and "mv -T" do it."""
    os.symlink(target, f"{link}.new")
    os.rename(f"{link}.new", link)


@contextlib.contextmanager
def deployed(**values):
    """Releases 1 and 2, the first one served."""
    shutil.rmtree(APP, ignore_errors=True)
    release(1)
    release(2)
    flip("releases/1")
    with params(docroot=ROOT, standalone=1, **values), Client() as client:
        yield client


def expect(client, n, others=()):
    for target in "/file", "/", "/assets/app.js", f"/only-{n}":
        same(client.ask(target).body, f"release {n}".encode(), f"{target} of {n}")
    for other in others:
        same(client.ask(f"/only-{other}").status, 404, f"of {other}")


def expect_cached(client, target, status=200):
    client.ask(target)
    counting = Counting()
    for _ in range(3):
        same(client.ask(target).status, status, target)
    same((counting.grown("lookups"), counting.grown("cache_hits")), (0, 3),
         f"{target} is in the cache")


@test("a flip by rename: the next request is of the new release")
def flips():
    with deployed() as client:
        for n in range(ROUNDS):
            expect(client, n % 2 + 1, [2 - n % 2])
            expect_cached(client, "/file")
            expect_cached(client, "/nothing", 404)
            flip(f"releases/{2 - n % 2}" if n % 3 else f"{APP}/releases/{2 - n % 2}")


@test("pipelined behind a request of before, on connections that were kept")
def kept():
    with deployed() as client, Client() as other:
        expect(client, 1)
        expect(other, 1)
        flip("releases/2")
        other.send(request("/file") * 3)
        for _ in range(3):
            same(other.response().body, b"release 2", "pipelined")
        expect(client, 2)


@test("an answer that has begun goes on with the old file")
def goes_on():
    with deployed():
        with open(f"{APP}/releases/1/public/big", "wb") as out:
            out.write(BIG)
        slow = Client(options=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))
        slow.send(request("/big"))
        slow.take_until(b"\r\n\r\n")
        flip("releases/2")
        shutil.rmtree(f"{APP}/releases/1")
        same(get("/big").status, 404, "of the new one")
        same(slow.take(len(BIG)) == BIG, True, "all of it")
        slow.close()


def exchanged():
    """Of two directories, without a symlink."""
    os.rename(f"{APP}/releases/1", f"{APP}/away")
    os.rename(f"{APP}/releases/2", f"{APP}/releases/1")
    os.rename(f"{APP}/away", f"{APP}/releases/2")


def above():
    """The whole application, by the directory above it."""
    release(2, f"{TOP}/app.new/releases")
    os.symlink("releases/2", f"{TOP}/app.new/current")
    os.rename(APP, f"{TOP}/app.old")
    os.rename(f"{TOP}/app.new", APP)
    shutil.rmtree(f"{TOP}/app.old")


def public_alone():
    put(f"{APP}/releases/1/public.new/file", "release 2")
    for name in "index.html", "assets/app.js", "only-2":
        put(f"{APP}/releases/1/public.new/{name}", "release 2")
    os.rename(f"{APP}/releases/1/public", f"{APP}/releases/1/public.old")
    os.rename(f"{APP}/releases/1/public.new", f"{APP}/releases/1/public")


def by_two_links():
    flip("stage")
    flip("releases/1", f"{APP}/stage")
    flip("releases/2", f"{APP}/stage")


def by_parents():
    """As some write it: up and down again."""
    flip(f"../app/./releases/../../{os.path.basename(APP)}//releases/2/")


def with_a_gap():
    """As "rm" and "ln -s" do it; and npm, which builds in place."""
    os.unlink(CURRENT)
    same(get("/file").status, 404, "meanwhile")
    same(get("/only-1").status, 404, "meanwhile, what was there")
    os.symlink("releases/2", CURRENT)


def copied_over():
    """What was a symlink is a directory."""
    shutil.copytree(f"{APP}/releases/2", f"{APP}/copy")
    os.unlink(CURRENT)
    os.rename(f"{APP}/copy", CURRENT)


@test("whatever of its path is renamed, replaced, or gone for a moment")
def whatever():
    for change in (exchanged, above, public_alone, by_two_links, by_parents, with_a_gap,
                   copied_over, lambda: run("ln", "-sfn", "releases/2", CURRENT)):
        with deployed() as client:
            expect(client, 1)
            expect_cached(client, "/file")
            change()
            expect(client, 2, [1])
            expect_cached(client, "/file")
            flip_back = os.path.islink(CURRENT) and os.path.isdir(f"{APP}/releases/1")
            if flip_back and os.readlink(CURRENT) == "releases/2":
                flip("releases/1")
                expect(client, 1, [2])


@test("mounted over, and unmounted: on docroot, on what is above it, lazily too")
def mounts():
    for where in ROOT, f"{APP}/releases", APP:
        with deployed() as client:
            expect(client, 1)
            where = os.path.realpath(where)
            run("mount", "-t", "tmpfs", "tmpfs", where)
            os.chmod(where, 0o755)
            same(client.ask("/file").status, 404, f"covered: {where}")
            run("mount", "--bind", where, where)
            same(client.ask("/file").status, 404, f"covered twice: {where}")
            run("umount", "-l", where)
            same(client.ask("/file").status, 404, f"covered once: {where}")
            run("umount", "-l", where)
            expect(client, 1)
            expect_cached(client, "/file")


@test("it leads to what cannot be served: the backend's, told, and never what was before")
def nowhere():
    put(f"{TOP}/file", "a file")
    os.makedirs(f"{TOP}/closed/public", mode=0o700, exist_ok=True)
    os.chmod(f"{TOP}/closed", 0o700)
    put(f"{TOP}/closed/public/file", "secret")
    for target, status in (("nothing", 404), (f"{TOP}/file", 404), ("current", 403),
                           (f"{TOP}/closed", 403), ("/proc/self", 403),
                           ("/proc/self/root", 403)):
        with deployed() as client:
            expect(client, 1)
            new_messages()
            flip(target)
            for _ in range(3):
                same(client.ask("/file").status, status, target)
            same(f"docroot={ROOT}: leads nowhere" in new_messages(), True, "told")
            flip("releases/2")
            expect(client, 2, [1])
            same("served again" in new_messages(), True, "told that it is back")


@test("the root of the system is not served by any flip")
def system():
    shutil.rmtree(APP, ignore_errors=True)
    put(f"{APP}/first/file", "release 1")
    os.symlink("first", CURRENT)
    with params(docroot=CURRENT, standalone=1), Client() as client:
        same(client.ask("/file").body, b"release 1", "before")
        for target in "/", "/..", "/proc/self/root":
            flip(target)
            for name in "/etc/passwd", "/file":
                same(client.ask(name).status in (403, 404), True, f"{target} {name}")
        flip("first")
        same(client.ask("/file").body, b"release 1", "after")


@test("where run_as may not go it is served as long as it stays there")
def private():
    with deployed() as client:
        os.chmod(APP, 0o700)
        expect(client, 1)
        param("docroot", ROOT)
        expect(client, 1)
        # Moves a mark for nothing, which any user may do.
        other = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", f"mount --bind {TOP} {TOP} && echo done && cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        same(other.stdout.readline(), b"done\n", "mounted")
        expect(client, 1)
        other.stdin.close()
        other.wait()
        other.stdout.close()
        expect(client, 1)
        flip("releases/2")
        same(client.ask("/file").status, 403, "elsewhere")
        os.chmod(APP, 0o755)
        expect(client, 2, [1])


@test("an old release is let go of: removed, unmounted, with nobody asking")
def old_release():
    with deployed() as client:
        for n in range(3, 8):
            where = f"{TOP}/disk{n}"
            os.makedirs(where)
            run("mount", "-t", "tmpfs", "tmpfs", where)
            os.chmod(where, 0o755)
            release(n, where)
            flip(f"{where}/{n}")
            expect(client, n)
            expect_cached(client, "/nothing", 404)
            flip("releases/1")
            if n % 2:
                expect(client, 1, [n])
                param("cache_drop", 1)
                run("umount", where)
            else:
                eventually(lambda: not LIBC.umount2(where.encode(), 0), "it to be free")


@test("docroot_pin=1: the directory that it was, until it is written again")
def pinned():
    with deployed(docroot_pin=1) as client:
        expect(client, 1)
        flip("releases/2")
        expect(client, 1, [2])
        os.unlink(CURRENT)
        expect(client, 1, [2])
        param_refused("docroot_pin", 0, errno.ENOENT, "docroot=")
        flip("releases/2")
        param("docroot_pin", 0)
        expect(client, 2, [1])
        flip("releases/1")
        expect(client, 1, [2])


@test("with a backend: what leads nowhere is its business, and it is asked at once")
def backend():
    shutil.rmtree(APP, ignore_errors=True)
    release(1)
    release(2)
    flip("releases/1")
    write("file", "of the backend")
    with params(docroot=ROOT, standalone=0), Client() as client:
        expect(client, 1)
        flip("nothing")
        counting = Counting()
        response = client.ask("/file")
        same((response.is_nginx, response.body), (True, b"of the backend"), "nginx")
        same(counting.grown("handed_over_not_found"), 1, "handed over")
    flip("releases/1")


def deploy_storm(words):
    """Version n is release n % 4, made anew each time; old ones are removed."""
    version = 0
    while not words[2]:
        version += 1
        put(f"{APP}/releases/{version}/public/file", f"{version}")
        put(f"{APP}/releases/{version}/public/assets/file", f"{version}")
        words[0] = version
        flip(f"releases/{version}" if version % 2 else f"{APP}/releases/{version}")
        words[1] = version
        if version > 3:
            shutil.rmtree(f"{APP}/releases/{version - 2}", ignore_errors=True)
        time.sleep(0.001 * (version % 7))
    return version, 0


def read_storm(words):
    asked = strictly = 0
    with Client() as client:
        while not words[2]:
            first = words[1]
            client.send(request("/file") + request("/assets/file"))
            for _ in range(2):
                response = client.response()
                last = words[0]
                same(response.status, 200, f"versions {first} to {last}")
                same(first <= int(response.body) <= last, True,
                     f"versions {first} to {last}: {response.body}")
                asked += 1
                strictly += first == last
    return asked, strictly


@test("flips under load: not one answer of a release that was over")
def storm():
    shutil.rmtree(APP, ignore_errors=True)
    put(f"{APP}/releases/0/public/file", "0")
    put(f"{APP}/releases/0/public/assets/file", "0")
    flip("releases/0")
    words = memoryview(mmap.mmap(-1, 24)).cast("Q")

    def end():
        words[2] = 1

    with params(docroot=ROOT, standalone=1):
        counting = Counting()
        readers = [in_child(read_storm, words, failed=end) for _ in range(READERS)]
        writer = in_child(deploy_storm, words, failed=end)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not words[2]:
            time.sleep(0.1)
        end()
        flipped, _ = numbers_of(writer)
        asked, strictly = map(sum, zip(*map(numbers_of, readers)))
        say(f"{flipped} flips; {asked} answers verified, {strictly} of them while nothing "
            f"changed; {counting.grown('cache_hits')} hits")
        same(min(flipped, asked, strictly, counting.grown("cache_hits")) > 20, True,
             "enough of everything")


@test("nothing is left")
def left():
    nothing_left()


nginx = Nginx()
load()
run_tests()
