// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl doctor: what is wrong, or will be.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "params.h"
#include "report.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

static void show(const char *how, const char *format, va_list args)
{
	char *line;
	int len = vasprintf(&line, format, args);

	need(len < 0 ? NULL : line);
	printf("%-6s", how);
	show_word(line);
	putchar('\n');
	free(line);
}

void found_ok(struct report *report, const char *format, ...)
{
	va_list args;

	(void)report;
	va_start(args, format);
	show("ok", format, args);
	va_end(args);
}

void found_warning(struct report *report, const char *format, ...)
{
	va_list args;

	report->warnings++;
	va_start(args, format);
	show("warn", format, args);
	va_end(args);
}

void found_bad(struct report *report, const char *format, ...)
{
	va_list args;

	report->bad++;
	va_start(args, format);
	show("bad", format, args);
	va_end(args);
}

/*
 * The value of a setting: of the module that is loaded, else as the file says, else
 * @otherwise.  For the caller to free.
 */
char *in_effect(const struct report *report, const char *name, const char *otherwise)
{
	char *value = report->loaded ? setting_value(NULL, name) : NULL;
	const struct conf_line *line = conf_find(&report->conf, NULL, name);

	if (value)
		return value;
	return copy_of(line && !report->loaded ? line->value : otherwise);
}

/* Of a number; 0 for what is none. */
unsigned long number_in_effect(const struct report *report, const char *name,
			       const char *otherwise)
{
	char *value = in_effect(report, name, otherwise);
	unsigned long number = strtoul(value, NULL, 0);

	free(value);
	return number;
}

static void look_at_conf(struct report *report, const char *file)
{
	bool good;

	if (tree_mode(file) < 0) {
		found_warning(report, "%s: there is none; write one, see sluice.conf(5)", file);
		return;
	}
	good = conf_read(&report->conf, file) && conf_check(&report->conf);
	if (good)
		found_ok(report, "%s: in order", file);
	else
		found_bad(report, "%s: not in order; do what 'sluicectl check' says", file);
}

static void look_at_module(struct report *report)
{
	struct stats stats;
	char *through = in_effect(report, "pass_through", "0");

	if (!report->loaded)
		found_warning(report, "module: not loaded; 'systemctl start sluice' loads it");
	else if (strcmp(through, "0"))
		found_bad(report, "module: pass_through=1, so no file is served; see the kernel log, then 'sluicectl set pass_through=0'");
	else
		found_ok(report, "module: loaded");
	free(through);
	if (!report->loaded || stats_read(&stats))
		return;
	if (stats_value(&stats, "invariants_broken"))
		found_bad(report, "module: an invariant was broken; please report the kernel log's words");
	stats_free(&stats);
}

enum status cmd_doctor(int count, char **words)
{
	struct report report = { .loaded = is_loaded() };

	look_at_conf(&report, count ? words[0] : CONF_FILE);
	look_at_module(&report);
	look_at_kernels(&report);
	look_at_ports(&report);
	look_at_files(&report);
	look_at_limits(&report);
	conf_free(&report.conf);
	if (report.bad)
		return STATUS_FAILED;
	return report.warnings ? STATUS_WARNED : STATUS_OK;
}
