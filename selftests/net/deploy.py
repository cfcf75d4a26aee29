#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""
Each page of Documentation/deploy: the configuration that stands there is what runs here.

A page says FILE in front of a literal block; the block is taken as it is, but that
its document root is that of the tests.  Around it stands what a distribution adds.
"""

import contextlib
import http.server
import json
import os
import re
import threading

from lib import (ATTACH, HERE, PORT, TOP, WWW, Client, Counting, Skip, eventually, listens, load,
                 run, run_tests, same, start, test, unload, write)

PAGES = f"{HERE}/../../Documentation/deploy"
MODULES = "/usr/lib/apache2/modules"
CLIENT = "127.0.0.5"
APPLICATION = 9000
OPTIONS = "/etc/modprobe.d/sluice.conf"


# --- pages ------------------------------------------------------------------------

def block(page, label):
    """The literal block behind ``FILE``, or ``FILE`` and more words, with its own indent."""
    with open(f"{PAGES}/{page}.rst", encoding="utf-8") as text:
        lines = text.read().split("\n")
    at = lines.index(f"{label}::") + 1
    taken = []
    for line in lines[at:]:
        if line and not line.startswith("    "):
            break
        taken.append(line[4:])
    return "\n".join(taken).strip("\n") + "\n"


def configured(page, label):
    return re.sub("/var/www/html|/srv/web/html|/usr/share/nginx/html", WWW, block(page, label))


def file_of(page, label, name=None, around="{}"):
    """Written below TOP as the page has it, with what is around it; the path."""
    name = name or re.search(r"``(.*)``", label)[1].rsplit("/", 1)[-1]
    path = f"{TOP}/{name}"
    with open(path, "w", encoding="utf-8") as out:
        out.write(around.replace("{}", configured(page, label)))
    return path


def options_of(page, more=""):
    """What the page has modprobe say, for load()."""
    said = {}
    for line in configured(page, f"``{OPTIONS}``{more}").splitlines():
        words = line.split()
        same(words[:2], ["options", "sluice"], "beginning of the line")
        said.update(word.split("=", 1) for word in words[2:])
    return said


def two_ports(page, more=""):
    """The module has the page's port, and the server another."""
    unload()
    load(**options_of(page, more))


def attached(page, more=""):
    """The server keeps its port, which clients use; the rest is as the page has it."""
    options = options_of(page, more)
    unload()
    if not options.keys() & {"standalone", "port"}:
        options["attach"] = options.pop("backend_port")
        options.pop("address", None)
    load(**options)


def not_attached():
    """It is behind another server, or in another namespace, on ports of its own."""
    if ATTACH:
        raise Skip("in the way of two ports only")


# How the module comes to be in front of a server.
WAY = attached if ATTACH else two_ports


# --- what is behind -----------------------------------------------------------------

class Application(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, and by whom."""
    protocol_version = "HTTP/1.1"
    health = 0

    def do_GET(self):
        if self.path == "/health":
            Application.health += 1
        body = json.dumps({"from": self.client_address[0], "path": self.path,
                           "forwarded": self.headers["X-Forwarded-For"],
                           "host": self.headers["Host"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):	# a health check has seen enough
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Running:
    """A server that listens on this port, and then the module in front of it, or behind."""

    def __init__(self, port, *command, **kwargs):
        self.port = port
        self.log = f"{TOP}/{os.path.basename(command[0])}.log"
        with open(self.log, "ab") as log:
            self.process = start(*command, stdout=log, stderr=log, **kwargs)
        eventually(lambda: listens(port) or self.process.poll() is not None,
                   f"{command[0]} to listen")
        self.expect_alive()

    def expect_alive(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"{self.process.args}: {log.read()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        eventually(lambda: not listens(self.port), "its port to be free")


class Behind:
    """The application of those that pass on what they have not."""

    def __init__(self, port):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Application)
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def ready():
    """Our listener is of the family of the backend's: a connection that comes now is, too."""
    def taken():
        with Client(source=CLIENT) as client:
            return client.ask("/ready-or-not").status != 503
    eventually(taken, "the backend to be given connections")


def expect_mixed(target, check, fields=""):
    """A file, a page and a file on one connection: each by whom it should be."""
    ready()
    counting = Counting()
    with Client(source=CLIENT) as client:
        for _ in range(2):
            response = client.ask("/small", fields=fields)
            same((response["server"], response.body), ("sluice", b"small"), "file")
            response = client.ask(target, fields=fields)
            same(response["server"] != "sluice", True, f"by the server: {response}")
            check(response)
        response = client.ask("/small", fields=fields)
        same(response.body, b"small", "file behind")
    counting.expect(connections_accepted=1)
    same(counting.grown("served") >= 2, True, "served")
    same(counting.grown("backend_family"), 0, "backend_family")


def forwarded(response):
    said = json.loads(response.body)
    same(said["forwarded"], CLIENT, "X-Forwarded-For")


NGINX = f"""
daemon off;
user www-data;
pid {TOP}/nginx.pid;
error_log {TOP}/nginx-error.log;
events {{ worker_connections 64; }}
http {{
access_log off;
client_body_temp_path {TOP}/body;
proxy_temp_path {TOP}/proxy;
fastcgi_temp_path {TOP}/fastcgi;
uwsgi_temp_path {TOP}/uwsgi;
scgi_temp_path {TOP}/scgi;
# For the test to see who has served.
proxy_pass_header Server;
{{}}
}}
"""


# --- behind sluice --------------------------------------------------------------------

APACHE = f"""
ServerRoot {TOP}
DefaultRuntimeDir {TOP}
PidFile apache.pid
ErrorLog {TOP}/error.log
ServerName localhost
User www-data
Group www-data
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule dir_module {MODULES}/mod_dir.so
LoadModule mime_module {MODULES}/mod_mime.so
TypesConfig /dev/null
LogFormat "%a %{{local}}p %v %>s" test
CustomLog {TOP}/access.log test
IncludeOptional {TOP}/ports.conf
IncludeOptional {TOP}/000-default.conf
"""


@test("apache.rst: the virtual host of the local port 80, and the client's own address")
def apache():
    with open(f"{TOP}/apache2.conf", "w", encoding="ascii") as out:
        out.write(APACHE)
    file_of("apache", "``/etc/apache2/ports.conf``")
    file_of("apache", "``/etc/apache2/sites-available/000-default.conf``")
    WAY("apache")
    with Running(8080, "apache2", "-X", "-f", f"{TOP}/apache2.conf"):
        def from_apache(response):
            same((response.status, response["server"][:6]), (404, "Apache"), "answer")
        expect_mixed("/no-file", from_apache)
        for host in "www.example.com", "shop.example.com":
            with Client(source=CLIENT) as client:
                client.send(f"GET /of-host HTTP/1.1\r\nHost: {host}\r\n\r\n")
                same(client.response().status, 404, host)
            line = f"{CLIENT} {PORT} {host} 404"
            eventually(lambda line=line: line in read_lines("access.log"), line)


def read_lines(name):
    with open(f"{TOP}/{name}", encoding="ascii") as lines:
        return lines.read().splitlines()


@test("caddy.rst: a site, and what Caddy says itself")
def caddy():
    config = file_of("caddy", "``/etc/caddy/Caddyfile``")
    WAY("caddy")
    with Running(8080, "caddy", "run", "--adapter", "caddyfile", "--config", config,
                 env={**os.environ, "HOME": TOP, "XDG_CONFIG_HOME": TOP,
                      "XDG_DATA_HOME": TOP}):
        def from_caddy(response):
            same(response.body, CLIENT.encode(), "who is there")
        expect_mixed("/whoami", from_caddy)


@test("node.rst: one socket for both families")
def node():
    script = file_of("node", "``server.js``")
    WAY("node")
    with Running(8080, "node", script):
        def from_node(response):
            same(response.body, f"GET /page from ::ffff:{CLIENT}\n".encode(), "page")
        expect_mixed("/page", from_node)


@test("gunicorn.rst: threads that keep a connection")
def gunicorn():
    config = file_of("gunicorn", "``gunicorn.conf.py``")
    file_of("gunicorn", "``app.py``")
    WAY("gunicorn")
    with Running(8080, "gunicorn", "-c", config, "--chdir", TOP, "app:app"):
        def from_gunicorn(response):
            same(response.body, f"GET /page from {CLIENT}\n".encode(), "page")
        expect_mixed("/page", from_gunicorn)


@test("haproxy.rst, behind: X-Forwarded-For is the client's own address")
def haproxy():
    config = file_of("haproxy", "``/etc/haproxy/haproxy.cfg``")
    WAY("haproxy")
    with Behind(APPLICATION), Running(8080, "haproxy", "-db", "-f", config):
        expect_mixed("/page", forwarded)


def varnish_at(port, config):
    return Running(port, "varnishd", "-j", "none", "-F", "-a", f":{port}", "-f", config, "-n",
                   f"{TOP}/varnish-{port}", "-s", "malloc,10m", "-T", "none")


@test("varnish.rst, behind: client.ip is the client's own")
def varnish():
    config = file_of("varnish", "``/etc/varnish/default.vcl``")
    WAY("varnish")
    with Behind(APPLICATION), varnish_at(8080, config):
        def from_varnish(response):
            same(response["x-client"], CLIENT, "client.ip")
        expect_mixed("/page", from_varnish)


# --- in front of it -----------------------------------------------------------------------

def expect_in_front(health):
    """Through the one in front: files by sluice, pages by the application, who knows who asks."""
    def comes():
        with Client(source=CLIENT) as client:
            return client.ask("/page").status == 200
    eventually(comes, "the way to be open")
    counting = Counting()
    with Client(source=CLIENT) as client:
        for _ in range(3):
            response = client.ask("/static/small")
            same((response.status, response.body), (200, b"small"), "file")
            same(response["server"], "sluice", "who has served it")
            forwarded(client.ask("/page"))
    counting.expect(served=3, errors=0)
    if health:
        before = Application.health
        eventually(lambda: Application.health > before, "a health check of the application")


@test("nginx.rst: nginx in front keeps its connections to sluice")
def nginx_in_front():
    not_attached()
    config = file_of("nginx", "``/etc/nginx/sites-available/default``", "front.conf",
                     NGINX)
    WAY("nginx")
    with Behind(8080), Running(80, "nginx", "-p", TOP, "-c", config):
        counting = Counting()
        expect_in_front(health=False)
        same(counting.grown("connections_accepted") < 5, True, "connections from nginx")


@test("haproxy.rst, in front: its health check asks the application")
def haproxy_in_front():
    not_attached()
    config = file_of("haproxy", "``/etc/haproxy/haproxy.cfg``, in front", "front.cfg")
    WAY("haproxy", ", in front")
    with Behind(8080), Running(80, "haproxy", "-db", "-f", config):
        expect_in_front(health=True)


@test("varnish.rst, in front: its probe asks the application")
def varnish_in_front():
    not_attached()
    config = file_of("varnish", "``/etc/varnish/default.vcl``, in front", "front.vcl")
    WAY("varnish", ", in front")
    with Behind(8080), varnish_at(80, config):
        expect_in_front(health=True)


@test("cdn.rst: the server behind goes by what the CDN says")
def cdn():
    config = file_of("cdn", "``/etc/nginx/sites-available/default``", "cdn.conf",
                     NGINX)
    WAY("cdn")
    with Running(8080, "nginx", "-p", TOP, "-c", config):
        def from_nginx(response):
            same(response.body, b"203.0.113.7\n", "who asks")
        expect_mixed("/whoami", from_nginx, fields="X-Forwarded-For: 203.0.113.7\r\n")
        with Client() as client:
            same(client.ask("/small")["cache-control"], "public,max-age=3600", "Cache-Control")


# --- in a namespace of its own --------------------------------------------------------------

PUBLISHED, INSIDE = "192.0.2.1", "10.99.0.2"
NETWORK = f"""
ip link add sluice0 type veth peer name sluice1 netns $PID
ip address add 10.99.0.1/24 dev sluice0
ip link set sluice0 up
ip address add {PUBLISHED}/32 dev lo
nsenter -t $PID -n ip link set lo up
nsenter -t $PID -n ip address add {INSIDE}/24 dev sluice1
nsenter -t $PID -n ip link set sluice1 up
nsenter -t $PID -n ip route add default via 10.99.0.1
nft add table ip published
nft add chain ip published out '{{ type nat hook output priority -100; }}'
nft add rule ip published out ip daddr {PUBLISHED} tcp dport 80 dnat to {INSIDE}
"""
NETWORK_AWAY = f"""
nft delete table ip published
ip address del {PUBLISHED}/32 dev lo
"""


def shell(script, **more):
    run("sh", "-e", "-c", script, env={**os.environ, **more})


@contextlib.contextmanager
def container():
    """What a container is to the network, with a port that is published by DNAT."""
    keeper = start("unshare", "--net", "sh", "-c", "echo ready; exec cat", stdin=-1, stdout=-1)
    same(keeper.stdout.readline(), b"ready\n", "a namespace")
    shell(NETWORK, PID=str(keeper.pid))
    try:
        yield keeper
    finally:
        shell(NETWORK_AWAY)
        keeper.kill()
        keeper.wait()


@test("container.rst: an instance in the namespace that a published port leads to")
def in_a_container():
    not_attached()
    config = file_of("container", "``/srv/web/nginx.conf``", "container.conf",
                     NGINX)
    steps = configured("container",
                       "(``docker inspect -f '{{.State.Pid}}' NAME``), as root on the host")
    unload()
    load(standalone=1, address="127.0.0.1", port=8081)
    with container() as keeper:
        server = start("nsenter", "-t", str(keeper.pid), "-n", "nginx", "-p", TOP, "-c", config)
        shell(steps, PID=str(keeper.pid))

        def page():
            with Client(address=PUBLISHED) as client:
                return client.ask("/page").status == 404
        eventually(page, "nginx in there to answer")
        with Client(address=PUBLISHED) as client:
            for _ in range(2):
                same(client.ask("/small")["server"], "sluice", "who serves the file")
                same(client.ask("/page")["server"][:5], "nginx", "who has the page")
        server.terminate()
        server.wait()
    eventually(lambda: not os.path.isdir("/sys/module/sluice/instances/web"),
               "the instance to go with its namespace")


write("small", "small")
write("static/small", "small")
run_tests()
