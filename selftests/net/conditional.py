#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""What did not change is not sent again."""

from lib import Client, Counting, load, run_tests, same, test, write

MTIME = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
ETAG = '"%x-%x"' % (MTIME, 5)
LATER = "Mon, 07 Nov 1994 08:49:37 GMT"
EARLIER = "Sat, 05 Nov 1994 08:49:37 GMT"


def expect(status, *fields, method="GET"):
    with Client() as client:
        response = client.ask("/a.txt", method,
                              "".join(f"{field}\r\n" for field in fields))
        same(response.status, status, repr(fields))
        if status == 304:
            same(response["etag"], ETAG, "ETag")
            same(response["last-modified"], DATE, "Last-Modified")
            same(response["content-type"], None, "Content-Type")
            same(response["content-length"], None, "Content-Length")
        # Nothing is left over, and the connection is in step.
        response = client.ask("/a.txt")
        same((response.status, response.body), (200, b"five\n"), "next")


@test("If-None-Match: the entity tag, weak, in a list, any")
def none_match():
    for value in (ETAG, f"W/{ETAG}", f'"x", {ETAG}', f'"x",{ETAG} , "y"', "*"):
        expect(304, f"If-None-Match: {value}")


@test("If-None-Match: another one")
def none_match_other():
    for value in ('"x"', '"x", "y"', ETAG[1:-1], ETAG.replace("-", "+")):
        expect(200, f"If-None-Match: {value}")


@test("If-Modified-Since: not since then, in all three forms of a date")
def modified_since():
    for value in (DATE, LATER, "Sunday, 06-Nov-94 08:49:37 GMT",
                  "Sun Nov  6 08:49:37 1994"):
        expect(304, f"If-Modified-Since: {value}")


@test("If-Modified-Since: earlier, and what is no date")
def modified_since_other():
    for value in (EARLIER, "yesterday", "", "Sun, 06 Nov 1994 08:49:37"):
        expect(200, f"If-Modified-Since: {value}")


@test("If-None-Match is stronger than If-Modified-Since")
def both():
    expect(200, 'If-None-Match: "x"', f"If-Modified-Since: {DATE}")
    expect(304, f"If-None-Match: {ETAG}", f"If-Modified-Since: {EARLIER}")


@test("If-Match and If-Unmodified-Since that fail: 412")
def failed():
    expect(412, 'If-Match: "x"')
    expect(412, f"If-Match: W/{ETAG}")
    expect(412, f"If-Unmodified-Since: {EARLIER}")
    expect(200, f"If-Match: {ETAG}", f"If-Unmodified-Since: {EARLIER}")
    expect(200, "If-Match: *")


@test("HEAD: the same")
def head():
    expect(304, f"If-None-Match: {ETAG}", method="HEAD")


@test("counted")
def counted():
    counting = Counting()
    expect(304, f"If-None-Match: {ETAG}")
    counting.expect(requests=2, not_modified=1, served=1)


write("a.txt", "five\n", mtime=MTIME)
load(standalone=1)
run_tests()
