// SPDX-License-Identifier: GPL-2.0
/*
 * The counters of /proc/net/sluice/stats: lines of a name and a number.
 *
 * Which there are is not known here: a module that is newer has more, an older one fewer.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

#define STATS_FILE "/proc/net/sluice/stats"

/* What may be part of a metric's name. */
static bool is_name(const char *name)
{
	if (!islower((unsigned char)*name))
		return false;
	while (islower((unsigned char)*name) || isdigit((unsigned char)*name) || *name == '_')
		name++;
	return !*name;
}

/* What is no line of a counter is left out. */
static void take_line(struct stats *stats, char *line)
{
	char *text = strchr(line, ' ');
	uint64_t value;
	char *end;

	if (!text)
		return;
	*text++ = '\0';
	if (!is_name(line) || !isdigit((unsigned char)*text) || stats_find(stats, line))
		return;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *trim(end))
		return;
	stats->line = need(realloc(stats->line, (stats->count + 1) * sizeof(*stats->line)));
	stats->line[stats->count++] = (struct stat_line){ copy_of(line), value };
}

/* Return: 0; -errno, then there are none */
int stats_read(struct stats *stats)
{
	struct text text = { 0 };
	char *lines, *line;
	int err;

	*stats = (struct stats){ 0 };
	err = tree_read(STATS_FILE, TREE_FILE_MAX, &text);
	lines = text.buf;
	while (!err && (line = strsep(&lines, "\n")))
		take_line(stats, line);
	text_free(&text);
	return err;
}

void stats_free(struct stats *stats)
{
	while (stats->count)
		free(stats->line[--stats->count].name);
	free(stats->line);
	stats->line = NULL;
}

const struct stat_line *stats_find(const struct stats *stats, const char *name)
{
	size_t i;

	for (i = 0; i < stats->count; i++)
		if (!strcmp(stats->line[i].name, name))
			return &stats->line[i];
	return NULL;
}

/* One that is missing is 0. */
uint64_t stats_value(const struct stats *stats, const char *name)
{
	const struct stat_line *line = stats_find(stats, name);

	return line ? line->value : 0;
}

/* What goes up and down; all others only grow. */
bool stats_is_level(const char *name)
{
	return begins(name, "live_");
}

/* The module is there, and the counters are not. */
void stats_say_missing(int err)
{
	say("cannot read " STATS_FILE ": %s", strerror(-err));
	if (err == -ENOENT)
		say("it is in the network namespace in which sluice was loaded: see nsenter(1)");
}
