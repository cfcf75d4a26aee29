# SPDX-License-Identifier: GPL-2.0
"""sluice.conf: check, reload, load, unload."""

import errno
import os
import random

from fake import has, same, test

GOOD = """\
# a comment
docroot = /srv/www
backend-port = 8080	# another
index = index.html, \\
	index.htm
add_header = X-Frame-Options: DENY | \\
	X-Robots-Tag: none
server = "blue # \\"moon\\""
"""


def ready(tree, text=GOOD):
    os.makedirs(f"{tree.path}/srv/www", exist_ok=True)
    return tree.conf(text)


def loaded_with(tree):
    return tree.read("loaded-with").splitlines()


@test("check: a file that is in order, whether the module is loaded or not")
def check(tree):
    ready(tree)
    tree.ctl("check").expect(0, out=["/etc/sluice/sluice.conf: in order: 5 settings"])
    tree.unload()
    tree.ctl("check").expect(0, out=["in order"])
    ready(tree, GOOD.replace(r'\"moon\"', r'\"a b\" c'))
    tree.ctl("check").expect(1, err=["sluice.conf:8: server: the kernel takes no value with a \""])


WRONG = (
    ("docroot", "1: 'docroot': expected NAME = VALUE"),
    ("doc root = x", "1: 'doc root': expected the name"),
    ("= x", "1: '': expected the name"),
    ("docrot = /srv/www", "1: there is no setting 'docrot'; was 'docroot' meant?"),
    ("qqqqqqqqqqqqqqqqqqqqq = 1", "1: there is no setting 'qqqqqqqqqqqqqqqqqqqqq'\n"),
    ("port = 81\n\nport = 82", "3: port is set in line 1 already"),
    ("\n\nserver = \"x", "3: a quote without an end"),
    ('server = "x" y', "1: what is behind the quotes"),
    ("server = a\x01b", "1: server: expected text of at most"),
    ("server = " + "x" * 5000, "1: server: expected text of at most 4094 bytes"),
    ("server = a\x00b", "1: a byte that is 0"),
    ("docroot = /none", "1: docroot = /none: expected a directory"),
    ("port = 81", "docroot is missing; expected docroot = DIRECTORY"),
    ("port = 81", "backend_port is missing"),
    ("backend_port = 80", "1: backend_port = 80 is sluice's own port"),
    ("attach = 80\nbackend_port = 8080", "2: backend_port = 8080: with attach"),
    ("attach = 80\naddress = ::", "2: address = ::: with attach"),
    ("standalone = 1\nattach = 80", "1: standalone = 1: with attach there is a server"),
    ("port = 81\nbackend_port = 81", "2: backend_port = 81 is sluice's own port"),
    ("[instance", "1: expected [instance NAME]"),
    ("[instance]", "1: expected [instance NAME]"),
    ("[instances a]", "1: expected [instance NAME]"),
    ("[server blue]", "1: expected [instance NAME]"),
    ("[instance Blue]", "1: 'Blue': expected a name of 1 to 32"),
    ("[instance " + "b" * 33 + "]", "expected a name of 1 to 32"),
    ("[instance a/b]", "'a/b': expected a name"),
    ("[instance a]\n[instance a]", "2: a second [instance a]"),
    ("[instance a]\nport = 1", "a: docroot is missing"),
    ("cache_drop = 1", "1: cache_drop has no value that stays"),
    ("netns = /run/netns/a", "1: there is no setting 'netns'"),
    ("a\\\nb\\\nc\nx", "1: 'a b c': expected NAME = VALUE"),
    ("a\\\nb\\\nc\nx", "4: 'x': expected NAME = VALUE"),
    ("docroot = x\\", "1: docroot = x: expected a directory"),
)


@test("check: what is wrong, in which line, and what was expected")
def wrong(tree):
    for text, message in WRONG:
        ready(tree, text)
        tree.ctl("check").expect(1, err=["sluice.conf:" + message
                                         if message[0].isdigit() else message])


@test("check: what attach goes with, as the module has it")
def with_attach(tree):
    ready(tree, "docroot = /srv/www\nattach = 80\nport = 80\naddress = 0.0.0.0\n"
                "defer_accept = 0\nbackend_port = 0\nstandalone = 0\n")
    tree.ctl("check").expect(0, out=["in order"])


@test("check: a file that is missing, a directory, huge, or nobody can ask the module")
def no_file(tree):
    tree.ctl("check").expect(1, err=["sluice.conf: No such file"])
    tree.ctl("check", "/run").expect(1, err=["/run: Is a directory"])
    ready(tree, "#" * 2_000_000)
    tree.ctl("check").expect(1, err=["File too large", "at most 1 MiB"])
    ready(tree, "x\n" * 10_000)
    has(tree.ctl("check").expect(1).err, "more")
    same(len(tree.ctl("check").err.splitlines()) < 30, True)
    ready(tree)
    tree.unload()
    tree.program("modinfo", "#!/bin/sh\nexit 1\n")
    tree.ctl("check").expect(1, err=["no module to ask"])


@test("check: files of nonsense end with a status, and no report of ASan")
def nonsense(tree):
    dice = random.Random(1)
    words = ["docroot", "=", " ", "\\", "\n", "[instance ", "]", "\"", "#", "a", "\0", "\r",
             "\t", ",", "port", "[", "\xff"]
    for _ in range(60):
        ready(tree, "".join(dice.choice(words) for _ in range(dice.randrange(400))))
        result = tree.ctl("check")
        same(result.status in (0, 1), True, result.err)
        same("Sanitizer" in result.err or "runtime error" in result.err, False, result.err)


@test("check: the kernel is asked about values, where it has instances")
def check_values(tree):
    tree.offer_instances()
    ready(tree, "docroot = /srv/www\nbackend_port = 8080\nkeepalive_timeout = 0\n"
                "hide_dot = 1\n")
    tree.refuse("keepalive_timeout=0", errno.EINVAL, "check: expected a number from 1 to 3600")
    tree.ctl("check").expect(1, err=["sluice.conf:3: ", "expected a number from 1 to 3600"])
    same(sorted(os.listdir(f"{tree.path}/sys/module/sluice/instances")), ["end", "make"])


@test("reload: what differs is written, and what takes effect at load is said")
def reload(tree):
    ready(tree, GOOD + "port = 81\nrun_as = 0xfffe\n")
    result = tree.ctl("reload").expect(0, out=["7 settings, of which 4 were written"])
    same(tree.value("docroot"), "/srv/www")
    same(tree.value("index"), "index.html,index.htm")
    same(tree.value("add_header"), "X-Frame-Options: DENY | X-Robots-Tag: none")
    same(tree.value("server"), 'blue # "moon"')
    same(tree.value("port"), "80")
    has(result.err, "sluice.conf:9: port = 81: kept 80: it takes effect when the module is loaded")
    same("run_as" in result.err, False, result.err)


@test("reload: one is refused, and all that was written is put back")
def reload_refused(tree):
    ready(tree, "docroot = /srv/www\nbackend_port = 8081\nserver = x\ncache_entries = 0\n"
                "keepalive_timeout = 3\n")
    tree.refuse("cache_entries=0", errno.EINVAL,
                "cache_entries=0: expected a number from 1 to 1048576")
    tree.ctl("reload").expect(1, err=[
        "sluice.conf:4: cache_entries=0: refused",
        "the kernel says: cache_entries=0: expected a number from 1 to 1048576",
        "4 that had been set were put back"])
    for name, value in (("docroot", "/var/www/html"), ("server", "sluice"),
                        ("backend_port", "8080"), ("keepalive_timeout", "75")):
        same(tree.value(name), value, name)


@test("reload: what cannot be put back is said")
def reload_stuck(tree):
    ready(tree, "docroot = /srv/www\nbackend_port = 8080\nserver = x\ncache_entries = 0\n")
    tree.refuse("cache_entries=0", errno.EINVAL)
    tree.refuse("server=sluice", errno.ENODEV)
    tree.ctl("reload").expect(1, err=["server=sluice: refused", "could not be put back"])
    same(tree.value("docroot"), "/var/www/html")


@test("reload: a file that is wrong changes nothing")
def reload_wrong(tree):
    ready(tree, "docroot = /srv/www\nbackend_port = 8080\nservre = x\n")
    tree.ctl("reload").expect(1, err=["'server' meant", "nothing was changed"])
    same(tree.value("docroot"), "/var/www/html")


@test("reload: what the file does not say any more is said")
def left_out(tree):
    ready(tree, "docroot = /srv/www\nbackend_port = 8080\nserver = x\n")
    same(tree.ctl("reload").expect(0).err, "")
    ready(tree, "docroot = /srv/www\nbackend_port = 8080\n")
    tree.ctl("reload").expect(0, err=["server is not in it any more: kept"])
    same(tree.ctl("reload").expect(0).err, "")


BASE = "docroot = /srv/www\nbackend_port = 8080\n"
BLUE = BASE + "[instance blue]\nnetns = /run/netns/blue\ndocroot = /srv/www\nbackend_port = 8080\n"


@test("reload: instances begin, change, and end with the file that had them")
def instances(tree):
    ready(tree, BLUE)
    tree.ctl("reload").expect(1, err=["has no instances"])
    tree.offer_instances()
    tree.ctl("reload").expect(0)
    same((tree.value("live", "blue"), tree.value("docroot", "blue")), ("1", "/srv/www"))
    tree.write("run/netns/blue", "")
    tree.set("netns", f"net:[{os.stat(tree.path + '/run/netns/blue').st_ino}]", "blue")
    ready(tree, BLUE + "keepalive_timeout = 5\nport = 8\n")
    tree.ctl("reload").expect(0, err=["blue: port = 8: kept 80"])
    same(tree.value("keepalive_timeout", "blue"), "5")
    os.mkdir(f"{tree.path}/sys/module/sluice/instances/foreign")
    ready(tree, BASE)
    tree.ctl("reload").expect(0, out=["blue: ended"])
    same(sorted(os.listdir(f"{tree.path}/sys/module/sluice/instances")),
         ["end", "foreign", "make"])


@test("reload: an instance that does not begin takes all back, others too")
def instance_refused(tree):
    tree.offer_instances()
    ready(tree, BLUE + "[instance red]\ndocroot = /srv/www\nstandalone = 1\nport = 7\n")
    tree.refuse("port=7", errno.EINVAL, "red: port=7: expected another")
    tree.ctl("reload").expect(1, err=["red: port=7: refused", "put back"])
    same(tree.value("docroot"), "/var/www/html")
    same(sorted(os.listdir(f"{tree.path}/sys/module/sluice/instances")), ["end", "make"])


@test("load: what the file says is said to the kernel; unload")
def load(tree):
    ready(tree)
    tree.ctl("load").expect(1, err=["loaded already"])
    tree.unload()
    tree.ctl("load").expect(0)
    same(loaded_with(tree), ["sluice", "docroot=/srv/www", "backend_port=8080",
                             "index=index.html,index.htm",
                             'add_header="X-Frame-Options: DENY | X-Robots-Tag: none"',
                             'server="blue # "moon""'])
    same(os.path.exists(f"{tree.path}/run/sluice/loaded"), True)
    tree.ctl("unload").expect(0)
    same(os.path.exists(f"{tree.path}/run/sluice/loaded"), False)
    tree.ctl("--module", "/x/sluice.ko", "load").expect(0)
    same(loaded_with(tree)[0], "/x/sluice.ko")


@test("load: refused, with what the kernel says")
def load_refused(tree):
    ready(tree, BASE)
    tree.unload()
    tree.write("load-fails", "address=0.0.0.0 port=80: in use (-EADDRINUSE); stop the server")
    tree.ctl("load").expect(1, err=["the kernel says: address=0.0.0.0 port=80: in use",
                                    "sluice is not loaded"])
    ready(tree, "docroot = /none\n")
    tree.ctl("load").expect(1, err=["sluice.conf:1: docroot"])


@test("load: with instances, all or no module")
def load_instances(tree):
    tree.offer_instances()
    ready(tree, BLUE)
    tree.unload()
    tree.ctl("load").expect(0)
    same(tree.value("live", "blue"), "1")
    tree.ctl("unload").expect(0)
    tree.write("unloaded/instances/make", "")
    os.system(f"rm -r {tree.path}/unloaded/instances/blue")
    tree.refuse("live=1", errno.EADDRINUSE, "blue: address=0.0.0.0 port=80: in use")
    tree.ctl("load").expect(1, err=["blue: live=1: refused", "unloaded again"])
    same(os.path.exists(f"{tree.path}/sys/module/sluice"), False)


@test("unload: bounded, says what it waits for; refused")
def unload(tree):
    tree.count({"live_connections": 3})
    tree.write("unload-fails", "")
    tree.ctl("unload").expect(1, err=["in use", "not unloaded"])
    tree.write("unload-hangs", "2")
    tree.ctl("unload", "--timeout", "0.3").expect(5, err=["waiting for 3 connections",
                                                          "not unloaded after 0.3 s"])
