#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Requests out of selftests/vectors, mutated, one behind the other, cut into segments at
random, with urgent bytes, ends, resets and readers that do not read: what comes back
is always made of whole responses, those asked for first are the right ones, every
connection ends, and the counters add up.

usage: fuzz_wire.py [SECONDS [SEED]]
"""

import errno
import os
import random
import re
import select
import socket
import struct
import sys
import time

from lib import (HERE, PATIENCE, PORT, WWW, Client, Counting, Nginx, bytes_of, get,
                 load, no_connection_left, nothing_left, nothing_of_it, request,
                 run_tests, same, say, stats, test, unload, write)
from vectors import read_vectors

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
AT_A_TIME = 24
ENOUGH = 200	# connections, however slow the machine is
SIZES = {"/small": 5, "/page": 4096, "/two": 4097, "/some": 20000, "/large": 300000}
BODIES = {path: bytes_of(size, size) for path, size in SIZES.items()}
NO_LINGER = struct.pack("ii", 1, 0)


def read_dictionary():
    with open(f"{HERE}/../fuzz/http.dict", encoding="latin-1") as lines:
        texts = re.findall(r'(?m)^"(.*)"$', lines.read())
    return [text.encode("latin-1").decode("unicode_escape").encode("latin-1")
            for text in texts]


WORDS = read_dictionary()
VECTORS = [vector.data for vector in read_vectors() if len(vector.data) < 10000]


# --- what is sent -------------------------------------------------------------------

def mutated(data, pick):
    """A few changes, each of a kind that matters to some rule."""
    data = bytearray(data)
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(len(data) + 1)
        end = min(len(data), at + pick.randint(1, 8))
        kind = pick.randrange(6)
        if kind == 0:
            data[at:at + 1] = bytes([pick.randrange(256)])
        elif kind == 1:
            data[at:at] = pick.choice(WORDS)
        elif kind == 2:
            data[at:end] = b""
        elif kind == 3:
            data[at:at] = data[at:end] * pick.choice((1, 1, 2, 50))
        elif kind == 4:
            data[at:end] = pick.choice(WORDS)
        else:
            other = pick.choice(VECTORS)
            data[at:] = other[pick.randrange(len(other) + 1):]
    return bytes(data)


def plain(pick, paths=tuple(BODIES)):
    """A path, and a request that is answered with it."""
    path = pick.choice(paths)
    spelled = "".join(f"%{ord(c):02x}" if pick.random() < 0.1 and c != "/" else c
                      for c in path)
    field = pick.choice(("", "", "Connection: keep-alive\r\n", "Accept: */*\r\n",
                         f"X: {'x' * pick.randrange(300)}\r\n"))
    return path, request(pick.choice(("", "/x/..", "/", "/.")) + spelled, fields=field)


def cut(data, pick):
    """Into segments: one, or some, or for a stretch a byte each."""
    places = {pick.randrange(len(data) + 1) for _ in range(pick.choice((0, 1, 3, 20)))}
    if pick.random() < 0.2:
        start = pick.randrange(len(data) + 1)
        places.update(range(start, min(start + 40, len(data))))
    before = 0
    for place in sorted(places | {len(data)}):
        if place > before:
            yield data[before:place]
        before = place


class Talk:
    """
    A connection and what is to be done with it, step by step.

    @expected: paths of the requests that come first, and are whole
    @is_plain: nothing was done to it that may lose bytes
    """

    def __init__(self, pick, alone):
        asked = [plain(pick) for _ in range(pick.choice((0, 0, 1, 2, 5)))]
        if pick.random() < 0.1:	# more than a buffer has
            asked += [plain(pick, ("/small", "/page")) for _ in range(60)]
        odd = [pick.choice(VECTORS) if pick.random() < 0.4 else
               mutated(pick.choice(VECTORS), pick)
               for _ in range(pick.choice((0, 1, 1, 1, 3)))]
        self.expected = [path for path, _ in asked]
        self.data = b"".join([data for _, data in asked] + odd)
        self.steps = [("send", piece) for piece in cut(self.data, pick)]
        self.is_plain = True
        self.received = bytearray()
        self.deaf = pick.random() < 0.2
        ends = "shut", "shut", "shut", "close", "reset"
        if pick.random() < 0.15:
            self.is_plain = False
            for _ in range(pick.randint(1, 2)):
                self.steps.insert(pick.randrange(len(self.steps) + 1), ("urgent", b"!"))
            # nginx reads up to an urgent byte and, as nothing new comes behind the
            # end of it all, overlooks the end: also without us.
            if not alone:
                ends = "close", "reset"
        self.steps.append(("end", pick.choice(ends)))
        if pick.random() < 0.1:	# in the midst of something
            self.is_plain = False
            self.steps.insert(pick.randrange(len(self.steps)), ("end", pick.choice(ends)))
        self.end = None
        self.sock = socket.socket()
        if self.deaf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if pick.random() < 0.1:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        # More addresses, or the ports would not do for a long run.
        self.sock.bind((f"127.0.{pick.randrange(256)}.{pick.randint(1, 254)}", 0))
        self.sock.connect(("127.0.0.1", PORT))
        self.sock.setblocking(False)
        self.deadline = time.monotonic() + PATIENCE

    def read(self):
        """Return: False at the end."""
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return True
        self.received += data
        self.deadline = time.monotonic() + PATIENCE
        return bool(data)

    def step(self):
        """Return: whether there is more to do, and sooner or later it will be done."""
        kind, what = self.steps[0] if self.steps else (None, None)
        try:
            if kind == "send":
                sent = self.sock.send(what)
                if sent < len(what):
                    self.steps[0] = kind, what[sent:]
                    return True
            elif kind == "urgent":
                self.sock.send(what, socket.MSG_OOB)
            elif kind == "end":
                self.end = what
                self.deaf = False
                self.steps = []
                return self.finish()
            self.steps = self.steps[1:]
            return self.deaf or self.read()
        except BlockingIOError:	# not until it is read
            self.deaf = False
            return self.read()

    def finish(self):
        if self.end == "shut":
            self.sock.shutdown(socket.SHUT_WR)
            return True
        if self.end == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.sock.close()
        return False

    def turn(self):
        """Return: whether it goes on."""
        try:
            goes_on = self.step()
        except OSError as reason:	# they may have had enough of it
            same(reason.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN), True,
                 f"{reason} after {self.data!r}")
            self.end = "broken"
            goes_on = False
        if time.monotonic() > self.deadline:
            raise AssertionError(
                f"no end of a connection that sent {self.data!r}, then {self.end}, "
                f"with {self.steps} left, and got {len(self.received)} bytes: "
                f"{bytes(self.received[-200:])!r}")
        if not goes_on:
            self.sock.close()
        return goes_on


# --- what comes back ------------------------------------------------------------------

HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-9;-~]+: [^\r\n\0]*\r\n)*)\r\n")


def responses(data, alone):
    """
    (status, body) of each; the body of a HEAD's answer is None.  What is not whole is
    an error, but for what nginx says to HTTP/0.9.
    """
    found = []
    while data:
        head = HEAD.match(data)
        if not head:
            if not alone and not data.startswith(b"HTTP/"):
                return found
            raise AssertionError(f"no head: {data[:200]!r} behind {len(found)} responses")
        status = int(head[1])
        rest = data[head.end():]
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", head[0])
        size = int(length[1]) if length and status not in (204, 304) else 0
        if b"chunked" in head[2]:
            return found	# nginx's, to PUT and the like
        body = rest[:size]
        if size and (not rest or HEAD.match(rest)):
            body, size = None, 0
        same(len(rest) >= size, True, f"a whole body of {size}: {len(rest)} of {head[0]!r}")
        if status != 100:
            found.append((status, body))
        data = rest[size:]
    return found


def check_talk(talk, alone):
    if not talk.is_plain or talk.end != "shut":
        return 0
    try:
        found = responses(bytes(talk.received), alone)
        for (status, body), path in zip(found, talk.expected):
            same((status, body), (200, BODIES[path]), path)
        same(len(found) >= len(talk.expected), True, "an answer to each")
    except AssertionError as reason:
        raise AssertionError(f"{reason}\nsent: {talk.data!r}") from None
    return len(found)


def storm(seconds, alone):
    pick = random.Random(SEED)
    deadline = time.monotonic() + seconds
    talks = []
    count = answers = broken = 0
    while talks or count < ENOUGH or time.monotonic() < deadline:
        while len(talks) < AT_A_TIME and (count < ENOUGH or time.monotonic() < deadline):
            talks.append(Talk(pick, alone))
            count += 1
        pick.shuffle(talks)
        going_on = []
        for talk in talks:
            if talk.turn():
                going_on.append(talk)
                continue
            broken += talk.end == "broken"
            answers += check_talk(talk, alone)
        talks = going_on
        if talks and not any(talk.steps for talk in talks):
            select.select([talk.sock for talk in talks], [], [], 0.1)
        if pick.random() < 0.05:
            path = pick.choice(list(BODIES))
            same(get(path).body, BODIES[path], f"the {path} of somebody honest")
    say(f"seed {SEED}: {count} connections, {answers} whole responses, {broken} connections "
        "that were reset")
    same(answers > ENOUGH / 4, True, "enough of them")


def check_sums(counting):
    """Whatever was sent, the counters are the parts of their sums."""
    no_connection_left()
    after = stats()
    grown = {key: after[key] - counting.before[key] for key in after}

    def part(prefix):
        return sum(value for key, value in grown.items() if key.startswith(prefix))

    same(grown["connections_closed"] + grown["connections_handed_over"],
         grown["connections_accepted"], "closed and handed over")
    same(sum(grown[key] for key in ("served", "not_modified", "redirected",
                                    "options_answered", "handed_over", "errors")),
         grown["requests"], "requests by outcome")
    same(part("handed_over_"), grown["handed_over"], "handed over, by reason")
    same(part("error_"), grown["errors"], "errors by status")
    same(grown["out_of_memory"], 0, "out_of_memory")
    say({key: value for key, value in grown.items() if value})


def still_serves():
    with Client() as client:
        for path, body in BODIES.items():
            same(client.ask(path).body, body, path)


@test("with nginx behind")
def with_backend():
    load()
    counting = Counting()
    storm(SECONDS / 2, alone=False)
    still_serves()
    check_sums(counting)
    same(counting.grown("handed_over_urgent") > 0, True, "some urgent bytes")
    nothing_left()


@test("alone")
def standalone():
    load(standalone=1)
    counting = Counting()
    storm(SECONDS / 2, alone=True)
    still_serves()
    check_sums(counting)
    nothing_left()


test("nothing of the module is left")(nothing_of_it)


for name, content in BODIES.items():
    write(name[1:], content)
for vector in read_vectors():
    words = vector.data.split(b" ")
    if len(words) > 1 and re.fullmatch(rb"/[a-z]{1,8}(\.[a-z]+)?", words[1]) and \
            not os.path.exists(WWW + words[1].decode()):
        write(words[1].decode()[1:], b"something")
write("index.html", b"home")
say(f"seed {SEED}")
nginx = Nginx()
run_tests(before=unload)
