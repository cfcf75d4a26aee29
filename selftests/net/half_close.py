#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A client may say that it has no more to ask, and still reads the answer."""

import socket
import subprocess

from lib import (PORT, Client, Counting, Nginx, bytes_of, load, no_connection_left,
                 request, run_tests, same, test, write)

BODY = bytes_of(1_000_000)
CORK = (socket.IPPROTO_TCP, socket.TCP_CORK, 1)


def netcat(data):
    """nc -N: shuts its side at the end of its input."""
    return subprocess.run(["nc", "-N", "127.0.0.1", str(PORT)], input=data,
                          capture_output=True, check=True).stdout


@test("nc -N gets a file")
def with_netcat():
    head, body = netcat(request("/a.bin")).split(b"\r\n\r\n", 1)
    same(head.startswith(b"HTTP/1.1 200 OK\r\n"), True, "status line")
    same(body, BODY, "body")


@test("nc -N gets what nginx answers")
def netcat_handed_over():
    answer = netcat(request("/dynamic"))
    same(b"GET 127.0.0.1:" in answer, True, "answer")


@test("request and end in one segment")
def one_segment():
    for target in "/a.bin", "/small":
        with Client(options=[CORK]) as client:
            client.send(request(target))	# held back by the cork
            client.shut()
            response = client.response()
            same(response.status, 200, "status")
            same(len(response.body), 5 if target == "/small" else len(BODY),
                 "length")
            client.expect_end()


@test("the end comes while the response is on its way")
def in_the_middle():
    with Client() as client:
        client.send(request("/a.bin"))
        client.take(1000)
        client.shut()
        same(len(client.rest()) > len(BODY) - 1000, True, "the rest")


@test("the end after half a request head: closed, nothing said")
def half_a_head():
    for data in (b"", b"G", b"GET /small HTTP/1.1\r\nHost:", b"\r\n"):
        with Client() as client:
            client.send(data)
            client.shut()
            client.expect_end()


@test("the end after a keep-alive response")
def after_response():
    with Client() as client:
        same(client.ask("/small").status, 200, "status")
        client.shut()
        client.expect_end()


@test("nothing is left, none was aborted")
def nothing_left():
    no_connection_left()
    counting.expect(connections_aborted=0)


write("a.bin", BODY)
write("small", "small")
nginx = Nginx()
load()
counting = Counting()
run_tests()
