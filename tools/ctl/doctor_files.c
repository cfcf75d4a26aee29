// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: docroot, as the user of run_as sees it.
 *
 * By the bits of modes; what an ACL adds or takes is not seen.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"
#include "text.h"
#include "tree.h"

/* Of more entries than that the rest is not looked at. */
#define ENTRIES_MAX	10000

/* run_as is uid and gid, without other groups. @bits: 4 to read, 1 to go through */
static bool may(const struct stat *stat_buf, unsigned long id, unsigned int bits)
{
	unsigned int shift = stat_buf->st_uid == id ? 6 : stat_buf->st_gid == id ? 3 : 0;

	return (stat_buf->st_mode >> shift & bits) == bits;
}

static bool stat_of(const char *path, struct stat *stat_buf)
{
	char *full = tree_path(path);
	bool good = !stat(full, stat_buf);

	free(full);
	return good;
}

/* Each directory above: docroot is pinned, so they matter where symlinks=any may lead out. */
static void look_at_way(struct report *report, const char *docroot, unsigned long id)
{
	char *symlinks = in_effect(report, "symlinks", "beneath");
	char *path = copy_of(docroot), *end = path;
	struct stat stat_buf;
	bool good = true;

	while (good && (end = strchr(end + 1, '/'))) {
		*end = '\0';
		good = stat_of(path, &stat_buf) && may(&stat_buf, id, 1);
		if (!good && !strcmp(symlinks, "any"))
			found_bad(report, "docroot: user %lu cannot go through %s, as symlinks=any needs; 'chmod o+x %s'",
				  id, path, path);
		*end = '/';
	}
	free(path);
	free(symlinks);
}

/**
 * struct tally - entries of docroot
 * @files:  that are regular
 * @closed: of those, not readable
 * @run:    of those, executable, which are the backend's by default
 */
struct tally {
	unsigned int	files;
	unsigned int	closed;
	unsigned int	run;
};

static void count_entry(struct tally *tally, const char *path, unsigned long id)
{
	struct stat stat_buf;

	if (!stat_of(path, &stat_buf) || !S_ISREG(stat_buf.st_mode))
		return;
	tally->files++;
	tally->closed += !may(&stat_buf, id, 4);
	tally->run += !!(stat_buf.st_mode & 0111);
}

static void look_at_entries(struct report *report, const char *docroot, unsigned long id)
{
	unsigned long forbidden;
	struct tally tally = { 0 };
	size_t count, i;
	char **names = tree_list(docroot, &count);
	char *octal = in_effect(report, "mode_forbidden", "0111");

	for (i = 0; i < count && i < ENTRIES_MAX; i++) {
		char *path = print("%s/%s", docroot, names[i]);

		count_entry(&tally, path, id);
		free(path);
	}
	free_list(names, count);
	forbidden = strtoul(octal, NULL, 8);
	free(octal);
	if (tally.closed)
		found_warning(report, "docroot: user %lu cannot read %u of %u files in %s, which are the backend's then; 'chmod o+r' them",
			      id, tally.closed, tally.files, docroot);
	if (tally.run && forbidden & 0111)
		found_warning(report, "docroot: %u of %u files in %s are executable, and so the backend's; 'chmod a-x' them, or see mode_forbidden",
			      tally.run, tally.files, docroot);
}

/* --- its file system ----------------------------------------------------------- */

static bool is_beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return true;
	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/* Of /proc/self/mountinfo: its fifth word is where, what follows " - " is the type. */
static void take_mount(const char *line, const char *docroot, char *type, size_t *longest)
{
	const char *dash = strstr(line, " - ");
	char where[PATH_MAX];

	if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", where) != 1)
		return;
	if (!is_beneath(docroot, where) || strlen(where) < *longest)
		return;
	*longest = strlen(where);
	if (sscanf(dash, " - %63s", type) != 1)
		*type = '\0';
}

/* As has_local_page_cache() in src/store/lookup.c has them. */
static bool is_served(const char *type)
{
	static const char *const served[] = {
		"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "rootfs", "f2fs",
		"erofs", "squashfs", "iso9660",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(served); i++)
		if (!strcmp(type, served[i]))
			return true;
	return false;
}

static void look_at_file_system(struct report *report, const char *docroot)
{
	struct text text = { 0 };
	char type[64] = "";
	size_t longest = 0;
	char *lines, *line;

	if (!tree_read("/proc/self/mountinfo", TREE_FILE_MAX, &text))
		for (lines = text.buf; (line = strsep(&lines, "\n"));)
			take_mount(line, docroot, type, &longest);
	text_free(&text);
	if (!type[0])
		return;
	if (is_served(type))
		found_ok(report, "docroot: on %s", type);
	else
		found_bad(report, "docroot: on %s, which is not served: all goes to the backend; move it to a local file system",
			  type);
}

static void look_at_docroot(struct report *report, const char *docroot)
{
	unsigned long id = number_in_effect(report, "run_as", "65534");
	struct stat stat_buf;

	if (!stat_of(docroot, &stat_buf) || !S_ISDIR(stat_buf.st_mode)) {
		found_bad(report, "docroot: %s is no directory; create it, or correct docroot",
			  docroot);
		return;
	}
	look_at_way(report, docroot, id);
	if (may(&stat_buf, id, 1))
		found_ok(report, "docroot: user %lu can go through %s", id, docroot);
	else
		found_bad(report, "docroot: user %lu cannot go through %s; 'chmod o+x %s', or see run_as",
			  id, docroot, docroot);
	look_at_entries(report, docroot, id);
	look_at_file_system(report, docroot);
}

void look_at_files(struct report *report)
{
	char *docroot = in_effect(report, "docroot", "");

	if (*docroot)
		look_at_docroot(report, docroot);
	free(docroot);
}
