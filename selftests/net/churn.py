#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
usage: churn.py [ROUNDS [SEED]]

The module comes and goes, round after round, at a random moment of all that clients,
the backend, the administrator and who writes the files may be doing. After each round
a census of what the kernel has of everything that passes through its hands is what it
was after the one before.

What each process does follows from the seed; when it does it does not.
"""

import ctypes
import mmap
import os
import random
import re
import shutil
import socket
import struct
import sys
import time

import lib
from lib import (BACKEND, SLOWNESS, TOP, WWW, Client, Closed, Nginx, Skip, bytes_of,
                 eventually, in_child, listens, load, numbers_of, param, request, run,
                 run_tests, same, say, slabs, sockets, stats, test, timed_unload, types,
                 types_of_nginx, write)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15 if SLOWNESS == 1 else 6
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
CLIENTS = 2
LONGEST = 2	# seconds from load to unload
SURVIVORS = 5
OTHER = f"{TOP}/other"	# a docroot on another file system
NO_DOCROOT = f"{TOP}/none"
CGROUPS = "/sys/fs/cgroup/churn"
CGROUP = f"{CGROUPS}/backend"
KMEMLEAK = "/sys/kernel/debug/kmemleak"
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
RESET = struct.pack("ii", 1, 0)	# for SO_LINGER
TCP_RESERVE = 256	# pages, for a processor
MS_NOATIME = 1024
LIBC = ctypes.CDLL(None, use_errno=True)
LARGE = bytes_of(1_000_000)
PAGE = bytes_of(20_000, seed=2)
TABLE = types_of_nginx()


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Orders:
    """In memory that all processes share, and this one has paid for."""
    REST, WORK, HOME = range(3)

    def __init__(self, count):
        self.bytes = mmap.mmap(-1, count + 3)
        self.bytes[:] = bytes(count + 3)

    def give(self, order):
        self.bytes[0] = order

    def given(self):
        return Orders.HOME if self.has_failed() else self.bytes[0]

    def fail(self):
        """One of them says why, and all go home."""
        self.bytes[1] = 1

    def has_failed(self):
        return self.bytes[1]

    def have_restarts(self, restarts):
        self.bytes[2] = restarts

    def are_restarts(self):
        return self.bytes[2]

    def set_busy(self, number, busy):
        self.bytes[3 + number] = busy

    def is_any_busy(self):
        same(self.has_failed(), 0, "what somebody found wrong")
        return any(self.bytes[3:])


class Worker:
    """
    A process of its own for all rounds, for it would take long to make one each time.
    It yields to who comes and goes: that is to be quick, whatever else goes on.
    """

    def __init__(self):
        self.done = self.vain = 0

    def act(self, orders):
        raise NotImplementedError

    def rest(self):
        pass

    def home(self):
        pass


def work(kind, orders, number, seed):
    os.nice(10)
    random.seed(seed)
    worker = kind()
    try:
        while orders.given() != Orders.HOME:
            # Before looking: who gives orders looks at this after giving them.
            orders.set_busy(number, True)
            if orders.given() == Orders.WORK:
                worker.act(orders)
            else:
                worker.rest()
                orders.set_busy(number, False)
                time.sleep(0.03)
        worker.rest()
    finally:
        orders.set_busy(number, False)
        worker.home()
    return worker.done, worker.vain


# --- the author --------------------------------------------------------------------

CONSTANT = {"small": b"small", "page": PAGE, "large": LARGE, "packed": b"small",
            "packed.gz": b"packed", "dir/index.html": b"index"}
CHANGING = "replaced", "comes", "written", "release/file"


def version(number):
    """Some leave with the head, some by page."""
    return b"%09d\n" % number * (1 + number % 5 * 300)


def make_site(top):
    for name, data in CONSTANT.items():
        write(f"{top}/{name}", data)
    for name in "replaced", "comes", "written", "release0/file", "release1/file":
        write(f"{top}/{name}", version(0))
    os.symlink("release0", f"{top}/release")


def change_replaced(top, number):
    write(f"{top}/.replaced", version(number))
    os.rename(f"{top}/.replaced", f"{top}/replaced")


def change_comes(top, number):
    if os.path.exists(f"{top}/comes"):
        os.unlink(f"{top}/comes")
    else:
        os.link(write(f"{top}/.comes", version(number)), f"{top}/comes")
        os.unlink(f"{top}/.comes")


def change_written(top, number):
    """In place: what is sent meanwhile may be of two versions."""
    os.truncate(f"{top}/written", number % 3 * 5000)
    with open(f"{top}/written", "r+b", buffering=0) as out:
        out.write(version(number))


def change_release(top, number):
    os.symlink(f"release{number % 2}", f"{top}/.release")
    os.rename(f"{top}/.release", f"{top}/release")


CHANGES = change_replaced, change_comes, change_written, change_release


class Author(Worker):
    """Writes the files; nothing of that ever fails."""

    def act(self, orders):
        for top in WWW, OTHER:
            random.choice(CHANGES)(top, random.randrange(1000))
            self.done += 1
        time.sleep(random.random() * 0.05)


# --- the administrator -----------------------------------------------------------------

# What it is, and what it is for a moment.
SETTINGS = {
    "docroot": (WWW, OTHER, NO_DOCROOT), "cache_drop": (1, 1),
    "cache_entries": (4096, 1, 3), "cache_bytes": (1 << 25, 65536), "cache_idle": (60, 1),
    "max_connections": (65536, 5), "max_per_client": (0, 20), "max_head_size": (8192, 512),
    "header_timeout": (20, 1), "keepalive_timeout": (75, 1), "send_timeout": (60, 1),
    "linger_timeout": (5, 1), "direct": (1, 0), "strict": (0, 1), "standalone": (0, 1),
    "pass_through": (0, 1), "lenient": (0, 1), "cpu_share": (100, 20),
    "query": ("serve", "handover"), "precompressed": ("br,zst,gz", "gz", ""),
    "symlinks": ("beneath", "none"), "index": ("index.html", "none,index.html"),
    "charset": ("", "utf-8"), "add_header": ("", "X-One: 1"), "backend_port": (BACKEND, 81),
    "return": (1, 0), "take_back": (1, 0),
}


def set_for_a_moment(name):
    usual, *others = SETTINGS[name]
    try:
        param(name, random.choice(others))
        time.sleep(random.random() * 0.1)
    finally:
        param(name, usual)


class Administrator(Worker):
    """Also before it is loaded, while it comes, and while it goes."""

    def act(self, orders):
        name = random.choice((*SETTINGS, "types", "stats"))
        try:
            if name == "types":
                types(TABLE)
            elif name == "stats":
                stats()
            else:
                set_for_a_moment(name)
            self.done += 1
        except OSError:
            self.vain += 1
            time.sleep(0.01)


# --- the backend -------------------------------------------------------------------------

class Backend(Worker):
    """nginx, in a memory cgroup that goes with it."""

    def __init__(self):
        super().__init__()
        self.nginx = Nginx(f"listen {BACKEND}; listen [::]:{BACKEND};")
        self.put_into_cgroup()

    def put_into_cgroup(self):
        os.mkdir(CGROUP)
        for pid in self.nginx.pids():
            with open(f"{CGROUP}/cgroup.procs", "w") as out:
                out.write(str(pid))

    def end(self, how):
        how()
        for name in "access.log", "error.log":	# which are charged to it
            os.unlink(f"{TOP}/{name}")
        os.rmdir(CGROUP)

    def act(self, orders):
        time.sleep(random.random() * 0.3)
        if orders.are_restarts():
            self.end(random.choice((self.nginx.kill, self.nginx.stop)))
            time.sleep(random.random() * 0.1)
            self.nginx.start()
            self.put_into_cgroup()
            self.done += 1

    def home(self):
        self.end(self.nginx.stop)


def is_nginx(client):
    return client.ask("/dynamic").body == f"GET {client.name()} \n".encode()


def survivors():
    """Connections that nginx has: what becomes of the module is nothing to them."""
    found = []
    for _ in range(4 * SURVIVORS):
        try:
            client = Client()
            if is_nginx(client):
                found.append(client)
        except (Closed, ConnectionError):
            pass
        if len(found) == SURVIVORS:
            break
    return found


# --- clients -----------------------------------------------------------------------------

TARGETS = *CONSTANT, *CHANGING, "dynamic", "absent", "dir", "dir/"
STATUSES = 200, 206, 301, 304, 403, 404, 405, 503


def check(client, name, response):
    """Whatever happens: what arrives as a whole is right."""
    same(response.status in STATUSES, True, f"{name}: {response}")
    if response.status == 206:
        same(response.body == LARGE[5:100_001], True, f"{name}: {response}")
    elif response.status != 200:
        return
    elif name == "dynamic":
        same(response.body, f"GET {client.name()} \n".encode(), name)
    elif name == "written":
        same(re.fullmatch(rb"[0-9\n\0]*", response.body) is not None, True,
             f"{name}: {response}")
    elif name in CHANGING:
        same(response.body, version(int(response.body[:9])), name)
    else:
        whole = CONSTANT["packed.gz" if response["content-encoding"] else
                         "dir/index.html" if name == "dir/" else name]
        same(response.body == whole, True, f"{name}: {response}")


class Clients(Worker):
    """In every state."""

    def __init__(self):
        super().__init__()
        self.idle = []
        self.odd = []	# who will not ask again
        self.acts = (self.ask, self.ask, self.ask, self.pipeline, self.part, self.body,
                     self.upload, self.half_open, self.say_nothing, self.read_slowly,
                     self.read_on, self.reset, self.leave)

    def new(self, *options):
        return Client(address=random.choice(("127.0.0.1", "127.0.0.1", "::1")),
                      options=options)

    def any(self):
        if self.idle and random.random() < 0.7:
            return self.idle.pop(random.randrange(len(self.idle)))
        return self.new()

    def take(self, client, name):
        check(client, name, client.response())
        self.done += 1

    def ask(self):
        client = self.any()
        for _ in range(random.randrange(1, 6)):
            name = random.choice(TARGETS)
            client.send(request(f"/{name}", fields=random.choice((
                "", "", "Accept-Encoding: gzip\r\n"))))
            self.take(client, name)
        self.idle.append(client)

    def pipeline(self):
        client = self.any()
        names = random.choices(TARGETS, k=random.randrange(2, 40))
        client.send(b"".join(request(f"/{name}") for name in names))
        for name in names:
            self.take(client, name)
        self.idle.append(client)

    def part(self):
        client = self.any()
        client.send(request("/large", fields="Range: bytes=5-100000\r\n"))
        self.take(client, "large")
        self.idle.append(client)

    def body(self):
        client = self.any()
        data = request("/page", fields="Content-Length: 1000\r\n") + b"x" * 1000
        cut = random.randrange(len(data))
        client.send(data[:cut])
        time.sleep(random.random() * 0.01)
        client.send(data[cut:])
        self.take(client, "page")
        self.idle.append(client)

    def upload(self):
        client = self.any()
        client.send(request("/small", "POST", "Content-Length: 5\r\n") + b"hello")
        self.take(client, "small")
        self.idle.append(client)

    def half_open(self):
        client = self.any()
        client.send(request("/page")[:random.randrange(1, 20)])
        self.odd.append(client)

    def say_nothing(self):
        self.odd.append(self.new())

    def read_slowly(self):
        client = self.new(SMALL_WINDOW)
        client.send(request("/large") * random.randrange(1, 3) +
                    request("/dynamic") * random.randrange(2))
        client.fill()
        self.odd.append(client)

    def read_on(self):
        if self.odd:
            client = random.choice(self.odd)
            client.sock.setblocking(False)
            try:
                client.fill()
                client.buffer = b""
            except BlockingIOError:
                pass

    def reset(self):
        client = self.new(SMALL_WINDOW)
        client.send(request(random.choice(("/large", "/page", "/dynamic"))))
        if random.random() < 0.7:
            client.fill()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    def leave(self):
        client = self.any()
        client.send(request("/page"))
        if random.random() < 0.5:
            client.shut()
            self.take(client, "page")
        client.close()

    def thin_out(self, most):
        for group in self.idle, self.odd:
            while len(group) > most:
                group.pop(random.randrange(len(group))).close()

    def act(self, orders):
        try:
            random.choice(self.acts)()
        except ConnectionRefusedError:
            time.sleep(0.02)
        except (Closed, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            self.vain += 1
        self.thin_out(15)

    def rest(self):
        self.thin_out(0)


# --- the census ------------------------------------------------------------------------

# Those of whose objects sluice has some, or has others hold some. What an object
# refers to cannot be freed before it: so a socket stands for its buffers, a file for
# its path and mount, a pool_workqueue for a workqueue.
NAMES = ("TCP", "TCPv6", "request_sock_TCP", "request_sock_TCPv6", "sock_inode_cache",
         "filp", "mnt_cache", "pool_workqueue", "ext4_inode_cache", "fsnotify_mark",
         "fsnotify_mark_connector")


class Slabs:
    """
    Exact: what is free in a slab that is a processor's own counts as in use, so they
    are shrunk first, without opening any file, for files are counted too. What is freed
    by RCU meanwhile makes a slab a processor's again: the least of some is the number.
    """
    SAMPLES = 5

    def __init__(self, names):
        self.shrink = [os.open(f"/sys/kernel/slab/{name}/shrink", os.O_WRONLY)
                       for name in names if os.path.exists(f"/sys/kernel/slab/{name}")]
        self.names = names
        self.info = open("/proc/slabinfo")

    def sample(self):
        for file in self.shrink:
            os.write(file, b"1")
        self.info.seek(0)
        found = slabs(self.info)
        return {f"slab {name}": found[name] for name in self.names if name in found}

    def count(self):
        samples = []
        for _ in range(Slabs.SAMPLES):
            time.sleep(0.1)
            samples.append(self.sample())
        return {name: min(sample[name] for sample in samples) for name in samples[0]}


def words_of(path, first):
    with open(path) as lines:
        return next(words for words in map(str.split, lines) if words[0] == first)


def census():
    give_back_charges()
    with open("/proc/modules") as lines:
        modules = {f"module {words[0]}": words[2] for words in map(str.split, lines)}
    with open("/proc/self/mountinfo") as lines:
        mounts = len(list(lines))
    return {**COUNTED.count(), **modules, "mounts": mounts,
            "dying cgroups": words_of("/sys/fs/cgroup/cgroup.stat",
                                      "nr_dying_descendants")[1],
            "sockets": words_of("/proc/net/sockstat", "sockets:"),
            "TCP": (sockets("inuse"), sockets("orphan"), sockets("alloc")),
            "TCPv6": words_of("/proc/net/sockstat6", "TCP6:"),
            **{f"protocol {name}": words_of("/proc/net/protocols", name)[2]
               for name in ("TCP", "TCPv6")}}


def give_back_charges():
    """
    Each processor has some pages charged in advance, and so refers to the cgroup that
    it charged last, for as long as it charges no other. What is freed of the backend's
    sockets after its cgroup went makes it so again.
    """
    for most in "0", "max":
        with open(f"{CGROUPS}/memory.high", "w") as out:
            out.write(most)


def differences(before, now):
    return {key: (before.get(key), now.get(key)) for key in {*before, *now}
            if before.get(key) != now.get(key)}


def settled_census():
    """What has not changed for a while, since the kernel frees much of it later."""
    for _ in range(10):
        before = census()
        time.sleep(10)
        now = census()
        if not differences(before, now):
            return before
    raise AssertionError(f"the census does not settle: {differences(before, now)}")


def expect_census(before):
    try:
        eventually(lambda: not differences(before, census()), "the census")
    except AssertionError:
        same(differences(before, census()), {}, "before, now")
    # There is nobody who has any, but each processor settles its account later.
    eventually(lambda: sockets("mem") <= os.cpu_count() * TCP_RESERVE, "TCP's memory")


def pages_of(path):
    """Of a file, in memory, after it was let go of: what is referred to stays."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if not os.fstat(file.fileno()).st_size:
            return 0
        with mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE) as mapping:
            vector = (ctypes.c_ubyte * (len(mapping) // mmap.PAGESIZE + 1))()
            start = ctypes.c_char.from_buffer(mapping)
            checked(LIBC.mincore(ctypes.c_void_p(ctypes.addressof(start)),
                                 ctypes.c_size_t(len(mapping)), vector))
            del start
        return sum(byte & 1 for byte in vector)


def receive_everywhere():
    """What a processor allocated and another received it frees when it next receives."""
    processors = os.sched_getaffinity(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        for processor in processors:
            os.sched_setaffinity(0, {processor})
            sock.sendto(b"", sock.getsockname())
            sock.recv(1)
    os.sched_setaffinity(0, processors)


def has_no_pages(path):
    if not pages_of(path):
        return True
    receive_everywhere()
    return False


def expect_no_page_held():
    for root, _, names in os.walk(WWW):
        for name in names:
            path = os.path.join(root, name)
            eventually(lambda: has_no_pages(path), f"the pages of {path} to be let go of")


# --- rounds ---------------------------------------------------------------------------

def mount_site():
    checked(LIBC.mount(DEVICE.encode(), WWW.encode(), b"ext4", MS_NOATIME, None))


def unmount_site():
    """nginx may be about to close a file; and then nobody has the device."""
    eventually(lambda: not LIBC.umount2(WWW.encode(), 0), "docroot to be unmounted")
    os.close(os.open(DEVICE, os.O_RDONLY | os.O_EXCL))


def use_io(sign):
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as out:
        out.write(f"{sign}io")


class Totals(dict):
    def add(self, what, number):
        self[what] = self.get(what, 0) + number


class Workers:
    """While the body of a "with" runs."""
    KINDS = Backend, Author, Administrator, *[Clients] * CLIENTS

    def __init__(self, chance, totals):
        self.orders = Orders(len(self.KINDS))
        self.totals = totals
        seeds = [chance.randrange(1 << 32) for _ in self.KINDS]
        self.processes = [
            in_child(work, kind, self.orders, n, seed, failed=self.orders.fail)
            for n, (kind, seed) in enumerate(zip(self.KINDS, seeds))]

    def __enter__(self):
        eventually(lambda: listens(BACKEND) or self.orders.has_failed(), "the backend")
        return self.orders

    def __exit__(self, *_):
        self.orders.give(Orders.HOME)
        for kind, process in zip(self.KINDS, self.processes):
            done, vain = numbers_of(process)
            self.totals.add(kind.__name__, done)
            self.totals.add(f"{kind.__name__} in vain", vain)


def load_all_the_same(**values):
    """What is written while it comes counts like what is said to insmod."""
    while True:
        try:
            load(**values)
            return
        except AssertionError as error:
            if f"docroot={NO_DOCROOT}: cannot be opened" not in str(error):
                raise


def come_and_go(orders, chance, totals):
    """The module, at a random moment; return how long the latter took."""
    delay = chance.random() ** 2 * LONGEST
    orders.have_restarts(chance.random() < 0.5)
    returning = {name: chance.randrange(2) for name in ("return", "take_back")}
    load_all_the_same(address="0.0.0.0,::", **returning)
    living = survivors() if delay > 0.1 and not orders.are_restarts() else []
    time.sleep(delay)
    totals.add("requests", stats()["requests"])
    seconds = timed_unload()
    for client in living:
        same(is_nginx(client), True, "a connection of nginx's lives on")
        client.close()
    totals.add("survivors", len(living))
    return seconds


def one_round(orders, chance, totals):
    mount_site()
    orders.give(Orders.WORK)
    seconds = come_and_go(orders, chance, totals)
    orders.give(Orders.REST)
    eventually(lambda: not orders.is_any_busy(), "everybody to rest")
    expect_no_page_held()
    unmount_site()
    return seconds


@test(f"{ROUNDS} rounds, and what the kernel has is the same after each")
def rounds():
    chance = random.Random(SEED)
    totals = Totals()
    before, slowest = None, 0
    began = time.monotonic()
    with Workers(chance, totals) as orders:
        for number in range(ROUNDS + 1):
            try:
                slowest = max(slowest, one_round(orders, chance, totals))
                if before:
                    expect_census(before)
            except Exception:
                say(f"in round {number} of seed {SEED}")
                raise
            # Of the first: by now whatever the kernel keeps once it has it is there.
            before = before or settled_census()
            if number % 10 == 0:
                say(f"round {number} after {time.monotonic() - began:.0f} s")
    say(f"the slowest rmmod took {slowest:.2f} s")
    say(", ".join(f"{what} {number}" for what, number in totals.items()))


@test("memory that nothing points to, says kmemleak: none")
def leaks():
    if not os.path.exists(KMEMLEAK):
        raise Skip("no kmemleak in this kernel: --kernel debug")
    for _ in range(2):	# what is found first may be on its way
        time.sleep(6)
        with open(KMEMLEAK, "w") as scan:
            scan.write("scan")
    with open(KMEMLEAK) as found:
        same(found.read(), "", "kmemleak")


os.environ["SLUICE_KO"] = shutil.copy(os.environ["SLUICE_KO"], TOP)
for module in "loop", "ext4":
    run("modprobe", module)
# All of it is there: nobody is to be charged for a part of it.
with open(f"{TOP}/image", "wb") as out:
    out.write(bytes(32 << 20))
run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", f"{TOP}/image")
DEVICE = run("losetup", "--find", "--show", f"{TOP}/image").strip()
lib._clean_ups.append(lambda: run("losetup", "-d", DEVICE))
lib._clean_ups.append(lambda: LIBC.umount2(WWW.encode(), 2))
# What that has of a cgroup is not freed until the disk is used again.
use_io("-")
lib._clean_ups.append(lambda: use_io("+"))
os.mkdir(CGROUPS)
with open(f"{CGROUPS}/cgroup.subtree_control", "w") as out:
    out.write("+memory")
lib._clean_ups.append(lambda: os.rmdir(CGROUPS))
COUNTED = Slabs(NAMES)
mount_site()
os.chmod(WWW, 0o755)
os.mkdir(OTHER)
make_site(WWW)
make_site(OTHER)
unmount_site()
say(f"seed {SEED}")
run_tests()
