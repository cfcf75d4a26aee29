// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel said about sluice meanwhile: /dev/kmsg.
 *
 * A record is "PRIORITY,NUMBER,TIME,FLAGS;TEXT\n", and lines that begin with a blank, which
 * are no part of the text.  Each read() is one of them, but from a file that stands in for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"
#include "say.h"
#include "text.h"
#include "tree.h"

#define OURS "sluice: "

/* Return: a descriptor that shows what is said from now on, or -errno. */
int kmsg_open(void)
{
	int fd = tree_open("/dev/kmsg", O_RDONLY);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static void take_line(struct text *said, const char *line)
{
	const char *text = strchr(line, ';');

	if (!is_blank(*line) && text && begins(text + 1, OURS))
		text_print(said, "%s\n", text + 1 + strlen(OURS));
}

static void take_lines(struct text *said, char *lines)
{
	char *line;

	while ((line = strsep(&lines, "\n")))
		take_line(said, line);
}

/* EPIPE: records were overwritten before they were read; what follows is there. */
static ssize_t read_records(int fd, char *buf, size_t size)
{
	ssize_t len;

	do {
		len = read(fd, buf, size - 1);
	} while (len < 0 && (errno == EPIPE || errno == EINTR));
	buf[len < 0 ? 0 : len] = '\0';
	return len;
}

/* Add what it said of sluice since the last time, a line each. */
void kmsg_take(int fd, struct text *said)
{
	char buf[16384];

	while (fd >= 0 && read_records(fd, buf, sizeof(buf)) > 0)
		take_lines(said, buf);
}

/* Say it again, to who called. Return: was there anything */
bool kmsg_repeat(const struct text *said)
{
	char *copy = copy_of(text_of(said)), *lines = copy, *line;

	while ((line = strsep(&lines, "\n")))
		if (*line)
			say("the kernel says: %s", line);
	free(copy);
	return said->len;
}

void kmsg_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
