/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The smallest test frame that reads like kselftest: KTAP on stdout, and
 * inputs that lie flush against a page nobody may touch, so that reading one
 * byte too far is a crash even where no sanitizer looks.
 *
 * There are two of it: unit.c with guard.c for user space, and kunit.c, where each
 * file of tests is a case of a KUnit suite.  The tests do not ask which one it is,
 * and include this for what both libraries have, such as sprintf().
 */
#ifndef SLUICE_UNIT_H
#define SLUICE_UNIT_H

#include "http/pure.h"
#include "http/span.h"

#ifdef __KERNEL__

#include <linux/time.h>

/* Kbuild gives the main() of each file another name, and has a list of them. */
#define UNIT_MAIN(name) int main_##name(void);
UNIT_TESTS(UNIT_MAIN)

#else

#include <stdio.h>
#include <time.h>

#define __printf(format, first)	__attribute__((__format__(printf, format, first)))

#endif /* __KERNEL__ */

/* The largest input that the guard pages take */
#define UNIT_GUARD_MAX	(16 * 4096)

#define check(cond)	unit_check((cond), #cond, __FILE__, __LINE__)
#define check_span(got, want) \
	unit_check_span((got), (want), #got, __FILE__, __LINE__)

/* A case: any check that fails between these two makes it "not ok". */
void unit_begin(const char *format, ...) __printf(1, 2);
void unit_end(void);

/* Returns cond, so that a test can stop where going on makes no sense. */
bool unit_check(bool cond, const char *text, const char *file, int line);
bool unit_check_span(struct span got, const char *want, const char *text,
		     const char *file, int line);
void unit_note(const char *format, ...) __printf(1, 2);

/* How often to try something at random, of @rounds: the kernel is slower. */
unsigned int unit_rounds(unsigned int rounds);
/* SEED in the environment, or the usual one. */
u64 unit_seed(u64 usual);
/* UTC by the library's reckoning */
void unit_gmtime(s64 time, struct tm *tm);

/* Prints the plan; returns the exit status for main(). */
int unit_finish(void);

/*
 * A copy of the input that ends where unreadable memory begins, or begins
 * where unreadable memory ends.  Valid until the next call of the same one.
 */
u8 *unit_guard_end(const void *data, size_t len);
u8 *unit_guard_start(const void *data, size_t len);

/* xorshift64*: the same numbers on every machine, every time */
static inline u64 unit_random(u64 *state)
{
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

#endif /* SLUICE_UNIT_H */
