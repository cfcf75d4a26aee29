#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
The same requests to sluice and to nginx, for the same files: the same answers,
but for those that are listed here, each with the clause that says why.

Compared are status line, fields and their order, and body; not Date, Server
and, but where a group is about it, Connection.  What nginx counts up (the
boundary of byteranges) or counts from now (Expires) is compared as that.
"""

import re
from email.utils import parsedate_to_datetime

from cases import (MAIN, Case, cases_of, condition_values, directories,
                   fields_of_answers, if_range, line_ends, make_docroot,
                   names_of_hosts, ranges, symlinks)
from differences import INTENDED, SERVER, Answer, Intended
from lib import (BACKEND, PORT, TOP, WWW, Client, Closed, Counting, Nginx, all_params,
                 load, params, restore_params, run_tests, same, say, test, types,
                 types_of_nginx)


# --- answers ----------------------------------------------------------------------

def normal(response, with_connection):
    """A response without what may differ."""
    fields = []
    body = response.body
    for name, value in response.lines:
        if name.lower() in ("date", "server", "connection"):
            continue
        if name == "Expires":
            value = f"Date + {seconds(value) - seconds(response['date'])}"
        found = re.search(r"boundary=(\d{20})$", value)
        if found:
            value = value.replace(found[1], "0" * 20)
            body = body.replace(found[1].encode(), b"0" * 20)
        fields.append((name, value))
    if with_connection:
        fields.append(("Connection", response["connection"]))
    return Answer(f"{response.version} {response.status} {response.reason}",
                  tuple(fields), body)


def seconds(date):
    return int(parsedate_to_datetime(date).timestamp())


AT_A_TIME = 32


def ask_at_once(port, cases):
    """
    Each on a connection of its own, many at a time: there is a process to wake
    for each of nginx's answers, and that takes longer than all the rest.
    """
    answers = []
    for start in range(0, len(cases), AT_A_TIME):
        some = cases[start:start + AT_A_TIME]
        clients = [Client(port) for _ in some]
        for case, client in zip(some, clients):
            tell(case, client)
        answers += [hear(case, client) for case, client in zip(some, clients)]
        for client in clients:
            client.close()
    return answers


def ask_in_turn(port, cases):
    """One after the other on a connection, as long as the answers allow it."""
    answers = []
    client = None
    for case in cases:
        if case.alone:
            answers += ask_at_once(port, [case])
            continue
        client = client or Client(port)
        tell(case, client)
        answers.append(hear(case, client))
        if not client.keeps_alive:
            client.close()
            client = None
    return answers


def tell(case, client):
    try:
        client.send(case.data)
        if case.alone:
            client.shut()
    except ConnectionError:	# there may be an answer all the same
        pass


def hear(case, client):
    client.keeps_alive = False
    try:
        if case.alone:
            return parse(client.rest(), case)
        response = client.response(case.head_only)
    except (Closed, ConnectionError) as reason:
        if case.alone:
            return parse(client.buffer, case)
        return [Answer("", (), repr(reason).encode())]
    client.keeps_alive = response["connection"] == "keep-alive"
    return [normal(response, False)]


class Stream(Client):
    """A client of which all has arrived."""

    def __init__(self, data):
        self.buffer = data

    def fill(self):
        raise Closed("in the middle of a response")


def parse(data, case):
    answers = []
    stream = Stream(data)
    while stream.buffer.startswith(b"HTTP/"):
        try:
            response = stream.response(case.head_only)
        except Closed as reason:
            return answers + [Answer("", (), repr(reason).encode())]
        answers.append(normal(response, case.group in ("connections", "bodies")))
    if stream.buffer:	# HTTP/0.9
        answers.append(Answer("", (), stream.buffer))
    return answers


# --- comparing ------------------------------------------------------------------------

def complaint(case, ours, its, entry, nginx):
    """None, or what is wrong."""
    expected = entry.ours(case, its, nginx) if entry and ours != its else its
    if ours == expected:
        return None
    words = f"{case.name}\n    sluice {ours}\n    nginx  {its}"
    if entry:
        words += f"\n    expected {expected} ({entry.why})"
    return words


class Judge:
    """Answers of one test, compared one by one."""

    def __init__(self, where):
        self.entries = [entry for entry in INTENDED
                        if not entry.where or where in entry.where.split()]
        self.wrong = []
        self.used = {}	# by entry: cases that differ, and that do not

    def compare(self, case, ours, its, nginx):
        found = [entry for entry in self.entries
                 if re.fullmatch(entry.cases, case.name, re.S)]
        if len(found) > 1:
            self.wrong.append(f"{case.name}: {len(found)} entries")
        entry = found[0] if found else None
        self.used.setdefault(entry, ([], []))[ours == its].append(case.name)
        words = complaint(case, ours, its, entry, nginx)
        if words:
            self.wrong.append(words)

    def finish(self):
        for entry, (differing, others) in self.used.items():
            if entry and others and (entry.every or not differing):
                self.wrong.append(f"no difference any more: {others} ({entry.why})")
        for words in self.wrong:
            say(words)
        say(sum(len(differing + others) for differing, others in self.used.values()),
            "requests,", sum(len(differing) for differing, _ in self.used.values()),
            "differ as intended")
        same(len(self.wrong), 0, "wrong")


known = {}	# nginx's answers: it is asked once


def ask_nginx(port, cases):
    """What it said before, or says now."""
    new = {(port, case.alone, case.data): case for case in cases}
    new = {key: case for key, case in new.items() if key not in known}
    known.update(zip(new, ask_at_once(port, list(new.values()))))
    return [known[port, case.alone, case.data] for case in cases]


def compare(where, cases, port=BACKEND, ask_sluice=ask_in_turn):
    judge = Judge(where)
    for case, ours, its in zip(cases, ask_sluice(PORT, cases), ask_nginx(port, cases)):
        def nginx(data, case=case):
            instead = Case(case.group, case.name, data, case.alone)
            return ask_nginx(port, [instead])[0]

        judge.compare(case, ours, its, nginx)
    judge.finish()


# --- tests --------------------------------------------------------------------------

# Each a server of its own, on its port; the first is the backend.
SERVERS = f"""
gzip_static on;
gzip_vary on;
absolute_redirect off;
if_modified_since before;

server {{ listen 8081; root www; charset utf-8; }}
server {{ listen 8082; root www; expires 1h; }}
server {{
    listen 8083;
    root www;
    add_header X-Frame-Options DENY;
    add_header X-Two "a, b";
    add_header X-Two c;
}}
server {{ listen 8084; root www; add_header Cache-Control "public, max-age=60"; }}
server {{ listen 8085; root www; if_modified_since exact; }}
server {{ listen 8086; root www; error_page 404 /404.html; }}
server {{ listen 8087; root www; index none file.txt index.html; }}
server {{ listen 8088 default_server; root hosts/default; }}
server {{ listen 8088; server_name a.example; root hosts/a.example; }}
server {{ listen 8088; server_name b.example; root hosts/b.example; }}
server {{ listen 8089; root www; disable_symlinks on from={WWW}; }}
server {{
    listen 8090;
    root www;
    charset utf-8;
    expires 60;
    add_header X-Last x;
}}
"""
# What nginx does unless it is told otherwise.
AS_NGINX = {"standalone": 1, "hide_dot": 0, "dynamic_suffix": "", "mode_forbidden": 0,
            "symlinks": "any", "precompressed": "gz"}


@test("alone, served as nginx serves: the same answers")
def alone():
    counting = Counting()
    with params(**AS_NGINX):
        compare("alone", cases_of(*MAIN))
    counting.expect(handed_over=0)


@test("with a backend, as it comes: the same answers")
def with_backend():
    counting = Counting()
    cases = [case for case in cases_of(*MAIN) if not case.alone]
    with params(precompressed="gz"):
        compare("backend", cases, ask_sluice=ask_at_once)
    say(counting.grown("handed_over"), "handed over")
    same(counting.grown("handed_over") < len(cases) / 3, True, "most are ours")


def compare_server(where, port, *groups, **values):
    with params(**{**AS_NGINX, **values}):
        compare(where, cases_of(*groups), port)


@test("charset=")
def charset():
    compare_server("charset", 8081, fields_of_answers, charset="utf-8")


@test("expires= in the table of types")
def expires():
    table = types_of_nginx()
    types(re.sub(r"^\S+", r"\g<0> expires=3600", table, flags=re.M))
    try:
        compare_server("expires", 8082, fields_of_answers)
    finally:
        types(table)


@test("add_header=, three lines")
def add_header():
    compare_server("add_header", 8083, fields_of_answers,
                   add_header="X-Frame-Options: DENY\nX-Two: a, b\nX-Two: c")


@test("cache_control=")
def cache_control():
    compare_server("cache_control", 8084, fields_of_answers,
                   cache_control="public, max-age=60")


@test("if_modified_since=exact")
def exact():
    compare_server("exact", 8085, fields_of_answers, condition_values,
                   if_modified_since="exact")


@test("page_404=")
def page_404():
    compare_server("page_404", 8086, fields_of_answers, page_404="/404.html")


@test("index= of several names")
def index():
    compare_server("index", 8087, directories, index="none,file.txt,index.html")


@test("vhosts=1")
def vhosts():
    with params(docroot=f"{TOP}/hosts"):
        compare_server("vhosts", 8088, names_of_hosts, vhosts=1)


@test("symlinks=none")
def no_symlinks():
    compare_server("no_symlinks", 8089, symlinks, symlinks="none")


@test("charset=, expires=, add_header= together")
def together():
    table = types_of_nginx()
    types(re.sub(r"^\S+", r"\g<0> expires=60", table, flags=re.M))
    try:
        compare_server("together", 8090, fields_of_answers, charset="utf-8",
                       add_header="X-Last: x")
    finally:
        types(table)


@test("bad_range=416")
def bad_range():
    compare_server("bad_range", BACKEND, ranges, if_range, bad_range="416")


@test("lenient=1")
def lenient():
    compare_server("lenient", BACKEND, line_ends, lenient=1)


@test("any difference is seen, and nothing else is excused")
def sees_differences():
    case, = (case for case in cases_of(ranges) if case.name == "ranges: bytes=0-0")
    one = Answer("HTTP/1.1 206 Partial Content",
                 (("Content-Length", "1"), ("ETag", '"x"')), b"1")

    def is_wrong(ours, entry=None):
        return bool(complaint(case, ours, [one], entry, None))

    same(is_wrong([one]), False, "the same")
    for other in ([one._replace(line="HTTP/1.1 206 Partial")],
                  [one._replace(line="HTTP/1.1 200 OK")],
                  [one._replace(body=b"2")], [one._replace(body=b"")],
                  [one._replace(fields=one.fields[::-1])],
                  [one._replace(fields=one.fields[1:])],
                  [one._replace(fields=one.fields + (("Vary", "x"),))],
                  [one._replace(fields=(("content-length", "1"), one.fields[1]))],
                  [], [one] * 2):
        same(is_wrong(other), True, f"{other}")
        entry = Intended("", lambda case, its, nginx, other=other: other, "a test")
        same(is_wrong(other, entry), False, f"{other} as intended")
        same(is_wrong([one._replace(body=b"3")], entry), True, "another difference")


@test("an entry that is not needed any more is seen")
def sees_what_is_not_needed():
    case, = (case for case in cases_of(ranges) if case.name == "ranges: two lines")
    judge = Judge("alone")
    answer = [Answer("HTTP/1.1 200 OK", (), b"")]
    judge.compare(case, answer, answer, None)
    same(judge.wrong, [], "nothing differs")
    try:
        judge.finish()
    except AssertionError:
        return
    raise AssertionError("the entry was not missed")


make_docroot()
nginx = Nginx(http=SERVERS)
load(server=SERVER)
types(types_of_nginx())
LOADED = all_params()
run_tests(before=lambda: restore_params(LOADED))
