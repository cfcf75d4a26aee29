// SPDX-License-Identifier: GPL-2.0
/* Dates: against the C library, in all three forms, there and back. */

#include <stdio.h>
#include <time.h>

#include "fuzz.h"
#include "http/date.h"

#define DATE_MIN	(-62167219200LL)
#define DATE_MAX	253402300799LL
#define HALF_CENTURY	(50 * 31556952LL)

static const s64 nows[] = {
	S64_MIN, -1, 0, 784111777, 1732230000, 4102444800, 250000000000, S64_MAX,
};

static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

static const char *const days[7] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

static struct tm civil(s64 time)
{
	time_t t = time;
	struct tm tm;

	check(gmtime_r(&t, &tm));
	return tm;
}

static void check_text(const char *text, s64 now, s64 want)
{
	s64 time;

	check(!http_date_parse(fuzz_flush((const u8 *)text, strlen(text)), now, &time));
	check(time == want);
}

/* A point in time, written by the C library in each form. */
static void check_time(s64 time)
{
	u8 *buf = unit_guard_end("", 0) - HTTP_DATE_LEN;
	char text[64];
	struct tm tm;

	http_date_format(buf, time);
	time = time < DATE_MIN ? DATE_MIN : time > DATE_MAX ? DATE_MAX : time;
	tm = civil(time);
	snprintf(text, sizeof(text), "%.3s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		 tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		 tm.tm_sec);
	check(!memcmp(buf, text, HTTP_DATE_LEN) && strlen(text) == HTTP_DATE_LEN);
	check_text(text, 0, time);

	snprintf(text, sizeof(text), "%.3s %s %2d %02d:%02d:%02d %04d", days[tm.tm_wday],
		 months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 tm.tm_year + 1900);
	check_text(text, 0, time);

	/* Two digits of the year: who reads it on the day finds the century. */
	if (time < 0)
		return;
	snprintf(text, sizeof(text), "%s, %02d-%s-%02d %02d:%02d:%02d GMT", days[tm.tm_wday],
		 tm.tm_mday, months[tm.tm_mon], tm.tm_year % 100, tm.tm_hour, tm.tm_min,
		 tm.tm_sec);
	check_text(text, time, time);
}

/* A date is on the day that it names, whatever the day of the week. */
static void check_date(struct span text, s64 now, s64 time)
{
	struct tm tm = civil(time);
	u8 buf[HTTP_DATE_LEN];
	s64 other;

	check(time >= DATE_MIN && time <= DATE_MAX + 1);
	check_time(time);
	http_date_format(buf, time);
	switch (text.len) {
	case HTTP_DATE_LEN:
		if (memcmp(text.ptr + 23, "60", 2))
			check(!memcmp(text.ptr + 4, buf + 4, HTTP_DATE_LEN - 4) || time > DATE_MAX);
		break;
	case 24:
		if (memcmp(text.ptr + 17, "60", 2))
			check(!memcmp(text.ptr + 20, buf + 12, 4));
		break;
	default:
		/* Not half a century ahead; the same a century later is. */
		now = now < 0 || now > DATE_MAX ? 0 : now;
		check(time <= now + HALF_CENTURY);
		tm.tm_year += 100;
		other = timegm(&tm);
		check(other > now + HALF_CENTURY - 86400 || tm.tm_mday != civil(other).tm_mday);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	size_t i;
	s64 time;

	for (i = 0; i < ARRAY_SIZE(nows); i++) {
		if (http_date_parse(fuzz_flush(data, len), nows[i], &time))
			continue;
		check_date((struct span){ data, len }, nows[i], time);
	}
	if (len == sizeof(time)) {
		memcpy(&time, data, sizeof(time));
		check_time(time);
		check_time(time % DATE_MAX);
	}
	return 0;
}
