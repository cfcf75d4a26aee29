#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
What clients make sluice allocate where nobody may sleep is allocated without a report
when there is none: nothing goes to the kernel log for it. Seen by the kernel's own
tracepoints, whatever sluice's code looks like.
"""

import contextlib
import os
import re
import socket

from lib import (Client, Nginx, bytes_of, eventually, load, no_connection_left,
                 request, run, run_tests, same, say, stat, test, write)

TRACING = "/sys/kernel/tracing"
EVENTS = "kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node"
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
WHO = re.compile(r"call_site=(\w+).*gfp_flags=(\S+)")


def put(name, text):
    with open(f"{TRACING}/{name}", "w", encoding="ascii") as out:
        out.write(text)


def range_of_sluice():
    with open("/proc/modules", encoding="ascii") as lines:
        words = next(words for words in map(str.split, lines) if words[0] == "sluice")
    return int(words[5], 16), int(words[5], 16) + int(words[1])


@contextlib.contextmanager
def traced(found):
    """@found: gets the flags of what is allocated, by function."""
    first, behind = range_of_sluice()
    events = [f"events/kmem/{event}" for event in EVENTS
              if os.path.exists(f"{TRACING}/events/kmem/{event}")]
    put("trace", "")
    for event in events:
        put(f"{event}/filter", f"call_site >= {first} && call_site < {behind}")
        put(f"{event}/enable", "1")
    try:
        yield
    finally:
        for event in events:
            put(f"{event}/enable", "0")
            put(f"{event}/filter", "0")
    with open(f"{TRACING}/trace", encoding="ascii") as lines:
        for function, flags in WHO.findall(lines.read()):
            found.setdefault(function, set()).add(flags)


def all_that_a_client_can():
    for target in "/small", "/missing":	# a connection, its client, a path
        with Client() as client:
            client.ask(target)
    with Client() as client:	# lent; the beginning of a head
        client.ask("/dynamic")
        client.send(request("/dynamic")[:20])
        eventually(lambda: not client.unacknowledged(), "it to have arrived")
        client.send(request("/dynamic")[20:])
        client.response()
    ranges = ",".join(f"{n * 300_000}-{n * 300_000 + 250_000}" for n in range(8))
    with Client(options=[SMALL_WINDOW]) as client:	# parts, and what stands between them
        same(client.ask("/large", fields=f"Range: bytes={ranges}\r\n").status, 206, "parts")
    no_connection_left()


@test("nothing of what a client can ask for is reported if there is no memory")
def unreported():
    found = {}
    with traced(found):
        all_that_a_client_can()
    for function, flags in sorted(found.items()):
        say(f"{function}: {' '.join(sorted(flags))}")
    atomic = {function: words for function, flags in found.items() for words in flags
              if "GFP_ATOMIC" in words or "GFP_NOWAIT" in words}
    same(len(atomic) >= 5, True, "enough of them")
    bad = {function: words for function, words in atomic.items()
           if "__GFP_NOWARN" not in words and not nowait_is_silent(words)}
    same(bad, {}, "reported")
    same(stat("out_of_memory"), 0, "out_of_memory")


def nowait_is_silent(words):
    """Since 6.10 GFP_NOWAIT says so by itself."""
    version = tuple(int(word) for word in re.findall(r"\d+", os.uname().release)[:2])
    return version >= (6, 10) and "GFP_ATOMIC" not in words


if not os.path.isdir(f"{TRACING}/events"):
    run("mount", "-t", "tracefs", "none", TRACING)
write("small", "small")
write("large", bytes_of(3_000_000))
nginx = Nginx()
load(**{"return": 1, "max_per_client": 100})
run_tests()
