# SPDX-License-Identifier: GPL-2.0
"""sluicectl top."""

import os
import pty
import select
import subprocess
import threading
import time

from fake import BUILD, SLUICECTL, has, same, test


def later(seconds, function):
    timer = threading.Timer(seconds, function)
    timer.start()
    return timer


@test("top --once: what happened in the interval, a second; reasons, the most frequent first")
def once(tree):
    tree.count({"requests": 100, "handed_over_query": 50})
    later(0.2, lambda: tree.count({"requests": 1100, "served": 900, "handed_over_query": 150,
                                   "handed_over_not_found": 500, "live_connections": 7,
                                   "cache_hits": 3, "cache_misses": 1}))
    out = tree.ctl("top", "--once", "--interval", "1").expect(0).out
    rates = {line.split()[0]: line.split()[-1] for line in out.splitlines() if line}
    for name, expected in ("requests", 1000), ("served", 900), ("query", 100):
        same(expected * 0.8 <= float(rates[name]) <= expected * 1.01, True, out)
    same(out.index("not_found") < out.index("query"), True, out)
    has(out, "connections open                   7", "75.0 %")
    same("handed_over_" in out, False, out)


@test("top: counters that fall, and a module that goes away meanwhile")
def away(tree):
    tree.count({"requests": 100})
    later(0.1, lambda: tree.count({"requests": 5}))
    tree.ctl("top", "--once", "--interval", "0.4").expect(0, out=["requests                         0.0"])
    later(0.1, tree.unload)
    tree.ctl("top", "--once", "--interval", "0.4").expect(3)


def on_terminal(tree, act):
    """Run it on one, call act(write); return its status, and what it drew."""
    ours, its = pty.openpty()
    env = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen([SLUICECTL, "--root", tree.path, "top", "--interval", "0.1"],
                          stdin=its, stdout=its, stderr=its, env=env) as child:
        os.close(its)
        drawn = b""
        acted = False
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if select.select([ours], [], [], 0.1)[0]:
                    drawn += os.read(ours, 65536)
            except OSError:
                break
            if b"requests" in drawn and not acted:
                acted = True
                act(lambda keys: os.write(ours, keys))
            if child.poll() is not None:
                break
        status = child.wait(10)
    os.close(ours)
    return status, drawn.decode(errors="replace")


@test("top: draws, and ends with q, or with the module")
def screen(tree):
    status, drawn = on_terminal(tree, lambda write: write(b"xq"))
    same(status, 0, drawn)
    has(drawn, "q: quit")
    status, drawn = on_terminal(tree, lambda write: tree.unload())
    same(status, 3, drawn)


@test("top: where there is no terminal, that is said")
def no_terminal(tree):
    env = {**os.environ, "TERM": "no-such-terminal"}
    done = subprocess.run([SLUICECTL, "--root", tree.path, "top"], env=env, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=10)
    same(done.returncode, 1, done)
    has(done.stderr, "--once")
    same(os.path.exists(BUILD), True)
