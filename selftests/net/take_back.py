#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""What the backend closes while nothing is out comes back, and goes on."""

import os
import signal
import time

from lib import (BACKEND, Client, Closed, Counting, Nginx, eventually, let_rest, load,
                 no_connection_left, params, request, run_tests, same, stat, test, write)


def static(client):
    let_rest(nginx.process)
    response = client.ask("/small")
    same((response.body, response.is_nginx), (b"small", False), f"{response}")


def dynamic(client):
    response = client.ask("/dynamic")
    same(response.body, f"GET {client.name()} \n".encode(), f"{response}")


def workers():
    return nginx.pids()[1:]


def reload():
    """nginx with new workers, when the old ones are gone."""
    before = workers()
    nginx.process.send_signal(signal.SIGHUP)
    eventually(lambda: workers() and not set(workers()) & set(before), "new workers")


def kill_workers():
    before = workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: workers() and not set(workers()) & set(before), "new workers")


def expect_goes_on(close):
    """Static, dynamic and nothing at all are what the client did last before CLOSE."""
    counting = Counting()
    clients = [Client() for _ in range(3)]
    for client in clients:
        dynamic(client)
    static(clients[0])
    clients[2].send(request("/dynamic")[:20])
    close()
    eventually(lambda: counting.grown("taken_back") >= 3, "to be taken back")
    clients[2].send(request("/dynamic")[20:])
    same(clients[2].response().is_nginx, True, "the one that had begun")
    for client in clients:
        for _ in range(2):
            static(client)
            dynamic(client)
        client.close()
    counting.expect(connections_accepted=3, connections_handed_over=6, connections_lent=6,
                    taken_back=3, left_lost=0)


@test("a worker that exits")
def exits():
    expect_goes_on(reload)


@test("a worker that is killed")
def killed():
    expect_goes_on(kill_workers)


@test("nginx's keepalive_timeout, and ours")
def timeout():
    with Client() as client:
        dynamic(client)
        counting = Counting()
        client.send(request("/brief"))
        same(client.response().is_nginx, True, "brief")
        eventually(lambda: counting.grown("taken_back"), "to be taken back")
        static(client)
        dynamic(client)
        client.send(request("/brief"))
        client.response()
        with params(keepalive_timeout=1):
            eventually(lambda: counting.grown("taken_back") == 2, "to be taken back")
            static(client)
            client.expect_end()
    counting.expect(timeout_keepalive=1)


@test("requests that a worker had not begun to read go to another")
def rescued():
    counting = Counting()
    clients = [Client() for _ in range(4)]
    for client in clients:
        dynamic(client)
    victims = workers()
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    for client in clients:
        client.send(request("/dynamic") + request("/small"))
    eventually(lambda: counting.grown("handed_over") >= 8, "to be passed on")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    for client in clients:
        same(client.response().is_nginx, True, "dynamic")
        same(client.response().body, b"small", "static")
        let_rest(nginx.process)
        static(client)
        client.close()
    counting.expect(rescued=4, taken_back=4)


@test("a request that came before there was anybody to accept it")
def nobody():
    # Not accepted yet: the listener goes with the connection, as without us.
    victims = workers()
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    with Client() as client:
        client.send(request("/dynamic"))
        time.sleep(0.2)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        same(client.response().is_nginx, True, "dynamic")
        static(client)


@test("nginx is killed with connections that it has not accepted: they are reset")
def unaccepted():
    no_connection_left()
    counting = Counting()
    for pid in workers():
        os.kill(pid, signal.SIGSTOP)
    clients = [Client() for _ in range(5)]
    for client in clients:
        client.send(request("/dynamic"))
    eventually(lambda: counting.grown("connections_lent") == 5, "to be handed over")
    nginx.kill()
    for client in clients:
        try:
            raise AssertionError(f"answered: {client.response()}")
        except (Closed, ConnectionResetError):
            pass
        client.close()
    nginx.start()
    counting.expect(left_closed=5, taken_back=0)


def has_socket_memory():
    """Is the group charged for sockets? The kernel sums up now and then."""
    with open(f"{GROUP}/memory.stat", encoding="ascii") as lines:
        return dict(line.split() for line in lines)["sock"] != "0"


def move_nginx(group):
    with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(nginx.process.pid))
    reload()	# its new workers are there


@test("what is taken back is not charged to the memory cgroup of nginx any more")
def memory_group():
    os.mkdir(GROUP)
    move_nginx(GROUP)
    counting = Counting()
    clients = [Client() for _ in range(20)]
    for _ in range(2):
        for client in clients:
            dynamic(client)
            static(client)
        taken_back = counting.grown("taken_back")
        kill_workers()
        eventually(lambda before=taken_back: counting.grown("taken_back") == before + 20,
                   "to be taken back")
        eventually(lambda: not has_socket_memory(), "sock in memory.stat to be 0")
    for client in clients:
        dynamic(client)
        client.close()
    move_nginx("/sys/fs/cgroup")
    eventually(lambda: not has_socket_memory(), "sock in memory.stat to be 0")
    os.rmdir(GROUP)


@test("take_back=0: closed with the worker")
def switched_off():
    with params(take_back=0):
        counting = Counting()
        with Client() as client:
            dynamic(client)
            static(client)
            kill_workers()
            client.expect_end()
        counting.expect(taken_back=0)


@test("nothing is left")
def nothing_left():
    no_connection_left()
    for key in "left_lost", "left_malformed", "left_unasked", "invariants_broken":
        same(stat(key), 0, key)


GROUP = "/sys/fs/cgroup/sluice"
LOCATIONS = "location = /brief { keepalive_timeout 1s; return 200 brief; }"
write("small", "small")
nginx = Nginx(listen=f"listen {BACKEND};", locations=LOCATIONS, workers=2)
load(**{"return": 1, "take_back": 1})
run_tests()
