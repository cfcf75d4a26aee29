#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Everything changes all the time: a writer goes through all ways in which a path
comes to mean something else, while clients ask.

Each change of a target is a version of it. The writer says in shared memory which
one it begins and which one has returned. A client reads the latter, asks, and reads
the former: what it got must be one of the versions between, as a whole, head and
body. wrk's own clients, who have no time to read anything, check that each head
belongs to its body.
"""

import contextlib
import ctypes
import mmap
import os
import random
import time

from lib import (HERE, TOP, WWW, Client, Closed, in_child, load, nothing_left,
                 numbers_of, request, run_tests, same, say, start, stats, test, write)

SECONDS = 20
CLIENTS = 3
BASE = 1_000_000_000	# mtime of version 0
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
RENAMEAT2 = 316
RENAME_EXCHANGE = 2
MS_BIND = 4096
MNT_DETACH = 2


def checked(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def exchange(one, other):
    checked(LIBC.syscall(RENAMEAT2, AT_FDCWD, one.encode(), AT_FDCWD, other.encode(),
                         RENAME_EXCHANGE))


def body_of(name, version, lines=None):
    """Its length says something too: some leave with the head, some by page."""
    if lines is None:
        lines = 1 + version % 5 * 150
    return b"%s %09d\n" % (name.encode(), version) * lines


class Target:
    """One path. Its version 0 is made by make()."""
    fields = ""
    torn = False	# written in place: as with sendfile, a body may be of two versions

    def __init__(self):
        self.name = type(self).__name__.lower()
        self.path = f"{WWW}/{self.name}"
        self.target = f"/{self.name}"
        self.make()

    def make(self):
        self.change(0)

    def change(self, version):
        raise NotImplementedError

    def state(self, version):
        """Return: status, body if it is 200, mtime if the head must bear it."""
        return 200, body_of(self.name, version), BASE + version

    def temporary(self, version, body=None, mode=0o644):
        # A new file: what was linked from the old one may be on its way to a client.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{WWW}/.{self.name}")
        return write(f".{self.name}", body or body_of(self.name, version), mode=mode,
                     mtime=BASE + version)

    def check(self, response, version):
        status, body, mtime = self.state(version)
        if response.status != status:
            return False
        if status != 200:
            return True
        etag = f'"{mtime:x}-{len(body):x}"' if mtime else response["etag"]
        return (response.body == body and response["etag"] == etag and
                response["content-encoding"] == self.coding(version))

    def coding(self, version):
        return None

    def end(self, version):
        pass


class Rewritten(Target):
    torn = True

    def make(self):
        write(self.name, body_of(self.name, 0, 50))

    def change(self, version):
        with open(self.path, "r+b", buffering=0) as out:
            out.write(body_of(self.name, version, 50))

    def state(self, version):
        return 200, body_of(self.name, version, 50), None


class Linked(Rewritten):
    """In place, by another name of it outside docroot."""

    def make(self):
        super().make()
        self.other = f"{TOP}/{self.name}"
        os.link(self.path, self.other)

    def change(self, version):
        with open(self.other, "r+b", buffering=0) as out:
            out.write(body_of(self.name, version, 50))


class Truncated(Target):
    torn = True

    def make(self):
        write(self.name, b"")

    def change(self, version):
        os.truncate(self.path, version % 7 * 500)

    def state(self, version):
        return 200, bytes(version % 7 * 500), None


class Chmod(Target):
    def make(self):
        self.temporary(0)
        os.rename(f"{WWW}/.{self.name}", self.path)

    def change(self, version):
        os.chmod(self.path, 0o600 if version % 2 else 0o644)

    def state(self, version):
        return (403, None, None) if version % 2 else (200, body_of(self.name, 0), BASE)


class ChmodAbove(Target):
    def make(self):
        write(f"{self.name}/f", body_of(self.name, 0), mtime=BASE)
        self.target += "/f"

    def change(self, version):
        os.chmod(self.path, 0o700 if version % 2 else 0o755)

    state = Chmod.state


class Chown(Chmod):
    def make(self):
        super().make()
        os.chmod(self.path, 0o044)

    def change(self, version):
        os.chown(self.path, 65534 if version % 2 else 0, 0)


class Comes(Target):
    """And goes: what is not there is as true as what is."""

    def change(self, version):
        if version % 2:
            os.unlink(self.path)
        else:
            os.link(self.temporary(version), self.path)

    def state(self, version):
        return (404, None, None) if version % 2 else super().state(version)


class Replaced(Target):
    def change(self, version):
        os.rename(self.temporary(version), self.path)


class ParentRenamed(Target):
    def make(self):
        self.target += "/d/f"
        write(f"{self.name}/d/f", body_of(self.name, 0), mtime=BASE)
        write(f"{self.name}.other/d/f", body_of(self.name, 1), mtime=BASE + 1)

    def change(self, version):
        exchange(self.path, f"{self.path}.other")

    def state(self, version):
        return Target.state(self, version % 2)


class TreeComes(Target):
    """A whole tree, and the path ends at its top meanwhile."""

    def make(self):
        self.target += "/d/f"
        write(f"{self.name}/d/f", body_of(self.name, 0), mtime=BASE)

    def change(self, version):
        names = self.path, f"{self.path}.away"
        os.rename(names[1 - version % 2], names[version % 2])

    def state(self, version):
        return (404, None, None) if version % 2 else super().state(0)


class Flipped(Target):
    def make(self):
        self.target += "/f"
        for n in 0, 1:
            write(f"release{n}/f", body_of(self.name, n), mtime=BASE + n)
        self.change(0)

    def change(self, version):
        os.symlink(f"release{version % 2}", f"{TOP}/next")
        os.rename(f"{TOP}/next", self.path)

    state = ParentRenamed.state


class MountedOver(Target):
    def make(self):
        write(self.name, body_of(self.name, 0), mtime=BASE)
        write(f"{self.name}.cover", body_of(self.name, 1), mtime=BASE + 1)

    def change(self, version):
        if version % 2:
            checked(LIBC.mount(f"{self.path}.cover".encode(), self.path.encode(), None,
                               MS_BIND, None))
        else:
            checked(LIBC.umount2(self.path.encode(), MNT_DETACH))

    def end(self, version):
        if version % 2:
            self.change(version + 1)

    state = ParentRenamed.state


class Sibling(Target):
    """Replaced, gone, come again."""
    fields = "Accept-Encoding: gzip\r\n"

    def make(self):
        write(self.name, body_of(self.name, 0), mtime=BASE)

    def change(self, version):
        if version % 3:
            os.rename(self.temporary(version), f"{self.path}.gz")
        else:
            os.unlink(f"{self.path}.gz")

    def state(self, version):
        return super().state(version if version % 3 else 0)

    def coding(self, version):
        return "gzip" if version % 3 else None


class NoSlash(Target):
    def change(self, version):
        if version % 2:
            os.rmdir(self.path)
        else:
            os.mkdir(self.path)
            os.chmod(self.path, 0o755)

    def state(self, version):
        return (404 if version % 2 else 301), None, None


class Index(Target):
    def make(self):
        self.target += "/"
        os.mkdir(self.path)
        self.change(0)

    def change(self, version):
        if version % 2:
            os.unlink(f"{self.path}/index.html")
        else:
            os.link(self.temporary(version), f"{self.path}/index.html")

    def state(self, version):
        return (403, None, None) if version % 2 else super().state(version)


class Versions:
    """Of all targets, in memory that all processes share."""

    def __init__(self, count):
        self.words = memoryview(mmap.mmap(-1, 16 * count + 8)).cast("Q")
        self.count = count

    def begin(self, target, version):
        self.words[2 * target] = version

    def done(self, target, version):
        self.words[2 * target + 1] = version

    def begun(self, target):
        return self.words[2 * target]

    def returned(self, target):
        return self.words[2 * target + 1]

    def is_over(self):
        return self.words[2 * self.count]

    def end(self):
        self.words[2 * self.count] = 1


def write_storm(targets, versions):
    changes = 0
    order = list(range(len(targets)))
    while not versions.is_over():
        random.shuffle(order)
        for n in order:
            version = versions.begun(n) + 1
            versions.begin(n, version)
            targets[n].change(version)
            versions.done(n, version)
            changes += 1
        if random.random() < 0.3:	# now and then the cache gets warm
            time.sleep(random.random() * 0.05)
    return changes, 0


def read_storm(targets, versions):
    asked = strictly = 0
    client = Client()
    while not versions.is_over():
        n = random.randrange(len(targets))
        target = targets[n]
        first = versions.returned(n)
        try:
            client.send(request(target.target, fields=target.fields))
            response = client.response()
        except (Closed, ConnectionError):
            # A body that became shorter is cut off.
            same(target.torn and versions.begun(n) > first, True, f"{target.name}: cut off")
            client = Client()
            continue
        last = versions.begun(n)
        asked += 1
        strictly += first == last
        if target.torn and first != last:
            continue
        same(any(target.check(response, version) for version in range(first, last + 1)),
             True, f"{target.name}: versions {first} to {last}: {response}")
    return asked, strictly


@test("whatever changes, when it has returned nobody gets what was before")
def storm():
    targets = [kind() for kind in (
        Rewritten, Linked, Truncated, Chmod, ChmodAbove, Chown, Comes, Replaced,
        ParentRenamed, TreeComes, Flipped, MountedOver, Sibling, NoSlash, Index)]
    versions = Versions(len(targets))
    paths = [target.target for target in targets if not target.torn]
    wrk = start("wrk", "-t1", "-c8", f"-d{SECONDS}s", "-s", f"{HERE}/coherence_storm.lua",
                "http://127.0.0.1/", "--", *paths, stdout=-1, text=True)
    before = stats()
    readers = [in_child(read_storm, targets, versions, failed=versions.end)
               for _ in range(CLIENTS)]
    writer = in_child(write_storm, targets, versions, failed=versions.end)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not versions.is_over():
        time.sleep(0.1)
    versions.end()
    changes, _ = numbers_of(writer)
    asked, strictly = map(sum, zip(*map(numbers_of, readers)))
    out, _ = wrk.communicate()
    say(out)
    grown = {key: value - before[key] for key, value in stats().items()}
    say(f"{changes} changes; {asked} responses verified, {strictly} of them while nothing "
        f"changed; {grown['cache_hits']} hits, {grown['cache_hits_absent']} of them of "
        f"nothing, {grown['cache_stale']} stale, {grown['lookups']} lookups, "
        f"{grown['lookups_shared']} shared")
    same("0 wrong" in out, True, "wrk's own verification")
    same(min(changes, asked, strictly, grown["cache_hits_absent"],
             grown["cache_stale"]) > 20, True, "enough of everything")
    for n, target in enumerate(targets):
        target.end(versions.begun(n))


test("nothing is left")(nothing_left)
load(standalone=1)
run_tests()
