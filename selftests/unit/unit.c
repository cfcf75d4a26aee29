// SPDX-License-Identifier: GPL-2.0

#include <stdarg.h>
#include <stdlib.h>

#include "unit.h"

static unsigned int cases;
static unsigned int failed_cases;
static unsigned int failed_checks;	/* in the case that runs */
static char case_name[256];

void unit_begin(const char *format, ...)
{
	va_list args;
	char *c;

	if (!cases) {
		puts("TAP version 13");
		setvbuf(stdout, NULL, _IOLBF, 0);
	}
	va_start(args, format);
	vsnprintf(case_name, sizeof(case_name), format, args);
	va_end(args);
	/* A result is one line of text, "#" would begin a directive. */
	for (c = case_name; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '#')
			*c = '?';
	failed_checks = 0;
}

void unit_end(void)
{
	cases++;
	failed_cases += failed_checks > 0;
	printf("%sok %u %s\n", failed_checks ? "not " : "", cases, case_name);
}

bool unit_check(bool cond, const char *text, const char *file, int line)
{
	if (!cond) {
		failed_checks++;
		printf("# %s:%d: %s: false: %s\n", file, line, case_name, text);
	}
	return cond;
}

bool unit_check_span(struct span got, const char *want, const char *text,
		     const char *file, int line)
{
	bool same = got.len == strlen(want) && !memcmp(got.ptr, want, got.len);

	if (!same) {
		failed_checks++;
		printf("# %s:%d: %s: %s is \"%.*s\", not \"%s\"\n", file, line, case_name,
		       text, (int)got.len, (const char *)got.ptr, want);
	}
	return same;
}

void unit_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	puts("");
}

int unit_finish(void)
{
	printf("1..%u\n", cases);
	return failed_cases ? EXIT_FAILURE : EXIT_SUCCESS;
}

unsigned int unit_rounds(unsigned int rounds)
{
	return rounds;
}

u64 unit_seed(u64 usual)
{
	return getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) | 1 : usual;
}

void unit_gmtime(s64 time, struct tm *tm)
{
	time_t t = time;

	gmtime_r(&t, tm);
}
