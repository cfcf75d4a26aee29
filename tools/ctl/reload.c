// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl check, reload: a sluice.conf, and the module that is loaded.
 *
 * All that it says is made so, or all stays as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "change.h"
#include "commands.h"
#include "conf.h"
#include "instance.h"
#include "params.h"
#include "record.h"
#include "text.h"
#include "tree.h"

/**
 * struct plan - from what is to what a file says
 * @conf:    the file
 * @params:  of the module
 * @changes: of what there is
 * @begun:   how many instances of the file were begun
 */
struct plan {
	struct conf	conf;
	struct params	params;
	struct changes	changes;
	size_t		begun;
};

static bool read_conf(struct conf *conf, int count, char **words)
{
	return conf_read(conf, count ? words[0] : CONF_FILE) && conf_check(conf);
}

/* --- check ---------------------------------------------------------------------- */

static bool try_values(const struct conf *conf)
{
	bool good = instance_try(conf, NULL);
	size_t i;

	for (i = 0; i < conf->instances; i++)
		good &= instance_try(conf, conf->instance[i]);
	return good;
}

enum status cmd_check(int count, char **words)
{
	struct conf conf;
	bool asked = false;
	bool good = read_conf(&conf, count, words);

	if (good && is_loaded() && instances_offered()) {
		good = try_values(&conf);
		asked = true;
	}
	if (good)
		printf("%s: in order: %zu settings%s\n", conf.file, conf.count,
		       asked ? "" : "; whether the values are, the kernel says when it is loaded");
	conf_free(&conf);
	return good ? STATUS_OK : STATUS_FAILED;
}

/* --- what differs ----------------------------------------------------------------- */

static bool is_number(const char *text, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 0);
	return end != text && !*end;
}

/* Of two lists: the blanks between their words say nothing. */
static bool same_words(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, " \t");
		b += strspn(b, " \t");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

static bool same_value(const char *a, const char *b)
{
	unsigned long one, other;

	if (is_number(a, &one) && is_number(b, &other))
		return one == other;
	return same_words(a, b);
}

/* @shown is like net:[4026532000], @file a path. */
static bool same_namespace(const char *shown, const char *file)
{
	char *path = tree_path(file);
	struct stat stat_buf;
	unsigned long inode;
	bool same = sscanf(shown, "net:[%lu]", &inode) == 1 && !stat(path, &stat_buf) &&
		    stat_buf.st_ino == inode;

	free(path);
	return same;
}

static bool is_as_said(const struct conf_line *line, const char *value)
{
	if (!strcmp(line->name, "netns"))
		return same_namespace(value, line->value);
	return same_value(value, line->value);
}

/* While it serves. */
static bool is_fixed(const struct plan *plan, const struct conf_line *line)
{
	const struct param *param = params_find(&plan->params, line->name);

	if (line->instance && !instance_is_live(line->instance))
		return false;
	return !param || !param_is_live(param);
}

static void say_kept(const char *where, const struct conf_line *line, const char *value)
{
	say("%s: %s%s%s = %s: kept %s: it takes effect when %s", where,
	    line->instance ? line->instance : "", line->instance ? ": " : "", line->name,
	    line->value, value,
	    line->instance ? "the instance begins: unload and load" : "the module is loaded");
}

/* A docroot is opened anew, for it may be another directory by now. */
static void plan_line(struct plan *plan, const struct conf_line *line)
{
	char *value = setting_value(line->instance, line->name);
	char *where = conf_where(&plan->conf, line);
	bool as_said = value && is_as_said(line, value);

	if (!is_fixed(plan, line)) {
		if (!as_said || !strcmp(line->name, "docroot"))
			changes_add(&plan->changes, line->instance, line->name, line->value, where);
	} else if (!as_said) {
		say_kept(where, line, value ? value : "what it is");
	}
	free(where);
	free(value);
}

static void plan_changes(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->conf.count; i++) {
		const struct conf_line *line = &plan->conf.line[i];

		if (!line->instance || instance_exists(line->instance))
			plan_line(plan, line);
	}
}

/* --- making it so ------------------------------------------------------------------- */

/* Was one before this reload. */
static bool is_new(const char *name)
{
	return !instance_exists(name);
}

/* Those that there are and that do not serve are as good as new, but for their settings. */
static bool begin_one(struct plan *plan, const char *name)
{
	struct changes live = { 0 };
	bool good;

	if (is_new(name))
		return instance_begin(&plan->conf, name);
	if (instance_is_live(name))
		return true;
	changes_add(&live, name, "live", "1", NULL);
	good = changes_make(&live);
	changes_free(&live);
	return good;
}

/**
 * struct before - what an instance was before
 * @is:   there was one
 * @live: and it served
 */
struct before {
	bool	is;
	bool	live;
};

static struct before *remember(const struct conf *conf)
{
	struct before *before = need(calloc(conf->instances + 1, sizeof(*before)));
	size_t i;

	for (i = 0; i < conf->instances; i++) {
		before[i].is = instance_exists(conf->instance[i]);
		before[i].live = before[i].is && instance_is_live(conf->instance[i]);
	}
	return before;
}

static bool begin_all(struct plan *plan)
{
	for (; plan->begun < plan->conf.instances; plan->begun++)
		if (!begin_one(plan, plan->conf.instance[plan->begun]))
			return false;
	return true;
}

static void end_again(const char *name, const struct before *before)
{
	struct changes live = { 0 };

	if (!before->is) {
		instance_end(name);
	} else if (!before->live) {
		changes_add(&live, name, "live", "0", NULL);
		changes_make(&live);
		changes_free(&live);
	}
}

static void undo(struct plan *plan, const struct before *before)
{
	while (plan->begun--)
		end_again(plan->conf.instance[plan->begun], &before[plan->begun]);
	changes_undo(&plan->changes);
}

static void say_left_out(const struct plan *plan, const struct conf *record)
{
	size_t i;

	for (i = 0; i < record->count; i++) {
		const struct conf_line *line = &record->line[i];

		if (conf_find(&plan->conf, line->instance, line->name) ||
		    (line->instance && !conf_has_instance(&plan->conf, line->instance)))
			continue;
		say("%s: %s%s%s is not in it any more: kept until the module is loaded anew",
		    plan->conf.file, line->instance ? line->instance : "",
		    line->instance ? ": " : "", line->name);
	}
}

/* Those that an earlier file had, and no others: they are somebody else's. */
static void end_left_out(const struct plan *plan, const struct conf *record)
{
	size_t i;

	for (i = 0; i < record->instances; i++) {
		const char *name = record->instance[i];

		if (!conf_has_instance(&plan->conf, name) && instance_exists(name) &&
		    instance_end(name))
			printf("%s: ended\n", name);
	}
}

static void settle(const struct plan *plan)
{
	struct conf record;

	record_read(&record);
	say_left_out(plan, &record);
	end_left_out(plan, &record);
	conf_free(&record);
	record_write(&plan->conf);
	printf("%s: %zu settings, of which %zu were written\n", plan->conf.file,
	       plan->conf.count, plan->changes.count);
}

static enum status make_it_so(struct plan *plan)
{
	struct before *before = remember(&plan->conf);
	enum status status = STATUS_OK;

	plan_changes(plan);
	if (changes_make(&plan->changes) && begin_all(plan)) {
		settle(plan);
	} else {
		undo(plan, before);
		status = STATUS_FAILED;
	}
	free(before);
	return status;
}

enum status cmd_reload(int count, char **words)
{
	struct plan plan = { 0 };
	enum status status = STATUS_FAILED;

	if (!is_loaded())
		return not_loaded();
	params_list(&plan.params, NULL);
	if (read_conf(&plan.conf, count, words) && instances_possible(&plan.conf))
		status = make_it_so(&plan);
	else
		say("nothing was changed");
	changes_free(&plan.changes);
	params_free(&plan.params);
	conf_free(&plan.conf);
	return status;
}
