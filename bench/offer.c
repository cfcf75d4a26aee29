// SPDX-License-Identifier: GPL-2.0
/*
 * Offers a server so much load, whether it can take it or not. For bench/overload.
 *
 * usage: offer load ADDRESS PORT CONNECTIONS RATE SECONDS PAD PATH
 *        offer connect ADDRESS PORT COUNT
 *
 * "load" writes RATE requests per second (0: as many as it can) to CONNECTIONS
 * connections in turn, with PAD bytes of a field in each that the server has to read
 * past, and does not wait for answers. A request that finds the connection full of
 * others is lost. It never sleeps, so that at each rate it takes the same from a
 * machine whose processors are emulated. Prints "OFFERED WRITTEN ANSWERED SECONDS".
 *
 * "connect" connects and waits for the server to close, COUNT times. Prints
 * how many nanoseconds one takes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Requests in one write: pipelined, so that a client is cheaper than a server. */
#define BATCH 16
#define ROOM 65536

/**
 * struct link - one connection
 * @fd: the socket
 * @left: bytes of a batch that are still to be written
 */
struct link {
	int fd;
	size_t left;
};

static char batch[BATCH * 16384];
static size_t batch_len;
static size_t answer_len;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int dial(char **argv)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(argv[3])),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int room = ROOM;

	/* Else minutes of requests would wait here, and count as offered. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	inet_pton(AF_INET, argv[2], &to.sin_addr);
	/* Which may already be over when it returns. */
	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
		       errno != ECONNRESET))
		die("connect");
	return fd;
}

static void make_batch(int pad, const char *path)
{
	int i;

	for (i = 0; i < BATCH; i++)
		batch_len += sprintf(batch + batch_len,
				     "GET %s HTTP/1.1\r\nHost: bench\r\nX-Pad: %0*d\r\n\r\n",
				     path, pad, 0);
}

/* All answers are of one length, and come in one piece. */
static void measure_answer(char **argv)
{
	static char answer[65536];
	int fd = dial(argv);

	if (write(fd, batch, batch_len / BATCH) < 0)
		die("write");
	answer_len = recv(fd, answer, sizeof(answer), 0);
	if (strncmp(answer, "HTTP/1.1 200", 12)) {
		fputs("no answer of 200\n", stderr);
		exit(1);
	}
	close(fd);
}

/* Returns whether a whole batch is written. */
static bool push(struct link *link)
{
	ssize_t n = send(link->fd, batch + batch_len - link->left, link->left,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		die("send");
	if (n > 0)
		link->left -= n;
	return !link->left;
}

/* Drop a piece of what has come from each; one may never run dry. */
static long drain(struct link *links, int count)
{
	long got = 0;
	int i;

	for (i = 0; i < count; i++) {
		ssize_t n = recv(links[i].fd, NULL, 1 << 20,
				 MSG_DONTWAIT | MSG_TRUNC);

		if (!n || (n < 0 && errno != EAGAIN))
			die("recv");
		if (n > 0)
			got += n;
	}
	return got;
}

static void load(char **argv)
{
	int count = atoi(argv[4]), i, at = 0;
	double rate = atof(argv[5]), seconds = atof(argv[6]);
	struct link links[count];
	long offered = 0, written = 0, got = 0;
	double start;

	make_batch(atoi(argv[7]), argv[8]);
	measure_answer(argv);
	for (i = 0; i < count; i++)
		links[i] = (struct link) { .fd = dial(argv) };

	start = now();
	while (now() - start < seconds) {
		long due = rate ? rate * (now() - start) : offered + count * BATCH;

		for (i = 0; i < count; i++)
			if (links[i].left && push(&links[i]))
				written += BATCH;
		for (; offered < due; offered += BATCH) {
			struct link *link = &links[at++ % count];

			if (link->left)
				continue;
			link->left = batch_len;
			if (push(link))
				written += BATCH;
		}
		got += drain(links, count);
	}
	printf("%ld %ld %ld %.3f\n", offered, written, got / answer_len,
	       now() - start);
}

/* A thousand at a time, so that the wait is not what is measured. */
static void connects(char **argv)
{
	int count = atoi(argv[4]), i, j;
	double start = now();
	int fds[1000];
	char byte;

	for (i = 0; i < count; i += 1000) {
		for (j = 0; j < 1000; j++)
			fds[j] = dial(argv);
		for (j = 0; j < 1000; j++) {
			if (recv(fds[j], &byte, 1, 0) > 0) {
				fputs("the server sent something\n", stderr);
				exit(1);
			}
			close(fds[j]);
		}
	}
	printf("%.0f\n", (now() - start) * 1e9 / count);
}

int main(int argc, char **argv)
{
	if (argc == 9 && !strcmp(argv[1], "load"))
		load(argv);
	else if (argc == 5 && !strcmp(argv[1], "connect"))
		connects(argv);
	else
		return 2;
	return 0;
}
