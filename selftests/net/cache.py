#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
What the cache holds and lets go, and how many look for what it does not have.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import time

from lib import (SLOWNESS, TOP, WWW, Client, Counting, Skip, all_params, eventually,
                 load, no_connection_left, nothing_left, param, params, request,
                 restore_params, run, run_tests, same, say, stat, test, unload,
                 write)

# As many as can ask before the first of them has waited for a second, which is as long
# as sluice has one wait for another's lookup.
CROWD = 50 // SLOWNESS
ROUNDS = 20
RESET = struct.pack("ii", 1, 0)


# --- one looks, others wait -------------------------------------------------------

def no_fair_server():
    """From 6.12 on others get a twentieth of a processor that is kept."""
    if not os.path.isdir("/sys/kernel/debug/sched"):
        run("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug")
    with contextlib.suppress(FileNotFoundError):
        with open("/sys/kernel/debug/sched/fair_server/cpu1/runtime", "w") as out:
            out.write("0")


@contextlib.contextmanager
def slow_lane_held():
    """
    The slow lane has the second processor only, which somebody else keeps. Clients
    and all of TCP are on the first.
    """
    if os.cpu_count() < 2:
        raise Skip("one processor")
    mask = "/sys/devices/virtual/workqueue/cpumask"
    with open(mask) as words:
        before = words.read()
    run("sysctl", "-qw", "kernel.sched_rt_runtime_us=-1")
    no_fair_server()
    os.sched_setaffinity(0, {0})
    with open(mask, "w") as out:
        out.write("2")
    started, start = os.pipe()
    hog = os.fork()
    if not hog:
        os.sched_setaffinity(0, {1})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
        os.write(start, b"!")
        while True:
            pass
    os.read(started, 1)
    os.close(started)
    os.close(start)
    try:
        yield
    finally:
        os.kill(hog, signal.SIGKILL)
        os.waitpid(hog, 0)
        with open(mask, "w") as out:
            out.write(before)
        os.sched_setaffinity(0, set(range(os.cpu_count())))
        with contextlib.suppress(subprocess.CalledProcessError):
            run("sysctl", "-qw", "kernel.sched_rt_runtime_us=950000")


def crowd(size=CROWD):
    """Connections that have been served: the listener has nothing to do any more."""
    write("first", "first")
    clients = [Client() for _ in range(size)]
    for client in clients:
        same(client.ask("/first").body, b"first", "first")
    return clients


def all_get(clients, target, body, status=200):
    for client in clients:
        response = client.response()
        same((response.status, response.body if status == 200 else body),
             (status, body), target)


def ask_together(clients, target, body, status=200, hold=0.3):
    """Return: how many lookups it took, and how many waited for one of them."""
    counting = Counting()
    with slow_lane_held():
        for client in clients:
            client.send(request(target))
        time.sleep(hold)
    all_get(clients, target, body, status)
    return counting.grown("lookups"), counting.grown("lookups_shared")


def one_for_all(name, make, status=200):
    """It may be slower here than the connections are patient: in one of the rounds."""
    clients = crowd()
    for n in range(ROUNDS):
        target = f"/{name}{n}"
        body = f"of {target}".encode()
        make(target[1:], body)
        took = ask_together(clients, target, body, status)
        if took == (1, CROWD - 1):
            break
        say(f"{target}: {took}")
    same(took, (1, CROWD - 1), "lookups, and those that waited for it")
    for client in clients:
        client.close()


@test("many want a file that is not in the cache: one looks for it")
def one_looks():
    one_for_all("cold", write)


@test("many want a file that is not there: one looks for it")
def one_misses():
    one_for_all("missing", lambda name, body: None, 404)


@test("many want what cannot be remembered: each looks once, and none waits twice")
def each_looks():
    write("real", "real")
    os.symlink("real", f"{WWW}/link")
    clients = crowd()
    with params(symlinks="any"):
        lookups, shared = ask_together(clients, "/link", b"real")
    say(f"{lookups} lookups, {shared} waited")
    same(lookups, CROWD, "lookups")
    same(shared < CROWD, True, "waited once at most")
    for client in clients:
        client.close()


@test("those who wait go away, or the one who looks does")
def some_leave():
    for leavers in slice(0, 1), slice(1, CROWD // 2), slice(0, CROWD):
        clients = crowd()
        target = f"/left{leavers.stop}"
        write(target[1:], "left")
        with slow_lane_held():
            for client in clients:
                client.send(request(target))
            for client in clients[leavers]:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
            time.sleep(0.3)
        del clients[leavers]
        all_get(clients, target, b"left")
        for client in clients:
            client.close()
        no_connection_left()


@test("nobody waits for another's lookup for long")
def impatient():
    clients = crowd()
    write("slow", "slow")
    lookups, shared = ask_together(clients, "/slow", b"slow", hold=3)
    say(f"{lookups} lookups, {shared} waited")
    same(lookups > 1, True, "some looked for themselves")
    for client in clients:
        client.close()


@test("unloaded while they wait")
def unloaded():
    clients = crowd()
    write("never", "never")
    with slow_lane_held():
        for client in clients:
            client.send(request("/never"))
        child = os.fork()
        if not child:
            try:
                run("rmmod", "sluice")
            finally:
                os._exit(0)
        time.sleep(0.3)
    os.waitpid(child, 0)
    eventually(lambda: not os.path.isdir("/sys/module/sluice"), "unloaded")
    load(standalone=1)


# --- bounds -----------------------------------------------------------------------

def ask_all(client, names, status=200):
    for name in names:
        same(client.ask(f"/{name}").status, status, name)


def make_files(count):
    names = [f"b/{n}" for n in range(count)]
    for name in names:
        write(name, name)
    return names


def expect_hits(client, names, hits):
    counting = Counting()
    ask_all(client, names)
    same(counting.grown("cache_hits"), hits, "hits")


@test("cache_entries: no more than that, and at once when it is lowered")
def entries():
    names = make_files(100)
    with Client() as client:
        ask_all(client, names)
        expect_hits(client, names, 100)
        before = stat("live_cache_bytes")
        with params(cache_entries=10):
            same(stat("live_cache_bytes") <= before // 5, True,
                 f"{stat('live_cache_bytes')} bytes, of {before}")
            eventually(lambda: stat("live_objects") <= 10, "objects to go")
            counting = Counting()
            ask_all(client, names)
            eventually(lambda: stat("live_objects") <= 10, "objects to go")
            same(counting.grown("cache_evicted") >= 80, True, "evicted")
        with params(cache_entries=1):
            ask_all(client, names)
            eventually(lambda: stat("live_objects") <= 2, "objects to go")


@test("cache_bytes: no more than that, and at once when it is lowered")
def bytes_bound():
    names = make_files(100)
    with Client() as client:
        ask_all(client, names)
        same(stat("live_cache_bytes") > 100_000, True, "bytes of 100")
        with params(cache_bytes=65536):
            same(0 < stat("live_cache_bytes") <= 65536 * 5 // 4, True, "bytes")
            ask_all(client, names)
            same(0 < stat("live_cache_bytes") <= 65536 * 5 // 4, True, "bytes")
        ask_all(client, names)
        expect_hits(client, names, 100)


@test("what is used stays, what is not goes")
def least_recently_used():
    names = make_files(60)
    with params(cache_entries=30), Client() as client:
        ask_all(client, names[:20])
        for name in names[20:] * 2:
            time.sleep(0.02)	# the cache knows jiffies
            ask_all(client, names[:20])
            ask_all(client, [name])
        time.sleep(0.02)
        expect_hits(client, names[:20], 20)


@test("names that clients invent push no file out")
def invented():
    names = make_files(40)
    with params(cache_entries=40), Client() as client:
        param("cache_drop", 1)
        ask_all(client, names)
        counting = Counting()
        ask_all(client, [f"invented/{n}" for n in range(500)], 404)
        same(counting.grown("cache_evicted"), 490, "evicted")
        eventually(lambda: stat("live_objects") <= 50, "objects to go")
        expect_hits(client, names, 40)
        counting = Counting()
        ask_all(client, [f"invented/{n}" for n in range(495, 500)], 404)
        same(counting.grown("cache_hits_absent"), 5, "the last are remembered")


@test("short of memory: the cache lets go")
def shrinker():
    names = make_files(50)
    with Client() as client:
        for _ in range(3):
            ask_all(client, names)
            ask_all(client, [f"none{n}" for n in range(50)], 404)
            counting = Counting()
            with open("/proc/sys/vm/drop_caches", "w") as out:
                out.write("2")
            same(counting.grown("cache_shrunk") >= 100, True, "shrunk")
            same(stat("live_cache_bytes"), 0, "bytes")
            eventually(lambda: stat("live_objects") == 0, "files to be closed")
        expect_hits(client, names, 0)
        expect_hits(client, names, 50)


# --- letting go -------------------------------------------------------------------

def fill_cache(client, *names):
    for _ in range(2):
        ask_all(client, names)
        ask_all(client, [f"{name}.none" for name in names], 404)


@test("cache_drop: nothing is held any more when the write returns")
def drop():
    names = make_files(30)
    with Client() as client:
        for _ in range(10):
            fill_cache(client, *names)
            same(stat("live_objects") >= 60, True, "objects")
            param("cache_drop", 1)
            same((stat("live_objects"), stat("live_cache_bytes")), (0, 0), "left")


@test("cache_idle: nothing is held without requests")
def idle():
    with params(cache_idle=1), Client() as client:
        fill_cache(client, *make_files(10))
        same(stat("live_objects") >= 20, True, "objects")
        eventually(lambda: stat("live_objects") == 0, "files to be closed")


def mount_tmpfs(path):
    os.makedirs(path, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", path)
    os.chmod(path, 0o755)
    with open(f"{path}/file", "w") as out:
        out.write("mounted")


@test("a mount below docroot, asked for a moment ago: is unmounted at once")
def mount_below():
    mount_tmpfs(f"{WWW}/below")
    with Client() as client:
        fill_cache(client, "below/file")
        param("cache_drop", 1)
        run("umount", f"{WWW}/below")
        mount_tmpfs(f"{WWW}/below")
        fill_cache(client, "below/file")
        run("umount", f"{WWW}/below")


@test("docroot set elsewhere: the old one is unmounted at once")
def old_docroot():
    with Client() as client:
        for _ in range(10):
            mount_tmpfs(f"{TOP}/site")
            param("docroot", f"{TOP}/site")
            fill_cache(client, "file")
            param("docroot", WWW)
            run("umount", f"{TOP}/site")


@test("a directory whose missing names are remembered can be removed")
def removed():
    with Client() as client:
        for n in range(10):
            os.mkdir(f"{WWW}/removed")
            fill_cache(client)
            ask_all(client, ["removed/a", "removed/b/c"], 404)
            os.rmdir(f"{WWW}/removed")
            ask_all(client, ["removed/a", "removed/b/c"], 404)


test("nothing is left")(nothing_left)


@test("unloaded with a full cache")
def unload_full():
    with Client() as client:
        fill_cache(client, *make_files(50))
    unload()
    load(standalone=1)


os.makedirs(f"{WWW}/b")
load(standalone=1)
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
