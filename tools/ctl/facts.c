// SPDX-License-Identifier: GPL-2.0
/*
 * All that status says, as an object of JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "params.h"
#include "sockets.h"
#include "stats.h"
#include "text.h"
#include "tree.h"

/* --- reading facts --------------------------------------------------------- */

struct json_object *fact(struct json_object *of, const char *name)
{
	struct json_object *found = NULL;

	json_object_object_get_ex(of, name, &found);
	return found;
}

/* "" if it is not known. */
const char *fact_text(struct json_object *of, const char *name)
{
	struct json_object *found = fact(of, name);

	return found ? json_object_get_string(found) : "";
}

/* 0 if it is not known. */
int64_t fact_number(struct json_object *of, const char *name)
{
	return json_object_get_int64(fact(of, name));
}

/* --- gathering them --------------------------------------------------------- */

static void put(struct json_object *to, const char *name, struct json_object *what)
{
	json_object_object_add(to, name, need(what));
}

/* Bytes that are no UTF-8 would be no JSON either. */
static struct json_object *text_object(const char *text)
{
	char *clean = copy_of(text), *c;
	struct json_object *object;

	for (c = clean; *c; c++)
		if (*c & 0x80)
			*c = '?';
	object = json_object_new_string(clean);
	free(clean);
	return object;
}

static void put_line(struct json_object *to, const char *name, const char *path)
{
	char *line = tree_line(path);

	if (line)
		put(to, name, text_object(line));
	free(line);
}

static struct json_object *settings(void)
{
	struct json_object *all = need(json_object_new_object());
	struct params params;
	size_t i;

	params_list(&params, NULL);
	for (i = 0; i < params.count; i++) {
		char *value = setting_value(NULL, params.param[i].name);

		if (value)
			put(all, params.param[i].name, text_object(value));
		free(value);
	}
	params_free(&params);
	return all;
}

static struct json_object *listener_object(const struct listener *listener)
{
	struct json_object *object = need(json_object_new_object());
	char *user = user_name(listener->uid);

	put(object, "address", text_object(listener->address));
	put(object, "port", json_object_new_int64(listener->port));
	put(object, "uid", json_object_new_int64(listener->uid));
	put(object, "user", text_object(user));
	if (listener->process)
		put(object, "process", text_object(listener->process));
	free(user);
	return object;
}

static void add_listeners(struct json_object *list, unsigned long port)
{
	struct listeners listeners = { 0 };
	size_t i;

	if (port > 0 && port < 65536)
		listeners_read(&listeners, port);
	for (i = 0; i < listeners.count; i++)
		json_object_array_add(list, listener_object(&listeners.one[i]));
	listeners_free(&listeners);
}

/* @ports: some, with commas between them; or nothing, or 0. */
static struct json_object *listeners_on(const char *ports)
{
	struct json_object *list = need(json_object_new_array());
	char *end;

	for (; *ports; ports = *end ? end + 1 : end) {
		add_listeners(list, strtoul(ports, &end, 10));
		end += strcspn(end, ",");
	}
	return list;
}

/* Those that begin with @prefix, without it. */
static struct json_object *family(const struct stats *stats, const char *prefix)
{
	struct json_object *object = need(json_object_new_object());
	size_t i;

	for (i = 0; i < stats->count; i++)
		if (begins(stats->line[i].name, prefix))
			put(object, stats->line[i].name + strlen(prefix),
			    json_object_new_uint64(stats->line[i].value));
	return object;
}

static void put_counters(struct json_object *facts)
{
	struct stats stats;
	int err = stats_read(&stats);

	if (err) {
		stats_say_missing(err);
		return;
	}
	put(facts, "counters", family(&stats, ""));
	put(facts, "connections", family(&stats, "connections_"));
	put(facts, "reasons", family(&stats, "handed_over_"));
	put(facts, "errors", family(&stats, "error_"));
	put(facts, "timeouts", family(&stats, "timeout_"));
	put(facts, "backend_refusals", family(&stats, "backend_"));
	put(facts, "left", family(&stats, "left_"));
	put(facts, "cache", family(&stats, "cache_"));
	put(facts, "live", family(&stats, "live_"));
	stats_free(&stats);
}

static struct json_object *instance_object(const char *name)
{
	struct json_object *object = need(json_object_new_object());
	static const char *const shown[] = { "live", "netns", "docroot", "attach", "port",
					   "backend_port" };
	size_t i;

	put(object, "name", text_object(name));
	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		char *path = setting_path(name, shown[i]);

		put_line(object, shown[i], path);
		free(path);
	}
	return object;
}

static struct json_object *instances(void)
{
	struct json_object *list = need(json_object_new_array());
	size_t count, i;
	char **names = tree_list(INSTANCES, &count);

	for (i = 0; i < count; i++) {
		char *dir = settings_dir(names[i]);

		if (tree_is_dir(dir))
			json_object_array_add(list, instance_object(names[i]));
		free(dir);
	}
	free_list(names, count);
	return list;
}

/* Attached we have no listening socket. */
static void put_where(struct json_object *facts, struct json_object *set)
{
	bool attached = *fact_text(set, "attach");

	put(facts, "listening", listeners_on(attached ? "" : fact_text(set, "port")));
	put(facts, "backend", listeners_on(fact_text(set, attached ? "attach" : "backend_port")));
}

/* For json_object_put(). */
struct json_object *facts_gather(void)
{
	struct json_object *facts = need(json_object_new_object());
	struct json_object *set;

	put(facts, "loaded", json_object_new_boolean(is_loaded()));
	if (!is_loaded())
		return facts;
	put_line(facts, "version", SYS_MODULE "/version");
	put_line(facts, "srcversion", SYS_MODULE "/srcversion");
	set = settings();
	put(facts, "settings", set);
	put_where(facts, set);
	put(facts, "instances", instances());
	put_counters(facts);
	return facts;
}
