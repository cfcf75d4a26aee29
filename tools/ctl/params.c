// SPDX-License-Identifier: GPL-2.0
/*
 * Which parameters there are, and what they are: as the module itself says.
 *
 * What it has when it is loaded is in sysfs, with modes that tell when they take effect;
 * else, and for a word about each, modinfo is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "params.h"
#include "run.h"
#include "text.h"
#include "tree.h"

#define INSTANCE_NAME_MAX 32

static struct param *add(struct params *params, const char *name, int mode)
{
	struct param *param;

	params->param = need(realloc(params->param,
				     (params->count + 1) * sizeof(*params->param)));
	param = &params->param[params->count++];
	*param = (struct param){ copy_of(name), mode, copy_of("") };
	return param;
}

static struct param *find(const struct params *params, const char *name)
{
	size_t i;

	for (i = 0; i < params->count; i++)
		if (!strcmp(params->param[i].name, name))
			return &params->param[i];
	return NULL;
}

static void list_sysfs(struct params *params, const char *instance)
{
	char *dir = settings_dir(instance);
	size_t count, i;
	char **names = tree_list(dir, &count);

	free(dir);
	for (i = 0; i < count; i++) {
		char *path = setting_path(instance, names[i]);
		int mode = tree_mode(path);

		if (mode >= 0)
			add(params, names[i], mode);
		free(path);
	}
	free_list(names, count);
}

/* "name:what it is", and in older ones "(type)" behind. */
static void take_line(struct params *params, char *line, bool all)
{
	char *help = strchr(line, ':');
	struct param *param;

	if (!help)
		return;
	*help++ = '\0';
	param = find(params, line);
	if (!param && all)
		param = add(params, line, 0);
	if (!param)
		return;
	free(param->help);
	param->help = copy_of(help);
}

static void ask_modinfo(struct params *params, bool all)
{
	const char *module = options.module ? options.module : "sluice";
	char *words[] = { "modinfo", "-F", "parm", (char *)module, NULL };
	struct text text = { 0 };
	char *lines, *line;

	if (!run_output(words, TREE_FILE_MAX, &text))
		for (lines = text.buf; (line = strsep(&lines, "\n"));)
			take_line(params, line, all);
	text_free(&text);
}

/*
 * Those of the module that is loaded, else of the one that would be; with @instance those
 * of an instance that there is.
 */
void params_list(struct params *params, const char *instance)
{
	*params = (struct params){ 0 };
	list_sysfs(params, instance);
	if (!params->count && !instance)
		ask_modinfo(params, true);
}

/* Of a module that is loaded: what each is. */
void params_explain(struct params *params)
{
	ask_modinfo(params, false);
}

void params_free(struct params *params)
{
	size_t i;

	for (i = 0; i < params->count; i++) {
		free(params->param[i].name);
		free(params->param[i].help);
	}
	free(params->param);
	*params = (struct params){ 0 };
}

const struct param *params_find(const struct params *params, const char *name)
{
	return find(params, name);
}

/* Can be written while the module is loaded. */
bool param_is_live(const struct param *param)
{
	return param->mode & 0222;
}

/* One without is for what it does when it is written. */
bool param_has_value(const struct param *param)
{
	return !param->mode || param->mode & 0444;
}

/* --- which was meant ------------------------------------------------------ */

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int two = a < b ? a : b;

	return two < c ? two : c;
}

/* How many letters to put, to leave out or to change: Levenshtein's. */
static unsigned int distance(const char *a, const char *b)
{
	size_t width = strlen(b), i, k;
	unsigned int *row = need(calloc(width + 1, sizeof(*row)));
	unsigned int corner, above, result;

	for (k = 0; k <= width; k++)
		row[k] = k;
	for (i = 0; a[i]; i++) {
		corner = row[0]++;
		for (k = 0; k < width; k++) {
			above = row[k + 1];
			row[k + 1] = least(above + 1, row[k] + 1, corner + (a[i] != b[k]));
			corner = above;
		}
	}
	result = row[width];
	free(row);
	return result;
}

/* Return: the one that was meant, or NULL if none is like it. */
static const char *nearest_to(const struct params *params, const char *name)
{
	unsigned int best = 2 + strlen(name) / 4;
	const char *nearest = NULL;
	size_t i;

	for (i = 0; strlen(name) <= 64 && i < params->count; i++) {
		unsigned int far = distance(name, params->param[i].name);

		if (far < best) {
			best = far;
			nearest = params->param[i].name;
		}
	}
	return nearest;
}

/* For the caller to free: what to say behind "there is no such setting". */
char *params_hint(const struct params *params, const char *name)
{
	const char *nearest = nearest_to(params, name);

	return nearest ? print("; was '%s' meant?", nearest) : copy_of("");
}

/* --- where a value is ------------------------------------------------------- */

/* To the kernel a dash is as good as an underscore; files have underscores. */
void param_spell(char *name)
{
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

/* @instance: NULL for that of the module's parameters */
char *settings_dir(const char *instance)
{
	return instance ? print(INSTANCES "/%s", instance) : copy_of(SYS_MODULE "/parameters");
}

char *setting_path(const char *instance, const char *name)
{
	char *dir = settings_dir(instance);
	char *path = print("%s/%s", dir, name);

	free(dir);
	return path;
}

/*
 * As it would be written: several lines with bars between them.
 * Return: for the caller to free; NULL if it cannot be read
 */
char *setting_value(const char *instance, const char *name)
{
	char *path = setting_path(instance, name);
	char *line = tree_line(path);
	struct text value = { 0 };
	char *lines = line, *one;

	free(path);
	if (!line)
		return NULL;
	while ((one = strsep(&lines, "\n")))
		text_print(&value, "%s%s", value.len ? " | " : "", trim(one));
	free(line);
	return value.buf;
}

/* Return: 0 or -errno */
int setting_write(const char *instance, const char *name, const char *value)
{
	char *path, *text;
	int err;

	if (strlen(value) > VALUE_MAX)
		return -E2BIG;
	path = setting_path(instance, name);
	/* sysfs does not notice that nothing is written; a newline it does. */
	text = print("%s\n", value);
	err = tree_write(path, text);
	free(text);
	free(path);
	return err;
}

bool is_instance_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len && len <= INSTANCE_NAME_MAX && !name[len];
}
