#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
/proc/net/sluice/types: which file is of which type, and how long it is fresh.

A table is replaced as a whole, or not at all; the next request goes by it.
"""

import errno
import os
import re
import subprocess
from email.utils import parsedate_to_datetime

from lib import (HERE, TOP, WWW, Client, load, new_messages, nothing_left, params, run,
                 run_tests, same, start, test, types, types_of_nginx, unload, write)

TABLE = "/proc/net/sluice/types"
TOOL = f"{HERE}/../../tools/sluice-types"


def ours(client, target, status=200, **more):
    response = client.ask(target, **more)
    same(response.status, status, f"{target} {more}")
    return response


def type_of(client, name):
    return ours(client, f"/{name}")["content-type"]


@test("nginx's own table, through tools/sluice-types")
def from_nginx():
    text = run(TOOL)
    same(text.endswith("\nend\n"), True, "its last line")
    table = {}
    with open("/etc/nginx/mime.types") as lines:
        for kind, words in re.findall(r"^\s+(\S+/\S+)\s+([^;]+);", lines.read(), re.M):
            table.update({word: kind for word in words.split()})
    same(len(table) > 80, True, "enough of them")
    run("sh", "-c", f"{TOOL} > {TABLE}")
    with Client() as client:
        with params(dynamic_suffix=""):
            for word, kind in table.items():
                write(f"types/x.{word}", "x")
                same(type_of(client, f"types/x.{word}"), kind, word)
    with open(TABLE) as lines:
        shown = lines.read()
    same(sorted(shown.split()), sorted(text.split()), "read back")
    # Another file, and one that is not there.
    with open(f"{TOP}/mime.types", "w") as out:
        out.write("types {\n  text/x-one one uno; # a comment\n  text/x-two\ttwo;\n}\n")
    same(run(TOOL, f"{TOP}/mime.types"),
         "text/x-one one uno\ntext/x-two two\napplication/octet-stream *\nend\n", "another")
    for text in "types { text/plain txt; no-type x; }", None:
        if text:
            with open(f"{TOP}/mime.types", "w") as out:
                out.write(text)
        else:
            os.unlink(f"{TOP}/mime.types")
        failed = subprocess.run([TOOL, f"{TOP}/mime.types"], capture_output=True, text=True)
        same((failed.returncode, "end" in failed.stdout, f"{TOP}/mime.types" in failed.stderr),
             (1, False, True), "what is no table")


@test("replaced whole, while a connection is used; what is read can be written")
def replaced():
    for name in "x.foo", "x.bar", "x.txt", "x.FOO", "x", "x.":
        write(name, "x")
    with Client() as client:
        types("text/x-foo foo\ntext/plain txt\n")
        same(type_of(client, "x.foo"), "text/x-foo", "foo")
        same(type_of(client, "x.FOO"), "text/x-foo", "FOO")
        same(type_of(client, "x.bar"), "application/octet-stream", "bar")
        types("text/x-bar bar foo\nimage/x-any *\n")
        same(type_of(client, "x.foo"), "text/x-bar", "foo")
        for name in "x.bar", "x.foo":
            same(type_of(client, name), "text/x-bar", name)
        for name in "x.txt", "x", "x.":
            same(type_of(client, name), "image/x-any", name)
        types("")
        same(type_of(client, "x.foo"), "application/octet-stream", "an empty table")
        types("text/x-foo foo\n")
        with open(TABLE) as lines:
            shown = lines.read()
        same(shown, "text/x-foo foo\nend\n", "read back")
        types("")
        with open(TABLE, "w") as out:
            out.write(shown)
        same(type_of(client, "x.foo"), "text/x-foo", "written back")


@test("in many writes, nothing until the end; given up, nothing at all")
def in_pieces():
    text = "".join(f"text/x-{n} e{n}\n" for n in range(1000)) + "text/x-foo foo\nend\n"
    types("text/x-old foo\n")
    with Client() as client:
        for size in 1, 7, 4096:
            types("text/x-old foo\n")
            table = os.open(TABLE, os.O_WRONLY)
            pieces = [text[at:at + size] for at in range(0, len(text), size)]
            if size == 1:
                pieces = list("text/x-foo foo\nend\n")
            for piece in pieces[:-1]:
                os.write(table, piece.encode())
            same(type_of(client, "x.foo"), "text/x-old", "not yet")
            os.write(table, pieces[-1].encode())
            same(type_of(client, "x.foo"), "text/x-foo", "now")
            os.close(table)
        table = os.open(TABLE, os.O_WRONLY)
        os.write(table, b"text/x-given-up foo\n")
        os.close(table)
        same(type_of(client, "x.foo"), "text/x-foo", "given up")
        # Two at a time.
        one, two = (os.open(TABLE, os.O_WRONLY) for _ in range(2))
        os.write(one, b"text/x-one foo\n")
        os.write(two, b"text/x-two foo\nend\n")
        same(type_of(client, "x.foo"), "text/x-two", "two")
        os.write(one, b"end\n")
        same(type_of(client, "x.foo"), "text/x-one", "one")
        os.close(one)
        os.close(two)


@test("refused as a whole, with the line in the kernel log")
def refused():
    types("text/x-old foo\n")
    wrong = []
    with Client() as client:
        for text, line in (("foo\n", 1), ("text/x-new foo\ntext plain\n", 2),
                           ("text/x-new foo\n\n/x bar\n", 3), ("text/x foo;\n", 1),
                           ("text/x; charset=x foo\n", 1), ("text/x .foo\n", 1),
                           ("text/x foo\ntext/y foo\n", 2), ("text/x FOO foo\n", 1),
                           ("text/x expires=x foo\n", 1), ("text/x expires=-1 foo\n", 1),
                           ("text/x expires=99999999999 foo\n", 1), ("te(xt/x foo\n", 1),
                           ("text/x " + "e" * 33 + "\n", 1), ("text/x a/b\n", 1),
                           ("text/\x01 foo\n", 1), ("text/x foo\r\n", 1),
                           ("text/x\0 foo\n", 1), ("text/x \xe4\n", 1),
                           ("end\ntext/x foo\n", 1)):
            new_messages()
            try:
                types(text)
                said = "accepted"
                types("text/x-old foo\n")	# before somebody asks
            except OSError as reason:
                said = f"{errno.errorcode[reason.errno]}: {new_messages()}"
            if not said.startswith("EINVAL: ") or f"line {line}:" not in said:
                wrong.append(f"{text!r}: {said}")
            same(type_of(client, "x.foo"), "text/x-old", repr(text))
        same(wrong, [], "refused as line 1 to 3")
        for text in "x" * 100_000, "text/x " + "e " * 70_000:
            try:
                types(text)
                raise AssertionError("a very long one was accepted")
            except OSError as reason:
                same(reason.errno in (errno.EFBIG, errno.E2BIG, errno.EINVAL), True, reason)
        same(type_of(client, "x.foo"), "text/x-old", "very long")
    mode = os.stat(TABLE).st_mode & 0o777
    same(oct(mode), oct(0o644), "only root writes")


@test("expires=: Expires and max-age, instead of cache_control")
def expires():
    write("x.foo", "x")
    write("x.bar", "x")
    types("text/x-foo expires=3600 foo\ntext/x-bar bar\ntext/x-now expires=0 txt\n"
          "text/x-max expires=2147483647 max\n")
    write("x.max", "x")
    with params(cache_control="no-cache"), Client() as client:
        for name, age in ("x.foo", 3600), ("a.txt", 0), ("x.max", 2 ** 31 - 1):
            tag = client.ask(f"/{name}")["etag"]
            for fields, status in (("", 200), (f"If-None-Match: {tag}\r\n", 304),
                                   ("Range: bytes=0-0\r\n", 206)):
                response = ours(client, f"/{name}", status, fields=fields)
                same(response["cache-control"], f"max-age={age}", f"{status} {name}")
                same(seconds(response["expires"]) - seconds(response["date"]), age, name)
                same([value for name, value in response.lines if name == "Cache-Control"],
                     [f"max-age={age}"], "once")
        response = ours(client, "/x.bar")
        same((response["cache-control"], response["expires"]), ("no-cache", None), "bar")
    types(types_of_nginx())


def seconds(date):
    return int(parsedate_to_datetime(date).timestamp())


# What whoever runs it may write to.
WRITABLE = ("for file in /proc/net/sluice/* /sys/module/sluice/parameters/*; do "
            "(printf x >>$file) 2>/dev/null && echo $file; done; echo end")


@test("root alone writes, also in a network namespace whose root is somebody else")
def whose():
    unload()
    # In two steps: a network namespace is his whose users are known when it is made.
    other = start("unshare", "-Ur", "unshare", "-n", "sh", "-c",
                  f"echo there; read go; {WRITABLE}", stdin=subprocess.PIPE,
                  stdout=subprocess.PIPE, text=True, user=1000, group=1000)
    same(other.stdout.readline(), "there\n", "a namespace of his own")
    inside = "nsenter", f"--net=/proc/{other.pid}/ns/net"
    try:
        run(*inside, "insmod", os.environ["SLUICE_KO"], f"docroot={WWW}", "standalone=1")
        run(*inside, "sh", "-c", f"printf 'text/x-foo foo\nend\n' >{TABLE}")
        same(run(*inside, "cat", TABLE), "text/x-foo foo\nend\n", "by root")
        same(other.communicate("go\n")[0], "end\n", "what he may write")
    finally:
        unload()
        load(standalone=1)


test("nothing is left")(nothing_left)
write("a.txt", "a text")
load(standalone=1)
run_tests()
