// SPDX-License-Identifier: GPL-2.0
/*
 * Clients that read parts of a large file and look at every byte; they know what it
 * has to be, because this program wrote the file. For bench/large.
 *
 * usage: reader make FILE BYTES
 *        reader read PORT PATH BYTES PART FAST SLOW RATE
 *
 * "read": FAST clients that read PART bytes each as fast as they can, from places all
 * over a file of BYTES bytes, and SLOW ones that read RATE bytes per second for as
 * long as that takes. Prints a line for each, "fast|slow FIRST BYTES SECONDS",
 * and fails if a byte was wrong or missing.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
/* What a slow client reads at a time. */
#define SIP 16384

/* Its other end is closed when it is over. */
static int bell[2];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void fill(unsigned long *words, unsigned long first, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		words[i] = (first + i) * 0x9e3779b97f4a7c15ul;
}

static void make(const char *name, unsigned long bytes)
{
	static unsigned long words[BUFFER / 8];
	FILE *file = fopen(name, "w");
	unsigned long at;

	if (!file)
		die(name);
	for (at = 0; at < bytes; at += BUFFER) {
		fill(words, at / 8, BUFFER / 8);
		if (fwrite(words, BUFFER, 1, file) != 1)
			die(name);
	}
	if (fclose(file))
		die(name);
}

/* Are the @n bytes at @pos as they were written? */
static bool is_right(const char *bytes, unsigned long pos, size_t n)
{
	static unsigned long words[BUFFER / 8 + 2];

	fill(words, pos / 8, n / 8 + 2);
	return !memcmp((char *)words + pos % 8, bytes, n);
}

static int ask(int port, const char *path, unsigned long first, unsigned long bytes)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char request[512];
	int len;

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("connect");
	len = snprintf(request, sizeof(request),
		       "GET %s HTTP/1.1\r\nHost: bench\r\nRange: bytes=%lu-%lu\r\n\r\n",
		       path, first,
		       (first + bytes - 1));
	if (write(fd, request, len) != len)
		die("write");
	return fd;
}

/* Byte by byte, so that the body is left where it is. */
static void skip_head(int fd)
{
	char head[4096];
	size_t len = 0;

	do {
		if (len == sizeof(head) - 1 || read(fd, head + len, 1) != 1)
			die("head");
		head[++len] = '\0';
	} while (len < 4 || strcmp(head + len - 4, "\r\n\r\n"));
	if (strncmp(head, "HTTP/1.1 206 ", 13)) {
		fputs(head, stderr);
		exit(1);
	}
}

/* Sleep; it may be over before. */
static bool is_over(long microseconds)
{
	struct pollfd fd = { .fd = bell[0] };

	return poll(&fd, 1, microseconds / 1000) > 0;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Returns how many bytes came; all were right. Stops early when it is over. */
static unsigned long read_body(int fd, unsigned long first, unsigned long bytes, long rate)
{
	static char buffer[BUFFER];
	unsigned long done = 0;

	while (done < bytes) {
		size_t want = rate ? SIP : BUFFER;
		ssize_t n;

		n = read(fd, buffer, bytes - done < want ? bytes - done : want);
		if (n <= 0) {
			fprintf(stderr, "the body ends at byte %lu\n",
				(first + done));
			exit(1);
		}
		if (!is_right(buffer, first + done, n)) {
			fprintf(stderr, "wrong bytes at %lu\n",
				(first + done));
			exit(1);
		}
		done += n;
		if (rate && is_over(n * 1000000 / rate))
			break;
	}
	return done;
}

static void client(char **argv, unsigned long first, unsigned long bytes, long rate)
{
	double start = now();
	unsigned long done;
	int fd;

	fd = ask(atoi(argv[2]), argv[3], first, bytes);
	skip_head(fd);
	done = read_body(fd, first, bytes, rate);
	printf("%s %lu %lu %.1f\n", rate ? "slow" : "fast", first, done,
	       now() - start);
	fflush(stdout);
	_exit(0);
}

static bool await(pid_t *pids, int n)
{
	bool good = true;

	while (n--) {
		int status;

		if (waitpid(pids[n], &status, 0) < 0 || status)
			good = false;
	}
	return good;
}

static int run_clients(char **argv)
{
	unsigned long bytes = strtoul(argv[4], NULL, 0);
	unsigned long part = strtoul(argv[5], NULL, 0);
	int fast = atoi(argv[6]), slow = atoi(argv[7]);
	pid_t pids[fast + slow];
	bool good;
	int i;

	if (pipe(bell))
		die("pipe");
	for (i = 0; i < fast + slow; i++) {
		unsigned long first = (bytes - part) / (fast + slow) * i;

		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i])
			continue;
		close(bell[1]);
		if (i < fast)
			client(argv, first, part, 0);
		else
			client(argv, first, bytes - first, atol(argv[8]));
	}
	good = await(pids, fast);
	close(bell[1]);
	return !await(pids + fast, slow) || !good;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "make")) {
		make(argv[2], strtoul(argv[3], NULL, 0));
		return 0;
	}
	if (argc == 9 && !strcmp(argv[1], "read"))
		return run_clients(argv);
	fputs("reader: see the head of its source\n", stderr);
	return 2;
}
