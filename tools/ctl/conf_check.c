// SPDX-License-Identifier: GPL-2.0
/*
 * Does a sluice.conf make sense: as far as can be told without the kernel.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "params.h"
#include "say.h"
#include "text.h"
#include "tree.h"

/* As next_arg() of the kernel reads it: a blank ends a word, unless within quotes. */
static bool is_one_word(const char *word)
{
	bool quoted = false;

	for (; *word; word++) {
		if (*word == '"')
			quoted = !quoted;
		if (is_blank(*word) && !quoted)
			return false;
	}
	return !quoted;
}

/* NAME=VALUE as modprobe is to have it. Return: it can be said; for the caller to free */
bool conf_quote(const struct conf_line *line, char **word)
{
	bool quotes = strpbrk(line->value, " \t");

	*word = print(quotes ? "%s=\"%s\"" : "%s=%s", line->name, line->value);
	/* A pair of them around all is taken off. */
	return is_one_word(*word) && (quotes || line->value[0] != '"');
}

static bool is_known(const struct params *params, const struct conf_line *line)
{
	/* A network namespace is an instance's only. */
	return params_find(params, line->name) ||
	       (line->instance && !strcmp(line->name, "netns"));
}

static void check_name(struct conf *conf, const struct params *params,
		       const struct conf_line *line)
{
	const struct param *param = params_find(params, line->name);
	char *hint;

	if (param && !param_has_value(param)) {
		conf_wrong(conf, line->number, "%s has no value that stays: see 'sluicectl set'",
			   line->name);
	} else if (!is_known(params, line)) {
		hint = params_hint(params, line->name);
		conf_wrong(conf, line->number, "there is no setting '%s'%s", line->name, hint);
		free(hint);
	}
}

static void check_quotes(struct conf *conf, const struct conf_line *line)
{
	char *word;

	if (!line->instance && !conf_quote(line, &word))
		conf_wrong(conf, line->number,
			   "%s: the kernel takes no value with a \" and a blank at load; expected one without",
			   line->name);
	free(line->instance ? NULL : word);
}

static void check_names(struct conf *conf)
{
	struct params params;
	size_t i;

	params_list(&params, NULL);
	if (!params.count)
		conf_wrong(conf, 1,
			   "no module to ask for its settings; expected it installed, or --module");
	for (i = 0; params.count && i < conf->count; i++) {
		check_name(conf, &params, &conf->line[i]);
		check_quotes(conf, &conf->line[i]);
	}
	params_free(&params);
}

static bool is_on(const struct conf_line *line)
{
	return line && line->value[0] &&
	       (strchr("1yYtT", line->value[0]) || !strcasecmp(line->value, "on"));
}

static void check_docroot(struct conf *conf, const struct conf_line *docroot)
{
	if (!tree_is_dir(docroot->value))
		conf_wrong(conf, docroot->number, "docroot = %s: expected a directory",
			   docroot->value);
}

/* With attach the server's own listening sockets say all that. */
static void check_attach(struct conf *conf, const char *instance)
{
	/* With what they are if nobody says them. */
	static const char *const others[][2] = {
		{ "backend_port", "0" }, { "port", "80" }, { "address", "0.0.0.0" },
		{ "defer_accept", "0" },
	};
	const struct conf_line *alone = conf_find(conf, instance, "standalone");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		const struct conf_line *other = conf_find(conf, instance, others[i][0]);

		if (other && strcmp(other->value, others[i][1]))
			conf_wrong(conf, other->number,
				   "%s = %s: with attach that is the server's; expected one of the two",
				   others[i][0], other->value);
	}
	if (is_on(alone))
		conf_wrong(conf, alone->number,
			   "standalone = 1: with attach there is a server; expected port instead of attach if there is none");
}

static void check_backend(struct conf *conf, const char *instance, const char *of)
{
	const struct conf_line *backend = conf_find(conf, instance, "backend_port");
	const struct conf_line *port = conf_find(conf, instance, "port");

	if (!backend && !is_on(conf_find(conf, instance, "standalone")))
		conf_wrong(conf, 1,
			   "%s: backend_port is missing; expected attach = 80, or it, or standalone = 1",
			   of);
	if (backend && !strcmp(backend->value, port ? port->value : "80"))
		conf_wrong(conf, backend->number,
			   "backend_port = %s is sluice's own port; expected the port of the backend",
			   backend->value);
}

/* What it would be refused for as a whole, at load. */
static void check_section(struct conf *conf, const char *instance)
{
	const struct conf_line *docroot = conf_find(conf, instance, "docroot");
	const struct conf_line *attach = conf_find(conf, instance, "attach");
	const char *of = instance ? instance : "the module";

	if (docroot)
		check_docroot(conf, docroot);
	else
		conf_wrong(conf, 1, "%s: docroot is missing; expected docroot = DIRECTORY", of);
	if (attach && attach->value[0])
		check_attach(conf, instance);
	else
		check_backend(conf, instance, of);
}

/* What is wrong is said. Return: nothing is, as far as can be told without the kernel */
bool conf_check(struct conf *conf)
{
	size_t i;

	check_names(conf);
	check_section(conf, NULL);
	for (i = 0; i < conf->instances; i++)
		check_section(conf, conf->instance[i]);
	return !conf->errors;
}
