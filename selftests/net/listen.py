#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""However nginx listens, it is found; and what must not be mixed is not."""

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading

import lib
from lib import (BACKEND, PATIENCE, PORT, Client, Counting, Nginx, Skip, eventually, get,
                 load, new_messages, param, request, run, run_tests, same, start, stat,
                 sysctl, test, unload, write)

lib.two_ports_only("its listening sockets")

IPPROTO_MPTCP = 262
NETLINK_SOCK_DIAG = 4
SOCK_DESTROY = 21
NLM_F_REQUEST = 1


def expect_handed_over(address="127.0.0.1", name=None, **growth):
    counting = Counting()
    with Client(address=address) as client:
        same(client.ask("/small").is_nginx, False, "static")
        response = client.ask("/dynamic?x")
        same(response.status, 200, "status")
        name = client.name().replace(address, name or address)
        same(response.body, f"GET {name} x\n".encode(), "body")
    counting.expect(handed_over=1, served=1, **growth)


def expect_503(address, why="backend_absent"):
    counting = Counting()
    with Client(address=address) as client:
        same(client.ask("/small").status, 200, "static")
        same(client.ask("/dynamic").status, 503, "status")
        client.expect_end()
    counting.expect(handed_over=0, **{why: 1})


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


def of_ipv6(address="0.0.0.0"):
    """Is the socket that takes IPv4 one of IPv6, and is it alone?"""
    listening = [line.split()[3] for line in
                 run("ss", "-Hltn", f"sport = {PORT}").splitlines()]
    return f"[::ffff:{address}]:{PORT}" in listening and f"{address}:{PORT}" not in listening


@test("an IPv6 socket that takes both, as Apache, Node and others open it, gets IPv4 clients")
def dual_stack():
    for more in {}, {"address": "127.0.0.1,127.0.0.2"}, {"defer_accept": 2}:
        unload()
        load(**more)
        with socket.create_server(("::", BACKEND), family=socket.AF_INET6,
                                  dualstack_ipv6=True) as listener:
            eventually(lambda: of_ipv6(more.get("address", "0.0.0.0")[:9].rstrip(",")),
                       "the listener to follow")
            with Client() as client:
                same(client.ask("/small").body, b"small", "static")
                client.send(request("/dynamic"))
                accepted, peer = listener.accept()
                with accepted:
                    same(peer[:2], ("::ffff:127.0.0.1", client.sock.getsockname()[1]), "peer")
                    same(accepted.getsockname()[:2], ("::ffff:127.0.0.1", PORT), "local address")
                    same(accepted.recv(1000), request("/dynamic"), "what it reads")
                    accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
                    same(client.response().body, b"yes", "answer")


@test("a backend that is there before sluice: the first connection is of its family")
def there_before():
    unload()
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=off;")
    load(address="0.0.0.0,::")
    same(of_ipv6(), True, "the listener is")
    expect_handed_over("127.0.0.1", "::ffff:127.0.0.1")
    expect_handed_over("::1")
    nginx.stop()


class Stream:
    """New connections for a file, one behind the other; those that failed are counted."""

    def __init__(self):
        self.going, self.done, self.failed = True, 0, []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.going:
            try:
                same(get("/small").body, b"small", "small")
                self.done += 1
            except Exception as reason:	# whatever it is, it is lost
                self.failed.append(repr(reason))

    def stop(self):
        self.going = False
        self.thread.join()
        same(self.failed, [], "failed")


@test("the backend changes from one family to the other and back: nobody is refused")
def changes_family():
    stream = Stream()
    counting = Counting()
    for _ in range(5):
        done = stream.done
        for listen, now in (f"listen {BACKEND};", False), \
                           (f"listen [::]:{BACKEND} ipv6only=off;", True):
            nginx = Nginx(listen=listen)
            eventually(lambda now=now: of_ipv6() == now, "the listener to follow")
            eventually(lambda done=done: stream.done > done, "somebody to come")
            with Client() as client:
                same(client.ask("/dynamic?x").status, 200, listen)
            nginx.stop()
    stream.stop()
    counting.expect(handed_over=10, errors=0, backend_family=0)


@test("ss -K on the one that listens, while the other has the port: it listens again")
def lost_of_two():
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=off;")
    eventually(of_ipv6, "the listener to follow")
    for now in True, False:
        counting = Counting()
        run("ss", "-K", "state", "listening", f"sport = {PORT}")
        counting.expect(listeners_lost=2, listeners_reopened=2)	# [::]:80, too
        same(of_ipv6(), now, "of IPv6")
        with Client() as client:
            same(client.ask("/dynamic?x").status, 200, f"of IPv6: {now}")
        nginx.stop()
        nginx = Nginx()
        eventually(lambda: not of_ipv6(), "the listener to follow")
    nginx.stop()


def bind_error(sock, address):
    try:
        sock.bind((address, PORT))
    except OSError as reason:
        return reason.errno
    return 0


@test("the port is nobody else's, whichever of the two listens")
def port_is_taken():
    for listen, now in (f"listen {BACKEND};", False), \
                       (f"listen [::]:{BACKEND} ipv6only=off;", True):
        nginx = Nginx(listen=listen)
        eventually(lambda now=now: of_ipv6() == now, "the listener to follow")
        for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.1"), \
                               (socket.AF_INET6, "::ffff:0.0.0.0"):
            for reuse_port in False, True:
                with socket.socket(family) as intruder:
                    intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)
                    same(bind_error(intruder, address), errno.EADDRINUSE, address)
        nginx.stop()


@test("why there is a 503 is said in the kernel log, once")
def said_once():
    unload()
    load(address="0.0.0.0,::")
    new_messages()
    expect_503("127.0.0.1")
    same("nobody listens there" in new_messages(), True, "said")
    expect_503("127.0.0.1")
    same(new_messages(), "", "said again")
    nginx = Nginx()
    expect_503("::1", "backend_family")
    same("for the other alone" in new_messages(), True, "said")
    expect_503("::1", "backend_family")
    same(new_messages(), "", "said again")
    nginx.stop()


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
    expect_503("::1", "backend_family")
    nginx.stop()


@test("address=0.0.0.0,:: takes both")
def both():
    unload()
    load(address="0.0.0.0,::")
    nginx = Nginx(listen=f"listen {BACKEND}; listen [::]:{BACKEND} ipv6only=on;")
    expect_handed_over("127.0.0.1")
    expect_handed_over("::1")
    nginx.stop()


@test("nginx: listen [::]:8080 ipv6only=off takes both")
def both_to_one():
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=off;")
    expect_handed_over("::1")
    eventually(of_ipv6, "the listener to follow")
    expect_handed_over("127.0.0.1", "::ffff:127.0.0.1")
    nginx.stop()


@test("nginx: listen [::]:8080 ipv6only=on is not given IPv4 clients")
def ipv4_to_ipv6():
    nginx = Nginx(listen=f"listen [::]:{BACKEND} ipv6only=on;")
    expect_503("127.0.0.1", "backend_family")
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
            eventually(lambda: not of_ipv6(), "the listener to follow")
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


def expect_listening(*addresses):
    """However each was lost: as many were opened again, and have what they had."""
    eventually(lambda: stat("listeners_reopened") == stat("listeners_lost"),
               "the listeners to be open again")
    for address in addresses:
        same(get("/small", address=address).body, b"small", address)


@test("ss -K on our listeners: said and counted, and they listen again as they did")
def killed():
    unload()
    load(address="127.0.0.1,::1", defer_accept=5)
    new_messages()
    counting = Counting()
    with Client() as before:
        for times in 1, 2:
            same(before.ask("/small").body, b"small", "who was there")
            run("ss", "-K", "state", "listening", f"sport = {PORT}")
            counting.expect(listeners_lost=2 * times, listeners_reopened=2 * times)
            expect_listening("127.0.0.1", "::1")
        same(before.ask("/small").body, b"small", "who was there")
    said = new_messages()
    for address in "127.0.0.1:80", "[::1]:80":
        same(said.count(f"{address}: closed by another"), 2, f"{address} in '{said}'")
    counting = Counting()
    with Client() as client:
        same(counting.grown("connections_accepted"), 0, "defer_accept, before it speaks")
        same(client.ask("/small").body, b"small", "and then")
    for refused in ("127.0.0.2", PORT), ("127.0.0.1", PORT + 1):
        try:
            Client(address=refused[0], port=refused[1]).close()
            raise AssertionError(f"{refused} was accepted")
        except ConnectionRefusedError:
            pass


@test("ss -K, with children in every state on their way in")
def killed_under_load():
    load_of = start(sys.executable, "-S", "-c", KNOCKING)
    for _ in range(20):
        run("ss", "-K", "state", "listening", f"sport = {PORT}")
        expect_listening("127.0.0.1")
    load_of.kill()
    load_of.wait()


# Some say nothing, some ask, all leave.
KNOCKING = f"""
import socket
while True:
    for number in range(50):
        try:
            with socket.create_connection(("127.0.0.1", {PORT}), 5) as client:
                if number % 2:
                    client.sendall({request("/small")!r})
                    client.recv(1)
        except OSError:
            pass
"""


@test("and unload right behind it")
def killed_and_unloaded():
    for _ in range(5):
        run("ss", "-K", "state", "listening", f"sport = {PORT}")
        unload()
        load()
    expect_listening("127.0.0.1")


def destroy(address):
    """What "ss -K" does, without a moment in which another could run."""
    ask = struct.pack("=BBxxI HH 16s16s I 8s", socket.AF_INET, socket.IPPROTO_TCP, 0,
                      socket.htons(PORT), 0, socket.inet_aton(address), b"", 0,
                      b"\xff" * 8)	# any cookie
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as diag:
        diag.send(struct.pack("=IHHII", 16 + len(ask), SOCK_DESTROY, NLM_F_REQUEST, 1, 0) +
                  ask)


@contextlib.contextmanager
def alone():
    """Nobody else runs, on any processor."""
    others = []
    with sysctl("kernel/sched_rt_runtime_us", "-1"):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            for _ in range(os.cpu_count() - 1):
                pid = os.fork()
                while not pid:
                    pass
                others.append(pid)
            yield
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            for pid in others:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def take_the_port():
    """Another server listens there before we do again."""
    while True:
        expect_listening("127.0.0.1")
        with alone():
            destroy("127.0.0.1")
            try:
                return socket.create_server(("127.0.0.1", PORT))
            except OSError as reason:
                if reason.errno != errno.EADDRINUSE:
                    raise


@test("another server takes its port meanwhile: said once, and had again when that leaves")
def port_taken():
    unload()
    load(address="127.0.0.1")
    new_messages()
    messages = []

    def said(words):
        messages.append(new_messages())
        return words in "".join(messages)
    with take_the_port() as other:
        eventually(lambda: said("cannot listen again yet"), "a message")
        with Client() as client:
            other.accept()[0].close()
            client.expect_end()
        same(stat("listeners_lost") - stat("listeners_reopened"), 1, "lost now")
    expect_listening("127.0.0.1")
    eventually(lambda: said("listens again"), "a message")
    same("".join(messages).count("cannot listen again"), 1, "times that it was said")
    with take_the_port():
        unload()
        load(address="127.0.0.2")


write("small", "small")
load()
run_tests()
