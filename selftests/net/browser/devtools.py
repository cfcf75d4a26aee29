# SPDX-License-Identifier: GPL-2.0
"""
A headless Chromium, driven through its pipe: the DevTools protocol without a
library, a port or a network.
"""

import json
import os
import select
import subprocess
import time

from lib import PATIENCE, TOP, start

CHROMIUM = "chromium-headless-shell"
FLAGS = ("--remote-debugging-pipe", "--no-sandbox", "--no-zygote", "--disable-gpu",
         "--in-process-gpu", "--mute-audio", "--no-proxy-server",
         "--autoplay-policy=no-user-gesture-required", "--window-size=800,600",
         f"--user-data-dir={TOP}/profile", "about:blank")


class Browser:
    """One page of a browser of its own, with an empty cache."""

    def __init__(self):
        our_input, its_output = os.pipe()
        its_input, our_output = os.pipe()
        self.log = open(f"{TOP}/chromium.log", "wb")
        # It reads from descriptor 3 and writes to 4.
        redirect = f'exec "$@" 3<&{its_input} 4>&{its_output}'
        self.process = start("bash", "-c", redirect, "bash", CHROMIUM, *FLAGS,
                             pass_fds=(its_input, its_output),
                             stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(its_input)
        os.close(its_output)
        self.input, self.output = our_input, our_output
        self.buffer = b""
        self.number = 0
        self.session = None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network":
            self.call(f"{domain}.enable")

    # --- messages: JSON, each with a NUL behind ---

    def receive(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.input], [], [],
                                        max(0, deadline - time.monotonic()))
            data = os.read(self.input, 1 << 20) if ready else b""
            if not data:
                raise AssertionError(f"no word from Chromium; {self.last_words()}")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def last_words(self):
        with open(f"{TOP}/chromium.log", errors="replace") as lines:
            return "it said:\n" + lines.read()[-2000:]

    def call(self, method, **params):
        """The result of a command; events that come before are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self.keep(answer)

    def keep(self, message):
        if "method" in message:
            self.events.append((message["method"], message["params"]))

    def wait_for(self, method):
        """The first event of that kind that was not there yet."""
        seen = 0
        while True:
            for name, params in self.events[seen:]:
                if name == method:
                    return params
            seen = len(self.events)
            self.keep(self.receive())

    # --- pages ---

    def evaluate(self, expression):
        """The value of a JavaScript expression, or of what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression,
                           awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def navigate(self, url):
        self.events.clear()
        answer = self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise AssertionError(f"{url}: {answer['errorText']}")
        self.wait_for("Page.loadEventFired")

    def reload(self):
        self.events.clear()
        self.call("Page.reload")
        self.wait_for("Page.loadEventFired")

    def complaints(self):
        """What a developer would see in red, or as a warning."""
        found = []
        for method, params in self.events:
            if method == "Log.entryAdded":
                entry = params["entry"]
                if entry["level"] in ("error", "warning"):
                    found.append(f"{entry['text']} {entry.get('url', '')}")
            elif method == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and params["type"] in (
                    "error", "warning", "assert"):
                found.append(json.dumps(params["args"]))
            elif method == "Network.loadingFailed" and not params.get("canceled"):
                found.append(json.dumps(params))
        return found

    def exchanges(self):
        """The requests since the page was begun, in order, all answered."""
        while True:
            known = {}
            for method, params in self.events:
                if method.startswith("Network.") and "requestId" in params:
                    exchange = known.setdefault(params["requestId"], Exchange())
                    exchange.learn(method, params)
            # Some are of the page before, whose beginning is not there any more.
            known = [each for each in known.values() if each.url]
            if all(each.is_answered() for each in known):
                return known
            self.keep(self.receive())


class Exchange:
    """A request of the browser, and what became of it."""

    def __init__(self):
        self.url = None
        self.redirects = []
        self.asked = {}		# fields that were sent
        self.fields = {}	# and received
        self.status = None	# on the wire; None: there was nothing
        self.mime = None
        self.connection = None
        self.failed = self.is_worker = False
        self.cached = None	# True: from the browser's own cache, nothing was sent

    def learn(self, method, params):
        if method == "Network.requestWillBeSent":
            if "redirectResponse" in params:
                self.redirects.append(params["redirectResponse"]["status"])
            self.url = params["request"]["url"]
            self.is_worker = (params["type"], params["initiator"]["type"]) == (
                "Script", "other")
        elif method == "Network.requestWillBeSentExtraInfo":
            self.asked = lower(params["headers"])
        elif method == "Network.responseReceivedExtraInfo":
            # The very response; the other event tells of the one in the cache.
            self.status = params["statusCode"]
            self.fields = lower(params["headers"])
        elif method == "Network.responseReceived":
            self.mime = params["response"]["mimeType"]
            self.connection = params["response"]["connectionId"]
            self.cached = self.cached or not params["hasExtraInfo"]
        elif method == "Network.requestServedFromCache":
            self.cached = True
        elif method == "Network.loadingFailed":
            self.failed = True

    def is_answered(self):
        # A worker is itself told more of the answer, the page is not.
        return (self.failed or self.cached or
                (self.status is not None and (self.is_worker or self.cached is False)))

    def __repr__(self):
        return (f"{self.url} {self.redirects} {self.status} {self.mime} "
                f"asked {self.asked} got {self.fields}")


def lower(fields):
    return {name.lower(): value for name, value in fields.items()}
