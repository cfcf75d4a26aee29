// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for the kernel where a tree of plain files does not: preloaded, it refuses what
 * is written to settings, says why in the tree's /dev/kmsg, and makes and ends instances.
 *
 * SLUICE_FAKE is the tree. FAKE/rules has lines of words with tabs between them:
 * NAME=VALUE, errno, what the kernel says, and maybe OTHER=VALUE: then it is refused
 * only while that file beside it does not have that value. FAKE/instance is what an instance
 * begins as.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *root;

static void kernel_says(const char *text)
{
	char path[PATH_MAX];
	FILE *log;

	snprintf(path, sizeof(path), "%s/dev/kmsg", root);
	log = fopen(path, "a");
	if (!log)
		return;
	fprintf(log, "3,1,1,-;sluice: %s\n SUBSYSTEM=none\n", text);
	fclose(log);
}

/* Does the file NAME in the directory of @path hold what "NAME=VALUE" says. */
static int holds(const char *path, const char *condition)
{
	const char *value = strchr(condition, '=');
	char other[PATH_MAX], line[256] = "";
	FILE *file;

	snprintf(other, sizeof(other), "%.*s/%.*s", (int)(strrchr(path, '/') - path), path,
		 (int)(value - condition), condition);
	file = fopen(other, "r");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return !strcmp(line, value + 1);
}

/* Return: the errno of a rule that refuses, or 0 */
static int judge(const char *path, const char *written)
{
	char rules[PATH_MAX], line[1024];
	int err = 0;
	FILE *file;

	snprintf(rules, sizeof(rules), "%s/rules", root);
	file = fopen(rules, "r");
	while (file && !err && fgets(line, sizeof(line), file)) {
		char *save, *text, *number, *says, *unless;

		text = strtok_r(line, "\t\n", &save);
		number = strtok_r(NULL, "\t\n", &save);
		says = strtok_r(NULL, "\t\n", &save);
		unless = strtok_r(NULL, "\t\n", &save);
		if (!text || !number || strcmp(text, written) || (unless && holds(path, unless)))
			continue;
		if (says)
			kernel_says(says);
		err = atoi(number);
	}
	if (file)
		fclose(file);
	return err;
}

static void act(const char *what, const char *name)
{
	char command[3 * PATH_MAX];

	if (!strcmp(what, "make"))
		snprintf(command, sizeof(command),
			 "cp -r '%s/instance' '%s/sys/module/sluice/instances/%s'", root, root, name);
	else
		snprintf(command, sizeof(command), "rm -r '%s/sys/module/sluice/instances/%s'",
			 root, name);
	unsetenv("LD_PRELOAD");
	if (system(command))
		fprintf(stderr, "kernel.c: %s failed\n", command);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	static ssize_t (*real)(int fd, const void *buf, size_t len);
	char link[64], path[PATH_MAX] = "", written[8192];
	const char *name;
	int err;

	if (!real)
		real = dlsym(RTLD_NEXT, "write");
	root = getenv("SLUICE_FAKE");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!root || readlink(link, path, sizeof(path) - 1) < 0 ||
	    !strstr(path, "/sys/module/sluice/"))
		return real(fd, buf, len);
	name = strrchr(path, '/') + 1;
	snprintf(written, sizeof(written), "%s=%.*s", name, (int)len, (const char *)buf);
	written[strcspn(written, "\n")] = '\0';
	err = judge(path, written);
	if (err) {
		errno = err;
		return -1;
	}
	if (!strcmp(name, "make") || !strcmp(name, "end"))
		act(name, strchr(written, '=') + 1);
	/* A value of sysfs is replaced. */
	if (ftruncate(fd, 0))
		return -1;
	return real(fd, buf, len);
}
