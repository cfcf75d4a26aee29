# SPDX-License-Identifier: GPL-2.0
"""
Where sluice is to answer otherwise than nginx 1.22, and why.

An entry names the cases, says exactly what sluice answers instead, made of
nginx's answer to this or to another request, and the clause that asks for it.
What differs and is not listed is wrong, and so is an entry that is not needed.
"""

import re
from typing import NamedTuple

from cases import DATE, ask, field_of, verdict_of

SERVER = "nginx/1.22.1"
REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed",
           413: "Request Entity Too Large", 414: "Request-URI Too Large",
           416: "Requested Range Not Satisfiable",
           431: "Request Header Fields Too Large", 501: "Not Implemented",
           505: "HTTP Version Not Supported"}


class Answer(NamedTuple):
    line: str
    fields: tuple	# of (name, value)
    body: bytes

    def __repr__(self):
        fields = "".join(f" | {name}: {value}" for name, value in self.fields)
        body = self.body if len(self.body) < 60 else self.body[:50] + b"..."
        return f"{self.line}{fields} | {len(self.body)}: {body!r}"


class Intended(NamedTuple):
    cases: str		# a regular expression for names of cases
    ours: callable	# from the case, nginx's answers and who asks nginx more
    why: str
    where: str = ""	# only in tests of these names
    every: bool = True	# each of the cases does differ, not only some


# --- what is answered instead -------------------------------------------------------

def page(status):
    title = f"{status} {REASONS[status]}"
    return (f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
            f"<center><h1>{title}</h1></center>\r\n"
            f"<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n").encode()


def error_answer(case, status, *more):
    body = page(status)
    fields = (("Content-Type", "text/html"), ("Content-Length", str(len(body))))
    return [Answer(f"HTTP/1.1 {status} {REASONS[status]}", fields + more,
                   b"" if case.head_only else body)]


def error(status, *more):
    """This error, with nginx's page, and these fields."""
    return lambda case, its, nginx: error_answer(case, status, *more)


def verdict(case, its, nginx):
    """What the vector says that it is."""
    return error_answer(case, verdict_of(case))


def no_content(case, its, nginx):
    return [Answer("HTTP/1.1 204 No Content", (ALLOW,), b"")]


def like(data):
    """What nginx says to another request."""
    return lambda case, its, nginx: nginx(data)


def plain(*names):
    """What nginx says without these fields."""
    def ours(case, its, nginx):
        lines = case.data.split(b"\r\n")
        return nginx(b"\r\n".join(line for line in lines if not line.lower().startswith(
            tuple(name.lower().encode() + b":" for name in names))))
    return ours


def with_field(name, value):
    """What nginx says with another value of this field."""
    def ours(case, its, nginx):
        return nginx(re.sub(rb"(?i)(\r\n%b:)[^\r]*" % name.encode(),
                            lambda found: found[1] + b" " + value.encode(), case.data))
    return ours


def without(ours, *names):
    """That, without these fields."""
    def less(case, its, nginx):
        return [answer._replace(fields=tuple(field for field in answer.fields
                                             if field[0] not in names))
                for answer in ours(case, its, nginx)]
    return less


def adding(ours, *more):
    return lambda case, its, nginx: [answer._replace(fields=answer.fields + more)
                                     for answer in ours(case, its, nginx)]


def same_as_nginx(case, its, nginx):
    return its


def twice(case, its, nginx):
    return its * 2


def final(case, its, nginx):
    return its[1:]


def by_precedence(case, its, nginx):
    """What nginx says to those conditions that RFC 9110 lets count."""
    names = set()
    if field_of(case, "If-Match"):
        names.add("If-Unmodified-Since")
    if field_of(case, "If-None-Match"):
        names.add("If-Modified-Since")
    return plain(*names)(case, its, nginx)


def bounds_asked(case, size):
    """[(first, last)], of a Range that asks for what there is."""
    bounds = []
    asked = re.search(rb"\r\nRange: bytes=(.*)\r\n", case.data)[1].decode()
    for spec in asked.split(","):
        first, _, last = spec.partition("-")
        if first:
            bounds.append((int(first), int(last or size - 1)))
        else:
            bounds.append((size - int(last), size - 1))
    return bounds


def parts_asked(whole):
    """206 of all parts that are asked for of this answer."""
    def ours(case, its, nginx):
        answer, = whole(case, its, nginx)
        data, total = answer.body, len(answer.body)
        bounds = bounds_asked(case, total)
        places = [f"bytes {first}-{last}/{total}" for first, last in bounds]
        pieces = [data[first:last + 1] for first, last in bounds]
        kind = dict(answer.fields)["Content-Type"]
        body, range_field = pieces[0], (("Content-Range", places[0]),)
        if len(bounds) > 1:
            mark = b"\r\n--" + b"0" * 20
            body = b"".join(mark + f"\r\nContent-Type: {kind}\r\nContent-Range: {place}"
                            "\r\n\r\n".encode() + piece
                            for place, piece in zip(places, pieces)) + mark + b"--\r\n"
            kind, range_field = f"multipart/byteranges; boundary={'0' * 20}", ()
        now = {"Content-Type": kind, "Content-Length": str(len(body))}
        return [Answer("HTTP/1.1 206 Partial Content",
                       tuple((name, now.get(name, value)) for name, value in answer.fields
                             if name != "Accept-Ranges") + range_field, body)]
    return ours


def names(group, *cases):
    """A pattern for cases of which this is the literal name."""
    return f"{group}: (?:{'|'.join(map(re.escape, cases))})"


# --- the list --------------------------------------------------------------------------

ALLOW = ("Allow", "GET, HEAD, OPTIONS")
RANGES = ("Accept-Ranges", "bytes")
NOT_RANGES = (
    *"5-2 1-0 - -- --1 a a-b 0-a a-0 0 10 0x0-0x1 +0-1 0-+1 0--1 1-2-3 0-1; 0.5-1 0-0,a "
    "a,0-0 , 0-0;2-2".split(), "0-0 2-2")

INTENDED = [
    # --- methods
    Intended(r"methods: (POST|PUT|DELETE|PATCH|TRACE) .*", error(405, ALLOW),
             "RFC 9110 section 15.5.6: a 405 MUST have Allow", "alone"),
    Intended(r"methods: OPTIONS .*", no_content,
             "RFC 9110 section 9.3.7: OPTIONS tells what there is to know", "alone"),
    Intended(r"methods: (BREW|PROPFIND|MKCOL|get|Head) .*", error(501),
             "RFC 9110 section 9.1: an unknown method is a 501, and names of methods are "
             "case-sensitive", "alone"),
    Intended(names("methods", "CONNECT localhost:80"), error(405, ALLOW),
             "RFC 9110 section 15.5.6: it is known and not allowed", "alone"),
    Intended(names("methods", "CONNECT /a.txt"), error(400),
             "RFC 9112 section 3.2.3: only authority-form for CONNECT", "alone"),

    # --- targets
    Intended(r"targets: [^ ]*#[^ ]*", error(400),
             "RFC 9112 section 3.2: no form of a target has a fragment", "alone"),
    Intended(r"targets: /(dir|dir/)?%2[Ff](file|a)\.txt", error(404),
             "RFC 3986 section 2.2: an escaped delimiter is data", "alone"),
    Intended(r"targets: /\.\.%2fa\.txt", error(404),
             "RFC 3986 section 2.2: no segment of this is ..", "alone"),
    Intended(r"targets: /(%01|%0a|%0d%0a|%7f)", error(400),
             "RFC 3986 section 7.3: escaped control bytes are a risk, no file of ours has "
             "them", "alone"),
    Intended(r"targets: (https|ftp)://localhost/a\.txt", error(400),
             "RFC 9110 section 7.4: not the origin of that scheme", "alone"),

    # --- validators that would harm
    Intended(r".*: (HEAD )?/(old|epoch)\.txt", without(same_as_nginx, "Last-Modified",
                                                       "ETag"),
             "RFC 9110 section 8.8.1: a time of 0 or 1 is nobody's time of change; "
             "a reproducible image would never be fetched anew"),
    Intended(r"condition_values: /old\.txt If-(None-Match|Match|Unmodified-Since): .*",
             without(same_as_nginx, "Last-Modified", "ETag"),
             "the same"),
    Intended(r"condition_values: /old\.txt If-Modified-Since: .*",
             without(plain("If-Modified-Since"), "Last-Modified", "ETag"),
             "RFC 9110 section 13.1.3: no date to compare with"),
    Intended(r"(targets: /future\.txt|condition_values: /future.txt "
             r"If-(None-Match|Match|Modified-Since): .*)",
             without(same_as_nginx, "Last-Modified"),
             "RFC 9110 section 8.8.2.1: no Last-Modified later than Date"),
    Intended(r"condition_values: /future\.txt If-Unmodified-Since: .*",
             without(plain("If-Unmodified-Since"), "Last-Modified"),
             "RFC 9110 section 13.1.4: no date to compare with"),

    # --- ranges
    Intended(r"ranges: HEAD .*", plain("Range"),
             "RFC 9110 section 14.2: Range is for GET only"),
    Intended(names("ranges", "two lines"), plain("Range"),
             "RFC 9110 section 5.3: what is no list does not come in two lines"),
    Intended(names("if_range", "two lines"), plain("Range", "If-Range"),
             "RFC 9110 section 5.3: the same; without the whole file nothing is lost"),
    Intended(names("ranges", *(f"bytes={value}" for value in NOT_RANGES),
                   "Range: bytes=0-0;x", "1.0 bytes=a"), plain("Range"),
             "RFC 9110 section 14.2: a Range that is none MAY be ignored; bad_range=416 "
             "is as nginx", "alone backend"),
    Intended(names("ranges", "bytes=0-0,5-2"), plain("Range"),
             "RFC 9110 section 14.1.2: with one invalid the whole set is", "alone backend"),
    Intended(names("ranges", "bytes=0-0,5-2"),
             error(416, ("Content-Range", "bytes */1000")),
             "RFC 9110 section 14.1.2: with one invalid the whole set is", "bad_range"),
    Intended(names("ranges", "bytes=0-0,", "bytes=,0-0", "bytes=,,0-0"),
             with_field("Range", "bytes=0-0"),
             "RFC 9110 section 5.6.1.2: empty elements are to be ignored"),
    Intended(names("ranges", "bytes=0-0,,2-2", "bytes=0-0\t,\t2-2"),
             with_field("Range", "bytes=0-0,2-2"),
             "RFC 9110 sections 5.6.1.2 and 5.6.3: empty elements, and tabs, in a list"),
    Intended(names("ranges", "bytes=0-18446744073709551616", "bytes=-9223372036854775808",
                   "bytes=-18446744073709551616", "bytes=-99999999999999999999"),
             with_field("Range", "bytes=0-999"),
             "RFC 9110 section 14.1.2: large numerals are to be expected"),
    Intended(names("ranges", "bytes=0-999,0-999", "bytes=0-600,300-999",
                   "bytes=0-998,999-999,0-0", "bytes=0-,0-", "bytes=0-,0-,0-,0-",
                   "/one.bin bytes=0-0,0-0", "/one.bin bytes=0-0,-1"),
             parts_asked(plain("Range")),
             "RFC 9110 section 14.2: more bytes than there are MAY be sent, too; so does "
             "nginx since 1.29.5, within 4096 and 256 for each"),
    Intended(names("ranges", "20 of 1000.bin"), plain("Range"),
             "RFC 9110 section 14.2: many small ranges MAY be ignored; so does nginx since "
             "1.29.5"),
    Intended(names("ranges", "65 of 100000.bin", "300 of the first byte"), plain("Range"),
             "RFC 9110 section 14.2: the same (with a backend they are its)",
             "alone bad_range"),

    # --- conditions
    Intended(r"conditions: (IM-same )?(IUS-same )?INM-same IMS-other", by_precedence,
             "RFC 9110 section 13.1.3: If-Modified-Since is ignored with If-None-Match"),
    Intended(r"conditions: IM-same IUS-other.*", by_precedence,
             "RFC 9110 section 13.1.4: If-Unmodified-Since is ignored with If-Match"),
    Intended(names("condition_values", f"If-Modified-Since: {DATE[:-4]}",
                   f"If-Modified-Since: {DATE[:-3]}UTC",
                   f"If-Modified-Since: {DATE}; length=5"), plain("If-Modified-Since"),
             "RFC 9110 section 13.1.3: ignored when it is no HTTP-date"),
    Intended(names("condition_values",
                   "If-Modified-Since: Sun, 06 Nov 1994 08:49:60 GMT"),
             with_field("If-Modified-Since", DATE),
             "RFC 9110 section 5.6.7: a leap second", "alone backend"),
    Intended(names("condition_values", "If-Unmodified-Since: 06 Nov 1994 08:49:37 GMT",
                   *(f"If-Unmodified-Since: {date}" for date in (
                       "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt",
                       "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                       "Sun, 06 Nov 1994 08:49:60 GMT", "", "0", "-1", "784111777",
                       "yesterday"))), plain("If-Unmodified-Since"),
             "RFC 9110 section 13.1.4: ignored when it is no HTTP-date"),

    # --- encodings
    Intended(names("encodings", "gzip", "GZIP", "gzip, deflate", "deflate, gzip",
                   "br, gzip", "gzip;q=0.001", "gzip;q=1", "gzip;q=1.0", "gzip;q=1.000",
                   "gzip;q=0.5", "gzip; q=0.5", "gzip ;q=0.5", "gzip;Q=0.5",
                   "identity, gzip", "identity;q=0.5, gzip;q=0.5", "*;q=0, gzip",
                   "zgzip, gzip", ",gzip", " gzip", "gzip,", "deflate;q=1, gzip;q=0.1",
                   "gzip INM plain", "gzip IMS plain", "gzip IM packed") +
             r"|encodings: (GET|HEAD) /gz/(text\.txt|page\.html)? 1\.1 "
             r"Accept-Encoding: gzip|fields_of_answers: gzip .*",
             adding(same_as_nginx, RANGES),
             "RFC 9110 section 14.3: we serve ranges of it (so does nginx by 1.31)"),
    Intended(names("encodings", "x-gzip"),
             adding(with_field("Accept-Encoding", "gzip"), RANGES),
             "RFC 9110 section 8.4.1.3: x-gzip is gzip"),
    Intended(names("encodings", "\tgzip\t"),
             adding(with_field("Accept-Encoding", "gzip"), RANGES),
             "RFC 9110 section 5.5: whitespace around a value is not part of it"),
    Intended(names("encodings", "identity;q=1, gzip;q=0.5"), plain("Accept-Encoding"),
             "RFC 9110 section 12.5.3: identity has the higher weight"),
    Intended(r"encodings: (GET|HEAD) /gz/stale\.txt .*",
             without(plain("Accept-Encoding"), "Vary"),
             "what is older than its file is not its encoding (RFC 9110 section 8.4)"),
    Intended(r"encodings: (GET|HEAD) /gz/empty\.txt .*",
             without(plain("Accept-Encoding"), "Vary"),
             "what is empty is not the encoding of a file that is not (RFC 9110 section 8.4)"),
    Intended(r"encodings: (GET|HEAD) /gz/only\.txt .*", error(404),
             "without a file there is nothing that is encoded (with a backend it decides)",
             "alone"),
    Intended(names("encodings", "identity IM packed", "gzip IM plain",
                   "identity range beyond"), without(same_as_nginx, "Vary"),
             "RFC 9110 section 12.5.5: Vary is for what is cacheable"),
    Intended(names("encodings", "gzip range", "gzip ranges", "gzip range between",
                   "gzip If-Range plain"), plain("Accept-Encoding"),
             "RFC 9110 section 14.2: a range is of what is selected, and that is the file: "
             "a piece of its encoding is of no use to who has not named it"),
    Intended(names("encodings", "gzip range beyond"),
             without(plain("Accept-Encoding"), "Vary"), "the same"),
    Intended(names("encodings", "gzip If-Range packed"), parts_asked(same_as_nginx),
             "RFC 9110 section 13.1.5: the range is of what has that tag, and section 8.4: "
             "the encoding is a property of the representation"),

    # --- hosts
    Intended(names("hosts", "a@b", "a?b", "a#b", "a\\b", "a:b", "a:99999", "a:-1",
                   "a:80:80", "a%", "[::1", "[]", "[x]", "\xe4"), error(400),
             "RFC 9112 section 3.2: an invalid Host MUST be refused", "alone"),
    Intended(names("hosts", ".", "..", "a..b"), like(ask("/a.txt")),
             "RFC 3986 section 3.2.2: a reg-name may have dots anywhere"),

    # --- connections and bodies
    Intended(r"connections: 1\.[19] (closed|close;x) .*", plain("Connection"),
             "RFC 9110 section 7.6.1: Connection is a list of tokens"),
    Intended(names("connections", "412 twice"), twice,
             "RFC 9112 section 9.3: it said that the connection goes on"),
    Intended(names("bodies", "Expect: 100-continue"), final,
             "RFC 9110 section 10.1.1: no 100 where there is no content to come"),
    Intended(names("bodies", "chunked"), error(413, ("Connection", "close")),
             "RFC 9110 section 15.5.14: sluice reads no chunks", "alone"),

    # --- malformed heads
    Intended(names("long_heads", "field of 9000"), error(431),
             "RFC 6585 section 5: 431 for fields", "alone"),
    Intended(r"malformed: cl-and-te: .*", verdict,
             "RFC 9112 section 6.1: both of them is an attempt to smuggle", "alone", False),
    Intended(r"malformed: field-name: .*", verdict,
             "RFC 9112 section 5.1, RFC 9110 section 5.1: a name is a token, a line has "
             "a colon", "alone", False),
    Intended(r"malformed: field-value: .*", verdict,
             "RFC 9110 section 5.5: no control bytes", "alone", False),
    Intended(r"malformed: (host|place): .*", verdict,
             "RFC 9112 section 3.2: an invalid Host MUST be refused", "alone", False),
    Intended(r"malformed: (leading-crlf|line-terminators): .*", verdict,
             "RFC 9112 section 2.2: a bare CR is invalid, a bare LF MAY be (lenient=1 "
             "takes it), two empty lines are patience enough", "alone", False),
    Intended(r"malformed: method: .*", verdict,
             "RFC 9110 section 9.1: what is no token is no method", "alone", False),
    Intended(r"malformed: percent-encoding: .*", verdict,
             "RFC 3986 section 7.3: as above", "alone", False),
    Intended(r"malformed: proxy-protocol: .*", verdict,
             "it is no HTTP; nginx takes it for HTTP/0.9", "alone", False),
    Intended(r"malformed: request-line: .*", verdict,
             "RFC 9112 section 3: single spaces; HTTP/0.9 is obsolete", "alone", False),
    Intended(r"malformed: target: .*", verdict,
             "RFC 9112 section 3.2: its four forms", "alone", False),
    Intended(r"malformed: transfer-encoding: .*", verdict,
             "RFC 9112 section 6.1: what does not end in chunked cannot be read: 400; "
             "another coding before it: 501", "alone", False),
    Intended(r"malformed: version: .*", verdict,
             "RFC 9112 section 2.3: one digit, a dot, one digit", "alone", False),

    # --- parameters
    Intended(r"line_ends: (line-terminators: CR CR LF after a field|CR CR LF)", error(400),
             "RFC 9112 section 2.2: a CR is followed by an LF, lenient or not"),
    Intended(r"line_ends: line-terminators: LF in the target", error(400),
             "RFC 9112 section 3: a line without version is HTTP/0.9"),
    Intended(r"fields_of_answers: (1\.0 )?416",
             without(same_as_nginx, "Expires", "Cache-Control", "X-Frame-Options", "X-Two",
                     "X-Last"),
             "a 416 is not the file: nginx adds the file's fields before it knows",
             "expires add_header cache_control together"),
    Intended(r"fields_of_answers: (HEAD )?/dir", without(same_as_nginx, "Expires",
                                                         "Cache-Control"),
             "how long a file is fresh says nothing about a redirect",
             "expires cache_control together"),
    Intended(names("symlinks", "/dirlink/", "/dirlink/file"), error(403),
             "403 as for a link that is the last name; nginx finds \"no directory\" there"),
]
