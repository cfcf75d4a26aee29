#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
A setting is switched amid a request. The request goes by one of the two values, all
through; and what a lookup says holds for the site that it was asked under.
"""

import contextlib
import os
import socket
import threading

from hanging import DENY, Hanging
from lib import (WWW, Client, Counting, Nginx, bytes_of, eventually, let_rest, load,
                 nothing_left, param, params, request, run, run_tests, same, stat, test,
                 write)

SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
BODY = bytes_of(200_000)


MEANWHILE = "/sys/module/meanwhile/parameters"


@contextlib.contextmanager
def meanwhile(symbol, setting, value):
    """It gets this value before the next call of that function returns."""
    run("insmod", f"{os.environ['SLUICE_BUILD']}/selftests/net/meanwhile/meanwhile.ko",
        f"symbol=sluice:{symbol}")

    def reached():
        with open(f"{MEANWHILE}/reached", encoding="ascii") as file:
            return file.read() == "Y\n"

    def change():
        eventually(reached, f"a call of {symbol}")
        param(setting, value)
        with open(f"{MEANWHILE}/go", "w", encoding="ascii") as file:
            file.write("1")

    # Whoever sends is the one who waits: what it sends arrives in its own system call.
    changing = threading.Thread(target=change)
    changing.start()
    try:
        yield
    finally:
        changing.join()
        run("rmmod", "meanwhile")


def hanging(name):
    """Files that hang, this one among them; served from here on."""
    write(f"hang/{name}", name)
    return Hanging(f"{WWW}/hang")


def static(client, target="/small", body=b"small"):
    let_rest(nginx.process)
    response = client.ask(target)
    same((response.status, response.is_nginx, response.body), (200, False, body), target)


# --- what is looked up anew -----------------------------------------------------------

@test("a change that moves no file: nothing is looked up anew; of one that does, all is")
def looked_up_anew():
    with Client() as client:
        static(client)
        counting = Counting()
        for name, value in (("strict", 1), ("query", "handover"), ("max_head_size", 4096),
                            ("backend_uid", "any"), ("take_back", 1)):
            with params(**{name: value}):
                static(client)
        counting.expect(lookups=0, cache_misses=0)
        with params(charset="utf-8"):
            static(client)
        counting.expect(lookups=1, cache_misses=1)


# --- one reading --------------------------------------------------------------------

@test("lenient, off when the head has been parsed: it is not followed as a strict one")
def lenient():
    with params(lenient=1), Client() as client:
        same(client.ask("/dynamic").is_nginx, True, "lent")
        static(client)
        counting = Counting()
        with meanwhile("http_parse", "lenient", 0):
            client.send("GET /dynamic HTTP/1.1\nHost: localhost\n\n")
            same(client.response().is_nginx, True, "with bare LFs")
        counting.expect(left_malformed=1)
        # Nobody knows what nginx took for the end of that one.
        same(client.ask("/small").is_nginx, True, "it stays there")


@test("standalone, on while earlier answers are not acknowledged: handed over as decided")
def standalone():
    with Client(options=[SMALL_WINDOW]) as client:
        misses, counting = stat("cache_misses"), Counting()
        client.send(request("/large") + request("/program.php"))
        # The file was looked up; the program is not, but decided on.
        eventually(lambda: stat("cache_misses") == misses + 2, "a decision")
        with params(standalone=1):
            same(client.response().body == BODY, True, "large")
            response = client.response()
            same((response.status, response.is_nginx), (200, True), "the program")
        counting.expect(connections_handed_over=1, backend_absent=0, error_503=0)


@test("standalone, off while the page of a 404 is looked for: the 404 it was")
def page_of_standalone():
    with hanging("404-a.html") as files, \
            params(standalone=1, page_404="/hang/404-a.html"), Client() as client:
        client.send(request("/not-there"))
        files.wait()
        param("standalone", 0)
        files.answer("404-a.html")
        response = client.response()
        same((response.status, response.body), (404, b"404-a.html"), "page")


@test("strict: what is refused with a page is refused while that is looked for, too")
def page_of_strict():
    with params(strict=1, page_404="/404-b.html"), Client() as client:
        for _ in "looked up", "in the cache":
            response = client.ask("/" + "x" * 300)
            same((response.status, response.body), (404, b"404-b.html"), "page")


# --- what a lookup says -------------------------------------------------------------

@test("an error that was found under another site is not this one's")
def error_of_old_site():
    with hanging("denied") as files, Client() as client:
        client.send(request("/hang/denied"))
        files.wait()
        with params(charset="koi8-r"):
            files.answer("denied", DENY)
            files.wait()	# it is looked for once more
            files.answer("denied")
            response = client.response()
            same((response.status, response.body), (200, b"denied"), "file")


@test("a page of an error that was found under another site is not this one's")
def page_of_old_site():
    write("hang/404-d.html", "404-d.html")
    with hanging("404-c.html") as files, \
            params(standalone=1, page_404="/hang/404-c.html"), Client() as client:
        client.send(request("/not-there"))
        files.wait()
        param("page_404", "/hang/404-d.html")
        files.answer("404-c.html")
        same(files.wait(), ["404-d.html"], "which page is looked for")
        files.answer("404-d.html")
        response = client.response()
        same((response.status, response.body), (404, b"404-d.html"), "page")


@test("neither is there: the file that a 404 was for has come meanwhile")
def file_of_new_site():
    with hanging("404-e.html") as files, \
            params(standalone=1, page_404="/hang/404-e.html"), Client() as client:
        client.send(request("/comes"))
        files.wait()
        write("comes", "comes")
        param("charset", "koi8-u")
        files.answer("404-e.html")
        same(client.response().body, b"comes", "file")
    param("charset", "")


# --- lending ------------------------------------------------------------------------

LONG = "".join(f"X-Long-{n}: {'x' * 3000}\r\n" for n in range(4))


@test("a head of 12 KiB is lent as it is followed: first, and later")
def long_head():
    with params(max_head_size=16384), Client() as client:
        counting = Counting()
        for _ in range(2):
            same(client.ask("/dynamic", fields=LONG).is_nginx, True, "dynamic")
            static(client)
        counting.expect(connections_lent=1, left_malformed=0)

@test("a connection that cannot be lent at all is counted by the reason")
def not_lent():
    for why, how in (("left_last", {"fields": "Connection: close\r\n"}),
                     ("left_last", {"version": "1.0"})):
        with Client() as client:
            counting = Counting()
            same(client.ask("/dynamic", **how).is_nginx, True, "dynamic")
            counting.expect(connections_lent=0, connections_handed_over=1, **{why: 1})


@test("nothing is left")
def nothing():
    nothing_left()


write("small", "small")
write("large", BODY)
write("404-b.html", "404-b.html")
nginx = Nginx(locations='location /hang/ { return 200 "nginx"; } '
              'location = /program.php { default_type text/plain; return 200 "program"; }')
load(**{"return": 1, "dynamic_suffix": ".php", "header_timeout": 3600})
run_tests()
