#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A GET may have a body: it is not for us, and not the next request either."""

import time

from lib import (Client, Counting, Nginx, bytes_of, eventually, load,
                 no_connection_left, nothing_left, params, request, run_tests, same, stat,
                 test, write)

MOST = 65536
# A body that would be answered if it were taken for a request.
TRAP = request("/trap")
FILE = b"the file"


def body_of(size):
    return (TRAP * (size // len(TRAP) + 1))[:size]


def with_body(size, method="GET", target="/file", fields=""):
    return request(target, method, f"Content-Length: {size}\r\n{fields}")


def expect_file(client, what, head_only=False):
    response = client.response(head_only)
    same((response.status, response.is_nginx, response["connection"],
          response.body), (200, False, "keep-alive", b"" if head_only else FILE), what)


def expect_next(client, what):
    """The connection is in step, and ours."""
    client.send(request("/other"))
    response = client.response()
    same((response.body, response.is_nginx), (b"other", False), what)


@test(f"a body of up to {MOST} bytes in one piece with its head")
def at_once():
    counting = Counting()
    sizes = 0, 1, 5, 1000, 4096, 16384, 20000, MOST - 1, MOST
    with Client() as client:
        for size in sizes:
            client.send(with_body(size) + body_of(size))
            expect_file(client, size)
            expect_next(client, size)
    counting.expect(requests=2 * len(sizes), served=2 * len(sizes), handed_over=0,
                    connections_accepted=1)


@test("the answer does not wait for the body")
def answer_first():
    with Client() as client:
        client.send(with_body(1000))
        expect_file(client, "before the body")
        client.send(body_of(1000))
        expect_next(client, "behind the body")
        client.send(with_body(5) + b"he")
        expect_file(client, "in the middle of the body")
        client.send(b"llo" + request("/other"))
        same(client.response().body, b"other", "behind the rest")


@test("a body byte by byte, and one in random pieces")
def pieces():
    with Client() as client:
        for byte in with_body(60) + body_of(60) + request("/other"):
            client.send(bytes([byte]))
            eventually(lambda: not client.unacknowledged(), "a byte to arrive")
        expect_file(client, "byte by byte")
        same(client.response().body, b"other", "behind it")
        client.send(with_body(MOST))
        body, at = body_of(MOST), 0
        for size in (1, 2, 3, 1000, 4095, 4096, 4097, 8192, 16384, 1, 20000, MOST):
            client.send(body[at:at + size])
            at += size
            eventually(lambda: not client.unacknowledged(), "a piece to arrive")
        expect_file(client, "in pieces")
        expect_next(client, "in pieces")


@test("pipelined: bodies between requests, of every size")
def pipelined():
    sizes = [n * 97 % 3000 for n in range(60)] + [MOST, 0, 1, 40000]
    data = b"".join(with_body(size) + body_of(size) + request("/other")
                    for size in sizes)
    with Client() as client:
        client.send(data)
        for size in sizes:
            expect_file(client, size)
            same(client.response().body, b"other", f"behind {size}")
    # The same, cut where it hurts.
    cut = with_body(30) + body_of(30) + request("/other")
    for at in range(1, len(cut), 3):
        with Client() as client:
            client.send(cut[:at])
            eventually(lambda: not client.unacknowledged(), "the first piece")
            client.send(cut[at:])
            expect_file(client, f"cut at {at}")
            same(client.response().body, b"other", f"behind, cut at {at}")


@test("a body like a request is not answered")
def trap():
    counting = Counting()
    with Client() as client:
        client.send(with_body(len(TRAP)) + TRAP + request("/other"))
        expect_file(client, "first")
        same(client.response().body, b"other", "not the trap")
        client.shut()
        client.expect_end()
    counting.expect(requests=2)


@test("HEAD, 304, 206, 404, 416, redirects: with bodies, and in step")
def other_answers():
    with params(standalone=1), Client() as client:
        client.send(with_body(50, "HEAD") + body_of(50))
        expect_file(client, "HEAD", head_only=True)
        tag = client.ask("/file")["etag"]
        for fields, target, status in (
                (f"If-None-Match: {tag}\r\n", "/file", 304),
                ("Range: bytes=1-2\r\n", "/file", 206),
                ("Range: bytes=0-0,2-2\r\n", "/file", 206),
                ("Range: bytes=100-\r\n", "/file", 416),
                ('If-Match: "x"\r\n', "/file", 412),
                ("", "/dir", 301), ("", "/none", 404), ("", "/dir/", 403)):
            client.send(with_body(50, target=target, fields=fields) + body_of(50))
            same(client.response().status, status, f"{target} {fields}")
            expect_next(client, f"{target} {fields}")


@test("a large file is answered while the body is still coming")
def large_answer():
    with Client() as client:
        client.send(with_body(MOST, target="/large") + body_of(MOST)[:30000])
        same(client.response().body == LARGE, True, "file")
        client.send(body_of(MOST)[30000:])
        expect_next(client, "behind")


@test("HTTP/1.0, and Connection: close: closed, the client can read all of it")
def closing():
    for fields, version in ("Connection: close\r\n", "1.1"), ("", "1.0"):
        with Client() as client:
            client.send(request("/large", fields=f"Content-Length: {MOST}\r\n{fields}",
                                version=version))
            client.send(body_of(MOST))
            response = client.response()
            same((response["connection"], response.body == LARGE), ("close", True),
                 version)
            client.expect_end()


@test(f"{MOST + 1} bytes, and chunked: the backend's, unread")
def handed_over():
    for fields, body in ((f"Content-Length: {MOST + 1}\r\n", body_of(MOST + 1)),
                         ("Content-Length: 1000000\r\n", body_of(1_000_000)),
                         ("Transfer-Encoding: chunked\r\n",
                          b"%x\r\n%s\r\n0\r\n\r\n" % (len(TRAP), TRAP))):
        counting = Counting()
        with Client() as client:
            same(client.ask("/other").is_nginx, False, "before")
            client.send(request("/file", fields=fields) + body + request("/other"))
            response = client.response()
            same((response.is_nginx, response.body), (True, FILE), fields)
            response = client.response()
            same((response.is_nginx, response.body), (True, b"other"), fields)
        counting.expect(handed_over_body=1, handed_over=1)


@test("a body before a request that is handed over")
def before_handover():
    with Client() as client:
        client.send(with_body(100) + body_of(100) + request("/dynamic?x"))
        expect_file(client, "ours")
        same(client.response().body, f"GET {client.name()} x\n".encode(), "nginx's")
    with Client() as client:
        client.send(with_body(100) + body_of(60))
        expect_file(client, "ours")
        client.send(body_of(100)[60:] + request("/dynamic?y"))
        same(client.response().body, f"GET {client.name()} y\n".encode(), "later")


@test("what is handed over keeps its body")
def other_methods():
    counting = Counting()
    with Client() as client:
        client.send(with_body(5, target="/dynamic") + b"hello" + request("/other"))
        same(client.response().body, f"GET {client.name()} \n".encode(), "nginx's")
        same(client.response().body, b"other", "behind its body")
    with Client() as client:
        client.send(with_body(5, "POST") + b"hello")
        same(client.response().is_nginx, True, "POST")
    counting.expect(handed_over=2)


@test("alone: 413 for what is larger or chunked, and closed")
def alone():
    with params(standalone=1):
        for method, fields in (("GET", f"Content-Length: {MOST + 1}\r\n"),
                               ("GET", f"Content-Length: {2 ** 62}\r\n"),
                               ("GET", "Transfer-Encoding: chunked\r\n"),
                               ("HEAD", f"Content-Length: {MOST + 1}\r\n")):
            counting = Counting()
            with Client() as client:
                client.send(request("/file", method, fields) + body_of(3000))
                response = client.response(method == "HEAD")
                same((response.status, response["connection"]), (413, "close"), fields)
                client.expect_end()
            counting.expect(error_413=1, requests=1)


@test("a body that never comes: closed at its deadline, and not before")
def never():
    with params(header_timeout=2, keepalive_timeout=3600):
        for sent in 0, 99:
            counting = Counting()
            with Client() as client:
                started = time.monotonic()
                client.send(with_body(100) + body_of(sent))
                expect_file(client, "at once")
                client.expect_end()
                took = time.monotonic() - started
            same(1.9 <= took < 40, True, f"{took} s")
            counting.expect(timeout_body=1, timeout_keepalive=0, timeout_header=0)
    no_connection_left()


@test("a client that goes in the middle of its body leaves nothing")
def goes():
    for end in Client.shut, Client.close:
        client = Client()
        client.send(with_body(100) + body_of(50))
        expect_file(client, "at once")
        end(client)
        if end is Client.shut:
            client.expect_end()
            client.close()
    nothing_left()
    same(stat("connections_aborted"), 0, "aborted")


LARGE = bytes_of(1_000_000)
write("file", FILE)
write("other", "other")
write("trap", "the body was taken for a request")
write("large", LARGE)
write("dir/.keep", "")
nginx = Nginx()
load()
run_tests()
