#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
More paths are to be looked up than there may be lookups at a time. Who finds no place
waits in line, without asking, and has the next place that is free.
"""

import contextlib
import socket
import struct
import subprocess

from hanging import Hanging
from lib import (WWW, Client, Counting, Nginx, eventually, is_loaded, load, nothing_left,
                 nothing_of_it, request, run_tests, same, stat, test, write)

PLACES = 128
CROWD = 200
# Names of one test are not asked for in another: what was found is in the cache.
_rounds = iter(range(1000))


def reset(client):
    """No end that would have to wait for its turn."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def asker(name):
    client = Client()
    client.send(request(f"/hang/{name}"))
    return client


class Full:
    """All places are taken by lookups that hang."""

    def __init__(self, names=()):
        self.number = next(_rounds)
        for name in names:
            write(f"hang/{self.name(name)}", self.name(name))
        self.taken = [self.name(f"taken{n}") for n in range(PLACES)]
        for name in self.taken:
            write(f"hang/{name}", name)
        self.clients = {}

    def __enter__(self):
        self.hanging = Hanging(f"{WWW}/hang")
        for name in self.taken:
            self.clients[name] = asker(name)
        self.hanging.wait(PLACES)
        self.counting = Counting()
        return self

    def __exit__(self, *_):
        self.hanging.end()
        for client in self.clients.values():
            client.close()

    def name(self, name):
        return f"{self.number}-{name}"

    def ask(self, name):
        """Return: a client who waits in line, or was refused by now."""
        misses = stat("cache_misses")
        client = asker(self.name(name))
        eventually(lambda: stat("cache_misses") > misses, "it to be asked for")
        return client

    def next(self):
        """Return: the names that are looked up in a place that is free."""
        return self.hanging.wait(PLACES, unless=self.late)

    def free(self):
        """Make room for one. Return: likewise."""
        self.hanging.answer(self.taken.pop())
        return self.next()

    def late(self):
        """Somebody lost patience: the machine was too slow for this to show anything."""
        return self.counting.grown("handed_over_limit")


def in_time(attempt, *names):
    """Once more, if a second was too short for what takes far less."""
    def once():
        with Full(names) as full:
            return attempt(full)
    eventually(once, "an attempt in which nobody loses patience")


def answered(client, full, name):
    same(client.response().body, full.name(name).encode(), name)
    client.close()


@test(f"{CROWD} requests that find no place ask once, and go to the backend after a second")
def crowd():
    names = [f"crowd{n}" for n in range(CROWD)]
    with Full(names) as full:
        clients = [asker(full.name(name)) for name in names]
        for client in clients:
            same(client.response().is_nginx, True, "whose it is")
            client.close()
        full.counting.expect(handed_over_limit=CROWD, handed_over=CROWD,
                             cache_misses=CROWD, lookups=0)
    nothing_left()


@test("a place that is free goes to who came first, and to nobody who comes later")
def order():
    def attempt(full):
        first, second = full.ask("first"), full.ask("second")
        got = full.free()
        third = full.ask("third")
        got += full.free() + full.free()
        if full.late():
            return False
        same(got, [full.name(name) for name in ("first", "second", "third")], "order")
        for client, name in (first, "first"), (second, "second"), (third, "third"):
            full.hanging.answer(full.name(name))
            answered(client, full, name)
        return True
    in_time(attempt, "first", "second", "third")


@test("who dies in line, or with a place just given to it, leaves it to the next")
def death():
    def attempt(full):
        dies, lives, last = (full.ask(name) for name in ("dies", "lives", "last"))
        closed = stat("connections_closed")
        reset(dies)
        eventually(lambda: stat("connections_closed") > closed, "it to be gone")
        got = full.free()
        reset(lives)
        if full.name("lives") in got:
            full.hanging.answer(full.name("lives"))
            got += full.next()
        if full.late():
            return False
        same(got, [full.name("lives"), full.name("last")], "order")
        full.hanging.answer(full.name("last"))
        answered(last, full, "last")
        return True
    in_time(attempt, "dies", "lives", "last")


@test("who follows one that dies in line has its place; all of them one lookup")
def heirs():
    def attempt(full):
        first, other = full.ask("same"), full.ask("other")
        crowd = [full.ask("same") for _ in range(3)]
        for dies in first, crowd.pop():
            closed = stat("connections_closed")
            reset(dies)
            eventually(lambda: stat("connections_closed") > closed, "it to be gone")
        got = full.free() + full.free()
        if full.late():
            return False
        same(got, [full.name("same"), full.name("other")], "order")
        full.counting.expect(lookups_shared=3)
        full.hanging.answer(full.name("same"))
        for client in crowd:
            answered(client, full, "same")
        full.counting.expect(lookups=2)
        other.close()
        return True
    in_time(attempt, "same", "other")


@test("who loses patience leaves the line, and is the backend's; so is who follows it")
def patience():
    with Full(("late", "next")) as full:
        crowd = [full.ask("late") for _ in range(3)]
        for client in crowd:
            same(client.response().is_nginx, True, "whose it is")
            client.close()
        full.counting.expect(handed_over_limit=3, lookups=0)
        full.hanging.answer(full.taken.pop())	# nobody wants it
        client = asker(full.name("next"))
        same(full.hanging.wait(PLACES), [full.name("next")], "who is looked up")
        full.hanging.answer(full.name("next"))
        answered(client, full, "next")
    nothing_left()


@test("unload while they wait")
def unload_meanwhile():
    with Full([f"crowd{n}" for n in range(CROWD)]) as full:
        clients = [asker(full.name(f"crowd{n % CROWD}")) for n in range(2 * CROWD)]
        child = subprocess.Popen(["rmmod", "sluice"])
        for client in clients:	# closed, or in time for nginx
            with contextlib.suppress(ConnectionResetError):
                client.sock.recv(1)
            client.close()
    same(child.wait(), 0, "rmmod")
    same(is_loaded(), False, "loaded")
    nothing_of_it()


nginx = Nginx(locations='location /hang/ { return 200 "nginx"; }')
load()
run_tests()
