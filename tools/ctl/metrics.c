// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl metrics: all counters in Prometheus's text format, with OpenMetrics' "# EOF".
 *
 * TYPE and HELP name a counter with its "_total": that is what node_exporter's textfile
 * collector and promtool take; so does Prometheus itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

/**
 * struct family - counters that are one metric with a label
 * @prefix: of the counters' names; what follows is the label's value
 * @only:   NULL: all of them; else the names, with blanks on both sides
 * @metric: its name
 * @label:  the label's
 * @help:   what it is
 */
static const struct family {
	const char	*prefix;
	const char	*only;
	const char	*metric;
	const char	*label;
	const char	*help;
} families[] = {
	{ "", " served not_modified redirected options_answered handed_over errors ",
	  "sluice_outcomes_total", "outcome", "Requests by how they ended." },
	{ "handed_over_", NULL, "sluice_handed_over_total", "reason",
	  "Requests that the backend got, by why." },
	{ "error_", NULL, "sluice_errors_total", "status",
	  "Errors that sluice answered, by status." },
	{ "backend_", NULL, "sluice_backend_refusals_total", "reason",
	  "Connections that could not be given to the backend, by why." },
	{ "timeout_", NULL, "sluice_timeouts_total", "deadline",
	  "Deadlines that passed, by which." },
	{ "left_", NULL, "sluice_left_total", "reason",
	  "Connections that do not come back from the backend any more, by why." },
};

static bool is_among(const char *names, const char *name)
{
	char *word = print(" %s ", name);
	bool is = strstr(names, word);

	free(word);
	return is;
}

static bool is_of(const struct family *family, const char *name)
{
	if (family->only)
		return is_among(family->only, name);
	return begins(name, family->prefix) && name[strlen(family->prefix)];
}

static bool is_of_any(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		if (is_of(&families[i], name))
			return true;
	return false;
}

static void add_head(struct text *out, const char *metric, const char *type, const char *help)
{
	text_print(out, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static void add_family(struct text *out, const struct stats *stats, const struct family *family)
{
	bool any = false;
	size_t i;

	for (i = 0; i < stats->count; i++) {
		const struct stat_line *line = &stats->line[i];

		if (!is_of(family, line->name))
			continue;
		if (!any)
			add_head(out, family->metric, "counter", family->help);
		text_print(out, "%s{%s=\"%s\"} %" PRIu64 "\n", family->metric, family->label,
			   line->name + strlen(family->prefix), line->value);
		any = true;
	}
}

/* Units stand at the end of a name: bytes_sent is sluice_sent_bytes_total. */
static char *metric_name(const char *name)
{
	const char *end = stats_is_level(name) ? "" : "_total";

	if (begins(name, "bytes_"))
		return print("sluice_%s_bytes%s", name + strlen("bytes_"), end);
	return print("sluice_%s%s", name, end);
}

static void add_alone(struct text *out, const struct stat_line *line)
{
	char *metric = metric_name(line->name);
	char *help = print("The counter %s of /proc/net/sluice/stats, see sluice(4).", line->name);

	add_head(out, metric, stats_is_level(line->name) ? "gauge" : "counter", help);
	text_print(out, "%s %" PRIu64 "\n", metric, line->value);
	free(help);
	free(metric);
}

static void add_counters(struct text *out, const struct stats *stats)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		add_family(out, stats, &families[i]);
	for (i = 0; i < stats->count; i++)
		if (!is_of_any(stats->line[i].name))
			add_alone(out, &stats->line[i]);
}

/* --- where it goes ------------------------------------------------------------ */

static bool write_all(int fd, const struct text *out)
{
	size_t done = 0;
	ssize_t len;

	while (done < out->len) {
		len = write(fd, out->buf + done, out->len - done);
		if (len < 0 && errno != EINTR)
			return false;
		if (len > 0)
			done += len;
	}
	return true;
}

/* As a whole, or not at all: who collects it may look at any time. */
static bool replace_file(const char *path, const struct text *out)
{
	char *draft = print("%s.XXXXXX", path);
	int fd = mkostemp(draft, O_CLOEXEC);
	bool good = fd >= 0 && write_all(fd, out) && !fchmod(fd, 0644) && !close(fd) &&
		    !rename(draft, path);

	if (!good) {
		say("cannot write %s: %m", path);
		if (fd >= 0)
			unlink(draft);
	}
	free(draft);
	return good;
}

static bool put_out(const struct text *out)
{
	if (options.output)
		return replace_file(options.output, out);
	fwrite(out->buf, 1, out->len, stdout);
	return true;
}

static enum status gather(struct text *out)
{
	bool there = is_loaded();
	struct stats stats;
	int err;

	add_head(out, "sluice_loaded", "gauge", "Whether the module is loaded.");
	text_print(out, "sluice_loaded %d\n", there);
	if (!there)
		return not_loaded();
	err = stats_read(&stats);
	if (err) {
		stats_say_missing(err);
		return STATUS_FAILED;
	}
	add_counters(out, &stats);
	stats_free(&stats);
	return STATUS_OK;
}

enum status cmd_metrics(int count, char **words)
{
	struct text out = { 0 };
	enum status status = gather(&out);

	(void)count;
	(void)words;
	text_print(&out, "# EOF\n");
	if (!put_out(&out))
		status = STATUS_FAILED;
	text_free(&out);
	return status;
}
