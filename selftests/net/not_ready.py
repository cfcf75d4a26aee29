#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Files that are not ready, or not plain: siblings that are being written, or empty; directories
with rules of their own; names that begin with a dot, and the one that is for everybody.
"""

import os

from lib import (WWW, Client, Counting, Nginx, all_params, get, load, nothing_left, param, params,
                 restore_params, run_tests, same, test, write)

MTIME = 1_600_000_000


def coding(client, target, accept="gzip"):
    response = client.ask(target, fields=f"Accept-Encoding: {accept}\r\n")
    same((response.status, response.is_nginx), (200, False), target)
    return response["content-encoding"]


@test("a sibling that is open for writing is not used, and is when it is closed")
def being_written():
    write("w.html", "plain", mtime=MTIME)
    write("w.html.gz", "packed", mtime=MTIME)
    write("w.html.br", "broiled", mtime=MTIME)
    with Client() as client:
        same(coding(client, "/w.html"), "gzip", "before")
        with open(f"{WWW}/w.html.gz", "r+b"):
            same(coding(client, "/w.html"), None, "while it is open")
            same(coding(client, "/w.html", "gzip, br"), "br", "another is")
        same(coding(client, "/w.html"), "gzip", "afterwards")
        with open(f"{WWW}/w.html.gz", "rb"):
            same(coding(client, "/w.html"), "gzip", "open for reading")
    # Found while it is open, from the first request on.
    write("v.html", "plain", mtime=MTIME)
    with open(f"{WWW}/v.html.gz", "wb") as out, Client() as client:
        out.write(b"pack")
        out.flush()
        same(coding(client, "/v.html"), None, "half of it")
        out.write(b"ed")
        out.flush()
        same(coding(client, "/v.html"), None, "all of it")
        out.close()
        same(coding(client, "/v.html"), "gzip", "closed")


@test("a sibling that is empty is not used, unless its file is")
def empty():
    write("e.html", "plain", mtime=MTIME)
    write("e.html.gz", "", mtime=MTIME)
    write("n.html", "", mtime=MTIME)
    write("n.html.gz", "", mtime=MTIME)
    with Client() as client:
        same(coding(client, "/n.html"), "gzip", "both empty")
        same(coding(client, "/e.html"), None, "empty")
        with open(f"{WWW}/e.html.gz", "wb") as out:
            out.write(b"packed")
        os.utime(f"{WWW}/e.html.gz", (MTIME, MTIME))	# it is only larger
        same(coding(client, "/e.html"), "gzip", "not any more")
        os.truncate(f"{WWW}/e.html.gz", 0)
        os.utime(f"{WWW}/e.html.gz", (MTIME, MTIME))
        same(coding(client, "/e.html"), None, "empty again")


def answers(client, *targets):
    return [client.ask(target).is_nginx for target in targets]


@test(".htaccess: what is below is the backend's, from the next request on, and back")
def htaccess():
    targets = ("/h/a/b/file", "/h/a/file", "/h/file", "/h/a/b/", "/h/a/b")
    for where, expected in (("h/a/b", (True, False, False, True, True)),
                            ("h/a", (True, True, False, True, True)),
                            ("h", (True,) * 5), ("", (True,) * 5)):
        path = os.path.join(WWW, where, ".htaccess")
        for create in (lambda: write(os.path.join(where, ".htaccess"), ""),
                       lambda: os.link(f"{WWW}/file", path),
                       lambda: os.symlink("nowhere", path),
                       lambda: os.mkdir(path)):
            for target in targets:
                same(get(target).is_nginx, False, f"before {target}")
            create()
            same(tuple(get(target).is_nginx for target in targets), expected, path)
            # From the cache, too.
            same(tuple(get(target).is_nginx for target in targets), expected, path)
            with params(htaccess=0):
                same(any(get(target).is_nginx for target in targets), False, "htaccess=0")
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            else:
                os.unlink(path)
            same(any(get(target).is_nginx for target in targets), False, f"{path} is gone")


@test(".htaccess: remembered, whether it is there or not; counted; moved along")
def remembered():
    get("/h/a/b/file")
    counting = Counting()
    same(get("/h/a/b/file").is_nginx, False, "none")
    counting.expect(lookups=0, cache_hits=1)
    write("h/.htaccess", "")
    get("/h/a/b/file")
    counting = Counting()
    same(get("/h/a/b/file").is_nginx, True, "there")
    counting.expect(lookups=0, cache_hits_absent=1, handed_over_htaccess=1)
    os.rename(f"{WWW}/h/.htaccess", f"{WWW}/h/a/.htaccess")
    same((get("/h/file").is_nginx, get("/h/a/b/file").is_nginx), (False, True), "moved")
    os.rename(f"{WWW}/h/a", f"{WWW}/h/moved")
    same(get("/h/moved/file").is_nginx, True, "moved with its directory")
    os.rename(f"{WWW}/h/moved", f"{WWW}/h/a")
    os.rename(f"{WWW}/h/a/.htaccess", f"{WWW}/h/a/htaccess")
    same(get("/h/a/b/file").is_nginx, False, "renamed")
    os.unlink(f"{WWW}/h/a/htaccess")
    nothing_left()


@test(".htaccess: on the way through a symlink, and with standalone=1")
def elsewhere():
    os.symlink("h/a", f"{WWW}/link")
    same(get("/link/file").is_nginx, False, "none")
    write("h/a/.htaccess", "")
    same(get("/link/file").is_nginx, True, "behind the link")
    with params(standalone=1):
        same(get("/h/a/file").status, 403, "standalone")
    os.unlink(f"{WWW}/h/a/.htaccess")
    os.unlink(f"{WWW}/link")
    nothing_left()


@test("/.well-known/ is served, and no other name that begins with a dot")
def well_known():
    for target, is_nginx in (
            ("/.well-known/security.txt", False), ("/.well-known/a/token", False),
            ("/.well-known/.secret", True), ("/.well-known/a/.secret", True),
            ("/h/.well-known/x", True), ("/.well-knownx/x", True), ("/.git/x", True),
            ("/.Well-Known/x", True), ("/.well-known/none", True)):
        same(get(target).is_nginx, is_nginx, target)


for name in ("h/a/b/file", "h/a/file", "h/file", "file", "h/a/b/index.html",
             ".well-known/security.txt", ".well-known/a/token", ".well-known/.secret",
             ".well-known/a/.secret", "h/.well-known/x", ".well-knownx/x", ".git/x",
             ".Well-Known/x"):
    write(name, "content")
Nginx()
load()
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
