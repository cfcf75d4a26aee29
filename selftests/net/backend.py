#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""What becomes of connections when nobody takes them."""

import random
import socket
import threading

from lib import (BACKEND, Client, Closed, Counting, Nginx, eventually, get, load,
                 no_connection_left, param, request, run_tests, same, say, test,
                 write)


def expect_503(client, response):
    same(response.status, 503, "status")
    same(response["retry-after"] is not None, True, "Retry-After")
    same(response["connection"], "close", "Connection")
    client.expect_end()


def expect_refused(data, **growth):
    """Sent whole, then the answer is read: no reset overtakes it."""
    counting = Counting()
    with Client() as client:
        client.send(data)
        expect_503(client, client.response())
    counting.expect(errors=1, error_503=1, handed_over=0, **growth)


@test("nobody listens: 503, counted")
def down():
    expect_refused(request("/dynamic"), backend_absent=1)


@test("static files are served all the same, then 503 on the same connection")
def static_then_down():
    with Client() as client:
        same(client.ask("/small").body, b"small", "static")
        expect_503(client, client.ask("/dynamic"))


@test("a client that sends a body can read the 503")
def down_with_body():
    for size in 10, 100_000:
        with Client() as client:
            client.send(request("/x", "POST", f"Content-Length: {size}\r\n"))
            client.send(bytes(size))
            expect_503(client, client.response())
            client.expect_lingering()


@test("HEAD: 503 without a body")
def down_head():
    with Client() as client:
        client.send(request("/dynamic", "HEAD"))
        same(client.response(head_only=True).status, 503, "status")
        client.expect_end()


@test("malformed, and nobody to say so: 400 by sluice")
def down_malformed():
    with Client() as client:
        client.send("GET / HTTP/1.1\r\n\r\n")
        same(client.response().status, 400, "status")
        client.expect_end()


@test("a full accept queue: 503, counted; room again: handed over again")
def full():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", BACKEND))
        listener.listen(0)	# that is one
        with Client() as first:
            counting = Counting()
            first.send(request("/dynamic"))
            counting.expect(handed_over=1)
            expect_refused(request("/dynamic"), backend_full=1)
            expect_refused(request("/x", "POST", "Content-Length: 4\r\n") +
                           b"body", backend_full=1)
            accepted, peer = listener.accept()
            same(peer, first.sock.getsockname(), "who was accepted")
            same(accepted.recv(1000), request("/dynamic"), "what it reads")
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            same(first.response().status, 200, "answer")
            accepted.close()
        with Client() as second:
            second.send(request("/dynamic"))
            counting.expect(handed_over=2)


@test("a backend that dies resets what it had not accepted; nothing hangs")
def dies():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", BACKEND))
        listener.listen(10)
        counting = Counting()
        clients = [Client() for _ in range(5)]
        for client in clients:
            client.send(request("/dynamic"))
        counting.expect(handed_over=5)
    for client in clients:
        try:
            client.fill()
            raise AssertionError("data from nobody")
        except (ConnectionResetError, Closed):
            pass
        client.close()


@test("backend_port changed at run time")
def other_port():
    with socket.create_server(("", 8090)) as listener:
        param("backend_port", 8090)
        with Client() as client:
            client.send(request("/dynamic"))
            _, peer = listener.accept()
            same(peer, client.sock.getsockname(), "who was accepted")
    param("backend_port", BACKEND)


class Prober(threading.Thread):
    """
    Asks and checks, all the time. A static file must always come. What is for
    nginx comes, or is refused with 503, or is cut off when nginx dies with it.
    Nothing may hang, and no answer may be another's.
    """

    def __init__(self, seed):
        super().__init__()
        self.random = random.Random(seed)
        self.stop = False
        self.wrong = []
        self.static = self.dynamic = self.refused = self.lost = 0

    def run(self):
        while not self.stop:
            try:
                self.converse()
            except Exception as wrong:	# told by the main thread
                self.wrong.append(repr(wrong))
                return

    def converse(self):
        with Client() as client:
            for _ in range(self.random.randrange(3)):
                same(client.ask("/small").body, b"small", "static")
                self.static += 1
            number = self.random.randrange(1 << 30)
            try:
                for _ in range(2):
                    response = client.ask(f"/dynamic?{number}")
                    if response.status == 503:
                        self.refused += 1
                        return
                    same(response.body,
                         f"GET {client.name()} {number}\n".encode(), "dynamic")
                    self.dynamic += 1
            except (Closed, ConnectionError):
                self.lost += 1


@test("nginx stopped, started and killed under load: only its own are lost")
def restarts():
    nginx = Nginx()
    probers = [Prober(seed) for seed in range(8)]
    counting = Counting()
    for prober in probers:
        prober.start()
    for end in (nginx.stop, nginx.kill) * 3:
        before = sum(prober.dynamic for prober in probers)
        eventually(lambda: any(prober.wrong for prober in probers) or
                   sum(prober.dynamic for prober in probers) > before + 50,
                   "nginx to answer under load")
        end()
        before = sum(prober.refused for prober in probers)
        eventually(lambda: any(prober.wrong for prober in probers) or
                   sum(prober.refused for prober in probers) > before + 5,
                   "503 while it is away")
        nginx.start()
    for prober in probers:
        prober.stop = True
    for prober in probers:
        prober.join()
        same(prober.wrong, [], "wrong answers")
    lost = sum(prober.lost for prober in probers)
    say("static", sum(prober.static for prober in probers),
        "dynamic", sum(prober.dynamic for prober in probers),
        "refused", sum(prober.refused for prober in probers), "lost", lost)
    # nginx went six times, and each of eight had at most one connection that it
    # was serving then and another that waited for it while it was on its way.
    same(lost <= 8 * 6 * 2, True, f"{lost} lost")
    counting.expect(connections_aborted=0)
    same(get("/dynamic").status, 200, "in the end")
    no_connection_left()
    nginx.stop()


write("small", "small")
load(linger_timeout=3600)
run_tests()
