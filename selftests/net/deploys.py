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
        expect_cached(client, "/file")
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


# --- symlinks below docroot ------------------------------------------------------------

def links(**names):
    """Of the release that is current."""
    for name, text in names.items():
        flip(text, f"{ROOT}/{name}")


@test("symlinks below docroot, relative and absolute ones that lead back: in the cache")
def inside():
    with deployed() as client:
        links(relative="assets", absolute=f"{ROOT}/assets", plain=os.path.realpath(ROOT),
              file="only-1", nested="relative/app.js", twice="nested",
              up="assets/../assets/./app.js", around=f"{ROOT}/absolute/../nested")
        for target in ("/relative/app.js", "/absolute/app.js", "/plain/file", "/file",
                       "/nested", "/twice", "/plain/", "/plain/plain/absolute/app.js"):
            same(client.ask(target).body, b"release 1", target)
            expect_cached(client, target)
        same(client.ask("/up").body, b"release 1", "in, and out again")
        same(client.ask("/around").status, 403, "absolute, in, and out again: not ours")
        for target in "/relative/none", "/absolute/none", "/plain/none/none":
            expect_cached(client, target, 404)
        expect_cached(client, "/absolute", 301)
        flip("releases/2")
        for target in "/relative/app.js", "/nested", "/plain/file", "/twice":
            same(client.ask(target).status, 200 if target == "/file" else 404, target)


@test("turned, replaced, gone; also what is above, between and behind them: at once")
def turned():
    with deployed() as client:
        put(f"{ROOT}/v1/f", "1")
        put(f"{ROOT}/v2/f", "2")
        for first, second in (("v1", "v2"), (f"{ROOT}/v1", f"{ROOT}/v2"),
                              (f"{ROOT}/v1", "v2"), ("/etc", "v2"), ("none", "v2")):
            links(a="b", b="v1", link=first)
            expected = b"1" if "v1" in first else None
            for _ in range(ROUNDS // 4):
                if expected:
                    same(client.ask("/link/f").body, expected, first)
                    expect_cached(client, "/link/f")
                else:
                    same(client.ask("/link/f").status, 403 if "etc" in first else 404, first)
                    expect_cached(client, "/link/f", 403 if "etc" in first else 404)
                links(link=second)
                same(client.ask("/link/f").body, b"2", second)
                links(link=first)
            same(client.ask("/a/f").body, b"1", "a")
            expect_cached(client, "/a/f")
            links(b="v2")
            same(client.ask("/a/f").body, b"2", "through b")
            os.rename(f"{ROOT}/v2", f"{ROOT}/v3")
            same(client.ask("/a/f").status, 404, "renamed")
            expect_cached(client, "/a/f", 404)
            os.rename(f"{ROOT}/v3", f"{ROOT}/v2")
            same(client.ask("/a/f").body, b"2", "and back")
            os.chmod(f"{ROOT}/v2", 0o700)
            same(client.ask("/a/f").status, 403, "closed")
            os.chmod(f"{ROOT}/v2", 0o755)
            os.unlink(f"{ROOT}/b")
            same(client.ask("/a/f").status, 404, "gone")


@test("a directory that a symlink goes into and leaves again")
def left_again():
    with deployed() as client:
        put(f"{ROOT}/real", "real")
        put(f"{ROOT}/v/f", "not it")
        links(link="v/../real")
        for _ in range(3):
            same(client.ask("/link").body, b"real", "there")
        os.rename(f"{ROOT}/v", f"{ROOT}/w")
        same(client.ask("/link").status, 404, "gone")
        os.rename(f"{ROOT}/w", f"{ROOT}/v")
        same(client.ask("/link").body, b"real", "back")


@test("a directory above a symlink, that the file is not below")
def above_link():
    with deployed() as client:
        put(f"{ROOT}/real", "real")
        put(f"{ROOT}/d/e/file", "not it")
        flip("../../real", f"{ROOT}/d/e/link")
        same(client.ask("/d/e/link").body, b"real", "before")
        expect_cached(client, "/d/e/link")
        os.chmod(f"{ROOT}/d", 0o700)
        same(client.ask("/d/e/link").status, 403, "closed")
        os.chmod(f"{ROOT}/d", 0o755)
        expect_cached(client, "/d/e/link")
        os.rename(f"{ROOT}/d", f"{ROOT}/dd")
        same(client.ask("/d/e/link").status, 404, "renamed")
        os.rename(f"{ROOT}/dd", f"{ROOT}/d")
        expect_cached(client, "/d/e/link")
        run("mount", "-t", "tmpfs", "tmpfs", f"{ROOT}/d/e")
        same(client.ask("/d/e/link").status in (403, 404), True, "covered")
        run("umount", f"{ROOT}/d/e")
        same(client.ask("/d/e/link").body, b"real", "after")


@test("siblings beside a symlink, and in a directory that one leads to")
def siblings():
    gzip = "Accept-Encoding: gzip\r\n"
    with deployed() as client:
        links(dir="assets", alias="assets/app.js")
        for target in "/dir/app.js", "/alias":
            for _ in range(3):
                same(client.ask(target, fields=gzip)["content-encoding"], None, target)
        put(f"{ROOT}/assets/app.js.gz", "packed")
        same(client.ask("/dir/app.js", fields=gzip).body, b"packed", "it came")
        expect_cached(client, "/dir/app.js")
        same(client.ask("/alias", fields=gzip).body, b"release 1", "not beside it")
        put(f"{ROOT}/alias.gz", "beside")
        same(client.ask("/alias", fields=gzip).body, b"beside", "beside it")
        os.unlink(f"{ROOT}/alias.gz")
        same(client.ask("/alias", fields=gzip).body, b"release 1", "gone")
        os.unlink(f"{ROOT}/assets/app.js.gz")
        same(client.ask("/dir/app.js", fields=gzip).body, b"release 1", "gone")


@test("what leads out is never followed, however it is written, and known to lead out")
def outside():
    put(f"{APP}/shared/uploads/file", "shared")
    with deployed() as client:
        put(f"{APP}/shared/uploads/file", "shared")
        put(f"{CURRENT}/public-other/file", "beside")
        put(f"{CURRENT}/file", "above")
        cached = dict(uploads=f"{APP}/shared/uploads", up="../../../shared/uploads",
                      other=f"{ROOT}-other", parent="..", dots="./.././public-other",
                      root="/", etc="/etc", app=APP)
        mere = dict(back=f"{ROOT}/../public-other", climb=f"{ROOT}/assets/../../public-other",
                    slashes=f"/{ROOT}-other", magic="/proc/self/root", loop="loop",
                    elsewhere=f"{APP}/shared/../current/public-other",
                    again="assets/../../public-other")
        links(**cached, **mere)
        for name in [*cached, *mere]:
            for target in f"/{name}/file", f"/{name}", f"/{name}/etc/passwd", f"/{name}/passwd":
                response = client.ask(target)
                same(response.status in (403, 404), True, f"{target}: {response}")
        for name in cached:
            expect_cached(client, f"/{name}/file", 403)
        links(uploads="assets")
        same(client.ask("/uploads/app.js").body, b"release 1", "turned in")
        links(**{f"n{i}": f"n{i + 1}" for i in range(12)}, n12="assets")
        same(client.ask("/n0/app.js").body, b"release 1", "many")
        links(**{f"m{i}": f"{ROOT}/m{i + 1}" for i in range(12)}, m12="assets")
        same(client.ask("/m8/app.js").body, b"release 1", "several absolute ones")
        same(client.ask("/m0/app.js").status, 403, "too many absolute ones")


@test("whose symlink it is matters where all may write")
def sticky():
    with deployed() as client:
        os.mkdir(f"{ROOT}/all")
        os.chmod(f"{ROOT}/all", 0o1777)
        for text in f"{ROOT}/only-1", "../only-1":
            flip(text, f"{ROOT}/all/link")
            same(client.ask("/all/link").body, b"release 1", "root's")
            os.lchown(f"{ROOT}/all/link", 1000, 1000)
            with open("/proc/sys/fs/protected_symlinks", "r+") as switch:
                switch.write("1")
            same(client.ask("/all/link").status, 403, f"another's: {text}")


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
