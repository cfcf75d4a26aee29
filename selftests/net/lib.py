# SPDX-License-Identifier: GPL-2.0
"""
What the Python tests share: a docroot, the module, nginx in front of nothing,
raw sockets, counters, and the kernel's own KTAP helpers.

The machine may be fifteen times slower than it looks: wait for what is to
happen, up to PATIENCE seconds; never for a time in which it should have.
"""

import atexit
import contextlib
import errno
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("SLUICE_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sluice")
sys.path.insert(0, CACHE + "/linux-source/tools/testing/selftests/kselftest")

import ksft  # noqa: E402  the kernel's, found through the line above

PATIENCE = 120
# How many times longer all takes on this kernel than on Debian's; for what can be
# done less often, and deadlines of sluice that a test is not about.
SLOWNESS = int(os.environ.get("SLUICE_SLOWNESS") or 1)
DEADLINES = {} if SLOWNESS == 1 else {
    "header_timeout": 20 * SLOWNESS, "keepalive_timeout": 75 * SLOWNESS,
    "send_timeout": 60 * SLOWNESS}
# The way of deployment: the server's own port, or one in front of it.
ATTACH = bool(os.environ.get("SLUICE_ATTACH"))
BACKEND = 8080
PORT = BACKEND if ATTACH else 80
TCP_CLOSE_WAIT = 8

TOP = tempfile.mkdtemp(prefix="sluice-", dir="/tmp")	# a tmpfs
WWW = TOP + "/www"
os.chmod(TOP, 0o755)
os.mkdir(WWW)


# --- tests and what they say --------------------------------------------------

_tests = []


def test(promise):
    """Register a function as the test of a promise."""
    def register(function):
        _tests.append((promise, function))
        return function
    return register


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def two_ports_only(why):
    """Called first by a program that is about sluice's own listening sockets."""
    if ATTACH:
        print(f"1..0 # SKIP in the way of two ports only: {why}")
        sys.exit(ksft.KSFT_SKIP)


def say(*words):
    for line in " ".join(str(word) for word in words).splitlines():
        print("#", line)


def run_tests(before=lambda: None):
    """The end of each test file. @before is called before each test."""
    sys.stdout.reconfigure(line_buffering=True)
    ksft.print_header()
    ksft.set_plan(len(_tests))
    for promise, function in _tests:
        try:
            before()
            function()
        except Skip as reason:
            ksft.test_result_skip(f"{promise}: {reason}")
        except Exception:	# whatever it is, the next test goes on
            say(traceback.format_exc())
            ksft.test_result_fail(promise)
        else:
            ksft.test_result_pass(promise)
    clean_up()
    ksft.finished()


def same(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: got {short(got)}, expected {short(expected)}")


def short(value):
    text = repr(value)
    return text if len(text) < 500 else f"{text[:400]}... ({len(value)} long)"


def eventually(condition, what):
    """Wait until condition() is true, and return what it said."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain: {what}")
        time.sleep(0.01)


def run(*command, **kwargs):
    return subprocess.run(command, check=True, text=True, capture_output=True,
                          **kwargs).stdout


# --- the docroot ----------------------------------------------------------------

def write(name, data, mode=0o644, mtime=None):
    """Make a file in the docroot, with its directories."""
    path = os.path.join(WWW, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(data, str):
        data = data.encode()
    with open(path, "wb") as out:
        out.write(data)
    os.chmod(path, mode)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def bytes_of(size, seed=1):
    """Bytes that do not repeat soon: a piece out of place shows."""
    words = bytearray()
    while len(words) < size:
        words += b"%d.%d," % (seed, len(words))
        if len(words) >= 65536:	# the rest would take long
            block, words = bytes(words), bytearray()
            count = size // len(block) + 1
            return b"".join(b"%d/%d:" % (seed, n) + block
                            for n in range(count))[:size]
    return bytes(words[:size])


# --- the module -------------------------------------------------------------------

# Whoever says one of these means sluice's own listening sockets.
TWO_PORTS = {"port", "defer_accept", "backend_port", "standalone"}


def deployed(params):
    """With what goes without saying, in the way that is tried."""
    if "attach" in params:
        return params
    if not ATTACH:
        return {"backend_port": BACKEND, **params}
    if params.keys() & TWO_PORTS:
        return {"port": PORT, **params}
    params.pop("address", None)		# the server's
    return {"attach": PORT, **params}


def load(**params):
    """insmod sluice, with this docroot and backend unless told otherwise."""
    params = {"docroot": WWW, **DEADLINES, **deployed(params)}
    words = [f"{key}={value}" for key, value in params.items()]
    done = subprocess.run(["insmod", os.environ["SLUICE_KO"], *words],
                          capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"insmod {words}: {done.stderr}\n{kernel_log()}")


def is_loaded():
    return os.path.isdir("/sys/module/sluice")


def unload():
    if is_loaded():
        run("rmmod", "sluice")


# For rmmod, on the slowest machine: far more than it takes, far less than the
# deadlines of the connections that it closes.
UNLOAD_BOUND = 50


def timed_unload():
    """In bounded time, and nothing is left; return the seconds."""
    started = time.monotonic()
    # If it hangs it is not waited for, and holds nothing that others wait for.
    child = subprocess.Popen(["rmmod", "sluice"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    eventually(lambda: child.poll() is not None, "rmmod")
    same((child.returncode, child.stderr.read()), (0, ""), "rmmod")
    child.stderr.close()
    seconds = time.monotonic() - started
    same(seconds < UNLOAD_BOUND, True, f"rmmod took {seconds} s")
    nothing_of_it()
    return seconds


def slabs(lines=None):
    """
    What is in use of each of the kernel's caches. Ours is not one with another's:
    scripts/vm says slab_nomerge, and so the kernel itself looks whether it is empty
    when it goes.
    """
    with contextlib.nullcontext(lines) if lines else open("/proc/slabinfo") as lines:
        return {words[0]: int(words[1]) for words in map(str.split, lines)
                if words[1].isdigit()}


def nothing_of_it():
    """It is not loaded, and no name of it is left anywhere."""
    same((is_loaded(), os.path.exists("/proc/net/sluice")), (False, False), "loaded")
    with open("/proc/modules") as modules:
        same("sluice" in modules.read(), False, "module")
    same([name for name in slabs() if "sluice" in name], [], "slabs")


def kernel_log(lines=10):
    return "\n".join(run("dmesg").splitlines()[-lines:])


def param(name, value):
    if ATTACH and is_attaching() and (name, str(value)) != ("standalone", "0") and \
            name in ("standalone", "backend_port"):
        raise Skip("attached there is a server, on its own port")
    with open(f"/sys/module/sluice/parameters/{name}", "w") as out:
        out.write(str(value) or "\n")	# nothing would be no write at all


def read_param(name):
    with open(f"/sys/module/sluice/parameters/{name}") as value:
        return value.read()


@contextlib.contextmanager
def params(**values):
    """These values for a while, then those of before."""
    before = {name: read_param(name) for name in values}
    try:
        for name, value in values.items():
            param(name, value)
        yield
    finally:
        for name, value in before.items():
            param(name, value)


def all_params():
    """Those that can be changed while it runs, and read."""
    where = "/sys/module/sluice/parameters"
    return {name: read_param(name) for name in os.listdir(where)
            if os.stat(f"{where}/{name}").st_mode & 0o600 == 0o600}


def restore_params(values):
    """What a test left otherwise, of all_params() before it."""
    for name, value in all_params().items():
        if value != values[name]:
            param(name, values[name])


def types(text):
    """Write the table of types, whole, in one go."""
    with open("/proc/net/sluice/types", "w") as out:
        out.write(text + "end\n")


def types_of_nginx():
    return run(f"{HERE}/../../tools/sluice-types").removesuffix("end\n")


_kmsg = []


def kmsg_lines(log):
    """What the kernel said since the last call, of an open /dev/kmsg."""
    while True:
        try:
            record = os.read(log, 8192).decode()
        except BlockingIOError:
            return
        except BrokenPipeError:	# overwritten before it was read
            continue
        yield record.split(";", 1)[1].split("\n")[0]


def new_messages():
    """What the kernel said since the last call, lines of sluice only."""
    if not _kmsg:
        _kmsg.append(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
    return "\n".join(line for line in kmsg_lines(_kmsg[0])
                     if line.startswith("sluice"))


# First lines of reports, as scripts/vm knows them.
_REPORT = re.compile("cut here|BUG: |KASAN|UBSAN|possible .* detected|suspicious RCU")


@contextlib.contextmanager
def expected_warning(word):
    """
    The kernel WARNs, once and with this word in its report; or not, if it is None.

    The console hears nothing of it, for that is where scripts/vm looks for complaints;
    so what is said meanwhile is judged here.
    """
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    with sysctl("kernel/printk", "1"), sysctl("kernel/panic_on_warn", "0"):
        yield
        said = "\n".join(kmsg_lines(log))
    os.close(log)
    same(len(_REPORT.findall(said)), int(word is not None), f"reports in '{said}'")
    same((word or "") in said, True, f"'{said}' has '{word}'")


@contextlib.contextmanager
def sysctl(name, value):
    """This value for a while, then that of before."""
    with open(f"/proc/sys/{name}", "r+") as file:
        before = file.read()
        file.seek(0)
        file.write(value)
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.write(before)


def param_refused(name, value, error, *words):
    """Refused with a reason in the kernel log, and the old value stays."""
    new_messages()
    before = read_param(name)
    try:
        param(name, value)
        raise AssertionError(f"{name}={value} was accepted")
    except OSError as reason:
        same(errno.errorcode[reason.errno], errno.errorcode[error],
             f"{name}={value}")
    said = new_messages()
    for word in words or [f"{name}="]:
        same(word in said, True, f"{name}={value}: '{said}' has '{word}'")
    same(read_param(name), before, f"{name} afterwards")


def stats():
    with open("/proc/net/sluice/stats") as lines:
        return {key: int(value) for key, value in map(str.split, lines)}


def stat(key):
    return stats()[key]


class Counting:
    """How much counters have grown since this was made."""

    def __init__(self):
        self.before = stats()

    def grown(self, key):
        return stat(key) - self.before[key]

    def expect(self, **growth):
        """Counters may lag a little behind what the client sees."""
        for key, expected in growth.items():
            eventually(lambda: self.grown(key) >= expected,
                       f"{key} to grow by {expected}")
            same(self.grown(key), expected, key)


def no_connection_left():
    eventually(lambda: stat("live_connections") == 0, "live_connections to be 0")


def nothing_left():
    """No connection, and without the cache no file either."""
    no_connection_left()
    param("docroot", read_param("docroot"))	# drops the cache
    eventually(lambda: stat("live_objects") == 0, "live_objects to be 0")
    same(stat("out_of_memory"), 0, "out_of_memory")


def sockets(key):
    """Of /proc/net/sockstat, TCP."""
    with open("/proc/net/sockstat") as lines:
        words = next(line for line in lines if line.startswith("TCP:")).split()
    return int(words[words.index(key) + 1])


# --- processes -------------------------------------------------------------------

def in_child(function, *args, failed=lambda: None):
    """
    Call it in a process of its own; failed(), there, if it finds something wrong.
    Return: a pipe, out of which its two numbers will come, and the process.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            random.seed()
            os.write(theirs, struct.pack("QQ", *function(*args)))
            status = 0
        except BaseException:
            say(traceback.format_exc())
            failed()
        finally:
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL) if status else os._exit(0)
    os.close(theirs)
    return ours, pid


def numbers_of(child):
    data = os.read(child[0], 16)
    os.close(child[0])
    os.waitpid(child[1], 0)
    same(len(data), 16, "numbers from a process that found nothing wrong")
    return struct.unpack("QQ", data)


def states(pid):
    """Of all tasks of a process, and of its children."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="ascii") as stat_:
            yield stat_.read().rsplit(") ", 1)[1][0]
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
            for child in children.read().split():
                yield from states(child)


def let_rest(process):
    """A backend that has answered and is on its way to poll or to read may come upon
    the next request before sluice does, and may have it.
    """
    def rests():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return set(states(process.pid)) == {"S"}
        return False
    eventually(lambda: rests() and rests(), "the backend to rest")


# --- nginx -----------------------------------------------------------------------

_children = []


def start(*command, **kwargs):
    """A program that ends with the test, if not before."""
    child = subprocess.Popen(command, **kwargs)
    _children.append(child)
    return child


def listeners(port):
    """How many sockets listen on this port, IPv4 or IPv6."""
    count = 0
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with open(table) as lines:
            for line in lines:
                words = line.split()
                count += words[1].endswith(f":{port:04X}") and words[3] == "0A"
    return count


def listens(port):
    return listeners(port) > 0


def attached():
    """All that listen where it attaches are attached: within a second."""
    eventually(lambda: stat("live_attached") == listeners(BACKEND), "to be attached")


def is_attaching():
    return is_loaded() and read_param("attach") != "\n"


class Nginx:
    """Debian's, as it is, with a configuration of its own below TOP."""

    def __init__(self, listen=f"listen {BACKEND};", workers=1, **more):
        with open(f"{HERE}/nginx.conf") as template:
            text = template.read()
        settings = {"LISTEN": listen, "WORKERS": str(workers),
                    "LOCATIONS": more.get("locations", ""),
                    "HTTP": more.get("http", "")}
        for key, value in settings.items():
            text = text.replace(f"@{key}@", value)
        # A command that runs what its arguments say.
        self.through = more.get("through", ())
        self.config = f"{TOP}/nginx.conf"
        with open(self.config, "w") as out:
            out.write(text)
        self.start()

    def start(self):
        self.process = start(*self.through, "nginx", "-p", TOP, "-c", self.config,
                             stderr=subprocess.DEVNULL)
        eventually(lambda: listens(BACKEND) or self.process.poll() is not None,
                   "nginx to listen")
        if self.process.poll() is not None:
            with open(f"{TOP}/error.log") as log:
                raise AssertionError("nginx: " + log.read())
        if is_attaching():
            attached()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        if is_attaching():
            attached()	# not to what is gone, which the next one's would be taken for

    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [pid, *map(int, children.read().split())]

    def kill(self):
        """All of it at once, as the kernel would for want of memory."""
        for victim in self.pids():
            os.kill(victim, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not listens(BACKEND), "nginx to be gone")

    @staticmethod
    def log():
        """Lines of 'ADDRESS:PORT SERVER-PORT "REQUEST" STATUS'."""
        try:
            with open(f"{TOP}/access.log", errors="replace") as lines:
                return lines.read().splitlines()
        except FileNotFoundError:
            return []


class OneShot:
    """
    A backend that answers one request of each connection, and closes: with take_back=1 it
    comes back. answer(connection) is called in front of the answer, and returns the body;
    or None, if it has answered itself. It runs in threads of this process.
    """

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", BACKEND), backlog=128)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            self.serve_one(connection)

    def serve_one(self, connection):
        with connection:
            connection.settimeout(PATIENCE)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            body = self.answer(connection)
            if body is not None:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
                                   % (len(body), body))


# --- clients -----------------------------------------------------------------------

class Response:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.head = head
        self.body = body
        self.version, status, self.reason = (lines[0].split(" ", 2) + [""])[:3]
        self.status = int(status)
        self.lines = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.lines.append((name, value.strip()))
        self.fields = {name.lower(): value for name, value in self.lines}

    def __getitem__(self, name):
        return self.fields.get(name)

    def __repr__(self):
        return f"Response({self.head!r}, {short(self.body)})"

    @property
    def is_nginx(self):
        return (self["server"] or "").startswith("nginx")


class Closed(Exception):
    """The other side closed before a response was complete."""


class Client:
    """A connection on which a test says exactly which bytes go out when."""

    def __init__(self, port=PORT, address="127.0.0.1", options=(), source=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(PATIENCE)
        for level, option, value in options:
            self.sock.setsockopt(level, option, value)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.sock.bind((source, 0))
        if ATTACH and port == PORT and is_attaching():
            attached()	# a backend that has just begun to listen
        self.sock.connect((address, port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def name(self):
        """As nginx logs it."""
        return "{}:{}".format(*self.sock.getsockname()[:2])

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def shut(self):
        self.sock.shutdown(socket.SHUT_WR)

    def fill(self):
        data = self.sock.recv(1 << 20)
        if not data:
            raise Closed(f"connection closed after {short(self.buffer)}")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            self.fill()
        return self.take(self.buffer.index(mark) + len(mark))

    def chunks(self):
        body = b""
        while True:
            size = int(self.take_until(b"\r\n"), 16)
            body += self.take(size)
            self.take(2)
            if not size:
                return body

    def response(self, head_only=False):
        head = self.take_until(b"\r\n\r\n")[:-4]
        response = Response(head, b"")
        if head_only or response.status in (204, 304) or response.status < 200:
            return response
        if response["transfer-encoding"] == "chunked":
            response.body = self.chunks()
        elif response["content-length"] is not None:
            response.body = self.take(int(response["content-length"]))
        else:
            response.body = self.rest()
        return response

    def rest(self):
        """All up to the end, which must be a clean one."""
        try:
            while True:
                self.fill()
        except Closed:
            data, self.buffer = self.buffer, b""
            return data

    def expect_end(self):
        same(self.rest(), b"", "bytes behind the last response")

    def unacknowledged(self):
        """Bytes that the other side has not told us it has: SIOCOUTQ."""
        return struct.unpack("i", fcntl.ioctl(self.sock, 0x5411, b"\0" * 4))[0]

    def expect_lingering(self):
        """
        After its end the other side still takes what we send. If it did not, it
        would reset the connection, and some clients would lose the response.
        """
        for _ in range(3):
            self.send(b"x" * 1000)
            eventually(lambda: not self.unacknowledged(), "an acknowledgment")
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        same(info[0], TCP_CLOSE_WAIT, "state of the connection")

    def ask(self, target, method="GET", fields="", version="1.1"):
        self.send(request(target, method, fields, version))
        return self.response(head_only=method == "HEAD")


def request(target, method="GET", fields="", version="1.1"):
    return (f"{method} {target} HTTP/{version}\r\nHost: localhost\r\n"
            f"{fields}\r\n").encode("latin-1")


def get(target, **kwargs):
    """One request on a connection of its own."""
    port = kwargs.pop("port", PORT)
    address = kwargs.pop("address", "127.0.0.1")
    with Client(port, address) as client:
        return client.ask(target, **kwargs)


# --- the end ------------------------------------------------------------------------

_clean_ups = []


def clean_up():
    for child in _children:
        if child.poll() is None:
            child.terminate()
            child.wait()
    _children.clear()
    try:
        unload()
    finally:
        while _clean_ups:
            _clean_ups.pop()()
        shutil.rmtree(TOP, ignore_errors=True)


def mount(*words):
    """mount(8), undone at the end; the last word is the directory."""
    run("mount", *words)
    _clean_ups.append(lambda: run("umount", words[-1]))


def add_address(address):
    """An address of this machine's own, taken away at the end: the resolver of other
    tests' programs goes by what families the machine has.
    """
    words = f"{address}/128", "dev", "lo"
    run("ip", "address", "add", *words, "nodad")
    _clean_ups.append(lambda: run("ip", "address", "del", *words))


atexit.register(clean_up)
