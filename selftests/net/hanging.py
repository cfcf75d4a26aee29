# SPDX-License-Identifier: GPL-2.0
"""Files that nobody can open until a test says so: fanotify's permission events."""

import ctypes
import os
import select
import struct

from lib import eventually

FAN_CLASS_CONTENT = 0x4
FAN_NONBLOCK = 0x2
FAN_MARK_ADD = 0x1
FAN_OPEN_PERM = 0x10000
FAN_EVENT_ON_CHILD = 0x08000000
AT_FDCWD = -100
ALLOW, DENY = 1, 2

EVENT = struct.Struct("=IBBHQii")
RESPONSE = struct.Struct("=iI")

_libc = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    value = function(*args)
    if value < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value


class Hanging:
    """The files in a directory."""

    def __init__(self, directory):
        self.fd = call(_libc.fanotify_init, FAN_CLASS_CONTENT | FAN_NONBLOCK,
                       os.O_RDONLY | os.O_LARGEFILE)
        call(_libc.fanotify_mark, self.fd, FAN_MARK_ADD,
             ctypes.c_uint64(FAN_OPEN_PERM | FAN_EVENT_ON_CHILD), AT_FDCWD,
             directory.encode())
        self.files = {}	# name: descriptor, in the order in which they were opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """All that hang are allowed, and all that come."""
        os.close(self.fd)
        for fd in self.files.values():
            os.close(fd)

    def look(self):
        """What has come to hang."""
        events = os.read(self.fd, EVENT.size * 64)
        for at in range(0, len(events), EVENT.size):
            fd = EVENT.unpack_from(events, at)[5]
            name = os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))
            self.files[name] = fd
            yield name

    def wait(self, count=1, unless=lambda: False):
        """Until so many hang. Return: the names of those that came."""
        came = []

        def enough():
            if select.select([self.fd], [], [], 0)[0]:
                came.extend(self.look())
            return len(self.files) >= count or unless()
        eventually(enough, f"{count} files to be opened")
        return came

    def answer(self, name, response=ALLOW):
        fd = self.files.pop(name)
        os.write(self.fd, RESPONSE.pack(fd, response))
        os.close(fd)
