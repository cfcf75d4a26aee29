#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Connections come back from backends of other kinds: blocking ones, level-triggered ones,
those that share a socket, and those that do to it what they like.
"""

import contextlib
import http.server
import os
import select
import signal
import socket
import struct
import sys
import time

from lib import (BACKEND, SLOWNESS, Client, Closed, Counting, bytes_of, eventually,
                 let_rest, listens, load, no_connection_left, request, run_tests, same,
                 start, stat, test, timed_unload, write)

HUGE = bytes_of(8_000_000)
LARGE = bytes_of(3_000_000, seed=2)


# --- backends, each in a process of its own -------------------------------------

def answer(head):
    target = head.split(b" ")[1]
    return b"HTTP/1.1 200 OK\r\nServer: nginx-not\r\nContent-Length: %d\r\n\r\n%s" % (
        len(target), target)


def listening():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", BACKEND))
    sock.listen(64)
    return sock


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx-not"

    def do_GET(self):
        body = HUGE if self.path == "/a/huge/one" else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        length = int(self.headers["Content-Length"])
        body = b"%d" % len(self.rfile.read(length))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def blocking():
    """A thread for each connection, which sleeps in recv()."""
    http.server.ThreadingHTTPServer(("127.0.0.1", BACKEND), Handler).serve_forever()


def brief():
    """Shuts down and closes what idles for a second, without a look at the client."""
    Handler.timeout = 1
    blocking()


NODE = """
const server = require("http").createServer((request, response) => {
    let size = 0;
    request.on("data", (piece) => { size += piece.length; });
    request.on("end", () => {
        const body = request.method === "PUT" ? String(size) : request.url;
        response.setHeader("Server", "nginx-not");
        if (!request.url.startsWith("/chunked"))
            response.setHeader("Content-Length", body.length);
        for (const letter of body)
            response.write(letter);
        response.end();
    });
});
server.keepAliveTimeout = 2000;
server.listen(%d, "127.0.0.1");
"""


def node():
    os.execvp("node", ["node", "-e", NODE % BACKEND])


def serve(sock, data):
    """Return: what is left of a head that is not complete."""
    while b"\r\n\r\n" in data:
        head, data = data.split(b"\r\n\r\n", 1)
        word = head.split(b" ")[1]
        if word == b"/option":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
        if word == b"/raw":
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nno length")
            sock.shutdown(socket.SHUT_WR)
            continue
        reply = answer(head)
        if word == b"/pieces":
            for byte in reply:
                sock.sendall(bytes([byte]))
            continue
        sock.sendall(reply)
        if word == b"/linger":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            return None
    return data


def level_triggered(idle=None):
    """Who has nothing to do for so many seconds says 408, as some servers do."""
    lsk = listening()
    poll = select.epoll()
    poll.register(lsk, select.EPOLLIN)
    socks, parts = {}, {}
    while True:
        events = poll.poll(idle)
        if idle and not events:
            for sock in socks.values():
                sock.setblocking(True)
                sock.sendall(b"HTTP/1.1 408 Timeout\r\nServer: nginx-not\r\n"
                             b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                sock.shutdown(socket.SHUT_WR)
                sock.close()
            socks.clear()
        for fd, _ in events:
            if fd == lsk.fileno():
                sock = lsk.accept()[0]
                sock.setblocking(False)
                poll.register(sock, select.EPOLLIN)
                socks[sock.fileno()], parts[sock.fileno()] = sock, b""
                continue
            sock = socks[fd]
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                parts[fd] = serve(sock, parts[fd] + data)
            if not data or parts[fd] is None:
                if data == b"":
                    poll.unregister(fd)
                    sock.close()
                del socks[fd], parts[fd]


def prying():
    """Reads all it has over and over, whether there is something or not."""
    lsk = listening()
    lsk.setblocking(False)
    parts = {}
    while True:
        time.sleep(0.002)
        with contextlib.suppress(BlockingIOError):
            sock = lsk.accept()[0]
            sock.setblocking(True)
            parts[sock] = b""
        for sock in list(parts):
            with contextlib.suppress(BlockingIOError):
                data = sock.recv(65536, socket.MSG_DONTWAIT)
                if data:
                    parts[sock] = serve(sock, parts[sock] + data)
                else:
                    sock.close()
                    del parts[sock]


def full():
    """Has no room for anybody."""
    lsk = listening()
    while True:
        lsk.accept()[0].close()


def shared():
    """Two processes have each socket; the second one closes it much later."""
    lsk = listening()
    while True:
        sock = lsk.accept()[0]
        if not os.fork():
            data = b""
            for _ in range(3):
                data = serve(sock, data + sock.recv(65536))
            if os.fork():
                os._exit(0)
            time.sleep(1)
            os._exit(0)
        sock.close()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


BACKENDS = {"blocking": blocking, "level": level_triggered, "shared": shared,
            "brief": brief, "node": node,
            "impatient": lambda: level_triggered(SLOWNESS), "prying": prying,
            "full": full}

if len(sys.argv) > 1:
    BACKENDS[sys.argv[1]]()
    sys.exit()


# --- tests -------------------------------------------------------------------------

class Backend:
    def __init__(self, kind):
        self.kind = kind

    def __enter__(self):
        Backend.process = start(sys.executable, "-S", __file__, self.kind)
        eventually(lambda: listens(BACKEND), f"{self.kind} to listen")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        eventually(lambda: not listens(BACKEND), f"{self.kind} to be gone")


def static(client):
    let_rest(Backend.process)
    response = client.ask("/small")
    same((response.body, response.is_nginx), (b"small", False), f"{response}")


def dynamic(client, target="/page"):
    let_rest(Backend.process)
    response = client.ask(target)
    same((response.body, response.is_nginx), (target.encode(), True), f"{response}")


def in_pieces(client, data):
    for at in range(0, len(data), 9):
        client.send(data[at:at + 9])
        time.sleep(0.002)


def expect_return():
    counting = Counting()
    with Client() as client:
        for number in range(20):
            static(client)
            dynamic(client, f"/page{number}")
            let_rest(Backend.process)
            in_pieces(client, request("/small"))
            same(client.response().body, b"small", "in pieces")
            in_pieces(client, request(f"/piece{number}"))
            same(client.response().body, f"/piece{number}".encode(), "in pieces")
        client.send(b"".join(request(f"/{n}") for n in range(5)) + request("/small"))
        for number in range(5):
            same(client.response().body, f"/{number}".encode(), "pipelined")
        client.response()
    counting.expect(connections_lent=1, left_malformed=0, left_unasked=0)
    same(counting.grown("served_returned") >= 10, True, "returned")


def expect_put():
    with Client() as client:
        for size in 1, 1000, 300_000:
            client.send(request("/put", "PUT", f"Content-Length: {size}\r\n"))
            client.send(b"x" * size)
            same(client.response().body, str(size).encode(), "PUT")
            static(client)


def expect_taken_back():
    """The backend does not like a client that does nothing, and the client is not told."""
    no_connection_left()
    counting = Counting()
    with Client() as client:
        for times in range(1, 3):
            dynamic(client)
            static(client)
            eventually(lambda: counting.grown("taken_back") == times, "to be taken back")
        static(client)
        dynamic(client)
        counting.expect(connections_accepted=1, left_shutdown=0, left_closed=0)


@test("blocking, with a thread for each connection")
def blocking_backend():
    with Backend("blocking"):
        expect_return()
        expect_put()


@test("blocking, and closed after a second")
def brief_backend():
    with Backend("brief"):
        expect_taken_back()


@test("Node.js")
def node_backend():
    with Backend("node"):
        expect_return()
        expect_put()
        with Client() as client:
            for number in range(5):
                static(client)
                dynamic(client, f"/chunked{number}")
        expect_taken_back()


@test("level-triggered")
def level_backend():
    with Backend("level"):
        expect_return()
        with Client() as client:
            dynamic(client, "/pieces")
            static(client)


@test("one that reads at any moment, woken or not")
def prying_backend():
    counting = Counting()
    with Backend("prying"), Client() as client:
        for number in range(30):
            for how in Client.send, in_pieces:
                how(client, request("/small"))
                # Whoever came first: what it says is the target.
                same(client.response().body in (b"small", b"/small"), True, "small")
                how(client, request(f"/{number}"))
                same(client.response().body, f"/{number}".encode(), "page")
    counting.expect(left_malformed=0, left_unasked=0)
    same(counting.grown("served_returned") > 0, True, "returned")


@test("what it reads amid an answer of ours is its own, and the connection comes back")
def amid():
    counting = Counting()
    with Backend("prying"), Client() as client:
        same(client.ask("/first").body, b"/first", "page")
        targets = ["/large", *(f"/{n}" for n in range(8)), "/small"]
        # Of some it has the first one, too.
        while counting.grown("bytes_sent") < 2 * len(LARGE):
            same(counting.grown("left_lost"), 0, "left_lost")
            client.send(request(targets[0]))
            client.send(b"".join(map(request, targets[1:])))
            for target in targets:
                body = client.response().body
                ours = {"/large": LARGE, "/small": b"small"}.get(target)
                same(body in (ours, target.encode()), True, target)
    counting.expect(connections_lent=1, left_lost=0, left_malformed=0, left_unasked=0)


@test("an option that may change the stream leaves it")
def option():
    with Backend("level"), Client() as client:
        counting = Counting()
        dynamic(client)
        static(client)
        dynamic(client, "/option")
        same(client.ask("/small").is_nginx, True, "behind")
        counting.expect(left_option=1)


@test("a response without a length leaves it")
def unframed():
    with Backend("level"), Client() as client:
        counting = Counting()
        dynamic(client)
        let_rest(Backend.process)
        same(client.ask("/raw").body, b"no length", "body")
        counting.expect(left_unframed=1)


@test("a reset is a reset")
def reset():
    with Backend("level"), Client() as client:
        counting = Counting()
        client.send(request("/linger"))
        try:
            client.response()
            client.expect_end()
            raise AssertionError("not reset")
        except (ConnectionResetError, Closed):
            pass
        counting.expect(left_closed=1, taken_back=0)


@test("several processes: it comes back when the last of them has closed it")
def shared_backend():
    with Backend("shared"), Client() as client:
        counting = Counting()
        for _ in range(3):
            dynamic(client)
            static(client)
        same(counting.grown("taken_back"), 0, "yet")
        eventually(lambda: counting.grown("taken_back"), "to be taken back")
        static(client)
        dynamic(client)


@test("one that closes whatever it accepts is asked a few times, not for ever")
def full_backend():
    with Backend("full"), Client() as client:
        counting = Counting()
        client.send(request("/page"))
        try:
            raise AssertionError(f"answered: {client.response()}")
        except (Closed, ConnectionResetError):
            pass
        counting.expect(rescued=4, left_closed=1)


@test("what it writes by itself comes behind our answer")
def impatient():
    with Backend("impatient"):
        with Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
            dynamic(client)
            let_rest(Backend.process)
            client.send(request("/huge"))
            time.sleep(3 * SLOWNESS)
            response = client.response()
            same((response.body == HUGE, response.is_nginx), (True, False), "huge")
            same(client.response().status, 408, "behind it")
            client.expect_end()


@test("nothing is left")
def nothing_left():
    no_connection_left()
    same(stat("invariants_broken"), 0, "invariants_broken")


@test("the module goes while it sends to who does not read: that goes on")
def unloaded():
    with Backend("blocking"):
        with Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
            dynamic(client)
            static(client)
            client.send(request("/a/huge/one"))
            time.sleep(SLOWNESS)
            seconds = timed_unload()
            same(seconds < 10 * SLOWNESS, True, f"unloaded in {seconds:.1f} s")
            same(client.response().body == HUGE, True, "huge")
            dynamic(client)


write("small", "small")
write("huge", HUGE)
write("large", LARGE)
load(**{"return": 1, "take_back": 1})
run_tests()
