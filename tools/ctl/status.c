// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl status: what it does, for whom, and why the rest is the backend's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "facts.h"
#include "options.h"
#include "text.h"

#define TITLE "%-16s"

static void show_setting(struct json_object *settings, const char *name)
{
	if (!fact(settings, name))
		return;
	printf(" %s=", name);
	show_word(fact_text(settings, name));
}

/* Those that say most about what it does. */
static void show_settings(struct json_object *settings)
{
	static const char *const shown[] = {
		"docroot", "run_as", "vhosts", "standalone", "strict", "return", "take_back",
		"pass_through", "max_connections",
	};
	size_t i;

	printf(TITLE, "settings");
	for (i = 0; i < ARRAY_SIZE(shown); i++)
		show_setting(settings, shown[i]);
	putchar('\n');
}

static void show_listeners(const char *title, struct json_object *list, bool whose)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		printf(TITLE "%s:%" PRId64, title, fact_text(one, "address"),
		       fact_number(one, "port"));
		if (whose) {
			printf(", opened by %s", fact_text(one, "user"));
			printf(fact(one, "process") ? ", " : "");
			show_word(fact_text(one, "process"));
		}
		putchar('\n');
	}
}

static void show_attached(struct json_object *facts)
{
	struct json_object *server = fact(facts, "backend");
	const char *ports = fact_text(fact(facts, "settings"), "attach");

	show_listeners("attached to", server, true);
	if (!json_object_array_length(server))
		printf(TITLE "nobody listens on port %s in this network namespace\n", "attached to",
		       ports);
	else if (!fact_number(fact(facts, "counters"), "live_attached"))
		printf(TITLE "none of them: the kernel log says why\n", "");
}

static void show_where(struct json_object *facts)
{
	struct json_object *settings = fact(facts, "settings");
	struct json_object *backend = fact(facts, "backend");

	if (*fact_text(settings, "attach")) {
		show_attached(facts);
		return;
	}
	show_listeners("listens on", fact(facts, "listening"), false);
	if (!json_object_array_length(fact(facts, "listening")))
		printf(TITLE "nothing on port %s in this network namespace\n", "listens on",
		       fact_text(settings, "port"));
	show_listeners("backend", backend, true);
	if (json_object_array_length(backend))
		return;
	if (!strcmp(fact_text(settings, "standalone"), "1"))
		printf(TITLE "none (standalone)\n", "backend");
	else
		printf(TITLE "nobody listens on port %s in this network namespace\n", "backend",
		       fact_text(settings, "backend_port"));
}

static double share(int64_t part, int64_t all)
{
	return all ? 100.0 * part / all : 0;
}

static void show_outcomes(struct json_object *counters)
{
	static const char *const outcomes[][2] = {
		{ "served", "served" }, { "partial", "of these ranges" },
		{ "not_modified", "not modified" }, { "redirected", "redirected" },
		{ "options_answered", "OPTIONS" }, { "handed_over", "handed over" },
		{ "errors", "errors" },
	};
	int64_t all = fact_number(counters, "requests");
	size_t i;

	printf(TITLE "%12" PRId64 "\n", "requests", all);
	for (i = 0; i < ARRAY_SIZE(outcomes); i++) {
		int64_t part = fact_number(counters, outcomes[i][0]);

		if (part)
			printf("  %-14s%12" PRId64 "%7.1f %%\n", outcomes[i][1], part,
			       share(part, all));
	}
}

/* What has happened, and how often. */
static void show_family(const char *title, struct json_object *family)
{
	bool any = false;

	if (!family)
		return;
	json_object_object_foreach(family, name, number) {
		if (!json_object_get_uint64(number))
			continue;
		if (!any)
			printf("%s\n", title);
		printf("  %-18s%8" PRIu64 "\n", name, json_object_get_uint64(number));
		any = true;
	}
}

static void show_cache(struct json_object *counters)
{
	int64_t hits = fact_number(counters, "cache_hits");
	int64_t misses = fact_number(counters, "cache_misses");

	printf(TITLE "%12" PRId64 " files, %" PRId64 " bytes, %.1f %% hits, %" PRId64 " evicted\n",
	       "cache", fact_number(counters, "live_objects"),
	       fact_number(counters, "live_cache_bytes"), share(hits, hits + misses),
	       fact_number(counters, "cache_evicted"));
}

static void show_counters(struct json_object *facts)
{
	struct json_object *counters = fact(facts, "counters");

	if (!counters)
		return;
	show_outcomes(counters);
	printf(TITLE "%12" PRId64 "\n", "bytes sent", fact_number(counters, "bytes_sent"));
	show_family("handed over, why", fact(facts, "reasons"));
	show_family("errors, by status", fact(facts, "errors"));
	show_family("handover refused", fact(facts, "backend_refusals"));
	show_family("deadlines passed", fact(facts, "timeouts"));
	show_family("do not come back", fact(facts, "left"));
	printf(TITLE "%12" PRId64 " open\n", "connections",
	       fact_number(counters, "live_connections"));
	show_family("connections, ever", fact(facts, "connections"));
	show_cache(counters);
}

static void show_instances(struct json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		printf(TITLE, "instance");
		show_word(fact_text(one, "name"));
		printf(": %s, ", strcmp(fact_text(one, "live"), "1") ? "not live" : "live");
		if (*fact_text(one, "attach"))
			printf("attach %s, docroot ", fact_text(one, "attach"));
		else
			printf("port %s, backend_port %s, docroot ", fact_text(one, "port"),
			       fact_text(one, "backend_port"));
		show_word(fact_text(one, "docroot"));
		printf(", in %s\n", fact_text(one, "netns"));
	}
}

static void show_alarms(struct json_object *facts)
{
	struct json_object *counters = fact(facts, "counters");

	if (!strcmp(fact_text(fact(facts, "settings"), "pass_through"), "1"))
		puts("! pass_through=1: no file is served; the kernel log may say why");
	if (fact_number(counters, "invariants_broken"))
		puts("! invariants_broken is not 0: please report what the kernel log says");
	if (fact_number(counters, "listeners_lost") > fact_number(counters, "listeners_reopened"))
		puts("! a listening socket was closed by somebody else: see the kernel log");
}

static void show_facts(struct json_object *facts)
{
	const char *version = fact_text(facts, "version");

	printf("sluice%s%s is loaded\n", *version ? " " : "", version);
	show_where(facts);
	show_settings(fact(facts, "settings"));
	show_counters(facts);
	show_instances(fact(facts, "instances"));
	show_alarms(facts);
}

enum status cmd_status(int count, char **words)
{
	struct json_object *facts = facts_gather();
	enum status status = STATUS_OK;

	(void)count;
	(void)words;
	if (options.json)
		puts(json_object_to_json_string_ext(facts, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	if (!json_object_get_boolean(fact(facts, "loaded")))
		status = options.json ? STATUS_NOT_LOADED : not_loaded();
	else if (!options.json)
		show_facts(facts);
	json_object_put(facts);
	return status;
}
