// SPDX-License-Identifier: GPL-2.0
/*
 * Files of the machine, or of a tree that stands in for it (--root).
 *
 * The module may go away at any time: each call is for itself, and fails by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "tree.h"

char *tree_path(const char *path)
{
	return print("%s%s", options.root, path);
}

/* Return: a descriptor, or -errno */
int tree_open(const char *path, int flags)
{
	char *full = tree_path(path);
	int fd = open(full, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err = errno;

	free(full);
	return fd < 0 ? -err : fd;
}

static int read_all(int fd, size_t max, struct text *text)
{
	ssize_t len;

	do {
		len = read(fd, text_room(text, 65536), 65536);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		text->len += len;
		text->buf[text->len] = '\0';
		if (text->len > max)
			return -EFBIG;
	} while (len);
	return 0;
}

/* Add what is there, which is @max bytes at most. Return: 0 or -errno */
int tree_read(const char *path, size_t max, struct text *text)
{
	int fd = tree_open(path, O_RDONLY);
	int err;

	if (fd < 0)
		return fd;
	err = read_all(fd, max, text);
	close(fd);
	return err;
}

/* In one piece: that is how sysfs takes a value. Return: 0 or -errno */
int tree_write(const char *path, const char *text)
{
	int fd = tree_open(path, O_WRONLY);
	size_t len = strlen(text);
	ssize_t done;
	int err = 0;

	if (fd < 0)
		return fd;
	do {
		done = write(fd, text, len);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		err = -errno;
	else if ((size_t)done != len)
		err = -EIO;
	close(fd);
	return err;
}

/* What it holds, without the blanks around, for the caller to free; NULL: cannot be read. */
char *tree_line(const char *path)
{
	struct text text = { 0 };
	char *line = NULL;

	if (!tree_read(path, TREE_FILE_MAX, &text))
		line = copy_of(trim(text.buf));
	text_free(&text);
	return line;
}

/* Return: its permission bits, or -errno */
int tree_mode(const char *path)
{
	char *full = tree_path(path);
	struct stat stat_buf;
	int err = stat(full, &stat_buf) ? -errno : 0;

	free(full);
	return err ? err : (int)(stat_buf.st_mode & 07777);
}

bool tree_is_dir(const char *path)
{
	char *full = tree_path(path);
	struct stat stat_buf;
	bool is = !stat(full, &stat_buf) && S_ISDIR(stat_buf.st_mode);

	free(full);
	return is;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in a directory, sorted, for free_list(); none if it cannot be read. */
char **tree_list(const char *path, size_t *count)
{
	char *full = tree_path(path);
	DIR *dir = opendir(full);
	char **list = NULL;
	struct dirent *entry;

	*count = 0;
	free(full);
	if (!dir)
		return NULL;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		list = need(realloc(list, (*count + 1) * sizeof(*list)));
		list[(*count)++] = copy_of(entry->d_name);
	}
	closedir(dir);
	if (list)
		qsort(list, *count, sizeof(*list), by_name);
	return list;
}

void free_list(char **list, size_t count)
{
	while (count)
		free(list[--count]);
	free(list);
}

/* A module that is being loaded or unloaded is not; one that is built in has no state. */
bool is_loaded(void)
{
	char *state;
	bool live;

	if (!tree_is_dir(SYS_MODULE "/parameters"))
		return false;
	state = tree_line(SYS_MODULE "/initstate");
	live = !state || !strcmp(state, "live");
	free(state);
	return live;
}
