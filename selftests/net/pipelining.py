#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Requests may arrive together, or in pieces: the answers are the same."""

from lib import (Client, Counting, Nginx, bytes_of, eventually, load, request,
                 run_tests, same, test, write)

DEPTH = 50
SIZES = [0, 1, 100, 4096, 4097, 20000]


def body(number):
    return bytes_of(SIZES[number % len(SIZES)], number)


def requests():
    return b"".join(request(f"/f{n}") for n in range(DEPTH))


def expect_answers(client):
    for number in range(DEPTH):
        response = client.response()
        same(response.status, 200, f"status of {number}")
        same(response.body, body(number), f"body of {number}")


@test(f"{DEPTH} requests in one segment get {DEPTH} answers in order")
def together():
    with Client() as client:
        client.send(requests())
        expect_answers(client)
        client.shut()
        client.expect_end()


@test("the same when the client sends all of it first and shuts")
def together_shut():
    with Client() as client:
        client.send(requests())
        client.shut()
        expect_answers(client)
        client.expect_end()


@test("identical requests get identical answers")
def identical():
    with Client() as client:
        client.send(request("/f2") * DEPTH)
        for _ in range(DEPTH):
            same(client.response().body, body(2), "body")


@test("more requests than a head may be long")
def more_than_a_buffer():
    count = 400	# of about 40 bytes
    with Client() as client:
        client.send(request("/f1") * count)
        for _ in range(count):
            same(client.response().body, body(1), "body")


@test("requests that end anywhere in a segment: 7, 8 and 9 kilobytes apart")
def long_requests():
    for size in (7000, 8000):
        one = request("/f1", fields=f"X-Long: {'x' * size}\r\n")
        with Client() as client:
            client.send(one * 9)
            for _ in range(9):
                same(client.response().body, body(1), "body")


@test("two requests cut in two at every byte")
def cut():
    both = request("/f2") + request("/f5", fields="X-More: 1\r\n")
    for at in range(1, len(both)):
        with Client() as client:
            client.send(both[:at])
            # The first piece is read before the second comes.
            eventually(lambda: not client.unacknowledged(), "the first piece to arrive")
            client.send(both[at:])
            same(client.response().body, body(2), f"first, cut at {at}")
            same(client.response().body, body(5), f"second, cut at {at}")


@test("a byte at a time")
def bytewise():
    with Client() as client:
        for byte in request("/f5") + request("/f1"):
            client.send(bytes([byte]))
            eventually(lambda: not client.unacknowledged(), "a byte to arrive")
        same(client.response().body, body(5), "first")
        same(client.response().body, body(1), "second")


@test("HEAD among GETs has no body")
def head():
    with Client() as client:
        client.send(request("/f2") + request("/f2", "HEAD") + request("/f1"))
        same(client.response().body, body(2), "GET")
        response = client.response(head_only=True)
        same(response["content-length"], str(len(body(2))), "length for HEAD")
        same(client.response().body, body(1), "GET behind HEAD")


@test("nothing is answered behind a request that closes")
def behind_close():
    with Client() as client:
        client.send(request("/f1") +
                    request("/f2", fields="Connection: close\r\n") +
                    request("/f1"))
        same(client.response().body, body(1), "first")
        same(client.response().body, body(2), "last")
        client.expect_end()


@test("one for nginx among them: the rest is nginx's, in order")
def handed_over_among():
    with Client() as client:
        counting = Counting()
        client.send(request("/f1") * 3 + request("/dynamic?x") +
                    request("/f2") * 3)
        for _ in range(3):
            response = client.response()
            same(response.is_nginx, False, "before: nginx's")
            same(response.body, body(1), "before")
        same(client.response().body,
             f"GET {client.name()} x\n".encode(), "dynamic")
        for _ in range(3):
            response = client.response()
            same(response.is_nginx, True, "behind: nginx's")
            same(response.body, body(2), "behind")
        counting.expect(served=3, handed_over=1)


for n in range(DEPTH):
    write(f"f{n}", body(n))
nginx = Nginx()
load()
run_tests()
