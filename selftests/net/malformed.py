#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
By default malformed requests are nginx's: through sluice it says exactly what
it says without, byte for byte, because it is given the very same bytes.
"""

import re

from lib import (BACKEND, PORT, Client, Counting, Nginx, load,
                 no_connection_left, request, run_tests, same, say, test, write)
from vectors import read_vectors

VECTORS = [vector for vector in read_vectors() if vector.error]


def ask(port, data, before=b""):
    with Client(port) as client:
        if before:
            client.send(before)
            same(client.response().body, b"small", "before")
        try:
            client.send(data)
            client.shut()
            answer = client.rest()
        except (ConnectionResetError, BrokenPipeError):
            answer = client.buffer
    return re.sub(rb"\r\nDate: [^\r]*", b"", answer)


def compare(vectors, before=b""):
    wrong = 0
    for vector in vectors:
        expected = ask(BACKEND, vector.data, before)
        got = ask(PORT, vector.data, before)
        if got != expected:
            say(f"{vector.name}: through sluice {got!r}, without {expected!r}")
            wrong += 1
    same(wrong, 0, "answered otherwise")


@test("more than 200 malformed requests: as without sluice, and counted")
def first():
    same(len(VECTORS) > 200, True, "enough of them")
    prefaces = sum(vector.error[1] == "H2_PREFACE" for vector in VECTORS)
    counting = Counting()
    compare(VECTORS)
    counting.expect(handed_over=len(VECTORS), errors=0,
                    handed_over_malformed=len(VECTORS) - prefaces,
                    handed_over_upgrade=prefaces)


@test("the same behind a static request on the same connection")
def later():
    counting = Counting()
    vectors = VECTORS[::4]
    compare(vectors, request("/small"))
    counting.expect(handed_over=len(vectors), errors=0, served=len(vectors))


@test("nothing is left")
def nothing_left():
    no_connection_left()


write("small", "small")
nginx = Nginx()
load()
run_tests()
