// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/date.h"

#define DAY_SECONDS	86400

/* Four-digit years only: 0000-01-01 to 9999-12-31 */
#define DATE_MIN	(-62167219200LL)
#define DATE_MAX	253402300799LL

/* The Gregorian calendar repeats every 400 years, in days: */
#define ERA_DAYS	146097
#define DAYS_TO_1970	719468		/* from 0000-03-01 */
#define YEAR_SECONDS	31556952LL	/* mean: 146097 days / 400 */

struct civil {
	int	year;
	int	month;			/* 1..12 */
	int	day;
	int	hour;
	int	minute;
	int	second;
};

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

/* Day 0 of the epoch was a Thursday. */
static const char day_names[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };

static const struct span long_day_names[7] = {
	SPAN_INIT("Thursday"), SPAN_INIT("Friday"), SPAN_INIT("Saturday"), SPAN_INIT("Sunday"),
	SPAN_INIT("Monday"), SPAN_INIT("Tuesday"), SPAN_INIT("Wednesday"),
};

/*
 * Both conversions let the year begin in March, so that the leap day comes
 * last and the days before a month are (153 * month + 2) / 5.
 */
static s64 days_from_civil(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = (y >= 0 ? y : y - 399) / 400;
	int year_of_era = y - era * 400;
	int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (s64)era * ERA_DAYS + day_of_era - DAYS_TO_1970;
}

/* @days is in the range of DATE_MIN to DATE_MAX. */
static void civil_from_days(int days, struct civil *c)
{
	int z = days + DAYS_TO_1970;
	int era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
	int doe = z - era * ERA_DAYS;
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int month = (5 * doy + 2) / 153;

	c->day = doy - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = yoe + era * 400 + (c->month <= 2);
}

static u8 *put_two(u8 *p, int value)
{
	*p++ = '0' + value / 10;
	*p++ = '0' + value % 10;
	return p;
}

static u8 *put_text(u8 *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

/**
 * http_date_format() - write an IMF-fixdate
 * @buf: HTTP_DATE_LEN bytes; no NUL is added
 * @time: seconds since 1970, brought into years 0 to 9999 if outside
 */
void http_date_format(u8 *buf, s64 time)
{
	struct civil c;
	s64 seconds;
	int days;
	u8 *p;

	if (time < DATE_MIN)
		time = DATE_MIN;
	if (time > DATE_MAX)
		time = DATE_MAX;
	seconds = time - DATE_MIN;
	days = (int)(seconds / DAY_SECONDS) + (int)(DATE_MIN / DAY_SECONDS);
	seconds %= DAY_SECONDS;
	civil_from_days(days, &c);

	p = put_text(buf, day_names[(days % 7 + 7) % 7], 3);
	p = put_text(p, ", ", 2);
	p = put_two(p, c.day);
	*p++ = ' ';
	p = put_text(p, month_names[c.month - 1], 3);
	*p++ = ' ';
	p = put_two(p, c.year / 100);
	p = put_two(p, c.year % 100);
	*p++ = ' ';
	p = put_two(p, (int)seconds / 3600);
	*p++ = ':';
	p = put_two(p, (int)seconds / 60 % 60);
	*p++ = ':';
	p = put_two(p, (int)seconds % 60);
	put_text(p, " GMT", 4);
}

static bool take_number(const u8 *p, int digits, int *value)
{
	*value = 0;
	while (digits--) {
		if (!http_is(*p, HTTP_C_DIGIT))
			return false;
		*value = *value * 10 + (*p++ - '0');
	}
	return true;
}

static bool take_month(const u8 *p, int *month)
{
	int i;

	for (i = 0; i < 12; i++) {
		if (!memcmp(p, month_names[i], 3)) {
			*month = i + 1;
			return true;
		}
	}
	return false;
}

static bool is_day_name(const u8 *p)
{
	int i;

	for (i = 0; i < 7; i++)
		if (!memcmp(p, day_names[i], 3))
			return true;
	return false;
}

/* time-of-day = hour ":" minute ":" second; 60 is for leap seconds */
static bool take_clock(const u8 *p, struct civil *c)
{
	return take_number(p, 2, &c->hour) && p[2] == ':' &&
	       take_number(p + 3, 2, &c->minute) && p[5] == ':' &&
	       take_number(p + 6, 2, &c->second) &&
	       c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool parse_imf(struct span s, struct civil *c)
{
	const u8 *p = s.ptr;

	return s.len == HTTP_DATE_LEN && is_day_name(p) && p[3] == ',' && p[4] == ' ' &&
	       take_number(p + 5, 2, &c->day) && p[7] == ' ' &&
	       take_month(p + 8, &c->month) && p[11] == ' ' &&
	       take_number(p + 12, 4, &c->year) && p[16] == ' ' &&
	       take_clock(p + 17, c) && !memcmp(p + 25, " GMT", 4);
}

/* asctime-date: "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(struct span s, struct civil *c)
{
	const u8 *p = s.ptr;

	return s.len == 24 && is_day_name(p) && p[3] == ' ' &&
	       take_month(p + 4, &c->month) && p[7] == ' ' &&
	       (p[8] == ' ' ? take_number(p + 9, 1, &c->day) : take_number(p + 8, 2, &c->day)) &&
	       p[10] == ' ' && take_clock(p + 11, c) && p[19] == ' ' &&
	       take_number(p + 20, 4, &c->year);
}

/* rfc850-date: "Sunday, 06-Nov-94 08:49:37 GMT"; the year is left at 94 */
static bool parse_rfc850(struct span s, struct civil *c)
{
	const u8 *p = NULL;
	int i;

	for (i = 0; i < 7; i++) {
		struct span day = long_day_names[i];

		if (s.len == day.len + 24 && !memcmp(s.ptr, day.ptr, day.len))
			p = s.ptr + day.len;
	}
	return p && p[0] == ',' && p[1] == ' ' &&
	       take_number(p + 2, 2, &c->day) && p[4] == '-' &&
	       take_month(p + 5, &c->month) && p[8] == '-' &&
	       take_number(p + 9, 2, &c->year) && p[11] == ' ' &&
	       take_clock(p + 12, c) && !memcmp(p + 20, " GMT", 4);
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 || year % 400 == 0);
}

static bool day_exists(const struct civil *c)
{
	static const u8 month_days[12] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (c->day < 1 || c->day > month_days[c->month - 1])
		return false;
	return c->month != 2 || c->day != 29 || is_leap(c->year);
}

static s64 civil_to_time(const struct civil *c)
{
	return days_from_civil(c->year, c->month, c->day) * DAY_SECONDS +
	       c->hour * 3600 + c->minute * 60 + c->second;
}

/*
 * RFC 9110 section 5.6.7: a two-digit year that seems to be more than 50 years
 * ahead is in the past.  So: the latest such year that is not.
 */
static void widen_year(struct civil *c, s64 now)
{
	struct civil today;

	if (now < 0 || now > DATE_MAX)
		now = 0;
	civil_from_days((int)(now / DAY_SECONDS), &today);
	c->year += today.year - today.year % 100 + 100;
	while (civil_to_time(c) > now + 50 * YEAR_SECONDS)
		c->year -= 100;
}

/**
 * http_date_parse() - read a date in any of the three forms of RFC 9110
 * @text: trimmed
 * @now: the current time, for the century of a two-digit year
 * @time: out
 *
 * Strict, and case-sensitive as the RFC has it.  The name of the day must be
 * one, but need not be that of the date: nobody's 304 should hang on it.
 *
 * Return: 0, or -EINVAL if this is not a date
 */
int http_date_parse(struct span text, s64 now, s64 *time)
{
	struct civil c;

	if (!parse_imf(text, &c) && !parse_asctime(text, &c)) {
		if (!parse_rfc850(text, &c))
			return -EINVAL;
		widen_year(&c, now);
	}
	if (!day_exists(&c))
		return -EINVAL;
	*time = civil_to_time(&c);
	return 0;
}
