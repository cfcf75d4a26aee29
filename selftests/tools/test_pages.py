# SPDX-License-Identifier: GPL-2.0
"""The manual, the completion, the example and the units: that they say what there is."""

import glob
import os
import re
import subprocess

from fake import BUILD, COUNTERS, SETTINGS, TOP, has, same, source, test

PAGES = sorted(os.path.basename(path)[:-4] for path in glob.glob(TOP + "/Documentation/man/*.rst"))
COMMANDS = re.findall(r'^\t\{ "(\w+)", ".*cmd_', source("tools/sluicectl.c"), re.M)


def page(name):
    done = subprocess.run(["man", "-l", f"{BUILD}/man/{name}"], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "120", "LC_ALL": "C.UTF-8"}, check=True)
    return done.stdout


@test("the manual has nothing that man --warnings complains of")
def warnings(tree):
    same(PAGES, ["sluice-types.8", "sluice.4", "sluice.conf.5", "sluicectl.8"])
    for name in PAGES:
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", f"{BUILD}/man/{name}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "MANWIDTH": "80", "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"})
        same((done.returncode, done.stderr), (0, ""), name)


@test("sluicectl(8) has every command, sluice(4) every setting and counter")
def complete(tree):
    same(len(COMMANDS), 10)
    has(page("sluicectl.8"), *(f"  {name} " for name in COMMANDS if name != "doctor"))
    # In a table a name may be broken; in the source of the page it is not.
    text = re.sub(r"\\[-&]", "-", source("Documentation/parameters.rst"))
    has(text, *(f"``{name}``" for name in SETTINGS),
        *(f"``{name}``" for name in COUNTERS if not re.match(r"error_\d", name)))
    has(page("sluice.4"), "WHAT IS SERVED, AND WHERE", "COUNTERS", "docroot (directory")


def completed(tree, line):
    """What is offered at its end."""
    script = (f'source {TOP}/tools/completion/sluicectl.bash\n'
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluicectl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    tree.program("sluicectl", f'#!/bin/sh\nexec {BUILD}/sluicectl --root "$SLUICE_FAKE" "$@"\n')
    done = subprocess.run(["bash", "-c", script, "bash", *line.split(" ")], text=True, check=True,
                          capture_output=True,
                          env={**os.environ, "PATH": f"{tree.path}/bin:{os.environ['PATH']}",
                               "SLUICE_FAKE": tree.path})
    same(done.stderr, "", line)
    return done.stdout.split()


@test("completion: commands, options, settings")
def completion(tree):
    same(sorted(completed(tree, "sluicectl ")), sorted(COMMANDS))
    same(completed(tree, "sluicectl st"), ["status"])
    same(completed(tree, "sluicectl status --"), ["--json"])
    same(completed(tree, "sluicectl set back"), ["backend_files=", "backend_port=",
                                                   "backend_uid="])
    same(completed(tree, "sluicectl get keep"), ["keepalive_timeout"])
    same("--root" in completed(tree, "sluicectl --"), True)
    same(completed(tree, "sluicectl unload --timeout "), [])
    for word in completed(tree, "sluicectl --"):
        has(source("tools/sluicectl.c"), f'"{word[2:]}"')


@test("the example is a configuration that is in order, also with all that it leaves out")
def example(tree):
    text = source("tools/sluice.conf")
    os.makedirs(f"{tree.path}/var/www/html")
    tree.conf(text)
    tree.ctl("check").expect(0, out=["2 settings"])
    tree.conf(re.sub(r"^#(\w+ =|  +)", r"\1", text, flags=re.M))
    tree.ctl("check").expect(0, out=["4 settings"])


@test("what pages tell to call there is")
def calls(tree):
    options = set(re.findall(r'^\t\{ "(\w+)", (?:no|required)_argument', source("tools/sluicectl.c"), re.M))
    for name in "operations.rst", "man/sluicectl.8.rst", "man/sluice.conf.5.rst":
        calls = re.findall(r"^ +(?:sluicectl|.*&& sluicectl) (\w+)((?: [\w./=-]+)*)",
                           source("Documentation/" + name), re.M)
        for command, words in calls:
            same(command in COMMANDS, True, command)
            for option in re.findall(r"--(\w+)", words):
                same(option in options, True, option)


@test("the units call what there is")
def units(tree):
    paths = glob.glob(TOP + "/tools/units/*")
    same(len(paths), 4)
    for path in paths:
        with open(path, encoding="utf-8") as unit:
            for words in re.findall(r"^Exec\w+=/usr/sbin/sluicectl (\w+)", unit.read(), re.M):
                same(words in COMMANDS, True, path)


@test("a kernel without the module is said when it is installed, and nothing else is")
def kernel_postinst(tree):
    hook = source("tools/kernel-postinst")
    for path in "/lib/modules", "/etc/sluice":
        hook = hook.replace(path, tree.path + path)
    tree.program("hook", hook)

    def said(release):
        return subprocess.run([f"{tree.path}/bin/hook", release], check=True, text=True,
                              capture_output=True).stderr
    os.makedirs(f"{tree.path}/lib/modules/6.1")
    same(said("6.1"), "")
    tree.conf("")
    has(said("6.1"), "no module for kernel 6.1", "dkms autoinstall -k 6.1")
    same(said("6.2"), "")
    tree.write("lib/modules/6.1/updates/dkms/sluice.ko.xz", "")
    same(said("6.1"), "")
