#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A client that does not read costs memory, no thread and nobody else's time."""

import os
import socket

from lib import (Client, Counting, bytes_of, eventually, get, load,
                 no_connection_left, request, run_tests, same, stat, test,
                 write)

READERS = 50
BODY = bytes_of(3_000_000)
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)

clients = []


def kernel_threads():
    """Processes without memory of their own."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/statm") as statm:
                count += statm.read().startswith("0 ")
        except FileNotFoundError:
            pass
    return count


def sent_nothing_since(last=[-1]):
    previous, last[0] = last[0], stat("bytes_sent")
    return previous == last[0]


@test(f"{READERS} clients that do not read: no thread each")
def stalled():
    threads = kernel_threads()
    for _ in range(READERS):
        client = Client(options=[SMALL_WINDOW])
        client.send(request("/large"))
        clients.append(client)
    for client in clients:
        client.sock.recv(1, socket.MSG_PEEK)	# its answer has begun
    eventually(sent_nothing_since, "all of them to stall")
    counting.expect(served=0)
    same(stat("live_connections"), READERS, "live connections")
    # The kernel may have started workers of its own meanwhile, but not so many.
    same(kernel_threads() < threads + READERS / 4, True, "few new threads")


@test("others are served meanwhile")
def others():
    for _ in range(20):
        same(get("/small").body, b"small", "body")
    same(get("/large").body, BODY, "large body")


@test("all is there when they read at last")
def at_last():
    for client in clients[:10]:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        response = client.response()
        same(response.body == BODY, True, "body")


@test("those that leave in the middle leave nothing behind")
def leave():
    half = [Client(options=[SMALL_WINDOW]) for _ in range(20)]
    for client in half:
        client.send(request("/large"))
        client.take(1000)
    for client in half + clients:
        client.close()
    no_connection_left()


write("large", BODY)
write("small", "small")
load(standalone=1, send_timeout=3600)
counting = Counting()
run_tests()
