# SPDX-License-Identifier: GPL-2.0
"""The requests of selftests/vectors, and what each must come to."""

import glob
import re

from lib import HERE

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ", "\\": b"\\"}


class Vector:
    def __init__(self, name):
        self.name = name
        self.data = b""
        self.verdict = []

    @property
    def error(self):
        """(status, name) or None."""
        if self.verdict[0] == "error":
            return int(self.verdict[1]), self.verdict[2]
        return None

    @property
    def is_ok(self):
        return self.verdict[0] == "ok"

    def said(self, key):
        for word in self.verdict:
            if word.startswith(key + "="):
                return word[len(key) + 1:]
        return None


def unescape(text):
    data = b""
    at = 0
    while at < len(text):
        if text[at] != "\\":
            data += text[at].encode("latin-1")
            at += 1
        elif text[at + 1] == "x":
            data += bytes.fromhex(text[at + 2:at + 4])
            at += 4
        elif text[at + 1] == "{":
            count, repeated = re.match(r"(\d+):([^}]*)}", text[at + 2:]).groups()
            data += unescape(repeated) * int(count)
            at = text.index("}", at) + 1
        else:
            data += ESCAPES[text[at + 1]]
            at += 2
    return data


def read_vectors():
    vectors = []
    for path in sorted(glob.glob(f"{HERE}/../vectors/*.txt")):
        topic = path.rsplit("/", 1)[1].removesuffix(".txt")
        with open(path, encoding="latin-1", newline="\n") as lines:
            for line in lines:
                line = line.rstrip("\n")
                if line.startswith("= "):
                    vectors.append(Vector(f"{topic}: {line[2:]}"))
                elif line.startswith("> "):
                    vectors[-1].data += unescape(line[2:])
                elif line.startswith("< "):
                    vectors[-1].verdict = line[2:].split()
    return vectors
