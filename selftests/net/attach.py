#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
attach=PORT: the server keeps its port and its configuration.  Its connections are looked at
first, whatever it listens with; it may come, go, reload and be replaced; and so may the
module, under load, without a request that is lost.

usage: attach.py [ROUNDS]: how often the module goes and comes (default 3)
"""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import lib
from lib import (BACKEND, TOP, WWW, Client, Closed, Counting, Nginx, attached, bytes_of,
                 eventually, get, in_child, listeners, listens, load, new_messages, numbers_of,
                 param, params, read_param, request, run, run_tests, same, say, start, stat,
                 sysctl, test, timed_unload, unload, write)

# What listens here is not always to be attached to: nobody waits for that unasked.
lib.ATTACH = False
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SMALL = bytes_of(1024)
LARGE = bytes_of(3 << 20)
IPPROTO_MPTCP = 262
BOTH = f"listen {BACKEND}; listen [::]:{BACKEND};"
DUAL = f"listen [::]:{BACKEND} ipv6only=off;"


def arrive(**settings):
    load(**{"attach": BACKEND, "return": 1, "take_back": 1, **settings})


@contextlib.contextmanager
def serving(listen=f"listen {BACKEND};", workers=1, **settings):
    """nginx and the module, in the order in which most will have them."""
    server = Nginx(listen, workers)
    arrive(**settings)
    try:
        yield server
    finally:
        unload()
        server.stop()
        eventually(lambda: not listens(BACKEND), "nginx to be gone")


def ask(target, **kwargs):
    return get(target, port=BACKEND, **kwargs)


def check_site(address="127.0.0.1"):
    """Files, pages, both on one connection, pipelined, in pieces."""
    # Of a server that has just taken another's place the socket may not be known yet.
    eventually(lambda: not ask("/small", address=address).is_nginx, "to be attached")
    counting = Counting()
    same(ask("/small", address=address).body, SMALL, "file")
    page = ask("/dynamic", address=address)
    same((page.is_nginx, page.body.startswith(b"GET ")), (True, True), "page")
    with Client(BACKEND, address) as client:
        same(client.ask("/dynamic").is_nginx, True, "page")
        # One that is not at rest yet may come upon the next request itself.
        eventually(lambda: not client.ask("/small").is_nginx, "to have it back")
        client.send(request("/small") * 3)
        same([client.response().body for _ in range(3)], [SMALL] * 3, "pipelined")
        whole = request("/small")
        for i in range(0, len(whole), 7):
            client.send(whole[i:i + 7])
        same(client.response().body, SMALL, "in pieces")
    same(counting.grown("served") >= 6, True, "served by us")
    same(stat("invariants_broken"), 0, "invariants_broken")


def prepare():
    """Each has its own server, and comes upon nobody else's, whatever became of that."""
    unload()
    for child in lib._children:
        child.terminate()
        child.wait()
    lib._children.clear()
    eventually(lambda: not listens(BACKEND), "the servers of before to be gone")
    write("small", SMALL)
    write("large", LARGE)
    new_messages()


@test("one that listens with IPv4, with IPv6 beside it, and with both in one")
def _():
    for listen, addresses in ((f"listen {BACKEND};", ["127.0.0.1"]),
                              (BOTH, ["127.0.0.1", "::1"]),
                              (DUAL, ["127.0.0.1", "::1"]),
                              (f"listen 127.0.0.1:{BACKEND};", ["127.0.0.1"])):
        with serving(listen):
            same(stat("live_attached"), listeners(BACKEND), "attached")
            for address in addresses:
                check_site(address)


@test("who hands over for good has the connection with its first request")
def _():
    with serving(**{"return": 0}):
        with Client(BACKEND) as client:
            same(client.ask("/small").is_nginx, False, "file")
            same(client.ask("/dynamic").is_nginx, True, "page")
            same(client.ask("/small").is_nginx, True, "file afterwards")


@test("nobody listens yet: it says so, and serves when the server starts; and again")
def _():
    arrive()
    same("nobody listens there yet" in new_messages(), True, "said")
    for _ in range(2):
        server = Nginx()
        attached()
        check_site()
        server.stop()
        eventually(lambda: not listens(BACKEND) and not stat("live_attached"),
                   "the listener to be forgotten")
        try:
            ask("/small")
            raise AssertionError("somebody listens")
        except ConnectionRefusedError:
            pass
    unload()


@test("workers with a socket each come and go by reload")
def _():
    many = f"listen {BACKEND} reuseport;"
    with serving(many, workers=2) as server:
        for workers in 5, 2, 3:
            with open(server.config) as config:
                text = config.read()
            now = next(line for line in text.splitlines() if "worker_processes" in line)
            with open(server.config, "w") as config:
                config.write(text.replace(now, f"worker_processes {workers};"))
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: listeners(BACKEND) == workers, f"{workers} sockets")
            attached()
            check_site()


@test("the program is replaced while it serves (USR2, WINCH, QUIT)")
def _():
    with serving() as server:
        server.stop()
        with open(server.config) as config:
            text = config.read()
        with open(server.config, "w") as config:
            config.write(text.replace("daemon off;", "daemon on;"))
        run("/usr/sbin/nginx", "-p", TOP, "-c", server.config)
        try:
            attached()
            replace_nginx()
        finally:
            os.kill(pid_of("nginx.pid"), signal.SIGTERM)


def both_answer():
    same(ask("/small").body, SMALL, "file")
    same(ask("/dynamic").is_nginx, True, "page")


def replace_nginx():
    check_site()
    old = pid_of("nginx.pid")
    os.kill(old, signal.SIGUSR2)
    eventually(lambda: pid_of("nginx.pid") not in (0, old), "the new program")
    os.kill(old, signal.SIGWINCH)
    both_answer()		# workers that end close connections
    os.kill(old, signal.SIGQUIT)
    eventually(lambda: not os.path.exists(f"/proc/{old}"), "the old one to be gone")
    check_site()


def pid_of(name):
    try:
        with open(f"{TOP}/{name}") as pid:
            return int(pid.read() or 0)
    except FileNotFoundError:
        return 0


@test("one that listens with MPTCP is left alone, and that is said")
def _():
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        return
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", BACKEND))
        sock.listen()
        arrive()
        said = new_messages()
        same(("MPTCP" in said, stat("live_attached")), (True, 0), said)
        with Client(BACKEND) as client:
            theirs, _ = sock.accept()
            client.send("x")
            same(theirs.recv(10), b"x", "its own connection")
            theirs.close()
        unload()


@test("one of a user who is not trusted is left alone, until he is")
def _():
    child = start("/usr/bin/python3", "-c", f"""
import os, socket, time
os.setuid(33)
sock = socket.create_server(("0.0.0.0", {BACKEND}))
while True:
    c, _ = sock.accept()
    c.recv(1000)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nhi")
    c.close()
""")
    eventually(lambda: listens(BACKEND), "the listener")
    arrive()
    said = new_messages()
    same(("opened by user 33" in said, stat("live_attached")), (True, 0), said)
    same(ask("/small").body, b"hi", "its own")
    param("backend_uid", 33)
    eventually(lambda: stat("live_attached") == 1, "to be attached")
    same(ask("/small").body, SMALL, "served")
    param("backend_uid", 0)
    eventually(lambda: stat("live_attached") == 0, "to be left")
    same(ask("/small").body, b"hi", "its own again")
    eventually(lambda: "opened by user 33" in new_messages(), "to say so once more")
    child.kill()
    child.wait()
    unload()


@test("a connection that is not ours is nginx's from birth: pass_through, max_connections")
def _():
    with serving():
        counting = Counting()
        with params(pass_through=1):
            same(ask("/small").is_nginx, True, "passed through")
        counting.expect(connections_passed_through=1, connections_accepted=0)
        with params(max_connections=2):
            with Client(BACKEND) as one, Client(BACKEND) as two:
                same([c.ask("/small").is_nginx for c in (one, two)], [False] * 2, "ours")
                same(ask("/small").is_nginx, True, "one too many")
        counting.expect(connections_over_limit=1)


@test("a limit per client counts IPv4 clients of an IPv6 socket one by one")
def _():
    with serving(DUAL, max_per_client=1):
        with Client(BACKEND, source="127.0.0.2") as one:
            same(one.ask("/small").body, SMALL, "the first client")
            with Client(BACKEND, source="127.0.0.3") as other:
                same(other.ask("/small").body, SMALL, "another client")
            try:
                with Client(BACKEND, source="127.0.0.2") as more:
                    more.ask("/small")
                raise AssertionError("one too many was answered")
            except (ConnectionResetError, Closed, BrokenPipeError):
                pass


@test("handshakes with cookies")
def _():
    with sysctl("net/ipv4/tcp_syncookies", "2"), serving(BOTH):
        check_site()
        check_site("::1")


@test("deferred, and with Fast Open, whose data in the SYN are the server's")
def _():
    with sysctl("net/ipv4/tcp_fastopen", "3"), \
            serving(f"listen {BACKEND} deferred fastopen=16;"):
        check_site()
        for _ in range(3):
            with socket.socket() as sock:
                sock.sendto(request("/small", fields="Connection: close\r\n"), 0x20000000,
                            ("127.0.0.1", BACKEND))
                sock.settimeout(100)
                answer = b""
                while data := sock.recv(65536):
                    answer += data
            same(answer.endswith(SMALL), True, "an answer")
        same(stat("connections_left") >= 1, True, "connections_left")


@test("connections that are ours outlive the server, and find it again")
def _():
    with serving() as server:
        with Client(BACKEND) as file, Client(BACKEND) as page:
            same(file.ask("/small").body, SMALL, "file")
            same(page.ask("/small").body, SMALL, "file")
            server.stop()
            eventually(lambda: not listens(BACKEND), "nginx to be gone")
            same(file.ask("/small").body, SMALL, "file without a server")
            same(page.ask("/dynamic").status, 503, "page without a server")
            server.start()
            same(file.ask("/dynamic").is_nginx, True, "page, later")


@test("a queue that is full costs pages, and not files")
def _():
    listener = socket.create_server(("127.0.0.1", BACKEND), backlog=4)
    arrive()
    clients = [Client(BACKEND) for _ in range(8)]
    for client in clients:
        client.send(request("/dynamic"))
    eventually(lambda: stat("backend_full") == 4, "too many for the queue")
    same(ask("/small").body, SMALL, "file")
    for client in clients:
        client.close()
    listener.close()
    unload()


@test("what the server has said of its socket holds for its connections")
def _():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.IPPROTO_TCP, 25, 12345)	# TCP_NOTSENT_LOWAT
    listener.bind(("127.0.0.1", BACKEND))
    listener.listen()
    arrive(**{"return": 0})
    with Client(BACKEND) as client:
        client.send(request("/dynamic"))
        theirs, _ = listener.accept()
        with theirs:
            same((theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) > 0,
                  theirs.getsockopt(socket.IPPROTO_TCP, 25)), (True, 12345), "options")
            same(theirs.recv(1000), request("/dynamic"), "the request, unread")
    listener.close()
    unload()


@test("connections that an administrator kills (ss -K), of both kinds and the listener")
def _():
    with serving() as server:
        for target in "/small", "/dynamic":
            with Client(BACKEND) as client:
                client.ask(target)
                run("ss", "-K", "dport", "=", f":{client.sock.getsockname()[1]}")
                try:
                    client.ask(target)
                    raise AssertionError("it was not killed")
                except (ConnectionError, Closed):
                    pass
        run("ss", "-K", "-l", "sport", "=", f":{BACKEND}")
        eventually(lambda: not stat("live_attached"), "the listener to be forgotten")
        server.stop()
        server.start()
        check_site()


@test("a server with that port in another namespace is nobody's business")
def _():
    run("ip", "netns", "add", "other")
    try:
        run("ip", "-n", "other", "link", "set", "lo", "up")
        other = start("ip", "netns", "exec", "other", "/usr/bin/python3", "-m",
                      "http.server", str(BACKEND), "--bind", "127.0.0.1", cwd=WWW,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with serving():
            check_site()
            eventually(lambda: "LISTEN" in run("ip", "netns", "exec", "other", "ss", "-lnt"),
                       "the other server")
            time.sleep(2)	# two looks
            same(stat("live_attached"), 1, "attached")
        other.terminate()
        other.wait()
    finally:
        run("ip", "netns", "del", "other")


@test("what says the same twice, or against it, is refused with the reason")
def _():
    for words, reason in (
            ({"backend_port": 81}, "say one of them"),
            ({"standalone": 1}, "there is a server"),
            ({"port": 8000}, "they are the server's"),
            ({"address": "127.0.0.1"}, "they are the server's"),
            ({"defer_accept": 1}, "they are the server's"),
            ({"attach": "80,80"}, "expected ports"),
            ({"attach": "0"}, "expected ports"),
            ({"attach": "80,"}, "expected ports"),
            ({"attach": "http"}, "expected ports"),
            ({"attach": ""}, "say attach=80")):
        try:
            load(**{"attach": BACKEND, **words})
            raise AssertionError(f"{words} was accepted")
        except AssertionError as failure:
            same(reason in str(failure), True, f"{words}: {failure}")
    arrive()
    for name, value in ("backend_port", 81), ("standalone", 1), ("attach", 81):
        try:
            with open(f"/sys/module/sluice/parameters/{name}", "w") as file:
                file.write(str(value))
            raise AssertionError(f"{name} was accepted")
        except OSError as error:
            same(error.errno in (errno.EINVAL, errno.EBUSY, errno.EACCES), True, str(error))
    same(read_param("attach"), f"{BACKEND}\n", "attach")
    unload()


@test("several ports")
def _():
    server = Nginx(BOTH + " listen 8081;")
    load(attach=f"{BACKEND},8081")
    eventually(lambda: stat("live_attached") == 3, "three sockets")
    for port in BACKEND, 8081:
        same(get("/small", port=port).is_nginx, False, "file")
        same(str(port).encode() in server_port(port), True, "the server's port")
    unload()
    server.stop()


def server_port(port):
    """Of the last request, as nginx has it in its log."""
    same(get("/dynamic", port=port).is_nginx, True, "page")
    return Nginx.log()[-1].encode()


@test("it leaves: who idles, has said nothing, or half a head, goes on with the server")
def _():
    server = Nginx()
    arrive(unload_timeout=3600)
    idle = [Client(BACKEND) for _ in range(5)]
    for client in idle:
        same(client.ask("/small").is_nginx, False, "file")
    silent = [Client(BACKEND) for _ in range(3)]
    begun = [Client(BACKEND) for _ in range(3)]
    half = request("/small")
    for client in begun:
        client.send(half[:20])
    slow = Client(BACKEND, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)])
    slow.send(request("/large"))
    slow.take_until(b"\r\n\r\n")
    leaving = threading.Thread(target=timed_unload)
    leaving.start()
    same(slow.take(len(LARGE)), LARGE, "a download")
    leaving.join()
    for client in idle + silent:
        same(client.ask("/small").is_nginx, True, "with nginx")
    for client in begun:
        client.send(half[20:])
        same(client.response().body, SMALL, "the other half")
    same(slow.ask("/small").is_nginx, True, "after a download")
    for client in idle + silent + begun + [slow]:
        client.close()
    server.stop()


# --- under load -------------------------------------------------------------------

def verify(stop, seed):
    """
    Keep-alive connections and such for one request, files and pages, each answer looked at.
    Return: how many were right, and how many were lost: refused, reset, cut, or not answered.
    """
    right = lost = turn = 0
    client = None
    while not os.path.exists(stop):
        turn += 1
        page = (turn + seed) % 5 == 0
        last = (turn * 7 + seed) % 4 == 0
        try:
            client = client or Client(BACKEND)
            answer = client.ask("/dynamic" if page else "/small",
                                fields="Connection: close\r\n" if last else "")
            fine = answer.status == 200 and (answer.body.startswith(b"GET ") if page
                                             else answer.body == SMALL)
            right += fine
            if not fine:
                say(f"lost: {answer}")
                lost += 1
            last = last or answer["connection"] == "close"
        except (OSError, Closed) as reason:
            say(f"lost: {reason!r} page={page} last={last} turn={turn}")
            lost += 1
            last = True
        if last and client:
            client.close()
            client = None
    return right, lost


def under_load(disturb, clients=3):
    """Return: what verifying clients found while disturb() ran."""
    stop = f"{TOP}/stop"
    children = [in_child(verify, stop, seed) for seed in range(clients)]
    try:
        disturb()
    finally:
        with open(stop, "w"):
            pass
        found = [numbers_of(child) for child in children]
        os.unlink(stop)
    right, lost = map(sum, zip(*found))
    say(f"{right} right, {lost} lost")
    same(right > 0, True, "answers")
    return lost


@test(f"it goes and comes {ROUNDS} times under load, and nobody loses a request")
def _():
    server = Nginx(workers=2)
    for way in {"return": 0}, {"return": 1}:
        arrive(**way)

        def rounds():
            for _ in range(ROUNDS):
                served = stat("served")
                eventually(lambda: stat("served") > served + 10, "files to be served")
                timed_unload()
                arrive(**way)

        same(under_load(rounds), 0, f"lost with {way}")
        unload()
    server.stop()


run_tests(prepare)
