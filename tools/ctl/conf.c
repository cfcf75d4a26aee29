// SPDX-License-Identifier: GPL-2.0
/*
 * sluice.conf: lines of NAME = VALUE, sections [instance NAME], comments from "#" on, a
 * backslash at the end of a line that goes on.  See sluice.conf(5).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "options.h"
#include "params.h"
#include "say.h"
#include "text.h"
#include "tree.h"

#define CONF_MAX	1048576

/**
 * struct reader - where we are in a file
 * @conf:     that is filled in
 * @rest:     of the text
 * @number:   of the line that was begun last
 * @next:     of the one behind it
 * @instance: section; NULL: before the first
 */
struct reader {
	struct conf	*conf;
	char		*rest;
	unsigned int	number;
	unsigned int	next;
	const char	*instance;
};

/* Say what is wrong in line @number, and what was expected. */
void conf_wrong(struct conf *conf, unsigned int number, const char *format, ...)
{
	va_list args;
	char *line;
	int len;

	if (++conf->errors == CONF_ERRORS_MAX)
		say("%s: and more", conf->file);
	if (conf->errors >= CONF_ERRORS_MAX)
		return;
	va_start(args, format);
	len = vasprintf(&line, format, args);
	va_end(args);
	need(len < 0 ? NULL : line);
	say("%s:%u: %s", conf->file, number, line);
	free(line);
}

/* --- lines ------------------------------------------------------------------ */

static bool take_backslash(struct text *line)
{
	if (!line->len || line->buf[line->len - 1] != '\\')
		return false;
	line->buf[--line->len] = '\0';
	while (line->len && is_blank(line->buf[line->len - 1]))
		line->buf[--line->len] = '\0';
	/* Behind a comma nothing is between the words of a list. */
	if (line->len && line->buf[line->len - 1] != ',')
		text_add(line, " ", 1);
	return true;
}

/* A line with those that it goes on in. Return: there was one */
static bool next_line(struct reader *reader, struct text *line)
{
	bool more = true;
	char *part;

	text_free(line);
	reader->number = reader->next;
	if (!reader->rest)
		return false;
	while (more && (part = strsep(&reader->rest, "\n"))) {
		part = trim(part);
		text_add(line, part, strlen(part));
		reader->next++;
		more = take_backslash(line);
	}
	return true;
}

/* A "#" that is in front, or behind a blank. */
static void cut_comment(char *text)
{
	char *c;

	for (c = text; *c; c++) {
		if (*c == '#' && (c == text || is_blank(c[-1]))) {
			*c = '\0';
			return;
		}
	}
}

/* "TEXT" with \" and \\ in it. Return: what is behind, NULL if it has no end */
static char *take_quoted(char *value)
{
	char *from = value + 1, *to = value;

	while (*from && *from != '"') {
		if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from++;
	}
	if (!*from)
		return NULL;
	*to = '\0';
	return from + 1;
}

/* Return: without quotes and comment, or NULL, and that is said */
static char *take_value(struct reader *reader, char *value)
{
	char *behind;

	value = trim(value);
	if (*value != '"') {
		cut_comment(value);
		return trim(value);
	}
	behind = take_quoted(value);
	if (!behind) {
		conf_wrong(reader->conf, reader->number, "a quote without an end");
		return NULL;
	}
	cut_comment(behind);
	if (!*trim(behind))
		return value;
	conf_wrong(reader->conf, reader->number,
		   "what is behind the quotes? expected the value within one pair of them");
	return NULL;
}

static bool is_value(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' && *value != '\t')
			return false;
	return true;
}

static bool is_setting_name(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static void add_line(struct reader *reader, const char *name, const char *value)
{
	const struct conf_line *before = conf_find(reader->conf, reader->instance, name);
	struct conf *conf = reader->conf;

	if (before) {
		conf_wrong(conf, reader->number, "%s is set in line %u already; expected it once",
			   name, before->number);
		return;
	}
	conf->line = need(realloc(conf->line, (conf->count + 1) * sizeof(*conf->line)));
	conf->line[conf->count++] = (struct conf_line){
		.instance	= reader->instance,
		.name		= copy_of(name),
		.value		= copy_of(value),
		.number		= reader->number,
	};
}

static void take_setting(struct reader *reader, char *line)
{
	char *value = strchr(line, '='), *name;

	if (!value) {
		conf_wrong(reader->conf, reader->number, "'%.60s': expected NAME = VALUE", line);
		return;
	}
	*value++ = '\0';
	name = trim(line);
	param_spell(name);
	if (!is_setting_name(name)) {
		conf_wrong(reader->conf, reader->number, "'%.60s': expected the name of a setting",
			   name);
		return;
	}
	value = take_value(reader, value);
	if (!value)
		return;
	if (!is_value(value) || strlen(value) > VALUE_MAX)
		conf_wrong(reader->conf, reader->number,
			   "%s: expected text of at most %d bytes, without control characters",
			   name, VALUE_MAX);
	else
		add_line(reader, name, value);
}

/* What is within [instance NAME]. Return: NAME; NULL if it is none, and that is said */
static char *section_name(struct reader *reader, char *line)
{
	static const char word[] = "instance";
	size_t len;
	char *name;

	cut_comment(line);
	line = trim(line);
	len = strlen(line);
	if (line[len - 1] == ']') {
		line[len - 1] = '\0';
		name = trim(line + 1);
		if (begins(name, word) && is_blank(name[strlen(word)]))
			return trim(name + strlen(word));
	}
	conf_wrong(reader->conf, reader->number, "expected [instance NAME]");
	return NULL;
}

/* What follows one that is wrong is read all the same, for what is wrong there. */
static void take_section(struct reader *reader, char *line)
{
	struct conf *conf = reader->conf;
	const char *name = section_name(reader, line);

	if (name && !is_instance_name(name))
		conf_wrong(conf, reader->number,
			   "'%.60s': expected a name of 1 to 32 characters out of a-z, 0-9, _ and -",
			   name);
	else if (name && conf_has_instance(conf, name))
		conf_wrong(conf, reader->number, "a second [instance %s]; expected one", name);
	conf->instance = need(realloc(conf->instance,
				      (conf->instances + 1) * sizeof(*conf->instance)));
	conf->instance[conf->instances] = copy_of(name ? name : "?");
	reader->instance = conf->instance[conf->instances++];
}

static void take_line(struct reader *reader, char *line)
{
	if (!*line || *line == '#')
		return;
	if (*line == '[')
		take_section(reader, line);
	else
		take_setting(reader, line);
}

/* --- files -------------------------------------------------------------------- */

static bool read_file(struct conf *conf, struct text *text)
{
	int err = tree_read(conf->file, CONF_MAX, text);
	const char *zero;
	unsigned int number = 1;
	const char *c;

	if (err) {
		say("%s: %s; expected a text of at most 1 MiB, see sluice.conf(5)", conf->file,
		    strerror(-err));
		return false;
	}
	zero = memchr(text_of(text), '\0', text->len);
	for (c = text_of(text); zero && c < zero; c++)
		number += *c == '\n';
	if (zero)
		conf_wrong(conf, number, "a byte that is 0; expected text");
	return !zero;
}

/* What is wrong in it is said. Return: nothing is. For conf_free() in any case */
bool conf_read(struct conf *conf, const char *file)
{
	struct reader reader = { .conf = conf, .next = 1 };
	struct text text = { 0 }, line = { 0 };

	*conf = (struct conf){ .file = copy_of(file) };
	if (!read_file(conf, &text)) {
		text_free(&text);
		conf->errors++;
		return false;
	}
	reader.rest = text.buf;
	while (next_line(&reader, &line))
		take_line(&reader, trim(line.buf));
	text_free(&line);
	text_free(&text);
	return !conf->errors;
}

void conf_free(struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->count; i++) {
		free(conf->line[i].name);
		free(conf->line[i].value);
	}
	free(conf->line);
	free_list(conf->instance, conf->instances);
	free(conf->file);
	*conf = (struct conf){ 0 };
}

static bool same_section(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* @instance: NULL for what stands before the first section */
const struct conf_line *conf_find(const struct conf *conf, const char *instance,
				  const char *name)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		if (same_section(conf->line[i].instance, instance) &&
		    !strcmp(conf->line[i].name, name))
			return &conf->line[i];
	return NULL;
}

bool conf_has_instance(const struct conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->instances; i++)
		if (!strcmp(conf->instance[i], name))
			return true;
	return false;
}

/* For the caller to free. */
char *conf_where(const struct conf *conf, const struct conf_line *line)
{
	return print("%s:%u", conf->file, line->number);
}
