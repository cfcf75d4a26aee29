// SPDX-License-Identifier: GPL-2.0
/*
 * A large body leaves the page cache without a copy.
 *
 * Look at the bytes that have arrived, and leave them in the receive queue;
 * write other bytes into the file, in place; look again. On loopback the pages
 * in that queue are those that were sent. If they are the page cache's, the
 * very bytes we saw have changed. If the body was copied they have not.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define DOCROOT "/tmp/sluice-zerocopy"
#define FILE_NAME DOCROOT "/file"
/* Up to here sluice copies, because that is cheaper. */
#define COPIED 4096
#define LARGE (128 * 1024)
#define PATIENCE 120
#define ROOM (4 * 1024 * 1024)

FIXTURE(zerocopy) {
	int client;
	char seen[LARGE + 4096];
};

FIXTURE_VARIANT(zerocopy) {
	size_t size;
	bool by_reference;
};

/* The control: this experiment can come out either way. */
FIXTURE_VARIANT_ADD(zerocopy, small_body_is_copied) {
	.size = COPIED, .by_reference = false,
};

FIXTURE_VARIANT_ADD(zerocopy, just_too_large_to_copy) {
	.size = COPIED + 1, .by_reference = true,
};

FIXTURE_VARIANT_ADD(zerocopy, not_page_aligned) {
	.size = 5 * 4096 + 1234, .by_reference = true,
};

FIXTURE_VARIANT_ADD(zerocopy, large) {
	.size = LARGE, .by_reference = true,
};

static int fill_file(size_t size, char byte)
{
	int fd = open(FILE_NAME, O_WRONLY | O_CREAT, 0644);
	char *bytes = malloc(size);
	ssize_t written = -1;

	if (fd >= 0 && bytes) {
		memset(bytes, byte, size);
		written = pwrite(fd, bytes, size, 0);
	}
	free(bytes);
	close(fd);
	return written == (ssize_t)size ? 0 : -1;
}

static int load_sluice(void)
{
	const char *module = getenv("SLUICE_KO");
	int fd = module ? open(module, O_RDONLY) : -1;
	int err;

	if (fd < 0)
		return -1;
	err = syscall(SYS_finit_module, fd,
		      "docroot=" DOCROOT " standalone=1", 0);
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
	int room = ROOM;

	if (fd < 0)
		return -1;
	/* Room for all of it: a full queue is compacted, and that copies. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

FIXTURE_SETUP(zerocopy)
{
	mkdir(DOCROOT, 0755);
	unlink(FILE_NAME);
	ASSERT_EQ(0, fill_file(variant->size, 'A'));
	ASSERT_EQ(0, load_sluice());
	self->client = connect_to_sluice();
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(zerocopy)
{
	close(self->client);
	EXPECT_EQ(0, syscall(SYS_delete_module, "sluice", O_NONBLOCK));
	unlink(FILE_NAME);
	rmdir(DOCROOT);
}

/* Return: offset of the body in the first bytes of a response, or -1. */
static ssize_t body_offset(const char *bytes, size_t len)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);

	return end ? end + 4 - bytes : -1;
}

static size_t count(const char *bytes, size_t len, char byte)
{
	size_t n = 0;

	while (len--)
		n += *bytes++ == byte;
	return n;
}

TEST_F(zerocopy, bytes_on_their_way_are_the_files)
{
	static const char request[] =
		"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char *seen = self->seen;
	ssize_t off, all;

	ASSERT_EQ(sizeof(request) - 1,
		  send(self->client, request, sizeof(request) - 1, 0));
	all = recv(self->client, seen, 4, MSG_PEEK | MSG_WAITALL);
	ASSERT_EQ(4, all);
	all = recv(self->client, seen, sizeof(self->seen), MSG_PEEK);
	ASSERT_LT(0, all);
	off = body_offset(seen, all);
	ASSERT_LT(0, off);

	/* All of it is in the queue when this returns. */
	all = off + variant->size;
	ASSERT_EQ(all, recv(self->client, seen, all, MSG_PEEK | MSG_WAITALL));
	ASSERT_EQ(variant->size, count(seen + off, variant->size, 'A'));

	ASSERT_EQ(0, fill_file(variant->size, 'B'));

	ASSERT_EQ(all, recv(self->client, seen, all, MSG_WAITALL));
	EXPECT_EQ(variant->by_reference ? variant->size : 0,
		  count(seen + off, variant->size, 'B'));
	EXPECT_EQ(variant->by_reference ? 0 : variant->size,
		  count(seen + off, variant->size, 'A'));
}

TEST_HARNESS_MAIN
