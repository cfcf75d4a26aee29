#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Parts of files: the very bytes that were asked for, wherever they are and however
they are fetched.  What nginx says to the same ranges is differential.py's.
"""

import hashlib
import os
import random
import re
import socket
import time

from lib import (TOP, WWW, Client, Counting, Nginx, bytes_of, eventually, get,
                 load, mount, no_connection_left, nothing_left, params, request, run,
                 run_tests, same, test, write)

GIB = 1 << 30
HUGE_SIZE = 5 * GIB + 12345
# Where a number of 31, 32 or 33 bits ends, and a page.
MARKS = (0, 4095, 4096, 2 * GIB - 5, 4 * GIB - 5, 4 * GIB + 1_000_000, 5 * GIB,
         HUGE_SIZE - 50)
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
MIDDLE = bytes_of(3_000_000)


def make_huge():
    with open(f"{WWW}/huge", "wb") as huge:
        huge.truncate(HUGE_SIZE)
    with open(f"{WWW}/huge", "r+b") as huge:
        for mark in MARKS:
            huge.seek(mark)
            huge.write(bytes_of(50, mark))
    os.chmod(f"{WWW}/huge", 0o644)


def content(name, first, last):
    """What is in the file, from the file."""
    with open(f"{WWW}/{name}", "rb") as source:
        return os.pread(source.fileno(), last - first + 1, first)


def ranges_field(*ranges):
    return "Range: bytes=" + ",".join(ranges) + "\r\n"


def expect_part(client, name, asked, first, last):
    """One range, and what of it there is."""
    response = client.ask(f"/{name}", fields=ranges_field(asked))
    size = os.stat(f"{WWW}/{name}").st_size
    same(response.status, 206, asked)
    same(response["content-range"], f"bytes {first}-{last}/{size}", asked)
    same(response["content-length"], str(last - first + 1), asked)
    same(response["accept-ranges"], None, asked)
    same(response.body == content(name, first, last), True, f"bytes of {asked}")


def parts_of(response):
    """Take multipart/byteranges apart: [(content-range, bytes)]."""
    same(response.status, 206, "status")
    found = re.fullmatch(r"multipart/byteranges; boundary=(\d{20})",
                         response["content-type"])
    same(bool(found), True, response["content-type"])
    boundary = found[1].encode()
    same(response["content-range"], None, "Content-Range")
    rest = response.body
    parts = []
    while not rest.startswith(b"\r\n--" + boundary + b"--\r\n"):
        head, rest = rest.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        same(lines[:2], ["", "--" + found[1]], "boundary")
        fields = dict(line.split(": ", 1) for line in lines[2:])
        same(set(fields) <= {"Content-Type", "Content-Range"}, True, f"{fields}")
        first, last = map(int, re.match(r"bytes (\d+)-(\d+)/",
                                        fields["Content-Range"]).groups())
        parts.append((fields["Content-Range"], rest[:last - first + 1]))
        rest = rest[last - first + 1:]
    same(rest, b"\r\n--" + boundary + b"--\r\n", "end")
    return parts


def expect_parts(response, name, bounds):
    size = os.stat(f"{WWW}/{name}").st_size
    got = parts_of(response)
    same([place for place, _ in got],
         [f"bytes {first}-{last}/{size}" for first, last in bounds], "places")
    for (_, data), (first, last) in zip(got, bounds):
        same(data == content(name, first, last), True, f"bytes {first}-{last}")


@test("around 2 and 4 GiB, to the end, and from it")
def huge():
    last = HUGE_SIZE - 1
    with Client() as client:
        for mark in MARKS:
            expect_part(client, "huge", f"{mark}-{mark + 49}", mark, mark + 49)
            first = max(mark - 10, 0)
            expect_part(client, "huge", f"{first}-{first + 99}", first,
                        min(first + 99, last))
        expect_part(client, "huge", f"{HUGE_SIZE - 60}-", HUGE_SIZE - 60, last)
        expect_part(client, "huge", "-50", HUGE_SIZE - 50, last)
        expect_part(client, "huge", "-100000", HUGE_SIZE - 100000, last)
        expect_part(client, "huge", f"{last}-", last, last)
        expect_part(client, "huge", f"{last}-{2 ** 63 - 1}", last, last)
        expect_part(client, "huge", f"{4 * GIB}-{4 * GIB}", 4 * GIB, 4 * GIB)


@test("8 parts of a huge file, in any order")
def huge_parts():
    bounds = [(mark, mark + 40) for mark in MARKS]
    for order in bounds, bounds[::-1], bounds[3:] + bounds[:3]:
        response = get("/huge", fields=ranges_field(*map("{0[0]}-{0[1]}".format, order)))
        expect_parts(response, "huge", order)
    expect_parts(get("/huge", fields=ranges_field("-7", "0-0")), "huge",
                 [(HUGE_SIZE - 7, HUGE_SIZE - 1), (0, 0)])


@test("a whole huge file is not asked for by HEAD with a Range")
def head():
    with Client() as client:
        for fields in "", ranges_field("0-9"), ranges_field("0-0", "2-2"):
            response = client.ask("/huge", "HEAD", fields)
            same((response.status, response["content-length"],
                  response["content-range"], response["accept-ranges"]),
                 (200, str(HUGE_SIZE), None, "bytes"), fields)


@test("beyond the end: 416 with the size, and the connection goes on")
def beyond():
    counting = Counting()
    with Client() as client:
        for asked in f"{HUGE_SIZE}-", f"{2 ** 63 - 1}-", "-0", f"{HUGE_SIZE}-,-0":
            response = client.ask("/huge", fields=ranges_field(asked))
            same((response.status, response["content-range"]),
                 (416, f"bytes */{HUGE_SIZE}"), asked)
            same(response["content-type"], "text/html", asked)
        expect_part(client, "huge", "1-2", 1, 2)
    counting.expect(error_416=4, errors=4, partial=1)


@test("more than 64: the backend's, alone they are ignored")
def too_many():
    bounds = [(n * 10, n * 10 + 4) for n in range(65)]
    asked = ["{0[0]}-{0[1]}".format(bound) for bound in bounds]
    for count in 9, 63, 64:
        expect_parts(get("/middle", fields=ranges_field(*asked[:count])), "middle",
                     bounds[:count])
    response = get("/middle", fields=ranges_field(*asked))
    same((response.status, response.body == MIDDLE), (200, True), "alone")
    nginx = Nginx()
    with params(standalone=0):
        counting = Counting()
        response = get("/middle", fields=ranges_field(*asked))
        same(response.is_nginx, True, "65 of them")
        expect_parts(response, "middle", bounds)
        response = get("/middle", fields=ranges_field(*asked[:64]))
        same(response.is_nginx, False, "64 of them")
        counting.expect(handed_over_range=1, handed_over=1, partial=1)
    nginx.stop()


@test("what is asked for, and 256 bytes for each, is the file and 4096 at most")
def charged():
    def ask(client, *bounds):
        return client.ask("/middle", fields=ranges_field(*map("{0[0]}-{0[1]}".format, bounds)))

    size = len(MIDDLE)
    most = [(0, size - 1), (5, 5 + 4096 - 2 * 256 - 1)]
    with Client() as client:
        expect_parts(ask(client, *most), "middle", most)
        response = ask(client, most[0], (5, most[1][1] + 1))
        same((response.status, response.body == MIDDLE), (200, True), "one byte more")
        step = size // 64
        thirds = [(n * step, n * step + step // 3) for n in range(64)]
        expect_parts(ask(client, *thirds[::-1]), "middle", thirds[::-1])


@test("numbers of twenty digits and more: beyond any file")
def large_numbers():
    last = len(MIDDLE) - 1
    with Client() as client:
        for number in 2 ** 63, 2 ** 64, 2 ** 64 + 9, 10 ** 20 - 1, 10 ** 40:
            expect_part(client, "middle", f"5-{number}", 5, last)
            expect_part(client, "middle", f"-{number}", 0, last)
            response = client.ask("/middle", fields=ranges_field(f"{number}-"))
            same((response.status, response["content-range"]),
                 (416, f"bytes */{last + 1}"), f"{number}-")


@test("a file put together of random parts, a checksum tells")
def together():
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    cuts = sorted({0, len(MIDDLE), *(dice.randrange(len(MIDDLE)) for _ in range(60))})
    bounds = list(zip(cuts, [cut - 1 for cut in cuts[1:]]))
    pieces = {}
    with Client() as client:
        order = bounds[:]
        dice.shuffle(order)
        for first, last in order:
            response = client.ask("/middle", fields=ranges_field(f"{first}-{last}"))
            pieces[first] = response.body
    got = hashlib.sha256(b"".join(pieces[first] for first, _ in bounds)).hexdigest()
    same(got, hashlib.sha256(MIDDLE).hexdigest(), f"checksum, seed {seed}")


@test("100 pipelined, of every kind")
def pipelined():
    kinds = (([(0, 0)], "0-0"), ([(5, 5000)], "5-5000"),
             ([(2_999_999, 2_999_999)], "-1"), ([(0, 1), (4095, 4097)], "0-1,4095-4097"),
             (None, "3000000-"))
    with Client() as client:
        client.send(b"".join(request("/middle", fields=ranges_field(kinds[n % 5][1]))
                             for n in range(100)))
        for n in range(100):
            bounds, asked = kinds[n % 5]
            response = client.response()
            if bounds is None:
                same(response.status, 416, asked)
            elif len(bounds) > 1:
                expect_parts(response, "middle", bounds)
            else:
                (first, last), = bounds
                same(response.body == MIDDLE[first:last + 1], True, asked)


@test("each edge of a page, of 4 KiB bodies and of the file")
def edges():
    with Client() as client:
        for edge in 0, 4096, 8192, 65536, len(MIDDLE):
            for first, last in ((edge - 1, edge - 1), (edge, edge), (edge - 1, edge),
                                (edge - 4096, edge - 1), (edge, edge + 4095),
                                (edge, edge + 4096), (edge - 100, edge + 20000)):
                if 0 <= first < len(MIDDLE):
                    expect_part(client, "middle", f"{first}-{last}", first,
                                min(last, len(MIDDLE) - 1))


@test("If-Range: while it is the same file, also when the cache is warm")
def if_range():
    for _ in range(10):
        write("changing", "one" * 100, mtime=1_000_000_000)
        with Client() as client:
            first = client.ask("/changing")
            tag, date = first["etag"], first["last-modified"]
            for validator in tag, date:
                field = f"If-Range: {validator}\r\nRange: bytes=0-2\r\n"
                response = client.ask("/changing", fields=field)
                same((response.status, response.body), (206, b"one"), validator)
            write("changing", "two" * 90, mtime=1_000_000_001)
            for validator in tag, date:
                field = f"If-Range: {validator}\r\nRange: bytes=0-2\r\n"
                response = client.ask("/changing", fields=field)
                same((response.status, response.body), (200, b"two" * 90), validator)
            response = client.ask("/changing",
                                  fields=f"If-Range: W/{response['etag']}\r\n"
                                  "Range: bytes=0-2\r\n")
            same(response.status, 200, "weak")


@test("a cold file on a disk: what is read is what was asked for, once")
def cold():
    run("modprobe", "loop")
    run("truncate", "-s", "40M", f"{TOP}/disk")
    run("mkfs.ext4", "-q", "-F", "-m", "0", f"{TOP}/disk")
    os.mkdir(f"{WWW}/disk")
    mount("-o", "loop", f"{TOP}/disk", f"{WWW}/disk")
    write("disk/middle", MIDDLE)
    with Client() as client:
        for first, last in (1_000_000, 1_000_099), (0, 0), (2_500_000, 2_999_999):
            os.sync()
            with open("/proc/sys/vm/drop_caches", "w") as drop:
                drop.write("3")
            counting = Counting()
            for _ in range(2):
                expect_part(client, "disk/middle", f"{first}-{last}", first, last)
            same(counting.grown("fills") > 0, True, "reads")
            counting = Counting()
            expect_part(client, "disk/middle", f"{first}-{last}", first, last)
            same(counting.grown("fills"), 0, "reads of what is in memory")
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as drop:
            drop.write("3")
        bounds = [(n * 46_000, n * 46_000 + 9999) for n in range(64)]
        response = client.ask("/disk/middle", fields=ranges_field(
            *map("{0[0]}-{0[1]}".format, bounds)))
        expect_parts(response, "disk/middle", bounds)


@test("a client that reads the parts slowly")
def slow():
    bounds = [(n * 46_000, n * 46_000 + 25_000) for n in range(64)]
    with Client(options=[SMALL_WINDOW]) as client:
        client.send(request("/middle", fields=ranges_field(
            *map("{0[0]}-{0[1]}".format, bounds))))
        data = b""
        for n in range(200):
            data += client.take(997)
            if n % 20 == 0:
                time.sleep(0.02)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        client.buffer = data + client.buffer
        expect_parts(client.response(), "middle", bounds)
        expect_part(client, "middle", "7-8", 7, 8)


@test("slow clients that leave in the middle of a part leave nothing behind")
def leave():
    clients = [Client(options=[SMALL_WINDOW]) for _ in range(10)]
    for client in clients:
        client.send(request("/middle", fields=ranges_field("0-900000", "1000000-")))
        client.take(3000)
    for client in clients:
        client.close()
    no_connection_left()


def expect_cut(fields, size_after, promised):
    size = 8_000_000
    write("shrinking", b"x" * size)
    with Client(options=[SMALL_WINDOW]) as client:
        counting = Counting()
        client.send(request("/shrinking", fields=fields))
        head = client.take_until(b"\r\n\r\n")
        same(head.split(b" ")[1], b"206", "status")
        os.truncate(f"{WWW}/shrinking", size_after)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        try:
            body = client.rest()
        except ConnectionResetError:
            body = client.buffer
        same(len(body) < promised, True, "less than promised")
        same(b"\0" in body, False, "bytes that were never in the file")
        counting.expect(connections_aborted=1, files_truncated=1)


@test("a file that is cut short within a range, or a part: cut off, never padded")
def truncated():
    expect_cut(ranges_field("1000-7999999"), 1000, 7_999_000)
    expect_cut(ranges_field("1000-7999999"), 7_999_900, 7_999_000)
    expect_cut(ranges_field("0-3999999", "4000000-7999999"), 7_000_000, 8_000_000)
    expect_cut(ranges_field("4000000-7999999", "0-99"), 1000, 4_000_000)


@test("counted: partial, and the bytes that were sent")
def counted():
    counting = Counting()
    with Client() as client:
        client.ask("/middle", fields=ranges_field("0-99999"))
        client.ask("/middle", fields=ranges_field("0-0", "2-2"))
        client.ask("/middle", "HEAD", ranges_field("0-0"))
    counting.expect(requests=3, partial=2, served=3, errors=0)
    eventually(lambda: 100_000 < counting.grown("bytes_sent") < 103_000, "bytes_sent")


test("nothing is left")(nothing_left)
make_huge()
write("middle", MIDDLE)
load(standalone=1)
run_tests()
