#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A disk that does not answer keeps nobody waiting but those who read from it."""

import os
import subprocess
import time

from lib import (TOP, WWW, Client, bytes_of, get, load, mount,
                 no_connection_left, request, run, run_tests, same, stat, test, write)

# More than there are places in any lane.
READERS = 600
STRIDE = 128 * 1024
BODY = bytes_of(READERS * STRIDE)
SMALL = bytes_of(1_000_000, seed=2)

readers = []


def make_disk(name, size, body):
    """The image of a file system with one file, and where it will be seen."""
    os.mkdir(f"{TOP}/{name}")
    with open(f"{TOP}/{name}/file", "wb") as out:
        out.write(body)
    os.chmod(f"{TOP}/{name}/file", 0o644)
    run("truncate", "-s", str(size), f"{TOP}/{name}.img")
    run("mke2fs", "-q", "-t", "ext4", "-d", f"{TOP}/{name}", f"{TOP}/{name}.img")
    run("rm", "-r", f"{TOP}/{name}")
    os.mkdir(f"{WWW}/{name}")
    return f"{TOP}/{name}.img"


def wait_for_reads():
    """Until all that can begin to read have done so."""
    last = -1
    while stat("fills") > last:
        last = stat("fills")
        time.sleep(1)


@test(f"{READERS} readers of a disk that does not answer")
def hang():
    # What is in memory of it is the way to the file.
    same(get("/hung/file", method="HEAD").status, 200, "status")
    run("dmsetup", "suspend", "--noflush", "--nolockfs", "hung")
    for n in range(READERS):
        client = Client()
        client.send(request("/hung/file", fields=f"Range: bytes={n * STRIDE}-"
                            f"{(n + 1) * STRIDE - 1}\r\n"))
        readers.append(client)
    wait_for_reads()


@test("a cold file on another disk arrives meanwhile, and one that is looked up")
def others():
    same(get("/other/file").body == SMALL, True, "cold")
    same(get("/new").body, b"new", "looked up")


@test("they get all of it when it answers")
def answer():
    run("dmsetup", "resume", "hung")
    for n, client in enumerate(readers):
        body = client.response().body
        same(body == BODY[n * STRIDE:(n + 1) * STRIDE], True, f"part {n}")
        client.close()
    no_connection_left()
    same(stat("connections_aborted"), 0, "aborted")


subprocess.run(["modprobe", "-a", "loop", "dm-mod", "ext4"], check=True)
loop = run("losetup", "--find", "--show",
           make_disk("hung", len(BODY) + 32_000_000, BODY)).strip()
sectors = run("blockdev", "--getsz", loop).strip()
run("dmsetup", "create", "hung", "--table", f"0 {sectors} linear {loop} 0")
run("dmsetup", "mknodes")
mount("-o", "ro", "/dev/mapper/hung", f"{WWW}/hung")
mount("-o", "ro,loop", make_disk("other", 32_000_000, SMALL), f"{WWW}/other")
write("new", "new")
load(standalone=1, header_timeout=3600)
run_tests()
