// SPDX-License-Identifier: GPL-2.0

#include "http/date.h"
#include "unit.h"

#define NOW	1732230000LL	/* 21 Nov 2024 */

static const u8 zeros[HTTP_DATE_LEN];

static struct span format(s64 time)
{
	u8 *buf = unit_guard_end(zeros, HTTP_DATE_LEN);

	http_date_format(buf, time);
	return (struct span){ buf, HTTP_DATE_LEN };
}

static int parse(const char *s, s64 now, s64 *time)
{
	struct span text = { unit_guard_start(s, strlen(s)), strlen(s) };
	s64 first;
	int err = http_date_parse(text, now, time);

	/* The other end of the guard pages: same answer, nothing read beyond. */
	first = *time;
	text.ptr = unit_guard_end(s, strlen(s));
	check(http_date_parse(text, now, time) == err);
	check(err || first == *time);
	return err;
}

static void check_date(const char *s, s64 now, s64 want)
{
	s64 time = -42;

	unit_begin("date \"%s\" is %lld", s, want);
	check(!parse(s, now, &time));
	if (!check(time == want))
		unit_note("%lld", time);
	unit_end();
}

static void check_junk(const char *s)
{
	s64 time = 0;

	unit_begin("\"%s\" is not a date", s);
	check(parse(s, NOW, &time) == -EINVAL);
	unit_end();
}

static void test_format(void)
{
	unit_begin("dates are written as IMF-fixdate");
	check_span(format(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	check_span(format(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	check_span(format(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
	check_span(format(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
	check_span(format(4107542400LL), "Mon, 01 Mar 2100 00:00:00 GMT");
	check_span(format(2147483648LL), "Tue, 19 Jan 2038 03:14:08 GMT");
	check_span(format(253402300799LL), "Fri, 31 Dec 9999 23:59:59 GMT");
	check_span(format(253402300800LL), "Fri, 31 Dec 9999 23:59:59 GMT");
	check_span(format(S64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
	check_span(format(S64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
	unit_end();
}

/* The oracle is what the code itself must not call. */
static void test_against_library(void)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
	};
	unsigned int rounds = unit_rounds(100000);
	u64 state = 0x5eed;
	unsigned int i;

	unit_begin("%u random times agree with the library's and come back", rounds);
	for (i = 0; i < rounds; i++) {
		u64 year_seconds = 31556952;
		s64 time = (s64)(unit_random(&state) % (year_seconds * 12000)) -
			   1970 * (s64)year_seconds;
		char want[64];
		struct span got;
		struct tm tm;
		s64 back;

		if (time < -62135596800LL || time > 253402300799LL)	/* years 1 to 9999 */
			continue;
		unit_gmtime(time, &tm);
		snprintf(want, sizeof(want), "%s, %02d %s %04d %02d:%02d:%02d GMT",
			 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], (int)tm.tm_year + 1900,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		got = format(time);
		if (!check_span(got, want) || !check(!http_date_parse(got, NOW, &back)) ||
		    !check(back == time))
			break;
	}
	unit_end();
}

/* Every byte of every form replaced by every other: never a crash. */
static void test_mutations(void)
{
	static const char *const forms[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
	};
	size_t f, i;
	unsigned int c;
	s64 time;

	unit_begin("a date cut short is not a date, one byte off is no crash");
	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		size_t len = strlen(forms[f]);

		for (i = 0; i < len; i++) {
			u8 *copy = unit_guard_end(forms[f], i);

			check(http_date_parse((struct span){ copy, i }, NOW, &time) == -EINVAL);
			copy = unit_guard_end(forms[f], len);
			for (c = 0; c < 256; c++) {
				struct span s = { copy, len };

				copy[i] = c;
				if (!http_date_parse(s, NOW, &time))
					check(c >= '0' || c == ' ' || c == (u8)forms[f][i]);
			}
		}
	}
	unit_end();
}

static void test_forms(void)
{
	check_date("Sun, 06 Nov 1994 08:49:37 GMT", NOW, 784111777);
	check_date("Sunday, 06-Nov-94 08:49:37 GMT", NOW, 784111777);
	check_date("Sun Nov  6 08:49:37 1994", NOW, 784111777);
	check_date("Sun Nov 16 08:49:37 1994", NOW, 784975777);
	check_date("Mon, 06 Nov 1994 08:49:37 GMT", NOW, 784111777);	/* a Sunday */
	check_date("Tue, 29 Feb 2000 00:00:00 GMT", NOW, 951782400);
	check_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW, 1483228800);
	check_date("Thu, 01 Jan 1970 00:00:00 GMT", NOW, 0);
	check_date("Wed, 31 Dec 1969 23:59:59 GMT", NOW, -1);
	check_date("Sat, 01 Jan 0000 00:00:00 GMT", NOW, -62167219200LL);
	check_date("Fri, 31 Dec 9999 23:59:59 GMT", NOW, 253402300799LL);
}

/* NOW is in 2024: "74" up to November is ahead, later is 1974; "75" is 1975. */
static void test_two_digit_year(void)
{
	check_date("Thursday, 01-Nov-74 00:00:00 GMT", NOW, 3308256000LL);
	check_date("Sunday, 01-Dec-74 00:00:00 GMT", NOW, 155088000);
	check_date("Wednesday, 01-Jan-75 00:00:00 GMT", NOW, 157766400);
	check_date("Monday, 01-Jan-24 00:00:00 GMT", NOW, 1704067200);
	check_date("Friday, 31-Dec-99 23:59:59 GMT", NOW, 946684799);
	check_date("Saturday, 01-Jan-00 00:00:00 GMT", NOW, 946684800);
	check_date("Tuesday, 29-Feb-00 00:00:00 GMT", NOW, 951782400);
	/* In 2099 "05" is 2105, six years ahead. */
	check_date("Thursday, 01-Jan-05 00:00:00 GMT", 4080000000LL, 4260211200LL);
	check_date("Thursday, 01-Jan-70 00:00:00 GMT", 0, 0);
	check_date("Thursday, 01-Jan-70 00:00:00 GMT", -5, 0);
	check_date("Thursday, 01-Jan-70 00:00:00 GMT", S64_MAX, 0);
}

static void test_junk(void)
{
	static const char *const junk[] = {
		"", "0", "junk", "now", "1700000000",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 gmt",
		"Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT; length=5", "Sun,  06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT ",
		"sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 NOV 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 32 Jan 1994 08:49:37 GMT", "Sun, 29 Feb 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT", "Sun, 30 Feb 2000 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 19994 08:49:37 GMT",
		"Sun, +6 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "sunday, 06-Nov-94 08:49:37 GMT",
		"Funday, 06-Nov-94 08:49:37 GMT", "Monday, 29-Feb-23 00:00:00 GMT",
		"Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 94", "Sun Nov  6 08:49:37 1994 GMT",
		"Sun Nov  6 08:49:37 1994\n", "Sun Nov  0 08:49:37 1994",
		"Sun Nov 31 08:49:37 1994",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(junk); i++)
		check_junk(junk[i]);
}

int main(void)
{
	test_format();
	test_against_library();
	test_mutations();
	test_forms();
	test_two_digit_year();
	test_junk();
	return unit_finish();
}
