# SPDX-License-Identifier: GPL-2.0
"""sluicectl status and metrics."""

import json
import os
import shutil
import subprocess

from fake import COUNTERS, SETTINGS, has, same, test

BUSY = {"requests": 100, "served": 60, "partial": 5, "not_modified": 15, "handed_over": 20,
        "errors": 5, "handed_over_not_found": 12, "handed_over_query": 8, "error_404": 5,
        "bytes_sent": 123456, "cache_hits": 90, "cache_misses": 10, "live_connections": 7,
        "connections_accepted": 40}


@test("status: where it listens, who is behind it, what came to what")
def status(tree):
    tree.count(BUSY)
    tree.listen("00000000", 80)
    tree.listen("00000000", 8080, inode=99, pid=812, name="nginx")
    tree.listen("00000000000000000000000000000000", 8080, inode=100, file="tcp6")
    out = tree.ctl("status").expect(0).out
    has(out, "is loaded", "0.0.0.0:80", "0.0.0.0:8080, opened by root, nginx (812)", "[::]:8080",
        "docroot=/var/www/html", "requests", "60.0 %", "not_found", "12", "query", "404",
        "90.0 % hits", "7 open")
    same("0.0.0.0:8080" in out.split("backend")[0], False, out)


@test("status: nobody behind it, nobody in front of it")
def nobody(tree):
    tree.ctl("status").expect(0, out=["nothing on port 80", "nobody listens on port 8080"])
    tree.set("standalone", "1")
    tree.ctl("status").expect(0, out=["none (standalone)"])


@test("status: attached to the server's own sockets, or to none of them, or nobody is there")
def attached(tree):
    tree.set("attach", "80,81")
    tree.set("backend_port", "0")
    tree.ctl("status").expect(0, out=["attached to", "nobody listens on port 80,81"])
    tree.listen("00000000", 80, inode=99, pid=812, name="nginx")
    tree.ctl("status").expect(0, out=["0.0.0.0:80, opened by root, nginx (812)",
                                      "none of them: the kernel log says why"])
    tree.count({"live_attached": 2})
    tree.listen("00000000", 81, inode=100)
    out = tree.ctl("status").expect(0, out=["0.0.0.0:81"]).out
    same("none of them" in out or "listens on" in out, False, out)


@test("status: what is alarming is said")
def alarms(tree):
    tree.set("pass_through", "1")
    tree.count({"invariants_broken": 1, "listeners_lost": 2, "listeners_reopened": 1})
    tree.ctl("status").expect(0, out=["pass_through=1: no file is served", "please report",
                                      "closed by somebody else"])


@test("status --json: all of it, for a program")
def as_json(tree):
    tree.count(BUSY)
    tree.offer_instances()
    tree.write("sys/module/sluice/version", "0.1\n")
    tree.write("sys/module/sluice/instances/blue/live", "1\n")
    tree.set("server", "caf\u00e9 \"\\/")
    tree.listen("0100007F", 8080, uid=33, inode=99)
    facts = json.loads(tree.ctl("status", "--json").expect(0).out)
    same(facts["loaded"], True)
    same(facts["version"], "0.1")
    same(sorted(facts["settings"]), sorted(SETTINGS))
    same(facts["settings"]["server"], "caf?? \"\\/")
    same(facts["backend"][0]["address"], "127.0.0.1")
    same(facts["backend"][0]["uid"], 33)
    same(list(facts["counters"]), COUNTERS)
    same(facts["reasons"]["not_found"], 12)
    same(facts["errors"]["404"], 5)
    same(facts["instances"], [{"name": "blue", "live": "1"}])


@test("counters: missing, new, too large, no numbers, no lines")
def odd_counters(tree):
    for text in (b"", b"\0\0\0", b"requests\n", b"requests 1", b"requests -1\n",
                 b"requests 99999999999999999999999\n", b"requests 18446744073709551615\n",
                 b"x" * 300_000, b"requests 1 2\n", b"a{b=\"c\"} 1\n", b"\xff\xfe 3\n",
                 b"requests 5\nrequests 6\n"):
        tree.write("proc/net/sluice/stats", text)
        for words in ["status"], ["status", "--json"], ["metrics"]:
            tree.ctl(*words).expect(0)
    tree.write("proc/net/sluice/stats", "brand_new 7\nserved 1\nhanded_over_moonlight 3\n")
    tree.ctl("status").expect(0, out=["moonlight"])
    tree.ctl("metrics").expect(0, out=["\nsluice_brand_new_total 7\n",
                                       '{reason="moonlight"} 3\n'])


@test("counters in another network namespace, or nobody may read them")
def no_counters(tree):
    os.unlink(f"{tree.path}/proc/net/sluice/stats")
    tree.ctl("status").expect(0, out=["is loaded"], err=["network namespace"])
    tree.ctl("metrics").expect(1, out=["sluice_loaded 1", "# EOF"], err=["network namespace"])
    os.mkdir(f"{tree.path}/proc/net/sluice/stats")
    tree.ctl("metrics").expect(1, err=["cannot read"])


@test("sysfs and /proc that cannot be read, or are nonsense")
def odd_tree(tree):
    os.unlink(f"{tree.path}/sys/module/sluice/parameters/docroot")
    os.mkdir(f"{tree.path}/sys/module/sluice/parameters/docroot")
    tree.write("sys/module/sluice/parameters/port", b"\0\xff\x1b[2J99999999999999999999")
    tree.write("proc/net/tcp", b"\xff" * 5000 + b"\n  0: 00000000:zz\n : \n 1: " + b"0" * 99 +
               b":0050 00000000:0000 0A 0:0 0:0 0 0 0 1\n")
    shutil.rmtree(f"{tree.path}/proc/net/sluice")
    tree.ctl("status").expect(0, out=["is loaded"])
    json.loads(tree.ctl("status", "--json").expect(0).out)
    tree.set("server", "\x1b]0;title\x07")
    same("\x1b" in tree.ctl("get", "server").expect(0).out, False)


@test("output that cannot be written is no success")
def full(tree):
    with open("/dev/full", "w", encoding="ascii") as out:
        env = {**os.environ}
        from fake import SLUICECTL
        for words in ["status"], ["metrics"], ["get"], ["--help"]:
            done = subprocess.run([SLUICECTL, "--root", tree.path, *words], stdout=out,
                                  stderr=subprocess.PIPE, text=True, env=env, check=False)
            same(done.returncode, 1, words)
            has(done.stderr, "cannot write")


def samples(text):
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and line[0] != "#"}


@test("metrics: every counter, once, under a name of Prometheus's conventions")
def metrics(tree):
    tree.count({name: 1000 + i for i, name in enumerate(COUNTERS)})
    out = tree.ctl("metrics").expect(0).out
    same(out.endswith("# EOF\n"), True)
    values = samples(out)
    same(values.pop("sluice_loaded"), 1)
    same(sorted(values.values()), [1000 + i for i in range(len(COUNTERS))])
    for name in ('sluice_outcomes_total{outcome="served"}',
                 'sluice_handed_over_total{reason="not_found"}',
                 'sluice_errors_total{status="404"}', 'sluice_requests_total',
                 'sluice_sent_bytes_total', 'sluice_live_connections',
                 'sluice_timeouts_total{deadline="keepalive"}'):
        same(name in values, True, name)


@test("metrics: promtool has nothing to say")
def promtool(tree):
    tree.count(BUSY)
    out = tree.ctl("metrics").expect(0).out
    done = subprocess.run(["promtool", "check", "metrics"], input=out, text=True,
                          capture_output=True, check=False)
    same((done.returncode, done.stdout, done.stderr), (0, "", ""))


@test("metrics --output: a file is replaced as a whole, or stays")
def metrics_file(tree):
    path = tree.write("out/sluice.prom", "old")
    tree.ctl("metrics", "--output", path).expect(0)
    has(tree.read("out/sluice.prom"), "sluice_loaded 1", "# EOF")
    same(os.listdir(f"{tree.path}/out"), ["sluice.prom"])
    same(os.stat(path).st_mode & 0o777, 0o644)
    tree.ctl("metrics", "--output", f"{tree.path}/none/x").expect(1, err=["cannot write"])
    tree.unload()
    tree.ctl("metrics", "--output", path).expect(3)
    same(samples(tree.read("out/sluice.prom")), {"sluice_loaded": 0})
