// SPDX-License-Identifier: GPL-2.0
/*
 * sluicectl get, set: settings by name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "commands.h"
#include "options.h"
#include "params.h"
#include "text.h"
#include "tree.h"

/* Return: is there what is to be asked; if not that is said */
static enum status settings_there(void)
{
	char *dir;
	bool there;

	if (!is_loaded())
		return not_loaded();
	if (!options.instance)
		return STATUS_OK;
	dir = settings_dir(options.instance);
	there = is_instance_name(options.instance) && tree_is_dir(dir);
	free(dir);
	if (there)
		return STATUS_OK;
	say("there is no instance '%s': 'ls " INSTANCES "' has those that there are",
	    options.instance);
	return STATUS_FAILED;
}

static const struct param *named(const struct params *params, const char *name)
{
	const struct param *param = params_find(params, name);
	char *hint;

	if (param)
		return param;
	hint = params_hint(params, name);
	say("there is no setting '%.60s'%s; 'sluicectl get' has all", name, hint);
	free(hint);
	return NULL;
}

/* --- get ---------------------------------------------------------------------- */

static bool show(const struct param *param, bool alone)
{
	char *value;

	if (!param_has_value(param)) {
		say("%s: it has no value, and is only written", param->name);
		return false;
	}
	value = setting_value(options.instance, param->name);
	if (!value) {
		say("%s: cannot be read; is sluice still loaded?", param->name);
		return false;
	}
	if (!alone)
		printf("%s=", param->name);
	show_word(value);
	if (options.full)
		printf("\t%s\t%s", param_is_live(param) ? "run time" : "at load", param->help);
	putchar('\n');
	free(value);
	return true;
}

static enum status show_all(const struct params *params)
{
	enum status status = STATUS_OK;
	size_t i;

	for (i = 0; i < params->count; i++)
		if (param_has_value(&params->param[i]) && !show(&params->param[i], false))
			status = STATUS_FAILED;
	return status;
}

static enum status show_some(const struct params *params, int count, char **words)
{
	enum status status = STATUS_OK;
	const struct param *param;
	int i;

	for (i = 0; i < count; i++) {
		param_spell(words[i]);
		param = named(params, words[i]);
		if (!param || !show(param, count == 1 && !options.full))
			status = STATUS_FAILED;
	}
	return status;
}

enum status cmd_get(int count, char **words)
{
	enum status status = settings_there();
	struct params params;

	if (status)
		return status;
	params_list(&params, options.instance);
	if (options.full)
		params_explain(&params);
	status = count ? show_some(&params, count, words) : show_all(&params);
	params_free(&params);
	return status;
}

/* --- set ---------------------------------------------------------------------- */

static enum status take_word(struct changes *changes, const struct params *params,
			     const char *word)
{
	const char *value = strchr(word, '=');
	const struct param *param;
	char *name;

	if (!value || value == word)
		return usage_error("'%s': expected NAME=VALUE", word);
	name = copy_of_part(word, value - word);
	param_spell(name);
	param = named(params, name);
	free(name);
	if (!param)
		return STATUS_FAILED;
	if (!param_is_live(param)) {
		say("%s takes effect when the module is loaded", param->name);
		say("write it to /etc/sluice/sluice.conf, then 'systemctl restart sluice'");
		return STATUS_FAILED;
	}
	changes_add(changes, options.instance, param->name, value + 1, NULL);
	return STATUS_OK;
}

static enum status take_words(struct changes *changes, int count, char **words)
{
	enum status status = STATUS_OK;
	struct params params;
	int i;

	params_list(&params, options.instance);
	for (i = 0; i < count && !status; i++)
		status = take_word(changes, &params, words[i]);
	params_free(&params);
	return status;
}

enum status cmd_set(int count, char **words)
{
	struct changes changes = { 0 };
	enum status status;

	if (!count)
		return usage_error("set: what? expected NAME=VALUE, one or more");
	status = settings_there();
	if (!status)
		status = take_words(&changes, count, words);
	if (!status && !changes_make(&changes)) {
		changes_undo(&changes);
		status = STATUS_FAILED;
	}
	changes_free(&changes);
	return status;
}
