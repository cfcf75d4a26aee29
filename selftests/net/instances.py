#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Several instances, each in a network namespace of its own: what is set of one, and what
it counts, is its own; it goes when its namespace does, and does not keep that alive.
"""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import sys
import threading

from hanging import Hanging
import lib
from lib import (BACKEND, PORT, TOP, WWW, Client, Closed, Nginx, bytes_of, eventually, get,
                 is_loaded, load, new_messages, nothing_of_it, param, request, run,
                 run_tests, same, start, stats, test, timed_unload, unload, write)

lib.two_ports_only("each has a server of its own, on another port")

INSTANCES = "/sys/module/sluice/instances"
# How often they are made and ended: scripts/vm --kernel debug -- selftests/net/instances.py 100
ROUNDS = int((sys.argv[1:] or [12])[0])
# Requests of each client under load.
LOAD = 300
COLOURS = "red", "green", "blue"
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
LARGE = bytes_of(3_000_000)

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def system_call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# --- namespaces -----------------------------------------------------------------

class Space:
    """A network namespace, in which a process waits; or more, if "unshare" is told so."""

    def __init__(self, *unshare, script=""):
        self.keeper = start("unshare", "--net", *unshare, "sh", "-c",
                            f"ip link set lo up; {script} echo ready; exec cat",
                            stdin=-1, stdout=-1, text=True)
        same(self.keeper.stdout.readline(), "ready\n", "a namespace")
        self.proc = f"/proc/{self.keeper.pid}"
        self.path = f"{self.proc}/ns/net"

    @contextlib.contextmanager
    def within(self):
        """This thread is in it."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as before, \
                open(self.path, encoding="ascii") as there:
            system_call(libc.setns(there.fileno(), CLONE_NEWNET))
            try:
                yield
            finally:
                system_call(libc.setns(before.fileno(), CLONE_NEWNET))

    def client(self, **options):
        with self.within():
            return Client(**options)

    def get(self, target):
        with self.client() as client:
            return client.ask(target)

    def stats(self):
        with open(f"{self.proc}/net/sluice/stats", encoding="ascii") as lines:
            return {key: int(value) for key, value in map(str.split, lines)}

    def end(self):
        self.keeper.kill()
        self.keeper.wait()


class Backend:
    """Answers with its name, on a connection that stays."""

    def __init__(self, space, name):
        self.name = name.encode()
        with space.within():
            self.listener = socket.create_server(("127.0.0.1", BACKEND), backlog=128)
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError):
            head = b""
            while data := connection.recv(65536):
                head += data
                while b"\r\n\r\n" in head:
                    head = head.split(b"\r\n\r\n", 1)[1]
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
                                       % (len(self.name), self.name))

    def stop(self):
        for sock in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


# --- instances ------------------------------------------------------------------

def put(path, text):
    with open(f"{INSTANCES}/{path}", "w", encoding="ascii") as file:
        file.write(f"{text}\n")


def read(path):
    with open(f"{INSTANCES}/{path}", encoding="ascii") as file:
        return file.read()[:-1]


def is_there(name):
    return os.path.isdir(f"{INSTANCES}/{name}")


def refused(path, text, error, *words):
    """With a line in the kernel log, if there are words of it."""
    new_messages()
    try:
        put(path, text)
    except OSError as reason:
        same(errno.errorcode[reason.errno], errno.errorcode[error], f"{text} to {path}")
    else:
        raise AssertionError(f"{text} to {path} was accepted")
    said = new_messages()
    for word in words:
        same(word in said, True, f"{text} to {path}: '{said}' has '{word}'")


def site_of(name):
    """A docroot with files that say whose they are."""
    root = f"{TOP}/{name}"
    os.makedirs(root, exist_ok=True)
    for file, data in (("name", name.encode()), ("large", LARGE), (f"{name}.only", b"x")):
        with open(f"{root}/{file}", "wb") as out:
            out.write(data)
    return root


def make(name, space, **settings):
    put("make", name)
    put(f"{name}/netns", space.path)
    settings = {"docroot": site_of(name), "backend_port": BACKEND, "unload_timeout": 1,
                **settings}
    for setting, value in settings.items():
        put(f"{name}/{setting}", value)
    put(f"{name}/live", 1)


@contextlib.contextmanager
def spaces(names=COLOURS, **settings):
    """A namespace with an instance for each."""
    made = {name: Space() for name in names}
    try:
        for name, space in made.items():
            make(name, space, **settings)
        yield made
    finally:
        for name, space in made.items():
            if is_there(name):
                put("end", name)
            space.end()


def none_is_there():
    eventually(lambda: sorted(os.listdir(INSTANCES)) == ["end", "make"], "there is no")


# --- side by side -----------------------------------------------------------------

def ask_much(space, name, failures):
    """Files on one connection, the backend on others: what is lent may be the backend's."""
    with space.client() as client:
        for i in range(LOAD):
            target = ("/name", f"/{name}.only", "/not-there")[i % 3]
            response = client.ask(target) if i % 3 < 2 else space.get(target)
            expected = (name.encode(), b"x", b"backend of " + name.encode())[i % 3]
            if response.body != expected:
                failures.append((name, target, response))


@test("three at once, under load: each has its own site, backend and counters")
def side_by_side():
    ours = stats()
    with spaces(**{"return": 1, "take_back": 1}) as made, contextlib.ExitStack() as stack:
        failures, threads = [], []
        for name, space in made.items():
            backend = Backend(space, f"backend of {name}")
            stack.callback(backend.stop)
            threads.append(threading.Thread(target=ask_much, args=(space, name, failures)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(failures, [], "answers")
        for name, space in made.items():
            now = space.stats()
            same((now["requests"], now["served"], now["handed_over"], now["lookups"] > 0),
                 (LOAD, LOAD // 3 * 2, LOAD // 3, True), name)
    now = stats()
    for key in "requests", "connections_accepted", "lookups", "cache_hits":
        same(now[key], ours[key], f"{key} of the loader's")


@test("a setting of one does not show in another, nor in that of the parameters")
def settings():
    with spaces(standalone=1) as made:
        put("red/server", "crimson")
        put("green/charset", "koi8-r")
        put("blue/strict", 1)
        put("blue/keepalive_timeout", 7)
        same([read(f"{name}/server") for name in COLOURS], ["crimson", "sluice", "sluice"], "")
        same([read(f"{name}/strict") for name in COLOURS], ["0", "0", "1"], "strict")
        same([read(f"{name}/keepalive_timeout") for name in COLOURS], ["75", "75", "7"], "")
        same([space.get("/name")["server"] for space in made.values()],
             ["crimson", "sluice", "sluice"], "field")
        same(get("/small")["server"], "sluice", "of the loader's")
        with open(f"{made['red'].proc}/net/sluice/types", "w", encoding="ascii") as types:
            types.write("text/x-red red txt\nend\n")
        with open(f"{TOP}/red/a.txt", "w") as red, open(f"{TOP}/green/a.txt", "w") as green:
            red.write("a")
            green.write("a")
        same([made[name].get("/a.txt")["content-type"] for name in ("red", "green")],
             ["text/x-red", "text/plain; charset=koi8-r"], "types")


@test("all settings of an instance have a file, but for those of the machine")
def files():
    with spaces(("red",)):
        parameters = set(os.listdir("/sys/module/sluice/parameters"))
        same(set(os.listdir(f"{INSTANCES}/red")),
             parameters - {"direct", "cpu_share", "pass_through"} | {"live", "netns"}, "files")
        for name in os.listdir(f"{INSTANCES}/red"):
            mode = os.stat(f"{INSTANCES}/red/{name}").st_mode & 0o777
            same(oct(mode), oct(0o200 if name == "cache_drop" else 0o644), name)
            if name != "cache_drop":
                read(f"red/{name}")
        for name in "make", "end":
            same(oct(os.stat(f"{INSTANCES}/{name}").st_mode & 0o777), oct(0o200), name)
        put("red/cache_drop", 1)


# --- what is refused ----------------------------------------------------------------

@test("names that are none, are there already, or are not there")
def names():
    for name in ("", "A", "a b", "a/b", "..", "a.b", "x" * 33, "make", "end", "\u00e4"):
        try:
            refused("make", name, errno.EINVAL, "make: ", "expected a name")
        except UnicodeEncodeError:
            pass
    refused("end", "a/b", errno.EINVAL, "end: ", "expected a name")
    refused("end", "red", errno.ENOENT, "red: there is no")
    put("make", "x" * 32)
    refused("make", "x" * 32, errno.EEXIST, "already")
    put("end", "x" * 32)
    refused("end", "x" * 32, errno.ENOENT, "there is no")


@test("values that are none: said with the instance's name, and the old one stays")
def values():
    with spaces(("red",)) as made:
        for name, value in (
                ("backend_port", 80), ("backend_port", "x"), ("strict", "maybe"),
                ("query", "drop"), ("docroot", "/"), ("mode_required", "8"),
                ("server", "<x>"), ("max_connections", 0), ("cache_bytes", 1),
                ("cache_drop", 0), ("live", 2), ("backend_uid", "root")):
            before = None if name == "cache_drop" else read(f"red/{name}")
            error = errno.EPERM if value == "/" else errno.EINVAL
            refused(f"red/{name}", value, error, f"sluice: red: {name}=")
            if before is not None:
                same(read(f"red/{name}"), before, name)
        for name, value in (("port", 81), ("address", "127.0.0.1"), ("run_as", 1),
                            ("defer_accept", 1), ("netns", "/proc/self/ns/net")):
            refused(f"red/{name}", value, errno.EBUSY, f"red: {name}: cannot be changed")
        refused("red/live", 1, errno.EBUSY)
        same((read("red/live"), made["red"].get("/name").body), ("1", b"red"),
             "live, after it was to be so again")


@test("what is missing when it shall serve; then it can be set, and serves")
def missing():
    space = Space()
    put("make", "red")
    refused("red/live", 1, errno.EINVAL, "red: docroot is missing")
    put("red/docroot", site_of("red"))
    refused("red/live", 1, errno.EINVAL, "red: backend_port is missing")
    put("red/standalone", 1)
    refused("red/netns", "/nowhere", errno.ENOENT, "red: netns=/nowhere")
    for path in "/proc/self/ns/mnt", "/dev/null", TOP:
        refused("red/netns", path, errno.EINVAL, "red: netns=", "expected the file of")
    put("red/netns", space.path)
    same(read("red/netns"), os.readlink(space.path), "netns")
    put("red/docroot", f"{TOP}/none")
    refused("red/live", 1, errno.ENOENT, f"red: docroot={TOP}/none")
    put("red/docroot", site_of("red"))
    put("red/address", "203.0.113.1")
    refused("red/live", 1, errno.EADDRNOTAVAIL, "red: address=203.0.113.1", "cannot listen")
    put("red/address", "127.0.0.1")
    with space.within():
        taken = socket.create_server(("127.0.0.1", PORT))
    refused("red/live", 1, errno.EADDRINUSE, "red: address=", "in use")
    taken.close()
    same((read("red/live"), os.path.exists(f"{space.proc}/net/sluice")), ("0", False), "")
    put("red/live", 1)
    same(space.get("/name").body, b"red", "at last")
    put("red/live", 0)
    same((read("red/live"), os.path.exists(f"{space.proc}/net/sluice")), ("0", False), "")
    put("red/port", 81)
    put("red/live", 1)
    with space.client(port=81) as client:
        same(client.ask("/name").body, b"red", "on another port")
    put("end", "red")
    space.end()


@test("one in a namespace: the second is told who is there")
def one_each():
    with spaces(("red",)) as made:
        put("make", "green")
        for name, value in (("docroot", site_of("green")), ("standalone", 1), ("port", 81)):
            put(f"green/{name}", value)
        refused("green/live", 1, errno.EBUSY, "green: netns: ", "parameters serves")
        put("green/netns", made["red"].path)
        refused("green/live", 1, errno.EBUSY, "green: netns: red serves there")
        put("red/live", 0)
        put("green/live", 1)
        put("end", "green")


UNPRIVILEGED = """
import os, sys
files = [os.open(path, os.O_WRONLY) for path in sys.argv[2:]]
if sys.argv[1] == "user":
    os.setresuid(65534, 65534, 65534)
for file in files:
    try:
        os.write(file, b"red\\n")
        print("written")
    except PermissionError:
        print("refused")
for path in sys.argv[2:]:
    try:
        os.open(path, os.O_WRONLY)
        print("opened" if sys.argv[1] == "user" else "refused")
    except PermissionError:
        print("refused")
"""


@test("who is not the administrator writes nothing, also to a file that he got open")
def unprivileged():
    with spaces(("red",)):
        paths = [f"{INSTANCES}/{name}" for name in
                 ("make", "end", "red/live", "red/strict", "red/netns", "red/docroot")]
        said = run(sys.executable, "-S", "-c", UNPRIVILEGED, "user", *paths)
        same(said, "refused\n" * 12, "a user")
        said = run("unshare", "-Urn", sys.executable, "-S", "-c", UNPRIVILEGED, "root", *paths)
        same(said, "refused\n" * 12, "root of a namespace of users")
        same((is_there("red"), read("red/live")), (True, "1"), "afterwards")


# --- its namespace goes -----------------------------------------------------------------

@contextlib.contextmanager
def beyond(name, **settings):
    """
    An instance that is reached over a wire, from a namespace that stays: for a client in
    its own would keep that alive.
    """
    far = Space()
    near = Space(script="ip link add wire0 type veth peer name wire1; "
                        f"ip link set wire1 netns {far.keeper.pid}; "
                        "ip addr add 192.0.2.1/24 dev wire0; ip link set wire0 up;")
    run("nsenter", f"--net={far.path}", "sh", "-c",
        "ip addr add 192.0.2.2/24 dev wire1; ip link set wire1 up")
    make(name, far, **settings)
    try:
        yield far, near
    finally:
        far.end()
        near.end()
        if is_there(name):
            with contextlib.suppress(OSError):
                put("end", name)
        none_is_there()


def across(near, **options):
    return near.client(address="192.0.2.2", **options)


def has_wire(near):
    with open(f"{near.proc}/net/dev", encoding="ascii") as devices:
        return "wire0" in devices.read()


def gone(name):
    eventually(lambda: not is_there(name), f"{name} to go with its namespace")


@test("its namespace has no process left: it goes, although a client keeps connections open")
def no_process():
    with beyond("red", standalone=1) as (far, near), across(near) as idle, across(near) as silent:
        same(idle.ask("/name").body, b"red", "served")
        silent.send("GET /name HT")
        same(far.stats()["live_connections"] >= 1, True, "connections")
        far.end()
        gone("red")


@test("amid an answer: it is cut short, not padded")
def amid_answer():
    with beyond("red", standalone=1) as (far, near), \
            across(near, options=[SMALL_WINDOW]) as slow:
        slow.send(request("/large"))
        slow.take_until(b"\r\n\r\n")
        slow.take(10_000)
        far.end()
        gone("red")
        try:
            while True:
                slow.fill()
        except (Closed, ConnectionResetError):
            pass
        same(len(slow.buffer) < len(LARGE) - 10_000, True, "cut short")
        same(slow.buffer, LARGE[10_000:10_000 + len(slow.buffer)], "what came")


@test("while a lookup hangs: the namespace goes, and the instance when the lookup is over")
def lookup_hangs():
    with beyond("red", standalone=1) as (far, near):
        os.makedirs(f"{TOP}/red/hang")
        with open(f"{TOP}/red/hang/file", "w", encoding="ascii") as out:
            out.write("x")
        with Hanging(f"{TOP}/red/hang") as files, across(near) as waiting:
            waiting.send(request("/hang/file"))
            files.wait()
            same(has_wire(near), True, "the wire")
            far.end()
            eventually(lambda: not has_wire(near), "the wire to go with its other end")
            same(is_there("red"), True, "what is left of it")
            files.answer("file")
            gone("red")


@test("with connections that are lent: the backend's keep it alive, and with it it goes")
def lent():
    with beyond("red", **{"return": 1, "take_back": 1}) as (far, near):
        backend = Backend(far, "backend")
        with across(near) as one, across(near) as other:
            for each in one, other:
                same(each.ask("/not-there").body, b"backend", "lent")
                # It may be on its way to read, and come upon a request before us.
                eventually(lambda each=each: each.ask("/name").body == b"red", "it is back")
            same(far.stats()["connections_lent"], 2, "lent")
            far.end()
            # Whoever has one of its sockets has the namespace.
            same((is_there("red"), one.ask("/name").body, other.ask("/not-there").body),
                 (True, b"red", b"backend"), "while it has its backend")
            backend.stop()
            gone("red")


@test("it was not live, or had ended: it goes all the same")
def not_live():
    space = Space()
    make("red", space, standalone=1)
    put("red/live", 0)
    put("make", "green")
    put("green/netns", space.path)
    space.end()
    gone("red")
    gone("green")


@test("its docroot is in another mount namespace")
def other_mounts():
    inside = f"mount -t tmpfs none {TOP}; mkdir {TOP}/in; echo -n inside > {TOP}/in/file; "
    space = Space("--mount", "--propagation", "private", script=inside)
    make("red", space, standalone=1, docroot=f"{space.proc}/root{TOP}/in")
    same(space.get("/file").body, b"inside", "file")
    put("end", "red")
    space.end()


# --- over and over ------------------------------------------------------------------------

@test(f"made, used and ended, or left to its namespace's end, {ROUNDS} times")
def rounds():
    for i in range(ROUNDS):
        space = Space()
        backend = Backend(space, "backend")
        make("red", space, **{"return": i % 2, "take_back": i % 2})
        clients = [space.client() for _ in range(4)]
        for client in clients:
            same(client.ask("/not-there").body, b"backend", "handed over")
            client.close()
        with space.client() as client:
            same(client.ask("/name").body, b"red", "served")
            client.send(request("/large"))
        if i % 3:
            put("end", "red")
        backend.stop()
        space.end()
        gone("red")


@test("ended and made live again while clients come: nothing of the others is touched")
def again():
    with spaces(("red", "green"), standalone=1, unload_timeout=0) as made, \
            made["green"].client() as client:
        for _ in range(5):
            same(made["red"].get("/name").body, b"red", "red")
            same(client.ask("/name").body, b"green", "green, on the same connection")
            put("red/live", 0)
            same(client.ask("/name").body, b"green", "green, on the same connection")
            put("red/live", 1)


@test("at the end nothing is left of those that are gone")
def left():
    with spaces(("red",), standalone=1) as made:
        with made["red"].client() as client:
            client.ask("/name")
            client.ask("/not-there")
        eventually(lambda: made["red"].stats()["live_connections"] == 0, "connections")
        put("red/cache_drop", 1)
        eventually(lambda: made["red"].stats()["live_objects"] == 0, "objects")
        now = made["red"].stats()
        same((now["live_cache_bytes"], now["live_clients"], now["out_of_memory"]),
             (0, 0, 0), "what is left")


@test("unload with several live and busy, one that is not, and one that is about to go")
def unload_all():
    with contextlib.ExitStack() as stack:
        made = {name: Space() for name in COLOURS}
        backends = []
        for name, space in made.items():
            make(name, space, **{"return": 1})
            backends.append(Backend(space, "backend"))
            for target in "/not-there", "/name", "/large":
                client = stack.enter_context(space.client(options=[SMALL_WINDOW]))
                client.send(request("/not-there") + request(target))
        put("make", "idle")
        made["blue"].keeper.send_signal(signal.SIGKILL)
        timed_unload()
        for backend in backends:
            backend.stop()
        for space in made.values():
            space.end()
    nothing_of_it()
    load()


write("small", "small")
nginx = Nginx()
load()
run_tests()
