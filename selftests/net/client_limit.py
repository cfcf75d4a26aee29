#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""max_per_client: no client has more than its share, and nobody suffers for another."""

import errno
import socket
import threading

import lib
from lib import (PORT, Client, Closed, Counting, Nginx, add_address, bytes_of, eventually, load,
                 no_connection_left, nothing_left, param, param_refused, params,
                 read_param, request, run, run_tests, same, stat, test, unload, write)

lib.two_ports_only("by IPv6, which nginx does not listen for; see attach.py")

N = 7
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
OTHER = "127.0.0.9"
OTHER_BACKEND = 8090
# Of one network, and of the one beside it.
V6 = "2001:db8:0:1::1"
V6_SAME = "2001:db8:0:1:ffff::2"
V6_OTHER = "2001:db8:0:2::1"


def refused(address="127.0.0.1", source=None):
    """Reset before it is asked anything."""
    try:
        with Client(address=address, source=source) as client:
            client.send(request("/small"))
            same(client.fill(), "a reset", f"from {source}")
    except (ConnectionResetError, BrokenPipeError):
        pass


def enter(n, address="127.0.0.1", source=None):
    """So many may come in."""
    clients = []
    for _ in range(n):
        clients.append(Client(address=address, source=source))
        same(clients[-1].ask("/small").body, b"small", f"{len(clients)} of {n}")
    return clients


def expect_exactly(n, address="127.0.0.1", source=None):
    """So many, and not one more."""
    clients = enter(n, address, source)
    counting = Counting()
    for _ in range(3):
        refused(address, source)
    counting.expect(connections_over_client_limit=3, connections_refused=3,
                    connections_accepted=3, connections_closed=3)
    for client in clients:	# they have not noticed
        same(client.ask("/small").body, b"small", "those who are in")
    return clients


def close(clients):
    for client in clients:
        client.close()
    no_connection_left()
    same(stat("live_clients"), 0, "live_clients")


@test("0, the default: no limit, and nobody is counted")
def off():
    same(read_param("max_per_client"), "0\n", "default")
    clients = enter(100)
    same(stat("live_clients"), 0, "live_clients")
    close(clients)


@test("exactly N; the next one when one has left")
def exactly():
    for n in 1, N, 100:
        with params(max_per_client=n):
            clients = expect_exactly(n)
            same(stat("live_clients"), 1, "live_clients")
            for _ in range(3):
                clients.pop().close()
                eventually(lambda: stat("live_connections") == n - 1, "one to leave")
                clients += expect_exactly(1)
            close(clients)


def of_ipv6():
    """Is the socket that takes IPv4 one of IPv6?"""
    return "[::ffff:0.0.0.0]" in run("ss", "-Hltn", f"sport = {PORT}")


@test("by a socket of IPv6, too, an IPv4 address has its own")
def others_mapped():
    with params(max_per_client=N, backend_port=OTHER_BACKEND), \
         socket.create_server(("::", OTHER_BACKEND), family=socket.AF_INET6,
                              dualstack_ipv6=True):
        eventually(of_ipv6, "the listener to follow")
        clients = expect_exactly(N) + expect_exactly(N, source=OTHER)
        same(stat("live_clients"), 2, "live_clients")
        close(clients)
    eventually(lambda: not of_ipv6(), "the listener to follow nginx's")


@test("another address has its own")
def others():
    with params(max_per_client=N):
        clients = expect_exactly(N) + expect_exactly(N, source=OTHER)
        same(stat("live_clients"), 2, "live_clients")
        clients += [Client(source=f"127.1.0.{n + 1}") for n in range(200)]
        for client in clients:
            same(client.ask("/small").body, b"small", "small")
        same(stat("live_clients"), 202, "live_clients")
        refused()
        refused(source=OTHER)
        close(clients)


@test("IPv6: the network counts, not the address")
def ipv6():
    with params(max_per_client=N):
        clients = expect_exactly(N, V6, V6)
        refused(V6, V6_SAME)
        clients += expect_exactly(N, V6, V6_OTHER) + expect_exactly(N)
        same(stat("live_clients"), 3, "live_clients")
        clients.pop(0).close()
        eventually(lambda: stat("live_connections") == 3 * N - 1, "one to leave")
        clients += expect_exactly(1, V6, V6_SAME)
        close(clients)


@test("who was handed over for good is the backend's, and does not count")
def handed_over():
    with params(max_per_client=N, **{"return": 0}):
        clients = expect_exactly(N)
        for client in clients:
            same(client.ask("/dynamic").is_nginx, True, "dynamic")
        eventually(lambda: stat("live_connections") == 0, "all of them to be nginx's")
        same(stat("live_clients"), 0, "live_clients")
        more = expect_exactly(N)
        for client in clients:
            same(client.ask("/dynamic").is_nginx, True, "still")
        close(clients + more)


def in_every_way(client, way):
    """Let a connection end."""
    if way == "close":
        client.close()
    elif way == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    elif way == "asked to":
        client.ask("/small", fields="Connection: close\r\n")
        client.expect_end()
    elif way == "half a head":
        client.send("GET /sm")
        client.close()
    elif way == "malformed":
        client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n" * 2)
        client.close()
    elif way == "timeout":
        with params(keepalive_timeout=1):
            same(client.ask("/small").body, b"small", "small")
            client.expect_end()
    elif way == "reset amid a response":
        client.send(request("/large"))
        client.take(1000)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    elif way == "while it is looked up":
        client.send(request("/none"))
        client.close()
    elif way == "killed":
        run("ss", "-K", "dst", "127.0.0.1", "sport", "=", ":80", "dport", "=",
            f":{client.sock.getsockname()[1]}")
    elif way == "nobody at the backend":
        with params(backend_port=9):
            same(client.ask("/dynamic").status, 503, "dynamic")
            client.expect_end()
    else:
        raise ValueError(way)


@test("each way in which a connection ends gives its place back, once")
def every_end():
    with params(max_per_client=N):
        for way in ("close", "reset", "asked to", "half a head", "malformed", "timeout",
                    "reset amid a response", "while it is looked up", "killed",
                    "nobody at the backend"):
            clients = enter(N - 1)
            [victim] = expect_exactly(1)
            in_every_way(victim, way)
            eventually(lambda: stat("live_connections") == N - 1, f"end: {way}")
            clients += expect_exactly(1)
            close(clients + [victim])


@test("changed while there are connections")
def changed():
    clients = enter(N)	# nobody counts these
    with params(max_per_client=2):
        counted = expect_exactly(2)
        param("max_per_client", 1)	# nobody has to leave
        for client in clients + counted:
            same(client.ask("/small").body, b"small", "small")
        refused()
        counted.pop().close()
        eventually(lambda: stat("live_connections") == N + 1, "one to leave")
        refused()
        param("max_per_client", 3)
        counted += expect_exactly(2)
        param("max_per_client", 0)
        counted += enter(5)
        param("max_per_client", 3)
        refused()
    close(clients + counted)
    for value in "-1", "x", "10000001":
        param_refused("max_per_client", value, errno.EINVAL)


@test("many at once from a few addresses: never more than N, and all is given back")
def at_once():
    most = [0]
    over = threading.Event()

    def ask(source):
        for _ in range(30):
            try:
                with Client(source=source) as client:
                    client.ask("/small")
            except (Closed, ConnectionError):
                pass

    def watch():
        # A sum over processors, one after the other: who leaves on one and comes on the
        # next is counted twice.  One too many would be there the next time as well.
        while not over.is_set():
            most[0] = max(most[0], min(stat("live_clients") for _ in range(4)))

    counting = Counting()
    with params(max_per_client=2):
        threads = [threading.Thread(target=ask, args=[f"127.0.0.{n % 3 + 1}"])
                   for n in range(12)]
        watcher = threading.Thread(target=watch)
        for thread in [*threads, watcher]:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        watcher.join()
        no_connection_left()
        same(stat("live_clients"), 0, "live_clients")
        same(most[0] <= 3, True, f"{most[0]} clients")
        same(counting.grown("served") > 0, True, "served")
        close(expect_exactly(2))


@test("unload while some are counted; the limit given at load")
def leaving():
    unload()
    load(max_per_client=N)
    clients = expect_exactly(N)
    unload()
    for client in clients:
        client.close()
    load(max_per_client=N, address="0.0.0.0,::")
    close(expect_exactly(N))


@test("nothing is left")
def nothing():
    param("max_per_client", 0)
    nothing_left()


write("small", "small")
write("large", bytes_of(2_000_000))
for address in V6, V6_SAME, V6_OTHER:
    add_address(address)
nginx = Nginx()
load(address="0.0.0.0,::")
run_tests()
