#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""When a connection goes on after a response, and when it ends."""

import lib
from lib import Client, load, request, run_tests, same, test, write

lib.two_ports_only("no server is there")

BODY = "kept alive\n"


def expect(client, connection):
    response = client.response()
    same(response.status, 200, "status")
    same(response.body, BODY.encode(), "body")
    same(response["connection"], connection, "Connection")


def expect_goes_on(version, fields):
    with Client() as client:
        for _ in range(3):
            client.send(request("/a.txt", fields=fields, version=version))
            expect(client, "keep-alive")


def expect_ends(version, fields):
    with Client() as client:
        # The second request comes too late: it must not be answered.
        client.send(request("/a.txt", fields=fields, version=version) * 2)
        expect(client, "close")
        client.expect_end()


@test("HTTP/1.1 goes on by default")
def goes_on():
    expect_goes_on("1.1", "")


@test("HTTP/1.1 ends with Connection: close, however it is spelt")
def ends():
    for fields in ("Connection: close\r\n", "connection:CLOSE\r\n",
                   "Connection: close, keep-alive\r\n",
                   "Connection: x,  Close\t, y\r\n",
                   "Connection: x\r\nConnection: close\r\n"):
        expect_ends("1.1", fields)


@test("HTTP/1.1 goes on with other words in Connection")
def other_words():
    expect_goes_on("1.1", "Connection: closed, xclose, close-x\r\n")


@test("HTTP/1.0 ends by default")
def ends_10():
    expect_ends("1.0", "")


@test("HTTP/1.0 goes on with Connection: keep-alive, and is told so")
def goes_on_10():
    expect_goes_on("1.0", "Connection: Keep-Alive\r\n")


@test("HTTP/1.0 ends when close stands beside keep-alive")
def ends_10_both():
    expect_ends("1.0", "Connection: keep-alive, close\r\n")


@test("an HTTP/1.0 request needs no Host")
def no_host():
    with Client() as client:
        client.send("GET /a.txt HTTP/1.0\r\n\r\n")
        expect(client, "close")
        client.expect_end()


@test("a later minor version is read as HTTP/1.1")
def minor():
    expect_goes_on("1.9", "")


@test("a hundred requests on one connection")
def hundred():
    with Client() as client:
        for _ in range(100):
            client.send(request("/a.txt"))
            expect(client, "keep-alive")


write("a.txt", BODY)
load()
run_tests()
