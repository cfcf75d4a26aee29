#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
File systems: those that are served show each change at once, and can be unmounted as
soon as nothing is sent from them; all others are the backend's.
"""

import mmap
import os
import socket
import subprocess

from lib import (TOP, WWW, Client, Counting, Nginx, Skip, bytes_of, eventually, get,
                 load, mount, nothing_left, param, params, request, run,
                 run_tests, same, start, test, unload, write)

MNT = f"{TOP}/mnt"
BIG = bytes_of(3_000_000)
PAGE = 4096
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)

# How much room each wants at least, in MiB, and how it is made.
WRITABLE = {
    "tmpfs": None,
    "ext4": (64, "mke2fs", "-q", "-t", "ext4"),
    "xfs": (320, "mkfs.xfs", "-q"),
    "btrfs": (128, "mkfs.btrfs", "-q"),
    "f2fs": (64, "mkfs.f2fs", "-q"),
}
# How they are made of what is in a directory; the image comes first or last.
READ_ONLY = {
    "squashfs": ("mksquashfs", "TREE", "IMAGE", "-quiet", "-no-progress"),
    "erofs": ("mkfs.erofs", "--quiet", "IMAGE", "TREE"),
    "iso9660": ("genisoimage", "-quiet", "-R", "-o", "IMAGE", "TREE"),
}
REFLINKS = "xfs", "btrfs"


def need(kind):
    subprocess.run(["modprobe", "-qa", "loop", {"iso9660": "isofs"}.get(kind, kind)])
    with open("/proc/filesystems") as known:
        if f"\t{kind}\n" not in known.read():
            raise Skip(f"this kernel has no {kind}")


def image(kind):
    return f"{TOP}/{kind}.img"


def mount_here(kind):
    os.makedirs(MNT, exist_ok=True)
    if kind == "tmpfs":
        run("mount", "-t", kind, kind, MNT)
    else:
        run("mount", "-t", kind, "-o", "loop", image(kind), MNT)
    if kind in WRITABLE:
        os.chmod(MNT, 0o755)


def put(name, data, mode=0o644):
    return write(f"{MNT}/{name}", data, mode)


def is_attached(kind):
    return image(kind) in run("losetup", "--all")


def forget_pages():
    param("cache_drop", 1)
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as out:
        out.write("3")


def expect(client, target, body, status=200):
    response = client.ask(target)
    same((response.status, response.is_nginx), (status, False), target)
    if status == 200:
        same(response.body, body, target)


def expect_served(kind):
    """From memory, in the cache the second time; and from the disk."""
    with Client() as client:
        for name, body in ("small", b"small"), ("big", BIG):
            expect(client, f"/{name}", body)
            counting = Counting()
            expect(client, f"/{name}", body)
            counting.expect(cache_hits=1, lookups=0)
        if kind == "tmpfs":
            return
        forget_pages()
        counting = Counting()
        expect(client, "/big", BIG)
        same(counting.grown("fills") > 0, True, "read from the disk")
        expect(client, "/small", b"small")


# --- changes ----------------------------------------------------------------------

def overwrite(path, at, data):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, at)
    os.close(fd)


def store(path, at, data):
    """Through a shared mapping."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as shown:
        shown[at:at + len(data)] = data


def clone(path, body):
    """The blocks of another file in place of its own."""
    other = put("other", body)
    run("cp", "--reflink=always", other, path)


def changes(kind):
    """Each with what is to be seen when it has returned, None: 403."""
    path = f"{MNT}/changes"
    new = bytes_of(3 * PAGE, seed=2)
    middle = new[:PAGE] + b"x" * PAGE + new[2 * PAGE:]
    hole = new[:PAGE] + bytes(PAGE) + new[2 * PAGE:]
    yield "made", lambda: put("changes", new[:PAGE]), new[:PAGE]
    yield "written longer", lambda: overwrite(path, 0, new), new
    yield "written in its middle", lambda: overwrite(path, PAGE, b"x" * PAGE), middle
    yield "stored to", lambda: store(path, PAGE, new[PAGE:2 * PAGE]), new
    yield "punched", lambda: run("fallocate", "-p", "-o", str(PAGE), "-l", str(PAGE),
                                 path), hole
    yield "truncated", lambda: os.truncate(path, PAGE - 7), new[:PAGE - 7]
    yield "extended", lambda: os.truncate(path, PAGE + 7), new[:PAGE - 7] + bytes(14)
    if kind in REFLINKS:
        yield "cloned", lambda: clone(path, middle), middle
        yield "cloned again", lambda: clone(path, new), new
    yield "renamed over", lambda: os.rename(put("other", b"other"), path), b"other"
    yield "closed", lambda: os.chmod(path, 0o600), None
    yield "opened", lambda: os.chmod(path, 0o644), b"other"
    yield "given away", lambda: os.chown(path, 65534, 65534), b"other"
    yield "closed to him", lambda: os.chmod(path, 0o244), None
    yield "removed", lambda: os.unlink(path), b""
    yield "linked", lambda: os.link(f"{MNT}/small", path), b"small"


def expect_changes(kind):
    with Client() as client:
        for what, change, body in changes(kind):
            change()
            status = 403 if body is None else 200 if body else 404
            # The first one is right at once; then it is in the cache, for the next.
            for _ in range(3):
                response = client.ask("/changes")
                same((response.status, response.is_nginx), (status, False), what)
                if status == 200:
                    same(response.body, body, what)


def expect_busy_while_sent():
    """And not any more when it is over."""
    client = Client(options=[SMALL_WINDOW])
    client.send(request("/big"))
    client.take_until(b"\r\n\r\n")
    param("docroot", WWW)
    same(subprocess.run(["umount", MNT], capture_output=True).returncode, 32, "umount")
    client.close()
    nothing_left()
    run("umount", MNT)


def expect_gone_with_module(kind):
    mount_here(kind)
    param("docroot", MNT)
    expect_here(kind)
    unload()
    run("umount", MNT)
    load()


def expect_here(kind):
    if kind == "tmpfs":		# it comes back empty
        put("small", b"small")
    same(get("/small").body, b"small", "small")


def expect_lazy(kind):
    """What was unmounted lazily is not served any more, unless it is pinned; then it is free."""
    mount_here(kind)
    with params(docroot_pin=1):
        param("docroot", MNT)
        expect_here(kind)
        run("umount", "-l", MNT)
        same(get("/small").body, b"small", "small")
        same(get("/none").is_nginx, True, "none")
        same(kind == "tmpfs" or is_attached(kind), True, "attached")
        param("docroot", WWW)
        eventually(lambda: not is_attached(kind), "its disk to be free")
    mount_here(kind)
    param("docroot", MNT)
    expect_here(kind)
    run("umount", "-l", MNT)
    same(get("/small").is_nginx, True, "of what is below")
    eventually(lambda: not is_attached(kind), "its disk to be free, with nobody asking")
    param("docroot", WWW)


def writable(kind):
    need(kind)
    if WRITABLE[kind]:
        size, *command = WRITABLE[kind]
        run("truncate", "-s", f"{size}M", image(kind))
        run(*command, image(kind))
    mount_here(kind)
    put("small", b"small")
    put("big", BIG)
    with params(standalone=1, docroot=MNT):
        expect_served(kind)
        expect_changes(kind)
        if kind == "btrfs":
            expect_snapshots()
        expect_busy_while_sent()
    expect_gone_with_module(kind)
    expect_lazy(kind)


def expect_snapshots():
    run("btrfs", "-q", "subvolume", "create", f"{MNT}/volume")
    put("volume/file", b"before")
    with Client() as client:
        expect(client, "/volume/file", b"before")
        run("btrfs", "-q", "subvolume", "snapshot", f"{MNT}/volume", f"{MNT}/snapshot")
        overwrite(f"{MNT}/volume/file", 0, b"behind")
        for _ in range(2):
            expect(client, "/volume/file", b"behind")
            expect(client, "/snapshot/file", b"before")
        run("btrfs", "-q", "subvolume", "delete", f"{MNT}/snapshot")
        expect(client, "/snapshot/file", b"", status=404)


def read_only(kind):
    need(kind)
    words = {"TREE": make_tree(), "IMAGE": image(kind)}
    run(*[words.get(word, word) for word in READ_ONLY[kind]])
    mount_here(kind)
    with params(standalone=1, docroot=MNT):
        expect_served(kind)
        with Client() as client:
            expect(client, "/sub/file", b"below")
            expect(client, "/link", b"below")
            for target in "/closed", "/out":
                expect(client, target, b"", status=403)
        expect_busy_while_sent()
    expect_gone_with_module(kind)
    expect_lazy(kind)


def make_tree():
    tree = f"{TOP}/tree"
    if not os.path.exists(tree):
        os.mkdir(tree, 0o755)
        write(f"{tree}/small", b"small")
        write(f"{tree}/big", BIG)
        write(f"{tree}/sub/file", b"below")
        write(f"{tree}/closed", b"secret", mode=0o600)
        os.symlink("sub/file", f"{tree}/link")
        os.symlink("../www/file", f"{tree}/out")
    return tree


for name in WRITABLE:
    test(f"{name}: served, changes show, unmounted at once")(
        lambda name=name: writable(name))
for name in READ_ONLY:
    test(f"{name}: served, unmounted at once")(lambda name=name: read_only(name))


# --- the backend's ---------------------------------------------------------------

def expect_not_served(name):
    """Not even to whom it could be read: the backend may."""
    same(os.stat(f"{WWW}/{name}").st_mode & 0o4, 0o4, f"{name} is readable")
    counting = Counting()
    # No body: nginx stumbles over files that are longer than they say.
    for _ in range(2):
        same(get(f"/{name}", method="HEAD").is_nginx, True, name)
    counting.expect(handed_over_filesystem=2, served=0)
    with params(standalone=1):
        for _ in range(2):
            response = get(f"/{name}", method="HEAD")
            same((response.status, response.is_nginx), (503, False), name)
    counting.expect(error_503=2, served=0)


def readable_file(top):
    """The first one that all may read, and get to."""
    for where, directories, names in os.walk(top):
        directories[:] = [name for name in directories
                          if os.stat(f"{where}/{name}").st_mode & 0o1]
        for name in names:
            mode = os.lstat(f"{where}/{name}").st_mode
            # Neither a program nor a name that is the backend's anyway.
            if mode & 0o170555 == 0o100444:
                return f"{where}/{name}"
    raise AssertionError(f"nothing to be read in {top}")


@test("proc, sysfs, debugfs, cgroup2 and 9p: the backend's")
def kernels_own():
    for kind in "proc", "sysfs", "debugfs", "cgroup2":
        os.mkdir(f"{WWW}/{kind}")
        mount("-t", kind, kind, f"{WWW}/{kind}")
        os.chmod(f"{WWW}/{kind}", 0o755)
        path = readable_file(f"{WWW}/{kind}")
        expect_not_served(path.removeprefix(f"{WWW}/"))
    os.mkdir(f"{WWW}/9p")
    write("/share/file", b"shared")
    os.chmod("/share", 0o755)
    mount("--bind", "/share", f"{WWW}/9p")
    expect_not_served("9p/file")
    os.unlink("/share/file")


@test("overlayfs below docroot: of what is below it at the moment; as docroot: overlay.py")
def overlayfs():
    need("overlay")
    for name in "lower", "upper", "work":
        os.mkdir(f"{TOP}/{name}")
    write(f"{TOP}/lower/file", b"lower")
    write(f"{TOP}/upper/other", b"upper")
    os.mkdir(f"{WWW}/merged")
    mount("-t", "overlay", "-o", f"lowerdir={TOP}/lower,upperdir={TOP}/upper,"
          f"workdir={TOP}/work", "overlay", f"{WWW}/merged")
    with params(standalone=1), Client() as client:
        expect(client, "/merged/other", b"upper")
        expect(client, "/merged/file", b"lower")
        write("merged/file", b"copied up")
        expect(client, "/merged/file", b"copied up")
    # Where it is one of the layers.
    with params(docroot=f"{TOP}/lower"):
        same(get("/file").body, b"lower", "the layer itself")


@test("FUSE: the backend's, who may wait for it")
def fuse():
    need("fuse")
    run("truncate", "-s", "16M", image("fuse"))
    run("mke2fs", "-q", "-t", "ext2", image("fuse"))
    os.mkdir(f"{WWW}/fuse")
    server = start("fuse2fs", image("fuse"), f"{WWW}/fuse", "-f", "-o", "allow_other",
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: os.path.ismount(f"{WWW}/fuse"), "fuse2fs")
    try:
        os.chmod(f"{WWW}/fuse", 0o755)
        write("fuse/file", b"of a program")
        expect_not_served("fuse/file")
        same(get("/fuse/file").body, b"of a program", "file")
    finally:
        run("umount", f"{WWW}/fuse")
        server.wait()


@test("nothing is left")
def left():
    nothing_left()


write("index.html", "index")
nginx = Nginx()
load()
run_tests()
