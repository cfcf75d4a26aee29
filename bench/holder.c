// SPDX-License-Identifier: GPL-2.0
/*
 * Holds many connections open. For bench/idle.
 *
 * usage: holder PORT COUNT [PATH]
 *        holder listen PORT
 *
 * Opens COUNT connections to 127.0.0.1:PORT from several addresses and, with PATH,
 * asks once for that on each and reads the answer. Then says "open COUNT". For each
 * line on standard input it asks again on each and says "alive N". Ends, and resets
 * them all, at the end of standard input.
 *
 * "listen": a listener that lets connections wait and never accepts them.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* Ports of one client address. */
#define PER_ADDRESS 20000

static char request[512];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in loopback(int host, int port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host),
	};
}

static int open_one(int port, int index)
{
	struct sockaddr_in from = loopback(1 + index / PER_ADDRESS, 0);
	struct sockaddr_in to = loopback(0, port);
	struct linger reset = { .l_onoff = 1 };
	int fd, one = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		die("bind");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	return fd;
}

/* The answer has to come in one piece, so PATH must be small. */
static bool ask(int fd)
{
	static char answer[65536];

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return false;
	return recv(fd, answer, sizeof(answer), 0) > 12 &&
	       !memcmp(answer, "HTTP/1.1 200", 12);
}

static void listen_only(int port)
{
	struct sockaddr_in addr = loopback(0, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 1 << 20))
		die("listen");
	pause();
}

int main(int argc, char **argv)
{
	int i, port, count, *fds;
	char line[16];

	if (argc == 3 && !strcmp(argv[1], "listen"))
		listen_only(atoi(argv[2]));
	if (argc < 3)
		return 2;
	port = atoi(argv[1]);
	count = atoi(argv[2]);
	if (argc > 3)
		snprintf(request, sizeof(request),
			 "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[3]);

	fds = calloc(count, sizeof(*fds));
	if (!fds)
		die("calloc");
	for (i = 0; i < count; i++) {
		fds[i] = open_one(port, i);
		if (*request && !ask(fds[i])) {
			fprintf(stderr, "no answer on connection %d\n", i);
			return 1;
		}
	}
	printf("open %d\n", count);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int alive = 0;

		for (i = 0; i < count; i++)
			alive += ask(fds[i]);
		printf("alive %d\n", alive);
		fflush(stdout);
	}
	return 0;
}
