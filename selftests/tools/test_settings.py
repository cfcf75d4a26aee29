# SPDX-License-Identifier: GPL-2.0
"""sluicectl get and set."""

import errno

from fake import SETTINGS, has, same, test


@test("a command line that makes no sense: status 2, and what was expected")
def usage(tree):
    for words in ([], ["statsu"], ["--nonsense", "status"], ["set"], ["set", "docroot"],
                  ["set", "=1"], ["status", "twice"], ["get", "--json"], ["set", "--once", "a=1"],
                  ["top", "--interval", "nan"], ["top", "--interval", "-1"],
                  ["top", "--interval", "1x"], ["unload", "--timeout", "soon"]):
        tree.ctl(*words).expect(2, err=["sluicectl"])
    tree.ctl("--help").expect(0, out=["usage:", "reload", "Examples"])
    tree.ctl("--version").expect(0, out=["sluicectl "])


@test("nothing loaded: status 3, and what to do")
def not_loaded(tree):
    tree.unload()
    for words in (["status"], ["get"], ["get", "port"], ["set", "port=1"], ["reload"],
                  ["unload"], ["top", "--once"], ["metrics"]):
        tree.conf("docroot = /\n")
        tree.ctl(*words).expect(3, err=["not loaded", "sluicectl load"])
    same(tree.ctl("status", "--json").expect(3).out, '{\n  "loaded":false\n}\n')


@test("a module that is going away is not loaded")
def going(tree):
    tree.write("sys/module/sluice/initstate", "going\n")
    tree.ctl("status").expect(3, err=["not loaded"])


@test("get: one, some, all; with what each is")
def get(tree):
    same(tree.ctl("get", "docroot").expect(0).out, "/var/www/html\n")
    same(tree.ctl("get", "backend-port", "port").expect(0).out, "backend_port=8080\nport=80\n")
    lines = tree.ctl("get").expect(0).out.splitlines()
    same([line.split("=")[0] for line in lines],
         sorted(name for name, (mode, _) in SETTINGS.items() if mode & 0o444))
    line = tree.ctl("get", "--full", "port").expect(0).out
    same(line, "port=80\tat load\tport to listen on\n")
    has(tree.ctl("get", "--full").expect(0).out, "docroot=/var/www/html\t" "run time\tdirectory")
    tree.ctl("get", "cache_drop").expect(1, err=["only written"])


@test("get: several lines are shown as they would be written")
def get_lines(tree):
    tree.set("add_header", "X-Frame-Options: DENY\n  X-Robots-Tag: none")
    same(tree.ctl("get", "add_header").expect(0).out,
         "X-Frame-Options: DENY | X-Robots-Tag: none\n")


@test("a name that there is not: the nearest")
def nearest(tree):
    tree.ctl("get", "docrot").expect(1, err=["'docrot'", "'docroot' meant"])
    tree.ctl("set", "keepalive_timeuot=3").expect(1, err=["'keepalive_timeout' meant"])
    said = tree.ctl("set", "something_else_entirely=3").expect(1, err=["no setting"]).err
    same("meant" in said, False, said)
    tree.ctl("get", "x" * 100_000).expect(1)
    tree.ctl("get", "../../../../etc/passwd").expect(1, err=["no setting"])


@test("set: written, also nothing, also what has an equals sign")
def set_values(tree):
    tree.ctl("set", "docroot=/srv/www", "keepalive-timeout=15").expect(0)
    same(tree.value("docroot"), "/srv/www")
    same(tree.value("keepalive_timeout"), "15")
    tree.ctl("set", "cache_control=max-age=60").expect(0)
    same(tree.value("cache_control"), "max-age=60")
    tree.ctl("set", "cache_control=").expect(0)
    same(tree.value("cache_control"), "")
    tree.ctl("set", "cache_drop=1").expect(0)
    same(tree.value("cache_drop"), "1")


@test("set: what is refused says what the kernel expected, and leaves all as it was")
def set_refused(tree):
    tree.refuse("cache_entries=0", errno.EINVAL,
                "cache_entries=0: expected a number from 1 to 1048576")
    tree.ctl("set", "docroot=/srv", "cache_entries=0", "server=x").expect(
        1, err=["cache_entries=0: refused: Invalid argument",
                "the kernel says: cache_entries=0: expected a number from 1 to 1048576",
                "2 that had been set were put back"])
    same(tree.value("docroot"), "/var/www/html")
    same(tree.value("server"), "sluice")
    same(tree.value("cache_entries"), "4096")


@test("set: refused, and the kernel says nothing, or its log cannot be read")
def set_silent(tree):
    tree.refuse("docroot=/none", errno.ENOENT)
    tree.ctl("set", "docroot=/none").expect(1, err=["No such file", "all is as it was"])
    tree.write("rules", "docroot=/none\t22\n")
    tree.ctl("set", "docroot=/none").expect(1, err=["refused: Invalid argument", "sluice(4)"])


@test("set: an order that the kernel wants is found")
def set_order(tree):
    tree.set("standalone", "1")
    tree.set("backend_port", "0")
    tree.refuse("standalone=0", errno.EINVAL, "standalone=0: there is no backend",
                "backend_port=8080")
    same(tree.ctl("set", "standalone=0", "backend_port=8080").expect(0).err, "")
    same((tree.value("standalone"), tree.value("backend_port")), ("0", "8080"))


@test("set: what takes effect at load is not written, and that is said")
def set_at_load(tree):
    tree.ctl("set", "port=81").expect(1, err=["port takes effect when the module is loaded",
                                              "sluice.conf"])
    same(tree.value("port"), "80")


@test("set: a value that no file of sysfs takes")
def set_huge(tree):
    tree.ctl("set", "server=" + "x" * 5000).expect(1, err=["at most 4094 bytes"])
    same(tree.value("server"), "sluice")


@test("an instance: its settings; one that there is not")
def instance(tree):
    tree.offer_instances()
    tree.ctl("get", "--instance", "blue").expect(1, err=["no instance 'blue'"])
    tree.ctl("get", "--instance", "../parameters").expect(1, err=["no instance"])
    tree.write("sys/module/sluice/instances/blue/port", "80\n")
    tree.write("sys/module/sluice/instances/blue/live", "1\n")
    same(tree.ctl("get", "--instance", "blue").expect(0).out, "live=1\nport=80\n")
    tree.ctl("--instance", "blue", "set", "port=81").expect(0)
    same((tree.value("port", "blue"), tree.value("port")), ("81", "80"))
    tree.refuse("port=82", errno.EBUSY)
    tree.ctl("--instance", "blue", "set", "port=82").expect(1, err=["fixed while"])
