// SPDX-License-Identifier: GPL-2.0
/*
 * Text that grows, and memory that is there or the program ends.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "text.h"

void *need(void *memory)
{
	if (!memory) {
		say("out of memory");
		exit(STATUS_FAILED);
	}
	return memory;
}

char *copy_of(const char *from)
{
	return need(strdup(from));
}

char *copy_of_part(const char *from, size_t len)
{
	return need(strndup(from, len));
}

static char *print_args(const char *format, va_list args)
{
	char *line;

	return need(vasprintf(&line, format, args) < 0 ? NULL : line);
}

char *print(const char *format, ...)
{
	va_list args;
	char *line;

	va_start(args, format);
	line = print_args(format, args);
	va_end(args);
	return line;
}

/* Room for @len bytes and a NUL behind what is there. Return: where. */
char *text_room(struct text *text, size_t len)
{
	size_t size = text->size ? text->size : 64;

	while (size - 1 < text->len + len)
		size *= 2;
	if (size != text->size) {
		text->buf = need(realloc(text->buf, size));
		text->size = size;
	}
	return text->buf + text->len;
}

void text_add(struct text *text, const char *from, size_t len)
{
	char *to = text_room(text, len);

	if (len)
		memcpy(to, from, len);
	to[len] = '\0';
	text->len += len;
}

void text_print(struct text *text, const char *format, ...)
{
	va_list args;
	char *line;

	va_start(args, format);
	line = print_args(format, args);
	va_end(args);
	text_add(text, line, strlen(line));
	free(line);
}

const char *text_of(const struct text *text)
{
	return text->buf ? text->buf : "";
}

void text_free(struct text *text)
{
	free(text->buf);
	*text = (struct text){ 0 };
}

bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks on both sides: cuts them off behind, and returns what is left. */
char *trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	len = strlen(text);
	while (len && is_blank(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}
