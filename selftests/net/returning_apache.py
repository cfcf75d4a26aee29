#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Connections come back from Apache, which reads when it likes, and shuts them first."""

import gzip
import os
import random
import signal
import subprocess
import threading
import time

from lib import (BACKEND, TOP, WWW, Client, Closed, Counting, bytes_of, eventually, listens,
                 load, no_connection_left, request, run_tests, same, say, start, stat, test,
                 write)

MODULES = "/usr/lib/apache2/modules"
CONFIG = f"""
ServerRoot {TOP}
DefaultRuntimeDir {TOP}
PidFile apache.pid
ErrorLog {TOP}/apache.log
ServerName localhost
Listen 127.0.0.1:{BACKEND}
User www-data
Group www-data
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule mime_module {MODULES}/mod_mime.so
LoadModule alias_module {MODULES}/mod_alias.so
LoadModule cgid_module {MODULES}/mod_cgid.so
LoadModule filter_module {MODULES}/mod_filter.so
LoadModule deflate_module {MODULES}/mod_deflate.so
LoadModule include_module {MODULES}/mod_include.so
LoadModule rewrite_module {MODULES}/mod_rewrite.so
StartServers 2
ServerLimit 8
ThreadsPerChild 8
MinSpareThreads 8
MaxSpareThreads 64
MaxRequestWorkers 64
KeepAlive On
KeepAliveTimeout 1
MaxKeepAliveRequests 0
EnableSendfile On
TypesConfig /dev/null
DocumentRoot {WWW}
ScriptSock {TOP}/cgid.sock
ScriptAlias /cgi/ {TOP}/cgi/
AddOutputFilter INCLUDES .shtml
<Directory {WWW}>
	Options +Includes
</Directory>
<Location /deflated>
	SetOutputFilter DEFLATE
</Location>
RewriteEngine On
RewriteRule ^/nothing$ - [R=204]
RewriteRule ^/deflated /large
"""
# A body of unknown length, and then what it was sent.  Of a program that has ended before
# it looks Apache knows the length, so one waits until it is told to go on.
GO_ON = TOP + "/go-on"
SCRIPT = f"""#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\nmade of %s ' "$QUERY_STRING"
[ "$QUERY_STRING" != parts ] || cat {GO_ON}
exec cat
"""


def is_apache(response):
    return (response["server"] or "").startswith("Apache")


def static(client):
    """It looks for more when it has answered, and may come upon this before sluice does."""
    response = client.ask("/small")
    same(response.body, b"small", f"{response}")


def dynamic(client, target="/cgi/page?1", body=b"made of 1 ", **how):
    response = client.ask(target, **how)
    same(is_apache(response), True, f"{target}: {response}")
    same(response.body == body, True, f"{target}: {response}")
    return response


def expect_return(*steps):
    """Static, STEP, static, STEP, static..., twice, all on one connection."""
    counting = Counting()
    with Client() as client:
        for step in steps * 2:
            static(client)
            step(client)
        static(client)
        same(counting.grown("served_returned") >= len(steps), True, "returned")
        same(counting.grown("connections_accepted"), 1, "accepted")


@test("a page of unknown length")
def page():
    def step(client):
        client.send(request("/cgi/page?parts"))
        while b"made of parts" not in client.buffer:
            client.fill()
        with open(GO_ON, "w", encoding="ascii") as go_on:
            go_on.write("and more")
        response = client.response()
        same((is_apache(response), response["transfer-encoding"], response.body),
             (True, "chunked", b"made of parts and more"), f"{response}")
    expect_return(step)


@test("a file with sendfile, and what is included, or chunked by deflate")
def files():
    def plain(client):
        dynamic(client, "/large?1", LARGE)

    def included(client):
        dynamic(client, "/page.shtml?7", b"a page: included, asked for 7\n")

    def deflated(client):
        response = client.ask("/deflated", fields="Accept-Encoding: gzip\r\n")
        same(response["transfer-encoding"], "chunked", f"{response}")
        same(gzip.decompress(response.body) == LARGE, True, f"{response}")
    expect_return(plain, included, deflated)


@test("HEAD, 204, 304, 404")
def without_body():
    def head(client):
        dynamic(client, "/large?1", b"", method="HEAD")

    def nothing(client):
        same(dynamic(client, "/nothing", b"").status, 204, "status")

    def not_modified(client):
        date = dynamic(client, "/text?1", TEXT)["last-modified"]
        response = dynamic(client, "/text?1", b"", fields=f"If-Modified-Since: {date}\r\n")
        same(response.status, 304, "status")

    def missing(client):
        response = client.ask("/missing")
        same((is_apache(response), response.status), (True, 404), f"{response}")
    expect_return(head, nothing, not_modified, missing)


@test("a body with a length, chunked, and after a 100")
def bodies():
    def post(client):
        client.send(request("/cgi/page?2", "POST", f"Content-Length: {len(LARGE)}\r\n"))
        client.send(LARGE)
        same(client.response().body == b"made of 2 " + LARGE, True, "body")

    def chunked(client):
        client.send(request("/cgi/page?3", "POST", "Transfer-Encoding: chunked\r\n"))
        for piece in b"5\r\nhel", b"lo\r\n3;x=y\r\nabc\r", b"\n0\r\n", b"\r\n":
            client.send(piece)
        same(client.response().body, b"made of 3 helloabc", "body")

    def after_100(client):
        client.send(request("/cgi/page?4", "POST", "Content-Length: 5\r\n"
                            "Expect: 100-continue\r\n"))
        same(client.response().status, 100, "interim")
        client.send("hello")
        same(client.response().body, b"made of 4 hello", "body")
    expect_return(post, chunked, after_100)


@test("pipelined, and in pieces")
def pipelined():
    with Client() as client:
        for _ in range(3):
            client.send(b"".join(request(f"/cgi/page?{n}") for n in range(5)) +
                        request("/small"))
            for number in range(5):
                same(client.response().body, f"made of {number} ".encode(), "page")
            same(client.response().body, b"small", "file")
            for target, body in ("/small", b"small"), ("/cgi/page?6", b"made of 6 "):
                data = request(target)
                for at in range(0, len(data), 9):
                    client.send(data[at:at + 9])
                    time.sleep(0.002)
                same(client.response().body, body, target)


def counting_alone():
    """What Apache does to an earlier connection does not count."""
    no_connection_left()
    return Counting()


@test("its keepalive timeout: the client does not notice")
def timeout():
    counting = counting_alone()
    with Client() as client:
        for times in range(1, 3):
            dynamic(client)
            static(client)
            eventually(lambda: counting.grown("taken_back") == times, "to be taken back")
        static(client)
        dynamic(client)
        counting.expect(connections_accepted=1, left_shutdown=0, left_closed=0)


@test("its keepalive timeout amid an answer of ours")
def timeout_amid():
    counting = counting_alone()
    with Client() as client:
        # It would be Apache's if that came upon it, which takes a moment after a page.
        client.ask("/huge", method="HEAD")
        dynamic(client)
        static(client)
        static(client)
        client.send(request("/huge"))
        eventually(lambda: counting.grown("taken_back") == 1, "to be taken back")
        same(client.response().body == HUGE, True, "huge")
        static(client)
        dynamic(client)
        counting.expect(left_shutdown=0, left_closed=0)


class Tally:
    def __init__(self):
        self.answered = self.lost = self.last = 0
        self.wrong = []


def visit(number, tally, stop, pause):
    """A request whenever the timeout is just about to pass, or all the time."""
    chance = random.Random(number)
    while not stop.is_set():
        with Client() as client:
            while not stop.is_set():
                word = f"{number}.{tally.answered}"
                target, body = chance.choice((
                    (f"/page.shtml?{word}",
                     f"a page: included, asked for {word}\n".encode()),
                    ("/text?1", TEXT), ("/text?1", TEXT), ("/small", b"small")))
                try:
                    client.send(request(target))
                    response = client.response()
                except (Closed, OSError) as reason:
                    say(f"lost: {target}: {reason!r}")
                    tally.lost += 1
                    break
                if response.body != body:
                    tally.wrong.append(f"{target}: {response}")
                tally.answered += 1
                if response["connection"] == "close":
                    tally.last += 1
                    break
                time.sleep(chance.uniform(*pause))


def crowd(count, seconds, pause, every, what):
    """So many clients for so long, and WHAT() now and then. Return: what they found."""
    counting, stop = Counting(), threading.Event()
    tallies = [Tally() for _ in range(count)]
    threads = [threading.Thread(target=visit, args=(n, tallies[n], stop, pause), daemon=True)
               for n in range(count)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(every)
        what()
    stop.set()
    for thread in threads:
        thread.join()
    total = [sum(getattr(tally, key) for tally in tallies)
             for key in ("answered", "lost", "last")]
    say("{} answered, {} lost, {} the last of their connections;".format(*total),
        *(f"{key}={counting.grown(key)}" for key in KEYS))
    same([wrong for tally in tallies for wrong in tally.wrong], [], "wrong")
    same(total[0] > count, True, "answered")
    same(total[1], 0, "lost")
    same(counting.grown("left_lost") + counting.grown("left_unasked"), 0, "lost track")
    return counting


@test("keepalive races: none lost")
def races():
    counting = crowd(16, 6, (0.8, 1.2), 1, lambda: None)
    same(counting.grown("taken_back") > 0, True, "taken back")


@test("graceful restarts: none lost")
def restarts():
    counting = crowd(8, 8, (0, 0.1), 3, lambda: apache.send_signal(signal.SIGUSR1))
    same(counting.grown("taken_back") > 0, True, "taken back")


@test("nothing is left")
def nothing_left():
    no_connection_left()
    same(stat("left_lost"), 0, "left_lost")
    same(stat("invariants_broken"), 0, "invariants_broken")


def start_apache():
    with open(f"{TOP}/apache.conf", "w", encoding="ascii") as out:
        out.write(CONFIG)
    child = start("apache2", "-D", "FOREGROUND", "-f", f"{TOP}/apache.conf",
                  stderr=subprocess.DEVNULL)
    eventually(lambda: listens(BACKEND) or child.poll() is not None, "Apache to listen")
    if child.poll() is not None:
        raise AssertionError(f"Apache ended with status {child.returncode}")
    return child


KEYS = ("connections_lent", "returns", "served_returned", "taken_back", "rescued",
        "left_shutdown", "left_closed", "left_last", "left_lost")
LARGE = bytes_of(300_000)
HUGE = bytes_of(8_000_000, seed=2)
TEXT = b"text " * 1000
for name, data in (("small", "small"), ("large", LARGE), ("huge", HUGE), ("text", TEXT),
                   ("page.shtml", 'a page: <!--#include virtual="/part.html" -->, '
                                  'asked for <!--#echo var="QUERY_STRING" -->\n'),
                   ("part.html", "included")):
    write(name, data)
os.mkdir(f"{TOP}/cgi")
with open(f"{TOP}/cgi/page", "w", encoding="ascii") as script:
    script.write(SCRIPT)
os.chmod(f"{TOP}/cgi/page", 0o755)
os.mkfifo(GO_ON)
os.chmod(GO_ON, 0o666)
apache = start_apache()
load(dynamic_prefix="/cgi/,/deflated,/nothing", dynamic_suffix=".shtml", query="handover",
     linger_timeout=60, **{"return": 1, "take_back": 1})
run_tests()
