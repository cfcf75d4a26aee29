#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
gzip=1: a file is compressed once, and sent so from then on to whoever accepts that.

What is sent is always the file as it is now: whole, in either coding.
"""

import errno
import mmap
import os
import subprocess
import sys
import time
import zlib

from cases import CODINGS
from lib import (BACKEND, TOP, WWW, Client, Counting, Nginx, all_params, bytes_of, eventually, get,
                 load, mount, nothing_left, param, param_refused, restore_params, run,
                 run_tests, same, stat, test, unload, write)

MTIME = 1_600_000_000
PAGE = b"<p>All that is said twice is said shorter.</p>\n" * 2_000
GZIP = "Accept-Encoding: gzip\r\n"


def inflate(data):
    return zlib.decompress(data, wbits=31)


def settle():
    """A file that was written just now is not touched yet."""
    time.sleep(0.3)


def ask(client, target, fields=GZIP, **more):
    return client.ask(target, fields=fields, **more)


def zipped(client, target, fields=GZIP, **more):
    """The answer, when it is compressed."""
    def look():
        response = ask(client, target, fields, **more)
        return response if response["content-encoding"] == "gzip" else None
    return eventually(look, f"{target} to be compressed")


def page(name, data=PAGE, mtime=MTIME):
    write(name, data, mtime=mtime)
    return "/" + name


def tag_of(data, mtime=MTIME):
    return f'"{mtime:x}-{len(data):x}"'


@test("the file at first, then compressed: the same bytes, nginx's tag, no ranges")
def compressed():
    target = page("page.html")
    with Client() as client:
        plain = ask(client, target)
        same((plain.status, plain["content-encoding"], plain.body == PAGE),
             (200, None, True), "at first")
        same((plain["vary"], plain["etag"]), ("Accept-Encoding", tag_of(PAGE)), "plain")
        small = zipped(client, target)
        same(inflate(small.body) == PAGE, True, "bytes")
        same((small.status, small["vary"], small["etag"], small["accept-ranges"],
              small["content-type"], small["last-modified"]),
             (200, "Accept-Encoding", "W/" + tag_of(PAGE), None, plain["content-type"],
              plain["last-modified"]), "head")
        same(len(small.body) < len(PAGE) // 10, True, "size")
        head = ask(client, target, method="HEAD")
        for name in small.fields.keys() - {"date"}:
            same(head[name], small[name], f"{name} of HEAD")


@test("as nginx with gzip on compresses it, within 5 percent")
def level():
    write("level.html", PAGE_OF_WORDS, mtime=MTIME)
    with Client() as client:
        for n in 1, 6, 9:
            param("gzip_comp_level", n)
            small = zipped(client, "/level.html")
            same(inflate(small.body) == PAGE_OF_WORDS, True, "bytes")
            packer = zlib.compressobj(n, wbits=31)
            its = len(packer.compress(PAGE_OF_WORDS) + packer.flush())
            same(abs(len(small.body) - its) <= its // 20, True,
                 f"level {n}: {len(small.body)}, zlib's {its}")
        param("gzip_comp_level", 6)


# Where nginx has no such rule: who would rather have it as it is gets it so; x-gzip is gzip;
# whitespace is no part of a value (see differences.py).
OTHERWISE = ("identity, gzip", "identity;q=1, gzip;q=0.5", "identity;q=0.5, gzip;q=0.1",
             "x-gzip", "\tgzip\t")


@test("nginx with gzip on: compressed for the same requests, with the same fields in order")
def as_nginx():
    target = page("differential.html")
    with Client() as client:
        zipped(client, target)
    for accept in CODINGS:
        if accept in OTHERWISE:
            continue
        for method in "GET", "HEAD":
            for version in "1.1", "1.0":
                for more in "", "Via: 1.1 proxy\r\n", 'If-None-Match: "x"\r\n':
                    asked = {"fields": f"Accept-Encoding: {accept}\r\n{more}",
                             "method": method, "version": version}
                    compare(get(target, **asked), get(target, port=BACKEND, **asked), asked)


def compare(ours, its, asked):
    """But for the length, which nginx does not know, and HEAD's, which has no body to measure."""
    def told(response):
        return [(name, value) for name, value in response.lines
                if name.lower() not in ("date", "server", "connection", "content-length",
                                        "transfer-encoding")]
    same((ours.is_nginx, its.is_nginx), (False, True), asked)
    same((ours.status, told(ours)), (its.status, told(its)), asked)
    if ours["content-encoding"] and ours.body:
        same(inflate(ours.body) == inflate(its.body), True, asked)
        same(abs(len(ours.body) - len(its.body)) <= len(its.body) // 20, True, asked)
    else:
        same(ours.body == its.body, True, asked)


@test("once: a hundred requests, one compression")
def once():
    target = page("once.html")
    counting = Counting()
    with Client() as client:
        zipped(client, target)
        for _ in range(100):
            same(ask(client, target)["content-encoding"], "gzip", "again")
    counting.expect(zipped=1)


@test("not for who does not accept it, HTTP/1.0, Via, a range")
def not_for():
    target = page("not.html")
    with Client() as client:
        zipped(client, target)
        for fields in ("", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: br\r\n",
                       "Accept-Encoding: gzip;q=0.1, identity\r\n",
                       GZIP + "Via: 1.1 proxy\r\n", GZIP + "VIA: 1.1 proxy\r\n"):
            plain = ask(client, target, fields)
            same((plain["content-encoding"], plain.body == PAGE, plain["vary"]),
                 (None, True, "Accept-Encoding"), fields)
        part = ask(client, target, GZIP + "Range: bytes=0-9\r\n")
        same((part.status, part["content-encoding"], part.body), (206, None, PAGE[:10]), "range")
        part = ask(client, target,
                   GZIP + f"Range: bytes=0-9\r\nIf-Range: W/{tag_of(PAGE)}\r\n")
        same((part.status, part["content-encoding"]), (200, None), "If-Range")
    old = get(target, fields=GZIP, version="1.0")
    same(old["content-encoding"], None, "HTTP/1.0")


@test("If-None-Match is weak: 304 with the tag; If-Match is strong: 412")
def conditions():
    target = page("cond.html")
    with Client() as client:
        zipped(client, target)
        for tag in tag_of(PAGE), "W/" + tag_of(PAGE):
            same_as = ask(client, target, GZIP + f"If-None-Match: {tag}\r\n")
            same((same_as.status, same_as["etag"], same_as["vary"]),
                 (304, "W/" + tag_of(PAGE), "Accept-Encoding"), tag)
            refused = ask(client, target, GZIP + f"If-Match: {tag}\r\n")
            same(refused.status, 412, tag)
        same(ask(client, target, GZIP + 'If-None-Match: "x"\r\n').status, 200, "another")


@test("only what suits: type, size, not what gets no smaller")
def suits():
    page("style.css")
    page("short.html", b"a" * 255)
    page("long.html", b"a" * (1024 * 1024 + 1))
    page("noise.html", os.urandom(20_000))
    counting = Counting()
    with Client() as client:
        for _ in range(5):
            for name in "style.css", "short.html", "long.html", "noise.html":
                same(ask(client, "/" + name)["content-encoding"], None, name)
            settle()
        counting.expect(zipped=0, zips_useless=1)
        param("gzip_types", "text/html,text/css")
        zipped(client, "/style.css")
        param("gzip_types", "text/html")
        same(ask(client, "/style.css")["content-encoding"], None, "type")
        param("gzip_min_length", 255)
        zipped(client, "/short.html")
        param("gzip_min_length", 256)


@test("a change is seen by the next request, also of the same size in the same second")
def changes():
    target = page("changing.html")
    with Client() as client:
        for n in range(10):
            data = PAGE + b"%d" % n
            write("changing.html", data, mtime=MTIME)
            response = ask(client, target)
            same(response.body == data, True, f"{n}, at first")
            same(inflate(zipped(client, target).body) == data, True, f"{n}, compressed")


@test("while somebody has it open to write, and when he writes in a mapping")
def open_to_write():
    target = page("mapped.html")
    with Client() as client:
        zipped(client, target)
        with open(WWW + target, "r+b") as file:
            same(ask(client, target)["content-encoding"], None, "open")
            with mmap.mmap(file.fileno(), 0) as mapping:
                mapping[0:3] = b"NEW"
                same(ask(client, target).body[:3], b"NEW", "written")
        same(inflate(zipped(client, target).body)[:3], b"NEW", "afterwards")


@test("tmpfs, where a store leaves no trace: never")
def in_memory():
    memory = f"{TOP}/memory"
    os.mkdir(memory)
    with open(f"{memory}/page.html", "wb") as out:
        out.write(PAGE)
    os.chmod(memory, 0o755)
    os.chmod(f"{memory}/page.html", 0o644)
    param("docroot", memory)
    counting = Counting()
    with Client() as client:
        for _ in range(3):
            settle()
            same(ask(client, "/page.html")["content-encoding"], None, "tmpfs")
    counting.expect(zipped=0)
    param("docroot", WWW)


@test("a disk whose time stamps have seconds only: written twice in one")
def whole_seconds():
    coarse = disk(f"{TOP}/coarse", "-I", "128")
    name = f"{coarse}/page.html"
    param("docroot", coarse)
    with Client() as client:
        time.sleep(1.05 - time.time() % 1)
        began = time.time()
        with open(name, "wb") as out:
            out.write(PAGE)
        while time.time() < began + 0.6:
            ask(client, "/page.html")
        with open(name, "r+b") as out:
            out.write(b"NEW")
        response = ask(client, "/page.html")
        coded = response["content-encoding"]
        same((inflate(response.body) if coded else response.body)[:3], b"NEW", "as it is now")
    param("docroot", WWW)


@test("a .gz beside it goes first")
def sibling():
    target = page("both.html")
    write("both.html.gz", b"of its own", mtime=MTIME)
    with Client() as client:
        same(ask(client, target).body, b"of its own", "sibling")
        os.unlink(f"{WWW}/both.html.gz")
        same(inflate(zipped(client, target).body) == PAGE, True, "without")


@test("an index; all of a large one")
def large():
    data = b"".join(b"%d, %d\n" % (n, n * n) for n in range(60_000))
    write("dir/index.html", data, mtime=MTIME)
    with Client() as client:
        same(inflate(zipped(client, "/dir/").body) == data, True, "bytes")


@test("gzip_unready=backend: till it is ready the backend has it")
def unready():
    target = page("unready.html")
    param("gzip_unready", "backend")
    counting = Counting()
    same(get(target, fields=GZIP).is_nginx, True, "at first")
    same(get(target).is_nginx, False, "plain")
    counting.expect(handed_over_unzipped=1)
    with Client() as client:
        eventually(lambda: not get(target, fields=GZIP).is_nginx, "it to be ready")
        same(ask(client, target)["content-encoding"], "gzip", "ready")
    param("gzip_unready", "plain")


@test("no more memory than gzip_memory; none without objects")
def bounded():
    param("gzip_memory", 0)
    target = page("bound.html")
    counting = Counting()
    with Client() as client:
        for _ in range(3):
            settle()
            same(ask(client, target)["content-encoding"], None, "no memory")
    counting.expect(zipped=0, zips_over_limit=1)
    param("gzip_memory", 64 << 20)
    param("cache_drop", 1)
    eventually(lambda: stat("live_zipped_bytes") == 0, "all to be let go")
    with Client() as client:
        zipped(client, target)
        same(stat("live_zipped_bytes") > 0, True, "live_zipped_bytes")


@test("gzip=0 ends it; what makes no sense is refused")
def off():
    target = page("off.html")
    with Client() as client:
        zipped(client, target)
        param("gzip", 0)
        plain = ask(client, target)
        same((plain["content-encoding"], plain["vary"]), (None, None), "off")
        param("gzip", 1)
    param_refused("gzip_comp_level", 0, errno.EINVAL)
    param_refused("gzip_comp_level", 10, errno.EINVAL)
    param_refused("gzip_types", "html", errno.EINVAL)


@test("unloaded while it compresses")
def unloaded():
    data = os.urandom(700_000).hex().encode()[:1_000_000]
    for n in range(8):
        page(f"unload{n}.html", data)
    settle()
    for _ in range(3):
        param("gzip_comp_level", 9)
        for n in range(8):
            get(f"/unload{n}.html", fields=GZIP)
        unload()
        load(gzip=1)


def disk(where, *options):
    """What is in memory alone is not compressed, so a docroot is on a disk."""
    os.makedirs(where, exist_ok=True)
    run("truncate", "-s", "64M", f"{where}.img")
    run("mkfs.ext4", "-q", *options, f"{where}.img")
    subprocess.run(["modprobe", "-qa", "loop", "ext4"], check=False)
    mount("-o", "loop", f"{where}.img", where)
    os.chmod(where, 0o755)
    return where


def words():
    noise = bytes_of(200_000)
    return b" ".join(b"word%d" % (noise[n] * noise[n + 1] % 997) for n in range(14_000))


test("nothing is left")(nothing_left)
PAGE_OF_WORDS = words()
disk(WWW)
# What Debian's nginx.conf says, at our level, and with the Vary that it should have.
nginx = Nginx(http="gzip on; gzip_vary on; gzip_comp_level 6;")
load()
try:
    param("gzip", 1)
except OSError:
    print("1..0 # SKIP this kernel has no zlib built in")
    sys.exit(4)
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
