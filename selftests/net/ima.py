#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""IMA: a file that is not the one that was signed is not served, whenever that became so."""

import hashlib
import os

from lib import (WWW, Client, Skip, get, load, mount, nothing_left, run_tests, same,
                 test, write)

POLICY = "/sys/kernel/security/ima/policy"
# The policy is for all of the machine, and stays; so it is about a user of its own.
SIGNER = 54321
RULE = f"appraise func=FILE_CHECK mask=MAY_READ fowner={SIGNER}\n"


def sign(path):
    """As evmctl ima_hash: type, algorithm, digest."""
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).digest()
    os.setxattr(path, "security.ima", b"\x04\x04" + digest)
    os.chown(path, SIGNER, SIGNER)


def need_policy():
    """Said once in the life of a machine; another attempt finds it there."""
    with open("/proc/filesystems") as known:
        if "\tsecurityfs\n" not in known.read():
            raise Skip("this kernel has no IMA")
    if not os.path.exists("/sys/kernel/security/ima"):
        mount("-t", "securityfs", "securityfs", "/sys/kernel/security")
    if not os.path.exists("/sys/kernel/security/ima"):
        raise Skip("this kernel has no IMA")
    if os.path.exists(POLICY):
        with open(POLICY, "w") as out:
            out.write(RULE)


def tamper(path):
    """In place; nothing that is looked at from outside moves."""
    times = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"t")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def expect_refused(target):
    try:
        with open(WWW + target, "rb"):
            raise AssertionError(f"a process may open {target}")
    except PermissionError:
        pass
    for _ in range(2):
        same(get(target).status, 403, target)


@test("what is not what was signed is not served, also if it was before")
def signed():
    for name in "plain", "cached", "signed", "gz", "gz.gz":
        sign(write(name, b"signed", mtime=1000000000))
    for _ in range(2):
        same(get("/cached").body, b"signed", "in the cache before there was a policy")
    need_policy()
    tamper(f"{WWW}/cached")
    expect_refused("/cached")
    for _ in range(2):
        same(get("/signed").body, b"signed", "by the policy")
    tamper(f"{WWW}/signed")
    expect_refused("/signed")
    os.chown(f"{WWW}/signed", 0, 0)
    same(get("/signed").body, b"tigned", "nobody has to have signed it")


@test("of two representations only what was signed is sent")
def signed_sibling():
    need_policy()
    for _ in range(2):
        with Client() as client:
            response = client.ask("/gz", fields="Accept-Encoding: gzip\r\n")
            same(response["content-encoding"], "gzip", "packed")
    tamper(f"{WWW}/gz.gz")
    for _ in range(2):
        with Client() as client:
            response = client.ask("/gz", fields="Accept-Encoding: gzip\r\n")
            same((response["content-encoding"], response.body), (None, b"signed"), "not")


@test("nothing is left")
def left():
    nothing_left()


load(standalone=1)
run_tests()
