// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: the clock, and what the kernel has limits for.
 */
#include <stdlib.h>
#include <time.h>

#include "report.h"
#include "text.h"
#include "tree.h"

/* What each of sluice's listening sockets asks for. */
#define BACKLOG		4096
/* When this was written: no file is served at an earlier time. */
#define LONG_AGO	1700000000

static bool number_of(const char *path, unsigned long *number)
{
	char *line = tree_line(path);
	bool is = line && *line;

	*number = is ? strtoul(line, NULL, 10) : 0;
	free(line);
	return is;
}

static void look_at_clock(struct report *report)
{
	if (time(NULL) < LONG_AGO)
		found_bad(report, "clock: it is years behind; set it: dates of answers are wrong");
	else
		found_ok(report, "clock: not before its time");
}

static void look_at_backlog(struct report *report)
{
	unsigned long number;

	if (!number_of("/proc/sys/net/core/somaxconn", &number))
		return;
	if (number < BACKLOG)
		found_warning(report, "net.core.somaxconn: %lu, so bursts of connections are refused sooner; 'sysctl net.core.somaxconn=%d', then load sluice anew",
			      number, BACKLOG);
	else
		found_ok(report, "net.core.somaxconn: %lu", number);
}

/* Each entry of the cache is up to four files: itself and its siblings. */
static void look_at_file_max(struct report *report)
{
	unsigned long entries = number_in_effect(report, "cache_entries", "4096");
	unsigned long number;

	if (!number_of("/proc/sys/fs/file-max", &number))
		return;
	if (number / 4 < entries)
		found_warning(report, "fs.file-max: %lu, and cache_entries=%lu may keep four times as many open; raise the one or lower the other",
			      number, entries);
	else
		found_ok(report, "fs.file-max: %lu", number);
}

void look_at_limits(struct report *report)
{
	look_at_clock(report);
	look_at_backlog(report);
	look_at_file_max(report);
}
