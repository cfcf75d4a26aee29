#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Chromium, headless, as users meet us: a page with fifty files, reloaded; codings;
a video that is sought in; a download taken up again; a backend behind it all.

What the browser says is its own (the network events of the DevTools protocol);
that it was the kernel who answered, the counters say.
"""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import time

from lib import (HERE, TOP, WWW, Counting, Nginx, bytes_of, load, params,
                 run_tests, same, test, unload, write)

sys.path.insert(0, f"{HERE}/browser")

import assets  # noqa: E402
from assets import integrity, padded  # noqa: E402
from devtools import Browser  # noqa: E402

SITE = "http://127.0.0.1"
JS = "application/javascript"

# --- a page with fifty files ------------------------------------------------------

CHECKS = """
const loaded = [], errors = [];
addEventListener('error', event => errors.push(String(event.target.src ||
    event.target.href || event.message)), true);
function answer(url) {
    const worker = new Worker(url);
    return new Promise((resolve, reject) => {
        worker.onmessage = event => resolve(event.data);
        worker.onerror = reject;
    });
}
async function report() {
    const images = [...document.images];
    await Promise.all(images.map(image => image.decode()));
    const faces = await Promise.all([0, 1, 2, 3].map(n =>
        document.fonts.load(`9px f${n}`)));
    const fetched = Object.entries(FETCHED).map(([url, integrity]) =>
        fetch(url, {integrity}).then(response => response.arrayBuffer()));
    const program = await WebAssembly.instantiateStreaming(fetch('a.wasm'));
    return {
        errors, loaded,
        modules: window.modules,
        worker: await answer('js/worker.js'),
        styles: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(n =>
            document.getElementById(`s${n}`).offsetWidth),
        images: images.map(image => image.naturalWidth),
        fonts: faces.map(face => face[0].status),
        fetched: (await Promise.all(fetched)).map(data => data.byteLength),
        frame: document.querySelector('iframe').contentDocument.title,
        wasm: program.instance.exports.f(),
    };
}
"""


class Site:
    """The page, its files and what the browser should find."""

    def __init__(self):
        self.files = {}		# name: (type, data)
        self.head = self.body = ""
        for n in range(10):
            self.add_linked(n)
            self.add_image(f"img/{n}.png", "image/png", assets.png(n + 1, 4))
        self.add_image("img/large.png", "image/png", assets.png(500, 400))
        for n in range(3):
            self.add_image(f"img/{n}.svg", "image/svg+xml", assets.svg(n + 1, 5))
        self.add_image("img/a.gif", "image/gif", assets.gif())
        self.add_image("img/a.webp", "image/webp", assets.webp())
        self.add_image("img/a.jpg", "image/jpeg", assets.jpeg())
        self.add_image("img/a.ico", "image/x-icon", assets.ico(16))
        self.add_others()
        same(len(self.files), 50, "files")
        self.files[""] = ("text/html", self.page())
        self.put()

    def add(self, name, kind, data):
        self.files[name] = (kind, data.encode() if isinstance(data, str) else data)
        return integrity(self.files[name][1])

    def add_linked(self, n):
        size = 100_000 if n == 9 else 10
        tag = self.add(f"css/{n}.css", "text/css",
                       padded(f"#s{n} {{ width: {n + 1}px }}", size))
        self.head += f'<link rel="stylesheet" href="css/{n}.css" integrity="{tag}">\n'
        tag = self.add(f"js/{n}.js", JS, padded(f"loaded.push({n})", 3 * size))
        self.head += f'<script src="js/{n}.js" integrity="{tag}"></script>\n'
        self.body += f'<div id="s{n}"></div>\n'

    def add_image(self, name, kind, data):
        self.add(name, kind, data)
        self.body += f'<img src="{name}">\n'

    def add_others(self):
        self.add("js/a.mjs", JS, "import {b} from './b.mjs'; window.modules = b;")
        self.add("js/b.mjs", JS, "export const b = 'modules';")
        self.add("js/worker.js", JS, "postMessage('worker');")
        self.head += '<script type="module" src="js/a.mjs"></script>\n<style>\n'
        for n in range(4):
            self.add(f"font/{n}.woff", "font/woff", assets.woff())
            self.head += f"@font-face {{ font-family: f{n}; src: url(font/{n}.woff) }}\n"
        self.head += "</style>\n"
        self.add("a.wasm", "application/wasm", assets.wasm())
        self.fetched = {}
        for name, kind, size in (("a.json", "application/json", 0),
                                 ("a.txt", "text/plain", 200_000),
                                 ("a.xml", "text/xml", 5)):
            self.fetched[name] = self.add(name, kind, bytes_of(size))
        self.add("frame.html", "text/html", "<!DOCTYPE html><title>framed</title>")
        self.body += '<iframe src="frame.html"></iframe>\n'

    def page(self):
        checks = CHECKS.replace("FETCHED", json.dumps(self.fetched))
        return (f'<!DOCTYPE html>\n<html><head><title>a page</title>\n'
                f'<link rel="icon" href="data:,">\n<script>{checks}</script>\n'
                f'{self.head}</head><body>\n{self.body}</body></html>\n').encode()

    def put(self):
        """All of it, and new, so that nothing counts as fresh for long."""
        for name, (_, data) in self.files.items():
            write(name or "index.html", data)
        self.made = time.time()

    def wait_until_stale(self):
        """
        What says nothing about its age is fresh for a tenth of the time between
        Last-Modified and Date.
        """
        time.sleep((time.time() - self.made) / 10 + 2)

    def expect_rendered(self):
        got = browser.evaluate("report()")
        same(got, {
            "errors": [], "loaded": list(range(10)), "modules": "modules",
            "worker": "worker", "styles": [n + 1 for n in range(10)],
            "images": [*range(1, 11), 500, 1, 2, 3, 1, 1, 8, 16],
            "fonts": ["loaded"] * 4, "fetched": [0, 200_000, 5],
            "frame": "framed", "wasm": 42,
        }, "the page")
        same(browser.complaints(), [], "complaints")

    def expect(self, **other):
        """One request for each file; its status is 'all', or the one given."""
        exchanges = browser.exchanges()
        same(sorted(each.url for each in exchanges),
             sorted(f"{SITE}/{name}" for name in self.files), "requests")
        for each in exchanges:
            name = each.url[len(SITE) + 1:]
            kind = self.files[name][0]
            same(each.status, other.get(name, other["all"]), each)
            # What a worker gets is told to the worker.
            same(each.mime, None if each.is_worker else kind, each)
            if each.status == 200:
                same(each.fields["content-type"], kind, each)
                same(each.fields["content-length"], str(len(self.files[name][1])), each)
            same(each.fields["server"], "sluice", each)
        return exchanges


@test("a page with 50 files of 14 types: each 200 with its type, all of them work")
def page():
    site.put()
    counting = Counting()
    browser.navigate(f"{SITE}/")
    site.expect_rendered()
    exchanges = site.expect(all=200)
    # Six connections at a time for one host: all browsers do that.
    connections = {each.connection for each in exchanges} - {None}
    same(len(connections) <= 6, True, f"connections {connections}")
    counting.expect(served=51, not_modified=0, handed_over=0)


@test("reloaded: 51 times 304, and it is the same page")
def reloaded():
    site.wait_until_stale()
    counting = Counting()
    browser.reload()
    site.expect_rendered()
    for each in site.expect(all=304):
        same("if-none-match" in each.asked, True, each)
    counting.expect(served=0, not_modified=51, handed_over=0)


@test("reloaded after one file was replaced: 200 for that one")
def replaced():
    name = "css/3.css"
    new = b"#s3 { width: 4px } /* new */"
    kind, old = site.files[name]
    html = site.files[""][1].replace(integrity(old).encode(), integrity(new).encode())
    site.files.update({name: (kind, new), "": ("text/html", html)})
    write(f"{name}.new", new)
    os.rename(f"{WWW}/{name}.new", f"{WWW}/{name}")
    write("index.html", html)
    site.wait_until_stale()
    browser.reload()
    site.expect_rendered()
    site.expect(all=304, **{name: 200, "": 200})


# As the ticks in the developers' tools.

@contextlib.contextmanager
def cache_disabled():
    browser.call("Network.setCacheDisabled", cacheDisabled=True)
    try:
        yield
    finally:
        browser.call("Network.setCacheDisabled", cacheDisabled=False)


@contextlib.contextmanager
def throttled(rate):
    """So many bytes a second and no more are taken."""
    conditions = {"offline": False, "latency": 0, "uploadThroughput": -1}
    browser.call("Network.emulateNetworkConditions", downloadThroughput=rate,
                 **conditions)
    try:
        yield
    finally:
        browser.call("Network.emulateNetworkConditions", downloadThroughput=-1,
                     **conditions)


@test("reloaded without the cache: 51 times 200")
def without_cache():
    with cache_disabled():
        browser.reload()
        site.expect_rendered()
    for each in site.expect(all=200):
        same("if-none-match" in each.asked, False, each)


@test("the module unloaded and loaded below open connections: the page is there again")
def module_gone():
    unload()
    nginx.stop()	# which has the connections now
    nginx.start()
    load()
    site.wait_until_stale()
    browser.reload()
    site.expect_rendered()
    site.expect(all=304)


# --- caching and codings ----------------------------------------------------------

@test("cache_control=max-age: the second visit asks for nothing")
def fresh():
    write("fresh/a.js", "window.a = 1")
    write("fresh/index.html",
          '<!DOCTYPE html><link rel="icon" href="data:,"><script src="a.js"></script>')
    with params(cache_control="max-age=600"):
        browser.navigate(f"{SITE}/fresh/")
    for each in browser.exchanges():
        same((each.status, each.fields["cache-control"]), (200, "max-age=600"), each)
    counting = Counting()
    browser.navigate("about:blank")
    browser.navigate(f"{SITE}/fresh/")
    same(browser.evaluate("a"), 1, "the script")
    same([each.status for each in browser.exchanges()], [None] * 2, "on the wire")
    counting.expect(requests=0)


# To address itself a browser offers all codings, as with TLS.
CODINGS = {"br": "br", "zst": "zstd", "gz": "gzip"}


def compress(path, suffix):
    command = {"br": ("brotli", "-k"), "zst": ("zstd", "-q"), "gz": ("gzip", "-k")}
    subprocess.run((*command[suffix], path), check=True)


@test("siblings in each coding, and in several: unpacked to what the file says")
def codings():
    script = padded("loaded.push('NAME')", 50_000)
    head = "<script>const loaded = [];</script>"
    variants = {"br": "br", "zst": "zstd", "gz": "gzip", "all": "br", "none": None,
                "old": None}
    for name in variants:
        data = script.replace(b"NAME", name.encode())
        path = write(f"coded/{name}.js", data)
        for suffix in CODINGS if name in ("all", "old") else (name,):
            if suffix in CODINGS:
                compress(path, suffix)
                if name == "old":
                    os.utime(f"{path}.{suffix}", (1e9, 1e9))
        head += f'<script src="{name}.js" integrity="{integrity(data)}"></script>\n'
    write("coded/index.html",
          f'<!DOCTYPE html><link rel="icon" href="data:,">{head}')
    counting = Counting()
    for status in 200, 304:
        browser.navigate(f"{SITE}/coded/")
        same(browser.evaluate("loaded"), list(variants), "scripts")
        same(browser.complaints(), [], "complaints")
        for each in browser.exchanges()[1:]:
            name = re.search(r"(\w+)\.js$", each.url)[1]
            same(each.status, status, each)
            same(each.mime, JS, each)
            same(each.fields.get("content-encoding"),
                 variants[name] if status == 200 else None, each)
            same(each.fields.get("vary"),
                 "Accept-Encoding" if variants[name] else None, each)
        made = os.stat(f"{WWW}/coded/index.html").st_mtime
        time.sleep((time.time() - made) / 10 + 2)
    counting.expect(served=7, not_modified=7, handed_over=0)


# --- parts of files -----------------------------------------------------------------

PLAYER = """<!DOCTYPE html><link rel="icon" href="data:,">
<video preload="metadata" src="a.webm"></video>
<script>
const video = document.querySelector('video');
const playable = new Promise((resolve, reject) => {
    video.oncanplay = resolve;
    video.onerror = () => reject(new Error(video.error.message));
});
function seek(time) {
    return new Promise((resolve, reject) => {
        video.onseeked = () => resolve(video.currentTime);
        video.onerror = () => reject(new Error(video.error.message));
        video.currentTime = time;
    });
}
function brightness() {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    return context.getImageData(20, 20, 1, 1).data[0];
}
</script>
"""


def expect_frame(moment):
    """Of a second the middle; the picture says which one it is."""
    same(browser.evaluate(f"seek({moment + 0.5})"), moment + 0.5, "sought")
    grey = round((assets.brightness(moment) - 16) * 255 / 219)
    shown = browser.evaluate("brightness()")
    same(abs(shown - grey) < 3, True, f"{moment}: brightness {shown}, expected {grey}")


def video_requests():
    """
    All that were answered. A browser changes its mind: some are given up before,
    some while the answer is on its way to the page.
    """
    return [each for each in browser.exchanges()
            if each.url.endswith(".webm") and each.status is not None]


@test("a video, sought in: 206, the very range that was asked for, the right frame")
def video():
    data, places = assets.video(TOP)
    write("video/a.webm", data)
    write("video/index.html", PLAYER)
    counting = Counting()
    # A browser that has all of it before it is asked for the end needs no range.
    with cache_disabled(), throttled(2_000_000):
        browser.navigate(f"{SITE}/video/")
        browser.evaluate("playable")
        for moment in 58, 40, 3:
            expect_frame(moment)
    same(browser.complaints(), [], "complaints")
    starts = [expect_range(each, len(data)) for each in video_requests()]
    same(starts[0], 0, "the first")
    # It counts in blocks of 32 KiB.
    same(any(0 <= places[58] - start < 65536 for start in starts), True,
         f"ranges from {starts}; {places[58]}")
    same(counting.grown("handed_over"), 0, "handed over")


def expect_range(exchange, size):
    """The first byte of the range that was asked for and given."""
    first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", exchange.asked["range"]).groups()
    last = last or size - 1
    same(exchange.status, 206, exchange)
    same(exchange.fields["content-range"], f"bytes {first}-{last}/{size}", exchange)
    same(exchange.fields["content-length"], str(int(last) - int(first) + 1), exchange)
    same(exchange.fields["content-type"], "video/webm", exchange)
    same(exchange.fields["server"], "sluice", exchange)
    return int(first)


@test("a video that the browser has, sought in: 304 for ranges of it")
def cached_video():
    os.rename(f"{WWW}/video", f"{WWW}/cached")
    # It is to ask each time.
    # Fetched from a page that does not play it: two readers of one entry of the
    # browser's cache get into each other's way.
    write("cached/fetch.html", '<!DOCTYPE html><link rel="icon" href="data:,">')
    with params(cache_control="no-cache"):
        browser.navigate(f"{SITE}/cached/fetch.html")
        browser.evaluate("fetch('a.webm').then(response => response.arrayBuffer())"
                         ".then(data => data.byteLength)")
        browser.navigate(f"{SITE}/cached/")
        browser.evaluate("playable")
        expect_frame(58)
        same(browser.complaints(), [], "complaints")
        # It is the browser's to decide whether it trusts what it has of an entry that
        # two of its readers have open; what it asks for conditionally, it has.
        answers = []
        for each in video_requests():
            same("range" in each.asked, True, each)
            if "if-none-match" in each.asked:
                same(each.status, 304, each)
            else:
                expect_range(each, os.path.getsize(f"{WWW}/cached/a.webm"))
            answers.append(each.status)
        same(304 in answers, True, answers)


DOWNLOAD = """<!DOCTYPE html><link rel="icon" href="data:,">
<script>
async function begin(name) {
    const control = new AbortController();
    const response = await fetch(name, {signal: control.signal});
    const reader = response.body.getReader();
    for (let size = 0; size < 1000000;)
        size += (await reader.read()).value.length;
    control.abort();
}
async function take_up(name) {
    const response = await fetch(name);
    const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
    return [...new Uint8Array(digest)].map(n => n.toString(16).padStart(2, '0')).join('');
}
</script>
"""


@test("a download, broken off and taken up again: 206, or 200 if it is another file")
def taken_up():
    write("download/index.html", DOWNLOAD)
    for name, status in ("same.bin", 206), ("replaced.bin", 200):
        data = bytes_of(10_000_000)
        write(f"download/{name}", data, mtime=time.time() - 3600)
        browser.navigate(f"{SITE}/download/")
        browser.evaluate(f"begin('{name}')")
        if status == 200:
            data = bytes_of(10_000_000, seed=2)
            write(f"download/{name}", data)
        digest = browser.evaluate(f"take_up('{name}')")
        same(digest, hashlib.sha256(data).hexdigest(), "digest")
        same(browser.complaints(), [], "complaints")
        exchange = browser.exchanges()[-1]
        same((exchange.status, "if-range" in exchange.asked), (status, True), exchange)
        same(exchange.fields["server"], "sluice", exchange)


# --- with a backend -----------------------------------------------------------------

MIXED = """<!DOCTYPE html><link rel="icon" href="data:,">
<script>
async function ask(url, options) {
    const response = await fetch(url, {cache: 'no-store', ...options});
    return [response.status, response.headers.get('server').split('/')[0],
            await response.text()];
}
function mixed(round) {
    return Promise.all([
        ask('a.txt'), ask(`/dynamic?${round}`), ask('a.txt'),
        ask(`/upload/${round}`, {method: 'PUT', body: 'x'.repeat(100000)}),
        ask('a.txt'), ask('/none'), ask('a.txt'), ask('/dynamic')]);
}
</script>
"""


@test("a page whose scripts ask the backend between files; its connections are reused")
def mixed():
    write("mixed/index.html", MIXED)
    write("mixed/a.txt", "a text")
    os.mkdir(f"{TOP}/upload")
    os.chmod(f"{TOP}/upload", 0o777)
    browser.navigate(f"{SITE}/mixed/")
    servers = set()
    for n in range(10):
        answers = browser.evaluate(f"mixed({n})")
        same([answer[0] for answer in answers],
             [200, 200, 200, 201, 200, 404, 200, 200], "statuses")
        for answer in answers[::2]:
            same(answer[2], "a text", "a file")
        same(re.sub(":\\d+", "", answers[1][2]), f"GET 127.0.0.1 {n}\n", "dynamic")
        servers |= {answer[1] for answer in answers}
    same(servers, {"nginx", "sluice"}, "servers")
    for entry in browser.complaints():
        same("/none" in entry, True, entry)


@test("a directory without slash: redirected; a page that is not there: the backend's")
def redirected():
    browser.navigate(f"{SITE}/mixed?a=b")
    same(browser.evaluate("location.href"), f"{SITE}/mixed/?a=b", "where")
    same([(each.redirects, each.status) for each in browser.exchanges()],
         [([301], 200)], "requests")
    browser.navigate(f"{SITE}/none")
    same(browser.evaluate("document.title"), "404 Not Found", "title")


# Two minutes of emulation, and what a browser sees is not the kernel's version.
if os.environ.get("SLUICE_KERNEL", "6.12") != "6.12":
    print("1..0 # SKIP a browser on one kernel, 6.12, is enough")
    sys.exit(4)

site = Site()
nginx = Nginx()
load()
browser = Browser()
run_tests()
