#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
The fast path can be taken down, by hand or by what it finds broken in itself; the
site stays up. Nobody who is being served notices.
"""

import os
import socket
import threading

from lib import (Client, Counting, Nginx, bytes_of, eventually, expected_warning,
                 load, new_messages, no_connection_left, nothing_left, param, params,
                 read_param, request, run, run_tests, same, stat, test, unload, write)

SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
BODY = bytes_of(2_000_000)


def ours(client, target="/small"):
    same(client.ask(target).is_nginx, False, f"{target} is ours")


def nginxs(client, target="/small"):
    response = client.ask(target)
    same((response.status, response.is_nginx), (200, True), f"{target} is nginx's")


# --- by hand ----------------------------------------------------------------------

@test("pass_through=1: who comes is the backend's; 0: ours again")
def new_connections():
    same(read_param("pass_through"), "0\n", "default")
    for _ in range(5):
        with Client() as client:
            ours(client)
        counting = Counting()
        with params(pass_through=1), Client() as client, Client() as other:
            nginxs(client)
            nginxs(client, "/dynamic")
            counting.expect(connections_passed_through=2)
            param("pass_through", 0)
            nginxs(client)	# there it stays
            # That one was nginx's before it said anything.
            nginxs(other)
        counting.expect(connections_passed_through=2, connections_handed_over=2,
                        requests=0, served=0, handed_over=0, cache_hits=0)


@test("who is here already is the backend's from his next request on")
def old_connections():
    with Client() as client, Client() as idle, Client() as half, Client() as body:
        ours(client)
        ours(idle)
        half.send(request("/small") + request("/small")[:20])
        same(half.response().body, b"small", "half")
        body.send(request("/small", fields="Content-Length: 10\r\n") + b"12345")
        same(body.response().is_nginx, False, "with a body")
        counting = Counting()
        param("pass_through", 1)
        nginxs(client)
        half.send(request("/small")[20:])
        same(half.response().is_nginx, True, "half a head was there before")
        # Between the body and what follows it, not sooner.
        body.send(b"67890" + request("/who"))
        same(body.response().body, b"GET /who", "behind the body")
        counting.expect(connections_passed_through=3, served=0)
        same(stat("live_connections"), 1, "who idles")
        param("pass_through", 0)
        ours(idle)


@test("who idles is closed in time, as ever")
def idle():
    with params(keepalive_timeout=1), Client() as client:
        ours(client)
        counting = Counting()
        with params(pass_through=1):
            client.expect_end()
        counting.expect(timeout_keepalive=1, connections_passed_through=0)


@test("a response under way is sent to its end, and then the next one is the backend's")
def under_way():
    with Client(options=[SMALL_WINDOW]) as client:
        client.send(request("/large") + request("/small"))
        client.fill()
        counting = Counting()
        with params(pass_through=1):
            response = client.response()
            same((response.is_nginx, response.body == BODY), (False, True), "large")
            same(client.response().is_nginx, True, "small")
        counting.expect(connections_passed_through=1, connections_aborted=0)


@test("turned back and forth under load: every request is answered")
def back_and_forth():
    failures = []
    over = threading.Event()

    def ask():
        try:
            for _ in range(30):
                with Client() as client:
                    for _ in range(5):
                        same(client.ask("/small").body, b"small", "small")
        except Exception as error:	# said below
            failures.append(error)

    def throw():
        value = 0
        while not over.wait(0.02):
            value = 1 - value
            param("pass_through", value)

    counting = Counting()
    askers = [threading.Thread(target=ask) for _ in range(6)]
    thrower = threading.Thread(target=throw)
    for thread in [thrower, *askers]:
        thread.start()
    for thread in askers:
        thread.join()
    over.set()
    thrower.join()
    param("pass_through", 0)
    same(failures, [], "failures")
    same(counting.grown("connections_aborted"), 0, "aborted")
    same(counting.grown("served") > 0 and
         counting.grown("connections_passed_through") > 0, True, "both have answered")
    no_connection_left()


@test("nobody listens there: 503, and files again when it is 0")
def without_backend():
    nginx.stop()
    with params(pass_through=1):
        counting = Counting()
        for data in request("/small"), b"no request\r\n":
            with Client() as client:
                client.send(data)
                response = client.response()
                same((response.status, response["retry-after"]), (503, "5"), "refused")
                client.expect_end()
        counting.expect(backend_absent=2, error_503=2, connections_passed_through=0)
    with Client() as client:
        ours(client)
    nginx.start()


@test("standalone=1: there is nobody to pass to, so it serves on")
def alone():
    with params(standalone=1, pass_through=1), Client() as client:
        ours(client)
        param("standalone", 0)
        nginxs(client)


@test("given at load; unload meanwhile")
def at_load():
    unload()
    load(pass_through=1)
    with Client() as client:
        nginxs(client)
        unload()
        nginxs(client)
    load()
    for value in "2", "maybe":
        same(refused(value), True, value)


def refused(value):
    try:
        param("pass_through", value)
    except OSError:
        return True
    return False


# --- by itself ----------------------------------------------------------------------

class Lie:
    """A function of the kernel's returns something else, the next time it is called."""

    def __init__(self, symbol, value):
        run("insmod", f"{os.environ['SLUICE_BUILD']}/selftests/net/lie/lie.ko",
            f"symbol={symbol}", f"value={value}", "times=0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("rmmod", "lie")

    @staticmethod
    def once():
        with open("/sys/module/lie/parameters/times", "w") as times:
            times.write("1")


def expect_reset(data):
    with Client() as client:
        client.send(data)
        try:
            same(client.rest(), "a reset", "broken")
        except ConnectionResetError:
            pass


@test("a broken invariant: one connection is lost, the others are the backend's")
def broken():
    with Lie("sluice:http_parse", 1 << 20) as lie, Client() as old:
        ours(old)
        for first in True, False:	# what is said once is done each time
            new_messages()
            counting = Counting()
            lie.once()
            with expected_warning("conn_try_request" if first else None):
                expect_reset(request("/small") * 2)
            counting.expect(invariants_broken=1, connections_aborted=1, requests=0)
            same(read_param("pass_through"), "1\n", "pass_through")
            said = new_messages()
            for words in "conn_try_request():", "pass_through=1", "write 0 to pass_through":
                same(words in said, True, f"'{said}' has '{words}'")
            with Client() as client:
                nginxs(client)
            counting.expect(connections_passed_through=1)
            param("pass_through", 0)
            ours(old)
            with Client() as client:
                ours(client)


@test("again while it passes through: counted, not said again")
def broken_again():
    with Lie("sluice:http_parse", 1 << 20) as lie, params(standalone=1, pass_through=1):
        new_messages()
        counting = Counting()
        for _ in range(3):
            lie.once()
            expect_reset(request("/small"))
            eventually(lambda: stat("live_connections") == 0, "it to be gone")
        counting.expect(invariants_broken=3, connections_aborted=3)
        same(new_messages(), "", "what was said")
        with Client() as client:	# alone: it serves on
            ours(client)


@test("nothing is left")
def nothing():
    nothing_left()


write("small", "small")
write("large", BODY)
nginx = Nginx(locations='location = /who { default_type text/plain; '
              'return 200 "$request_method $request_uri"; }')
load()
run_tests()
