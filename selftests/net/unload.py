#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
The module leaves at any moment: under load, with clients in every state, in
bounded time. What is nginx's by then lives on, and nothing of ours is left.
"""

import os
import socket
import subprocess

from lib import (SLOWNESS, WWW, Client, Closed, Nginx, bytes_of, eventually, is_loaded,
                 load, no_connection_left, request, run, run_tests, same, say,
                 slabs, sockets, start, stat, test, timed_unload, write)

ROUNDS = 10 // SLOWNESS
EACH = 5
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)


def widen(client):
    """Read fast from now on."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)


def expect_gone(client):
    """Closed or reset; what had been sent may come first."""
    try:
        widen(client)
        client.rest()
    except (Closed, ConnectionError):
        pass
    client.close()


class Crowd:
    """Clients in every state in which the module may find one."""

    def __init__(self):
        self.silent = [Client() for _ in range(EACH)]
        self.half = [Client() for _ in range(EACH)]
        self.idle = [Client() for _ in range(EACH)]
        self.slow = [Client(options=[SMALL_WINDOW]) for _ in range(EACH)]
        self.slow_then_nginx = [Client(options=[SMALL_WINDOW])
                                for _ in range(EACH)]
        self.nginx = [Client() for _ in range(EACH)]
        self.download = Client(options=[SMALL_WINDOW])
        for client in self.half:
            client.send("GET /small HTTP/1.1\r\nHo")
        for client in self.idle:
            same(client.ask("/small").body, b"small", "idle")
        for client in self.slow:
            client.send(request("/large"))
        for client in self.slow_then_nginx:
            client.send(request("/large") + request("/dynamic"))
        for client in self.nginx:
            same(client.ask("/small").body, b"small", "before nginx")
            self.ask_nginx(client)
        # This is for nginx, which sends the file from then on.
        self.download.send(request("/large",
                                   fields="Connection: upgrade\r\nUpgrade: x\r\n"))
        self.download.fill()

    @staticmethod
    def ask_nginx(client):
        same(client.ask("/dynamic").body,
             f"GET {client.name()} \n".encode(), "from nginx")

    def after(self):
        for client in self.nginx:
            self.ask_nginx(client)
            client.close()
        widen(self.download)
        response = self.download.response()
        same((response.is_nginx, response.body == LARGE), (True, True), "download")
        self.download.close()
        for client in self.half:
            client.send("st: localhost\r\n\r\n")
            same(client.response().is_nginx, True, "half a head")
        for client in self.silent + self.half + self.idle:
            self.ask_nginx(client)
            client.close()
        for client in self.slow + self.slow_then_nginx:
            expect_gone(client)


def arrive():
    """Whoever does not read would be waited for, and who is silent shall be here still."""
    load(unload_timeout=0, header_timeout=3600, keepalive_timeout=3600)


def wrk(target, *options):
    return start("wrk", "-t1", "-c4", "-d100000s", *options,
                 f"http://127.0.0.1{target}", stdout=subprocess.DEVNULL)


@test(f"{ROUNDS} times under load, with clients in every state")
def under_load():
    arrive()
    # They go on to connect while it is away.
    programs = [wrk("/small"), wrk("/dynamic", "-H", "Connection: close")]
    slowest = 0
    try:
        for number in range(ROUNDS):
            if number % 10 == 0:
                say(f"round {number}")
            if not is_loaded():
                arrive()
            crowd = Crowd()
            eventually(lambda: stat("served") > 300 and stat("handed_over") > 50,
                       "load")
            slowest = max(slowest, timed_unload())
            crowd.after()
    finally:
        for program in programs:
            program.kill()
            program.wait()
    say(f"the slowest rmmod took {slowest:.2f} s")


@test("the docroot's file system can be unmounted at once")
def unmount():
    os.mkdir(f"{WWW}/mnt")
    run("mount", "-t", "tmpfs", "tmpfs", f"{WWW}/mnt")
    write("mnt/small", "small")
    write("mnt/large", LARGE)
    for _ in range(10):
        load(docroot=f"{WWW}/mnt", standalone=1, unload_timeout=0)
        clients = [Client(options=[SMALL_WINDOW]) for _ in range(EACH)]
        for client in clients:
            client.send(request("/small") + request("/large"))
            same(client.response().body, b"small", "small")
        timed_unload()
        run("umount", f"{WWW}/mnt")
        run("mount", "-t", "tmpfs", "tmpfs", f"{WWW}/mnt")
        write("mnt/small", "small")
        write("mnt/large", LARGE)
        for client in clients:
            expect_gone(client)
    run("umount", f"{WWW}/mnt")


@test("its slab is its own while it is loaded, or nobody could tell that it goes")
def own_slab():
    load()
    same([name for name in slabs() if "sluice" in name], ["sluice_conn"], "slabs")
    timed_unload()


@test("idle, twenty times in a row")
def idle():
    for _ in range(20):
        load()
        timed_unload()


@test("while connections come in that nobody has seen yet")
def coming_in():
    for _ in range(5):
        load()
        clients = [Client() for _ in range(100)]
        timed_unload()
        for client in clients:
            Crowd.ask_nginx(client)
            client.close()


@test("nothing is left: connections, orphans")
def nothing_left():
    load()
    before = sockets("inuse")
    clients = [Client() for _ in range(50)]
    for client in clients:
        client.send(request("/small") * 3 + b"GET /sm")
        same(client.response().body, b"small", "small")
    for client in clients:
        client.close()
    no_connection_left()
    eventually(lambda: sockets("inuse") <= before, "sockets to be gone")
    timed_unload()
    nginx.stop()
    eventually(lambda: sockets("orphan") == 0, "orphans to be gone")
    eventually(lambda: sockets("inuse") == 0, "all sockets to be gone")


LARGE = bytes_of(2_000_000)
write("small", "small")
write("large", LARGE)
nginx = Nginx()
run_tests()
