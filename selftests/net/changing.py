#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Files that change while they are sent: the client gets bytes that the file had at that
place, or the connection ends before the length that was promised.

The content is words of eight bytes: a letter for who wrote it, and its place.
"""

import contextlib
import mmap
import os
import random
import signal
import socket
import subprocess
import threading
import time

from lib import (TOP, WWW, Client, Closed, Counting, Skip, eventually, load, mount,
                 nothing_left, param, request, run, run_tests, same, say, test, write)

PAGE = 4096
WORD = 8
MIB = 1 << 20
SIZE = MIB
HALF = SIZE // 2
SHIFT = SIZE // 4
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
STORM_SECONDS = 5
READERS = 3

# How each is made. The directory below docroot has its name.
PLACES = {
    "tmpfs": None,
    "ext4": ("64M", "mke2fs", "-q", "-t", "ext4"),
    "xfs": ("320M", "mkfs.xfs", "-q"),
}

TEMPLATE = b"".join(b"a%07x" % number for number in range(2 * SIZE // WORD))


def body(letter, size=SIZE, shift=0):
    """What @letter writes from the byte @shift on."""
    data = bytearray(TEMPLATE[shift:shift + size])
    data[0::WORD] = letter * len(data[0::WORD])
    return bytes(data)


def is_in_place(data, at, letters):
    """Are these the words of some of the letters for that place?"""
    plain = bytearray(data)
    plain[0::WORD] = b"a" * len(plain[0::WORD])
    return plain == TEMPLATE[at:at + len(data)] and not data[0::WORD].strip(letters)


def look_at_words(data, places, letters, shift, strange, zeros):
    for at in places:
        word = data[at:at + WORD]
        if 0 in word:
            zeros.append((at, at + WORD))
        word = bytes(had or should for had, should in
                     zip(word, letters[:1] + TEMPLATE[at + 1:at + WORD]))
        if not (is_in_place(word, at, letters) or shift and at + shift >= 0 and
                is_in_place(word, at + shift, letters)):
            strange.append(at)


def strange_words(data, letters, shift=0):
    """
    Where words are that never were there, and ranges of zeros. Bytes that have moved in the
    file by @shift are in place there too. A word may have been read while it was written.
    """
    strange, zeros = [], []
    if is_in_place(data, 0, letters):
        return strange, zeros
    for page in range(0, len(data), PAGE):
        part = data[page:page + PAGE]
        places = range(page, page + len(part), WORD)
        if not part.strip(b"\0"):
            zeros.append((page, page + len(part)))
        elif not any(is_in_place(part, page + by, letters) for by in (0, shift)
                     if page + by >= 0):
            look_at_words(data, places, letters, shift, strange, zeros)
    return strange, zeros


def expect_words(data, letters, zeros_in=(), shift=0):
    """Zeros may be in these ranges only."""
    strange, zeros = strange_words(data, letters, shift)
    same(strange, [], f"words that never were there, of {len(data)} bytes: "
         f"{[data[at:at + WORD] for at in strange[:3]]}")
    for first, end in zeros:
        same(any(start <= first and end <= stop for start, stop in zeros_in), True,
             f"zeros from {first} to {end}")
    return sum(end - first for first, end in zeros)


class Slow(Client):
    """Has read the head, and no more before it is told to."""

    def __init__(self, target):
        super().__init__(options=[SMALL_WINDOW])
        self.send(request(target, fields="Connection: close\r\n"))
        head = self.take_until(b"\r\n\r\n").decode().lower()
        self.length = int(head.split("content-length: ")[1].split("\r")[0])

    def read(self):
        """All that comes, and whether that is all of it."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        data = bytearray(self.buffer)
        try:
            while more := self.sock.recv(MIB):
                data += more
        except ConnectionResetError:
            pass
        same(len(data) <= self.length, True, "not more than promised")
        return data, len(data) == self.length


def expect_cut(client):
    counting = Counting()
    data, whole = client.read()
    same(whole, False, "all of what is not there any more")
    counting.expect(connections_aborted=1, files_truncated=1)
    return data


def expect_whole(client):
    data, whole = client.read()
    same(whole, True, "all of it")
    return data


def each_place(promise):
    """A test of its own for each; called with a path and a target."""
    def register(function):
        def attempt(place):
            need(place)
            path = write(f"{place}/file", body(b"a"))
            function(path, f"/{place}/file")
        for place in PLACES:
            test(f"{place}: {promise}")(lambda place=place: attempt(place))
    return register


def need(place):
    where = f"{WWW}/{place}"
    if os.path.ismount(where) or not PLACES[place]:
        return
    subprocess.run(["modprobe", "-qa", "loop", place])
    with open("/proc/filesystems") as known:
        if f"\t{place}\n" not in known.read():
            raise Skip(f"this kernel has no {place}")
    size, *command = PLACES[place]
    run("truncate", "-s", size, f"{TOP}/{place}.img")
    run(*command, f"{TOP}/{place}.img")
    os.mkdir(where)
    mount("-o", "loop", f"{TOP}/{place}.img", where)


def fallocate(*words):
    done = subprocess.run(["fallocate", *map(str, words)], capture_output=True, text=True)
    if "not supported" in done.stderr:
        return False
    same(done.returncode, 0, done.stderr)
    return True


# --- shorter ----------------------------------------------------------------------

@each_place("truncated: cut off, and no byte from behind the new end")
def truncated(path, target):
    for size in (0, HALF + 104, SIZE - PAGE, SIZE - WORD):
        write(path, body(b"a"))
        client = Slow(target)
        os.truncate(path, size)
        data = expect_cut(client)
        expect_words(data, b"a")
        if size:
            same(len(data) <= size, True, f"{len(data)} of {size}")


@each_place("truncated in front of what is already on its way")
def truncated_late(path, target):
    # TCP has the pages: what the kernel clears of the last one is seen.
    client = Slow(target)
    os.truncate(path, 5 * PAGE + 104)
    data = expect_cut(client)
    zeros = expect_words(data, b"a", zeros_in=[(5 * PAGE + 104, SIZE)])
    say(f"{len(data)} bytes, {zeros} of them zeros")
    # All of it: nothing is left that could be held back.
    write(path, body(b"a", 10 * PAGE))
    client = Slow(target)
    os.truncate(path, 5 * PAGE + 104)
    data, whole = client.read()
    zeros = expect_words(data, b"a", zeros_in=[(5 * PAGE + 104, SIZE)])
    say(f"of {client.length}: {len(data)} bytes, {zeros} of them zeros")


@each_place("written anew from its beginning, as editors do")
def rewritten(path, target):
    client = Slow(target)
    write(path, body(b"b"))
    data, whole = client.read()
    expect_words(data, b"ab")
    say("whole" if whole else f"cut off at {len(data)}")


# --- as long, or longer -------------------------------------------------------------

def write_direct(path, letter):
    """Past the page cache."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    except OSError:
        return False
    with mmap.mmap(-1, SIZE) as aligned:
        aligned[:] = body(letter)
        os.pwrite(fd, aligned, 0)
    os.close(fd)
    return True


def store(path, letter):
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as shown:
        shown[:] = body(letter)


def overwrite(path, letter, at=0, size=SIZE):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, body(letter, size, at), at)
    os.close(fd)


@each_place("overwritten, stored to, written past the cache: seen at once")
def overwritten(path, target):
    for letter, how in (b"b", overwrite), (b"c", store), (b"d", write_direct):
        write(path, body(b"a"))
        client = Slow(target)
        if how(path, letter) is False:
            client.close()
            continue
        data = expect_whole(client)
        expect_words(data, b"a" + letter)
        same(data[-WORD:-WORD + 1], letter, "what had not been sent")


@each_place("deleted, renamed over, extended: what it was, to the end")
def deleted(path, target):
    for change in (lambda: os.unlink(path),
                   lambda: os.rename(write(f"{path}.new", body(b"b")), path),
                   lambda: overwrite(path, b"b", at=SIZE, size=SHIFT)):
        write(path, body(b"a"))
        client = Slow(target)
        change()
        expect_words(expect_whole(client), b"a")


@each_place("holes: zeros where they are, and nowhere else")
def punched(path, target):
    hole = HALF, HALF + SHIFT
    for how in "--punch-hole", "--zero-range":
        write(path, body(b"a"))
        client = Slow(target)
        if not fallocate(how, "-o", hole[0], "-l", hole[1] - hole[0], path):
            client.close()
            continue
        data = expect_whole(client)
        same(expect_words(data, b"a", zeros_in=[hole]), hole[1] - hole[0], "zeros")


@each_place("a range taken out: cut off; put in: what is there then")
def shifted(path, target):
    client = Slow(target)
    if not fallocate("--collapse-range", "-o", HALF, "-l", SHIFT, path):
        client.close()
        raise Skip("not here")
    expect_words(expect_cut(client), b"a", shift=SHIFT)
    write(path, body(b"a"))
    client = Slow(target)
    fallocate("--insert-range", "-o", HALF, "-l", SHIFT, path)
    expect_words(expect_whole(client), b"a", zeros_in=[(HALF, HALF + SHIFT)],
                 shift=-SHIFT)


# --- all of it, all the time ------------------------------------------------------

LETTERS = b"abcdefghijklmnopqrstuvwxyz"


def change_for_ever(path, seed):
    rng = random.Random(seed)
    while True:
        letter = bytes([rng.choice(LETTERS)])
        at = rng.randrange(SIZE // WORD) * WORD
        length = min(rng.randrange(WORD, HALF, WORD), SIZE - at)
        rng.choice((
            lambda: overwrite(path, letter, at, length),
            lambda: os.truncate(path, at),
            lambda: os.truncate(path, SIZE),
            lambda: overwrite(path, letter, SIZE - SHIFT, SHIFT),
            lambda: fallocate("--punch-hole", "-o", at, "-l", length, path),
            lambda: os.rename(write(f"{path}.new", body(letter)), path),
        ))()


def drop_for_ever():
    while True:
        with open("/proc/sys/vm/drop_caches", "w") as out:
            out.write("1")
        time.sleep(0.05)


def is_gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@contextlib.contextmanager
def processes(*functions):
    """Until they and the programs that they have begun are gone."""
    pids = []
    for function in functions:
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            try:
                function()
            finally:
                os._exit(1)
        pids.append(pid)
    try:
        yield
    finally:
        for pid in pids:
            same(os.waitpid(pid, os.WNOHANG), (0, 0), "a process ended")
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            eventually(lambda pid=pid: is_gone(pid), "its programs to end")


class Reader(threading.Thread):
    def __init__(self, target, until):
        super().__init__()
        self.target = target
        self.until = until
        self.random = random.Random()
        self.whole = self.cut = 0
        self.wrong = []

    def run(self):
        while time.monotonic() < self.until and not self.wrong:
            try:
                with Slow(self.target) as client:
                    time.sleep(self.random.random() / 4)
                    data, whole = client.read()
                expect_words(data, LETTERS, zeros_in=[(0, SIZE)])
                self.whole += whole
                self.cut += not whole
            except ConnectionResetError:	# before as much as the head was read
                self.cut += 1
            except (AssertionError, Closed, OSError) as wrong:
                self.wrong.append(repr(wrong))


@each_place("all of this at once: no byte that never was there; no page of it stays")
def storm(path, target):
    counting = Counting()
    seed = random.randrange(1 << 30)
    say("seed", seed)
    with processes(lambda: change_for_ever(path, seed), drop_for_ever):
        until = time.monotonic() + STORM_SECONDS
        readers = [Reader(target, until) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    for reader in readers:
        same(reader.wrong, [], "wrong")
    whole = sum(reader.whole for reader in readers)
    cut = sum(reader.cut for reader in readers)
    say(f"{whole} whole, {cut} cut off")
    same(whole > 0, True, "some whole")
    counting.expect(connections_aborted=cut)
    # What the page cache has is what the disk has.
    with Slow(target) as client:
        data = expect_whole(client)
    param("cache_drop", 1)
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as out:
        out.write("3")
    with open(path, "rb") as file:
        same(file.read() == data, True, "as on the disk")


@test("nothing is left")
def left():
    nothing_left()


load(standalone=1)
run_tests()
