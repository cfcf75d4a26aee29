#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
The parameters that say what is served to whom, and what is said about it.

Each is changed while a connection is used, and counts from the next request on;
what makes no sense is refused with a reason, and the old value stays.
"""

import errno
import os
import subprocess

from lib import (TOP, WWW, Client, Counting, Nginx, all_params, eventually, get, load,
                 nothing_left, param, param_refused, params, read_param, request, restore_params,
                 run_tests, same, start, stat, test, write)

PARAMETERS = "/sys/module/sluice/parameters"


def ours(client, target, status=200, **more):
    response = client.ask(target, **more)
    same((response.status, response.is_nginx), (status, False), f"{target} {more}")
    return response


def handed_over(client, target, key, **more):
    counting = Counting()
    response = client.ask(target, **more)
    same(response.is_nginx, True, f"{target} {more}")
    counting.expect(**{f"handed_over_{key}": 1, "handed_over": 1})
    return response


def expect_turns(target, key, alone, name, off, on, **more):
    """
    With @name=@off it is served, with @on it is the backend's and alone @alone;
    the change comes between two requests on a connection, both ways.
    """
    for _ in range(2):
        param(name, off)
        with Client() as client:
            ours(client, target, **more)
            param(name, on)
            handed_over(client, target, key, **more)
        with params(standalone=1), Client() as client:
            ours(client, target, alone, **more)
            param(name, off)
            ours(client, target, **more)
            param(name, on)
            ours(client, target, alone, **more)
        param(name, off)
        same(read_param(name), f"{off}\n", "as it was set")


def expect_refused(name, *values, error=errno.EINVAL):
    for value in values:
        param_refused(name, value, error)


# --- whose is a request -----------------------------------------------------------

@test("dynamic_prefix: whatever way the path is written")
def dynamic_prefix():
    same(read_param("dynamic_prefix"), "\n", "default")
    expect_turns("/api/x.txt", "dynamic", 403, "dynamic_prefix", "", "/cgi-bin/,/api/")
    with params(dynamic_prefix="/cgi-bin/,/api/,/priv"):
        for target in ("/api/x.txt", "//api/x.txt", "/a/../api/x.txt", "/%61pi/x.txt",
                       "/api/../api/./x.txt", "/api//x.txt", "/api/", "/api/none",
                       "/cgi-bin/x", "/private.txt", "/priv", "/api/x.txt?q",
                       "http://localhost/api/x.txt"):
            with Client() as client:
                handed_over(client, target, "dynamic")
        with Client() as client:
            for target in "/apix.txt", "/a/api/x.txt", "/api/../a.txt", "/a.txt?/api/":
                ours(client, target)
            ours(client, "/api", 301)	# that is no path below it
    expect_refused("dynamic_prefix", "api/", "/a,b", "/a,,/b", "/a,", ",",
                   ",".join(f"/{n}" for n in range(65)), "/" + "x" * 2000)


@test("dynamic_suffix: changed while a connection is used")
def dynamic_suffix():
    expect_turns("/a.txt", "dynamic", 403, "dynamic_suffix", ".php", ".php,.TXT")
    expect_refused("dynamic_suffix", "php", ".", ".tar.gz", "./x", ".a,",
                   ",".join(f".{n}" for n in range(65)))


@test("hide_dot: of files, of directories, in any spelling")
def hide_dot():
    for target in "/.hidden", "/.dir/x.txt", "/a/.x/y", "/%2ehidden", "//.hidden":
        expect_turns(target, "hidden", 404, "hide_dot", 0, 1)
    param("hide_dot", 0)
    with Client() as client:	# dots that move are not names
        ours(client, "/./.dir/../.hidden")
        response = client.ask("/..")
        same((response.is_nginx, response.status), (True, 400), "above the root")
    param("hide_dot", 1)
    expect_refused("hide_dot", "2", "maybe", "-1")


@test("authorization: the backend may have to say who sees it")
def authorization():
    for fields in ("Authorization: Basic eDp4\r\n", "authorization: x\r\n",
                   "Authorization:\r\n", "Authorization: a\r\nAuthorization: b\r\n"):
        param("authorization", "serve")
        with Client() as client:
            ours(client, "/a.txt", fields=fields)
            param("authorization", "handover")
            ours(client, "/a.txt")
            handed_over(client, "/a.txt", "authorization", fields=fields)
        with params(standalone=1), Client() as client:
            ours(client, "/a.txt", fields=fields)
    with Client() as client:	# other fields are none of that
        ours(client, "/a.txt", fields="Cookie: a=b\r\nProxy-Authorization: x\r\n"
             "X-Authorization: x\r\n")
    expect_refused("authorization", "", "yes", "0", "Serve")


def expect_options(client, target):
    response = ours(client, target, 204, method="OPTIONS")
    same((response["allow"], response["content-length"], response.body),
         ("GET, HEAD, OPTIONS", None, b""), target)


@test("options: the backend's, or 204 with Allow; alone always 204")
def options():
    same(read_param("options"), "handover\n", "default")
    for target in "/a.txt", "/none", "/dir", "/":
        with Client() as client:
            handed_over(client, target, "method", method="OPTIONS")
        param("options", "answer")
        with Client() as client:
            counting = Counting()
            expect_options(client, target)
            counting.expect(options_answered=1, requests=1)
            ours(client, "/a.txt")
            param("options", "handover")
            handed_over(client, target, "method", method="OPTIONS")
        with params(standalone=1), Client() as client:
            expect_options(client, target)
            ours(client, "/a.txt")
    for name, value in ("strict", 1), ("standalone", 1), ("options", "answer"):
        with params(**{name: value}), Client() as client:
            expect_options(client, "*")
            ours(client, "/a.txt")
    with Client() as client:
        handed_over(client, "*", "method", method="OPTIONS")
    expect_refused("options", "", "1", "serve", "Answer")


@test("index: the first that is there, as soon as it is there")
def index():
    write("i/b.html", "b")
    write("i/index.html", "index")
    with params(standalone=1), Client() as client:
        same(ours(client, "/i/").body, b"index", "default")
        param("index", "a.html,b.html,index.html")
        for _ in range(10):
            same(ours(client, "/i/").body, b"b", "the second")
            write("i/a.html", "a")
            same(ours(client, "/i/").body, b"a", "the first, when it comes")
            os.unlink(f"{WWW}/i/a.html")
        os.unlink(f"{WWW}/i/b.html")
        same(ours(client, "/i/").body, b"index", "the third")
        os.mkdir(f"{WWW}/i/a.html")
        same(ours(client, "/i/").body, b"index", "one that is a directory is none")
        os.rmdir(f"{WWW}/i/a.html")
        write("i/a.html", "secret", mode=0o600)
        ours(client, "/i/", 403)
        os.unlink(f"{WWW}/i/a.html")
        param("index", "none.html")
        ours(client, "/i/", 403)
        param("index", "")
        ours(client, "/i/", 403)
        param("index", "index.html")
        same(ours(client, "/i/").body, b"index", "the default again")
        ours(client, "/i/index.html")
    with params(index="none.html"), Client() as client:
        handed_over(client, "/i/", "directory")
    expect_refused("index", "a/b", "/x", "../x", "a,,b", ",", "x" * 256,
                   ",".join(f"{n}" for n in range(65)))


@test("symlinks: beneath docroot, none, any")
def symlinks():
    same(read_param("symlinks"), "beneath\n", "default")
    names = ("link", "dirlink/file", "updown", "out", "absolute", "outdir/secret",
             "through/secret", "absolute-inside")
    followed = {"beneath": {"link", "dirlink/file", "updown", "absolute-inside"},
                "none": set(),
                "any": set(names)}
    os.symlink("real/file", f"{WWW}/link")
    os.symlink("real", f"{WWW}/dirlink")
    os.symlink("real/../real/file", f"{WWW}/updown")
    os.symlink("../outside/secret", f"{WWW}/out")
    os.symlink(f"{TOP}/outside/secret", f"{WWW}/absolute")
    os.symlink("../outside", f"{WWW}/outdir")
    os.symlink("outdir", f"{WWW}/through")
    os.symlink(f"{WWW}/real/file", f"{WWW}/absolute-inside")
    with params(standalone=1), Client() as client:
        for value in "none", "any", "beneath", "any", "none", "beneath":
            param("symlinks", value)
            for name in names:
                status = 200 if name in followed[value] else 403
                for _ in range(2):
                    ours(client, f"/{name}", status)
            ours(client, "/real/file")
            ours(client, "/a/../real/./file")
            ours(client, "/dangling", 403 if value == "none" else 404)
            ours(client, "/loop", 403)
            # Magic links, and what is no file, in no case.
            same(client.ask("/magic").status in (403, 404), True, "magic")
            same(client.ask("/proc").status in (403, 404, 503), True, "proc")
    with Client() as client:
        handed_over(client, "/out", "forbidden")
    with params(symlinks="none"), Client() as client:
        handed_over(client, "/link", "forbidden")
    expect_refused("symlinks", "", "all", "1", "Any", "beneath,any")


@test("symlinks=any: a link that is turned elsewhere, at once")
def any_symlinks():
    with params(standalone=1, symlinks="any"), Client() as client:
        for n in range(10):
            with open(f"{TOP}/outside/{n % 2}", "w") as target:
                target.write(f"{n}")
            os.symlink(f"{TOP}/outside/{n % 2}", f"{WWW}/next")
            os.rename(f"{WWW}/next", f"{WWW}/turned")
            same(ours(client, "/turned").body, f"{n}".encode(), "turned")
        os.chmod(f"{TOP}/outside", 0o700)
        ours(client, "/turned", 403)
        os.chmod(f"{TOP}/outside", 0o755)
        ours(client, "/turned")


@test("mode_forbidden and mode_required: bits of the file, octal, also when warm")
def modes():
    same((read_param("mode_forbidden"), read_param("mode_required")),
         ("0111\n", "0000\n"), "defaults")
    expect_turns("/run", "dynamic", 403, "mode_forbidden", "0000", "0111")
    expect_turns("/run", "dynamic", 403, "mode_forbidden", "0000", "0100")
    expect_turns("/writable", "forbidden", 403, "mode_forbidden", "0000", "0022")
    expect_turns("/a.txt", "forbidden", 403, "mode_required", "0000", "0664")
    param("mode_forbidden", "0111")
    with params(standalone=1, mode_required="0664"), Client() as client:
        for mode, status in ((0o664, 200), (0o644, 403), (0o666, 200), (0o660, 403),
                             (0o264, 403), (0o755, 403), (0o664, 200), (0o644, 403)):
            os.chmod(f"{WWW}/a.txt", mode)
            for _ in range(2):
                ours(client, "/a.txt", status)
    # Directories are searched, whatever their bits.
    with params(mode_forbidden="0777"), params(standalone=1), Client() as client:
        ours(client, "/a.txt", 403)
        ours(client, "/dir", 301)
    expect_refused("mode_forbidden", "8", "01000", "-1", "rwx", "0x1", "777777")
    expect_refused("mode_required", "9", "4000", "0111", "")


@test("proxy_protocol: in strict mode too, the line is the backend's to read")
def proxy_protocol():
    line = b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n"
    binary = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 9, 192, 0, 2, 8]) +
              b"\x10\0\0\x50")
    seen = {line: b"192.0.2.7\n", binary: b"192.0.2.9\n"}
    expect_refused("proxy_protocol", "2", "v1")
    with params(backend_port=8083):
        for strict, allowed in (0, 0), (0, 1), (1, 1), (1, 0):
            param("strict", strict)
            param("proxy_protocol", allowed)
            for preface, who in seen.items():
                with Client() as client:
                    client.send(preface + request("/who"))
                    response = client.response()
                    if strict and not allowed:
                        same((response.status, response.is_nginx), (400, False), "strict")
                        client.expect_end()
                    else:
                        same(response.body, who, f"strict={strict}")
                # It belongs before the first request: nginx would believe it.
                with Client() as client:
                    ours(client, "/a.txt")
                    client.send(preface + request("/who"))
                    response = client.response()
                    same((response.status, response.is_nginx),
                         (400, False) if strict or allowed else (200, True),
                         "later")
        # The request comes later. (The line must come whole: nginx wants it so.)
        param("proxy_protocol", 1)
        param("strict", 1)
        for preface, who in seen.items():
            with Client() as client:
                client.send(preface)
                eventually(lambda: not client.unacknowledged(), "the line to arrive")
                client.send(request("/who"))
                same(client.response().body, who, "later")
        # Nothing that only begins like it.
        for data in b"PROX / HTTP/1.1\r\n\r\n", b"\r\n\r\n\rX", b"PROXYTCP4\r\n":
            with Client() as client:
                client.send(data)
                response = client.response()
                same((response.status, response.is_nginx), (400, False), repr(data))
    param("strict", 0)
    param("proxy_protocol", 0)
    with params(standalone=1, proxy_protocol=1), Client() as client:
        client.send(line + request("/a.txt"))
        same(client.response().status, 400, "alone")
        client.expect_end()


# --- how it is read -----------------------------------------------------------------

@test("lenient: a bare LF ends a line, if it is said to")
def lenient():
    data = b"GET /a.txt HTTP/1.1\nHost: x\n\n"
    for strict in 0, 1:
        with params(strict=strict):
            for _ in range(2):
                with Client() as client:
                    ours(client, "/a.txt")
                    param("lenient", 1)
                    client.send(data * 2 + request("/a.txt"))
                    for _ in range(3):
                        response = client.response()
                        same((response.status, response.is_nginx), (200, False),
                             "lenient")
                    param("lenient", 0)
                    client.send(data)
                    response = client.response()
                    same((response.status, response.is_nginx),
                         (400, False) if strict else (200, True), "not lenient")
    with params(lenient=1, strict=1):	# what stays wrong
        for data in (b"GET /a.txt HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
                     b"GET /a.txt HTTP/1.1\nHost: x\n folded\n\n",
                     b"GET /a.txt HTTP/1.1\n\n", b"GET /a\n.txt HTTP/1.1\nHost: x\n\n",
                     b"GET /a.txt HTTP/1.1\nHost: x\nContent-Length: 1\n"
                     b"Transfer-Encoding: chunked\n\n"):
            with Client() as client:
                client.send(data)
                same(client.response().status, 400, repr(data))
    expect_refused("lenient", "2", "x")


@test("if_modified_since: by order of time, or exactly")
def if_modified_since():
    write("dated", "dated", mtime=1_000_000_000)
    dates = [f"Sun, 09 Sep 2001 01:46:{second} GMT" for second in (40, 41, 39)]
    with Client() as client:
        for value, statuses in (("before", (304, 304, 200)), ("exact", (304, 200, 200)),
                                ("before", (304, 304, 200))):
            param("if_modified_since", value)
            for date, status in zip(dates, statuses):
                ours(client, "/dated", status, fields=f"If-Modified-Since: {date}\r\n")
    expect_refused("if_modified_since", "", "off", "1", "Exact")


@test("bad_range: ignored, or 416")
def bad_range():
    with Client() as client:
        for value, status in ("ignore", 200), ("416", 416), ("ignore", 200):
            param("bad_range", value)
            for asked in "a", "5-2", "-", "1", "0-0,x", "99999999999999999999-1":
                response = ours(client, "/a.txt", status, fields=f"Range: bytes={asked}\r\n")
                same(response["content-range"],
                     "bytes */6" if status == 416 else None, asked)
            # What is no range of bytes, and what is one, is what it was.
            ours(client, "/a.txt", fields="Range: lines=5-2\r\n")
            ours(client, "/a.txt", 206, fields="Range: bytes=1-\r\n")
            ours(client, "/a.txt", 416, fields="Range: bytes=6-\r\n")
    expect_refused("bad_range", "", "400", "Ignore", "0")


# --- what is said -------------------------------------------------------------------

@test("charset: with the types that are text, and no others")
def charset():
    texts = {"t.html": "text/html", "t.txt": "text/plain", "t.xml": "text/xml",
             "t.js": "application/javascript", "t.rss": "application/rss+xml",
             "t.wml": "text/vnd.wap.wml"}
    others = {"o.png": "image/png", "o.json": "application/json",
              "o.bin": "application/octet-stream", "plain": "application/octet-stream"}
    for name in texts | others:
        write(name, name)
    with Client() as client:
        for value, more in ("", ""), ("utf-8", "; charset=utf-8"), (
                "iso-8859-1", "; charset=iso-8859-1"), ("", ""):
            param("charset", value)
            for name, kind in texts.items():
                for method in "GET", "HEAD":
                    same(ours(client, f"/{name}", method=method)["content-type"],
                         kind + more, name)
                response = ours(client, f"/{name}", 206, fields="Range: bytes=1-2\r\n")
                same(response["content-type"], kind + more, f"206 of {name}")
                response = ours(client, f"/{name}", 206, fields="Range: bytes=0-0,2-2\r\n")
                same(response.body.count(f"Content-Type: {kind}{more}\r\n".encode()), 2,
                     f"parts of {name}")
            for name, kind in others.items():
                same(ours(client, f"/{name}")["content-type"], kind, name)
    expect_refused("charset", "utf 8", "utf-8;x", "a\"b", "a\nb", "a\tb", "\x7f", "ä",
                   "a=b")


def all_answers(client):
    """(status, answer) of each kind, in standalone mode."""
    tag = client.ask("/a.txt")["etag"]
    for status, target, fields, method in (
            (200, "/a.txt", "", "GET"), (200, "/a.txt", "", "HEAD"),
            (206, "/a.txt", "Range: bytes=0-0\r\n", "GET"),
            (206, "/a.txt", "Range: bytes=0-0,2-2\r\n", "GET"),
            (304, "/a.txt", f"If-None-Match: {tag}\r\n", "GET"), (301, "/dir", "", "GET"),
            (204, "/a.txt", "", "OPTIONS"),
            (403, "/dir/", "", "GET"), (404, "/none", "", "GET"), (404, "/none", "", "HEAD"),
            (405, "/a.txt", "", "PUT"), (412, "/a.txt", 'If-Match: "x"\r\n', "GET"),
            (416, "/a.txt", "Range: bytes=9-\r\n", "GET")):
        yield status, ours(client, target, status, fields=fields, method=method)


@test("cache_control: on 200, 206 and 304 of files")
def cache_control():
    with params(standalone=1), Client() as client:
        for value in "", "public, max-age=3600", "no-store", "":
            param("cache_control", value)
            for status, response in all_answers(client):
                same(response["cache-control"],
                     value if value and status in (200, 206, 304) else None, status)
    expect_refused("cache_control", "a\nb", "a\rb", "a\r\nX: y", "\x01", "ä", " x", "x ",
                   "x" * 5000)


@test("add_header: as nginx's, on 200, 204, 206, 301 and 304")
def add_header():
    lines = "X-Frame-Options: DENY\nX-Two:a\nX-Two:   b, c  \n\nvary: Origin\n"
    expected = [("X-Frame-Options", "DENY"), ("X-Two", "a"), ("X-Two", "b, c"),
                ("vary", "Origin")]
    with params(standalone=1), Client() as client:
        for value, fields in (("", []), (lines, expected),
                              ("X-One: 1", [("X-One", "1")]), ("", [])):
            param("add_header", value)
            for status, response in all_answers(client):
                got = [line for line in response.lines
                       if line[0].startswith("X-") or line[0] == "vary"]
                if status != 204:
                    same(got, fields if status in (200, 206, 301, 304) else [], status)
    for name in ("Server", "Date", "Content-Type", "Content-Length", "content-length",
                 "Content-Range", "Content-Encoding", "Transfer-Encoding", "Connection",
                 "Last-Modified", "ETag", "Accept-Ranges", "Location", "Keep-Alive",
                 "Trailer", "UPGRADE"):
        expect_refused("add_header", f"{name}: x", f"X-Good: x\n{name}: x")
    expect_refused("add_header", "no colon", ": x", "X : y", " X: y\nno colon",
                   "X: a\rY: b", "X: \x01", "X: ä", "Ä: x", "X(: y", "X: y\n Z", "X: " + "y" * 5000)


@test("server: the field, and the foot of the pages")
def server():
    with params(standalone=1), Client() as client:
        for value in "sluice", "Apache/2.4", "", "a b", "sluice":
            param("server", value)
            for status, response in all_answers(client):
                same(response["server"], value or None, status)
                if response["content-type"] == "text/html" and response.body:
                    foot = f"<hr><center>{value}</center>" if value else "<hr>"
                    same(f"{foot}\r\n</body>".encode() in response.body, True,
                         f"{value}: {response.body}")
                if value != "sluice":
                    same(b"sluice" in response.head + response.body, False, "sluice")
    expect_refused("server", "a\nb", "a\r\nX: y", "<script>", "a&b", "ä", "\x1b", " x",
                   "x" * 300)


@test("page_404: the body of 404 alone, as soon as it is there")
def page_404():
    with params(standalone=1), Client() as client:
        plain = ours(client, "/none", 404).body
        same(plain.startswith(b"<html>"), True, "the page of before")
        param("page_404", "/errors/404.html")
        same(ours(client, "/none", 404).body, plain, "not there yet")
        for n in range(10):
            write("errors/404.html", f"lost {n}")
            response = ours(client, "/none", 404)
            same((response.body, response["content-type"], response["content-length"],
                  response["accept-ranges"], response["content-range"]),
                 (f"lost {n}".encode(), "text/html", "6", None, None), "its page")
            response = ours(client, "/.hidden", 404)
            same(response.body, f"lost {n}".encode(), "hidden")
            response = ours(client, "/none", 404, method="HEAD")
            same(response["content-length"], "6", "HEAD")
            # Neither a range nor a condition is about this file.
            response = ours(client, "/none", 404, fields="Range: bytes=0-1\r\n"
                            "If-None-Match: *\r\nIf-Match: \"x\"\r\n")
            same(response.body, f"lost {n}".encode(), "range")
            os.unlink(f"{WWW}/errors/404.html")
            same(ours(client, "/none", 404).body, plain, "gone again")
        write("errors/404.html", "x" * 100_000)
        same(len(ours(client, "/none", 404).body), 100_000, "a large one")
        write("errors/404.html", "secret", mode=0o600)
        same(ours(client, "/none", 404).body, plain, "an unreadable one")
        os.chmod(f"{WWW}/errors/404.html", 0o644)
        same(ours(client, "/errors/404.html").status, 200, "by its own name")
        same(ours(client, "/dir/", 403).body != b"secret", True, "403")
        param("page_404", "/dir")
        same(ours(client, "/none", 404).body, plain, "a directory")
        param("page_404", "/none")
        same(ours(client, "/none", 404).body, plain, "itself missing")
        param("page_404", "")
    with params(page_404="/errors/404.html"), Client() as client:
        handed_over(client, "/none", "not_found")
    expect_refused("page_404", "404.html", "/errors/", "/../x", "/a/../b", "/./x", "//x",
                   "/", "/.x", "/" + "x" * 300)


# --- all of them --------------------------------------------------------------------

@test("defaults are what the documentation says")
def defaults():
    for name, value in (
            ("dynamic_prefix", ""), ("hide_dot", "1"), ("authorization", "handover"),
            ("options", "handover"), ("index", "index.html"), ("symlinks", "beneath"),
            ("mode_required", "0000"), ("mode_forbidden", "0111"),
            ("precompressed", "br,zst,gz"), ("charset", ""), ("cache_control", ""),
            ("add_header", ""), ("server", "sluice"), ("vhosts", "0"),
            ("default_host", "default"), ("page_404", ""), ("if_modified_since", "before"),
            ("bad_range", "ignore"), ("lenient", "0"), ("proxy_protocol", "0")):
        same(read_param(name), f"{value}\n", name)
        mode = os.stat(f"{PARAMETERS}/{name}").st_mode & 0o777
        same(oct(mode), oct(0o644), name)


@test("changed all the time while requests come: each is by one setting or another")
def under_load():
    bodies = {b"in dir", b"index"}
    write("i/index.html", "index")
    write("i/other.html", "in dir")
    with params(standalone=1), Client() as client:
        for n in range(50):
            client.send(request("/i/") * 4)
            param("index", ("index.html", "other.html")[n % 2])
            param("server", f"s{n}")
            for _ in range(4):
                response = client.response()
                same((response.status, response.body in bodies), (200, True), "body")
            same(ours(client, "/i/").body, (b"index", b"in dir")[n % 2], "afterwards")
            same(ours(client, "/i/")["server"], f"s{n}", "afterwards")
        param("index", "index.html")
        param("server", "sluice")


@test("whatever is changed under load, nothing breaks and nothing is left")
def all_changed_under_load():
    write("real/file.gz", "packed")
    load_maker = start("wrk", "-t1", "-c8", "-d1000s", "-H", "Accept-Encoding: gzip",
                       "http://127.0.0.1/real/file", stdout=subprocess.DEVNULL)
    changes = (("index", "a,b"), ("precompressed", ""), ("server", "x"), ("vhosts", "1"),
               ("hide_dot", "0"), ("symlinks", "none"), ("symlinks", "any"),
               ("charset", "utf-8"), ("add_header", "X: y"), ("page_404", "/a.txt"),
               ("dynamic_suffix", ""), ("mode_required", "0666"), ("lenient", "1"),
               ("docroot", f"{TOP}/outside"), ("dynamic_prefix", "/real/"))
    param("standalone", 1)
    eventually(lambda: stat("requests") > 100, "requests")
    for number in range(8):
        for name, value in changes:
            param(name, value)
            if number % 2:
                param(name, LOADED[name])
        if not number % 2:
            restore_params({**LOADED, "standalone": "1\n"})
        requests = stat("requests")
        eventually(lambda: stat("requests") > requests + 20, "requests")
    load_maker.kill()
    load_maker.wait()
    nothing_left()
    same(get("/real/file").body, b"real", "afterwards")


WHO = 'location = /who { default_type text/plain; return 200 "$proxy_protocol_addr\\n"; }'
for path, text in (("a.txt", "a text"), ("api/x.txt", "in api"), ("apix.txt", "not in api"),
                   ("a/api/x.txt", "deeper"), ("private.txt", "private"),
                   (".hidden", "hidden"), (".dir/x.txt", "hidden"), ("a/.x/y", "hidden"),
                   ("dir/.keep", ""), ("real/file", "real"), ("writable", "writable")):
    write(path, text)
write("run", "program", mode=0o755)
os.chmod(f"{WWW}/writable", 0o666)
os.symlink("nowhere", f"{WWW}/dangling")
os.symlink("loop", f"{WWW}/loop")
os.symlink("/proc/self/exe", f"{WWW}/magic")
os.symlink("/proc/version", f"{WWW}/proc")
os.mkdir(f"{TOP}/outside")
with open(f"{TOP}/outside/secret", "w") as out:
    out.write("secret")
Nginx(http=f"server {{ listen 8083 proxy_protocol; root www; {WHO} }}")
load()
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
