# SPDX-License-Identifier: GPL-2.0
"""What is measured: the cases, the files they ask for, and who is asked.

A plan is the list of requests that the clients send, in turn and over and over:
one line each of path, "close" or "keep-alive", status, and the file that the body
must equal ("-" for none).  bench/load.lua reads it.
"""

import os
import random
from dataclasses import dataclass

# In the VM, whose /tmp is empty.
WORK = "/tmp/sluice-bench"
DOCROOT = WORK + "/www"
EXPECT = WORK + "/expect"

TUNED = ("nginx-sendfile", "nginx-copy")
MAIN = ("sluice",) + TUNED + ("floor",)
FULL = MAIN + ("nginx-log", "nginx-default", "lighttpd")
# What nginx answers without a file is the same with and without sendfile.
DIRECT = ("sluice", "nginx-sendfile", "floor")
SERVERS = ("sluice", "sluice-b") + FULL[1:]

SIZES = {"1k": 1024, "4k": 4096, "16k": 16384, "64k": 65536, "1m": 1048576}
TEXT_SIZE = 102400
DYNAMIC_SIZE = 1024


@dataclass
class Case:
    """A kind of traffic.

    handovers: none; every (connection, once); some (connections)
    floor:     bytes of the floor's one body, None: it cannot stand in
    depth:     requests that are sent at once
    longer:    times as long as others, for there are fewer requests per second
    coding:    what clients accept, and get: sluice has gzip=1, nginx gzip on
    slack:     bytes by which heads differ from the first one, on average
    """
    text: str
    servers: tuple = MAIN
    handovers: str = "none"
    floor: int | None = None
    close: bool = False
    revalidate: bool = False
    depth: int = 1
    longer: int = 1
    coding: str = ""
    slack: int = 8
    plan: tuple = ()


def line(path, status=200, close=False, expect=None):
    return (path, "close" if close else "keep-alive", status,
            expect or DOCROOT + path)


def of_size(size, **more):
    close = more.get("close", False)
    return Case(floor=SIZES[size], plan=(line(f"/{size}.html", close=close),), **more)


def of_nobody(close):
    """A path that is no file: the backend says so."""
    return Case("404 of the backend" + (", new connection each" if close else
                                        ", keep-alive"),
                servers=DIRECT, handovers="every", floor=146, close=close,
                plan=(line("/none.html", 404, close, EXPECT + "/404"),))


def of_program(close):
    return Case("1 KB made by nginx" + (", new connection each" if close else
                                        ", keep-alive"),
                servers=DIRECT, handovers="every", floor=DYNAMIC_SIZE, close=close,
                plan=(line("/app.php", 200, close, EXPECT + "/app.php"),))


def of_other_program(path, text, **more):
    return Case(text + ", keep-alive", servers=DIRECT, handovers="every",
                floor=DYNAMIC_SIZE, plan=(line(path, expect=EXPECT + "/app.php"),), **more)


def mixed(pages):
    """Of each ten requests so many, at random places, are for a program. To be compared
    with return=0 and return=1: see --sluice-b.
    """
    dice = random.Random(1)
    plan = []
    for _ in range(20):
        ten = ([line("/1k.html")] * (10 - pages) +
               [line("/app.php", expect=EXPECT + "/app.php")] * pages)
        dice.shuffle(ten)
        plan += ten
    return Case(f"1 KB, keep-alive: {10 - pages} files to {pages} made by nginx",
                handovers="some", servers=("sluice",) + TUNED, plan=tuple(plan),
                # Of what is made there is no date, and no tag.
                slack=8 + 10 * pages)


# SPECweb99: four classes of nine sizes, i * unit bytes with i from 1 to 9, and how
# often each is asked for.
DIRECTORIES = 10
CLASSES = ((102, 35), (1024, 50), (10240, 14), (102400, 1))
SIZE_WEIGHTS = (39, 59, 88, 177, 353, 118, 71, 50, 45)
DIRECTORY_WEIGHTS = tuple(1 / n for n in range(1, DIRECTORIES + 1))
REQUESTS_PER_CONNECTION = 5
BLOCKS = 20


def specweb_path(directory, kind, number):
    return f"/dir{directory}/class{kind}_{number}.html"


def specweb():
    """Each hundred requests have their 35, 50, 14 and 1 of the classes, and the
    drawing within a class is even, so that a short measurement is a fair sample.
    """
    dice = random.Random(2)
    drawn = [draw(dice, kind, share * BLOCKS)
             for kind, (_, share) in enumerate(CLASSES)]
    plan = []
    for block in range(BLOCKS):
        hundred = []
        for paths, (_, share) in zip(drawn, CLASSES):
            hundred += paths[block * share:(block + 1) * share]
        dice.shuffle(hundred)
        plan += hundred
    return tuple(line(path, close=(i + 1) % REQUESTS_PER_CONNECTION == 0)
                 for i, path in enumerate(plan))


def draw(dice, kind, count):
    numbers = spread(SIZE_WEIGHTS, count)
    directories = spread(DIRECTORY_WEIGHTS, count)
    dice.shuffle(numbers)
    dice.shuffle(directories)
    return [specweb_path(d, kind, n) for d, n in zip(directories, numbers)]


def spread(weights, count):
    """Count indices, each as often as its weight says."""
    total, sums = 0, []
    for weight in weights:
        total += weight
        sums.append(total)
    return [next(i for i, s in enumerate(sums) if (k + 0.5) * total / count <= s)
            for k in range(count)]


CASES = {
    "1k": of_size("1k", text="1 KB, keep-alive", servers=FULL),
    "4k": of_size("4k", text="4 KB, keep-alive"),
    "16k": of_size("16k", text="16 KB, keep-alive", servers=FULL),
    "64k": of_size("64k", text="64 KB, keep-alive"),
    "1m": of_size("1m", text="1 MB, keep-alive", longer=3),
    "1k-new": of_size("1k", text="1 KB, new connection each", servers=FULL,
                      close=True),
    "1k-x16": Case("1 KB, pipelined, 16 at once", servers=("sluice",) + TUNED,
                   depth=16, plan=(line("/1k.html"),)),
    "304": Case("304: If-None-Match and If-Modified-Since of a 1 KB file, keep-alive",
                floor=1, revalidate=True, plan=(line("/1k.html", 304, expect="-"),)),
    "gzip": Case("100 KB of text, compressed, keep-alive", coding="gzip",
                 servers=("sluice",) + TUNED, plan=(line("/text.html"),)),
    "404": of_nobody(close=False),
    "404-new": of_nobody(close=True),
    "dynamic": of_program(close=False),
    "dynamic-new": of_program(close=True),
    "proxied": of_other_program("/proxied.php", "1 KB that nginx gets from another server"),
    "php": of_other_program("/page.php", "1 KB that nginx gets from PHP", longer=3),
    "mix": mixed(1),
    "mix-50": mixed(5),
    "mix-90": mixed(9),
    "specweb": Case("the mix of SPECweb99, about 5 requests per connection",
                    servers=tuple(s for s in FULL if s != "floor"), longer=3,
                    plan=specweb()),
}


def write_files(directory, cases):
    """Everything bench/guest copies: docroot, expected bodies and plans.  The bytes
    are the same each time.
    """
    dice = random.Random(3)
    paths = {f"/{name}.html": size for name, size in SIZES.items()}
    if "specweb" in cases:
        paths |= {specweb_path(d, kind, n): unit * (n + 1)
                  for d in range(DIRECTORIES)
                  for kind, (unit, _) in enumerate(CLASSES)
                  for n in range(len(SIZE_WEIGHTS))}
    noise = dice.randbytes(max(paths.values()))
    for path, size in paths.items():
        # Told apart by their beginning, when there is room.
        write(directory + "/www" + path, (path.encode() + b"\n" + noise)[:size])
    write(directory + "/www/text.html", text_of(TEXT_SIZE))
    write(directory + "/expect/app.php", b"made by nginx\n" * 80, DYNAMIC_SIZE)
    for name in cases:
        text = "".join("\t".join(map(str, l)) + "\n" for l in CASES[name].plan)
        write(f"{directory}/plan/{name}", text.encode())


def text_of(size):
    """Of words, as often as such are."""
    dice = random.Random(4)
    words = ["".join(dice.choices("etaoinshrdlu", k=dice.randint(2, 9))) for _ in range(2000)]
    weights = [1 / (n + 1) for n in range(len(words))]
    lines = []
    for _ in range(size // 40):
        lines.append("<p>" + " ".join(dice.choices(words, weights, k=10)) + "</p>\n")
    return "".join(lines).encode()[:size]


def write(path, content, size=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content[:size])


def body_sizes(case):
    """Of the responses of the plan, in order."""
    def size(l):
        path = l[0]
        if l[3] == "-":
            return 0
        if path.startswith("/dir"):
            kind, number = path[:-len(".html")].split("class")[1].split("_")
            return CLASSES[int(kind)][0] * (int(number) + 1)
        if path.endswith(".php"):
            return DYNAMIC_SIZE
        return SIZES.get(path[1:-len(".html")])
    return [size(l) for l in CASES[case].plan]
