#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Nobody can hold it hostage: deadlines, and how many may come."""

import socket
import time

from lib import (Client, Closed, Counting, Nginx, bytes_of, get, load,
                 no_connection_left, param, request, run_tests, same, test,
                 write)

SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
# Nobody may wait longer for what takes a second, on however slow a machine.
LATE = 40


def seconds_until_end(client):
    started = time.monotonic()
    client.expect_end()
    return time.monotonic() - started


def expect_about_a_second(seconds):
    same(0.9 <= seconds < LATE, True, f"{seconds} s")


@test("nothing said: closed after header_timeout")
def silent():
    counting = Counting()
    with Client() as client:
        expect_about_a_second(seconds_until_end(client))
    counting.expect(timeout_header=1)


@test("half a head: the same")
def half():
    counting = Counting()
    with Client() as client:
        client.send("GET /small HTTP/1.1\r\nHost: ")
        expect_about_a_second(seconds_until_end(client))
    counting.expect(timeout_header=1)


@test("a head that drips in: the deadline does not move")
def drip():
    counting = Counting()
    started = time.monotonic()
    with Client() as client:
        client.sock.settimeout(0.2)
        client.send("GET /small HTTP/1.1\r\nX: ")
        try:
            while time.monotonic() - started < LATE:
                client.send("x")
                try:
                    client.fill()
                except TimeoutError:
                    pass
        except (Closed, ConnectionError):
            pass
    expect_about_a_second(time.monotonic() - started)
    counting.expect(timeout_header=1)


@test("half a head behind a response: the same")
def half_later():
    counting = Counting()
    with Client() as client:
        same(client.ask("/small").status, 200, "first")
        client.send("GET /sm")
        expect_about_a_second(seconds_until_end(client))
    counting.expect(timeout_header=1, timeout_keepalive=0)


@test("idle after a response: closed after keepalive_timeout")
def idle():
    param("keepalive_timeout", 1)
    param("header_timeout", 3600)
    counting = Counting()
    with Client() as client:
        same(client.ask("/small").status, 200, "first")
        expect_about_a_second(seconds_until_end(client))
    counting.expect(timeout_keepalive=1, timeout_header=0)


@test("each response begins a new keepalive_timeout")
def busy():
    param("keepalive_timeout", 10)
    with Client() as client:
        started = time.monotonic()
        while time.monotonic() - started < 15:
            same(client.ask("/small").status, 200, "next")
            time.sleep(0.5)


@test("a client that does not read: reset after send_timeout")
def unread():
    param("send_timeout", 1)
    counting = Counting()
    with Client(options=[SMALL_WINDOW]) as client:
        client.send(request("/large"))
        counting.expect(timeout_send=1, connections_aborted=1)
        try:
            client.response()
            raise AssertionError("the whole response")
        except ConnectionResetError:
            pass


@test("a client that reads slowly: not as long as it goes on")
def slow():
    param("send_timeout", 10)
    counting = Counting()
    with Client(options=[SMALL_WINDOW]) as client:
        client.send(request("/large"))
        started = time.monotonic()
        while time.monotonic() - started < 20:
            client.take(20_000)
            time.sleep(0.1)
        same(counting.grown("timeout_send"), 0, "timeout_send")
        same(counting.grown("live_connections"), 1, "live_connections")


@test("an error is left for the client to read for linger_timeout")
def linger():
    no_connection_left()
    param("strict", 1)
    param("linger_timeout", 1)
    with Client() as client:
        started = time.monotonic()
        client.send("GET / HTTP/1.1\r\nbroken\r\n\r\n")
        same(client.response().status, 400, "status")
        client.expect_end()
        # We are not closing.
        no_connection_left()
        expect_about_a_second(time.monotonic() - started)
    param("strict", 0)


@test("more than max_connections: to nginx, or refused; room again: served")
def too_many():
    param("keepalive_timeout", 3600)
    param("max_connections", 5)
    clients = [Client() for _ in range(5)]
    for client in clients:
        same(client.ask("/small").is_nginx, False, "one of five")
    counting = Counting()
    with Client() as client:
        same(client.ask("/small").is_nginx, True, "the sixth")
    counting.expect(connections_over_limit=1, connections_handed_over=1,
                    handed_over=0)

    nginx.stop()
    counting = Counting()
    with Client() as client:
        try:
            client.send(request("/small"))
            client.fill()
            raise AssertionError("an answer")
        except (Closed, ConnectionError):
            pass
    counting.expect(connections_refused=1)

    for client in clients:
        same(client.ask("/small").status, 200, "still one of five")
        client.close()
    no_connection_left()
    same(get("/small").is_nginx, False, "room again")


write("small", "small")
write("large", bytes_of(8_000_000))
nginx = Nginx()
load(header_timeout=1)
run_tests()
