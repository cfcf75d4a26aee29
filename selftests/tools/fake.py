# SPDX-License-Identifier: GPL-2.0
"""
A tree that stands in for /sys, /proc, /dev and /etc, and programs that stand in for
modprobe, rmmod and modinfo: what sluicectl does can be tested on any machine.

The settings and counters are those of the source.
"""

import os
import re
import shutil
import subprocess
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("OUT") or HERE + "/build"
SLUICECTL = BUILD + "/sluicectl"

_tests = []


def test(promise):
    """Register a function as the test of a promise; it is given a tree."""
    def register(function):
        _tests.append((promise, function))
        return function
    return register


def run_tests():
    """Return: how many passed, how many failed"""
    failed = 0
    for promise, function in _tests:
        tree = Tree()
        try:
            function(tree)
        except Exception:	# whatever it is, the next test goes on
            failed += 1
            print(f"not ok {promise}")
            print("    " + traceback.format_exc().replace("\n", "\n    "))
        tree.remove()
    return len(_tests) - failed, failed


def same(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


def has(text, *words):
    for word in words:
        if word not in text:
            raise AssertionError(f"no {word!r} in {text!r}")


def source(path):
    with open(f"{TOP}/{path}", encoding="utf-8") as text:
        return text.read()


def settings_of_source():
    """Name -> (mode, what it is)."""
    text = source("src/ctl/settings.c")
    found = re.findall(r'^SETTING\((\w+), (0\d+),\s*"((?:[^"\\]|\\.)*)"', text, re.M)
    return {name: (int(mode, 8), what.replace('\\"', '"')) for name, mode, what in found}


def counters_of_source():
    return re.findall(r'^\tX\(\w+,\s*"(\w+)"\)', source("src/base/stats.h"), re.M)


SETTINGS = settings_of_source()
COUNTERS = counters_of_source()
assert len(SETTINGS) > 40 and len(COUNTERS) > 80, "were the tables moved?"

VALUES = {
    "docroot": "/var/www/html", "port": "80", "backend_port": "8080", "address": "0.0.0.0",
    "attach": "", "backend_uid": "0", "run_as": "65534", "index": "index.html", "server": "sluice",
    "charset": "", "add_header": "", "page_404": "", "cache_control": "",
    "mode_forbidden": "0111", "mode_required": "0000", "symlinks": "beneath",
    "unload_timeout": "0", "keepalive_timeout": "75", "max_connections": "65536",
    "dynamic_prefix": "", "cache_entries": "4096",
}

MODPROBE = """#!/bin/sh
printf '%s\\n' "$@" >"$SLUICE_FAKE/loaded-with"
if [ -e "$SLUICE_FAKE/load-fails" ]; then
	printf '3,9,9,-;sluice: %s\\n' "$(cat "$SLUICE_FAKE/load-fails")" >>"$SLUICE_FAKE/dev/kmsg"
	echo "modprobe: ERROR: could not insert" >&2
	exit 1
fi
mv "$SLUICE_FAKE/unloaded" "$SLUICE_FAKE/sys/module/sluice"
"""
RMMOD = """#!/bin/sh
[ ! -e "$SLUICE_FAKE/unload-hangs" ] || sleep "$(cat "$SLUICE_FAKE/unload-hangs")"
[ ! -e "$SLUICE_FAKE/unload-fails" ] || { echo "rmmod: ERROR: in use" >&2; exit 1; }
mv "$SLUICE_FAKE/sys/module/sluice" "$SLUICE_FAKE/unloaded"
"""


class Result:
    """What a call of sluicectl came to."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def expect(self, status, out=(), err=()):
        if self.status != status:
            raise AssertionError(f"status {self.status}, expected {status}:"
                                 f"\n{self.out}\n{self.err}")
        has(self.out, *out)
        has(self.err, *err)
        return self


class Tree:
    """One for each test. Loaded, with all counters at 0, until told otherwise."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="sluicectl-")
        for name, (mode, _) in SETTINGS.items():
            self.write(f"sys/module/sluice/parameters/{name}", VALUES.get(name, "0") + "\n")
            os.chmod(f"{self.path}/sys/module/sluice/parameters/{name}", mode)
        self.write("sys/module/sluice/initstate", "live\n")
        os.mkdir(f"{self.path}/run")
        self.write("dev/kmsg", "6,1,1,-;older: not ours\n")
        self.count({})
        self.write("proc/net/tcp", "  sl  local_address\n")
        self.write("proc/net/tcp6", "  sl  local_address\n")
        for name, text in ("modprobe", MODPROBE), ("insmod", MODPROBE), ("rmmod", RMMOD):
            self.program(name, text)
        self.program("modinfo", "#!/bin/sh\ncat \"$SLUICE_FAKE/modinfo\"\n")
        self.write("modinfo", "".join(f"{name}:{what}\n"
                                      for name, (_, what) in SETTINGS.items()))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text, how="w"):
        path = f"{self.path}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(text, bytes):
            with open(path, how + "b") as out:
                out.write(text)
        else:
            with open(path, how, encoding="utf-8") as out:
                out.write(text)
        return path

    def read(self, name):
        with open(f"{self.path}/{name}", encoding="utf-8") as text:
            return text.read()

    def program(self, name, text):
        os.chmod(self.write(f"bin/{name}", text), 0o755)

    def count(self, counts):
        numbers = {**dict.fromkeys(COUNTERS, 0), **counts}
        self.write("proc/net/sluice/stats",
                   "".join(f"{name} {number}\n" for name, number in numbers.items()))

    def set(self, name, value, instance=None):
        where = f"instances/{instance}" if instance else "parameters"
        self.write(f"sys/module/sluice/{where}/{name}", value + "\n")

    def value(self, name, instance=None):
        where = f"instances/{instance}" if instance else "parameters"
        return self.read(f"sys/module/sluice/{where}/{name}").strip("\n")

    def offer_instances(self):
        """As a module that has them."""
        for name in "make", "end":
            self.write(f"sys/module/sluice/instances/{name}", "")
        for name in ("docroot", "port", "backend_port", "address", "netns", "live",
                     "keepalive_timeout", "standalone"):
            value = {"netns": "net:[1]", "live": "0"}.get(name, VALUES.get(name, "0"))
            self.write(f"instance/{name}", value + "\n")

    def refuse(self, what, number, says="", unless=""):
        self.write("rules", f"{what}\t{number}\t{says}\t{unless}\n", "a")

    def conf(self, text):
        return self.write("etc/sluice/sluice.conf", text)

    def unload(self):
        os.rename(f"{self.path}/sys/module/sluice", f"{self.path}/unloaded")

    def listen(self, address, port, uid=0, inode=4711, file="tcp", pid=None, name=None):
        """@address as the kernel writes it."""
        self.write(f"proc/net/{file}",
                   f"   0: {address}:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000"
                   f" 00000000 {uid:5d}        0 {inode} 1 0000000000000000 100 0 0 10 0\n", "a")
        if pid:
            self.write(f"proc/{pid}/comm", name + "\n")
            os.makedirs(f"{self.path}/proc/{pid}/fd")
            os.symlink(f"socket:[{inode}]", f"{self.path}/proc/{pid}/fd/6")

    def ctl(self, *words, timeout=20, **kwargs):
        env = {**os.environ, "PATH": f"{self.path}/bin:{os.environ['PATH']}",
               "SLUICE_FAKE": self.path, "LD_PRELOAD": BUILD + "/kernel.so",
               "ASAN_OPTIONS": "verify_asan_link_order=0", "TERM": "xterm"}
        return Result(subprocess.run([SLUICECTL, "--root", self.path, *words],
                                     capture_output=True, text=True, env=env, check=False,
                                     errors="replace", timeout=timeout, **kwargs))
