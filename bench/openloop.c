// SPDX-License-Identifier: GPL-2.0
/*
 * An open loop: asks at a rate of its own, however slowly the answers come, and
 * measures from when a request was due. For bench/run --loads.
 *
 * usage: openloop PORT REQUEST-FILE RATE CONNECTIONS SECONDS
 *
 * Requests are due at random (Poisson) and go out on an idle connection, first due
 * first; those that find none wait, and their waiting counts. RATE 0: each
 * connection asks again at once, which is the capacity. All responses must begin
 * with 200 and be as long as the very first; the first fifth of the time does not
 * count. Prints one line, times in nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define WAITING 1048576	/* a power of two */
#define MAX_RESULTS 16000000

struct conn {
	int fd;
	bool busy;
	size_t got;
	long long due;
};

static struct conn conns[MAX_CONNECTIONS];
static struct conn *idle[MAX_CONNECTIONS];
static int idle_count;
static int count;

/* Times at which the requests that wait were due. */
static long long waiting[WAITING];
static unsigned int head, tail;

static long long *results;
static size_t result_count;
static size_t errors;

static char request[4096];
static size_t request_len;
static size_t response_len;
static char buffer[1048576];

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long gap(double rate)
{
	return -log(1 - drand48()) * 1e9 / rate;
}

static int open_connection(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "connect to port %d", port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* How long a response is, from one that is read without haste. */
static size_t learn_length(int port)
{
	const char *end, *field;
	size_t got = 0, want = 0;
	int fd = open_connection(port);

	if (write(fd, request, request_len) != (ssize_t)request_len)
		err(1, "write");
	do {
		ssize_t n = read(fd, buffer + got, sizeof(buffer) - 1 - got);

		if (n <= 0)
			errx(1, "no response");
		got += n;
		buffer[got] = 0;
		end = strstr(buffer, "\r\n\r\n");
		if (end && !want) {
			field = strcasestr(buffer, "\r\nContent-Length:");
			if (!field || field > end)
				errx(1, "no Content-Length");
			want = end + 4 - buffer + strtoul(field + 17, NULL, 10);
		}
	} while (!want || got < want);
	close(fd);
	return want;
}

static void ask(struct conn *conn, long long due)
{
	conn->busy = true;
	conn->got = 0;
	conn->due = due;
	if (write(conn->fd, request, request_len) != (ssize_t)request_len)
		errx(1, "the connection was closed");
}

static void answer(struct conn *conn, long long count_from)
{
	ssize_t n = read(conn->fd, buffer, sizeof(buffer));

	if (n <= 0)
		errx(1, "the connection was closed");
	if (!conn->got && (n < 12 || memcmp(buffer, "HTTP/1.1 200", 12)))
		errors++;
	conn->got += n;
	if (conn->got < response_len)
		return;
	if (conn->got > response_len)
		errors++;
	conn->busy = false;
	idle[idle_count++] = conn;
	if (conn->due >= count_from && result_count < MAX_RESULTS)
		results[result_count++] = now_ns() - conn->due;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

static long long quantile(double q)
{
	return result_count ? results[(size_t)(q * (result_count - 1))] : 0;
}

static void load(int epoll, double rate, double seconds)
{
	long long start = now_ns();
	long long end = start + seconds * 1e9;
	long long count_from = start + seconds * 1e9 / 5;
	long long next = rate ? start + gap(rate) : start;
	long long now;
	int i, n;

	while ((now = now_ns()) < end) {
		struct epoll_event events[64];
		struct timespec wait = { 0 };

		while (rate && next <= now && tail - head < WAITING) {
			waiting[tail++ % WAITING] = next;
			next += gap(rate);
		}
		while (idle_count && (!rate || head != tail))
			ask(idle[--idle_count],
			    rate ? waiting[head++ % WAITING] : now);

		now = now_ns();
		if (!rate)
			wait.tv_sec = 1;
		else if (next > now)
			wait.tv_nsec = next - now < 999999999 ? next - now :
								999999999;
		n = epoll_pwait2(epoll, events, 64, &wait, NULL);
		for (i = 0; i < n; i++)
			answer(events[i].data.ptr, count_from);
	}
	/* What has no answer has waited at least until now. */
	for (i = 0; i < count; i++)
		if (conns[i].busy && conns[i].due >= count_from)
			results[result_count++] = now - conns[i].due;
	for (; rate && head != tail; head++)
		if (waiting[head % WAITING] >= count_from)
			results[result_count++] = now - waiting[head % WAITING];
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(0);
	int i, port;
	double rate, seconds;
	FILE *f;

	if (argc != 6)
		errx(2, "usage: openloop PORT REQUEST-FILE RATE CONNECTIONS SECONDS");
	port = atoi(argv[1]);
	f = fopen(argv[2], "r");
	if (!f)
		err(1, "%s", argv[2]);
	request_len = fread(request, 1, sizeof(request), f);
	fclose(f);
	rate = atof(argv[3]);
	count = atoi(argv[4]);
	seconds = atof(argv[5]);
	if (count < 1 || count > MAX_CONNECTIONS)
		errx(2, "connections: expected 1 to %d", MAX_CONNECTIONS);
	results = malloc(sizeof(*results) *
			 (MAX_RESULTS + MAX_CONNECTIONS + WAITING));
	if (!results || epoll < 0)
		err(1, "set-up");
	prctl(PR_SET_TIMERSLACK, 1UL);
	srand48(1);

	response_len = learn_length(port);
	for (i = 0; i < count; i++) {
		struct epoll_event event = {
			.events = EPOLLIN,
			.data.ptr = &conns[i],
		};

		conns[i].fd = open_connection(port);
		idle[idle_count++] = &conns[i];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &event))
			err(1, "epoll_ctl");
	}
	load(epoll, rate, seconds);

	qsort(results, result_count, sizeof(*results), compare);
	printf("done requests=%zu per_s=%.0f p50=%lld p99=%lld p999=%lld errors=%zu\n",
	       result_count, result_count / (0.8 * seconds), quantile(0.5),
	       quantile(0.99), quantile(0.999), errors);
	return 0;
}
