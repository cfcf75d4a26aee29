#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Clients that want to do harm, many at a time; an honest one is served meanwhile,
and when they are gone nothing of them is left.
"""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import time

from lib import (PORT, SLOWNESS, Client, Counting, bytes_of, eventually, load,
                 no_connection_left, nothing_left, params, request, run, run_tests, same, say,
                 sockets, start, stat, sysctl, test, unload, write)

CROWD = 2000 // SLOWNESS
PROGRAMS = 4	# of which each brings its part
# Nobody honest waits longer, on however slow a machine; nor does one in a hundred
# wait longer than this, besides so many times what he waits when it is quiet.
SLOWEST = 30
P99 = 3
P99_TIMES = 20
# KiB for a connection, both ends of it, sockets and files included. KASAN puts room
# around each object, and keeps what was freed for a while.
SLABS = 24 if SLOWNESS == 1 else 64
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
LARGE = bytes_of(1 << 20)

quiet = {}


# --- the honest client --------------------------------------------------------------

def ask_until(stop):
    """Two requests on a connection, then another one; how long each took."""
    waited = []
    while not select.select([stop], [], [], 0.01)[0]:
        started = time.monotonic()
        with Client() as client:
            for _ in range(2):
                same(client.ask("/small").body, b"small", "honest")
                waited.append(time.monotonic() - started)
                started = time.monotonic()
    return sorted(waited)


class Honest:
    """In a process of its own, while the body of a "with" runs."""

    def __enter__(self):
        stopped, self.stop = os.pipe()
        self.result, result = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.stop)
            try:
                said = ask_until(stopped)
            except Exception as error:	# the parent says it
                said = repr(error)
            with os.fdopen(result, "w") as out:
                json.dump(said, out)
            os._exit(0)
        os.close(stopped)
        os.close(result)
        return self

    def __exit__(self, *_):
        os.close(self.stop)
        with os.fdopen(self.result) as result:
            self.waited = json.load(result)
        os.waitpid(self.pid, 0)
        same(type(self.waited), list, f"the honest client said {self.waited}")
        self.p99 = self.waited[len(self.waited) * 99 // 100]


def expect_served(honest, what):
    slowest = honest.waited[-1]
    say(f"{what}: {len(honest.waited)} honest requests, p99 {honest.p99 * 1000:.1f} ms "
        f"(quiet {quiet['p99'] * 1000:.1f}), the slowest {slowest * 1000:.0f} ms")
    same(slowest < SLOWEST, True, f"{what}: {slowest} s")
    same(honest.p99 < P99 + P99_TIMES * quiet["p99"], True, f"{what}: p99 {honest.p99} s")


# --- what it costs -------------------------------------------------------------------

def tcp_pages():
    """Of memory, as TCP accounts for all sockets."""
    return sockets("mem")


def slabs():
    """KiB of them: sockets and connections, and no payload."""
    with open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("SUnreclaim:"):
                return int(line.split()[1])
    raise AssertionError("no SUnreclaim")


def expect_all_gone():
    no_connection_left()
    eventually(lambda: tcp_pages() < quiet["pages"] + 500, "TCP's memory to be back")
    same(stat("out_of_memory"), 0, "out_of_memory")


@test("quiet: what an honest client waits")
def nobody():
    with Honest() as honest:
        time.sleep(3)
    quiet["p99"] = honest.p99
    no_connection_left()
    quiet["pages"] = tcp_pages()
    quiet["slabs"] = slabs()
    expect_served(honest, "quiet")


# --- slowhttptest ------------------------------------------------------------------------

@contextlib.contextmanager
def slowhttptest(what, target, *options):
    """So many connections; the body is run when all have come, and then they leave."""
    counting = Counting()
    with Honest() as honest:
        crowd = [start("slowhttptest", "-c", str(CROWD // PROGRAMS), "-r", "1000",
                       "-i", "1", "-l", "300", "-u", f"http://127.0.0.1:{PORT}{target}",
                       *options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for _ in range(PROGRAMS)]
        try:
            eventually(lambda: counting.grown("connections_accepted") >= CROWD, "the crowd")
            say(f"{stat('live_connections')} connections, {slabs() - quiet['slabs']} KiB of "
                f"slabs, {tcp_pages() * 4} KiB of TCP's, both ends")
            yield counting
        finally:
            for program in crowd:
                program.kill()
                program.wait()
    expect_served(honest, what)
    expect_all_gone()


@test("slowhttptest: slow heads")
def slow_heads():
    with params(header_timeout=15), slowhttptest("slow heads", "/small", "-H") as counting:
        # The deadline is for the head, however it drips.
        eventually(lambda: counting.grown("timeout_header") > CROWD / 2, "deadlines")


@test("slowhttptest: slow bodies")
def slow_bodies():
    with slowhttptest("slow bodies", "/small", "-B"):
        pass


@test("slowhttptest: many ranges")
def ranges():
    with slowhttptest("many ranges", "/large", "-R", "-a", "1", "-b", "1000"):
        pass


@test("slowhttptest: slow readers")
def slow_readers():
    with slowhttptest("slow readers", "/large", "-X", "-k", "3", "-w", "10",
                      "-y", "2000", "-n", "1", "-z", "32"):
        pass


# --- by hand -------------------------------------------------------------------------------

@test("heads as large as may be that never end: no memory of ours for them")
def endless_heads():
    # Where KASAN is, what all clients till now had is still kept.
    before = quiet["slabs"] if SLOWNESS == 1 else slabs()
    clients = [Client() for _ in range(500)]
    with Honest() as honest:
        for client in clients:
            client.send(b"GET /small HTTP/1.1\r\nX: " + b"x" * 8000)
        for client in clients:
            eventually(lambda: not client.unacknowledged(), "it to arrive")
        kib = (slabs() - before) / len(clients)
        say(f"{kib:.1f} KiB of slabs each")
        same(kib < SLABS, True, "memory for each")
        same(stat("live_connections") >= 500, True, "they wait")
    for client in clients:
        client.close()
    expect_served(honest, "endless heads")
    expect_all_gone()


@test("a pipelining flood")
def pipelining():
    counting = Counting()
    flood = request("/small") * 500
    clients = [Client() for _ in range(8)]
    with Honest() as honest:
        deadline = time.monotonic() + 4
        for client in clients:
            client.sock.setblocking(False)
        while time.monotonic() < deadline:
            for client in clients:
                with contextlib.suppress(BlockingIOError):
                    client.sock.send(flood)
                with contextlib.suppress(BlockingIOError):
                    client.sock.recv(1 << 20)
    say(f"{counting.grown('served')} requests")
    same(counting.grown("served") > 1000, True, "served")
    for client in clients:
        client.close()
    expect_served(honest, "pipelining")
    expect_all_gone()


@test("clients that never read: bounded, and out when send_timeout is over")
def never_read():
    counting = Counting()
    with params(send_timeout=2), Honest() as honest:
        clients = [Client(options=[SMALL_WINDOW]) for _ in range(100)]
        for client in clients:
            client.send(request("/large") * 20)
        counting.expect(timeout_send=100, connections_aborted=100)
    for client in clients:
        client.close()
    expect_served(honest, "never read")
    expect_all_gone()


@test("ranges do not amplify")
def amplification():
    size = len(LARGE)
    for ranges in ("0-" + ",0-" * 7, "0-,-1048576,0-", ",".join(["0-1048575"] * 8),
                   ",".join(f"{n}-" for n in range(8)), "0-" + ",0-" * 1000,
                   "0-,0-3583", "0-" + ",0-0" * 14, "0-1000000" + ",0-0" * 63):
        counting = Counting()
        with Client() as client:
            response = client.ask("/large", fields=f"Range: bytes={ranges}\r\n")
            same(response.status in (200, 206, 416), True, ranges[:40])
            same(len(response.body) < size + 4096, True, f"{ranges[:40]}: bytes")
        same(counting.grown("bytes_sent") < size + 5096, True, f"{ranges[:40]}: sent")
    expect_all_gone()


# --- a SYN flood ------------------------------------------------------------------------------

FLOODED = "192.0.2.1"	# answers from 127.0.0.1 would not be routed


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(source, port):
    """A packet from where nobody will ever answer."""
    source = socket.inet_aton(source)
    target = socket.inet_aton(FLOODED)
    tcp = struct.pack("!HHLLBBHHH", port, PORT, port, 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP,
                       0) + source + target + tcp


def netstat(key):
    with open("/proc/net/netstat") as lines:
        names, values = (next(lines).split() for _ in range(2))
    return int(values[names.index(key)])


@test("a SYN flood: the kernel's cookies let the honest one in")
def syn_flood():
    run("modprobe", "dummy")
    run("ip", "link", "add", "nowhere", "type", "dummy")
    run("ip", "link", "set", "nowhere", "up")
    run("ip", "address", "add", FLOODED, "dev", "nowhere")
    run("ip", "route", "add", "198.18.0.0/15", "dev", "nowhere")
    unload()
    with sysctl("net/core/somaxconn", "128"):	# a shorter queue is sooner full
        load(standalone=1)
    counting = Counting()
    cookies = netstat("SyncookiesSent"), netstat("SyncookiesRecv")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    # Made beforehand: half a queue of such is thrown out within a second, so they have to
    # come quickly, also where Python is slow.
    packets = [syn(f"198.18.{number >> 8}.{number & 255}", 1024 + number)
               for number in range(1000)]
    sent = 0
    with Honest() as honest:
        deadline = time.monotonic() + 30 * SLOWNESS
        while time.monotonic() < deadline and (netstat("SyncookiesSent") < cookies[0] + 200 or
                                               netstat("SyncookiesRecv") == cookies[1]):
            for packet in packets:
                raw.sendto(packet, (FLOODED, 0))
            sent += len(packets)
        time.sleep(2)	# now the honest one needs a cookie, too
    raw.close()
    run("ip", "link", "del", "nowhere")
    say(f"{sent} packets, {netstat('SyncookiesSent') - cookies[0]} cookies, "
        f"{netstat('SyncookiesRecv') - cookies[1]} came back")
    same(netstat("SyncookiesSent") > cookies[0], True, "cookies sent")
    same(netstat("SyncookiesRecv") > cookies[1], True, "cookies that came back")
    # Of the others nobody has come as far as us.
    same(counting.grown("connections_accepted") * 2 <= len(honest.waited) + 2, True, "accepted")
    expect_served(honest, "SYN flood")
    expect_all_gone()


@test("nothing is left")
def nothing():
    nothing_left()


write("small", "small")
write("large", LARGE)
load(standalone=1)
run_tests()
