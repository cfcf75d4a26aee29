# SPDX-License-Identifier: GPL-2.0
"""The requests of selftests/vectors, and what each must come to."""

import glob
import os
import re
import urllib.parse

VECTORS = os.path.dirname(os.path.abspath(__file__)) + "/../vectors/*.txt"
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ", "\\": b"\\"}


class Vector:
    """
    @kind and @place: what the path names in the docroot, as README has it.
    @verdict: the words of the verdict for default parameters, the first one.
    @others: ({parameter: value}, words) of each further one.
    """

    def __init__(self, name):
        self.name = name
        self.data = b""
        self.kind = "file"
        self.place = {}
        self.verdict = []
        self.others = []

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
        return said(self.verdict, key)

    @property
    def topic(self):
        """The name of its file."""
        return self.name.split(":")[0]

    @property
    def is_head(self):
        return self.data.lstrip(b"\r\n").startswith(b"HEAD ")

    @property
    def path(self):
        """
        What its place is a place for: decoded, with single slashes. Where there
        is more to do than that, it is said.
        """
        if self.said("path"):
            return unescape(self.said("path"))
        target = self.data.lstrip(b"\r\n").split(b" ")[1]
        target = re.sub(rb"^\w+://[^/?]*", b"", target).split(b"?")[0]
        return re.sub(b"//+", b"/", urllib.parse.unquote_to_bytes(target)) or b"/"


def said(words, key):
    """The value of the first KEY=VALUE of a verdict, or None."""
    for word in words:
        if word.startswith(key + "="):
            return word[len(key) + 1:]
    return None


def said_all(words, key):
    """The values of "says" or "lacks", of which there may be several."""
    return [unescape(word[len(key) + 1:]).decode("latin-1")
            for word in words if word.startswith(key + "=")]


def pairs(words):
    return dict(word.split("=", 1) for word in words)


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


def read_vectors(pattern=VECTORS):
    vectors = []
    for path in sorted(glob.glob(pattern)):
        topic = path.rsplit("/", 1)[1].removesuffix(".txt")
        with open(path, encoding="latin-1", newline="\n") as lines:
            for line in lines:
                line = line.rstrip("\n")
                if line.startswith("= "):
                    vectors.append(Vector(f"{topic}: {line[2:]}"))
                elif line.startswith("> "):
                    vectors[-1].data += unescape(line[2:])
                elif line.startswith("@ "):
                    vectors[-1].kind, *words = line[2:].split()
                    vectors[-1].place = pairs(words)
                elif line.startswith("< ["):
                    settings, words = line[3:].split("]", 1)
                    vectors[-1].others.append((pairs(settings.split()), words.split()))
                elif line.startswith("< "):
                    vectors[-1].verdict = line[2:].split()
    return vectors
