#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Each allocation fails once, and so does each step of the way in: what comes of it
is an error that one can tell, never a leak, a hang, or bytes that are wrong. For
the kernel debug, which has the means (fail_nth/) and looks for what is left.
"""

import errno
import itertools
import os
import re
import socket
import subprocess
import time

import lib
from lib import (TOP, WWW, Client, Closed, Nginx, Skip, bytes_of, eventually, get,
                 is_loaded, load, mount, no_connection_left, nothing_of_it, param, read_param,
                 request, run, run_tests, same, say, stat, test, types,
                 types_of_nginx, unload, write)

FAIL_NTH = f"{os.environ['SLUICE_BUILD']}/selftests/net/fail_nth/fail_nth.ko"
PARAMS = "/sys/module/fail_nth/parameters"
ENOMEM = -errno.ENOMEM
# Function, what it returns, and which argument says that it may not fail.
MEMORY = (("should_failslab", ENOMEM, 1), ("should_fail_alloc_page", 1, 0))
# Of sluice, and of the kernel, on the way in, with what their failing is.
STEPS = (*((f"sluice_{name}", -errno.EIO) for name in (
             "lanes_init", "conns_setup", "socks_init", "instances_init", "settings_check",
             "stats_init", "cache_init", "site_open", "proc_init", "conns_init",
             "listener_open", "face_init")),
         *((name, 0) for name in (
             "pcpu_alloc_noprof", "alloc_workqueue", "shrinker_alloc", "proc_mkdir",
             "proc_create_data", "proc_create_single_data", "__kmem_cache_create_args",
             "prepare_kernel_cred", "groups_alloc", "kstrdup", "kmemdup_noprof",
             "kobject_create_and_add")),
         *((name, ENOMEM) for name in (
             "rhashtable_init_noprof", "__percpu_counter_init_many",
             "percpu_ref_init", "__sock_create", "register_pernet_subsys",
             "sysfs_create_files")),
         ("kern_path", -errno.ENOENT), ("inet_pton_with_scope", -errno.EINVAL),
         ("kernel_bind", -errno.EADDRNOTAVAIL), ("kernel_listen", -errno.EADDRINUSE))
# Of the kernel: loses the name of a cache that sysfs has no room for.
LEAKY = "sysfs_slab_add"
RETURNING = {"return": 1, "take_back": 1}
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)


# --- failing -------------------------------------------------------------------

class Failing:
    """A function that can be made to fail, from before sluice comes until it went."""

    def __init__(self, function, result, gfp_argument=-1):
        self.words = (f"function={function}", f"result={result}",
                      f"gfp_argument={gfp_argument}", f"except={LEAKY}")

    def __enter__(self):
        run("insmod", FAIL_NTH, *self.words)
        return self

    def __exit__(self, *_):
        unload()
        run("rmmod", "fail_nth")

    @staticmethod
    def fail(nth):
        with open(f"{PARAMS}/nth", "w") as out:
            out.write(str(nth))

    @staticmethod
    def calls():
        with open(f"{PARAMS}/calls") as value:
            return int(value.read())

    def each(self, act, settle=lambda: None):
        """
        Call act() with the first call failing, then with the second, until it does
        not make so many; and settle() after each. Return how many there were.
        """
        for nth in itertools.count(1):
            self.fail(nth)
            try:
                act()
                calls = self.calls()
                self.fail(0)
                settle()
            except Exception:
                say(f"call {nth} failed, {' '.join(self.words)}")
                raise
            no_complaint()
            if calls < nth:
                return nth - 1


def each_allocation(act, settle=lambda: None, before=lambda: None):
    """While the module is loaded."""
    counts = []
    for memory in MEMORY:
        with Failing(*memory) as failing:
            load()
            before()
            counts.append(failing.each(act, settle))
            act()
            settle()
    say("calls of {} and {}".format(*counts))


# --- what the kernel says ---------------------------------------------------------

COMPLAINT = re.compile("WARNING: |BUG: |Oops|KASAN|UBSAN|ODEBUG|refcount_t|corruption|"
                       "general protection|INFO: |suspicious|sleeping function|"
                       "Objects remaining|Bad page|percpu ref")
kmsg = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)


def no_complaint():
    """
    In the log, since the console is told less: the kernel prints a stack for a
    failure of its own that is none to us. But what is found is put there.
    """
    found = []
    while True:
        try:
            line = os.read(kmsg, 8192).decode(errors="replace").split("\n")[0]
        except BlockingIOError:
            break
        except BrokenPipeError:
            continue
        if COMPLAINT.search(line):
            found.append(line.split(";", 1)[1])
    for line in found:
        os.write(kmsg, b"<0>" + line.encode())
    same(found, [], "what the kernel complained of")


def console_level(level):
    with open("/proc/sys/kernel/printk", "w") as out:
        out.write(str(level))


# --- on the way in and out -----------------------------------------------------------

def try_to_load():
    """Return whether it came."""
    words = [f"docroot={WWW}", f"backend_port={lib.BACKEND}", "address=127.0.0.1,::1"]
    return not subprocess.run(["insmod", os.environ["SLUICE_KO"], *words],
                              capture_output=True).returncode


def expect_all_or_nothing():
    """What came works, and goes without a trace, as what did not come."""
    if is_loaded():
        same(get("/small").body, b"small", "loaded without something")
        unload()
    nothing_of_it()


@test("each allocation of the way in fails: not loaded, and nothing is left")
def way_in():
    for memory in MEMORY:
        with Failing(*memory) as failing:
            count = failing.each(try_to_load, expect_all_or_nothing)
        say(f"{count} calls of {memory[0]}")
    same(try_to_load(), True, "loaded")
    expect_all_or_nothing()


@test(f"each of {len(STEPS)} steps of the way in fails: not loaded, nothing is left")
def steps():
    for function, result in STEPS:
        with Failing(function, result) as failing:
            for nth in itertools.count(1):
                failing.fail(nth)
                came = try_to_load()
                failed = failing.calls() >= nth
                unload()
                nothing_of_it()
                no_complaint()
                same(came, not failed, f"loaded, with call {nth} of {function} failing")
                same(failed or nth > 1, True, f"{function} is called")
                if not failed:
                    break
    same(try_to_load(), True, "loaded")
    same(get("/small").body, b"small", "after all of them")
    unload()


@test("each allocation of the way out, with clients in every state")
def way_out():
    for memory in MEMORY:
        with Failing(*memory) as failing:
            for nth in itertools.count(1):
                load(**RETURNING)
                clients = [Client(options=[SMALL_WINDOW]) for _ in range(4)]
                clients[0].send("GET /small HTTP/1.1\r\nHo")
                same(clients[1].ask("/small").body, b"small", "idle")
                clients[2].send(request("/large"))
                same(clients[3].ask("/dynamic").status, 200, "from nginx")
                failing.fail(nth)
                unload()
                nothing_of_it()
                calls = failing.calls()
                same(clients[3].ask("/dynamic").status, 200, "nginx's lives on")
                for client in clients:
                    client.close()
                no_complaint()
                if calls < nth:
                    break
        say(f"{nth - 1} calls of {memory[0]}")


# --- requests ---------------------------------------------------------------------

def answered(response, body):
    """All of it, by sluice or by the backend, or an error that says so."""
    if response.status != 503:
        same((response.status, response.body == body), (200, True), "status, body")


def ask(*asked, **options):
    """
    On one connection: pairs of what is asked for and what comes of it, or an error,
    or the end of the connection at any time.
    """
    client = Client(**options)
    try:
        for (target, fields), check in asked:
            check(client.ask(target, fields=fields))
    except (Closed, ConnectionError):
        pass
    client.close()


def forget():
    """So that the next is a miss again."""
    no_connection_left()
    param("docroot", read_param("docroot"))
    eventually(lambda: stat("live_objects") == 0, "live_objects to be 0")


def is_small(response):
    answered(response, b"small")


@test("a request: a small file, found and found again")
def small():
    each_allocation(lambda: ask((("/small", ""), is_small), (("/small", ""), is_small)),
                    forget)


@test("a path that leads to no file, and a directory")
def absent():
    def refused(response):
        same(response.status in (404, 503), True, f"status {response.status}")

    def moved(response):
        same(response.status in (301, 503), True, f"status {response.status}")

    def alone():
        param("standalone", 1)

    each_allocation(lambda: ask((("/absent", ""), refused), (("/dir", ""), moved)),
                    forget, alone)


@test("a sibling, precompressed, and parts of a file")
def sibling():
    def packed(response):
        if response.status == 200 and response["content-encoding"]:
            same((response["content-encoding"], response.body), ("gzip", b"packed"),
                 "sibling")
        else:
            is_small(response)

    def parts(response):
        if response.status == 200:
            answered(response, LARGE)
        else:
            same(response.status in (206, 503), True, f"status {response.status}")
            same(response.status == 503 or LARGE[5:9] in response.body, True, "part")

    each_allocation(lambda: ask((("/packed", "Accept-Encoding: gzip\r\n"), packed),
                                (("/large", "Range: bytes=5-9,90000-140000\r\n"),
                                 parts)),
                    forget, lambda: param("precompressed", "gz"))


@test("a large file, to a client with a small window")
def large():
    each_allocation(lambda: ask((("/large", ""), lambda it: answered(it, LARGE)),
                                options=[SMALL_WINDOW]), forget)


@test("a file that is read from a disk")
def cold():
    def make_cold():
        forget()
        with open(f"{WWW}/disk/large") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    os.mkdir(f"{WWW}/disk")
    run("truncate", "-s", "16M", f"{TOP}/disk")
    run("mkfs.ext4", "-q", "-F", "-m", "0", f"{TOP}/disk")
    mount("-o", "loop", f"{TOP}/disk", f"{WWW}/disk")
    write("disk/large", LARGE)
    run("sync")
    each_allocation(lambda: ask((("/disk/large", ""), lambda it: answered(it, LARGE))),
                    make_cold, make_cold)


def from_nginx(response):
    same(response.status in (200, 503), True, f"status {response.status}")


@test("handed over: at once, and behind a static request")
def handed_over():
    def act():
        ask((("/dynamic", ""), from_nginx))
        ask((("/small", ""), is_small), (("/dynamic", ""), from_nginx))

    each_allocation(act, forget)


@test("lent: a file and a page in turn, in pieces")
def lent():
    def act():
        client = Client()
        try:
            for target, check in (("/dynamic", from_nginx), ("/small", is_small)) * 2:
                data = request(target)
                for piece in data[:20], data[20:]:
                    client.send(piece)
                    time.sleep(0.01)
                check(client.response())
        except (Closed, ConnectionError):
            pass
        client.close()

    def come_back():
        for name in RETURNING:
            param(name, 1)

    each_allocation(act, forget, come_back)


@test("parameters and the table of types: refused, or taken whole")
def settings():
    table = types_of_nginx()

    def act():
        before = read_param("cache_control")
        value = "no-cache" if before != "no-cache\n" else "no-store"
        try:
            param("cache_control", value)
            param("docroot", WWW)
            types(table)
        except OSError as error:
            same(error.errno, errno.ENOMEM, "error")
        same(read_param("cache_control") in (before, f"{value}\n"), True, "value")

    each_allocation(act, lambda: (same(get("/small").body, b"small", "afterwards"),
                                  forget()))


if not os.path.exists(FAIL_NTH):
    def skip():
        raise Skip("no fault injection in this kernel: --kernel debug")

    lib._tests[:] = [(promise, skip) for promise, _ in lib._tests]
else:
    console_level(1)
    lib._clean_ups.append(lambda: console_level(7))

# Of more than two reads from a disk; more would be the same again.
LARGE = bytes_of(150_000)
write("small", "small")
write("packed", "small")
write("packed.gz", "packed")
write("large", LARGE)
write("dir/index.html", "index")
nginx = Nginx()
run_tests()
