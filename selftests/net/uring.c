// SPDX-License-Identifier: GPL-2.0
/*
 * A connection comes back from a backend that does everything by io_uring: accepts,
 * receives, sends, shuts down and closes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define DOCROOT "/tmp/sluice-uring"
#define FILE_NAME DOCROOT "/file"
#define FILE_SIZE 3000
#define BACKEND 8080
#define LONG (1024 * 1024)
#define ROUNDS 100
#define PATIENCE 120

/* --- a ring --------------------------------------------------------------- */

#define ENTRIES 64
#define BUFFERS 16
#define BUFFER_SIZE 2048

struct ring {
	int			fd;
	unsigned int		*sq_tail, *sq_mask, *cq_head, *cq_tail, *cq_mask;
	unsigned int		queued;
	struct io_uring_sqe	*sqes;
	struct io_uring_cqe	*cqes;
	struct io_uring_buf_ring *pool;
	char			buffers[BUFFERS][BUFFER_SIZE];
};

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void *map(int fd, size_t size, off_t offset)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		       offset);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void open_ring(struct ring *ring)
{
	struct io_uring_params p = {};
	unsigned int *array, i;
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (ring->fd < 0)
		die("io_uring_setup");
	sq = map(ring->fd, p.sq_off.array + p.sq_entries * sizeof(*array), IORING_OFF_SQ_RING);
	cq = map(ring->fd, p.cq_off.cqes + p.cq_entries * sizeof(*ring->cqes),
		 IORING_OFF_CQ_RING);
	ring->sqes = map(ring->fd, p.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	array = (void *)(sq + p.sq_off.array);
	for (i = 0; i < p.sq_entries; i++)
		array[i] = i;
}

static struct io_uring_sqe *next_sqe(struct ring *ring, int op, int fd, __u64 data)
{
	unsigned int tail = *ring->sq_tail;
	struct io_uring_sqe *sqe = &ring->sqes[tail & *ring->sq_mask];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->user_data = data;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	ring->queued++;
	return sqe;
}

/* Where it was in the ring there may be another soon. */
struct completion {
	__u64		data;
	int		res;
	unsigned int	flags;
};

static struct completion next_completion(struct ring *ring)
{
	unsigned int head = *ring->cq_head;
	struct completion done;
	struct io_uring_cqe *cqe;

	while (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE)) {
		int n = syscall(SYS_io_uring_enter, ring->fd, ring->queued, 1,
				IORING_ENTER_GETEVENTS, NULL, 0);

		if (n < 0)
			die("io_uring_enter");
		ring->queued -= n;
	}
	cqe = &ring->cqes[head & *ring->cq_mask];
	done = (struct completion){ cqe->user_data, cqe->res, cqe->flags };
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return done;
}

static void give_buffer(struct ring *ring, unsigned int id)
{
	__u16 tail = ring->pool->tail;
	struct io_uring_buf *buf = &ring->pool->bufs[tail % BUFFERS];

	buf->addr = (unsigned long)ring->buffers[id];
	buf->len = BUFFER_SIZE;
	buf->bid = id;
	__atomic_store_n(&ring->pool->tail, tail + 1, __ATOMIC_RELEASE);
}

static void open_pool(struct ring *ring)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };
	unsigned int id;

	ring->pool = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (ring->pool == MAP_FAILED)
		die("mmap");
	reg.ring_addr = (unsigned long)ring->pool;
	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PBUF_RING, &reg, 1))
		die("IORING_REGISTER_PBUF_RING");
	for (id = 0; id < BUFFERS; id++)
		give_buffer(ring, id);
}

/* --- the backend ---------------------------------------------------------- */

enum how {
	ONE_BY_ONE,	/* a receive at a time, into a buffer of its own */
	MULTISHOT,	/* one receive for all that comes, into buffers of a pool */
	LINKED,		/* the next receive is linked to the send */
	ZERO_COPY,	/* sends without copying */
};

enum what { ACCEPTED, RECEIVED, SENT, ENDED };

#define CONNS 64

struct server {
	struct ring	ring;
	enum how	how;
	int		lsk;
	struct backend_conn {
		char	head[8192];
		size_t	len;
		char	*out;
		size_t	out_len;
		bool	last;
		bool	receiving;
	} conns[CONNS];
};

static __u64 tag(enum what what, int fd)
{
	return (__u64)fd << 8 | what;
}

static void queue_accept(struct server *s)
{
	next_sqe(&s->ring, IORING_OP_ACCEPT, s->lsk, tag(ACCEPTED, s->lsk));
}

static void queue_receive(struct server *s, int fd)
{
	struct backend_conn *c = &s->conns[fd];
	struct io_uring_sqe *sqe;

	if (c->receiving)
		return;
	c->receiving = true;
	sqe = next_sqe(&s->ring, IORING_OP_RECV, fd, tag(RECEIVED, fd));
	if (s->how == MULTISHOT) {
		sqe->ioprio = IORING_RECV_MULTISHOT;
		sqe->flags = IOSQE_BUFFER_SELECT;
		return;
	}
	sqe->addr = (unsigned long)c->head + c->len;
	sqe->len = sizeof(c->head) - c->len;
}

static void queue_close(struct server *s, int fd)
{
	struct io_uring_sqe *sqe;

	sqe = next_sqe(&s->ring, IORING_OP_SHUTDOWN, fd, tag(ENDED, fd));
	sqe->len = SHUT_WR;
	sqe->flags = IOSQE_IO_HARDLINK;
	next_sqe(&s->ring, IORING_OP_CLOSE, fd, tag(ENDED, fd));
}

static void queue_send(struct server *s, int fd)
{
	struct backend_conn *c = &s->conns[fd];
	struct io_uring_sqe *sqe;

	sqe = next_sqe(&s->ring, s->how == ZERO_COPY ? IORING_OP_SEND_ZC : IORING_OP_SEND, fd,
		       tag(SENT, fd));
	sqe->addr = (unsigned long)c->out;
	sqe->len = c->out_len;
	sqe->msg_flags = MSG_WAITALL;
	if (s->how == LINKED && !c->last) {
		sqe->flags = IOSQE_IO_LINK;
		queue_receive(s, fd);
	}
}

/* Answer all heads that are there: each with its target, or with a lot. */
static void answer(struct server *s, int fd)
{
	struct backend_conn *c = &s->conns[fd];
	char *end;

	c->out_len = 0;
	while ((end = memmem(c->head, c->len, "\r\n\r\n", 4))) {
		char *target = strchr(c->head, ' ') + 1;
		size_t len = strcspn(target, " ");
		bool is_long = !strncmp(target, "/long", 5);

		c->last |= !strncmp(target, "/last", 5);
		c->out = realloc(c->out, c->out_len + 200 + LONG);
		if (!c->out)
			die("realloc");
		c->out_len += sprintf(c->out + c->out_len, "HTTP/1.1 200 OK\r\nServer: uring\r\n"
				      "Content-Length: %zu\r\n\r\n", is_long ? LONG : len);
		if (is_long)
			memset(c->out + c->out_len, 'L', LONG);
		else
			memcpy(c->out + c->out_len, target, len);
		c->out_len += is_long ? LONG : len;
		end += 4;
		c->len -= end - c->head;
		memmove(c->head, end, c->len);
	}
	if (c->out_len)
		queue_send(s, fd);
	else if (c->last)
		queue_close(s, fd);
	else
		queue_receive(s, fd);
}

static void received(struct server *s, int fd, const struct completion *done)
{
	struct backend_conn *c = &s->conns[fd];

	c->receiving = done->flags & IORING_CQE_F_MORE;
	if (done->flags & IORING_CQE_F_BUFFER) {
		unsigned int id = done->flags >> IORING_CQE_BUFFER_SHIFT;

		memcpy(c->head + c->len, s->ring.buffers[id], done->res);
		give_buffer(&s->ring, id);
	}
	if (done->res <= 0) {
		if (done->res == -ENOBUFS)
			queue_receive(s, fd);
		else if (!c->last)
			queue_close(s, fd);
		return;
	}
	c->len += done->res;
	if (!c->out_len)
		answer(s, fd);
}

static void sent(struct server *s, int fd, const struct completion *done)
{
	struct backend_conn *c = &s->conns[fd];

	if (!(done->flags & IORING_CQE_F_NOTIF) && done->res != (int)c->out_len) {
		fprintf(stderr, "sent %d of %zu\n", done->res, c->out_len);
		_exit(1);
	}
	/* Without copying the buffer is in use until another one says that it is not. */
	if (!(done->flags & IORING_CQE_F_MORE))
		answer(s, fd);
}

static void serve(struct server *s)
{
	open_ring(&s->ring);
	if (s->how == MULTISHOT)
		open_pool(&s->ring);
	queue_accept(s);
	for (;;) {
		struct completion done = next_completion(&s->ring);
		int fd = done.data >> 8;

		switch ((enum what)(done.data & 0xff)) {
		case ACCEPTED:
			if (done.res < 0 || done.res >= CONNS)
				die("accept");
			s->conns[done.res].len = 0;
			s->conns[done.res].out_len = 0;
			s->conns[done.res].last = false;
			s->conns[done.res].receiving = false;
			queue_receive(s, done.res);
			queue_accept(s);
			break;
		case RECEIVED:
			received(s, fd, &done);
			break;
		case SENT:
			sent(s, fd, &done);
			break;
		case ENDED:
			break;
		}
	}
}

/* A ring outlives its process a little, and with it what it listened to. */
static int start_listening(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(BACKEND),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1, i;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	for (i = 0; i < PATIENCE * 100; i++) {
		if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
			return listen(fd, 64) ? -1 : fd;
		usleep(10000);
	}
	return -1;
}

static pid_t start_backend(enum how how)
{
	static struct server server;
	pid_t pid;

	server.how = how;
	server.lsk = start_listening();
	if (server.lsk < 0)
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(&server);
	}
	close(server.lsk);
	return pid;
}

/* --- the client ----------------------------------------------------------- */

FIXTURE(uring) {
	pid_t	backend;
	int	client;
	char	buf[LONG + 4096];
	size_t	len;
};

FIXTURE_VARIANT(uring) {
	enum how how;
};

FIXTURE_VARIANT_ADD(uring, one_by_one) {
	.how = ONE_BY_ONE,
};

FIXTURE_VARIANT_ADD(uring, multishot) {
	.how = MULTISHOT,
};

FIXTURE_VARIANT_ADD(uring, linked) {
	.how = LINKED,
};

FIXTURE_VARIANT_ADD(uring, zero_copy) {
	.how = ZERO_COPY,
};

static int make_file(void)
{
	static char bytes[FILE_SIZE];
	int fd;

	memset(bytes, 'F', sizeof(bytes));
	mkdir(DOCROOT, 0755);
	fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return -1;
	return close(fd);
}

static int load_sluice(void)
{
	const char *module = getenv("SLUICE_KO");
	int fd = module ? open(module, O_RDONLY) : -1;
	int err;

	if (fd < 0)
		return -1;
	err = syscall(SYS_finit_module, fd,
		      "docroot=" DOCROOT " backend_port=8080 return=1 take_back=1", 0);
	close(fd);
	return err;
}

static int connect_to_sluice(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(80),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static long stat_of(const char *key)
{
	FILE *stats = fopen("/proc/net/sluice/stats", "r");
	char name[100];
	long value, found = -1;

	while (stats && fscanf(stats, "%99s %ld", name, &value) == 2) {
		if (!strcmp(name, key))
			found = value;
	}
	if (stats)
		fclose(stats);
	return found;
}

/* Return: false if it did not reach that in time. */
static bool stat_reaches(const char *key, long value)
{
	int i;

	for (i = 0; i < PATIENCE * 100; i++) {
		if (stat_of(key) >= value)
			return true;
		usleep(10000);
	}
	return false;
}

static bool ask(int fd, const char *target, size_t piece)
{
	char request[200];
	int len = sprintf(request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
	int off, n;

	for (off = 0; off < len; off += n) {
		n = len - off < (int)piece ? len - off : (int)piece;
		if (send(fd, request + off, n, MSG_NOSIGNAL) != n)
			return false;
	}
	return true;
}

FIXTURE_SETUP(uring)
{
	self->len = 0;
	ASSERT_EQ(0, make_file());
	self->backend = start_backend(variant->how);
	ASSERT_LT(0, self->backend);
	ASSERT_EQ(0, load_sluice());
	self->client = connect_to_sluice();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(uring)
{
	close(self->client);
	EXPECT_EQ(0, syscall(SYS_delete_module, "sluice", O_NONBLOCK));
	EXPECT_EQ(0, kill(self->backend, SIGKILL));
	waitpid(self->backend, NULL, 0);
	unlink(FILE_NAME);
	rmdir(DOCROOT);
}

/* Return: the body's length, or -1; the body is in @buf. */
static ssize_t response(int client, char *buf, size_t size, size_t *have, bool *is_backend)
{
	char *end, *field;
	size_t head, length;
	ssize_t n;

	while (!(end = memmem(buf, *have, "\r\n\r\n", 4))) {
		n = recv(client, buf + *have, size - *have, 0);
		if (n <= 0)
			return -1;
		*have += n;
	}
	*end = 0;
	head = end + 4 - buf;
	*is_backend = strstr(buf, "Server: uring");
	field = strstr(buf, "Content-Length: ");
	if (!field)
		return -1;
	length = strtoul(field + strlen("Content-Length: "), NULL, 10);
	while (*have < head + length) {
		n = recv(client, buf + *have, size - *have, 0);
		if (n <= 0)
			return -1;
		*have += n;
	}
	*have -= head;
	memmove(buf, buf + head, *have);
	return length;
}

/* Is the next body so many of @byte, or @target if that is 0? */
static bool is_next(FIXTURE_DATA(uring) *self, const char *target, char byte, size_t size)
{
	bool is_backend, good;
	ssize_t len = response(self->client, self->buf, sizeof(self->buf), &self->len,
			       &is_backend);

	if (len < 0)
		return false;
	/* It may come upon a request that it was not woken for. */
	if (is_backend && !strcmp(target, "/file"))
		byte = 0;
	if (!byte)
		size = strlen(target);
	good = len == (ssize_t)size && is_backend == (byte != 'F');
	for (; good && size; size--)
		good = self->buf[size - 1] == (byte ?: target[size - 1]);
	self->len -= len;
	memmove(self->buf, self->buf + len, self->len);
	return good;
}

TEST_F_TIMEOUT(uring, comes_back, PATIENCE)
{
	char target[100];
	int i, n;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(ask(self->client, "/file", i % 2 ? 1000 : 9));
		ASSERT_TRUE(is_next(self, "/file", 'F', FILE_SIZE));
		sprintf(target, "/page%d", i);
		ASSERT_TRUE(ask(self->client, target, i % 3 ? 1000 : 9));
		ASSERT_TRUE(is_next(self, target, 0, 0));
		if (i % 20)
			continue;
		ASSERT_TRUE(ask(self->client, "/long", 1000));
		ASSERT_TRUE(is_next(self, "/long", 'L', LONG));
		for (n = 0; n < 5; n++) {
			sprintf(target, "/pipelined%d", n);
			ASSERT_TRUE(ask(self->client, target, 1000));
		}
		for (n = 0; n < 5; n++) {
			sprintf(target, "/pipelined%d", n);
			ASSERT_TRUE(is_next(self, target, 0, 0));
		}
	}
	EXPECT_EQ(1, stat_of("connections_lent"));
	/* Not all: it may come upon the request for a file, too. */
	EXPECT_LT(ROUNDS / 10, stat_of("served_returned"));
	EXPECT_EQ(0, stat_of("left_lost") + stat_of("left_unasked") + stat_of("left_malformed"));
}

TEST_F_TIMEOUT(uring, taken_back, PATIENCE)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(ask(self->client, "/last", 1000));
		ASSERT_TRUE(is_next(self, "/last", 0, 0));
		EXPECT_TRUE(stat_reaches("taken_back", i + 1));
		ASSERT_TRUE(ask(self->client, "/file", 1000));
		ASSERT_TRUE(is_next(self, "/file", 'F', FILE_SIZE));
	}
	EXPECT_EQ(1, stat_of("connections_accepted"));
	EXPECT_EQ(0, stat_of("left_lost") + stat_of("left_shutdown") + stat_of("left_closed"));
}

TEST_HARNESS_MAIN
