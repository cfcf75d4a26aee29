#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
A memory cgroup is charged for the sockets of its tasks, and what is taken back from them is
uncharged: as much as it was charged for, whatever they have done with the socket.
"""

import contextlib
import os
import socket
import threading

from lib import (PATIENCE, Client, Closed, Counting, OneShot, bytes_of, eventually, load,
                 no_connection_left, nothing_left, request, run_tests, same, stat, sysctl,
                 test, write)

SO_ZEROCOPY = 60
MSG_ZEROCOPY = 0x4000000
SO_RESERVE_MEM = 73
SO_TIMESTAMPING = 37
# Transmission by software, acknowledged; reported.
STAMPS = 1 << 1 | 1 << 9 | 1 << 4

GROUP = "/sys/fs/cgroup/accounts"
CONNECTIONS = 16
FEW = 4
# With less TCP drops what it has no room for, and sends it again later and later.
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
BODY = bytes_of(100_000)
# More than a socket has room for.
LARGE = bytes_of(2_500_000)


def head(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)


def charges():
    """What the group is charged for, in all; and the sum of what for."""
    with open(f"{GROUP}/memory.stat", encoding="ascii") as lines:
        words = dict(line.split() for line in lines)
    with open(f"{GROUP}/memory.current", encoding="ascii") as current:
        return (int(current.read()),
                sum(int(words[key]) for key in ("anon", "file", "kernel", "sock")),
                int(words["sock"]))


def expect_no_less():
    """No more was given back than was charged. The kernel sums the parts up now and then."""
    def no_less():
        current, parts, _ = charges()
        return current >= parts
    eventually(no_less, f"a charge of what there is: {charges()}")


def expect_exact():
    """And nothing is charged for sockets."""
    eventually(lambda: charges()[2] == 0, "sock in memory.stat to be 0")
    expect_no_less()


def move_to(group):
    with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))


class Held:
    """What the backend does in between, when a test says so."""

    def __init__(self):
        self.go = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)

    def close(self, count=1):
        for _ in range(count):
            self.go.release()

    def wait(self):
        self.answered.release()
        same(self.go.acquire(timeout=PATIENCE), True, "told to close")

    def arrived(self, count=1):
        for _ in range(count):
            same(self.answered.acquire(timeout=PATIENCE), True, "answered")


def send_all(connection, data, flags):
    """All of it into the socket: it has room for that."""
    while data:
        data = data[connection.send(data, flags):]


def by_copy(connection):
    send_all(connection, head(BODY) + BODY, 0)


def without_copying(connection):
    connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    send_all(connection, head(BODY), 0)
    send_all(connection, BODY, MSG_ZEROCOPY)


def with_timestamps(connection):
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, STAMPS)
    by_copy(connection)


@contextlib.contextmanager
def answered(way, count=CONNECTIONS):
    """
    The backend has answered that way, each client has read the head; the backend holds the
    connections until it is told to close them.
    """
    held = Held()

    def answer(connection):
        way(connection)
        held.wait()

    backend.answer = answer
    clients = []
    for _ in range(count):
        clients.append(Client(options=[SMALL_WINDOW]))
        clients[-1].send(request("/dynamic"))
    held.arrived(count)
    yield held, clients
    for client in clients:
        client.close()
    no_connection_left()
    expect_exact()


def expect_closed_exactly(way):
    with answered(way) as (held, clients):
        held.close(CONNECTIONS)
        eventually(lambda: stat("live_connections") in (0, CONNECTIONS), "all closed")
        expect_exact_while(clients)


def expect_exact_while(clients):
    """Also while what the backend has written is still on its way."""
    expect_no_less()
    for client in clients:
        widen(client, 100_000)
        same(client.response().body, BODY, "dynamic")


@test("closed with what it has written on its way: by copy")
def copied():
    expect_closed_exactly(by_copy)


@test("without copying: its pages are not the socket's")
def zerocopy():
    expect_closed_exactly(without_copying)


@test("with time stamps: what is on the error queue is charged to nobody")
def stamps():
    expect_closed_exactly(with_timestamps)


def expect_finished(way):
    """It closes amid an answer of ours, which goes out to its end behind its own."""
    counting = Counting()
    with answered(way, FEW) as (held, clients):
        for client in clients:
            widen(client, 100_000)
            same(client.response().body, BODY, "dynamic")
            client.send(request("/large"))
        for client in clients:
            wait_for_bytes(client)
        held.close(FEW)
        eventually(lambda: counting.grown("taken_back") == FEW, "to be taken back")
        for client in clients:
            widen(client, 1 << 20)
            same(client.response().body, LARGE, "large")


def widen(client, size):
    """From here on it reads quickly."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def wait_for_bytes(client):
    """The first ones of an answer have come, and are left where they are."""
    same(len(client.sock.recv(1, socket.MSG_PEEK)), 1, "a byte")


@test("closed amid an answer of ours, behind one by copy")
def amid_copied():
    expect_finished(by_copy)


@test("closed amid an answer of ours, behind one without copying")
def amid_zerocopy():
    expect_finished(without_copying)


@test("memory that is reserved is not taken along")
def reserved():
    def reserve(connection):
        connection.setsockopt(socket.SOL_SOCKET, SO_RESERVE_MEM, 1 << 20)
        by_copy(connection)

    counting = Counting()
    with answered(reserve, 1) as (held, clients):
        same(clients[0].response().body, BODY, "dynamic")
        clients[0].send(request("/large"))
        wait_for_bytes(clients[0])
        held.close()
        try:
            raise AssertionError(f"whole: {clients[0].response().status}")
        except (Closed, ConnectionResetError):
            pass
    counting.expect(taken_back=0)


@test("nothing is left")
def nothing():
    nothing_left()


class Many(OneShot):
    """A thread for each connection."""

    def serve_one(self, connection):
        threading.Thread(target=super().serve_one, args=(connection,), daemon=True).start()


write("small", "small")
write("large", LARGE)
os.makedirs(GROUP, exist_ok=True)
move_to(GROUP)
backend = Many(None)
load(**{"return": 1, "take_back": 1})
with sysctl("net/ipv4/tcp_wmem", "4096 400000 1000000"), \
     sysctl("net/core/optmem_max", "2000000"):
    try:
        run_tests()
    finally:
        move_to("/sys/fs/cgroup")
