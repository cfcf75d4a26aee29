# SPDX-License-Identifier: GPL-2.0
"""
What a page is made of, in the formats of the real thing: a browser says so when a
byte of them is missing.
"""

import base64
import hashlib
import os
import struct
import subprocess
import zlib

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf"


def integrity(data):
    """As HTML has it: the browser takes no other bytes."""
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def png(width, height):
    """Noise, so that it is no smaller than it looks."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    lines = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b""))


def svg(width, height):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
            f'<rect width="{width}" height="{height}" fill="green"/></svg>').encode()


def gif():
    """1x1."""
    return base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def webp():
    """1x1."""
    return base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")


def jpeg():
    """8x8, grey: one block, which is all zero."""
    def segment(kind, data):
        return b"\xff" + bytes([kind]) + struct.pack(">H", len(data) + 2) + data
    one_code = bytes([1] + [0] * 15 + [0])	# of one bit, for the value 0
    return (b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64)
            + segment(0xc0, struct.pack(">BHHB3B", 8, 8, 8, 1, 1, 0x11, 0))
            + segment(0xc4, b"\0" + one_code) + segment(0xc4, b"\x10" + one_code)
            + segment(0xda, bytes([1, 1, 0, 0, 63, 0])) + b"\x3f" + b"\xff\xd9")


def ico(width):
    """A PNG with a label on it."""
    picture = png(width, width)
    return struct.pack("<3H4B2H2I", 0, 1, 1, width, width, 0, 0, 1, 32,
                       len(picture), 22) + picture


def woff():
    """A TrueType font, its tables stored as they are."""
    with open(FONT, "rb") as font:
        data = font.read()
    flavor, count = struct.unpack_from(">IH", data)
    offset = 44 + 20 * count
    directory = tables = b""
    for n in range(count):
        tag, checksum, start, length = struct.unpack_from(">4s3I", data, 12 + 16 * n)
        directory += struct.pack(">4s4I", tag, offset + len(tables), length, length,
                                 checksum)
        tables += data[start:start + length] + bytes(-length % 4)
    size = 12 + 16 * count + len(tables)
    return (struct.pack(">4sIIHHIHH5I", b"wOFF", flavor, offset + len(tables), count, 0,
                        size, 1, 0, 0, 0, 0, 0, 0) + directory + tables)


def wasm():
    """A function "f" that returns 42."""
    return bytes.fromhex("0061736d01000000" "010501600001 7f" "03020100"
                         "070501016600 00" "0a06010400412a0b")


def padded(text, size):
    """A script or a style sheet of that size."""
    return (text + "\n/*" + os.urandom(size // 2).hex() + "*/\n").encode()


# --- a video ------------------------------------------------------------------------

WIDTH, HEIGHT, FRAMES = 160, 96, 60
# What lies between a frame and the next, but for the first ones: of those a browser
# wants two dozen before it believes that it knows the video.
PADDING = 500_000
DENSE = 25


def brightness(frame):
    """A grey for each frame; video has 219 of them."""
    return 16 + 3 * frame


def video(directory):
    """
    A WebM of one frame a second, each by itself, and the frames' places in it. The
    index comes first, so that whoever seeks knows where to go.
    """
    frames = encoded(directory)
    index = element("1C53BB6B", cues([0] * FRAMES))
    start = (element("1549A966", uint("2AD7B1", 1_000_000)
                     + element("4489", struct.pack(">d", 1000 * FRAMES))
                     + element("4D80", b"sluice") + element("5741", b"sluice"))
             + element("1654AE6B", element("AE", uint("D7", 1) + uint("73C5", 1)
                                           + uint("83", 1) + element("86", b"V_VP8")
                                           + element("E0", uint("B0", WIDTH)
                                                     + uint("BA", HEIGHT)))))
    clusters, places, end = [], [], len(start) + len(index)
    for n, frame in enumerate(frames):
        padding = PADDING if n >= DENSE else 10
        clusters.append(element("1F43B675", uint("E7", 1000 * n)
                                + element("A3", b"\x81\0\0\x80" + frame)
                                + element("EC", bytes(padding))))
        places.append(end)
        end += len(clusters[-1])
    head = element("1A45DFA3", uint("4286", 1) + uint("42F7", 1) + uint("42F2", 4)
                   + uint("42F3", 8) + element("4282", b"webm") + uint("4287", 2)
                   + uint("4285", 2))
    segment = element("18538067", b"".join(
        [start, element("1C53BB6B", cues(places)), *clusters]))
    before = len(head) + len(segment) - end
    return head + segment, [before + place for place in places]


def encoded(directory):
    """The frames, as VP8."""
    raw, ivf = f"{directory}/video.raw", f"{directory}/video.ivf"
    with open(raw, "wb") as out:
        for n in range(FRAMES):
            out.write(bytes([brightness(n)]) * (WIDTH * HEIGHT))
            out.write(b"\x80" * (WIDTH * HEIGHT // 2))
    subprocess.run(["vpxenc", "--codec=vp8", "--i420", "--ivf", f"--width={WIDTH}",
                    f"--height={HEIGHT}", "--fps=1/1", "--kf-max-dist=0", "--rt",
                    "--quiet", "-o", ivf, raw], check=True)
    with open(ivf, "rb") as file:
        data = file.read()
    frames, place = [], 32
    while place < len(data):
        size = struct.unpack_from("<I", data, place)[0]
        frames.append(data[place + 12:place + 12 + size])
        place += 12 + size
    return frames


def element(number, data):
    """EBML: what, how long in seven bytes, and that."""
    return bytes.fromhex(number) + struct.pack(">Q", 1 << 56 | len(data)) + data


def uint(number, value):
    return element(number, struct.pack(">Q", value))


def cues(places):
    return b"".join(element("BB", uint("B3", 1000 * n) + element(
        "B7", uint("F7", 1) + uint("F1", place))) for n, place in enumerate(places))
