#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A connection comes back when the backend has answered, whatever its answer was."""

import gzip
import os
import socket
import threading
import time

from lib import (BACKEND, TOP, Client, Closed, Counting, Nginx, bytes_of, eventually,
                 let_rest, load, no_connection_left, params, request, run_tests, same, start,
                 stat, test, write)

SOCKET = f"{TOP}/fcgi.sock"
SCRIPT = f"{TOP}/page.cgi"
UPSTREAM = 8083
SHOUTING = 8084

LOCATIONS = f"""
location /proxy/ {{ proxy_pass http://127.0.0.1:{UPSTREAM}/; proxy_http_version 1.1; }}
location /unbuffered/ {{
    proxy_pass http://127.0.0.1:{UPSTREAM}/;
    proxy_http_version 1.1;
    proxy_buffering off;
}}
location /gzip/ {{
    proxy_pass http://127.0.0.1:{UPSTREAM}/;
    proxy_http_version 1.1;
    gzip on; gzip_types text/plain; gzip_min_length 1;
}}
location /upgrade {{
    proxy_pass http://127.0.0.1:{SHOUTING};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
}}
location = /nothing {{ return 204; }}
location = /end {{ keepalive_timeout 0; return 200 "end"; }}
location /bare/ {{ alias {TOP}/bare/; }}
location /cgi {{
    fastcgi_pass unix:{SOCKET};
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME {SCRIPT};
}}
"""

# What nginx proxies to: a server of its own inside the same nginx.
HTTP = f"""
server {{
    listen 127.0.0.1:{UPSTREAM};
    root {TOP}/bare;
    default_type text/plain;
    location = /hello {{ return 200 "hello"; }}
}}
"""


def static(client, target="/small", body=b"small"):
    """Asks for a file, which sluice has to answer."""
    let_rest(nginx.process)
    response = client.ask(target)
    same((response.status, response.is_nginx), (200, False), f"{target}: {response}")
    same(response.body == body, True, f"{target}: {response}")


def dynamic(client, target="/dynamic", **how):
    """Asks for what nginx has to answer."""
    response = client.ask(target, **how)
    same(response.is_nginx, True, f"{target}: {response}")
    return response


def expect_return(*steps):
    """Static, STEP, static, STEP, static..., twice, all on one connection."""
    with Client() as client:
        counting = Counting()
        for step in steps * 2:
            static(client)
            step(client)
        static(client)
        counting.expect(connections_handed_over=1, connections_lent=1)
        # The static ones behind the first.
        counting.expect(served=len(steps) * 2 + 1,
                        served_returned=len(steps) * 2)


def expect_stays(client, why):
    """From here on all is nginx's."""
    counting = Counting()
    for _ in range(3):
        dynamic(client, "/small")
    counting.expect(served=0)
    same(stat(why) > 0, True, why)


@test("a page")
def page():
    def step(client):
        same(dynamic(client).body, f"GET {client.name()} \n".encode(), "body")
    expect_return(step)


@test("proxied, buffered or not, with a length, and chunked by gzip")
def proxied():
    def proxy(client):
        same(dynamic(client, "/proxy/hello").body, b"hello", "body")

    def large(client):
        same(dynamic(client, "/proxy/large").body == LARGE, True, "body")

    def unbuffered(client):
        same(dynamic(client, "/unbuffered/large").body == LARGE, True, "body")

    def zipped(client):
        response = dynamic(client, "/gzip/text", fields="Accept-Encoding: gzip\r\n")
        same(response["transfer-encoding"], "chunked", "coding")
    expect_return(proxy, large, unbuffered, zipped)


@test("a large file with sendfile")
def sendfile():
    expect_return(lambda client: same(dynamic(client, "/bare/large").body == LARGE, True,
                                      "body"))


@test("HEAD, 204, 304, 404")
def without_body():
    def head(client):
        same(dynamic(client, "/bare/large", method="HEAD").status, 200, "status")

    def nothing(client):
        same(dynamic(client, "/nothing").status, 204, "status")

    def not_modified(client):
        date = dynamic(client, "/bare/text")["last-modified"]
        response = dynamic(client, "/bare/text", fields=f"If-Modified-Since: {date}\r\n")
        same(response.status, 304, "status")

    def missing(client):
        same(dynamic(client, "/missing").status, 404, "status")
    expect_return(head, nothing, not_modified, missing)


def uploaded(name):
    with open(f"{TOP}/upload/{name}", "rb") as got:
        return got.read()


@test("a body with a length, chunked, and after a 100")
def bodies():
    def put(client):
        client.send(request("/upload/a", "PUT", f"Content-Length: {len(LARGE)}\r\n"))
        for at in range(0, len(LARGE), 77777):
            client.send(LARGE[at:at + 77777])
        same(client.response().status in (201, 204), True, "PUT")
        same(uploaded("a") == LARGE, True, "what arrived")

    def chunked(client):
        client.send(request("/upload/b", "PUT", "Transfer-Encoding: chunked\r\n"))
        for piece in b"5\r\nhel", b"lo\r\n3;x=y\r\nabc\r", b"\n0\r\n", b"\r\n":
            client.send(piece)
        same(client.response().status in (201, 204), True, "PUT")
        same(uploaded("b"), b"helloabc", "what arrived")

    def after_100(client):
        client.send(request("/upload/c", "PUT", "Content-Length: 5\r\n"
                            "Expect: 100-continue\r\n"))
        same(client.response().status, 100, "interim")
        client.send("hello")
        same(client.response().status in (201, 204), True, "PUT")
        same(uploaded("c"), b"hello", "what arrived")
    expect_return(put, chunked, after_100)


@test("FastCGI")
def fastcgi():
    def step(client):
        response = dynamic(client, "/cgi?x")
        same(response.body.strip(), b"made of x", "body")
    expect_return(step)


def in_pieces(client, data, size):
    for at in range(0, len(data), size):
        client.send(data[at:at + size])
        time.sleep(0.002)


@test("heads in small pieces")
def pieces():
    def static_in_pieces(client):
        let_rest(nginx.process)
        in_pieces(client, request("/small"), 7)
        response = client.response()
        same((response.body, response.is_nginx), (b"small", False), "static")

    with Client() as client:
        for _ in range(3):
            static_in_pieces(client)
            in_pieces(client, request("/dynamic"), 7)
            same(client.response().is_nginx, True, "dynamic")
        same(stat("left_malformed"), 0, "left_malformed")


@test("pipelined: all answered, in order, and it comes back")
def pipelined():
    targets = ["/small", "/dynamic?1", "/small", "/bare/large", "/dynamic?2", "/large",
               "/dynamic?3", "/small"]
    with Client() as client:
        counting = Counting()
        for _ in range(5):
            client.send(b"".join(map(request, targets)))
            for target in targets:
                body = client.response().body
                if target.startswith("/dynamic"):
                    expected = f"GET {client.name()} {target[9:]}\n".encode()
                else:
                    expected = LARGE if target.endswith("large") else b"small"
                same(body == expected, True, f"{target}: {body[:80]}")
            static(client)
        same(counting.grown("connections_lent"), 1, "lent")
        same(counting.grown("served_returned") >= 5, True, "returned")


@test("a large file of ours to a client that does not read, on a connection of nginx's")
def slow_reader():
    with Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
        dynamic(client)
        let_rest(nginx.process)
        client.send(request("/huge"))
        time.sleep(1)
        client.send(request("/dynamic"))
        response = client.response()
        same((response.body == HUGE, response.is_nginx), (True, False), "huge")
        same(client.response().is_nginx, True, "behind")
        static(client)


@test("large answers of nginx's to a client that does not read, and then it comes back")
def slow_reader_of_nginx():
    with Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
        counting = Counting()
        for target in "/bare/large", "/gzip/large", "/unbuffered/large", "/cgi?large":
            static(client)
            client.send(request(target, fields="Accept-Encoding: gzip\r\n"))
            time.sleep(0.3)
            client.send(request("/small"))
            response = client.response()
            same(response.is_nginx, True, f"{target}: {response}")
            coded = response["content-encoding"] == "gzip"
            same(coded, target.startswith("/gzip"), "coded")
            body = gzip.decompress(response.body) if coded else response.body
            same(body == LARGE, True, f"{target}: {response}")
            same(client.response().body, b"small", "behind")
        counting.expect(connections_lent=1)
        same(counting.grown("served_returned") >= 3, True, "returned")


@test("nginx closes while ours is being sent: it is sent to its end")
def closed_meanwhile():
    with Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
        dynamic(client)
        let_rest(nginx.process)
        client.send(request("/huge"))
        eventually(lambda: stat("served_returned") >= 0, "begun")
        time.sleep(0.5)
        nginx.stop()
        response = client.response()
        same((response.body == HUGE, response.is_nginx), (True, False), "huge")
        client.expect_end()
    nginx.start()


@test("a client that does not read ours is reset at its deadline")
def stalled():
    counting = Counting()
    with params(send_timeout=1), \
            Client(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]) as client:
        dynamic(client)
        let_rest(nginx.process)
        client.send(request("/huge"))
        counting.expect(timeout_send=1, connections_aborted=1)
        try:
            raise AssertionError(f"all of it: {client.response()}")
        except (Closed, ConnectionResetError):
            pass


@test("what says that it is the last is the last")
def last():
    with Client() as client:
        static(client)
        same(dynamic(client, "/end").body, b"end", "body")
        client.expect_end()
    with Client() as client:
        static(client)
        dynamic(client, fields="Connection: close\r\n")
        client.expect_end()
    with Client() as client:
        dynamic(client)
        response = client.ask("/small", fields="Connection: close\r\n")
        same((response.body, response.is_nginx), (b"small", True), "last")
        client.expect_end()


def answer_upgrade(listener):
    """A server of an unknown protocol: says in capitals what it hears."""
    sock, _ = listener.accept()
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(4096)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\n"
                 b"Connection: upgrade\r\n\r\n")
    while data := sock.recv(4096):
        sock.sendall(data.upper())
    sock.close()


@test("another protocol on a connection that came back is nginx's")
def upgrade():
    listener = socket.create_server(("127.0.0.1", SHOUTING))
    threading.Thread(target=answer_upgrade, args=[listener], daemon=True).start()
    with Client() as client:
        counting = Counting()
        dynamic(client)
        static(client)
        response = client.ask("/upgrade", fields="Connection: upgrade\r\nUpgrade: shout\r\n")
        same(response.status, 101, "status")
        for word in b"GET / HTTP/1.1\r\n\r\n", b"this":
            client.send(word)
            same(client.take(len(word)), word.upper(), "answer")
        counting.expect(left_upgrade=1)
        client.shut()
        client.expect_end()


@test("HTTP/1.0 with keep-alive")
def old():
    with Client() as client:
        for _ in range(3):
            dynamic(client, version="1.0", fields="Connection: keep-alive\r\n")
            static(client)


@test("urgent data leave the connection to nginx")
def urgent():
    with Client() as client:
        dynamic(client)
        static(client)
        client.sock.send(b"!", socket.MSG_OOB)
        eventually(lambda: stat("left_urgent"), "left_urgent")


@test("a malformed request on a connection that came back is nginx's")
def malformed():
    with Client() as client:
        dynamic(client)
        static(client)
        client.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        same(client.response().status, 400, "status")
        client.expect_end()


@test("return=0 while a connection is lent")
def switched_off():
    with Client() as client:
        dynamic(client)
        static(client)
        with params(**{"return": 0}):
            expect_stays(client, "left_off")
        expect_stays(client, "left_off")


@test("pass_through=1 while a connection is lent")
def passed_through():
    with Client() as client:
        dynamic(client)
        static(client)
        with params(pass_through=1):
            dynamic(client, "/small")
        dynamic(client, "/small")


@test("IPv6")
def ipv6():
    with Client(address="::1") as client:
        for _ in range(3):
            dynamic(client)
            static(client)


@test("half-closed by the client")
def half_closed():
    with Client() as client:
        dynamic(client)
        static(client)
        client.send(request("/small"))
        client.shut()
        same(client.response().body, b"small", "static")
        client.expect_end()
    with Client() as client:
        dynamic(client)
        client.send(request("/dynamic"))
        client.shut()
        same(client.response().is_nginx, True, "dynamic")
        client.expect_end()


@test("nothing is left")
def nothing_left():
    no_connection_left()
    same(stat("left_lost"), 0, "left_lost")
    same(stat("connections_aborted"), 1, "aborted: the one that stalled")
    same(stat("invariants_broken"), 0, "invariants_broken")


LARGE = bytes_of(1_000_000)
HUGE = bytes_of(8_000_000, seed=2)
write("small", "small")
write("large", LARGE)
write("huge", HUGE)
os.mkdir(f"{TOP}/bare")
for name, data in ("large", LARGE), ("text", b"text " * 1000):
    with open(f"{TOP}/bare/{name}", "wb") as out:
        out.write(data)
os.mkdir(f"{TOP}/upload")
os.chmod(f"{TOP}/upload", 0o777)
with open(SCRIPT, "w", encoding="ascii") as script:
    script.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
                 f"[ \"$QUERY_STRING\" = large ] && exec cat {TOP}/bare/large\n"
                 "echo \"made of $QUERY_STRING\"\n")
os.chmod(SCRIPT, 0o755)
start("fcgiwrap", "-s", f"unix:{SOCKET}")
eventually(lambda: os.path.exists(SOCKET), "fcgiwrap")
os.chmod(SOCKET, 0o777)
nginx = Nginx(listen=f"listen {BACKEND}; listen [::]:{BACKEND};", locations=LOCATIONS, http=HTTP)
load(address="0.0.0.0,::", **{"return": 1})
run_tests()
