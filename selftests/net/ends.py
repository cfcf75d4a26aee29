#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Each request ends once, whoever answers it and however that ends, and is counted then.
"""

import socket
import struct
import time

from hanging import Hanging
import lib
from lib import (WWW, Client, Counting, Nginx, bytes_of, eventually, load, nothing_left,
                 params, request, run_tests, same, stat, stats, test, write)

lib.two_ports_only("most of it has no server")

LARGE = bytes_of(8_000_000)
# A client that holds back what it is sent.
SMALL_BUFFER = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
OUTCOMES = ("served", "not_modified", "redirected", "options_answered", "handed_over", "errors")


def begin_large(counting):
    """Return: a client that has some of it, and not all."""
    client = Client(options=SMALL_BUFFER)
    client.send(request("/large"))
    client.take(1000)
    eventually(lambda: counting.grown("bytes_sent") > 0, "the answer to begin")
    return client


def reset(client):
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@test("an answer is counted when all of it is sent")
def sent():
    counting = Counting()
    with begin_large(counting) as client:
        time.sleep(0.2)
        counting.expect(requests=0, served=0)
        client.take(len(LARGE) - 1000)
        counting.expect(requests=1, served=1)


@test("one that is cut short is counted as what it was")
def cut():
    counting = Counting()
    reset(begin_large(counting))
    eventually(lambda: stat("live_connections") == 0, "the connection to end")
    counting.expect(requests=1, served=1)


@test("several on one connection, each as what it is")
def several():
    counting = Counting()
    with Client() as client:
        for target, fields, status in (("/small", "", 200), ("/dir", "", 301),
                                       ("/small", "Range: bytes=1-2\r\n", 206),
                                       ("/small", "Range: bytes=0-0,2-3\r\n", 206),
                                       ("/small", "Range: bytes=9-\r\n", 416),
                                       ("/small", "If-Match: \"x\"\r\n", 412)):
            same(client.ask(target, fields=fields).status, status, target)
    counting.expect(requests=6, served=3, partial=2, redirected=1, errors=2, error_416=1,
                    error_412=1)


@test("who leaves while his file is looked for has asked for nothing")
def forgotten():
    write("hang/file", "file")
    counting = Counting()
    with Hanging(f"{WWW}/hang") as files:
        client = Client()
        client.send(request("/hang/file"))
        files.wait()
        reset(client)
        files.answer("file")
        eventually(lambda: stat("live_connections") == 0, "the connection to end")
    counting.expect(requests=0)


@test("what the backend has: lent, passed on, given")
def handed_over():
    nginx = Nginx()
    try:
        counting = Counting()
        with params(**{"return": 1}), Client() as client:
            client.ask("/small", method="POST")
            client.ask("/small", method="DELETE")
        counting.expect(requests=2, handed_over=2, connections_lent=1)
        with Client() as client:
            client.ask("/small", method="POST")
        counting.expect(requests=3, handed_over=3, connections_handed_over=2)
    finally:
        nginx.stop()


@test("what it has not, since nobody listens")
def refused():
    counting = Counting()
    with Client() as client:
        same(client.ask("/small", method="POST").status, 503, "status")
    counting.expect(requests=1, handed_over=0, errors=1, error_503=1, backend_absent=1)


@test("requests are the sum of what came of them")
def summed():
    now = stats()
    same(now["requests"], sum(now[key] for key in OUTCOMES), "requests")
    nothing_left()


write("small", "small")
write("large", LARGE)
write("dir/index.html", "index")
load()
run_tests()
