#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
A backend that ends an idle connection as Apache does: it shuts it down for writing, reads
until there is an end, and closes.  The client gets no end, and goes on.
"""

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import time

from lib import (BACKEND, Client, Closed, Counting, bytes_of, eventually, listens, load,
                 no_connection_left, params, request, run_tests, same, start, stat, test,
                 unload, write)

HUGE = bytes_of(3_000_000)


# --- a backend that does what it is told, to all of its connections --------------

def answer(sock):
    """Return: false at the end."""
    try:
        head = sock.recv(65536)
    except BlockingIOError:	# it was a request for sluice
        return True
    for line in head.split(b"\r\n"):
        if line.endswith(b" HTTP/1.1"):
            target = line.split(b" ")[1]
            sock.sendall(b"HTTP/1.1 200 OK\r\nServer: nginx-not\r\n"
                         b"Content-Length: %d\r\n\r\n%s" % (len(target), target))
    return head != b""


def try_to(action, *args):
    try:
        return action(*args)
    except OSError as reason:
        return type(reason).__name__


def ready(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    return poll.poll(0) != []


def option(sock, patience=False):
    sock.setblocking(patience)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)


def splice(sock):
    pipe = os.pipe()
    got = try_to(os.splice, sock.fileno(), pipe[1], 65536)
    for fd in pipe:
        os.close(fd)
    return got


COMMANDS = {
    "shut": lambda sock: try_to(sock.shutdown, socket.SHUT_WR),
    "shut both": lambda sock: try_to(sock.shutdown, socket.SHUT_RDWR),
    "ready": ready,
    "read": lambda sock: try_to(sock.recv, 2048),
    "write": lambda sock: try_to(sock.send, b"x"),
    "urgent": lambda sock: try_to(sock.send, b"x", socket.MSG_OOB),
    "splice": splice,
    "option": lambda sock: try_to(option, sock),
    "option with patience": lambda sock: try_to(option, sock, True),
    "abort": lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0)),
    "close": lambda sock: sock.close(),
}


def backend():
    lsk = socket.create_server(("::", BACKEND), family=socket.AF_INET6) \
        if sys.argv[1] == "::" else socket.create_server(("127.0.0.1", BACKEND))
    socks, deaf = set(), False
    while True:
        # Commands first: a connection that is ready afterwards is served then.
        readable = select.select([lsk, sys.stdin, *([] if deaf else socks)], [], [])[0]
        if sys.stdin in readable:
            word = sys.stdin.readline().strip()
            if not word:
                return
            said = [COMMANDS[word](sock) for sock in socks if word != "deaf"]
            deaf = word != "close"
            if not deaf:
                socks.clear()
            print(repr(said), flush=True)
        elif lsk in readable:
            sock = lsk.accept()[0]
            sock.setblocking(False)
            socks.add(sock)
        else:
            for sock in readable:
                if not answer(sock):
                    socks.discard(sock)
                    sock.close()


if len(sys.argv) > 1:
    COMMANDS["deaf"] = None
    backend()
    sys.exit()


# --- tests -----------------------------------------------------------------------

class Backend:
    """Serves until it is told something, and again when it has been told to close."""

    def __init__(self, address="127.0.0.1"):
        self.address = address

    def __enter__(self):
        self.process = start(sys.executable, "-S", __file__, self.address, text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        eventually(lambda: listens(BACKEND), "the backend to listen")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        eventually(lambda: not listens(BACKEND), "the backend to be gone")

    def begin(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self):
        return self.process.stdout.readline().strip()

    def tell(self, word):
        self.begin(word)
        return self.end()

    def expect(self, **answers):
        for word, expected in answers.items():
            same(self.tell(word.replace("_", " ")), f"[{expected!r}]", word)


def static(client):
    response = client.ask("/small")
    same((response.body, response.is_nginx), (b"small", False), f"{response}")


def dynamic(client, target="/page"):
    client.send(request(target))
    expect_dynamic(client, target)


def expect_dynamic(client, target="/page"):
    response = client.response()
    same((response.body, response.is_nginx), (target.encode(), True), f"{response}")


@contextlib.contextmanager
def lent(address="127.0.0.1", **options):
    """A backend, and a client with a connection on which nothing is out."""
    with Backend(address) as told, Client(address=options.pop("client", address),
                                          **options) as client:
        static(client)	# a lookup takes time, in which such a backend may read
        dynamic(client)
        static(client)
        yield told, client


def goes_on(client):
    for _ in range(2):
        dynamic(client)
        static(client)


def expect_silence(client):
    """Nothing comes, and no end."""
    client.sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        raise AssertionError(f"something came: {client.sock.recv(100)!r}")
    client.sock.settimeout(120)


def expect_over(client):
    """It is closed, or it is reset."""
    with contextlib.suppress(ConnectionResetError):
        client.expect_end()


@test("it reads an end at once, can write no more, and the client goes on")
def idle():
    with lent() as (told, client):
        counting = Counting()
        told.expect(shut=None, ready=True, read=b"", write="BrokenPipeError", close=None)
        goes_on(client)
        counting.expect(taken_back=1, connections_lent=1, left_shutdown=0)


@test("IPv6")
def ipv6():
    with lent("::", client="::1") as (told, client):
        told.expect(shut=None, ready=True, read=b"", write="BrokenPipeError", close=None)
        goes_on(client)


@test("in whatever ways, and how often it shuts it down")
def both():
    with lent() as (told, client):
        told.expect(shut_both=None, read=b"", close=None)
        goes_on(client)
        told.expect(shut=None, shut_both=None, read=b"", close=None)
        goes_on(client)
        told.expect(shut_both=None, shut=None, close=None)
        goes_on(client)


@test("requests that come before it closes are for another worker, and for sluice")
def between():
    with lent() as (told, client):
        for data in (request("/page") + request("/small"), request("/small") + request("/page"),
                     request("/page")[:30]):
            told.expect(shut=None)
            client.send(data)
            told.expect(read=b"")
            expect_silence(client)
            told.expect(read=b"", close=None)
            if len(data) == 30:
                client.send(request("/page")[30:])
                expect_dynamic(client)
            elif data.startswith(request("/page")):
                expect_dynamic(client)
                # Pipelined: it is the worker's, if that has not answered already.
                same(client.response().body in (b"small", b"/small"), True, "static")
            else:
                same(client.response().body, b"small", "static")
                expect_dynamic(client)
        goes_on(client)


@test("a request that it was woken for, and has not read, goes to another worker")
def rescued():
    with lent() as (told, client):
        counting = Counting()
        told.tell("deaf")
        client.send(request("/page"))
        eventually(lambda: counting.grown("handed_over") == 1, "to be passed on")
        told.expect(ready=True, shut=None, read=b"", close=None)
        expect_dynamic(client)
        goes_on(client)
        counting.expect(rescued=1, taken_back=1)


SLOW = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]


@test("an answer of ours goes on, and so does the connection")
def answering():
    with lent(options=SLOW) as (told, client):
        for close_first in True, False:
            client.send(request("/huge"))
            client.fill()
            told.expect(shut=None, read=b"", write="BrokenPipeError",
                        urgent="BrokenPipeError")
            if close_first:
                told.expect(close=None)
            response = client.response()
            same((response.body == HUGE, response.is_nginx), (True, False), "huge")
            if not close_first:
                told.expect(close=None)
            goes_on(client)


@test("an answer of ours goes on, and what cannot be followed waits for it, or is told so")
def option_amid():
    for patience in False, True:
        with lent(options=SLOW) as (told, client):
            counting = Counting()
            client.send(request("/huge"))
            client.fill()
            if patience:
                told.begin("option with patience")
            else:
                told.expect(option="BlockingIOError")
                counting.expect(left_option=0)
            response = client.response()
            same((response.body == HUGE, response.is_nginx), (True, False), "huge")
            same(told.end() if patience else told.tell("option"), "[None]", "option")
            counting.expect(left_option=1)
            told.expect(close=None)
            client.expect_end()
    with lent(options=SLOW) as (told, client):
        counting = Counting()
        client.send(request("/huge"))
        client.fill()
        told.tell("shut")
        told.begin("option with patience")
        response = client.response()
        same((response.body == HUGE, response.is_nginx), (True, False), "huge")
        client.expect_end()
        same(told.end(), "[None]", "option")
        counting.expect(left_option=1)
        told.expect(close=None)


@test("the client leaves before it closes")
def client_leaves():
    for how in Client.shut, Client.close:
        with lent() as (told, client):
            counting = Counting()
            told.expect(shut=None)
            how(client)
            counting.expect(left_shutdown=1)
            if how == Client.shut:
                client.expect_end()
            told.expect(read=b"", close=None)
    with lent() as (told, client):
        told.expect(shut=None)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        no_connection_left()
        told.expect(close=None)


@test("it does not close: then the client gets the end that it had asked for")
def does_not_close():
    with params(linger_timeout=1), lent() as (told, client):
        counting = Counting()
        told.expect(shut=None)
        client.expect_end()
        counting.expect(left_shutdown=1, taken_back=0)
        # As it would be without us: the client may still send.
        told.expect(ready=False, read="BlockingIOError")
        client.send("x")
        eventually(lambda: told.tell("ready") == "[True]", "a byte")
        told.expect(read=b"x", close=None)
    with params(linger_timeout=1), lent() as (told, client):
        told.expect(shut_both=None)
        client.expect_end()
        told.expect(read=b"", close=None)


@test("take_back=0, return=0, or the module leaves before it closes: the client gets its end")
def switched_off():
    for name in "take_back", "return":
        with lent() as (told, client):
            counting = Counting()
            told.expect(shut=None)
            with params(**{name: 0}):
                told.expect(close=None)
            client.expect_end()
            counting.expect(left_closed=1, taken_back=0)
    with lent() as (told, client):
        told.expect(shut=None)
        unload()
        client.expect_end()
        told.expect(read="BlockingIOError", close=None)
    load_it()


@test("what cannot be followed has its end too")
def left():
    with lent() as (told, client):
        counting = Counting()
        told.expect(shut=None, option=None)
        client.expect_end()
        counting.expect(left_option=1)
        told.expect(close=None)
    with lent() as (told, client):
        counting = Counting()
        told.expect(shut=None)
        client.send(request("/page"))
        eventually(lambda: told.tell("splice") != "[0]", "the request")
        told.expect(close=None)
        expect_over(client)
        same(counting.grown("taken_back"), 0, "taken back")
    with lent() as (told, client):
        told.expect(shut=None, abort=None, close=None)
        with contextlib.suppress(ConnectionError, Closed):
            raise AssertionError(f"answered: {client.ask('/small')}")


@test("one that is not to be kept is shut down when it says so")
def not_kept():
    with params(take_back=0), lent() as (told, client):
        counting = Counting()
        told.expect(shut=None)
        client.expect_end()
        counting.expect(left_shutdown=1)
        told.expect(close=None)


@test("many of them, again and again")
def many():
    with Backend() as told:
        counting = Counting()
        clients = [Client() for _ in range(20)]
        for _ in range(5):
            for client in clients:
                dynamic(client)
                static(client)
            told.tell("shut")
            for client in clients[::2]:
                client.send(request("/page"))
            told.tell("read")
            told.tell("close")
            for client in clients[::2]:
                expect_dynamic(client)
        for client in clients:
            static(client)
            client.close()
        counting.expect(connections_accepted=20, taken_back=100)


@test("nothing is left")
def nothing_left():
    no_connection_left()
    for key in "left_lost", "left_malformed", "left_unasked", "invariants_broken":
        same(stat(key), 0, key)


def load_it():
    # It has its time to close, while a slow client reads, and a slow machine works.
    load(address="0.0.0.0,::", linger_timeout=600, **{"return": 1, "take_back": 1})


write("small", "small")
write("huge", HUGE)
load_it()
run_tests()
