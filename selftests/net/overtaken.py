#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
The backend comes upon a request while a lane looks for its file, answers it, and closes.
What was looked up is for nobody then, least of all for the next request.
"""

import threading

from hanging import Hanging
from lib import (WWW, Client, Counting, OneShot, eventually, load, nothing_left, request,
                 run_tests, same, stat, test, write)

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
go_on = threading.Semaphore(0)


def read_unasked(connection):
    """It has not been waked for the second."""
    connection.sendall(ANSWER + b"one ")
    go_on.acquire()
    same(b"GET /hang/" in connection.recv(65536), True, "a request")
    connection.sendall(ANSWER + b"two ")


def overtake(files, client, name):
    """The backend has had the request for that, and the connection is taken back."""
    same(client.ask("/dynamic").body, b"one ", "dynamic")
    client.send(request(f"/hang/{name}"))
    files.wait()
    taken_back = stat("taken_back")
    go_on.release()
    same(client.response().body, b"two ", "of the backend")
    eventually(lambda: stat("taken_back") > taken_back, "to be taken back")


@test("the next request comes when the lookup is done: its own file")
def later():
    write("hang/first", "first")
    with Hanging(f"{WWW}/hang") as files, Client() as client:
        overtake(files, client, "first")
        files.answer("first")
        eventually(lambda: stat("live_objects") > 0, "the lookup to be done")
        same(client.ask("/small").body, b"small", "file")
        same(client.ask("/small").body, b"small", "file")


@test("and when it is not")
def sooner():
    write("hang/second", "second")
    counting = Counting()
    with Hanging(f"{WWW}/hang") as files, Client() as client:
        overtake(files, client, "second")
        client.send(request("/small"))
        files.answer("second")
        same(client.response().body, b"small", "file")
    counting.expect(left_lost=0, taken_back=1)


@test("nothing is left")
def nothing():
    nothing_left()


write("small", "small")
backend = OneShot(read_unasked)
load(**{"return": 1, "take_back": 1})
run_tests()
