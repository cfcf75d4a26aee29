// SPDX-License-Identifier: GPL-2.0
/*
 * What has been made of a sluice.conf since the module was loaded: names of settings and of
 * instances, as a sluice.conf without values.  So reload knows what a file does not say any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"
#include "say.h"
#include "text.h"
#include "tree.h"

#define RECORD_DIR	"/run/sluice"
#define RECORD		RECORD_DIR "/loaded"

static void add_section(struct text *text, const struct conf *conf, const char *instance)
{
	size_t i;

	if (instance)
		text_print(text, "[instance %s]\n", instance);
	for (i = 0; i < conf->count; i++)
		if (conf->line[i].instance == instance)
			text_print(text, "%s =\n", conf->line[i].name);
}

static bool put(const struct text *text)
{
	char *dir = tree_path(RECORD_DIR);
	ssize_t done;
	int fd;

	mkdir(dir, 0755);
	free(dir);
	record_remove();
	fd = tree_open(RECORD, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0) {
		errno = -fd;
		return false;
	}
	done = write(fd, text_of(text), text->len);
	return !close(fd) && done == (ssize_t)text->len;
}

void record_write(const struct conf *conf)
{
	struct text text = { 0 };
	size_t i;

	add_section(&text, conf, NULL);
	for (i = 0; i < conf->instances; i++)
		add_section(&text, conf, conf->instance[i]);
	if (!put(&text)) {
		say("cannot write " RECORD ": %m");
		say("the next reload will not notice what is left out of the file by then");
	}
	text_free(&text);
}

/* Nothing, if there is none. For conf_free(). */
void record_read(struct conf *record)
{
	if (tree_mode(RECORD) < 0 || !conf_read(record, RECORD))
		*record = (struct conf){ 0 };
}

void record_remove(void)
{
	char *path = tree_path(RECORD);

	unlink(path);
	free(path);
}
