// SPDX-License-Identifier: GPL-2.0
/*
 * The frame of the unit tests for the kernel: each file of them is a case of the
 * suite "sluice_unit".  What one of its checks finds fails it, and it goes on.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include "unit.h"

/* What fails in a loop would fill the log; the first ones tell enough. */
#define COMPLAINTS_MAX	20

/* KUnit runs one case at a time, so all this is that one's. */
static struct kunit *running;
static unsigned int begun;		/* groups of checks */
static unsigned int complaints;
static char case_name[256];

/* A page that is not mapped follows each, as it does whatever lies before. */
static u8 *area_to_end_in;
static u8 *area_to_start_in;

void unit_begin(const char *format, ...)
{
	va_list args;

	begun++;
	va_start(args, format);
	vsnprintf(case_name, sizeof(case_name), format, args);
	va_end(args);
}

void unit_end(void)
{
	case_name[0] = '\0';
}

/* Fails the case; returns whether to say why. */
static bool complain(void)
{
	kunit_set_failure(running);
	return complaints++ < COMPLAINTS_MAX;
}

bool unit_check(bool cond, const char *text, const char *file, int line)
{
	if (!cond && complain())
		kunit_err(running, "%s:%d: %*pE: false: %s\n", kbasename(file), line,
			  (int)strlen(case_name), case_name, text);
	return cond;
}

bool unit_check_span(struct span got, const char *want, const char *text,
		     const char *file, int line)
{
	bool same = got.len == strlen(want) && !memcmp(got.ptr, want, got.len);

	if (!same && complain())
		kunit_err(running, "%s:%d: %*pE: %s is \"%*pE\", not \"%*pE\"\n",
			  kbasename(file), line, (int)strlen(case_name), case_name, text,
			  (int)got.len, got.ptr, (int)strlen(want), want);
	return same;
}

void unit_note(const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list args;

	if (complaints > COMPLAINTS_MAX)
		return;
	va_start(args, format);
	text.va = &args;
	kunit_info(running, "%pV\n", &text);
	va_end(args);
}

int unit_finish(void)
{
	if (complaints > COMPLAINTS_MAX)
		kunit_err(running, "%u checks failed\n", complaints);
	kunit_info(running, "%u groups of checks\n", begun);
	return 0;
}

u8 *unit_guard_end(const void *data, size_t len)
{
	u8 *copy;

	KUNIT_ASSERT_LE(running, len, UNIT_GUARD_MAX);
	copy = area_to_end_in + UNIT_GUARD_MAX - len;
	if (len)
		memmove(copy, data, len);
	return copy;
}

u8 *unit_guard_start(const void *data, size_t len)
{
	KUNIT_ASSERT_LE(running, len, UNIT_GUARD_MAX);
	if (len)
		memmove(area_to_start_in, data, len);
	return area_to_start_in;
}

/* Each access is checked, and the machine is emulated. */
unsigned int unit_rounds(unsigned int rounds)
{
	return rounds / 5;
}

u64 unit_seed(u64 usual)
{
	return usual;
}

void unit_gmtime(s64 time, struct tm *tm)
{
	time64_to_tm(time, 0, tm);
}

static int begin_case(struct kunit *test)
{
	running = test;
	begun = 0;
	complaints = 0;
	return 0;
}

static void free_guards(struct kunit_suite *suite)
{
	vfree(area_to_end_in);
	vfree(area_to_start_in);
}

static int make_guards(struct kunit_suite *suite)
{
	area_to_end_in = vmalloc(UNIT_GUARD_MAX);
	area_to_start_in = vmalloc(UNIT_GUARD_MAX);
	if (area_to_end_in && area_to_start_in)
		return 0;
	free_guards(suite);
	return -ENOMEM;
}

#define CASE(name)				\
static void test_##name(struct kunit *test)	\
{						\
	main_##name();				\
}

UNIT_TESTS(CASE)

#define ENTRY(name) KUNIT_CASE_SLOW(test_##name),

static struct kunit_case cases[] = {
	UNIT_TESTS(ENTRY)
	{}
};

static struct kunit_suite suite = {
	.name		= "sluice_unit",
	.suite_init	= make_guards,
	.suite_exit	= free_guards,
	.init		= begin_case,
	.test_cases	= cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("sluice: unit tests of the pure files");
MODULE_LICENSE("GPL");
