#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""strict=1 and standalone=1: sluice says itself what is wrong."""

from lib import (Client, Closed, Counting, Nginx, get, load,
                 no_connection_left, param, request, run_tests, same, say,
                 test, write)
from vectors import read_vectors

VECTORS = read_vectors()
ERRORS = [vector for vector in VECTORS if vector.error]
# Not an error that closes: the request was understood.
GOES_ON = {"NAME_TOO_LONG"}
# To a backend, it may be what was meant.
HANDED_OVER = {"H2_PREFACE"}


def expect_error(vector):
    status, name = vector.error
    with Client() as client:
        client.send(vector.data)
        response = client.response(vector.data.startswith(b"HEAD "))
        same(response.status, status, "status")
        same(response["content-type"], "text/html", "Content-Type")
        if name in GOES_ON:
            same(client.ask("/small").body, b"small", "the next request")
        else:
            same(response["connection"], "close", "Connection")
            client.expect_end()


def each(vectors, expect):
    """All of them, then tell which ones went wrong."""
    wrong = 0
    for vector in vectors:
        try:
            expect(vector)
        except (AssertionError, Closed, OSError) as reason:
            say(f"{vector.name}: {reason}")
            wrong += 1
    same(wrong, 0, f"wrong ones of {len(vectors)}")


@test("every malformed request of the vectors: its status, and closed")
def malformed():
    vectors = [vector for vector in ERRORS if vector.error[1] not in HANDED_OVER]
    same(len(vectors) > 200, True, "enough of them")
    counting = Counting()
    each(vectors, expect_error)
    counting.expect(errors=len(vectors), handed_over=0)


@test("what is not malformed is still nginx's")
def not_malformed():
    counting = Counting()
    for method, target in ("POST", "/small"), ("GET", "/nothing"), ("BREW", "/small"):
        same(get(target, method=method).is_nginx, True, f"{method} {target}")
    counting.expect(handed_over=3, errors=0)


@test("the client can read the error although it goes on sending")
def lingers():
    for size in 0, 1000, 500_000:
        with Client() as client:
            client.send(b"GET / HTTP/1.1\r\nbroken\r\n\r\n" + b"x" * size)
            same(client.response().status, 400, "status")
            client.expect_end()
            client.expect_lingering()


@test("heads that are too long: 431, request lines 414, by max_head_size")
def too_long():
    for limit in 8192, 1024:
        param("max_head_size", limit)
        fits = request("/small", fields=f"X: {'x' * (limit - 60)}\r\n")
        same(len(fits) <= limit, True, "fits")
        with Client() as client:
            client.send(fits)
            same(client.response().status, 200, f"{len(fits)} bytes")
        for status, data in (
                (431, request("/small", fields=f"X: {'x' * limit}\r\n")),
                (431, request("/small", fields="X: x\r\n" * (limit // 5))),
                (414, request("/small" + "x" * limit))):
            with Client() as client:
                client.send(data)
                same(client.response().status, status, f"{len(data)} bytes")
                client.expect_end()
    param("max_head_size", 8192)


@test("standalone: the same for every malformed request")
def standalone():
    nginx.stop()
    param("standalone", 1)
    param("strict", 0)
    each(ERRORS, expect_error)


def expect_accepted(vector):
    if vector.said("hand-over") or vector.said("method") == "OTHER":
        return
    with Client() as client:
        client.send(vector.data)
        client.shut()
        response = client.response(head_only=vector.data.startswith(b"HEAD"))
        same(response.status in (200, 204, 206, 301, 403, 404, 405, 413), True,
             f"status {response.status}")
        if vector.said("keep-alive") == "no":
            same(response["connection"], "close", "Connection")


@test("standalone: no well-formed request of the vectors is called malformed")
def accepted():
    each([vector for vector in VECTORS if vector.is_ok], expect_accepted)


@test("standalone: what nobody else will answer")
def alone():
    for method, target, fields, status in (
            ("GET", "/nothing", "", 404), ("HEAD", "/nothing", "", 404),
            ("GET", "/bare/", "", 403), ("POST", "/small", "", 405),
            ("DELETE", "/small", "", 405), ("OPTIONS", "/small", "", 204),
            ("TRACE", "/small", "", 405), ("BREW", "/small", "", 501),
            ("GET", "/a%2Fb", "", 404),
            # What may be ignored is.
            ("GET", "/small", "Range: bytes=1-2\r\n", 206),
            ("GET", "/small", "Expect: 100-continue\r\n", 200),
            ("GET", "/small", "Connection: upgrade\r\nUpgrade: x\r\n", 200)):
        counting = Counting()
        with Client() as client:
            response = client.ask(target, method, fields)
            same(response.status, status, f"{method} {target} {fields}")
            same((response["allow"] is not None), status in (204, 405), "Allow")
            # All of these were understood: the connection goes on.
            same(client.ask("/small").body, b"small", "the next request")
        if status >= 400:
            counting.expect(**{f"error_{status}": 1, "errors": 1, "served": 1})
        counting.expect(handed_over=0)


@test("standalone: a body that is not drained: 413, closed")
def body():
    for fields in "Content-Length: 65537\r\n", "Transfer-Encoding: chunked\r\n":
        with Client() as client:
            client.send(request("/small", fields=fields) + b"0\r\n\r\n")
            same(client.response().status, 413, "status")
            client.expect_end()


@test("standalone: a method that is not ours is wrong whatever the body")
def method_with_body():
    for method, status in ("POST", 405), ("PUT", 405), ("BREW", 501):
        with Client() as client:
            client.send(request("/small", method, "Content-Length: 5\r\n") + b"hello")
            same(client.response().status, status, method)
            same(client.ask("/small").body, b"small", "the next request")
        for fields in "Content-Length: 65537\r\n", "Transfer-Encoding: chunked\r\n":
            with Client() as client:
                client.send(request("/small", method, fields) + b"0\r\n\r\n")
                same(client.response().status, status, method)
                client.expect_end()


@test("errors leave nothing behind")
def nothing_left():
    no_connection_left()


write("small", "small")
write("bare/.keep", "")
nginx = Nginx()
load(strict=1, linger_timeout=3600)
run_tests()
