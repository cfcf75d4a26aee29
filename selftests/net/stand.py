#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Who looks a connection up, without a lock, and stands on a request_sock that sluice uses
anew, can go on: memory of TCP's is not cleared as ours is.
"""

import os

from lib import (SLOWNESS, Client, Counting, OneShot, Skip, load, nothing_left, run, run_tests,
                 same, test, write)

# On this processor the object that is freed last is the one that is used next.
ROUNDS = 20


def reader(key):
    with open(f"/sys/module/stand/parameters/{key}", encoding="ascii") as value:
        return int(value.read())


@test("a reader that stands on a request_sock which is used anew finds the end of its chain")
def stands():
    run("insmod", f"{os.environ['SLUICE_BUILD']}/selftests/net/stand/stand.ko")
    try:
        counting = Counting()
        with Client() as client:
            for _ in range(ROUNDS):
                same(client.ask("/dynamic").body, b"once", "dynamic")
                same(client.ask("/small").body, b"small", "static")
            counting.expect(taken_back=ROUNDS, connections_lent=ROUNDS, left_lost=0)
        if not reader("stood") and SLOWNESS != 1:
            raise Skip("KASAN keeps what is freed, and gives out other memory")
        same(reader("stood") > 0, True, "it has stood there")
        same(reader("astray"), 0, f"lost its way, of {reader('stood')} times")
    finally:
        run("rmmod", "stand")


@test("nothing is left")
def nothing():
    nothing_left()


write("small", "small")
backend = OneShot(lambda connection: b"once")
load(**{"return": 1, "take_back": 1})
run_tests()
