#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Every vector over the wire, its whole verdict: by default, and with each set of
parameters that a verdict is for.

The names of a vector's path are made below a docroot, those of many vectors in one
as far as they do not exclude each other.  What cannot be seen from outside is the
unit test's: method, version, host, authority, form, and a query that is not looked
at.  Malformed requests by default are malformed.py's, in strict mode strict.py's.
"""

import contextlib
import os
import re
from collections import Counter

from lib import (BACKEND, PORT, TOP, WWW, Client, Counting, Nginx, bytes_of,
                 eventually, load, no_connection_left, params, run_tests, same, say,
                 stats, test, write)
from vectors import read_vectors, said, said_all, unescape

MTIME = 1700000000
# More than that of a body is not read.
MOST = 1 << 20
SUFFIXES = {"br": "br", "zst": "zstd", "gz": "gzip"}
# Reasons of README whose counter has another name.
COUNTERS = {"other-scheme": "target", "encoded-slash": "target"}
MULTIPART = re.compile(r"multipart/byteranges; boundary=(\w+)")
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
# Of a request, behind empty lines in front of it.
HEAD = re.compile(rb"[\r\n]*.*?\n\r?\n", re.DOTALL)

SENTINEL = b"the connection goes on"
ASK_SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: sentinel\r\n\r\n"
PAGE = b"<p>not here</p>"


# --- what a path names ------------------------------------------------------------

class Bytes:
    """What is in a file. One that is larger than memory has zeros."""

    _number = 0

    def __init__(self, size):
        Bytes._number += 1
        self.size = size
        self.data = bytes_of(size, Bytes._number) if size <= MOST else None

    def part(self, first, last):
        """As much of it as is read."""
        last = min(last, first + MOST - 1)
        if self.data is None:
            return bytes(last + 1 - first)
        return self.data[first:last + 1]

    def make(self, path, mtime, mode=0o644):
        with open(path, "wb") as out:
            if self.data is None:
                out.truncate(self.size)
            else:
                out.write(self.data)
        os.chmod(path, mode)
        os.utime(path, (mtime, mtime))


class Place:
    """
    What the path of a vector names.

    @names: {path: what there must be}, for trees that are shared.
    @content: of the file, and of its siblings by their coding.
    """

    def __init__(self, kind, settings, path):
        self.kind = kind
        self.mtime = int(settings.get("mtime", MTIME))
        self.siblings = [name for name in settings.get("siblings", "").split(",") if name]
        if kind == "no-directory":
            path = path.rstrip(b"/") if path.endswith(b"/") else path.rsplit(b"/", 1)[0]
        elif kind != "directory" and path.endswith(b"/"):
            path += b"index.html"
        self.path = path.rstrip(b"/")
        what = f"{kind} {sorted(settings.items())}"
        self.names = {self.path: what}
        for suffix in self.siblings:
            self.names[self.path + b"." + suffix.encode()] = f"{what} {suffix}"
        parent = self.path
        while parent:
            parent = parent.rsplit(b"/", 1)[0]
            self.names[parent] = "a directory"
        self.content = {"identity": Bytes(int(settings.get("size", 1000)))}
        for suffix in self.siblings:
            self.content[SUFFIXES[suffix]] = Bytes(100)

    def make(self, root):
        path = root.encode() + self.path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        for suffix in self.siblings:
            self.content[SUFFIXES[suffix]].make(path + b"." + suffix.encode(),
                                                self.mtime - (self.kind == "stale"))
        content = self.content["identity"]
        if self.kind == "directory":
            os.makedirs(path)
        elif self.kind == "fifo":
            os.mkfifo(path)
        elif self.kind == "link":
            os.symlink(os.path.basename(path) + b".there", path)
            content.make(path + b".there", self.mtime)
        elif self.kind == "way-out":
            outside = f"{TOP}/outside-{len(os.listdir(TOP))}".encode()
            os.symlink(outside, path)
            content.make(outside, self.mtime)
        elif self.kind != "nothing":
            mode = {"closed": 0, "executable": 0o755}.get(self.kind, 0o644)
            content.make(path, self.mtime, mode)


class Tree:
    """A docroot, with the places of as many vectors as it can take."""

    _made = []

    def __init__(self):
        self.root = f"{TOP}/tree-{len(Tree._made)}"
        self.names = {}
        self.places = {}
        for path in "sentinel", "default/sentinel":
            write(f"{self.root}/{path}", SENTINEL)
        write(f"{self.root}/404.html", PAGE)

    @classmethod
    def with_place(cls, *what):
        """A tree that has this place, and the place."""
        place = Place(*what)
        for tree in cls._made:
            if all(tree.names.get(name, is_there) == is_there
                   for name, is_there in place.names.items()):
                break
        else:
            tree = cls()
            cls._made.append(tree)
        if place.path not in tree.places:
            tree.names.update(place.names)
            tree.places[place.path] = place
            place.make(tree.root)
        return tree, tree.places[place.path]


# --- what is asked ------------------------------------------------------------------

class Case:
    """A vector with one of its verdicts."""

    def __init__(self, vector, settings, words, directory=""):
        self.vector = vector
        self.settings = settings
        self.words = words
        self.tree = self.place = None
        if words[0] == "ok" and vector.path.startswith(b"/"):
            path = directory.encode() + vector.path
            self.tree, self.place = Tree.with_place(vector.kind, vector.place, path)

    def said(self, key):
        return said(self.words, key)

    @property
    def docroot(self):
        return self.tree.root if self.tree else WWW


def cases_of(vector):
    """Its verdicts, each with the parameters to send it with."""
    if not vector.error:
        yield Case(vector, {}, vector.verdict)
    directory = vector.said("directory")
    if directory:
        name = "default" if directory == "none" else unescape(directory).decode()
        yield Case(vector, {"vhosts": "1"}, vector.verdict, f"/{name}")
    for settings, words in vector.others:
        yield Case(vector, settings, words)
        # The status is that of strict mode, elsewhere the bytes are the backend's.
        if words[0] == "error" and "strict" not in settings:
            yield Case(vector, {**settings, "strict": "1"}, words)


# --- what is answered -----------------------------------------------------------------

def answer(client, head_only=False):
    """The final response, and of a body that nobody can wait for the start."""
    response = client.response(head_only=True)
    while response.status == 100:
        response = client.response(head_only=True)
    if not head_only and response.status not in (204, 304):
        length = int(response["content-length"])
        response.body = client.take(min(length, MOST))
    return response


def is_cut(response):
    return len(response.body) == MOST < int(response["content-length"])


def parts(response):
    """Of a 206: [(first, last, size, bytes)]; the last may have been cut short."""
    multipart = MULTIPART.fullmatch(response["content-type"])
    if not multipart:
        place = map(int, CONTENT_RANGE.fullmatch(response["content-range"]).groups())
        return [(*place, response.body)]
    same(response["content-range"], None, "Content-Range")
    found = []
    mark = b"\r\n--" + multipart[1].encode()
    rest = response.body
    while rest and not rest.startswith(mark + b"--\r\n"):
        same(rest.startswith(mark + b"\r\n"), True, "boundary")
        head, rest = rest.split(b"\r\n\r\n", 1)
        first, last, size = map(int, CONTENT_RANGE.search(head.decode()).groups())
        found.append((first, last, size, rest[:last + 1 - first]))
        rest = rest[last + 1 - first:]
    same(rest == mark + b"--\r\n" or is_cut(response), True, "end")
    return found


def expect_ranges(response, wanted, content):
    """@wanted: "0-1,5-9", or None: any."""
    got = parts(response) if response.status == 206 else []
    places = [f"{first}-{last}" for first, last, _, _ in got]
    if wanted is not None:
        wanted = wanted.split(",") if wanted else []
        if got and is_cut(response):	# of the first there is a piece
            wanted = wanted[:len(got)]
        same(places, wanted, "ranges")
    for first, last, size, data in got:
        same(size, content.size, "size")
        same(data, content.part(first, last)[:len(data)], f"bytes {first}-{last}")
        same(len(data) == last + 1 - first or is_cut(response), True, "length")


def expect_representation(case, response):
    """The right one of the file and its siblings, whole or the part that is meant."""
    coding = case.said("coding") or "identity"
    content = case.place.content[coding]
    if response.status in (200, 206):
        same(response["content-encoding"], None if coding == "identity" else coding,
             "Content-Encoding")
    if response.status in (200, 206, 304):
        tag = f'"{case.place.mtime:x}-{content.size:x}"'
        same(response["etag"], tag if case.place.mtime > 1 else None, "ETag")
    if response.status == 416:
        same(response["content-range"], f"bytes */{content.size}", "Content-Range")
    expect_ranges(response, case.said("ranges"), content)
    if response.status == 200:
        same(response["content-length"], str(content.size), "Content-Length")
        if not case.vector.is_head:
            same(response.body, content.part(0, content.size - 1), "body")


def expect_fields(case, response):
    wanted = case.said("type")
    if wanted:
        same(response["content-type"].split(";")[0], wanted, "Content-Type")
    wanted = case.said("location")
    if wanted:
        same(response["location"], unescape(wanted).decode(), "Location")
    for text in said_all(case.words, "says"):
        name, _, value = text.partition(":")
        values = [value for key, value in response.lines if key.lower() == name.lower()]
        same(len(values), 1, f"fields {name}")
        same(value.strip() in ("", values[0]), True, f"{name}: {values[0]}, not {value}")
    for name in said_all(case.words, "lacks"):
        same(response[name.lower()], None, name)


def expect_served(case, response):
    same(response.is_nginx, False, "handed over")
    same(response.status, int(case.said("status") or 200), "status")
    same(response.version, "HTTP/1.1", "version")
    if case.place:
        expect_representation(case, response)
    if response.status == 404 and "page_404" in case.settings:
        same(response.body, PAGE, "page")
    expect_fields(case, response)


def settled():
    """The counters, when all that was asked before is counted."""
    no_connection_left()
    return stats()


def reasons(values):
    return {key.removeprefix("handed_over_"): value for key, value in values.items()
            if key.startswith("handed_over_")}


def expect_reason(why, before):
    """Handed over once, for that reason and no other."""
    def grown():
        return dict(Counter(reasons(stats())) - Counter(reasons(before)))

    why = COUNTERS.get(why, why).replace("-", "_")
    eventually(grown, "a reason")
    same(grown(), {why: 1}, "reasons")


def body_left(case, rest):
    """Of what follows the head: (what the body lacks, what is behind it)."""
    body = case.said("body") or case.vector.said("body")
    if body == "chunked":
        last = b"0\r\n\r\n"
        return b"" if rest.endswith(last) else last, b""
    size = int(body) if body not in (None, "none") else 0
    same(size <= 10 * MOST, True, "a body that can be sent")
    return b"x" * (size - len(rest)), rest[size:]


def expect_rest(case, client, response):
    """
    What follows the head is what was said: the rest of it is sent, the requests
    behind it are answered, and so is another one. Or none of all that.
    """
    data = case.vector.data
    left = len(data) - HEAD.match(data).end()
    same(case.said("left") in (None, str(left)), True, f"{left} bytes left")
    goes_on = response["connection"] == "keep-alive"
    same(case.said("keep-alive") in (None, "yes" if goes_on else "no"), True,
         f"Connection: {response['connection']}")
    if not goes_on:
        if response.is_nginx:	# which may linger
            client.shut()
        client.expect_end()
        return
    if is_cut(response):
        return
    missing, rest = body_left(case, data[len(data) - left:])
    if rest.strip(b"\r\n") and b" HTTP/1." not in rest:
        same(answer(client).status, 400, "status of what follows")
        client.expect_end()
        return
    client.send(missing + ASK_SENTINEL)
    for _ in range(rest.count(b" HTTP/1.")):
        same(answer(client).body != SENTINEL, True, "an answer to what follows")
    same(answer(client).body, SENTINEL, "the next request")


def expect_ok(case):
    before = settled() if case.said("hand-over") else None
    with Client() as client:
        client.send(case.vector.data)
        response = answer(client, case.vector.is_head)
        if case.said("hand-over"):
            same(response.is_nginx, True, "nginx's")
            expect_reason(case.said("hand-over"), before)
        else:
            expect_served(case, response)
        expect_rest(case, client, response)


def expect_nothing(case):
    """Neither an answer, nor that it is handed over."""
    before = settled()
    with Client() as client:
        client.send(case.vector.data)
        client.shut()
        client.expect_end()
    after = settled()
    for key in "requests", "handed_over", "errors":
        same(after[key], before[key], key)


def all_of(port, data):
    """All that is said, but for the date."""
    with Client(port) as client:
        try:
            client.send(data)
            client.shut()
            heard = client.rest()
        except (ConnectionResetError, BrokenPipeError):	# it need not read all of it
            heard = client.buffer
    return re.sub(rb"\r\nDate: [^\r]*", b"", heard)


def expect_error(case):
    status = int(case.words[1])
    if case.settings.get("strict") != "1":
        before = settled()
        same(all_of(PORT, case.vector.data), all_of(BACKEND, case.vector.data), "nginx's")
        expect_reason("malformed", before)
        return
    no_connection_left()
    counting = Counting()
    with Client() as client:
        client.send(case.vector.data)
        response = answer(client, case.vector.is_head)
        same((response.status, response.is_nginx), (status, False), "status")
        same(response["content-type"], "text/html", "Content-Type")
        same(response["connection"], "close", "Connection")
        client.expect_end()
    counting.expect(**{f"error_{status}": 1, "errors": 1, "handed_over": 0})


# --- all of them ------------------------------------------------------------------------

EXPECT = {"ok": expect_ok, "again": expect_nothing, "error": expect_error}

_current = contextlib.ExitStack()
_settings = {}


def use(settings):
    """These parameters, the others as they were."""
    if settings != _settings:
        _current.close()
        _settings.clear()
        _current.enter_context(params(**settings))
        _settings.update(settings)


def run_cases(cases):
    wrong = 0
    use(cases[0].settings)
    for root in sorted({case.docroot for case in cases}):
        with params(docroot=root):
            for case in cases:
                if case.docroot != root:
                    continue
                try:
                    EXPECT[case.words[0]](case)
                except Exception as reason:	# whatever it is, the next one goes on
                    say(f"{case.vector.name}: {type(reason).__name__} {reason}")
                    wrong += 1
    same(wrong, 0, f"wrong ones of {len(cases)}")


def mode_name(settings):
    return " ".join(f"{key}={value}" for key, value in settings.items()) or "default"


def register(cases):
    """A test for the vectors of a file in a mode; those of a mode are together."""
    groups = {}
    for case in cases:
        groups.setdefault(mode_name(case.settings), {}).setdefault(
            case.vector.topic, []).append(case)
    for mode in sorted(groups, key=lambda mode: (mode != "default", mode)):
        for topic, group in groups[mode].items():
            test(f"{topic}, {mode}: {len(group)}")(lambda group=group: run_cases(group))


def nothing_left():
    use({})
    no_connection_left()
    by_default = sum(not case.settings for case in CASES)
    say(f"{len(VECTORS)} vectors: {by_default} by default, "
        f"{len(VECTORS) - by_default} left to malformed.py and strict.py,",
        f"and {len(CASES) - by_default} verdicts with parameters; "
        f"{len(Tree._made)} docroots")


VECTORS = read_vectors()
CASES = [case for vector in VECTORS for case in cases_of(vector)]
register(CASES)
test("nothing is left")(nothing_left)

write("sentinel", SENTINEL)
nginx = Nginx()
load()
run_tests()
