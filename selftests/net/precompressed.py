#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
A file and its siblings .br, .zst and .gz: one resource in several codings.

Whatever changes on the disk is seen by the next request: no sibling that does
not belong to its file is ever sent, and no request waits for one to be found.
"""

import errno
import gzip
import os
import shutil
import subprocess

from lib import (TOP, WWW, Client, Counting, Nginx, all_params, bytes_of, get, load,
                 nothing_left, param, param_refused, params, read_param, restore_params, run_tests,
                 same, test, write)

ROUNDS = 10
MTIME = 1_600_000_000
TEXT = bytes_of(20_000)
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
ALL = "br, zstd, gzip"


def pack(coding, data):
    """With the tool if there is one; else bytes that say what they stand for."""
    commands = {"br": ["brotli", "-c"], "zstd": ["zstd", "-q", "-c"],
                "gzip": ["gzip", "-n", "-c"]}
    if shutil.which(commands[coding][0]):
        return subprocess.run(commands[coding], input=data, check=True,
                              capture_output=True).stdout
    return f"{coding} of ".encode() + data


def write_with(name, *codings, data=TEXT, mtime=MTIME):
    """A file with siblings of the same age."""
    write(name, data, mtime=mtime)
    for coding in codings:
        write(name + SUFFIXES[coding], PACKED[coding] if data == TEXT
              else f"{coding} of ".encode() + data, mtime=mtime)


def ask(client, target, accept=ALL, **more):
    fields = more.pop("fields", "")
    if accept is not None:
        fields += f"Accept-Encoding: {accept}\r\n"
    return client.ask(target, fields=fields, **more)


def expect(client, target, coding, accept=ALL, **more):
    """Of the file in WWW, in this coding; all fields are of what is sent."""
    response = ask(client, target, accept, **more)
    name = WWW + target + SUFFIXES.get(coding, "")
    about = os.stat(name)
    with open(name, "rb") as content:
        data = content.read()
    same((response.status, response["content-encoding"]), (200, coding),
         f"{target} {accept}")
    same(response["content-length"], str(len(data)), f"length of {name}")
    same(response["etag"], '"%x-%x"' % (int(about.st_mtime), len(data)),
         f"ETag of {name}")
    same(response["content-type"], "text/html", f"type of {name}")
    if more.get("method") != "HEAD":
        same(response.body == data, True, f"content of {name}")
    return response


@test("who accepts what, for each order of preference")
def negotiation():
    write_with("all.html", "br", "zstd", "gzip")
    table = (
        ("br,zst,gz", (
            (None, None), ("", None), ("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"),
            (ALL, "br"), ("gzip, zstd, br", "br"), ("gzip, zstd", "zstd"),
            ("gzip, deflate, br, zstd", "br"), ("GZip", "gzip"), ("x-gzip", "gzip"),
            ("deflate, sdch", None), ("identity", None), ("*", None),
            ("gzip;q=1, br;q=0.5", "gzip"), ("br;q=0.1, gzip;q=0.1", "br"),
            ("br;q=0, gzip", "gzip"), ("br;q=0.000, zstd;q=0.001", "zstd"),
            ("br;q=0, zstd;q=0, gzip;q=0", None), ("br;q=0.9, zstd;q=1.0", "zstd"),
            ("identity;q=1, gzip;q=0.5", None), ("identity;q=0.5, gzip", "gzip"),
            ("identity;q=0", None), ("identity;q=0, gzip;q=0.1", "gzip"),
            ("*;q=0, gzip", "gzip"), ("gzip;q=0, *", None), ("gzip;q=junk, br", "br"),
            ("gzip;q=2", None), (",,gzip,,", "gzip"), ("gzip\t;\tq=0.3", "gzip"),
            ("brr, brotli, zst, gz", None))),
        ("gz,br", (
            (ALL, "gzip"), ("br, gzip;q=0.9", "br"), ("zstd", None),
            ("zstd, br;q=0.1", "br"))),
        ("zst", ((ALL, "zstd"), ("br, gzip", None))))
    for value, rows in table:
        with params(precompressed=value), Client() as client:
            for accept, coding in rows:
                expect(client, "/all.html", coding, accept)


@test("what is sent is what the tools unpack")
def unpacked():
    response = get("/all.html", fields="Accept-Encoding: gzip\r\n")
    same(gzip.decompress(response.body) == TEXT, True, "gzip")
    for coding, tool in ("br", "brotli"), ("zstd", "zstd"):
        if shutil.which(tool):
            body = get("/all.html", fields=f"Accept-Encoding: {coding}\r\n").body
            plain = subprocess.run([tool, "-d", "-c"], input=body, check=True,
                                   capture_output=True).stdout
            same(plain == TEXT, True, coding)


@test("Vary wherever there is a sibling: 200, 206, 304, HEAD, any coding; only there")
def vary():
    write_with("vary.html", "gzip")
    write("alone.html", TEXT, mtime=MTIME)
    write("dir/x", "")
    with Client() as client:
        for accept in None, "gzip", "identity", "br":
            for target, expected in ("/vary.html", "Accept-Encoding"), ("/alone.html", None):
                first = ask(client, target, accept)
                same(first["vary"], expected, f"200 {target} {accept}")
                for status, fields, method in (
                        (200, "", "HEAD"), (206, "Range: bytes=0-9\r\n", "GET"),
                        (206, "Range: bytes=0-9,20-29\r\n", "GET"),
                        (304, f"If-None-Match: {first['etag']}\r\n", "GET"),
                        (304, f"If-None-Match: {first['etag']}\r\n", "HEAD")):
                    response = ask(client, target, accept, fields=fields, method=method)
                    same((response.status, response["vary"]), (status, expected),
                         f"{target} {accept} {fields}")
                    same(len([1 for name, _ in response.lines if name == "Vary"]),
                         1 if expected else 0, "lines of Vary")
        for target in "/dir", "/dir/", "/none":
            same(ask(client, target)["vary"], None, target)


@test("HTTP/1.0 gets the file as it is")
def version_10():
    for fields in "", "Connection: keep-alive\r\n":
        for method in "GET", "HEAD":
            with Client() as client:
                expect(client, "/all.html", None, version="1.0", method=method,
                       fields=fields)


@test("HEAD: the same fields as GET")
def head():
    with Client() as client:
        for accept in None, "gzip", "zstd", "br":
            ours = [ask(client, "/all.html", accept, method=method).lines
                    for method in ("GET", "HEAD")]
            same([line for line in ours[1] if line[0] != "Date"],
                 [line for line in ours[0] if line[0] != "Date"], f"{accept}")


@test("validators are the coding's own: either ETag, If-Match, dates")
def validators():
    write("own.html", TEXT, mtime=MTIME)
    write("own.html.gz", PACKED["gzip"], mtime=MTIME + 100)
    with Client() as client:
        plain = expect(client, "/own.html", None, None)
        packed = expect(client, "/own.html", "gzip")
        same(plain["etag"] != packed["etag"], True, "ETags differ")
        same(plain["last-modified"] != packed["last-modified"], True, "dates differ")
        for accept, own, other in (("identity", plain, packed),
                                   ("gzip", packed, plain)):
            for fields, status in (
                    (f"If-None-Match: {own['etag']}\r\n", 304),
                    (f"If-None-Match: W/{own['etag']}\r\n", 304),
                    (f"If-None-Match: {other['etag']}\r\n", 200),
                    (f"If-None-Match: {other['etag']}, {own['etag']}\r\n", 304),
                    (f"If-Match: {own['etag']}\r\n", 200),
                    (f"If-Match: {other['etag']}\r\n", 412),
                    (f"If-Modified-Since: {own['last-modified']}\r\n", 304),
                    (f"If-Unmodified-Since: {own['last-modified']}\r\n", 200)):
                response = ask(client, "/own.html", accept, fields=fields)
                same(response.status, status, f"{accept} {fields}")
                if status == 304:
                    same(response["etag"], own["etag"], "ETag of 304")
                    same(response["content-encoding"], None, "Content-Encoding of 304")
        # The file is older than what a date of it says of the sibling.
        response = ask(client, "/own.html", "gzip",
                       fields=f"If-Modified-Since: {plain['last-modified']}\r\n")
        same(response.status, 200, "the file's date for the sibling")


def ask_part(client, coding, asked, *more, target="/all.html"):
    fields = "".join(f"{line}\r\n" for line in (f"Range: bytes={asked}", *more))
    return ask(client, target, coding, fields=fields)


def expect_part(response, tag, data, first, last, what):
    same((response.status, response["content-range"], response["etag"]),
         (206, f"bytes {first}-{last}/{len(data)}", tag), what)
    same(response.body == data[first:last + 1], True, what)
    same(response["vary"], "Accept-Encoding", what)


@test("ranges are of the file, whatever is accepted; 416, too")
def ranges():
    end = len(TEXT) - 1
    with Client() as client:
        plain = expect(client, "/all.html", None, None)
        for coding in "gzip", "br", "zstd":
            for asked, first, last in (("0-9", 0, 9), ("-5", end - 4, end), ("7-", 7, end)):
                for more in ((), (f"If-Range: {plain['etag']}",),
                             (f"If-Range: {plain['last-modified']}",)):
                    response = ask_part(client, coding, asked, *more)
                    expect_part(response, plain["etag"], TEXT, first, last,
                                f"{coding} {asked} {more}")
                    same(response["content-encoding"], None, "Content-Encoding")
            response = ask_part(client, coding, f"{end + 1}-")
            same((response.status, response["content-range"]),
                 (416, f"bytes */{end + 1}"), "beyond")
            response = ask_part(client, coding, "0-0,2-2")
            same((response.status, response["content-encoding"]), (206, None), "two")


@test("but of the encoded bytes if their ETag is named by If-Range")
def ranges_of_siblings():
    with Client() as client:
        for coding in "gzip", "br", "zstd":
            data = PACKED[coding]
            end = len(data) - 1
            tag = expect(client, "/all.html", coding, coding)["etag"]
            for asked, first, last in (("0-9", 0, 9), ("-5", end - 4, end), ("7-", 7, end)):
                response = ask_part(client, coding, asked, f"If-Range: {tag}")
                expect_part(response, tag, data, first, last, f"{coding} {asked}")
                same(response["content-encoding"], coding, "Content-Encoding")
            response = ask_part(client, coding, f"{end + 1}-", f"If-Range: {tag}")
            same((response.status, response["content-range"]),
                 (416, f"bytes */{end + 1}"), "beyond")


@test("an If-Range with a date that only the sibling has names nothing")
def date_of_sibling():
    with Client() as client:	# that of validators()
        packed = expect(client, "/own.html", "gzip", "gzip")
        response = ask_part(client, "gzip", "0-9", f"If-Range: {packed['last-modified']}",
                            target="/own.html")
        same((response.status, response["content-encoding"], response.body),
             (200, "gzip", PACKED["gzip"]), "all of it")


@test("one tag for both: all of it, for who has a part of either")
def same_tag():
    write("twin.html", b"plain" * 20, mtime=MTIME)
    write("twin.html.gz", b"coded" * 20, mtime=MTIME)
    with Client() as client:
        tag = ask(client, "/twin.html", None)["etag"]
        same(ask(client, "/twin.html", "gzip")["etag"], tag, "one tag")
        response = ask_part(client, "gzip", "0-9", f"If-Range: {tag}", target="/twin.html")
        same((response.status, response["content-encoding"], response.body),
             (200, "gzip", b"coded" * 20), "all of it")


@test("a Range that comes to nothing costs nobody the encoding")
def ranges_ignored():
    many = ",".join(f"{n}-{n}" for n in range(66))
    with Client() as client:
        tag = expect(client, "/all.html", "gzip", "gzip")["etag"]
        for fields in ("Range: items=0-9\r\n", "Range: bytes=a\r\n",
                       "Range: bytes=0-9\r\nRange: bytes=10-19\r\n",
                       "Range: bytes=0-,0-,0-\r\n", f"Range: bytes={many}\r\n",
                       'If-Range: "x"\r\nRange: bytes=0-9\r\n',
                       f"If-Range: W/{tag}\r\nRange: bytes=0-9\r\n"):
            expect(client, "/all.html", "gzip", fields=fields, accept="gzip")
        expect(client, "/all.html", "gzip", fields="Range: bytes=0-9\r\n", accept="gzip",
               method="HEAD")
        with params(bad_range="416"):
            response = ask_part(client, "gzip", "a")
            same((response.status, response["content-range"]),
                 (416, f"bytes */{len(TEXT)}"), "as it is")


@test("the sibling itself, asked for by its name, is a file like others")
def itself():
    with Client() as client:
        for suffix, coding in (".gz", "gzip"), (".br", "br"):
            response = ask(client, f"/all.html{suffix}")
            same((response.status, response["content-encoding"], response["vary"]),
                 (200, None, None), suffix)
            same(response.body == PACKED[coding], True, suffix)


@test("the index of a directory, and names with escapes")
def index():
    write_with("sub/index.html", "gzip")
    write_with("a b.html", "br")
    with Client() as client:
        response = ask(client, "/sub/")
        same((response["content-encoding"], response.body == PACKED["gzip"]),
             ("gzip", True), "index")
        response = ask(client, "/a%20b.html?v=1")
        same((response["content-encoding"], response.body == PACKED["br"]),
             ("br", True), "escapes")


@test("only the sibling: no such file")
def only():
    write("only.html.gz", PACKED["gzip"])
    same(get("/only.html", fields="Accept-Encoding: gzip\r\n").status, 404, "alone")


@test("a sibling that comes and goes, with a warm cache: at once")
def comes_and_goes():
    write_with("come.html")
    with Client() as client:
        for n in range(ROUNDS):
            for coding in "gzip", "br", "zstd":
                name = f"come.html{SUFFIXES[coding]}"
                same(expect(client, "/come.html", None)["vary"], None, "without")
                write(name, PACKED[coding], mtime=MTIME)
                same(expect(client, "/come.html", coding)["vary"], "Accept-Encoding",
                     "with")
                expect(client, "/come.html", None, "identity")
                os.unlink(f"{WWW}/{name}")


@test("a better one that comes beside another: at once")
def better():
    with Client() as client:
        for _ in range(ROUNDS):
            write_with("better.html", "gzip")
            expect(client, "/better.html", "gzip")
            write("better.html.zst", PACKED["zstd"], mtime=MTIME)
            expect(client, "/better.html", "zstd")
            write("better.html.br", PACKED["br"], mtime=MTIME)
            expect(client, "/better.html", "br")
            os.unlink(f"{WWW}/better.html.br")
            expect(client, "/better.html", "zstd")
            os.unlink(f"{WWW}/better.html.zst")
            expect(client, "/better.html", "gzip")


@test("a sibling rewritten, renamed over, cut short, moved here: at once")
def replaced():
    write_with("r.html", "gzip")
    with Client() as client:
        expect(client, "/r.html", "gzip")
        for n in range(ROUNDS):
            write("r.html.gz", f"rewritten {n}", mtime=MTIME + n)
            expect(client, "/r.html", "gzip")
            write("new", f"renamed over {n}", mtime=MTIME + n)
            os.rename(f"{WWW}/new", f"{WWW}/r.html.gz")
            expect(client, "/r.html", "gzip")
            os.truncate(f"{WWW}/r.html.gz", 3)
            expect(client, "/r.html", "gzip")


@test("a file that is newer than its sibling: as it is, at once; never stale")
def stale():
    with Client() as client:
        for n in range(ROUNDS):
            write_with("s.html", "gzip", data=b"one" * 100)
            expect(client, "/s.html", "gzip")
            # Replaced, in place and by rename, and only touched.
            counting = Counting()
            if n % 3 == 0:
                write("s.html", "two" * 90, mtime=MTIME + 1)
            elif n % 3 == 1:
                write("new", "three" * 80, mtime=MTIME + 1)
                os.rename(f"{WWW}/new", f"{WWW}/s.html")
            else:
                os.utime(f"{WWW}/s.html", (MTIME + 1, MTIME + 1))
            same(expect(client, "/s.html", None)["vary"], None, "a stale one is none")
            same(counting.grown("siblings_stale") > 0, True, "counted")
            expect(client, "/s.html", None)
            # Packed again.
            write("s.html.gz", "packed again", mtime=MTIME + 1)
            expect(client, "/s.html", "gzip")
            os.utime(f"{WWW}/s.html.gz", (MTIME, MTIME))
            expect(client, "/s.html", None)


@test("only the stale one of two is skipped")
def one_stale():
    write_with("two.html", "br", "gzip")
    with Client() as client:
        expect(client, "/two.html", "br")
        os.utime(f"{WWW}/two.html.br", (MTIME - 1, MTIME - 1))
        same(expect(client, "/two.html", "gzip")["vary"], "Accept-Encoding", "Vary")
        os.utime(f"{WWW}/two.html.gz", (MTIME - 1, MTIME - 1))
        same(expect(client, "/two.html", None)["vary"], None, "Vary")
        os.utime(f"{WWW}/two.html", (MTIME - 1, MTIME - 1))
        expect(client, "/two.html", "br")


@test("siblings that may not be served: skipped, at once, and none is ever shown")
def forbidden():
    write_with("f.html", "gzip")
    path = f"{WWW}/f.html.gz"
    with open(f"{TOP}/secret", "w") as secret:
        secret.write("secret")

    def mode(bits):
        os.chmod(path, bits)

    def link(target):
        os.unlink(path)
        os.symlink(target, path)

    def special(make, *words):
        os.unlink(path)
        make(path, *words)

    def restore():
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
        write_with("f.html", "gzip")

    with Client() as client:
        for change in (lambda: mode(0o600), lambda: mode(0o755), lambda: mode(0),
                       lambda: link("../secret"), lambda: link(f"{TOP}/secret"),
                       lambda: link("f.html.gz"), lambda: link("nothing"),
                       lambda: special(os.mkfifo), lambda: special(os.mkdir)):
            expect(client, "/f.html", "gzip")
            change()
            for _ in range(2):
                same(expect(client, "/f.html", None)["vary"], None, "skipped")
            restore()
        # A symlink that stays below is one that may be followed.
        write("elsewhere", "packed", mtime=MTIME)
        link("elsewhere")
        expect(client, "/f.html", "gzip")
        with params(symlinks="none"):
            expect(client, "/f.html", None)
        expect(client, "/f.html", "gzip")


@test("the file itself: mode, unlink, and back")
def base():
    write_with("b.html", "gzip")
    path = f"{WWW}/b.html"
    with Client() as client:
        for _ in range(ROUNDS):
            expect(client, "/b.html", "gzip")
            os.chmod(path, 0o600)
            same(ask(client, "/b.html").status, 403, "unreadable")
            os.chmod(path, 0o644)
            expect(client, "/b.html", "gzip")
            os.unlink(path)
            same(ask(client, "/b.html").status, 404, "gone")
            write("b.html", TEXT, mtime=MTIME)
        expect(client, "/b.html", "gzip")


@test("a directory above renamed, and another in its place")
def directories():
    write_with("d1/x.html", "gzip", data=b"one")
    write_with("d2/x.html", "br", data=b"two")
    with Client() as client:
        for _ in range(ROUNDS):
            for first, second in ("d1", "d2"), ("d2", "d1"):
                os.rename(f"{WWW}/{first}", f"{WWW}/d")
                expect(client, "/d/x.html", "gzip" if first == "d1" else "br")
                os.rename(f"{WWW}/d", f"{WWW}/{first}")


@test("precompressed= changed while a connection is used")
def live():
    with Client() as client:
        for value, coding in (("br,zst,gz", "br"), ("gz,zst,br", "gzip"), ("zst", "zstd"),
                              ("", None), ("zst,gz", "zstd"), ("", None)):
            param("precompressed", value)
            same(read_param("precompressed"), value + "\n", "as it was set")
            for _ in range(2):
                response = expect(client, "/all.html", coding)
                same(response["vary"], "Accept-Encoding" if coding else None, value)
    param("precompressed", "br,zst,gz")


@test("precompressed= refused: what is no suffix, and twice the same")
def refused():
    for value in ("gzip", ".gz", "br,", ",", "br;gz", "gz,gz", "br gz", "GZ", "x"):
        param_refused("precompressed", value, errno.EINVAL)


@test("with a backend: ours, and what is not there is its")
def with_backend():
    nginx = Nginx(http="gzip_static on;")
    with params(standalone=0):
        counting = Counting()
        with Client() as client:
            expect(client, "/all.html", "br")
            response = ask(client, "/only.html")
            same((response.is_nginx, response.body == PACKED["gzip"]), (True, True),
                 "only a sibling")
        counting.expect(served=1, handed_over=1, handed_over_not_found=1)
    nginx.stop()


test("nothing is left")(nothing_left)
PACKED = {coding: pack(coding, TEXT) for coding in SUFFIXES}
load(standalone=1)
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
