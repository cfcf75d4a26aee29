#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""However nginx listens, it is found; and what must not be mixed is not."""

import os
import select
import socket
import subprocess
import sys

from lib import (BACKEND, PATIENCE, PORT, Client, Counting, Nginx, Skip, get, load,
                 param, request, run, run_tests, same, start, sysctl, test, unload, write)

IPPROTO_MPTCP = 262


def expect_handed_over(address="127.0.0.1", **growth):
    counting = Counting()
    with Client(address=address) as client:
        same(client.ask("/small").is_nginx, False, "static")
        response = client.ask("/dynamic?x")
        same(response.status, 200, "status")
        same(response.body, f"GET {client.name()} x\n".encode(), "body")
    counting.expect(handed_over=1, served=1, **growth)


def expect_503(address):
    counting = Counting()
    with Client(address=address) as client:
        same(client.ask("/small").status, 200, "static")
        same(client.ask("/dynamic").status, 503, "status")
        client.expect_end()
    counting.expect(backend_absent=1, handed_over=0)


@test("the queue is as long as net.core.somaxconn allows, but not longer than ours")
def backlog():
    for allowed, length in ("100", 100), ("8192", 4096):
        unload()
        with sysctl("net/core/somaxconn", allowed):
            load()
        same(int(run("ss", "-Hltn", f"sport = {PORT}").split()[2]), length, f"of {allowed}")


@test("nginx: listen 8080")
def wildcard():
    nginx = Nginx()
    expect_handed_over()
    nginx.stop()


@test("nginx: listen 127.0.0.1:8080")
def loopback():
    nginx = Nginx(listen=f"listen 127.0.0.1:{BACKEND};")
    expect_handed_over()
    nginx.stop()


@test("nginx: listen 8080 reuseport, two workers that both get some")
def reuseport():
    # $pid is the worker's.
    nginx = Nginx(listen=f"listen {BACKEND} reuseport;", workers=2,
                  locations="location /pid { return 200 $pid; }")
    workers = set()
    for _ in range(200):
        workers.add(get("/pid").body)
        if len(workers) == 2:
            break
    same(len(workers), 2, "workers that answered")
    nginx.stop()


@test("nginx: listen 8080 deferred")
def deferred():
    nginx = Nginx(listen=f"listen {BACKEND} deferred;")
    expect_handed_over()
    nginx.stop()


@test("an IPv4 client is not given to an IPv6 socket that takes both: 503")
def dual_stack():
    with socket.create_server(("::", BACKEND), family=socket.AF_INET6,
                              dualstack_ipv6=True):
        expect_503("127.0.0.1")


@test("a listener that another user opened on backend_port: 503, unless allowed")
def other_user():
    os.seteuid(65534)
    try:
        listener = socket.create_server(("", BACKEND))
    finally:
        os.seteuid(0)
    with listener:
        counting = Counting()
        same(get("/dynamic").status, 503, "not root's")
        counting.expect(backend_untrusted=1, handed_over=0)
        for allowed in "65534", "any":
            param("backend_uid", allowed)
            with Client() as client:
                client.send(request("/dynamic"))
                _, peer = listener.accept()
                same(peer, client.sock.getsockname(), f"allowed: {allowed}")
    param("backend_uid", 0)


@test("address=:: takes IPv6 alone, and gives it to listen [::]:8080")
def ipv6():
    unload()
    load(address="::")
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=on;")
    expect_handed_over("::1")
    try:
        Client().close()
        raise AssertionError("IPv4 was accepted")
    except ConnectionRefusedError:
        pass
    nginx.stop()
    expect_503("::1")
    nginx = Nginx(listen=f"listen [::1]:{BACKEND};")
    expect_handed_over("::1")
    nginx.stop()


@test("an IPv6 client is given to an IPv6 socket that takes both")
def dual_stack_ipv6():
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=off;")
    expect_handed_over("::1")
    nginx.stop()


@test("an IPv6 client is not given to an IPv4 socket")
def ipv6_to_ipv4():
    nginx = Nginx()
    expect_503("::1")
    nginx.stop()


@test("address=0.0.0.0,:: takes both")
def both():
    unload()
    load(address="0.0.0.0,::")
    nginx = Nginx(listen=f"listen {BACKEND}; listen [::]:{BACKEND} ipv6only=on;")
    expect_handed_over("127.0.0.1")
    expect_handed_over("::1")
    nginx.stop()


@test("nginx: listen [::]:8080 ipv6only=off takes what is IPv6, and no more")
def both_to_one():
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=off;")
    expect_handed_over("::1")
    expect_503("127.0.0.1")
    nginx.stop()


@test("a backend that listens with MPTCP")
def mptcp():
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            listener = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
        except OSError as reason:
            raise Skip(f"no MPTCP here: {reason}") from None
        with listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, BACKEND))
            listener.listen(16)
            expect_accepted(listener, address)
            waiting = Client(address=address)
            counting = Counting()
            waiting.send(request("/dynamic"))
            counting.expect(handed_over=1)
        # As when it closes any listener.
        try:
            waiting.fill()
            raise AssertionError("data from nobody")
        except ConnectionResetError:
            waiting.close()
        expect_503(address)


def expect_accepted(listener, address):
    """One who waits for connections is woken, with each."""
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        for client in (Client(address=address) for _ in range(3)):
            same(client.ask("/small").body, b"small", "static")
            client.send(request("/dynamic"))
            same(len(poll.poll(PATIENCE)), 1, "woken")
            accepted, peer = listener.accept()
            same(peer, client.sock.getsockname(), "who was accepted")
            same(accepted.recv(1000), request("/dynamic"), "what it reads")
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
            same(client.response().body, b"yes", "answer")
            client.close()
            same(accepted.recv(1000), b"", "the end")
            accepted.close()


@test("a client that speaks MPTCP: served, and handed over")
def mptcp_client():
    nginx = Nginx()
    try:
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError as reason:
        raise Skip(f"no MPTCP here: {reason}") from None
    with client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", 80))
        for target, word in ("/small", b"small"), ("/dynamic", b"GET 127.0.0.1:"):
            client.sendall(request(target))
            data = b""
            while word not in data:
                more = client.recv(4096)
                same(more != b"", True, f"no end after {data}")
                data += more
    nginx.stop()


# On the same port, but of another network.
ELSEWHERE = f"""
import socket, time
listener = socket.create_server(("", {BACKEND}))
print("listens", flush=True)
time.sleep(10000)
"""


@test("a backend in another network namespace: not found, 503")
def other_namespace():
    there = start("unshare", "--net", sys.executable, "-S", "-c", ELSEWHERE,
                  stdout=subprocess.PIPE)
    same(there.stdout.readline(), b"listens\n", "the other one")
    expect_503("127.0.0.1")
    there.kill()
    there.wait()


@test("address=127.0.0.1,::1 port=8000")
def addresses():
    unload()
    load(address="127.0.0.1,::1", port=8000)
    for address in "127.0.0.1", "::1":
        same(get("/small", port=8000, address=address).body, b"small", address)
    try:
        Client(port=8000, address="127.0.0.2").close()
        raise AssertionError("127.0.0.2 was accepted")
    except ConnectionRefusedError:
        pass


@test("defer_accept=5: a connection counts when it says something")
def defer_accept():
    unload()
    load(defer_accept=5)
    counting = Counting()
    with Client() as client:
        same(counting.grown("connections_accepted"), 0, "before it speaks")
        client.send(request("/small"))
        same(client.response().body, b"small", "answer")
    counting.expect(connections_accepted=1)


write("small", "small")
load()
run_tests()
