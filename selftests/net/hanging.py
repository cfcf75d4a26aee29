# SPDX-License-Identifier: GPL-2.0
"""Files that no lookup can open until a test says so: see hang/hang.c."""

import os

from lib import eventually, run

ALLOW, DENY = "allow", "deny"


class Hanging:
    """The files in a directory. A process can open them."""

    def __init__(self, directory):
        run("insmod", f"{os.environ['SLUICE_BUILD']}/selftests/net/hang/hang.ko",
            f"directory={directory}")
        self.names = []	# in the order in which they came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """All that hang are allowed, and all that come."""
        run("rmmod", "hang")

    def look(self):
        """Return: the names that have come since."""
        with open("/proc/hang", encoding="ascii") as lines:
            now = lines.read().split()
        came = list(now)
        for name in self.names:
            came.remove(name)
        self.names += came
        return came

    def wait(self, count=1, unless=lambda: False):
        """Until so many hang. Return: the names of those that came."""
        came = []

        def enough():
            came.extend(self.look())
            return len(self.names) >= count or unless()
        eventually(enough, f"{count} files to be opened")
        return came

    def answer(self, name, response=ALLOW):
        self.names.remove(name)
        with open("/proc/hang", "w", encoding="ascii") as out:
            out.write(f"{response} {name}")
