# SPDX-License-Identifier: GPL-2.0
"""sluicectl doctor: a machine that is well, and each thing that can be wrong with it."""

import os

from fake import has, same, test

SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def well(tree):
    """All in order, and the module loaded."""
    tree.write("proc/sys/kernel/osrelease", "6.1.0-40-amd64\n")
    for release in "6.1.0-40-amd64", "6.1.0-9-amd64":
        tree.write(f"lib/modules/{release}/build/Makefile", "")
        tree.write(f"lib/modules/{release}/modules.dep", "updates/dkms/sluice.ko:\n")
    tree.write("proc/sys/net/core/somaxconn", "4096\n")
    tree.write("proc/sys/fs/file-max", "9223372036854775807\n")
    tree.listen("00000000", 80, inode=0)
    tree.listen("0100007F", 8080, inode=99, pid=812, name="nginx")
    tree.write("proc/812/limits", "Max open files            65536   65536   files\n")
    tree.write("var/www/html/index.html", "hello")
    os.chmod(tree.path, 0o755)
    tree.write("proc/self/mountinfo",
               "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /var/www2 rw - nfs x rw\n")
    tree.conf("docroot = /var/www/html\nbackend_port = 8080\n")


def expect(tree, status, *words):
    return tree.ctl("doctor").expect(status, out=words).out


@test("doctor: all is well: status 0")
def all_well(tree):
    well(tree)
    out = expect(tree, 0, "module: loaded", "headers are there", "opened by root, nginx (812)",
                 "user 65534 can go through /var/www/html", "on ext4", "sluice.conf: in order")
    same({line.split()[0] for line in out.splitlines()}, {"ok"}, out)


@test("doctor: nothing there at all ends with a status, too")
def nothing(tree):
    tree.unload()
    out = expect(tree, 1, "there is none; write one", "not loaded", "no backend_port")
    same("Sanitizer" in out, False)


@test("doctor: attached, the server is on its own port, and nothing else is asked for")
def attached(tree):
    well(tree)
    tree.conf("docroot = /var/www/html\nattach = 80\n")
    tree.set("attach", "80")
    tree.set("backend_port", "0")
    # Beside one that well() has there.
    tree.listen("00000000", 80, inode=101, pid=813, name="nginx")
    tree.write("proc/813/limits", "Max open files            65536   65536   files\n")
    tree.count({"live_attached": 2})
    out = expect(tree, 0, "backend 0.0.0.0:80: opened by root, nginx (813)",
                 "attach: to 2 listening sockets")
    same("past sluice" in out, False, out)
    tree.count({"live_attached": 0})
    expect(tree, 1, "bad   attach: to none of 2 listening sockets; the kernel log says why")
    tree.count({"live_attached": 1})
    expect(tree, 4, "warn  attach: to 1 of 2 listening sockets")
    tree.set("attach", "81")
    expect(tree, 1, "attach: nobody listens on port 81")


@test("doctor: warnings alone are status 4")
def warnings(tree):
    well(tree)
    tree.write("proc/sys/net/core/somaxconn", "128\n")
    expect(tree, 4, "warn  net.core.somaxconn: 128")


@test("doctor: the kernel that is to run next has no module, or no headers")
def next_kernel(tree):
    well(tree)
    tree.write("lib/modules/6.12.9-amd64/modules.dep", "kernel/net/other.ko:\n")
    tree.write("lib/modules/6.5.0-rest/nothing", "")
    expect(tree, 1, "bad   kernel 6.12.9-amd64, which is the newest: no module",
           "dkms autoinstall -k 6.12.9-amd64", "apt install linux-headers-6.12.9-amd64")


@test("doctor: Secure Boot, lockdown, sig_enforce")
def signatures(tree):
    well(tree)
    tree.write(SECURE_BOOT, b"\x06\0\0\0\x01")
    expect(tree, 0, "Secure Boot, and the module is loaded")
    tree.unload()
    out = tree.ctl("doctor").out
    has(out, "warn  signatures: Secure Boot is on", "mokutil --import")
    tree.write(SECURE_BOOT, b"\x06\0\0\0\0")
    tree.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    has(tree.ctl("doctor").out, "signatures: lockdown")
    tree.write("sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    has(tree.ctl("doctor").out, "signatures: none")


@test("doctor: the port is taken, and by whom")
def taken(tree):
    well(tree)
    tree.unload()
    tree.write("proc/net/tcp", "")
    tree.listen("00000000", 80, inode=5, pid=4242, name="apache2")
    expect(tree, 1, "bad   port 80: taken by apache2 (4242) on 0.0.0.0")


@test("doctor: the backend is not there, is somebody else's, is open to the world, has few files")
def backend(tree):
    well(tree)
    tree.write("proc/net/tcp", "")
    expect(tree, 1, "bad   backend: nobody listens on port 8080")
    tree.listen("00000000", 8080, uid=1000, inode=99)
    tree.write("proc/812/limits", "Max open files            1024   65536   files\n")
    expect(tree, 1, "bad   backend 0.0.0.0:8080: opened by", "set backend_uid=1000",
           "warn  backend 0.0.0.0:8080: open to others", "nginx (812) may open 1024 files")
    tree.set("backend_uid", "any")
    expect(tree, 4, "ok    backend 0.0.0.0:8080")
    tree.set("standalone", "1")
    tree.set("backend_port", "0")
    expect(tree, 4, "none is wanted")


@test("doctor: docroot that cannot be gone through, files that cannot be read or are run")
def docroot(tree):
    well(tree)
    os.chmod(tree.write("var/www/html/secret.html", ""), 0o600)
    os.chmod(tree.write("var/www/html/script.html", ""), 0o755)
    expect(tree, 4, "cannot read 1 of 3 files", "1 of 3 files in /var/www/html are executable")
    os.chmod(f"{tree.path}/var/www/html", 0o700)
    expect(tree, 1, "bad   docroot: user 65534 cannot go through /var/www/html")
    os.chmod(f"{tree.path}/var/www/html", 0o755)
    os.chmod(f"{tree.path}/var", 0o700)
    tree.set("symlinks", "any")
    expect(tree, 1, "bad   docroot: user 65534 cannot go through /var, as symlinks=any needs")
    tree.set("docroot", "/none")
    expect(tree, 1, "bad   docroot: /none is no directory")


@test("doctor: a file system that is not served")
def file_system(tree):
    well(tree)
    tree.write("var/www2/a/index.html", "")
    tree.set("docroot", "/var/www2/a")
    expect(tree, 1, "bad   docroot: on nfs, which is not served")


@test("doctor: pass_through, a broken invariant, a configuration that is wrong")
def module(tree):
    well(tree)
    tree.set("pass_through", "1")
    tree.count({"invariants_broken": 1})
    tree.conf("docrot = x\n")
    expect(tree, 1, "pass_through=1", "an invariant was broken", "not in order")
