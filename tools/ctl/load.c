// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl load, unload: the module.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "conf.h"
#include "instance.h"
#include "kmsg.h"
#include "options.h"
#include "params.h"
#include "record.h"
#include "run.h"
#include "say.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

/* Beyond unload_timeout; what ends is closed, and waited for. */
#define UNLOAD_SPARE	20

/* --- load ---------------------------------------------------------------------- */

/* For free_list(). */
static char **command_line(const struct conf *conf, size_t *count)
{
	char **words = need(calloc(conf->count + 3, sizeof(*words)));
	size_t i;

	words[0] = copy_of(options.module ? "insmod" : "modprobe");
	words[1] = copy_of(options.module ? options.module : "sluice");
	*count = 2;
	for (i = 0; i < conf->count; i++)
		if (!conf->line[i].instance)
			conf_quote(&conf->line[i], &words[(*count)++]);
	return words;
}

static bool insert(const struct conf *conf)
{
	struct text said = { 0 };
	int kmsg = kmsg_open();
	size_t count;
	char **words = command_line(conf, &count);
	int status = run_wait(words);

	if (status) {
		kmsg_take(kmsg, &said);
		if (!kmsg_repeat(&said))
			say("see 'dmesg | grep sluice', and 'sluicectl doctor'");
		say("sluice is not loaded");
	}
	text_free(&said);
	free_list(words, count);
	kmsg_close(kmsg);
	return !status;
}

static void remove_module(void)
{
	char *words[] = { "rmmod", "sluice", NULL };

	run_wait(words);
}

static bool begin_instances(const struct conf *conf)
{
	bool good = instances_possible(conf);
	size_t i;

	for (i = 0; good && i < conf->instances; i++)
		good = instance_begin(conf, conf->instance[i]);
	return good;
}

/* All of them, or there is no module either. */
static bool begin(const struct conf *conf)
{
	if (begin_instances(conf))
		return true;
	say("sluice is unloaded again, for not all of %s was begun", conf->file);
	remove_module();
	return false;
}

static bool can_load(void)
{
	if (!tree_is_dir(SYS_MODULE))
		return true;
	if (is_loaded())
		say("sluice is loaded already; 'sluicectl reload' makes it what the file says");
	else
		say("sluice is being loaded or unloaded; try again when that has ended");
	return false;
}

enum status cmd_load(int count, char **words)
{
	enum status status = STATUS_FAILED;
	struct conf conf = { 0 };

	if (can_load() && conf_read(&conf, count ? words[0] : CONF_FILE) && conf_check(&conf) &&
	    insert(&conf) && begin(&conf)) {
		record_write(&conf);
		status = STATUS_OK;
	}
	conf_free(&conf);
	return status;
}

/* --- unload ---------------------------------------------------------------------- */

static double seconds_it_has(void)
{
	char *value = setting_value(NULL, "unload_timeout");
	double seconds = UNLOAD_SPARE + (value ? strtoul(value, NULL, 10) : 0);

	free(value);
	return options.timeout < 0 ? seconds : options.timeout;
}

static void say_what_is_left(void)
{
	struct stats stats;

	if (stats_read(&stats))
		return;
	say("waiting for %" PRIu64 " connections", stats_value(&stats, "live_connections"));
	stats_free(&stats);
}

/* Once a second it is said what is waited for. Return: as run_ended() */
static int wait_for(pid_t pid, double seconds)
{
	double end = now() + seconds, left;
	int status;

	do {
		left = end - now();
		status = run_ended(pid, left > 1 ? 1 : left > 0 ? left : 0);
		if (status == -ETIMEDOUT)
			say_what_is_left();
	} while (status == -ETIMEDOUT && left > 1);
	return status;
}

enum status cmd_unload(int count, char **words)
{
	char *rmmod[] = { "rmmod", "sluice", NULL };
	double seconds = seconds_it_has();
	int status;
	pid_t pid;

	(void)count;
	(void)words;
	if (!tree_is_dir(SYS_MODULE))
		return not_loaded();
	pid = run_start(rmmod, -1);
	status = pid < 0 ? pid : wait_for(pid, seconds);
	if (status == -ETIMEDOUT) {
		say("not unloaded after %g s; it goes on, and ends when those have ended", seconds);
		return STATUS_WAITING;
	}
	if (status) {
		say("not unloaded; rmmod says why");
		return STATUS_FAILED;
	}
	record_remove();
	return STATUS_OK;
}
