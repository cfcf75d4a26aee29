#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
A backend that has none of the files (backend_files=0): a file is answered whatever else its
request says, and all that is no file is the backend's as ever.
"""

from lib import (Client, Counting, Nginx, load, no_connection_left, param, params, request,
                 run_tests, same, stat, test, write)

FILE = b"a file"
# What hands over a request for a file, and is no matter of the framing.
WISHES = (
    "Authorization: Basic eDp5\r\n",
    "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    "Connection: upgrade\r\nUpgrade: websocket\r\n",
    "Expect: 100-continue\r\n", "Expect: something-else\r\n",
    "If-Modified-Since: x\r\nIf-Modified-Since: y\r\n",
    "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n",
    "TE: trailers\r\nConnection: te\r\n",
)
MANY = "Range: bytes=" + ",".join(f"{n % 6}-{n % 6}" for n in range(65)) + "\r\n"


def ours(client, target="/file", status=200, **how):
    response = client.ask(target, **how)
    same((response.status, response.is_nginx), (status, False), f"{target} {how}: {response}")
    return response


@test("by default the backend has the files, and is given such requests")
def default():
    for fields in WISHES[:2] + WISHES[5:7] + (MANY,):
        with Client() as client:
            same(client.ask("/large", fields=fields).is_nginx, True, fields)


@test("a file is served whatever its request says, and the connection goes on")
def wishes():
    with params(backend_files=0), Client() as client:
        counting = Counting()
        for fields in WISHES + (MANY,):
            same(ours(client, "/large", fields=fields).body == LARGE, True, fields)
            same(ours(client, fields=fields, method="HEAD").body, b"", fields)
            same(ours(client, "/dir", 301, fields=fields)["location"], "/dir/", fields)
        counting.expect(handed_over=0, served=2 * len(WISHES) + 2)


@test("what is no file is the backend's, whatever its request says")
def no_file():
    with params(backend_files=0):
        for fields in WISHES + (MANY, ""):
            for target in "/dynamic", "/missing", "/x.php", "/.hidden", "/dir/":
                if "Expect" in fields:	# nginx says 100, or 417
                    continue
                with Client() as client:
                    same(client.ask(target, fields=fields).is_nginx, True, f"{target} {fields}")
        for method in "POST", "PUT", "DELETE", "OPTIONS":
            with Client() as client:
                same(client.ask("/file", method=method).is_nginx, True, method)


@test("lines of a precondition are one list; of two dates none counts")
def repeated():
    tag = ours(Client())["etag"]
    date = ours(Client())["last-modified"]
    rows = (
        (304, f'If-None-Match: "a"\r\nIf-None-Match: {tag}\r\n'),
        (304, f'If-None-Match: {tag}\r\nX: y\r\nif-none-match: "a"\r\n'),
        (304, 'If-None-Match: "a"\r\nIf-None-Match: *\r\n'),
        (200, 'If-None-Match: "a"\r\nIf-None-Match: "b"\r\nIf-None-Match: "c"\r\n'),
        (412, 'If-Match: "a"\r\nIf-Match: "b"\r\n'),
        (200, f'If-Match: "a"\r\nAccept: x\r\nIf-Match: "b" , {tag}\r\n'),
        (200, f"If-Modified-Since: {date}\r\nIf-Modified-Since: {date}\r\n"),
        (200, "If-Unmodified-Since: Thu, 01 Jan 1998 00:00:00 GMT\r\n" * 2),
    )
    with params(backend_files=0), Client() as client:
        for status, fields in rows:
            ours(client, "/file", status, fields=fields)


@test("a body of any kind; what is not read to its end is the last")
def bodies():
    with params(backend_files=0):
        for fields, body, more in (
                ("Content-Length: 3\r\n", b"abc", True),
                ("Content-Length: 70000\r\n", b"x" * 70000, False),
                ("Transfer-Encoding: chunked\r\n", b"1\r\na\r\n0\r\n\r\n", False),
                ("Expect: 100-continue\r\nContent-Length: 3\r\n", b"", False)):
            with Client() as client:
                client.send(request("/file", fields=fields))
                response = client.response()
                same((response.status, response.body, response.is_nginx), (200, FILE, False),
                     fields)
                if not more:
                    same(response["connection"], "close", fields)
                try:
                    client.send(body)
                except OSError:
                    continue
                if more:
                    ours(client)
                else:
                    client.expect_end()
        no_connection_left()


def came_back(**how):
    """A connection that the backend has answered on."""
    client = Client(**how)
    same(client.ask("/dynamic").is_nginx, True, "dynamic")
    return client


LASTS = (("Connection: close\r\n", b""), ("Content-Length: 3\r\n", b"abc"),
         ("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
         ("Content-Length: 26\r\n", b"GET /smuggled HTTP/1.0\r\n\r\n"),
         ("Connection: close\r\n", request("/smuggled")))


@test("the last request of a connection that came back, and one with a body")
def last():
    for take_back in 0, 1:
        with params(backend_files=0, take_back=take_back, **{"return": 1}):
            for target, body in ("/file", FILE), ("/large", LARGE):
                for fields, behind in LASTS:
                    counting = Counting()
                    client = came_back()
                    client.send(request(target, fields=fields) + behind)
                    response = client.response()
                    what = f"{target} {fields} take_back={take_back}"
                    same((response.status, response.is_nginx, response["connection"]),
                         (200, False, "close"), what)
                    same(response.body == body, True, what)
                    client.expect_end()
                    client.close()
                    counting.expect(handed_over=1, served=1, handed_over_last=0)
            for fields, _ in LASTS[:1]:
                with came_back() as client:
                    same(client.ask("/dynamic", fields=fields).is_nginx, True, "no file")
    no_connection_left()
    with open(f"{nginx.config.rsplit('/', 1)[0]}/access.log") as log:
        same("smuggled" in log.read(), False, "the backend has seen what is behind")
    same(stat("invariants_broken"), 0, "invariants")


LARGE = bytes(range(256)) * 16384
write("file", FILE)
write("large", LARGE)
write("x.php", "program")
write(".hidden", "hidden")
write("dir/x", "x")
nginx = Nginx()
load()
run_tests(before=lambda: param("backend_files", 1))
