#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Parameters that make no sense are refused, with a reason, and leave nothing."""

import ctypes
import errno
import os
import socket

from lib import (TOP, WWW, Client, Nginx, get, load, new_messages, nothing_of_it,
                 param, param_refused, read_param, run_tests, same, test, unload,
                 write)

FINIT_MODULE = 313
libc = ctypes.CDLL(None, use_errno=True)


def finit_module(text):
    """Return: 0 or the errno."""
    with open(os.environ["SLUICE_KO"], "rb") as module:
        if libc.syscall(FINIT_MODULE, module.fileno(), text.encode(), 0):
            return ctypes.get_errno()
    return 0


def refused(text, error, *words):
    new_messages()
    got = finit_module(text)
    unload()	# if it was accepted: the next test shall not suffer
    same(errno.errorcode.get(got, 0), errno.errorcode[error], text)
    said = new_messages()
    for word in words:
        same(word in said, True, f"{text}: '{said}' has '{word}'")
    nothing_of_it()


GOOD = f"docroot={WWW} backend_port=8080"


@test("docroot: missing, not there, a file, the root")
def docroot():
    write("file", "a file")
    refused("backend_port=8080", errno.EINVAL, "docroot is missing")
    refused("docroot= backend_port=8080", errno.EINVAL, "docroot is missing")
    refused(f"docroot={TOP}/none backend_port=8080", errno.ENOENT,
            f"docroot={TOP}/none", "ENOENT")
    refused(f"docroot={WWW}/file backend_port=8080", errno.ENOTDIR, "ENOTDIR")
    for root in "/", "//", "/tmp/..", "/proc/self/root":
        refused(f"docroot={root} backend_port=8080", errno.EPERM,
                f"docroot={root}", "whole system")


@test("backend_port: missing, our own, not a port")
def backend_port():
    refused(f"docroot={WWW}", errno.EINVAL, "backend_port is missing")
    refused(f"docroot={WWW} backend_port=80", errno.EINVAL, "own port")
    refused(f"docroot={WWW} port=81 backend_port=81", errno.EINVAL, "own port")
    refused(f"docroot={WWW} backend_port=81 port=81", errno.EINVAL, "own port")
    for value in "65536", "-1", "http", "", "80 80", "8e3":
        refused(f'docroot={WWW} "backend_port={value}"', errno.EINVAL,
                f"backend_port={value}: expected a number from 0 to 65535")


@test("other numbers out of their range")
def numbers():
    for name, values in (
            ("port", ("0", "65536", "http")), ("max_connections", ("0",)),
            ("max_head_size", ("511", "16385")), ("header_timeout", ("0", "3601")),
            ("keepalive_timeout", ("0",)), ("send_timeout", ("x",)),
            ("linger_timeout", ("-5",)), ("cache_entries", ("0",)),
            ("cache_bytes", ("65535", "2147483648", "1M")),
            ("cache_idle", ("0",)), ("defer_accept", ("256",)),
            ("run_as", ("4294967295", "nobody"))):
        for value in values:
            refused(f"{GOOD} {name}={value}", errno.EINVAL,
                    f"{name}={value}: expected a number from")


@test("words that are not among those expected")
def words():
    refused(f"{GOOD} strict=maybe", errno.EINVAL, "strict=maybe: expected 0 or 1")
    refused(f"{GOOD} standalone=2", errno.EINVAL, "expected 0 or 1")
    refused(f"{GOOD} query=drop", errno.EINVAL, 'expected "serve" or "handover"')


@test("what a site is to look like: refused at load as at run time")
def site():
    for name, values in (
            ("dynamic_prefix", ("api/", "/a,,/b")), ("dynamic_suffix", ("php", ".a,")),
            ("hide_dot", ("2", "x")), ("say_why", ("2", "x")), ("htaccess", ("2", "x")), ("backend_files", ("2", "x")), ("authorization", ("ask",)),
            ("options", ("204",)), ("index", ("a/b", "x" * 300)),
            ("docroot_pin", ("2",)), ("symlinks", ("all", "")), ("mode_required", ("8", "0111", "1777")),
            ("mode_forbidden", ("rwx", "01000")),
            ("precompressed", ("gzip", "gz,gz", "gz,")), ("charset", ("a;b", "a=b")),
            ("add_header", ("x", "Connection:close", "Server:x")),
            ("server", ("<x>", "\u00e4")), ("vhosts", ("2",)),
            ("default_host", ("a/b", "..", "UPPER", "")), ("page_404", ("x", "/a/", "/../x")),
            ("if_modified_since", ("off",)), ("bad_range", ("400",)), ("lenient", ("x",)),
            ("proxy_protocol", ("2",)), ("cache_drop", ("0", "all", ""))):
        for value in values:
            refused(f"{GOOD} {name}={value}", errno.EINVAL, f"{name}=", "expected")


@test("what a site is to look like: given at load")
def site_at_load():
    write("real/file", "real")
    write("default/a.b", "a")
    os.symlink("real/file", f"{WWW}/link")
    same(finit_module(f"docroot={WWW} standalone=1 dynamic_prefix=/real/ hide_dot=0 "
                      "symlinks=none mode_required=0644 server=x "
                      '"add_header=X-One: 1\nX-Two: 2" cache_control=no-store'), 0, "insmod")
    response = get("/small")
    same((response.body, response["server"], response["x-one"], response["x-two"],
          response["cache-control"]), (b"small", "x", "1", "2", "no-store"), "small")
    for target in "/link", "/real/file":
        same(get(target).status, 403, target)
    unload()
    same(finit_module(f"docroot={WWW} standalone=1 vhosts=1 charset=utf-8 index= "
                      "precompressed= dynamic_suffix=.b"), 0, "insmod")
    same(get("/a.b").status, 403, "default host")
    unload()


@test("address: not one, not ours, too many")
def address():
    for value in "localhost", "300.1.1.1", "127.0.0.1,", "::g", "127.0.0.1;::1":
        refused(f"{GOOD} address={value}", errno.EINVAL, "address=",
                "expected IPv4 or IPv6")
    for value in "203.0.113.1", "127.0.0.1,2001:db8::1":
        refused(f"{GOOD} address={value}", errno.EADDRNOTAVAIL, "cannot listen",
                "an address of this host")
    many = ",".join(f"127.0.0.{n}" for n in range(1, 100))
    refused(f"{GOOD} address={many}", errno.E2BIG, "listen on 0.0.0.0")


@test("the port is in use")
def port():
    with socket.create_server(("127.0.0.1", 80)):
        refused(GOOD, errno.EADDRINUSE, "port=80: in use")
        # The first of these is free: it must be given back.
        refused(f"{GOOD} address=127.0.0.2,127.0.0.1", errno.EADDRINUSE, "in use")
        socket.create_server(("127.0.0.2", 80)).close()
    load()
    same(get("/small").body, b"small", "when it is free")
    unload()


@test("loaded twice: refused, the first goes on")
def twice():
    load()
    same(finit_module(GOOD), errno.EEXIST, "second")
    same(get("/small").body, b"small", "first")
    unload()
    nothing_of_it()


@test("backend-port= is backend_port=")
def dashes():
    nginx = Nginx()
    same(finit_module(f"docroot={WWW} backend-port=8080"), 0, "insmod")
    same(get("/dynamic").is_nginx, True, "handed over")
    nginx.stop()
    unload()


@test("in sysfs: all but cache_drop readable, refused what makes no sense")
def sysfs():
    load()
    for name in os.listdir("/sys/module/sluice/parameters"):
        if name != "cache_drop":
            same(read_param(name).endswith("\n"), True, name)
    same(read_param("docroot"), WWW + "\n", "docroot")
    same(read_param("address"), "0.0.0.0\n", "address")
    same(read_param("backend_port"), "8080\n", "backend_port")
    param_refused("backend_port", 80, errno.EINVAL, "own port")
    param_refused("backend_port", 0, errno.EINVAL, "backend_port is missing")
    param_refused("max_head_size", 100, errno.EINVAL, "from 512 to 16384")
    param_refused("strict", "perhaps", errno.EINVAL, "expected 0 or 1")
    param_refused("cache_bytes", 0, errno.EINVAL, "from 65536 to 2147483647")
    param_refused("query", "perhaps", errno.EINVAL, "expected")
    param_refused("docroot", "/", errno.EPERM, "whole system")
    param_refused("docroot", f"{TOP}/none", errno.ENOENT, "ENOENT")
    param("standalone", 1)
    param("backend_port", 0)
    param_refused("standalone", 0, errno.EINVAL, "set backend_port first")
    for fixed in "port", "address", "run_as", "defer_accept":
        mode = os.stat(f"/sys/module/sluice/parameters/{fixed}").st_mode & 0o777
        same(oct(mode), oct(0o444), fixed)
    same(get("/small").body, b"small", "after all that")
    unload()


@test("docroot switched while it runs, on a warm connection")
def switch():
    os.makedirs(f"{TOP}/other")
    with open(f"{TOP}/other/small", "w") as out:
        out.write("other")
    load(standalone=1)
    with Client() as client:
        for _ in range(10):
            same(client.ask("/small").body, b"small", "first")
            same(client.ask("/small").body, b"small", "first, warm")
            param("docroot", f"{TOP}/other\n")
            same(read_param("docroot"), f"{TOP}/other\n", "docroot")
            same(client.ask("/small").body, b"other", "other")
            param("docroot", WWW)
    unload()


write("small", "small")
run_tests()
