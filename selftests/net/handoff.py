#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""What is not a plain hit is nginx's: unread, with the client's own address."""

import os
import random
import socket
import ssl
import subprocess
import threading

from lib import (BACKEND, PORT, PATIENCE, TOP, Client, Counting, Nginx, bytes_of, eventually,
                 get, load, no_connection_left, param, params, request, run_tests,
                 same, start, stat, test, write)

ECHO_PORT = 8082
NOISE_PORT = 8083
SOCKET = f"{TOP}/fcgi.sock"
SCRIPT = f"{TOP}/page.cgi"

LOCATIONS = f"""
location /upgrade {{
    proxy_pass http://127.0.0.1:{ECHO_PORT};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
}}
location /cgi {{
    fastcgi_pass unix:{SOCKET};
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME {SCRIPT};
}}
"""


def upload(client, name, body, fields="", behind=b""):
    client.send(request(f"/upload/{name}", "PUT",
                        f"Content-Length: {len(body)}\r\n{fields}"))
    client.send(body + behind)


def uploaded(name):
    with open(f"{TOP}/upload/{name}", "rb") as got:
        return got.read()


def expect_dynamic(client, response, arguments=""):
    same(response.status, 200, "status")
    same(response.body, f"GET {client.name()} {arguments}\n".encode(), "body")


@test("the first request: nginx sees who asks")
def first():
    counting = Counting()
    with params(**{"return": 0}), Client() as client:
        expect_dynamic(client, client.ask("/dynamic"))
        expect_dynamic(client, client.ask("/dynamic?again"), "again")
        # $server_port is that of the socket's own end.
        line = f'{client.name()} {PORT} "GET /dynamic HTTP/1.1" 200'
        eventually(lambda: line in nginx.log(), line)
    counting.expect(handed_over=1, handed_over_not_found=1,
                    connections_handed_over=1, requests=1, served=0)


@test("after static ones on the same connection")
def after_static():
    counting = Counting()
    with params(**{"return": 0}), Client() as client:
        for target in ("/small", "/large", "/small"):
            same(client.ask(target).is_nginx, False, "by nginx")
        expect_dynamic(client, client.ask("/dynamic"))
        # From here on the connection is nginx's.
        response = client.ask("/large")
        same((response.is_nginx, response.body == LARGE), (True, True), "large")
    counting.expect(served=3, handed_over=1)


@test("pipelined behind static ones, large too")
def pipelined():
    with Client() as client:
        client.send(request("/small") + request("/large") + request("/dynamic") +
                    request("/small"))
        same(client.response().body, b"small", "small")
        same(client.response().body == LARGE, True, "large")
        expect_dynamic(client, client.response())
        response = client.response()
        same((response.is_nginx, response.body), (True, b"small"), "behind")


@test("a small body, with a request behind it")
def small_body():
    counting = Counting()
    with Client() as client:
        upload(client, "small", b"hello", behind=request("/dynamic"))
        same(client.response().status, 201, "PUT")
        expect_dynamic(client, client.response())
    same(uploaded("small"), b"hello", "what arrived")
    counting.expect(handed_over=1, handed_over_body=1)


@test("a body of 1 MB")
def large_body():
    with Client() as client:
        upload(client, "large", LARGE)
        same(client.response().status, 201, "PUT")
    same(uploaded("large") == LARGE, True, "what arrived")


@test("a body of 1 MB behind a static request, in small pieces")
def large_body_later():
    with Client() as client:
        same(client.ask("/small").body, b"small", "static")
        client.send(request("/upload/later", "PUT",
                            f"Content-Length: {len(LARGE)}\r\n"))
        for at in range(0, len(LARGE), 7777):
            client.send(LARGE[at:at + 7777])
        same(client.response().status, 201, "PUT")
    same(uploaded("later") == LARGE, True, "what arrived")


@test("a chunked body")
def chunked_body():
    with Client() as client:
        client.send(request("/upload/chunked", "PUT",
                            "Transfer-Encoding: chunked\r\n"))
        client.send(b"5\r\nhello\r\n0\r\n\r\n")
        same(client.response().status, 201, "PUT")
    same(uploaded("chunked"), b"hello", "what arrived")


@test("Expect: 100-continue: nginx says go on")
def expect_continue():
    with Client() as client:
        client.send(request("/upload/expected", "PUT",
                            "Content-Length: 5\r\nExpect: 100-continue\r\n"))
        same(client.response().status, 100, "first")
        client.send("hello")
        same(client.response().status, 201, "then")
    counting = Counting()
    with Client() as client:
        same(client.ask("/small", fields="Expect: 100-continue\r\n").status, 100,
             "GET")
        same(client.response().body, b"small", "GET")
    counting.expect(handed_over_expect=1)


@test("other methods, also on files")
def methods():
    for method in "POST", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW":
        counting = Counting()
        response = get("/small", method=method)
        same(response.is_nginx, True, method)
        same(response.status, 405, method)
        counting.expect(handed_over_method=1)


@test("more than 64 ranges")
def ranges():
    counting = Counting()
    for count in 64, 65:
        asked = ",".join(f"{n * 9}-{n * 9}" for n in range(count))
        response = get("/large", fields=f"Range: bytes={asked}\r\n")
        same((response.status, response.is_nginx), (206, count > 64), f"{count}")
    counting.expect(handed_over_range=1, handed_over=1, partial=1)


@test("query=handover: with a query to nginx, without to sluice")
def query():
    same(get("/small?x").is_nginx, False, "query=serve")
    param("query", "handover")
    counting = Counting()
    same(get("/small?x").is_nginx, True, "with a query")
    same(get("/small").is_nginx, False, "without")
    counting.expect(handed_over_query=1, served=1)
    param("query", "serve")
    same(get("/small?x").is_nginx, False, "query=serve again")


@test("unknown files, directories without index, escaped slashes")
def not_ours():
    for target, status, key in (
            ("/nothing", 404, "not_found"), ("/small/", 404, "not_found"),
            ("/small/x", 404, "not_found"), ("/bare/", 403, "directory"),
            ("/bare%2Fx", 404, "target"), ("ftp://x/small", 200, "target")):
        counting = Counting()
        response = get(target)
        same((response.is_nginx, response.status), (True, status), target)
        counting.expect(**{f"handed_over_{key}": 1, "handed_over": 1})


@test("urgent data")
def urgent():
    with Client() as client:
        counting = Counting()
        client.sock.send(b"!", socket.MSG_OOB)
        counting.expect(handed_over_urgent=1)
        client.send(request("/small"))
        same(client.response().is_nginx, True, "by nginx")


@test("malformed requests, and bytes that are no HTTP")
def malformed():
    for data in (b"GET /small HTTP/1.1\r\n\r\n", b"get /small HTTP/1.1\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
                 b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"SSH-2.0-client\r\n\r\n"):
        counting = Counting()
        with Client() as client:
            client.send(data)
            same(client.response().is_nginx, True, repr(data[:30]))
        counting.expect(handed_over_malformed=1, errors=0)


def client_hello():
    """What a browser says first to a port that it takes for HTTPS."""
    said, heard = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(heard, said, server_hostname="x.example")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return said.read()


def noise():
    """What is no HTTP/1: protocols that come to port 80, and bytes at random."""
    yield from (client_hello(),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5),
                b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(4) + b"\x05\x14" + bytes(40),
                b"\r\n\r\n\x0d\n\0GET",			# empty lines, then none
                b"\x03\0\0\x13\x0e\xe0" + bytes(13),		# RDP
                b"\0\0\0\x54\xffSMBr" + bytes(75),
                b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c" + bytes(12),	# PROXY, version 2
                b"*1\r\n$4\r\nPING\r\n", b"\xff\xfb\x1f\xff\xfb\x20",
                b"stats\r\nquit\r\n", b"EHLO x\r\n", bytes(5000), b"\x80")
    rng = random.Random(1)
    for _ in range(20):
        # The first byte says that it is not a method.
        yield bytes([rng.randrange(128, 256)]) + rng.randbytes(rng.randrange(3000))


def take(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(65536)
        same(more != b"", True, f"more after {len(data)} of {size} bytes")
        data += more
    return data


@test("TLS, HTTP/2, SSH and noise: whole, in whatever pieces, and then both ways")
def noises():
    with socket.create_server(("", NOISE_PORT)) as listener:
        listener.settimeout(PATIENCE)
        with params(backend_port=NOISE_PORT):
            for data in noise():
                for before, cut in (b"", None), (b"small", 1), (b"", len(data) // 2):
                    expect_whole(listener, data, before, cut)


def expect_whole(listener, data, before, cut):
    """Behind a static request, or as the first; in two pieces, or in one."""
    counting = Counting()
    with Client() as client:
        if before:
            same(client.ask("/small").body, before, "static")
        if cut:
            client.send(data[:cut])
            eventually(lambda: not client.unacknowledged(), "the first piece")
        client.send(data[cut or 0:])
        accepted, peer = listener.accept()
        accepted.settimeout(PATIENCE)
        with accepted:
            same(peer, client.sock.getsockname(), "whose")
            same(take(accepted, len(data)), data, "what arrives")
            accepted.sendall(b"\x15\x03")
            same(client.take(2), b"\x15\x03", "back")
            client.send(b"\x16\0")
            same(take(accepted, 2), b"\x16\0", "and there")
    counting.expect(handed_over=1, errors=0)


@test("TLS, HTTP/2, SSH and noise, and nobody behind: refused, and closed")
def noises_alone():
    for data in noise():
        with params(standalone=1), Client() as client:
            counting = Counting()
            client.send(data)
            response = client.response()
            same(response.status in (400, 501, 505), True, f"{data[:20]}: {response}")
            client.expect_end()
            counting.expect(handed_over=0, errors=1, served=0)


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


@test("Upgrade: nginx's, both ways, after static ones")
def upgrade():
    listener = socket.create_server(("127.0.0.1", ECHO_PORT))
    threading.Thread(target=answer_upgrade, args=[listener], daemon=True).start()
    counting = Counting()
    with Client() as client:
        same(client.ask("/small").body, b"small", "static")
        response = client.ask("/upgrade",
                              fields="Connection: upgrade\r\nUpgrade: shout\r\n")
        same((response.status, response["upgrade"]), (101, "shout"), "upgrade")
        for word in b"hear", b"this":
            client.send(word)
            same(client.take(4), word.upper(), "answer")
        client.shut()
        client.expect_end()
    counting.expect(handed_over_upgrade=1)


@test("a file asked for with Upgrade")
def upgrade_file():
    counting = Counting()
    response = get("/small", fields="Connection: upgrade\r\nUpgrade: h2c\r\n")
    same((response.is_nginx, response.body), (True, b"small"), "file")
    counting.expect(handed_over_upgrade=1)


@test("a FastCGI page, with a body, after a static one")
def fastcgi():
    with open(SCRIPT, "w") as script:
        script.write("#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
                     "echo $REQUEST_METHOD $QUERY_STRING $REMOTE_ADDR:$REMOTE_PORT\n"
                     "cat\n")
    os.chmod(SCRIPT, 0o755)
    start("fcgiwrap", "-s", f"unix:{SOCKET}")
    eventually(lambda: os.path.exists(SOCKET), SOCKET)
    os.chmod(SOCKET, 0o777)
    with Client() as client:
        same(client.ask("/small").body, b"small", "static")
        client.send(request("/cgi?a=b", "POST", "Content-Length: 5\r\n") + b"hello")
        response = client.response()
        same(response.status, 200, "status")
        same(response.body, f"POST a=b {client.name()}\nhello".encode(), "page")


@test("many at once")
def many():
    clients = [Client() for _ in range(200)]
    for client in clients:
        client.send(request("/small"))
    for client in clients:
        same(client.response().body, b"small", "static")
        client.send(request("/dynamic"))
    for client in clients:
        expect_dynamic(client, client.response())
        client.close()


@test("nothing is left of connections that are nginx's")
def nothing_left():
    no_connection_left()
    same(stat("connections_aborted"), 0, "aborted")


@test("the HTTP/2 preface, for an nginx that speaks it")
def http2():
    nginx.stop()
    Nginx(listen=f"listen {BACKEND} http2;")
    counting = Counting()
    page = subprocess.run(["curl", "-s", "-m", "100", "--http2-prior-knowledge",
                           "-w", "%{http_version}", f"http://127.0.0.1:{PORT}/dynamic"],
                          capture_output=True, text=True, check=True).stdout
    same(page.startswith("GET 127.0.0.1:"), True, page)
    same(page.endswith("\n2"), True, page)
    counting.expect(handed_over=1, handed_over_upgrade=1)


LARGE = bytes_of(1_000_000)
write("small", "small")
write("large", LARGE)
os.mkdir(f"{TOP}/www/bare")
os.mkdir(f"{TOP}/upload")
os.chmod(f"{TOP}/upload", 0o777)
nginx = Nginx(locations=LOCATIONS)
load()
run_tests()
