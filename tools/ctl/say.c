// SPDX-License-Identifier: GPL-2.0
/*
 * What is said to who called.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "say.h"

/* A terminal is not to be led by what a file or the kernel log holds. */
static void put(FILE *to, const char *line)
{
	for (; *line; line++) {
		unsigned char c = *line;

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else
			fputc(c, to);
	}
}

static void say_list(const char *format, va_list args)
{
	char *line;

	/* First, for %m. */
	if (vasprintf(&line, format, args) < 0)
		return;
	fputs("sluicectl: ", stderr);
	put(stderr, line);
	fputc('\n', stderr);
	free(line);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(format, args);
	va_end(args);
}

/* On standard output. */
void show_word(const char *word)
{
	put(stdout, word);
}

enum status usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(format, args);
	va_end(args);
	fputs("sluicectl: see 'sluicectl --help', or sluicectl(8)\n", stderr);
	return STATUS_USAGE;
}

enum status not_loaded(void)
{
	say("sluice is not loaded; 'sluicectl load', or 'systemctl start sluice', loads it");
	return STATUS_NOT_LOADED;
}
