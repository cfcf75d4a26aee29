#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Whoever is served when the module leaves does not notice: what can go on without it goes to
the backend, and answers under way end first.  Who keeps it from leaving does not keep
others from anything: port 80 is the backend's meanwhile.
"""

import contextlib
import ctypes
import mmap
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import threading

PAGE = 4096
HUGE_HEAD = b"HTTP/1.1 200 OK\r\nServer: nginx-not\r\nContent-Length: %d\r\n\r\n"


# --- a backend whose memory is slow to come ---------------------------------------

class SlowPages:
    """Memory whose pages come when this process says so: userfaultfd(2)."""

    SYSCALL = 323
    API, REGISTER, COPY = 0xC018AA3F, 0xC020AA00, 0xC028AA03

    def __init__(self, count):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.syscall(self.SYSCALL, os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "userfaultfd")
        self.ioctl(self.API, struct.pack("QQQ", 0xAA, 0, 0))
        self.size = count * PAGE
        self.memory = mmap.mmap(-1, self.size)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.ioctl(self.REGISTER, struct.pack("QQQQ", self.at, self.size, 1, 0))
        self.filled = bytes(random.randbytes(self.size))

    def ioctl(self, number, words):
        words = ctypes.create_string_buffer(words)
        if self.libc.ioctl(self.fd, ctypes.c_ulong(number), words):
            raise OSError(ctypes.get_errno(), f"ioctl {number:#x}")

    def wait_for_fault(self):
        os.read(self.fd, 32)

    def resolve(self):
        source = mmap.mmap(-1, self.size)
        source.write(self.filled)
        self.ioctl(self.COPY, struct.pack(
            "QQQQq", self.at, ctypes.addressof(ctypes.c_char.from_buffer(source)),
            self.size, 0, 0))

    def send(self, sock):
        return self.libc.send(sock.fileno(), ctypes.c_void_p(self.at),
                              ctypes.c_size_t(self.size), 0)

    def receive(self, sock):
        return self.libc.recv(sock.fileno(), ctypes.c_void_p(self.at),
                              ctypes.c_size_t(self.size), 0)


def backend_serve(sock, pages):
    """
    Requests say what is done: /send has a page that does not come in its answer, and after
    /receive what comes next is read into such a page.
    """
    slow = False
    with sock:
        while True:
            got = pages.receive(sock) if slow else len(head := sock.recv(PAGE))
            if got <= 0:
                return
            target = b"/slow" if slow else head.split(b" ")[1]
            slow = target == b"/receive"
            if target == b"/send":
                sock.sendall(HUGE_HEAD % pages.size)
                pages.send(sock)
            else:
                sock.sendall(HUGE_HEAD % len(target) + target)


def backend():
    listener = socket.create_server(("0.0.0.0", int(sys.argv[2])), reuse_port=False)
    pages = SlowPages(1)

    def accept():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=backend_serve, args=(sock, pages), daemon=True).start()

    def fault():
        pages.wait_for_fault()
        print("fault", flush=True)

    for function in accept, fault:
        threading.Thread(target=function, daemon=True).start()
    sys.stdin.readline()
    pages.resolve()
    sys.stdin.readline()


if sys.argv[1:2] == ["backend"]:
    backend()
    sys.exit()

import lib  # noqa: E402
from lib import (BACKEND, PORT, TOP, WWW, Client, Closed, Counting,  # noqa: E402
                 Nginx, Skip, bytes_of, eventually, get, let_rest, listens, load, mount,
                 new_messages, nothing_of_it, param, request, run, run_tests, same, say, start, stat,
                 test, timed_unload, unload, write)

EACH = 2
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
# More than the module gives to TCP at a time, and more than TCP takes of a lent connection.
LARGE = bytes_of(1_000_000)
HUGE = bytes_of(3_000_000)
# nginx's accept queue has room for one more.
BACKLOG = 8
# Seconds that are as good as for ever.
LONG = 3600


def arrive(**more):
    """No deadline but that of unload is what this is about."""
    load(header_timeout=LONG, keepalive_timeout=LONG, send_timeout=LONG, **more)


class Leaving:
    """rmmod under way."""

    def __init__(self):
        self.child = start("rmmod", "sluice", stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)

    def is_over(self):
        return self.child.poll() is not None

    def expect_end(self):
        eventually(self.is_over, "rmmod to end")
        same((self.child.returncode, self.child.stderr.read()), (0, ""), "rmmod")
        self.child.stderr.close()
        nothing_of_it()

    @contextlib.contextmanager
    def expected_to_last(self):
        yield
        same(self.is_over(), False, "rmmod is over")


def expect_nginx(client, target="/small"):
    response = client.ask(target)
    same((response.status, response.is_nginx), (200, True), f"{target}: {response}")


def wait_until_it_leaves(client):
    """This connection, which idles, is nginx's from here on."""
    eventually(lambda: client.ask("/small").is_nginx, "the module to leave")


def slow_reader():
    client = Client(options=[SMALL_WINDOW])
    client.send(request("/large"))
    client.fill()
    return client


def read_on(client):
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return client.response()


def expect_cut(client):
    try:
        read_on(client)
    except (Closed, ConnectionError):
        return
    raise AssertionError("the whole answer arrived")


# --- with nginx ----------------------------------------------------------------------

@test("who idles, has said nothing, or half of a head, goes on with nginx")
def given_back():
    for more in {}, {"return": 1}:
        arrive(unload_timeout=LONG, **more)
        silent, idle, half, behind, lent = ([Client() for _ in range(EACH)]
                                            for _ in range(5))
        for client in idle + behind + lent:
            same(client.ask("/small").body, b"small", "idle")
        for client in lent:
            expect_nginx(client, "/dynamic")
        for client in half + behind + lent[1:]:
            client.send(request("/small")[:30])
        timed_unload()
        for client in half + behind + lent[1:]:
            client.send(request("/small")[30:])
            same(client.response().is_nginx, True, "half a head")
        for client in silent + idle + half + behind + lent:
            expect_nginx(client)
            client.close()


@test("more than nginx has room for at a time: they wait for it")
def crowd():
    arrive(unload_timeout=LONG)
    clients = [Client() for _ in range(3 * BACKLOG)]
    for client in clients:
        same(client.ask("/small").body, b"small", "idle")
    workers = nginx.pids()[1:]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    counting = Counting()
    leaving = Leaving()
    eventually(lambda: counting.grown("connections_handed_over") > BACKLOG,
               "the queue to be full")
    with leaving.expected_to_last():
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    leaving.expect_end()
    for client in clients:
        expect_nginx(client)
        client.close()


@test("answers under way are finished, and what was asked behind them is nginx's")
def finished():
    for more in {}, {"return": 1}:
        arrive(unload_timeout=LONG, **more)
        readers = [slow_reader() for _ in range(EACH)]
        pipelines, lent = [slow_reader() for _ in range(EACH)], []
        for client in pipelines:
            client.send(request("/small"))
        if more:
            for client in (Client(options=[SMALL_WINDOW]) for _ in range(EACH)):
                expect_nginx(client, "/dynamic")
                client.send(request("/huge"))
                client.fill()
                lent.append(client)
        witness = Client()
        leaving = Leaving()
        wait_until_it_leaves(witness)
        with leaving.expected_to_last():
            expect_nginx(witness)
            same(get("/small").is_nginx, True, "who comes now")
        for client in readers + pipelines + lent:
            response, body = read_on(client), HUGE if client in lent else LARGE
            same((response.is_nginx, response.body == body), (False, True), "answer")
        for client in pipelines:
            same(client.response().is_nginx, True, "behind it")
        leaving.expect_end()
        for client in readers + pipelines + lent:
            expect_nginx(client)
            client.close()


@test("a body that is dropped comes to its end first")
def dropped():
    arrive(unload_timeout=LONG)
    client = Client()
    client.send(request("/small", fields="Content-Length: 10\r\n") + b"12345")
    same(client.response().body, b"small", "with a body")
    witness = Client()
    leaving = Leaving()
    wait_until_it_leaves(witness)
    with leaving.expected_to_last():
        client.send(b"67890")
    leaving.expect_end()
    expect_nginx(client)


@test("unload_timeout is kept to, and can be shortened meanwhile")
def timeout():
    for seconds in 0, 1, LONG:
        arrive(unload_timeout=seconds)
        idle = Client()
        same(idle.ask("/small").body, b"small", "idle")
        readers = [slow_reader() for _ in range(EACH)]
        if seconds == LONG:
            leaving = Leaving()
            wait_until_it_leaves(idle)
            with leaving.expected_to_last():
                pass
            param("unload_timeout", 0)
            leaving.expect_end()
        else:
            timed_unload()
        for client in readers:
            expect_cut(client)
            client.close()
        expect_nginx(idle)


def make_disk():
    """One that can be told not to answer, at WWW/hung, with files."""
    subprocess.run(["modprobe", "-a", "loop", "dm-mod", "ext4"], check=True)
    os.mkdir(f"{TOP}/files")
    for n in range(EACH):
        os.mkdir(f"{TOP}/files/{n}")
        with open(f"{TOP}/files/{n}/file", "wb") as out:
            out.write(b"file")
    image = f"{TOP}/disk.img"
    run("truncate", "-s", "32000000", image)
    run("mke2fs", "-q", "-t", "ext4", "-d", f"{TOP}/files", image)
    loop = run("losetup", "--find", "--show", image).strip()
    lib._clean_ups.append(lambda: run("losetup", "-d", loop))
    sectors = run("blockdev", "--getsz", loop).strip()
    run("dmsetup", "create", "leaving", "--table", f"0 {sectors} linear {loop} 0")
    lib._clean_ups.append(lambda: run("dmsetup", "remove", "leaving"))
    run("dmsetup", "mknodes")
    os.mkdir(f"{WWW}/hung")
    mount("-o", "ro", "/dev/mapper/leaving", f"{WWW}/hung")


@test("a request whose file is still looked for is nginx's")
def looked_up():
    make_disk()
    arrive(unload_timeout=LONG)
    lookups = stat("lookups")
    run("dmsetup", "suspend", "--noflush", "--nolockfs", "leaving")
    clients = [Client() for _ in range(EACH)]
    try:
        for n, client in enumerate(clients):
            client.send(request(f"/hung/{n}/file"))
        eventually(lambda: stat("lookups") == lookups + EACH or
                   stat("connections_accepted") >= EACH, "lookups")
        leaving = Leaving()
        for client in clients:
            same(client.response().body, b"from nginx", "looked up")
    finally:
        run("dmsetup", "resume", "leaving")
    leaving.expect_end()


def keep_asking(outcome, stop):
    """Asks again and again, on connections that have to answer all that is asked."""
    while not stop.is_set():
        try:
            client = Client()
        except ConnectionRefusedError:
            continue
        with client:
            for _ in range(random.randrange(1, 40)):
                target, body = random.choice([("/small", b"small"), ("/large", LARGE),
                                              ("/dynamic", None)])
                got = client.ask(target).body
                same(got == (body or f"GET {client.name()} \n".encode()), True, target)
                outcome[0] += 1


@test("nothing is lost when it comes and goes at random moments")
def random_moments():
    stop, outcome, broken = threading.Event(), [0], []

    def verify():
        try:
            keep_asking(outcome, stop)
        except Exception as reason:
            broken.append(repr(reason))

    threads = [threading.Thread(target=verify) for _ in range(EACH)]
    arrive(unload_timeout=LONG)
    for thread in threads:
        thread.start()
    try:
        for n in range(4):
            until = outcome[0] + random.randrange(1, 30)
            eventually(lambda: broken or outcome[0] > until, "answers")
            timed_unload()
            arrive(unload_timeout=LONG, **{"return": n % 2, "take_back": n % 2})
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        unload()
    same(broken, [], "what verifying clients found")
    say(f"{outcome[0]} answers")


# --- alone ---------------------------------------------------------------------------

@test("alone: answers are finished, idle ones closed, new ones refused")
def standalone():
    arrive(standalone=1, unload_timeout=LONG)
    idle, half = Client(), Client()
    same(idle.ask("/small").body, b"small", "idle")
    half.send(request("/small")[:20])
    eventually(lambda: not half.unacknowledged(), "half a head to arrive")
    readers = [slow_reader() for _ in range(EACH)]
    leaving = Leaving()
    idle.expect_end()
    eventually(lambda: not listens(PORT), "the port to be closed")
    with leaving.expected_to_last():
        try:
            Client()
        except ConnectionRefusedError:
            pass
        else:
            raise AssertionError("a new connection was not refused")
        half.send(request("/small")[20:])
        response = half.response()
        same((response.body, response["connection"]), (b"small", "close"), "half a head")
        half.expect_end()
    for client in readers:
        same(read_on(client).body == LARGE, True, "answer")
    leaving.expect_end()


# --- with a backend whose memory is slow to come ----------------------------------------

class SlowBackend:
    """In nginx's place, from here on."""

    def __init__(self):
        if not os.path.exists("/proc/sys/vm/unprivileged_userfaultfd"):
            raise Skip("no userfaultfd in this kernel")
        if nginx.process.poll() is None:
            nginx.stop()
        self.child = start(sys.executable, "-S", __file__, "backend", str(BACKEND),
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        eventually(lambda: listens(BACKEND) or self.child.poll() is not None,
                   "the backend to listen")

    def wait_for_fault(self):
        same(select.select([self.child.stdout], [], [], 100)[0] != [], True, "a fault")
        same(self.child.stdout.readline(), b"fault\n", "fault")

    def resolve(self):
        self.child.stdin.write(b"\n")
        self.child.stdin.flush()

    def kill(self):
        self.child.kill()
        self.child.wait()
        eventually(lambda: not listens(BACKEND), "the backend to be gone")


def expect_backend(client, target):
    response = client.ask(target)
    same((response.is_nginx, response.body), (True, target.encode()), f"{response}")


@contextlib.contextmanager
def held_up(begin):
    """
    The module leaves while a task of the backend has a page fault with a lent socket owned.
    All goes on meanwhile.
    """
    new_messages()
    slow = SlowBackend()
    arrive(**{"return": 1, "unload_timeout": LONG})
    victim, idle, lent = Client(), Client(), Client()
    same(idle.ask("/small").body, b"small", "idle")
    expect_backend(lent, "/page")
    same(lent.ask("/small").body, b"small", "lent")
    begin(victim)
    slow.wait_for_fault()
    param("unload_timeout", 0)
    leaving = Leaving()
    said = []
    eventually(lambda: said.append(new_messages()) or "cannot leave" in "".join(said),
               "the log to say so")
    same(f"(pid {slow.child.pid}" in "".join(said) or "python" in "".join(said), True,
         f"who it is: {said}")
    with leaving.expected_to_last():
        for client in idle, lent, Client(), Client():
            for target in "/small", "/page":
                expect_backend(client, target)
            client.close()
    yield slow, victim
    leaving.expect_end()
    slow.kill()


def begin_send(client):
    expect_backend(client, "/page")
    client.send(request("/send"))


def begin_receive(client):
    expect_backend(client, "/receive")
    client.send(request("/dynamic"))


@test("a page fault in send(): the port works, and it leaves when the page has come")
def fault_in_send():
    with held_up(begin_send) as (slow, victim):
        slow.resolve()
        same(len(victim.response().body), PAGE, "answer")
    victim.close()


@test("a page fault in recv(): likewise")
def fault_in_receive():
    with held_up(begin_receive) as (slow, victim):
        slow.resolve()
        same(victim.response().body, b"/slow", "answer")
    victim.close()


@test("a page fault that does not end, of a process that is killed")
def fault_killed():
    with held_up(begin_send) as (slow, victim):
        slow.kill()
    victim.close()


@test("who is cut off while the backend reads on holds up nobody's end")
def others_end():
    slow = SlowBackend()
    load(**{"return": 1})
    victims = []
    for n in range(4):
        client = Client(options=[SMALL_WINDOW])
        write(f"shrinks/{n}", HUGE)
        expect_backend(client, "/receive")
        let_rest(slow.child)
        client.send(request(f"/shrinks/{n}"))
        client.fill()
        client.send(request("/page"))	# with a full window it may not hear that it came
        victims.append(client)
    for n in range(len(victims)):
        os.truncate(f"{WWW}/shrinks/{n}", 1)
    for client in victims:
        expect_cut(client)
    others = [Client() for _ in range(20)]
    for client in others:
        same(client.ask("/small", fields="Connection: close\r\n").body, b"small", "other")
        client.close()
    eventually(lambda: stat("live_connections") == 0, "all to be closed")
    timed_unload()
    slow.kill()


write("small", "small")
write("large", LARGE)
write("huge", HUGE)
nginx = Nginx(f"listen {BACKEND} backlog={BACKLOG};", locations="""
location /hung/ { return 200 "from nginx"; }
""")
run_tests(before=unload)
