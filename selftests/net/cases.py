# SPDX-License-Identifier: GPL-2.0
"""
What differential.py asks: the docroot, and requests in groups.

A case is named "GROUP: NAME"; names say what is special about the request.
"""

import itertools
import os
from email.utils import formatdate

from lib import TOP, WWW, bytes_of, write
from vectors import read_vectors

MTIME = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sat, 05 Nov 1994 08:49:37 GMT"
LATER = "Mon, 07 Nov 1994 08:49:37 GMT"
ETAG = '"%x-%x"' % (MTIME, 1000)


def make_docroot():
    for name, data in (
            ("index.html", "<p>index"), ("a.txt", "a text\n"), ("empty.txt", ""),
            ("one.bin", "1"), ("1000.bin", bytes_of(1000)),
            ("5000.bin", bytes_of(5000)), ("100000.bin", bytes_of(100_000)),
            ("page.html", "<p>page"), ("plain", "no type"), ("a.tar.gz", "gz"),
            ("UPPER.HTML", "upper"), ("style.css", "p {}"), ("code.js", "1;"),
            ("404.html", "<p>our own page\n"),
            ("dir/index.html", "index of dir"), ("dir/file.txt", "in dir"),
            ("dir/sub/x.txt", "in sub"), ("bare/x.txt", "in bare"),
            ("a dir/x.txt", "in a dir"), ("a b.txt", "space"),
            ("100%.txt", "percent"), ("a+b.txt", "plus"), ("gr\u00fcn.txt", "utf-8"),
            ("a\\b.txt", "backslash"), ("a?b.txt", "mark"), ("a;b=c.txt", "semi"),
            ("~user/x.txt", "tilde"), ("a#b.txt", "hash"), ("%41.txt", "escape"),
            ("n" * 255, "long"), ("...", "three dots"), (".hidden", "hidden"),
            (".dir/x.txt", "in a hidden directory"),
            ("q\"uote.txt", "quote"), ("a<b>.txt", "brackets"),
            ("grün dir/index.html", "index"), ("100%/index.html", "index"),
            ("qm?/index.html", "index"), ("gz/only.txt.gz", "only the sibling"),
            ("gz/none.txt", "no sibling at all\n"),
            ("gz/text.txt", "with a sibling\n" * 20),
            ("gz/text.txt.gz", gz_data()), ("gz/page.html", "with a sibling"),
            ("gz/page.html.gz", bytes_of(5000)), ("gz/empty.txt", "base"),
            ("gz/empty.txt.gz", ""), ("gz/index.html", "index"),
            ("gz/index.html.gz", bytes_of(33)), ("closed.txt", "secret"),
            ("closed/file.txt", "secret"), ("script.php", "source"),
            ("program", "binary"), ("real/file", "real")):
        write(name, data, mtime=MTIME)
    for name in os.listdir(f"{WWW}/gz"):
        if name.endswith(".gz"):
            os.utime(f"{WWW}/gz/{name}", (MTIME + 10, MTIME + 10))
    write("gz/stale.txt", "newer than its sibling", mtime=MTIME)
    write("gz/stale.txt.gz", "stale", mtime=MTIME - 10)
    write("old.txt", "old", mtime=1)
    write("epoch.txt", "epoch", mtime=0)
    write("future.txt", "future", mtime=4000000000)
    os.mkdir(f"{WWW}/nothing")
    os.chmod(f"{WWW}/closed.txt", 0o600)
    os.chmod(f"{WWW}/closed", 0o700)
    os.chmod(f"{WWW}/program", 0o755)
    os.mkfifo(f"{WWW}/fifo")
    os.chmod(f"{WWW}/fifo", 0o666)
    for name, target in (("link", "real/file"), ("dirlink", "real"),
                         ("dangling", "nowhere"), ("loop", "loop"),
                         ("out", "../outside")):
        os.symlink(target, f"{WWW}/{name}")
    with open(f"{TOP}/outside", "w") as outside:
        outside.write("outside")
    # Docroots by host, for vhosts=1.
    for host in "default", "a.example", "b.example":
        os.makedirs(f"{TOP}/hosts/{host}/dir")
        with open(f"{TOP}/hosts/{host}/a.txt", "w") as page:
            page.write(f"of {host}")
        os.utime(f"{TOP}/hosts/{host}/a.txt", (MTIME, MTIME))


class Case:
    """
    One or more requests, as bytes.  @alone: on a connection of its own, that
    the client shuts, so that all that comes, and the end, is the answer.
    """

    def __init__(self, group, name, data, alone):
        self.name = f"{group}: {name}"
        self.group = group
        self.data = data
        self.head_only = data.startswith(b"HEAD ")
        self.alone = alone



def ask(target, fields="", method="GET", version="1.1", host="localhost"):
    head = f"{method} {target} HTTP/{version}\r\n"
    if host is not None:
        head += f"Host: {host}\r\n"
    return (head + "".join(f"{line}\r\n" for line in fields.split("\n") if line) +
            "\r\n").encode("latin-1")


def show(fields):
    """Fields as they appear in names."""
    return fields.replace("\n", " + ") or "no fields"


def field_of(case, name):
    return f"\r\n{name}:".encode() in case.data


def verdict_of(case):
    status, _ = VECTORS[case.name].error
    return status


def gz_data():
    return bytes_of(77)


# --- groups -----------------------------------------------------------------------

def methods():
    for method, target in itertools.product(
            ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
             "BREW", "PROPFIND", "MKCOL", "get", "Head"),
            ("/a.txt", "/", "/dir", "/none", "/nothing/")):
        yield f"{method} {target}", ask(target, method=method)
    for method, target in (("OPTIONS", "*"), ("GET", "*"), ("HEAD", "*"),
                           ("CONNECT", "localhost:80"), ("CONNECT", "/a.txt"),
                           ("GET", "localhost:80")):
        yield f"{method} {target}", ask(target, method=method)


def targets():
    names = """
        / /a.txt /page.html /plain /UPPER.HTML /upper.html /a.tar.gz /style.css
        /code.js /empty.txt /one.bin /1000.bin /5000.bin /100000.bin
        /a%20b.txt /100%25.txt /a+b.txt /a%2Bb.txt /a%2bb.txt /gr%C3%BCn.txt
        /gr%c3%bcn.txt /a\\b.txt /a%5Cb.txt /a%3Fb.txt /a%23b.txt /a;b=c.txt
        /a%3Bb%3Dc.txt /~user/x.txt /%7Euser/x.txt /%2541.txt /%41.txt
        /%61.txt /%61%2e%74%78%74 /a.t%78t /q"uote.txt /q%22uote.txt /a<b>.txt
        /a%3Cb%3E.txt /A.TXT
        //a.txt ///a.txt /dir//file.txt //dir//file.txt /dir///file.txt
        /./a.txt /././a.txt /dir/../a.txt /dir/./file.txt /dir/sub/../file.txt
        /dir/sub/../../a.txt /x/../a.txt /dir/.. /dir/../ /dir/sub/.. /dir/.
        /. /./ /%2e/a.txt /dir/%2e%2e/a.txt /dir/%2E%2E/a.txt /dir/.%2e/a.txt
        /dir//../a.txt /dir/..//a.txt /.. /../ /../a.txt /dir/../../a.txt
        /%2e%2e/a.txt /..%2fa.txt /... /.../ /..a /a.. /dir/... /dir/..x/../file.txt
        /.hidden /.dir/x.txt /%2ehidden /dir/../.hidden
        /a.txt? /a.txt?x /a.txt?x=y&z /a.txt?? /a.txt?a?b /a.txt?%zz /a.txt?%
        /a.txt?/../x /a.txt?x/../y /a.txt?x#y /?x /dir/?x /dir?x /none?x
        /a.txt#frag /#frag /a.txt#
        /a.txt/ /a.txt// /a.txt/x /a.txt/. /a.txt/.. /a.txt/../a.txt
        /none /none/ /none/x /dir/none /a /a.tx /dir/file.tx
        /a%2Ftxt /dir%2Ffile.txt /dir%2ffile.txt /%2Fa.txt /dir/%2Ffile.txt
        /% /%2 /%zz /a%.txt /a.txt% /a.txt%4 /%g1 /%1g /a%00.txt /%00 /a.txt%00
        /%01 /%0a /%0d%0a /%7f /%ff /%c0%af /%e2%82%ac
        /script.php /program /closed.txt /closed/file.txt /closed/ /closed /fifo
        /fifo/ /link /dirlink/file /dirlink /dangling /loop /out
        /old.txt /epoch.txt /future.txt
        http://localhost/a.txt http://localhost http://localhost/ http://localhost?x
        HTTP://localhost/a.txt http://other.example/a.txt http://localhost:80/a.txt
        http://localhost:8080/a.txt http://localhost//a.txt http://localhost/../a.txt
        http://user@localhost/a.txt http:///a.txt http:/a.txt http:a.txt
        https://localhost/a.txt ftp://localhost/a.txt
        a.txt ./a.txt ../a.txt ?x \\a.txt
    """.split()
    for name in names:
        yield name, ask(name)
    for name in ("/", "/a.txt", "/100000.bin", "/none", "/dir", "/../a.txt",
                 "/closed.txt", "/a.txt?x", "/%zz", "/nothing/"):
        yield f"HEAD {name}", ask(name, method="HEAD")
    for length in 254, 255, 256, 300, 2000, 5000:
        yield f"{length} bytes", ask("/" + "n" * length)
    yield "2000 segments", ask("/" + "d/" * 2000)
    yield "4000 dots", ask("/" + "./" * 2000 + "a.txt")
    yield "raw UTF-8", ask("/gr\xc3\xbcn.txt")
    yield "raw bytes", ask("/\xff\xfe")


RANGES = """
    0-0 0-1 1-2 0-499 500-999 0-999 999-999 0- 1- 999- -1 -2 -999 -1000 -1001 -9999
    0-1000 0-9999 998-9999 00-001 0000000000-00000000001
    1000- 1000-1000 1000-2000 9999- -0 -00
    0-9223372036854775807 9223372036854775807- 9223372036854775808-
    18446744073709551615- 18446744073709551616- 0-18446744073709551616
    -9223372036854775808 -18446744073709551616 99999999999999999999- -99999999999999999999
    5-2 1-0 - -- --1 a a-b 0-a a-0 0 10 0x0-0x1 +0-1 0-+1 0--1 1-2-3 0-1; 0.5-1
    0-0,2-2 0-0,-1 0-499,500-999 0-1,1-2 2-2,0-0 0-0,0-0 -1,-1 0-0,999-
    0-9,20-29,40-49,60-69,80-89,100-109,120-129,140-149
    0-0,1000- 1000-,0-0 1000-,2000- -0,0-0 1000-1001,-0 0-999,0-999 0-600,300-999
    0-998,999-999,0-0 0-,0- 0-,0-,0-,0- 0-,0-,0-,0-,0- 0-0,a a,0-0 0-0,5-2 0-0, ,0-0 ,,0-0 0-0,,2-2 ,
    0-0;2-2 0-499,-500
""".split() + ["0-0, 2-2", "0-0 ,2-2", "0-0\t,\t2-2", " 0-0", "0-0 ", "0 -0", "0- 0",
               "", " ", "0-0 2-2", "-500 , 0-1"]


def ranges():
    for value in RANGES:
        yield f"bytes={value}", ask("/1000.bin", f"Range: bytes={value}")
    for value in ("0-0", "0-", "-1", "-0", "1-", "0-0,0-0", "-9", "0-9", "0-0,-1"):
        for target in "/empty.txt", "/one.bin", "/100000.bin", "/none", "/dir/":
            yield f"{target} bytes={value}", ask(target, f"Range: bytes={value}")
    for value in ("BYTES=0-0", "Bytes=0-0", "bytes =0-0", "bytes= 0-0", "bytes:0-0",
                  "byte=0-0", "lines=0-0", "bytes", "bytes=", "=0-0", "0-0",
                  "bytes=0-0;x", "lines=0-0,bytes=0-0", ""):
        yield f"Range: {value}", ask("/1000.bin", f"Range: {value}")
    for name, counts in ("1000.bin", (7, 8, 9, 19, 20)), ("100000.bin", (20, 64, 65)):
        for count in counts:
            many = ",".join(f"{n * 10}-{n * 10 + 1}" for n in range(count))
            yield f"{count} of {name}", ask(f"/{name}", f"Range: bytes={many}")
    yield "300 of the first byte", ask("/100000.bin",
                                       "Range: bytes=" + ",".join(["0-0"] * 300))
    yield "two lines", ask("/1000.bin", "Range: bytes=0-0\nRange: bytes=1-1")
    for value in "bytes=0-0", "bytes=0-0,2-2", "bytes=1000-", "bytes=a":
        yield f"HEAD {value}", ask("/1000.bin", f"Range: {value}", "HEAD")
        yield f"1.0 {value}", ask("/1000.bin", f"Range: {value}", version="1.0")


def if_range():
    for value in (ETAG, f"W/{ETAG}", '"x"', DATE, EARLIER, LATER, "*", "", "junk",
                  ETAG[:-1], f"{ETAG}, {ETAG}", "Sunday, 06-Nov-94 08:49:37 GMT",
                  "Sun Nov  6 08:49:37 1994"):
        for bounds in "0-9", "0-0,2-2", "1000-":
            yield f"{value} {bounds}", ask(
                "/1000.bin", f"If-Range: {value}\nRange: bytes={bounds}")
    yield "without Range", ask("/1000.bin", f"If-Range: {ETAG}")
    yield "two lines", ask("/1000.bin", "Range: bytes=0-0\n" +
                           f"If-Range: {ETAG}\nIf-Range: {ETAG}")
    for condition, value in itertools.product(
            ("If-Match", "If-None-Match", "If-Modified-Since",
             "If-Unmodified-Since"), ("same", "other")):
        match = {"same": (ETAG, DATE), "other": ('"x"', EARLIER)}[value]
        yield f"Range and {condition} {value}", ask(
            "/1000.bin", f"Range: bytes=0-9\n{condition}: "
            f"{match[condition.endswith('Since')]}")


def conditions():
    """All combinations of the four, each absent, true to the file, or not."""
    names = "If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"
    short = "IM", "IUS", "INM", "IMS"
    values = ({"": None, "same": ETAG, "other": '"x"'},
              {"": None, "same": DATE, "other": EARLIER}) * 2
    for choice in itertools.product(("", "same", "other"), repeat=4):
        fields = "\n".join(f"{name}: {value[word]}" for name, value, word
                           in zip(names, values, choice) if word)
        words = " ".join(f"{name}-{word}" for name, word in zip(short, choice) if word)
        yield words or "none", ask("/1000.bin", fields)


TAGS = (ETAG, f"W/{ETAG}", "*", '"x"', 'W/"x"', f'"x", {ETAG}', f'"x",{ETAG},"y"',
        f'{ETAG}, "x"', f'W/"x", W/{ETAG}', ETAG[1:-1], ETAG[:-1], ETAG[1:],
        f"w/{ETAG}", f"{ETAG} ", f'"x" {ETAG}', f'"x";{ETAG}', '""', "", ",",
        f",{ETAG}", f",, {ETAG} ,", f'"x", *', ETAG.upper().replace("X", "x"),
        ETAG.replace("-", ""), "junk")
DATES = (DATE, EARLIER, LATER, "Sunday, 06-Nov-94 08:49:37 GMT",
         "Sun Nov  6 08:49:37 1994", "Sunday, 07-Nov-94 08:49:37 GMT",
         "Saturday, 05-Nov-94 08:49:37 GMT", "Sat Nov  5 08:49:37 1994",
         "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT",
         "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
         "Sun, 06 Nov 1994 08:49:37 GMT; length=5", "Mon, 06 Nov 1994 08:49:37 GMT",
         "06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
         "sun, 06 nov 1994 08:49:37 gmt", "Sun, 31 Feb 1994 08:49:37 GMT",
         "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
         "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
         "Fri, 31 Dec 9999 23:59:59 GMT", formatdate(4e9, usegmt=True), "", "0",
         "-1", "784111777", "yesterday")


def condition_values():
    for name in "If-None-Match", "If-Match":
        for value in TAGS:
            yield f"{name}: {value}", ask("/1000.bin", f"{name}: {value}")
        yield f"{name} twice", ask("/1000.bin", f'{name}: "x"\n{name}: {ETAG}')
    for name in "If-Modified-Since", "If-Unmodified-Since":
        for value in DATES:
            yield f"{name}: {value}", ask("/1000.bin", f"{name}: {value}")
        yield f"{name} twice", ask("/1000.bin", f"{name}: {DATE}\n{name}: {DATE}")
    for target, fields in itertools.product(
            ("/none", "/dir", "/nothing/", "/old.txt", "/future.txt", "/"),
            ("If-None-Match: *", "If-Match: *", f"If-Modified-Since: {LATER}",
             f"If-Unmodified-Since: {EARLIER}")):
        yield f"{target} {fields}", ask(target, fields)
    for fields in (f"If-None-Match: {ETAG}", 'If-Match: "x"',
                   f"If-Modified-Since: {DATE}"):
        yield f"HEAD {fields}", ask("/1000.bin", fields, "HEAD")
        yield f"1.0 {fields}", ask("/1000.bin", fields, version="1.0")


CODINGS = ("gzip", "GZIP", "x-gzip", "gzip, deflate", "deflate, gzip", "br", "br, gzip",
           "*", "identity", "gzip;q=0", "gzip;q=0.0", "gzip;q=0.000", "gzip;q=0.001",
           "gzip;q=1", "gzip;q=1.0", "gzip;q=1.000", "gzip;q=0.5", "gzip; q=0.5",
           "gzip ;q=0.5", "gzip;Q=0.5", "gzip;q=", "gzip;q=x", "gzip;q=2", "gzip;q=1.1",
           "gzip;q=0.1234", "gzip;q=-1", "gzip;x=1", "gzip;level=9;q=1",
           "identity;q=0", "identity, gzip", "identity;q=1, gzip;q=0.5",
           "identity;q=0.5, gzip;q=0.5", "gzip;q=0, *", "*;q=0", "*;q=0, gzip",
           "deflate", "gzipx", "xgzip", "gzip2", "zgzip, gzip", "", ",", ",gzip", " gzip",
           "gzip,", "gzip gzip", "\tgzip\t", "deflate;q=1, gzip;q=0.1",
           "deflate,gzip;q=0")


def encodings():
    for value in CODINGS:
        yield value or "empty", ask("/gz/text.txt", f"Accept-Encoding: {value}")
    for target, fields, method, version in itertools.product(
            ("/gz/text.txt", "/gz/page.html", "/gz/empty.txt", "/gz/none.txt",
             "/gz/", "/gz/stale.txt", "/gz/only.txt"),
            ("", "Accept-Encoding: gzip"), ("GET", "HEAD"), ("1.1", "1.0")):
        yield f"{method} {target} {version} {show(fields)}", ask(
            target, fields, method, version)
    plain = '"%x-%x"' % (MTIME, 300)
    packed = '"%x-%x"' % (MTIME + 10, 77)
    for coding, (name, fields) in itertools.product(
            ("identity", "gzip"),
            (("INM plain", f"If-None-Match: {plain}"),
             ("INM packed", f"If-None-Match: {packed}"),
             ("INM both", f"If-None-Match: {packed}, {plain}"),
             ("IMS plain", f"If-Modified-Since: {DATE}"),
             ("IMS packed", f"If-Modified-Since: {formatdate(MTIME + 10, usegmt=True)}"),
             ("IM plain", f"If-Match: {plain}"), ("IM packed", f"If-Match: {packed}"),
             ("range", "Range: bytes=0-9"), ("ranges", "Range: bytes=0-0,2-2"),
             ("range beyond", "Range: bytes=1000-"),
             ("range between", "Range: bytes=100-"),
             ("If-Range plain", f"If-Range: {plain}\nRange: bytes=0-9"),
             ("If-Range packed", f"If-Range: {packed}\nRange: bytes=0-9"))):
        yield f"{coding} {name}", ask("/gz/text.txt",
                                      f"{fields}\nAccept-Encoding: {coding}")
    yield "two lines", ask("/gz/text.txt",
                           "Accept-Encoding: br\nAccept-Encoding: gzip")
    yield "none of two lines", ask("/gz/none.txt",
                                   "Accept-Encoding: br\nAccept-Encoding: gzip")


HOSTS = ("localhost", "LOCALHOST", "localhost:80", "localhost:8080", "localhost:",
         "localhost.", "other.example", "a_b", "127.0.0.1", "127.0.0.1:80", "[::1]",
         "[::1]:80", "xn--bcher-kva.example", "a" * 250, "", "a b", "a\tb", "a/b", "a@b",
         "a?b", "a#b", "a\\b", "a:b", "a:99999", "a:0", "a:-1", "a:80:80", "a%41", "a%",
         "[::1", "::1", "[]", "[x]", ".", "..", "a..b", ".a", "a,b", "a;b", "\xe4",
         "http://a", "-a", "*", "'", "~", "1.2.3.4.5", "256.256.256.256", "a!b$c")


def hosts():
    for host in HOSTS:
        yield host or "empty", ask("/a.txt", host=host)
    for version in "1.0", "1.1":
        yield f"none {version}", ask("/a.txt", version=version, host=None)
        yield f"two {version}", ask("/a.txt", "Host: localhost", version=version)
        yield f"two others {version}", ask("/a.txt", "Host: b", version=version)
        yield f"absolute {version}", ask("http://localhost/a.txt", version=version,
                                         host=None)


def connections():
    for version, value, target in itertools.product(
            ("1.0", "1.1", "1.9"),
            ("", "close", "keep-alive", "Keep-Alive", "CLOSE", "close, keep-alive",
             "keep-alive, close", "x", "x, close", "closed", "close;x", ", close"),
            ("/a.txt", "/none")):
        if target == "/none" and len(value) > 10:
            continue
        fields = f"Connection: {value}" if value else ""
        yield f"{version} {value} {target}", ask(target, fields, version=version) * 2
    for status, one in (
            (301, ask("/dir")), (304, ask("/1000.bin", f"If-None-Match: {ETAG}")),
            (206, ask("/1000.bin", "Range: bytes=0-0")),
            (403, ask("/nothing/")), (412, ask("/1000.bin", 'If-Match: "x"')),
            (416, ask("/1000.bin", "Range: bytes=1000-")),
            ("HEAD", ask("/1000.bin", method="HEAD"))):
        yield f"{status} twice", one * 2
    yield "an empty line before", b"\r\n" + ask("/a.txt")
    yield "an empty line between", ask("/a.txt") + b"\r\n" + ask("/dir/")
    yield "50 at once", ask("/a.txt") * 25 + ask("/1000.bin") * 25
    yield "behind close", ask("/a.txt", "Connection: close") + b"GET /"


def bodies():
    for size, behind in itertools.product((0, 1, 5, 1000, 65536), (b"", ask("/dir/"))):
        body = b"GET /none HTTP/1.1\r\n\r\n" * (size // 22 + 1)
        yield f"{size} bytes{', one behind' if behind else ''}", ask(
            "/a.txt", f"Content-Length: {size}") + body[:size] + behind
    yield "HEAD", ask("/a.txt", "Content-Length: 5", "HEAD") + b"hello"
    yield "1.0", ask("/a.txt", "Content-Length: 5", version="1.0") + b"hello"
    yield "404", ask("/none", "Content-Length: 5") + b"hello" + ask("/a.txt")
    yield "304", (ask("/1000.bin", f"Content-Length: 5\nIf-None-Match: {ETAG}") +
                  b"hello" + ask("/a.txt"))
    yield "Expect: 100-continue", ask("/a.txt", "Expect: 100-continue")
    yield "Expect: x", ask("/a.txt", "Expect: x")
    yield "Upgrade: x", ask("/a.txt", "Connection: upgrade\nUpgrade: x")
    yield "chunked", (ask("/a.txt", "Transfer-Encoding: chunked") +
                      b"5\r\nhello\r\n0\r\n\r\n" + ask("/dir/"))


def directories():
    for target in ("/dir", "/dir?x", "/dir?a=b&c=%20d", "/dir?", "//dir", "/dir//",
                   "/x/../dir", "/a%20dir", "/a%20dir?x", "/gr%C3%BCn%20dir",
                   "/gr%C3%BCn%20dir/", "/100%25", "/100%25/", "/qm%3F", "/qm%3F/",
                   "/dirlink", "/dirlink/", "/nothing", "/nothing/", "/bare", "/bare/",
                   "/dir/sub", "/dir/sub/", "/dir/index.html", "/index.html", "/",
                   "/gz", "/gz/", "/none/", "/a.txt/", "/closed", "/closed/",
                   "//dir?//x", "/dir?http://evil.example", "///evil.example/..//dir",
                   "/dir/.", "/dir/..", "http://localhost/dir",
                   "http://other.example/dir?x"):
        yield target, ask(target)
    for method, version in ("HEAD", "1.1"), ("GET", "1.0"), ("HEAD", "1.0"):
        for target in "/dir", "/dir/", "/nothing/":
            yield f"{method} {target} {version}", ask(target, method=method,
                                                      version=version)


def long_heads():
    yield "target of 8000", ask("/" + "x" * 8000)
    yield "target of 9000", ask("/" + "x" * 9000)
    yield "query of 9000", ask("/a.txt?" + "x" * 9000)
    yield "field of 8000", ask("/a.txt", "X: " + "x" * 7900)
    yield "field of 9000", ask("/a.txt", "X: " + "x" * 9000)
    yield "90 fields", ask("/a.txt", "\n".join(f"X-{n}: x" for n in range(90)))


# Those of selftests/vectors that are an error.
VECTORS = {f"malformed: {vector.name}": vector for vector in read_vectors()
           if vector.error and not vector.name.startswith("limits")}


def malformed():
    for name, vector in VECTORS.items():
        yield name.removeprefix("malformed: "), vector.data


def line_ends():
    for vector in read_vectors():
        if vector.name.startswith("line-terminators") and vector.verdict[0] != "again":
            yield vector.name, vector.data
    for name, text in (
            ("all", "GET /a.txt HTTP/1.1\nHost: a\n\n"),
            ("request line", "GET /a.txt HTTP/1.1\nHost: a\r\n\r\n"),
            ("field line", "GET /a.txt HTTP/1.1\r\nHost: a\n\r\n"),
            ("empty line", "GET /a.txt HTTP/1.1\r\nHost: a\r\n\n"),
            ("before", "\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("two requests", "GET /a.txt HTTP/1.1\nHost: a\n\n" * 2),
            ("HTTP/1.0", "GET /a.txt HTTP/1.0\n\n"),
            ("trailing space", "GET /a.txt HTTP/1.1\r\nHost: a \n\r\n"),
            ("CR LF LF", "GET /a.txt HTTP/1.1\r\nHost: a\r\n\nGET / HTTP/1.0\n\n"),
            ("bare CR", "GET /a.txt HTTP/1.1\r\nHost: a\rX: b\n\n"),
            ("CR CR LF", "GET /a.txt HTTP/1.1\r\nHost: a\r\r\n\r\n"),
            ("LF CR", "GET /a.txt HTTP/1.1\n\rHost: a\n\r\n"),
            ("fold", "GET /a.txt HTTP/1.1\nHost: a\n b\n\n")):
        yield name, text.encode()


def fields_of_answers():
    """A few of each answer, for the parameters that add or change fields."""
    for target in ("/", "/a.txt", "/page.html", "/code.js", "/style.css", "/plain",
                   "/1000.bin", "/empty.txt", "/dir", "/none", "/nothing/", "/none/",
                   "/gz/page.html", "/gz/text.txt", "/old.txt", "/100000.bin"):
        yield target, ask(target)
        yield f"HEAD {target}", ask(target, method="HEAD")
    for name, fields in (
            ("304", f"If-None-Match: {ETAG}"), ("304 by date", f"If-Modified-Since: {DATE}"),
            ("304 later", f"If-Modified-Since: {LATER}"),
            ("200 earlier", f"If-Modified-Since: {EARLIER}"),
            ("412", 'If-Match: "x"'), ("206", "Range: bytes=0-9"),
            ("206 of two", "Range: bytes=0-0,2-2"), ("416", "Range: bytes=1000-")):
        yield name, ask("/1000.bin", fields)
        yield f"1.0 {name}", ask("/1000.bin", fields, version="1.0")
    for target in "/gz/page.html", "/gz/text.txt":
        yield f"gzip {target}", ask(target, "Accept-Encoding: gzip")
        yield f"range of {target}", ask(target, "Range: bytes=0-9")
        yield f"ranges of {target}", ask(target, "Range: bytes=0-1,3-4")


def names_of_hosts():
    for host in ("a.example", "A.Example", "b.example", "a.example.", "a.example:80",
                 "B.EXAMPLE.:8080", "default", "other.example", "localhost", "[::1]",
                 "127.0.0.1", "x.a.example", "example"):
        yield host, ask("/a.txt", host=host)
        yield f"{host} dir", ask("/dir", host=host)
    yield "absolute", ask("http://b.example/a.txt", host="a.example")
    yield "absolute, in capitals", ask("http://B.Example:80/a.txt", host="a.example")
    yield "absolute, unknown", ask("http://c.example/a.txt", host="a.example")
    yield "1.0 without", ask("/a.txt", version="1.0", host=None)
    yield "1.0 with", ask("/a.txt", version="1.0", host="a.example")


def symlinks():
    for target in ("/link", "/dirlink", "/dirlink/", "/dirlink/file", "/dangling",
                   "/loop", "/out", "/real/file", "/a.txt", "/", "/none"):
        yield target, ask(target)


# Connections of these tell how the answer ended.
ALONE = {connections, bodies, malformed, line_ends, long_heads}
MAIN = (methods, targets, ranges, if_range, conditions, condition_values, encodings,
        hosts, connections, bodies, directories, long_heads, malformed)


def cases_of(*groups):
    return [Case(group.__name__, name, data, group in ALONE)
            for group in groups for name, data in group()]
