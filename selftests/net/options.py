#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
What a worker sets on a connection ends with it: when another gets the connection it is as
it was, or it is not taken back, and left_option says so.
"""

import ctypes
import errno
import os
import socket
import struct

from lib import (Client, Counting, OneShot, Skip, eventually, load, nothing_left, request,
                 run_tests, same, say, test, write)

SOL, TCP, IP = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP
MSG_ZEROCOPY = 0x4000000
# Transmission by software, acknowledged; reported.
STAMPS = 1 << 1 | 1 << 9 | 1 << 4

# One instruction: take all of it.
FILTER_CODE = struct.pack("HBBI", 0x06, 0, 0, 0xffffffff)


def timeval(seconds):
    return struct.pack("ll", seconds, 0)


# Put back: name, level, option, value.
RESTORED = [
    ("SO_KEEPALIVE", SOL, 9, 1),
    ("SO_RCVLOWAT", SOL, 18, 7),
    ("SO_RCVTIMEO", SOL, 20, timeval(5)),
    ("SO_SNDTIMEO", SOL, 21, timeval(5)),
    ("SO_PEEK_OFF", SOL, 42, 3),
    ("TCP_NODELAY", TCP, 1, 1),
    ("TCP_CORK", TCP, 3, 1),
    ("TCP_KEEPIDLE", TCP, 4, 100),
    ("TCP_KEEPINTVL", TCP, 5, 100),
    ("TCP_KEEPCNT", TCP, 6, 3),
    ("TCP_USER_TIMEOUT", TCP, 18, 5000),
    ("TCP_NOTSENT_LOWAT", TCP, 25, 10000),
]

# TCP's own, or the file's: not looked at.
NOT_KEPT = [
    ("SO_PASSCRED", SOL, 16, 1),
    ("SO_INCOMING_CPU", SOL, 49, 0),
    ("SO_CNX_ADVICE", SOL, 53, 1),
    ("TCP_QUICKACK", TCP, 12, 0),
]

# Not SO_REUSEADDR: without it port 80 is not to be had again for a minute.
LEFT = [
    ("SO_DEBUG", SOL, 1, 1),
    ("SO_DONTROUTE", SOL, 5, 1),
    ("SO_BROADCAST", SOL, 6, 1),
    ("SO_SNDBUF", SOL, 7, 50000),
    ("SO_RCVBUF", SOL, 8, 50000),
    ("SO_OOBINLINE", SOL, 10, 1),
    ("SO_NO_CHECK", SOL, 11, 1),
    ("SO_PRIORITY", SOL, 12, 3),
    ("SO_REUSEPORT", SOL, 15, 1),
    ("SO_BINDTODEVICE", SOL, 25, b"lo\0\0"),
    ("SO_TIMESTAMP", SOL, 29, 1),
    ("SO_TIMESTAMPNS", SOL, 35, 1),
    ("SO_MARK", SOL, 36, 5),
    ("SO_TIMESTAMPING", SOL, 37, STAMPS),
    ("SO_RXQ_OVFL", SOL, 40, 1),
    ("SO_WIFI_STATUS", SOL, 41, 1),
    ("SO_NOFCS", SOL, 43, 1),
    ("SO_LOCK_FILTER", SOL, 44, 1),
    ("SO_SELECT_ERR_QUEUE", SOL, 45, 1),
    ("SO_BUSY_POLL", SOL, 46, 50),
    ("SO_MAX_PACING_RATE", SOL, 47, 10_000_000),
    ("SO_ZEROCOPY", SOL, 60, 1),
    ("SO_TXTIME", SOL, 61, struct.pack("iI", 1, 0)),
    ("SO_PREFER_BUSY_POLL", SOL, 69, 1),
    ("SO_BUSY_POLL_BUDGET", SOL, 70, 9),
    ("SO_BUF_LOCK", SOL, 72, 3),
    ("SO_TXREHASH", SOL, 74, 0),
    ("SO_RCVMARK", SOL, 75, 1),
    ("SO_RCVPRIORITY", SOL, 82, 1),
    ("IP_TOS", IP, 1, 0x10),
    ("IP_TTL", IP, 2, 9),
    ("IP_MTU_DISCOVER", IP, 10, 0),
    ("IP_RECVERR", IP, 11, 1),
    ("IP_MINTTL", IP, 21, 1),
    ("TCP_MAXSEG", TCP, 2, 500),
    ("TCP_SYNCNT", TCP, 7, 3),
    ("TCP_LINGER2", TCP, 8, 5),
    ("TCP_DEFER_ACCEPT", TCP, 9, 5),
    ("TCP_WINDOW_CLAMP", TCP, 10, 50000),
    ("TCP_CONGESTION", TCP, 13, b"reno"),
    ("TCP_THIN_LINEAR_TIMEOUTS", TCP, 16, 1),
    ("TCP_INQ", TCP, 36, 1),
    ("TCP_TX_DELAY", TCP, 37, 1),
]

ABSENT = errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EINVAL


def state(connection):
    """All that can be read of what is put back."""
    said = {}
    for name, level, option, _ in RESTORED + [("SO_LINGER", SOL, 13, 0)]:
        try:
            said[name] = connection.getsockopt(level, option, 16)
        except OSError:
            said[name] = None
    return said


class Setting:
    """What the backend does with each connection in front of its answer."""

    def __init__(self, *steps):
        self.steps = steps
        self.seen = []
        self.refused = None

    def __call__(self, connection):
        self.seen.append(state(connection))
        body = b"once"
        try:
            for step in self.steps:
                body = step(connection) if callable(step) else \
                    connection.setsockopt(*step) or body
        except OSError as why:
            self.refused = why.errno
            return b"refused"
        return body


def setting(*steps):
    backend.answer = Setting(*steps)
    return backend.answer


def expect_taken_back(name, *steps):
    """The next accept() finds it as the first did."""
    done = setting(*steps)
    counting = Counting()
    with Client() as client:
        for _ in range(2):
            client.send(request("/dynamic"))
            client.response()
            same(client.ask("/small").body, b"small", f"{name}: static")
        if done.refused in ABSENT:
            say(f"{name}: not in this kernel")
            return
        same(done.refused, None, name)
        same(done.seen[0], done.seen[1], name)
        # Before the client closes, for it may have been quicker than the backend.
        ends = {key: 0 for key in counting.before if key.startswith("left_")}
        eventually(lambda: sum(map(counting.grown, ["taken_back", *ends])) >= 2,
                   f"{name}: two ends {counting.grown('taken_back')}")
        same({key: counting.grown(key) for key in ends}, ends, name)


def expect_left(name, *steps):
    done = setting(*steps)
    counting = Counting()
    with Client() as client:
        client.send(request("/dynamic"))
        response = client.response()
        if done.refused in ABSENT:
            say(f"{name}: not in this kernel")
            return
        same((done.refused, response.body), (None, b"once"), name)
        client.expect_end()
    counting.expect(taken_back=0, left_option=1, left_closed=0)


@test("what servers set is put back")
def restored():
    for name, *option in RESTORED:
        expect_taken_back(name, option)
    expect_taken_back("all", *[option for name, *option in RESTORED if name != "SO_PEEK_OFF"])


@test("what TCP or the file has is not looked at")
def not_kept():
    for name, *option in NOT_KEPT:
        expect_taken_back(name, option)


@test("a socket with any other option is not taken back")
def left():
    for name, *option in LEFT:
        expect_left(name, option)


@test("SO_LINGER that is off again, and what was set and set back")
def set_back():
    expect_taken_back("SO_LINGER", (SOL, 13, struct.pack("ii", 1, 9)),
                      (SOL, 13, struct.pack("ii", 0, 0)))
    expect_taken_back("SO_PRIORITY", (SOL, 12, 3), (SOL, 12, 0))


def attach(connection):
    """A filter that lets all pass."""
    code = ctypes.create_string_buffer(FILTER_CODE)
    connection.setsockopt(SOL, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
    return b"once"


@test("a filter")
def filtered():
    expect_left("SO_ATTACH_FILTER", attach)


def send_without_copying(connection):
    connection.setsockopt(SOL, 60, 1)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    connection.send(b"once", MSG_ZEROCOPY)
    connection.setsockopt(SOL, 60, 0)


def send_with_stamps(connection):
    connection.setsockopt(SOL, 37, STAMPS)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce")
    connection.setsockopt(SOL, 37, 0)


def send_with_a_stamp(connection):
    connection.sendmsg([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce"],
                       [(SOL, 37, struct.pack("I", STAMPS & ~(1 << 4)))])


@test("bytes that are reported later, though it is not set any more")
def reported():
    for way in send_without_copying, send_with_stamps, send_with_a_stamp:
        expect_left(way.__name__, way)


# --- what Documentation/security.rst says of programs of a control group --------------------

SYS_BPF = 321
MAP_CREATE, MAP_LOOKUP, PROG_LOAD, PROG_ATTACH, PROG_DETACH = 0, 1, 5, 8, 9
INET_SOCK_RELEASE = 34


def bpf(command, layout, *values):
    attributes = ctypes.create_string_buffer(struct.pack(layout, *values), 128)
    result = libc.syscall(SYS_BPF, command, attributes, 128)
    if result < 0:
        code = ctypes.get_errno()
        raise Skip(f"bpf({command}): {os.strerror(code)}")
    return result


def address(data):
    return ctypes.addressof(data)


def instruction(code, to=0, source=0, offset=0, value=0):
    return struct.pack("<BBhi", code, source << 4 | to, offset, value)


def counting_program(table):
    """Add one to what the table has at 0, and let it be."""
    code = b"".join([
        instruction(0x62, to=10, offset=-4),			# on the stack: 0
        instruction(0xbf, to=2, source=10),
        instruction(0x07, to=2, value=-4),
        instruction(0x18, to=1, source=1, value=table),		# of two
        instruction(0),
        instruction(0x85, value=1),				# bpf_map_lookup_elem()
        instruction(0x15, to=0, offset=2),
        instruction(0xb7, to=1, value=1),
        instruction(0xdb, to=0, source=1),
        instruction(0xb7, to=0, value=1),
        instruction(0x95)])
    code = ctypes.create_string_buffer(code)
    licence = ctypes.create_string_buffer(b"GPL")
    # prog_type, insn_cnt, insns, license, log, kern_version, flags, name, ifindex, attach type
    return bpf(PROG_LOAD, "IIQQIIQII16sII", 9, 11, address(code), address(licence), 0, 0, 0,
               0, 0, b"", 0, INET_SOCK_RELEASE)


def counted(table):
    key, value = ctypes.c_uint32(0), ctypes.c_uint64(0)
    bpf(MAP_LOOKUP, "IxxxxQQ", table, address(key), address(value))
    return value.value


@test("a program for released sockets runs once for each worker that closes it")
def released():
    table = bpf(MAP_CREATE, "IIII", 2, 4, 8, 1)
    program = counting_program(table)
    group = os.open("/sys/fs/cgroup", os.O_RDONLY)
    bpf(PROG_ATTACH, "III", group, program, INET_SOCK_RELEASE)
    try:
        setting()
        counting = Counting()
        with Client() as client:
            before = counted(table)
            for _ in range(5):
                same(client.ask("/dynamic").body, b"once", "dynamic")
                same(client.ask("/small").body, b"small", "static")
            counting.expect(taken_back=5)
            same(counted(table) - before, 5, "times that it ran")
    finally:
        bpf(PROG_DETACH, "III", group, program, INET_SOCK_RELEASE)
        for descriptor in table, program, group:
            os.close(descriptor)


@test("nothing is left")
def nothing():
    nothing_left()


libc = ctypes.CDLL(None, use_errno=True)
write("small", "small")
backend = OneShot(None)
load(**{"return": 1, "take_back": 1})
run_tests()
