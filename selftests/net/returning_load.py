#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Many clients, each of which knows what it has to get: files and pages in any order,
pipelined or not, in pieces or not, while nginx is reloaded, killed, and at last the
module goes.
"""

import contextlib
import os
import random
import resource
import signal
import threading
import time

from lib import (BACKEND, SLOWNESS, Client, Closed, Counting, Nginx, bytes_of, load, request,
                 run_tests, same, say, test, timed_unload, write)

CLIENTS = 8
CROWD = 2000 // SLOWNESS
LATECOMERS = 30
FILES = 20
SECONDS = int(os.environ.get("SECONDS_EACH", "10"))


class Tally:
    """What became of the requests of some clients."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answered = self.by_sluice = self.lost = self.dropped = self.cut = 0
        self.wrong = []

    def add(self, **numbers):
        with self.lock:
            for key, number in numbers.items():
                setattr(self, key, getattr(self, key) + number)

    def __str__(self):
        return (f"{self.answered} answered, {self.by_sluice} of them by sluice, {self.lost} "
                f"lost, {self.dropped} of pipelines, {self.cut} cut short, "
                f"{len(self.wrong)} wrong")


class Customer(threading.Thread):
    """Asks until it is told to stop."""

    def __init__(self, number, share, tally, stop):
        super().__init__(daemon=True)
        self.chance = random.Random(number)
        self.number, self.share, self.tally, self.stop = number, share, tally, stop
        self.asked = 0

    def choose(self):
        """A target, and the body that it has to give."""
        self.asked += 1
        if self.chance.random() < self.share:
            word = f"{self.number}.{self.asked}"
            return f"/dynamic?{word}", lambda client: f"GET {client.name()} {word}\n".encode()
        which = self.chance.randrange(FILES)
        return f"/{which}", lambda client: CONTENTS[which]

    def send(self, client, data):
        if self.chance.random() < 0.8:
            client.send(data)
            return
        while data:
            size = self.chance.randrange(1, len(data) + 1)
            client.send(data[:size])
            data = data[size:]

    def round(self, client):
        """Return: how many requests are not answered, if it ends early."""
        count = self.chance.choice((1, 1, 1, 1, 2, 3, 6))
        batch = [self.choose() for _ in range(count)]
        left = count
        try:
            self.send(client, b"".join(request(target) for target, _ in batch))
            for target, expected in batch:
                response = client.response()
                if response.body != expected(client):
                    self.tally.wrong.append(f"{target}: {response}")
                left -= 1
                self.tally.add(answered=1, by_sluice=not response.is_nginx)
                if response["connection"] == "close":
                    # A worker that exits says so; what is behind is not answered.
                    self.tally.add(dropped=left)
                    return False
        except (Closed, OSError) as reason:
            if count == 1:
                say(f"lost: {batch[0][0]}: {reason!r}")
            # A worker that exits drops what it has read behind the request at hand.
            self.tally.add(cut=bool(client.buffer), lost=left if count == 1 else 0,
                           dropped=left if count > 1 else 0)
            return False
        return True

    def run(self):
        while not self.stop.is_set():
            try:
                with Client() as client:
                    for _ in range(self.chance.randrange(20, 200)):
                        if self.stop.is_set() or not self.round(client):
                            break
            except OSError:
                time.sleep(0.05)
            except Exception as reason:	# what it got is not HTTP
                self.tally.wrong.append(repr(reason))


@contextlib.contextmanager
def customers(share):
    tally, stop = Tally(), threading.Event()
    threads = [Customer(n, share, tally, stop) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        say(f"{share:.0%} pages:", tally)


def for_a_while(what, pause):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        what()
        time.sleep(pause)


def expect_fine(tally):
    same(tally.wrong, [], "wrong")
    same(tally.answered > 100, True, f"{tally}")


def mix(share):
    counting = Counting()
    with customers(share) as tally:
        for_a_while(lambda: nginx.process.send_signal(signal.SIGHUP), 2.5)
    say(*(f"{key}={counting.grown(key)}" for key in KEYS))
    expect_fine(tally)
    same((tally.lost, tally.cut), (0, 0), "lost, and cut short")
    same(counting.grown("left_lost") + counting.grown("left_malformed") +
         counting.grown("left_unasked"), 0, "lost track")
    same(counting.grown("served_returned") > 0, True, "returned")


@test("one page in ten, and reloads: none lost")
def tenth():
    mix(0.1)


@test("half of them, and reloads: none lost")
def half():
    mix(0.5)


@test("nine in ten, and reloads: none lost")
def nine():
    mix(0.9)


@test("workers that are killed: none lost but what they had read")
def killed():
    def kill():
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(nginx.pids()[1], signal.SIGKILL)

    with customers(0.3) as tally:
        for_a_while(kill, 2.5)
    expect_fine(tally)
    # At most what each of them had at hand, one turn of each client at most.
    same(tally.lost < SECONDS * CLIENTS, True, f"{tally}")


class Latecomer(threading.Thread):
    """Asks again about when nginx's keepalive_timeout is over."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.chance = random.Random(number)
        self.answered = 0

    def run(self):
        with Client() as client:
            for _ in range(SECONDS):
                same(client.ask("/brief").body, b"brief", "page")
                self.answered += 1
                time.sleep(self.chance.uniform(0.99, 1.02))


@test("requests that come just when nginx closes: none lost")
def late():
    counting = Counting()
    threads = [Latecomer(n) for n in range(LATECOMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(*(f"{key}={counting.grown(key)}" for key in KEYS))
    same([thread.answered for thread in threads], [SECONDS] * LATECOMERS, "answered")
    same(counting.grown("taken_back") > 0, True, "taken back")


@test(f"the module goes while nginx has {CROWD} connections of ours: they go on")
def unloaded():
    counting = Counting()
    clients = []
    while len(clients) < CROWD:
        some = [Client() for _ in range(100)]	# nginx's accept queue has room for them
        for client in some:
            client.send(request("/dynamic?first"))
        for client in some:
            same(client.response().is_nginx, True, "first")
        clients += some
    counting.expect(connections_lent=CROWD)
    with customers(0.5) as tally:
        time.sleep(3)
        say(f"unloaded in {timed_unload():.1f} s")
        time.sleep(2)
    same(tally.wrong, [], "wrong")
    for client in clients:
        same(client.ask("/dynamic?second").body, f"GET {client.name()} second\n".encode(),
             "second")
        client.close()


KEYS = ("connections_lent", "returns", "served_returned", "taken_back", "rescued", "left_lost",
        "left_malformed", "left_unasked", "left_closed", "left_shutdown", "left_option",
        "left_last", "handed_over")
CONTENTS = [bytes_of(100 * 3 ** (n % 7), seed=n) for n in range(FILES)]
for index, content in enumerate(CONTENTS):
    write(str(index), content)
# What they and nginx's workers have open.
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CROWD, 2 * CROWD))
nginx = Nginx(workers=2, locations="location = /brief { keepalive_timeout 1s; return 200 brief; }")
load(**{"return": 1, "take_back": 1})
run_tests()
