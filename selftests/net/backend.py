#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""What becomes of connections when nobody takes them."""

import os
import random
import shutil
import signal
import socket
import threading

import lib
from lib import (BACKEND, PATIENCE, TOP, Client, Closed, Counting, Nginx, bytes_of,
                 eventually, expected_warning, load, no_connection_left, param, request,
                 run_tests, same, say, sysctl, test, write)

lib.two_ports_only("a server that is down, full or another's is told by TCP itself")

CGROUPS = "/sys/fs/cgroup"
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)


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
        self.static = self.dynamic = self.refused = 0
        # With the request that moved the connection, and with one behind it.
        self.lost_first = self.lost_later = self.moved = 0

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
            later = False
            try:
                for later in False, True:
                    response = client.ask(f"/dynamic?{number}")
                    if response.status == 503:
                        self.refused += 1
                        return
                    same(response.body,
                         f"GET {client.name()} {number}\n".encode(), "dynamic")
                    self.dynamic += 1
                    self.moved += not later
            except (Closed, ConnectionError):
                if later:
                    self.lost_later += 1
                else:
                    self.lost_first += 1


class Load:
    """Eight of them, and what all of them saw."""

    def __init__(self):
        self.probers = [Prober(seed) for seed in range(8)]
        self.counting = Counting()

    def __enter__(self):
        for prober in self.probers:
            prober.start()
        return self

    def sum(self, what):
        return sum(getattr(prober, what) for prober in self.probers)

    def wait_for(self, what, more):
        before = self.sum(what)
        eventually(lambda: any(prober.wrong for prober in self.probers) or
                   self.sum(what) > before + more, f"{more} more {what}")

    def __exit__(self, *wrong):
        for prober in self.probers:
            prober.stop = True
        for prober in self.probers:
            prober.join()
        if wrong[0]:
            return
        for prober in self.probers:
            same(prober.wrong, [], "wrong answers")
        say(*(f"{what} {self.sum(what)}" for what in (
            "static", "dynamic", "refused", "lost_first", "lost_later")))
        # Each is accounted for: what is lost was nginx's by then.
        self.counting.expect(
            served=self.sum("static"), errors=self.sum("refused"),
            handed_over=self.sum("moved") + self.sum("lost_first"),
            connections_aborted=0)
        same(self.counting.grown("backend_absent") + self.counting.grown("backend_full"),
             self.sum("refused"), "why they were refused")


def workers_of(nginx):
    pid = nginx.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(word) for word in children.read().split()]


def all_workers(nginx, count):
    """As many as there are to be: it listens before it has any."""
    return eventually(lambda: len(pids := workers_of(nginx)) == count and pids,
                      f"{count} workers")


def other_worker(nginx, *old):
    """A process of nginx that was none of these, and is ready to serve."""
    return eventually(lambda: [pid for pid in workers_of(nginx) if pid not in old],
                      "a new worker")


def each_listen(promise):
    """Two tests: all workers of nginx share a listener, or each has its own."""
    def register(function):
        for words in "", " reuseport":
            test(f"listen{words}: {promise}")(
                lambda listen=f"listen {BACKEND}{words};": function(listen))
    return register


@each_listen("stopped, started and killed under load: only its own are lost")
def restarts(listen):
    nginx = Nginx(listen=listen, workers=2)
    with Load() as load_:
        for end in (nginx.stop, nginx.kill) * 3:
            load_.wait_for("dynamic", 50)
            end()
            load_.wait_for("refused", 5)
            nginx.start()
        load_.wait_for("dynamic", 50)
    # nginx went six times, and each of eight had at most one connection that it
    # was serving then and another that waited for it while it was on its way.
    lost = load_.sum("lost_first") + load_.sum("lost_later")
    same(lost <= 8 * 6 * 2, True, f"{lost} lost")
    no_connection_left()
    nginx.stop()


@each_listen("told to read its configuration again under load: nobody notices")
def reloads(listen):
    nginx = Nginx(listen=listen, workers=2)
    with Load() as load_:
        for _ in range(3):
            load_.wait_for("dynamic", 50)
            old = workers_of(nginx)
            nginx.process.send_signal(signal.SIGHUP)
            other_worker(nginx, *old)
            load_.wait_for("dynamic", 50)
    # Connections that idle are closed by the workers that go.
    same((load_.sum("refused"), load_.sum("lost_first")), (0, 0), "refused, lost")
    nginx.stop()


@each_listen("its workers killed while connections wait: the next ones answer them")
def workers_killed(listen):
    nginx = Nginx(listen=listen, workers=2)
    workers = all_workers(nginx, 2)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    counting = Counting()
    clients = [Client() for _ in range(20)]
    for client in clients:
        client.send(request("/dynamic"))
    counting.expect(handed_over=20)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    for client in clients:
        expect_dynamic(client)
        client.close()
    nginx.stop()


def expect_dynamic(client):
    same(client.response().body, f"GET {client.name()} \n".encode(), "dynamic")


@test("it hangs: as many wait as it has room for, the others have 503 at once")
def hangs():
    nginx = Nginx(listen=f"listen {BACKEND} backlog=16;")
    processes = [nginx.process.pid, *all_workers(nginx, 1)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    counting = Counting()
    clients = [Client() for _ in range(40)]
    refused = []
    for number, client in enumerate(clients):
        same(client.ask("/small").body, b"small", "static")
        client.send(request("/dynamic"))
        # A queue of 16 is full when there are 17.
        if number >= 17:
            expect_503(client, client.response())
            refused.append(client)
    counting.expect(handed_over=17, backend_full=23, errors=23, served=40)
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
    for client in clients[:17]:
        expect_dynamic(client)
    for client in clients:
        client.close()
    nginx.stop()


@test("net.ipv4.tcp_migrate_req: one of a reuseport group closes, another has its own")
def migrated():
    def listener():
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("", BACKEND))
        sock.listen(64)
        sock.settimeout(PATIENCE)
        return sock

    with sysctl("net/ipv4/tcp_migrate_req", "1"):
        one, other = listener(), listener()
        counting = Counting()
        clients = {}
        for _ in range(30):
            client = Client()
            client.send(request("/dynamic"))
            clients[client.sock.getsockname()] = client
        counting.expect(handed_over=30)
        one.close()
        for _ in range(30):
            accepted, peer = other.accept()
            same(accepted.recv(1000), request("/dynamic"), "what it reads")
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            client = clients.pop(peer)
            same(client.response().status, 200, "answer")
            client.close()
            accepted.close()
        other.close()


def inside(group):
    """A command that runs another in it, and leaves nothing there of its own."""
    return "sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', group


def put(group, name, value):
    with open(f"{group}/{name}", "w") as out:
        out.write(value)


def cgroup(name, most):
    group = f"{CGROUPS}/{name}"
    os.mkdir(group)
    put(group, "memory.max", most)
    return group


def number(path, key):
    with open(path) as lines:
        return next(int(line.split()[1]) for line in lines if line.split()[0] == key)


def charged(group):
    """Bytes for sockets."""
    return number(f"{group}/memory.stat", "sock")


@test("in a memory cgroup: charged for what it was given, and for nothing else")
def memory_cgroup():
    group = cgroup("sluice-backend", "256M")
    body = bytes(100_000)
    with expected_warning(None):
        for end in Nginx.stop, Nginx.kill:
            nginx = Nginx(through=inside(group))
            counting = Counting()
            clients = [Client(options=[SMALL_WINDOW]) for _ in range(20)]
            for client in clients:
                # Ours is not acknowledged when what is nginx's is read; and that is
                # not read when it accepts.
                client.send(request("/large") + request(
                    "/upload/x", "PUT", f"Content-Length: {len(body)}\r\n"))
                client.send(body[:50_000])
            same(counting.grown("handed_over"), 0, "before ours is acknowledged")
            for client in clients:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                same(client.response().body == LARGE, True, "large")
            counting.expect(handed_over=20)
            for client in clients:
                client.send(body[50_000:])
                same(client.response().status // 100, 2, "PUT")
                # More than goes to the client while he does not read.
                client.send(request("/large") * 4)
            say(eventually(lambda: charged(group), "sockets to be charged"), "bytes")
            end(nginx)
            for client in clients:
                client.close()
            eventually(lambda: charged(group) == 0, "nothing to be charged")
    os.rmdir(group)


# A body that nginx wants to have in memory as a whole.
TOO_MUCH = 500_000_000
LOCATIONS = f"""
location /eat {{
    client_max_body_size 0;
    client_body_buffer_size {TOO_MUCH};
    proxy_pass http://127.0.0.1:1;
}}
"""


def feed(eater):
    """Until who eats it is killed."""
    eater.send(request("/eat", "POST", f"Content-Length: {TOO_MUCH}\r\n"))
    try:
        for _ in range(TOO_MUCH // 100_000):
            eater.send(bytes(100_000))
    except ConnectionError:
        return
    raise AssertionError("it ate all that")


def expect_cut_off(client):
    """What comes is its own, and ends before all of it came."""
    try:
        for _ in range(4):
            same(client.response().body == LARGE, True, "large")
        raise AssertionError("all of it")
    except (Closed, ConnectionResetError):
        rest = client.buffer
        same(LARGE.startswith(rest) or rest.startswith(b"HTTP/1.1 200 "), True, "the rest")
    client.close()


def dying():
    return number(f"{CGROUPS}/cgroup.stat", "nr_dying_descendants")


@test("in a memory cgroup that is full: its worker is killed, and only its own are lost")
def out_of_memory():
    before = dying()
    group = cgroup("sluice-full", "64M")
    # Where the one that is killed was is said with a call trace, which is no complaint.
    with expected_warning(None):
        nginx = Nginx(through=inside(group), locations=LOCATIONS)
        worker, = all_workers(nginx, 1)
        clients = [Client(options=[SMALL_WINDOW]) for _ in range(20)]
        eater = Client()
        for client in *clients, eater:
            client.ask("/dynamic")
        # They wait for an answer, do not read it, are amid a body, or idle.
        for client in clients[:5]:
            client.send("GET /dynamic HTTP/1.1\r\nHost: ")
        for client in clients[5:10]:
            client.send(request("/large") * 4)
        for client in clients[10:15]:
            client.send(request("/upload/y", "PUT", "Content-Length: 100000\r\n"))
            client.send(bytes(50_000))
        with Load() as load_:
            load_.wait_for("dynamic", 50)
            feed(eater)
            other_worker(nginx, worker)
            load_.wait_for("dynamic", 50)
        same(number(f"{group}/memory.events", "oom_kill") > 0, True, "killed for memory")
        for client in clients:
            expect_cut_off(client)
        eater.close()
        nginx.stop()
        eventually(lambda: charged(group) == 0, "nothing to be charged")
        # Nothing has it as its own but what a file system keeps: its pages, of files
        # that nginx wrote and of those that it was the first to read.
        for name in "access.log", "error.log":
            os.unlink(f"{TOP}/{name}")
        shutil.rmtree(f"{TOP}/body")
        put(group, "memory.high", "0")
        os.rmdir(group)
        eventually(lambda: dying() == before, "the cgroup to be gone")


LARGE = bytes_of(1_000_000)
os.mkdir(f"{TOP}/upload")
os.chmod(f"{TOP}/upload", 0o777)
write("large", LARGE)
write("small", "small")
# A connection is handed over once: see Load. With return=1: returning_load.py.
load(linger_timeout=3600, **{"return": 0})
run_tests()
