#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
File systems that come and go below docroot, and under it: none is held by what a
client is still reading from another, and nothing beside docroot is ever served.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time

from lib import (TOP, WWW, Client, Counting, bytes_of, eventually, get, load,
                 nothing_left, param, params, request, run, run_tests, same, start, test,
                 write)

BIG = bytes_of(8_000_000)


def mounted(path):
    os.makedirs(path, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", path)
    os.chmod(path, 0o755)


def slow_client(target):
    """Who has read the head of a big answer, and no more."""
    client = Client(options=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))
    client.send(request(target))
    same(client.take_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200"), True, "head")
    return client


@test("an index that leads to another file system: the directory's can be unmounted")
def index_elsewhere():
    mounted(f"{WWW}/sub")
    os.symlink("../big", f"{WWW}/sub/index.htm")
    with params(index="index.html,index.htm"):
        client = slow_client("/sub/")
        # What was looked for in it, and is not there, is of this file system too.
        run("umount", f"{WWW}/sub")
        same(client.take(50_000), BIG[:50_000], "the file goes on")
        client.close()


@test("siblings on another file system than their file: both can be unmounted")
def siblings_elsewhere():
    mounted(f"{WWW}/sub")
    write("sub/text", "text", mtime=1000000000)
    os.symlink("../big", f"{WWW}/sub/text.gz")
    with Client() as client:
        fields = "Accept-Encoding: gzip\r\n"
        same(client.ask("/sub/text")["vary"], "Accept-Encoding", "vary")
        client.send(request("/sub/text", fields=fields))
        client.take_until(b"\r\n\r\n")
        run("umount", f"{WWW}/sub")


@test("symlinks=any: a docroot that is not to be found any more is not the system")
def unreachable():
    mounted(f"{TOP}/site")
    with open(f"{TOP}/site/file", "w") as out:
        out.write("of the site")
    with open(f"{TOP}/beside", "w") as out:
        out.write("not of the site")
    with params(docroot_pin=1, docroot=f"{TOP}/site", symlinks="any"):
        same(get("/file").body, b"of the site", "before")
        run("umount", "-l", f"{TOP}/site")
        for target in "/etc/passwd", "/proc/version", f"{TOP}/beside", "/file2":
            same(get(target).status in (403, 404), True, target)
    with params(docroot_pin=1, docroot=f"{TOP}/site", symlinks="any"):
        os.rename(f"{TOP}/site", f"{TOP}/was")
        os.mkdir(f"{TOP}/site")
        with open(f"{TOP}/site/new", "w") as out:
            out.write("of another directory")
        same(get("/new").status in (403, 404), True, "in the place of docroot")


def site(body):
    """What is at the name of the docroot now."""
    os.makedirs(f"{TOP}/place", exist_ok=True)
    for name in "file", f"only-{body}":
        with open(f"{TOP}/place/{name}", "w") as out:
            out.write(body)


def expect_site(body, *others):
    for _ in range(2):
        same(get("/file").body, body.encode(), "file")
        same(get(f"/only-{body}").body, body.encode(), "its own")
        for other in others:
            same(get(f"/only-{other}").status, 404, f"of {other}")


def place_again(body):
    """What is there is served when it is said again, and not before."""
    param("docroot", f"{TOP}/place")
    expect_site(body)


@test("docroot_pin=1: a directory and not its name: moved, replaced, covered, removed")
def replaced():
    site("first")
    with params(docroot_pin=1, docroot=f"{TOP}/place"):
        expect_site("first")
        os.rename(f"{TOP}/place", f"{TOP}/moved")
        expect_site("first")
        site("second")
        expect_site("first", "second")
        place_again("second")
        mounted(f"{TOP}/place")
        site("third")
        expect_site("second", "third")
        place_again("third")
        # Lazily, with what is being sent.
        with open(f"{TOP}/place/big", "wb") as out:
            out.write(BIG)
        client = slow_client("/big")
        run("umount", "-l", f"{TOP}/place")
        expect_site("third", "second")
        same(client.take(50_000), BIG[:50_000], "the file goes on")
        client.close()
        place_again("second")
        os.rename(f"{TOP}/place", f"{TOP}/second")
        os.symlink("/etc", f"{TOP}/place")
        expect_site("second")
        same(get("/passwd").status, 404, "where a symlink leads")
        os.unlink(f"{TOP}/place")
        shutil.rmtree(f"{TOP}/second")
        site("fourth")
        for target in "/file", "/only-second", "/only-fourth", "/", "/../place/file":
            same(get(target).status in (400, 403, 404), True, target)
        place_again("fourth")


@contextlib.contextmanager
def mounted_by_another(*paths):
    """On itself, by a user without rights, in a namespace that he may make."""
    script = "".join(f"mount --bind {path} {path} && " for path in paths)
    other = start("unshare", "-Urm", "sh", "-c", f"{script} echo done && exec cat",
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=1000, group=1000)
    same(other.stdout.readline(), b"done\n", "mounted")
    yield
    other.stdin.close()
    other.wait()
    other.stdout.close()


def expect_hits(client, target, status, fields=""):
    """Looked up once a second, however often it is asked for."""
    counting = Counting()
    began = time.monotonic()
    for _ in range(200):
        same(client.ask(target, fields=fields).status, status, target)
    lookups = counting.grown("lookups")
    same(lookups <= time.monotonic() - began + 2, True, f"{lookups} lookups of {target}")
    same(counting.grown("cache_hits") >= 200 - lookups, True, "hits")
    same(counting.grown("mounted_elsewhere") > 0, True, "it is told")


@test("what others mount in namespaces of their own does not cost the cache")
def elsewhere():
    for name in "own/file", "own/text", "own/text.gz":
        write(name, "below", mtime=1000000000)
    own = f"{WWW}/own"
    with Client() as client:
        same(client.ask("/own/file").status, 200, "before")
        with mounted_by_another(own, f"{own}/text.gz"):
            expect_hits(client, "/own/file", 200)
            expect_hits(client, "/own/missing", 404)
            expect_hits(client, "/own/text", 200, "Accept-Encoding: gzip\r\n")


@test("what is mounted here where others have mounted before shows within a second")
def here_too():
    write("own/file", "below")
    with Client() as client, mounted_by_another(f"{WWW}/own"):
        for _ in range(3):
            same(client.ask("/own/file").body, b"below", "before")
        mounted(f"{WWW}/own")
        write("own/file", "above")
        eventually(lambda: client.ask("/own/file").body == b"above", "to see it")
        run("umount", f"{WWW}/own")
        same(client.ask("/own/file").body, b"below", "at once when it is gone")


@test("what is mounted here, and nowhere else, shows at once")
def here_alone():
    write("alone/file", "below")
    with Client() as client:
        for _ in range(3):
            same(client.ask("/alone/file").body, b"below", "before")
        mounted(f"{WWW}/alone")
        write("alone/file", "above")
        same(client.ask("/alone/file").body, b"above", "on it")
        run("umount", f"{WWW}/alone")
        same(client.ask("/alone/file").body, b"below", "when it is gone")


@test("vhosts=1: a host whose directory leads out is refused, not given the default's")
def host_elsewhere():
    write("default/file", "of the default")
    os.symlink("/etc", f"{WWW}/out.example")
    os.makedirs(f"{WWW}/shut.example")
    os.chmod(f"{WWW}/shut.example", 0o700)
    with params(vhosts=1), Client() as client:
        for host in "out.example", "shut.example":
            for target in "/file", "/passwd":
                client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                same(client.response().status, 403, f"{host} {target}")
        client.send(b"GET /file HTTP/1.1\r\nHost: other.example\r\n\r\n")
        same(client.response().body, b"of the default", "other.example")


@test("a name that is too long, with a page for what is not found")
def too_long():
    write("404.html", "our page")
    with params(page_404="/404.html"), Client() as client:
        for length in 255, 256, 300, 5000:
            response = client.ask("/" + "n" * length)
            same((response.status, response.body), (404, b"our page"), length)
    with params(page_404="/404.html", vhosts=1), Client() as client:
        same(client.ask("/" + "n" * 300).status, 404, "of no host")


@test("nothing is left")
def left():
    nothing_left()


write("big", BIG)
load(standalone=1)
run_tests()
