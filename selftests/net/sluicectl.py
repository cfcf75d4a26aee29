#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
sluicectl with the module itself: what it says is so, what it writes takes effect, what the
kernel refuses is said in the kernel's words and leaves all as it was.
"""

import json
import os
import shutil
import socket
import subprocess

from lib import (BACKEND, DEADLINES, HERE, PORT, TOP, WWW, Client, Nginx, Skip, bytes_of,
                 eventually, get, is_loaded, load, nothing_of_it, params, read_param, request, run, run_tests,
                 same, start, stats, test, unload, write)

SLUICECTL = os.environ.get("SLUICECTL", HERE + "/../../tools/build/sluicectl")
KO = os.environ["SLUICE_KO"]
CONF = TOP + "/sluice.conf"
SMALL_WINDOW = (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)


def ctl(*words, status=0, out=(), err=()):
    """Return what it printed; it ends with @status, and says all of @out and @err."""
    done = subprocess.run([SLUICECTL, *words], capture_output=True, text=True, check=False)
    same(done.returncode, status, f"{words}: {done.stdout} {done.stderr}")
    for word in out:
        same(word in done.stdout, True, f"{words}: '{done.stdout}' has '{word}'")
    for word in err:
        same(word in done.stderr, True, f"{words}: '{done.stderr}' has '{word}'")
    return done.stdout


def conf(text):
    deadlines = "".join(f"{name} = {value}\n" for name, value in DEADLINES.items())
    with open(CONF, "w", encoding="ascii") as file:
        file.write(f"docroot = {WWW}\nbackend_port = {BACKEND}\n{deadlines}{text}")


def before():
    """Each test begins with a module, and nginx behind it."""
    if not is_loaded():
        load()


@test("status: where it listens, who opened the backend, what became of requests")
def status():
    before()
    write("small", b"small")
    for target in "/small", "/small", "/none":
        get(target)
    text = ctl("status", out=[f"0.0.0.0:{PORT}", f"0.0.0.0:{BACKEND}, opened by root, nginx (",
                              f"docroot={WWW}", "not_found"])
    facts = json.loads(ctl("status", "--json"))
    same(facts["listening"][0]["port"], PORT, text)
    same("process" in facts["listening"][0], False, "sluice's socket is no process's")
    same(facts["backend"][0]["user"], "root", text)
    same(facts["settings"]["docroot"], WWW, text)
    same((facts["counters"]["served"], facts["reasons"]["not_found"]), (2, 1), text)


@test("get: every parameter that can be read, as sysfs has it, with what modinfo says")
def get_all():
    before()
    where = "/sys/module/sluice/parameters"
    names = sorted(name for name in os.listdir(where)
                   if os.stat(f"{where}/{name}").st_mode & 0o444)
    lines = ctl("get").splitlines()
    same([line.split("=")[0] for line in lines], names, "names")
    for line in lines:
        name, value = line.split("=", 1)
        same(value, read_param(name).strip(), name)
    ctl("get", "--full", "--module", KO, status=2, err=["no option --module"])


@test("set: takes effect; what is refused is said as the kernel says it, and nothing stays")
def set_values():
    before()
    with params(server="sluice", hide_dot=1, add_header="", cache_entries=4096):
        ctl("set", "server=blue", "hide-dot=0", "add_header=X-A: 1 | X-B: 2")
        same(get("/small")["server"], "blue", "server")
        same(get("/small")["x-b"], "2", "add_header")
        same(ctl("get", "add_header"), "X-A: 1 | X-B: 2\n", "add_header")
        ctl("set", "server=red", "cache_entries=0", status=1, err=[
            "cache_entries=0: refused: Invalid argument",
            "the kernel says: cache_entries=0: expected a number from 1 to 1048576", "put back"])
        same(get("/small")["server"], "blue", "server")
        ctl("set", "server=", "add_header=")
        same(get("/small")["server"], None, "server")
        ctl("set", "docroot=/none", status=1, err=["the kernel says: docroot=/none", "ENOENT"])
        ctl("set", "port=81", status=1, err=["when the module is loaded"])
        ctl("set", "docrot=x", status=1, err=["'docroot' meant"])
        ctl("set", "cache_drop=1")


@test("set: in whatever order")
def order():
    before()
    with params(backend_port=BACKEND, standalone=0):
        ctl("set", "backend_port=0", "standalone=1")
        ctl("set", "standalone=0", f"backend_port={BACKEND}")
        ctl("set", "standalone=0", "backend_port=0", status=1, err=["backend_port is missing"])
        same(read_param("backend_port"), f"{BACKEND}\n", "backend_port")


@test("reload: all of it or nothing, and what takes effect at load is said")
def reload():
    before()
    with params(server="sluice", index="index.html", linger_timeout=5):
        conf("server = green\nindex = index.html, \\\n\tindex.htm\nport = 81\n")
        ctl("check", CONF, out=["in order"])
        ctl("reload", CONF, err=["port = 81: kept 80"])
        same(get("/small")["server"], "green", "server")
        same(read_param("index"), "index.html,index.htm\n", "index")
        conf("server = red\nindex = a/b\nlinger_timeout = 3\n")
        ctl("reload", CONF, status=1, err=[f"{CONF}:", "index=a/b: refused",
                                           "the kernel says: index=a/b: expected names",
                                           "put back"])
        same(get("/small")["server"], "green", "server")
        same(read_param("index"), "index.html,index.htm\n", "index")


@test("metrics: the counters of /proc, each once")
def metrics():
    before()
    values = sorted(int(line.rsplit(" ", 1)[1]) for line in ctl("metrics").splitlines()
                    if line[0] != "#" and not line.startswith("sluice_loaded "))
    same(values, sorted(stats().values()), "values")


@test("top --once: requests of the interval")
def top():
    before()
    client = start("sh", "-c", f"while :; do curl -s http://127.0.0.1:{PORT}/small; done",
                   stdout=subprocess.DEVNULL)
    served = stats()["served"]
    eventually(lambda: stats()["served"] > served, "curl to be served")
    text = ctl("top", "--once", "--interval", "3", out=["requests", "connections"])
    client.terminate()
    client.wait()
    rates = {line.split()[0]: line.split()[-1] for line in text.splitlines() if line}
    same(float(rates["served"]) > 0, True, text)


@test("doctor: sees the module, its port, and its backend, which is open to all")
def doctor():
    before()
    done = subprocess.run([SLUICECTL, "doctor", "--module", KO, CONF], capture_output=True,
                          text=True, check=False)
    same(done.returncode in (1, 4), True, done.stdout)
    for line in ("ok    module: loaded", f"ok    port {PORT}: sluice listens",
                 f"ok    backend 0.0.0.0:{BACKEND}: opened by root, nginx (",
                 f"warn  backend 0.0.0.0:{BACKEND}: open to others",
                 f"ok    docroot: user 65534 can go through {WWW}", "ok    docroot: on tmpfs"):
        same(line in done.stdout, True, f"'{done.stdout}' has '{line}'")


@test("who is not root sees what it does, and is told that only root may change it")
def not_root():
    before()
    # Where everybody may go.
    program = shutil.copy(SLUICECTL, TOP)
    conf("")
    for words, code, said in ((["status"], 0, f"0.0.0.0:{BACKEND}, opened by root"),
                              (["get", "server"], 0, "sluice"), (["metrics"], 0, "# EOF"),
                              (["set", "server=mine"], 1, "only root may"),
                              (["reload", CONF], 1, "only root may")):
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False,
                              user=65534, group=65534, extra_groups=[])
        same(done.returncode, code, f"{words}: {done.stderr}")
        same(said in done.stdout + done.stderr, True, f"{words}: {done.stdout} {done.stderr}")
    same(read_param("server"), "sluice\n", "server")


@test("a module that comes and goes meanwhile: a status, whatever is asked")
def comes_and_goes():
    before()
    asking = [start("sh", "-c", f"while :; do {SLUICECTL} {words}; echo $?; done 2>/dev/null",
                    stdout=open(f"{TOP}/said{i}", "w", encoding="ascii"))
              for i, words in enumerate(("status >/dev/null", "metrics >/dev/null",
                                         "get --full >/dev/null", "set server=sluice"))]
    for _ in range(6):
        unload()
        load()
    for i, child in enumerate(asking):
        child.terminate()
        child.wait()
        with open(f"{TOP}/said{i}", encoding="ascii") as said:
            statuses = set(said.read().split())
        same(statuses <= {"0", "1", "3"} and bool(statuses), True, f"{i}: {statuses}")


@test("load: as the file says, values with blanks and quotes too; unload leaves nothing")
def load_unload():
    before()
    ctl("load", CONF, status=1, err=["loaded already"])
    ctl("unload")
    nothing_of_it()
    ctl("status", status=3)
    ctl("unload", status=3)
    conf('server = "blue moon"\nadd_header = Link: </a>; rel="x"\nindex = a.html, b.html\n')
    ctl("check", CONF, "--module", KO)
    ctl("load", CONF, "--module", KO)
    same(get("/small")["server"], "blue moon", "server")
    same(get("/small")["link"], '</a>; rel="x"', "add_header")
    same(read_param("index").replace(" ", ""), "a.html,b.html\n", "index")
    ctl("unload")


@test("load: refused by the kernel, in its words, and there is no module")
def load_refused():
    unload()
    conf(f"port = {BACKEND + 1}\nunload_timeout = x\n")
    ctl("load", CONF, "--module", KO, status=1, err=["the kernel says: ", ": expected a number",
                                                     "sluice is not loaded"])
    with socket.create_server(("0.0.0.0", BACKEND + 1)):
        conf(f"port = {BACKEND + 1}\n")
        ctl("load", CONF, "--module", KO, status=1, err=["in use", "sluice is not loaded"])
    nothing_of_it()
    conf("docrot = /x\n")
    ctl("load", CONF, "--module", KO, status=1, err=[f"{CONF}:", "'docroot' meant"])


BLUE = f"[instance blue]\nnetns = /run/netns/blue\ndocroot = {WWW}\nstandalone = 1\n"


def instances():
    return json.loads(ctl("status", "--json"))["instances"]


@test("instances: begun, changed and ended by reload, all or nothing; check asks the kernel")
def with_instances():
    before()
    if not os.path.isdir("/sys/module/sluice/instances"):
        raise Skip("this module has none")
    run("ip", "netns", "add", "blue")
    conf(BLUE)
    ctl("check", CONF, out=["in order"])
    same(instances(), [], "what check leaves")
    ctl("reload", CONF)
    same([(one["name"], one["live"], one["docroot"]) for one in instances()],
         [("blue", "1", WWW)], "instances")
    conf(BLUE + "keepalive_timeout = 0\n")
    for command in "check", "reload":
        ctl(command, CONF, status=1, err=["keepalive_timeout=0: refused",
                                          "expected a number from 1 to 3600"])
    conf("server = red\n" + BLUE + BLUE.replace("instance blue", "instance red"))
    ctl("reload", CONF, status=1, err=["red: live=1: refused", "put back"])
    same(read_param("server"), "sluice\n", "server")
    same([one["name"] for one in instances()], ["blue"], "instances")
    conf(BLUE + "keepalive_timeout = 5\nport = 81\n")
    ctl("reload", CONF, err=["blue: port = 81: kept 80"])
    same(ctl("get", "--instance", "blue", "keepalive_timeout"), "5\n", "of blue")
    conf("")
    ctl("reload", CONF, out=["blue: ended"])
    same(instances(), [], "instances")
    unload()
    conf(BLUE + "keepalive_timeout = 7\n")
    ctl("load", CONF, "--module", KO)
    same([one["live"] for one in instances()], ["1"], "live")
    ctl("unload")
    conf(BLUE.replace("/blue", "/none"))
    ctl("load", CONF, "--module", KO, status=1, err=["netns=/run/netns/none: refused",
                                                     "unloaded again"])
    nothing_of_it()
    run("ip", "netns", "del", "blue")


@test("unload: says what it waits for, and does not wait for ever")
def unload_bounded():
    unload()
    load(unload_timeout=20)
    write("large", bytes_of(20_000_000))
    with Client(options=[SMALL_WINDOW]) as client:
        client.send(request("/large"))
        client.fill()
        ctl("unload", "--timeout", "2", status=5, err=["waiting for 1 connections",
                                                       "not unloaded after 2 s"])
    eventually(lambda: not os.path.isdir("/sys/module/sluice"), "rmmod, which goes on")
    nothing_of_it()


@test("the fallback: without the module, its port is nginx's, and then it is the module's again")
def fallback():
    unload()
    write("small", b"small")
    run("nft", "-f", f"{HERE}/../../tools/fallback.nft")
    run("nft", "-f", f"{HERE}/../../tools/fallback.nft")
    same(get("/small")["server"].startswith("nginx"), True, "who answers")
    run("nft", "delete", "table", "inet", "sluice_fallback")
    load()
    same(get("/small")["server"], "sluice", "who answers")


nginx = Nginx()
run_tests()
