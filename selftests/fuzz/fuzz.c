// SPDX-License-Identifier: GPL-2.0

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

bool unit_check(bool cond, const char *text, const char *file, int line)
{
	if (!cond) {
		fprintf(stderr, "%s:%d: false: %s\n", file, line, text);
		abort();
	}
	return cond;
}

/* Said behind a check that failed, which nobody comes to here. */
void unit_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}
