#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""vhosts=1: docroot/<host>/ is the root of each host, and nothing above it."""

import errno
import os

from lib import (TOP, WWW, Client, Counting, Nginx, all_params, load,
                 nothing_left, param,
                 param_refused, params, restore_params, run_tests, same, test, write)

ROUNDS = 10


def asked(client, host, target="/a.txt", version="1.1", method="GET", fields=""):
    """@host: a Host field, or None."""
    line = f"Host: {host}\r\n" if host is not None else ""
    client.send(f"{method} {target} HTTP/{version}\r\n{line}{fields}"
                "\r\n".encode("latin-1"))
    return client.response(method == "HEAD")


def ask(host, target="/a.txt", **more):
    with Client() as client:
        return asked(client, host, target, **more)


def expect(host, body, target="/a.txt", **more):
    response = ask(host, target, **more)
    same((response.status, response.body), (200, body.encode()), f"{host} {target}")


@test("each host its own: in any case, with a port, with a dot at the end")
def mapping():
    for host in ("a.example", "A.EXAMPLE", "a.Example", "a.example:80", "a.example:",
                 "a.example:65535", "a.example.", "A.Example.:8080"):
        expect(host, "of a.example")
    for host in "b.example", "B.example.":
        expect(host, "of b.example")
    expect("xn--bcher-kva.example", "of xn--bcher-kva.example")
    expect("under_score", "of under_score")
    expect("127.0.0.1", "of 127.0.0.1")
    expect("127.0.0.1:80", "of 127.0.0.1")
    expect("[::1]:80", "of [::1]")
    expect("default", "of default")


@test("a host without a directory: the default one's")
def unknown():
    for host in ("c.example", "xa.example", "a.example.com", "example", "a", "localhost",
                 "a.example..", "www.a.example", "a-example", "10.0.0.1", "[::2]",
                 # A directory that no host can be folded to.
                 "upper.example", "UPPER.example",
                 # Not a directory.
                 "file.example"):
        response = ask(host)
        same((response.status, response.body) in ((200, b"of default"), (400, BAD)), True,
             f"{host}: {response}")
        if ".." not in host:
            same(response.status, 200, host)


@test("hosts on one connection, each request for itself")
def one_connection():
    with Client() as client:
        for _ in range(ROUNDS):
            for host in "a.example", "b.example", "nobody.example", "a.example":
                name = host if host != "nobody.example" else "default"
                same(asked(client, host).body, f"of {name}".encode(), host)


@test("default_host changed, and none")
def default_host():
    with Client() as client:
        same(asked(client, "c.example").body, b"of default", "default")
        param("default_host", "b.example")
        same(asked(client, "c.example").body, b"of b.example", "b.example")
        same(asked(client, "a.example").body, b"of a.example", "others")
        param("default_host", "missing")
        same(asked(client, "c.example").status, 404, "missing")
        same(asked(client, "a.example").body, b"of a.example", "others")
        param("default_host", "default")
        same(asked(client, "c.example").body, b"of default", "default again")
    for value in "a/b", "..", ".", "/", "../outside", ".hidden", "a\\b", "x" * 300:
        param_refused("default_host", value, errno.EINVAL)


@test("the authority of an absolute target overrides Host")
def absolute():
    for target, host, name in (
            ("http://b.example/a.txt", "a.example", "b.example"),
            ("http://B.Example:80/a.txt", "a.example", "b.example"),
            ("http://b.example./a.txt", "a.example", "b.example"),
            ("HTTP://b.example/a.txt", "nobody", "b.example"),
            ("http://nobody/a.txt", "a.example", "default")):
        response = ask(host, target)
        same(response.body, f"of {name}".encode(), target)
        same(ask(host, target, version="1.0").body, f"of {name}".encode(), "1.0")
    same(ask(None, "http://b.example/a.txt", version="1.0").body, b"of b.example",
         "without Host")
    same(ask("a.example", "http://b.example/dir")["location"], "/dir/", "301")


@test("HTTP/1.0: by Host too, without one the default's")
def version_10():
    expect(None, "of default", version="1.0")
    expect("a.example", "of a.example", version="1.0")
    same(ask(None).status, 400, "1.1 without Host")
    same(ask("a.example", fields="Host: b.example\r\n").status, 400, "two of them")


@test("hosts that are no name of a directory: refused or the default's")
def odd_hosts():
    for host in ("..", ".", "...", "../outside", "a.example/..", "/", "a/b", "a\\b",
                 "%2e%2e", "a.example%2f..", "a%2fexample", ".git", ".a", "a..b", "-", "a b",
                 "a\tb", "\xe4", "x" * 253, "x" * 254, "x" * 300, "x." * 150, "[", "[]",
                 "[::1", "[..]", "[/]", "[::1]x", "a@b", "b@a.example", "a.example:x",
                 "a.example:80:80", "a.example:99999", "", " ", ":80", "*", "'", "~",
                 "a.example,b.example", "a;b"):
        response = ask(host)
        same((response.status, response.body) in ((200, b"of default"), (400, BAD)), True,
             f"{host!r}: {response}")


@test("NUL and other bytes in Host: 400")
def bytes_in_host():
    for host in b"a\0b", b"a.example\0", b"\x01", b"a\x7fb":
        with Client() as client:
            client.send(b"GET /a.txt HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            same(client.response().status, 400, repr(host))


@test("no path leads to another host, or out")
def paths():
    for host in "a.example", "nobody", "default":
        for target in ("/../b.example/a.txt", "/%2e%2e/b.example/a.txt",
                       "/dir/../../b.example/a.txt", "/..", "/../outside"):
            same(ask(host, target).status, 400, f"{host} {target}")
        for target in ("/b.example/a.txt", "/a.example/a.txt", "/outside", "/file.example",
                       "/..%2fb.example/a.txt", "/.%2e%2fa.txt", "/default/a.txt",
                       "//b.example/a.txt", "/\\..\\b.example\\a.txt"):
            same(ask(host, target).status, 404, f"{host} {target}")
    same(ask("a.example", "/a.txt/../../b.example/a.txt").status, 400, "up by a file")


@test("symlinks: of hosts and below them; never out of docroot")
def symlinks():
    os.symlink("a.example", f"{WWW}/alias.example")
    os.symlink("../outside", f"{WWW}/evil.example")
    os.symlink(f"{TOP}/outside", f"{WWW}/absolute.example")
    os.symlink("../../outside/secret", f"{WWW}/a.example/out")
    os.symlink("a.txt", f"{WWW}/a.example/link")
    with Client() as client:
        for _ in range(2):
            same(asked(client, "alias.example").body, b"of a.example", "alias")
            same(asked(client, "a.example", "/link").body, b"of a.example", "link")
            for host in "evil.example", "absolute.example":
                response = asked(client, host, "/secret")
                same(response.status in (403, 404), True, f"{host} {response}")
            same(asked(client, "a.example", "/out").status, 403, "out")
    for name in "alias.example", "evil.example", "absolute.example":
        os.unlink(f"{WWW}/{name}")


@test("redirects and indexes: without the directory of the host")
def redirects():
    for host in "a.example", "b.example", "nobody", None:
        version = "1.1" if host else "1.0"
        response = ask(host, "/dir?x=y", version=version)
        same((response.status, response["location"]), (301, "/dir/?x=y"), f"{host}")
        name = host if host and host != "nobody" else "default"
        same(ask(host, "/dir/", version=version).body, f"index of {name}".encode(), host)
        same(ask(host, "/", version=version).body, f"top of {name}".encode(), host)
    for target, location in ("//dir", "/dir/"), ("/x/../dir", "/dir/"):
        same(ask("a.example", target)["location"], location, target)


@test("what is remembered of one host is not another's")
def cache():
    with Client() as client:
        for n in range(ROUNDS):
            for host in "a.example", "b.example":
                write(f"{host}/changing", f"{n} of {host}")
                for _ in range(2):
                    same(asked(client, host, "/changing").body,
                         f"{n} of {host}".encode(), host)
            os.unlink(f"{WWW}/a.example/changing")
            same(asked(client, "a.example", "/changing").status, 404, "gone")
            same(asked(client, "b.example", "/changing").status, 200, "still there")


@test("a host's directory that comes, goes, and is switched: at once")
def coming():
    with Client() as client:
        for n in range(ROUNDS):
            for _ in range(2):
                same(asked(client, "new.example").body, b"of default", "none yet")
            os.mkdir(f"{WWW}/new.example")
            os.chmod(f"{WWW}/new.example", 0o755)
            for _ in range(2):
                same(asked(client, "new.example").status, 404, "an empty one")
            os.rmdir(f"{WWW}/new.example")
            same(asked(client, "new.example").body, b"of default", "none again")
            os.mkdir(f"{WWW}/new.example")
            os.chmod(f"{WWW}/new.example", 0o755)
            write("new.example/a.txt", f"new {n}")
            same(asked(client, "new.example").body, f"new {n}".encode(), "new")
            os.rename(f"{WWW}/new.example", f"{WWW}/old.example")
            same(asked(client, "new.example").body, b"of default", "renamed")
            same(asked(client, "old.example").body, f"new {n}".encode(), "its new name")
            os.unlink(f"{WWW}/old.example/a.txt")
            os.rmdir(f"{WWW}/old.example")
            os.symlink(("a.example", "b.example")[n % 2], f"{WWW}/next")
            os.rename(f"{WWW}/next", f"{WWW}/switched.example")
            same(asked(client, "switched.example").body,
                 (b"of a.example", b"of b.example")[n % 2], "switched")
    os.unlink(f"{WWW}/switched.example")


@test("vhosts= switched while a connection is used")
def live():
    with Client() as client:
        for _ in range(ROUNDS):
            same(asked(client, "a.example").body, b"of a.example", "on")
            param("vhosts", 0)
            same(asked(client, "a.example").body, b"above all hosts", "off")
            same(asked(client, "a.example", "/b.example/a.txt").body, b"of b.example", "off")
            param("vhosts", 1)
            same(asked(client, "a.example", "/b.example/a.txt").status, 404, "on again")


@test("hide_dot and programs below a host")
def routes():
    write("a.example/.hidden", "hidden")
    write("a.example/x.php", "source")
    same(ask("a.example", "/.hidden").status, 404, "hidden")
    same(ask("a.example", "/x.php").status, 403, "program")
    write("a.example/api/x", "of the api")
    expect("a.example", "of the api", "/api/x")
    with params(dynamic_prefix="/api/"):
        same(ask("a.example", "/api/x").status, 403, "prefix")


@test("page_404 is each host's own")
def page_404():
    with params(page_404="/404.html"):
        for host in "a.example", "b.example":
            response = ask(host, "/none")
            same((response.status, response.body), (404, f"no such page at {host}".encode()),
                 host)


@test("siblings below a host")
def siblings():
    write("a.example/p.txt", "plain")
    write("a.example/p.txt.gz", "packed")
    write("b.example/p.txt", "plain")
    fields = "Accept-Encoding: gzip\r\n"
    same(ask("a.example", "/p.txt", fields=fields).body, b"packed", "with")
    same(ask("b.example", "/p.txt", fields=fields).body, b"plain", "without")


@test("with a backend: what is not there is its, hosts without a root too")
def with_backend():
    nginx = Nginx()
    with params(standalone=0):
        same(ask("a.example").is_nginx, False, "ours")
        same(ask("nobody").is_nginx, False, "the default's")
        same(ask("a.example", "/none").is_nginx, True, "not there")
        with params(default_host="missing"):
            counting = Counting()
            same(ask("nobody").is_nginx, True, "no default")
            same(ask(None, version="1.0").is_nginx, True, "no Host")
            counting.expect(handed_over=2)
    nginx.stop()


test("nothing is left")(nothing_left)
BAD = (b"<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n"
       b"<center><h1>400 Bad Request</h1></center>\r\n<hr><center>sluice</center>\r\n"
       b"</body>\r\n</html>\r\n")
for name in ("default", "a.example", "b.example", "xn--bcher-kva.example", "under_score",
             "127.0.0.1", "[::1]", "UPPER.example", ".git", "a b", "~"):
    write(f"{name}/a.txt", f"of {name}")
    write(f"{name}/index.html", f"top of {name}")
    write(f"{name}/dir/index.html", f"index of {name}")
    write(f"{name}/404.html", f"no such page at {name}")
write("file.example", "a file, no host")
write("a.txt", "above all hosts")
os.mkdir(f"{TOP}/outside")
with open(f"{TOP}/outside/secret", "w") as out:
    out.write("secret")
load(standalone=1, vhosts=1)
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
