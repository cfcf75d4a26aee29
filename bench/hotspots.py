# SPDX-License-Identifier: GPL-2.0
"""Where the instructions of a request are spent, function by function: exactly, by the
plugin bench/hotspots.c.
"""

import bisect
import collections
import os
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
KERNEL = 0xffff800000000000
# wrk asks with one such call; of the servers only those with a log make it, now and then.
ASKED = "__x64_sys_write"
# Of all functions so many, and of modules those that take so many instructions.
SHOWN = 40
SHOWN_OF_MODULES = 5


def build_plugin(directory):
    plugin = os.path.join(directory, "hotspots.so")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", plugin,
                    os.path.join(HERE, "hotspots.c"), "-lpthread"], check=True)
    return plugin


def read_symbols(path):
    """Addresses of functions in order, and their names, as (name, module)."""
    functions = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            address, kind, name, *module = line.split()
            if kind in "tTwW" and int(address, 16) >= KERNEL:
                functions[int(address, 16)] = (name, module[0] if module else "kernel")
    addresses = sorted(functions)
    return addresses, [functions[a] for a in addresses]


def count(path, addresses, names):
    """Instructions, and calls, of each function; of programs only the sum."""
    insns, calls = collections.Counter(), collections.Counter()
    with open(path, encoding="ascii") as f:
        for line in f:
            address, length, runs = line.split()
            address, length, runs = int(address, 16), int(length), int(runs)
            if address < KERNEL:
                insns[("all", "programs")] += length * runs
                continue
            i = bisect.bisect(addresses, address) - 1
            insns[names[i]] += length * runs
            if addresses[i] == address:
                calls[names[i]] += runs
    return insns, calls


def show(directory, case, server, depth):
    symbols = os.path.join(directory, f"symbols.{case}.{server}")
    insns, calls = count(os.path.join(directory, f"counts.{case}.{server}"),
                         *read_symbols(symbols))
    requests = calls[(ASKED, "kernel")] * depth
    modules = collections.Counter()
    for (_, module), n in insns.items():
        modules[module] += n
    print(f"\n{case}, {server}: {sum(insns.values()) / requests:,.0f} instructions per request"
          f" (of {requests:,}): " + ", ".join(f"{m} {n / requests:,.0f}"
                                              for m, n in modules.most_common(5)))
    print(f"  {'instr/req':>10} {'calls/req':>10}  function")
    for i, (key, n) in enumerate(insns.most_common()):
        if i >= SHOWN and (key[1] == "kernel" or n < SHOWN_OF_MODULES * requests):
            continue
        print(f"  {n / requests:10,.1f} {calls[key] / requests:10.2f}  {key[0]} {key[1]}")
