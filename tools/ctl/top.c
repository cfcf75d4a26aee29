// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl top: what happens now, of each second.
 */
#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "run.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

/**
 * struct moment - the counters, and when that was
 * @stats: those
 * @time:  in seconds
 */
struct moment {
	struct stats	stats;
	double		time;
};

/**
 * struct rate - of a counter
 * @name:  of it
 * @value: a second
 */
struct rate {
	const char	*name;
	double		value;
};

static int look(struct moment *moment)
{
	moment->time = now();
	return is_loaded() ? stats_read(&moment->stats) : -1;
}

/* One that is new, or fell because the module was loaded anew, has not happened yet. */
static double rate_of(const struct moment *before, const struct moment *after, const char *name)
{
	uint64_t was = stats_value(&before->stats, name), is = stats_value(&after->stats, name);
	double seconds = after->time - before->time;

	return is > was && seconds > 0 ? (is - was) / seconds : 0;
}

static int by_rate(const void *a, const void *b)
{
	const struct rate *one = a, *other = b;

	return one->value < other->value ? 1 : one->value > other->value ? -1 :
	       strcmp(one->name, other->name);
}

/* Those that happened and begin with @prefix, the most frequent first, without it. */
static void add_family(struct text *out, const struct moment *before,
		       const struct moment *after, const char *title, const char *prefix)
{
	struct rate *rates = need(calloc(after->stats.count + 1, sizeof(*rates)));
	size_t count = 0, i;

	for (i = 0; i < after->stats.count; i++) {
		const char *name = after->stats.line[i].name;
		double rate = rate_of(before, after, name);

		if (rate && begins(name, prefix))
			rates[count++] = (struct rate){ name + strlen(prefix), rate };
	}
	qsort(rates, count, sizeof(*rates), by_rate);
	if (count)
		text_print(out, "\n%s\n", title);
	for (i = 0; i < count; i++)
		text_print(out, "  %-22s%12.1f\n", rates[i].name, rates[i].value);
	free(rates);
}

static void add_outcomes(struct text *out, const struct moment *before,
			 const struct moment *after)
{
	static const char *const outcomes[] = {
		"requests", "served", "not_modified", "redirected", "options_answered",
		"handed_over", "errors",
	};
	size_t i;

	text_print(out, "%-24s%12s\n", "a second", "");
	for (i = 0; i < ARRAY_SIZE(outcomes); i++)
		text_print(out, "%s%-*s%12.1f\n", i ? "  " : "", i ? 22 : 24, outcomes[i],
			   rate_of(before, after, outcomes[i]));
	text_print(out, "%-24s%12.1f\n", "MiB",
		   rate_of(before, after, "bytes_sent") / (1 << 20));
}

static void add_cache(struct text *out, const struct moment *before, const struct moment *after)
{
	double hits = rate_of(before, after, "cache_hits");
	double misses = rate_of(before, after, "cache_misses");

	text_print(out, "\n%-24s%12" PRIu64 "\n%-24s%12" PRIu64 "\n", "connections open",
		   stats_value(&after->stats, "live_connections"), "files kept open",
		   stats_value(&after->stats, "live_objects"));
	if (hits + misses > 0)
		text_print(out, "%-24s%12.1f %%\n", "cache hits",
			   100 * hits / (hits + misses));
}

static void add_all(struct text *out, const struct moment *before, const struct moment *after)
{
	add_outcomes(out, before, after);
	add_cache(out, before, after);
	add_family(out, before, after, "handed over, why", "handed_over_");
	add_family(out, before, after, "errors, by status", "error_");
	add_family(out, before, after, "handover refused", "backend_");
	add_family(out, before, after, "deadlines passed", "timeout_");
	add_family(out, before, after, "connections", "connections_");
}

/* --- showing it --------------------------------------------------------------- */

static enum status show_once(struct moment *before)
{
	struct moment after = { 0 };
	struct text out = { 0 };
	int err;

	rest(options.interval);
	err = look(&after);
	if (!err) {
		add_all(&out, before, &after);
		fputs(text_of(&out), stdout);
	}
	text_free(&out);
	stats_free(&after.stats);
	return err ? not_loaded() : STATUS_OK;
}

static void draw(const struct moment *before, const struct moment *after)
{
	struct text out = { 0 };

	add_all(&out, before, after);
	erase();
	addstr(text_of(&out));
	if (LINES > 0)
		mvprintw(LINES - 1, 0, "q: quit");
	refresh();
	text_free(&out);
}

/* Return: q was pressed, or there is nobody any more to press it */
static bool wait_for_q(double seconds)
{
	double end = now() + seconds, left;
	int key = ERR;

	while (key != 'q' && key != 'Q' && (left = end - now()) > 0) {
		timeout((int)(left * 1000) + 1);
		key = getch();
		if (key == ERR && end - now() > left / 2)
			return true;
	}
	return key == 'q' || key == 'Q';
}

static enum status show_on_screen(struct moment *before)
{
	enum status status = STATUS_OK;
	struct moment after = { 0 };

	while (!wait_for_q(options.interval)) {
		if (look(&after)) {
			status = STATUS_NOT_LOADED;
			break;
		}
		draw(before, &after);
		stats_free(&before->stats);
		*before = after;
		after = (struct moment){ 0 };
	}
	return status;
}

static enum status run_screen(struct moment *before)
{
	enum status status;
	SCREEN *screen = newterm(NULL, stdout, stdin);

	if (!screen) {
		say("no terminal that can be drawn on; expected one, or --once");
		return STATUS_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	addstr("sluicectl top: wait for the first interval");
	refresh();
	status = show_on_screen(before);
	endwin();
	delscreen(screen);
	return status ? not_loaded() : STATUS_OK;
}

enum status cmd_top(int count, char **words)
{
	struct moment before = { 0 };
	enum status status;
	int err;

	(void)count;
	(void)words;
	if (!is_loaded())
		return not_loaded();
	err = look(&before);
	if (err) {
		stats_say_missing(err);
		return STATUS_FAILED;
	}
	status = options.once ? show_once(&before) : run_screen(&before);
	stats_free(&before.stats);
	return status;
}
