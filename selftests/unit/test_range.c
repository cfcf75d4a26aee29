// SPDX-License-Identifier: GPL-2.0

#include "http/range.h"
#include "unit.h"

#define LARGEST	((u64)S64_MAX)

enum {
	IGNORED = HTTP_RANGES_IGNORED, INVALID = HTTP_RANGES_INVALID,
	BEYOND = HTTP_RANGES_UNSATISFIABLE, MANY = HTTP_RANGES_TOO_MANY,
	PARTIAL = HTTP_RANGES_PARTIAL,
};

/*
 * What is asked of how many bytes, and what of it there is: "0-1 5-5" for
 * PARTIAL.  Where nginx 1.29.5 does something else, a comment says what.
 */
static const struct {
	const char	*value;
	u64		size;
	int		result;
	const char	*ranges;
} rows[] = {
	{ "bytes=0-0", 1000, PARTIAL, "0-0" },
	{ "bytes=0-999", 1000, PARTIAL, "0-999" },
	{ "bytes=0-1000", 1000, PARTIAL, "0-999" },
	{ "bytes=500-600", 1000, PARTIAL, "500-600" },
	{ "bytes=0-", 1000, PARTIAL, "0-999" },
	{ "bytes=999-", 1000, PARTIAL, "999-999" },
	{ "bytes=999-999", 1000, PARTIAL, "999-999" },
	{ "bytes=-1", 1000, PARTIAL, "999-999" },
	{ "bytes=-999", 1000, PARTIAL, "1-999" },
	{ "bytes=-1000", 1000, PARTIAL, "0-999" },
	{ "bytes=-1001", 1000, PARTIAL, "0-999" },
	{ "bytes=007-0000000000000000000000008", 1000, PARTIAL, "7-8" },
	{ "BYTES=0-1", 1000, PARTIAL, "0-1" },
	{ "bYtEs=0-1", 1000, PARTIAL, "0-1" },

	/* several, in the order of the request */
	{ "bytes=0-0,2-2", 1000, PARTIAL, "0-0 2-2" },
	{ "bytes=500-,0-1", 1000, PARTIAL, "500-999 0-1" },
	{ "bytes=-1,0-0", 1000, PARTIAL, "999-999 0-0" },
	{ "bytes=0-0,0-0", 1000, PARTIAL, "0-0 0-0" },
	{ "bytes=0-1,1-2", 1000, PARTIAL, "0-1 1-2" },
	{ "bytes=0-499,500-999", 1000, PARTIAL, "0-499 500-999" },
	{ "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7", 1000, PARTIAL,
	  "0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7" },
	{ "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8", 1000, PARTIAL,
	  "0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7 8-8" },
	/* what is beyond the end does not count */
	{ "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,1000-,2000-", 1000, PARTIAL,
	  "0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7" },
	{ "bytes=1000-,0-0", 1000, PARTIAL, "0-0" },
	{ "bytes=0-0,1000-", 1000, PARTIAL, "0-0" },
	{ "bytes=-0,0-0", 1000, PARTIAL, "0-0" },

	/* lists as RFC 9110 section 5.6.1.2 has it; nginx: invalid */
	{ "bytes=,0-0", 1000, PARTIAL, "0-0" },
	{ "bytes=0-0,", 1000, PARTIAL, "0-0" },
	{ "bytes=0-0, ,,1-1", 1000, PARTIAL, "0-0 1-1" },
	{ "bytes=0-0\t,\t1-1", 1000, PARTIAL, "0-0 1-1" },
	/* spaces as nginx takes them */
	{ "bytes=0-0 , 1-1", 1000, PARTIAL, "0-0 1-1" },
	{ "bytes= 0-0", 1000, PARTIAL, "0-0" },
	{ "bytes=0 - 1", 1000, PARTIAL, "0-1" },
	{ "bytes=5  -", 1000, PARTIAL, "5-999" },
	{ "bytes=0\t-1", 1000, INVALID, NULL },
	{ "bytes=0-\t1", 1000, INVALID, NULL },
	{ "bytes=- 5", 1000, INVALID, NULL },
	{ "bytes=0 1-2", 1000, INVALID, NULL },
	{ "bytes=0-1 2", 1000, INVALID, NULL },

	/* beyond the end */
	{ "bytes=1000-", 1000, BEYOND, NULL },
	{ "bytes=1000-1000", 1000, BEYOND, NULL },
	{ "bytes=-0", 1000, BEYOND, NULL },
	{ "bytes=-000", 1000, BEYOND, NULL },
	{ "bytes=1000-,2000-,-0", 1000, BEYOND, NULL },
	{ "bytes=9223372036854775807-", 1000, BEYOND, NULL },
	{ "bytes=1-", 1, BEYOND, NULL },

	/* an empty file */
	{ "bytes=0-", 0, IGNORED, NULL },
	{ "bytes=0-0", 0, IGNORED, NULL },
	{ "bytes=-1", 0, IGNORED, NULL },
	{ "bytes=-0", 0, IGNORED, NULL },
	{ "bytes=5-,0-", 0, IGNORED, NULL },
	{ "bytes=5-", 0, BEYOND, NULL },
	{ "bytes=1-1,2-2", 0, BEYOND, NULL },

	/* more bytes than there are, within what is not charged */
	{ "bytes=0-999,0-0", 1000, PARTIAL, "0-999 0-0" },
	{ "bytes=0-,0-", 1000, PARTIAL, "0-999 0-999" },
	{ "bytes=-1000,-1", 1000, PARTIAL, "0-999 999-999" },
	{ "bytes=0-99999999999999999999,0-99999999999999999999", 1000, PARTIAL, "0-999 0-999" },
	{ "bytes=0-0,0-0", 1, PARTIAL, "0-0 0-0" },
	{ "bytes=0-,0-,0-,0-", 1000, PARTIAL, "0-999 0-999 0-999 0-999" },
	/* to the byte: each costs 256 besides, and 4096 are free */
	{ "bytes=0-4095,0-3583", 4096, PARTIAL, "0-4095 0-3583" },
	{ "bytes=0-4095,0-3584", 4096, IGNORED, NULL },
	{ "bytes=0-3583,0-4095", 4096, PARTIAL, "0-3583 0-4095" },
	{ "bytes=0-3584,0-4095", 4096, IGNORED, NULL },
	/* beyond that, whatever comes behind */
	{ "bytes=0-,0-,0-,0-,0-", 1000, IGNORED, NULL },
	{ "bytes=0-,0-,0-,0-,0-,5000-", 1000, IGNORED, NULL },
	{ "bytes=0-,0-,0-,0-,0-,0-0", 1000, IGNORED, NULL },

	/* another unit, or nothing at all */
	{ "", 1000, IGNORED, NULL },
	{ "bytes", 1000, IGNORED, NULL },
	{ "bytes=", 1000, IGNORED, NULL },
	{ "byte=0-1", 1000, IGNORED, NULL },
	{ "bytess=0-1", 1000, IGNORED, NULL },
	{ "items=0-1", 1000, IGNORED, NULL },
	{ "bytes =0-1", 1000, IGNORED, NULL },
	{ "bytes:0-1", 1000, IGNORED, NULL },
	{ "0-1", 1000, IGNORED, NULL },
	{ "=0-1", 1000, IGNORED, NULL },

	/* malformed */
	{ "bytes=a", 1000, INVALID, NULL },
	{ "bytes=a-b", 1000, INVALID, NULL },
	{ "bytes=10", 1000, INVALID, NULL },
	{ "bytes=-", 1000, INVALID, NULL },
	{ "bytes=--1", 1000, INVALID, NULL },
	{ "bytes=1--1", 1000, INVALID, NULL },
	{ "bytes=0-1-2", 1000, INVALID, NULL },
	{ "bytes=0-x", 1000, INVALID, NULL },
	{ "bytes=0-1x", 1000, INVALID, NULL },
	{ "bytes=-1x", 1000, INVALID, NULL },
	{ "bytes=+0-1", 1000, INVALID, NULL },
	{ "bytes=0-+1", 1000, INVALID, NULL },
	{ "bytes=0x0-1", 1000, INVALID, NULL },
	{ "bytes=0.0-1", 1000, INVALID, NULL },
	{ "bytes=0-0;q=1", 1000, INVALID, NULL },
	{ "bytes=0-0;1-1", 1000, INVALID, NULL },
	{ "bytes==0-1", 1000, INVALID, NULL },
	{ "bytes=bytes=0-1", 1000, INVALID, NULL },
	{ "bytes=,", 1000, INVALID, NULL },
	{ "bytes=, ,", 1000, INVALID, NULL },
	{ "bytes=*", 1000, INVALID, NULL },
	{ "bytes=5-2", 1000, INVALID, NULL },
	{ "bytes=1-0", 1000, INVALID, NULL },
	{ "bytes=2000-1999", 1000, INVALID, NULL },
	/* one is enough, anywhere; nginx passes over the first of these */
	{ "bytes=5-2,0-1", 1000, INVALID, NULL },
	{ "bytes=0-1,x", 1000, INVALID, NULL },
	{ "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,x", 1000, INVALID, NULL },
	{ "bytes=0-,0-,x", 1000, INVALID, NULL },
	{ "bytes=0-,x", 0, INVALID, NULL },

	/* 2^63 - 1, 2^63, 2^64 - 1, 2^64 and more: S64_MAX stands for them; nginx: invalid */
	{ "bytes=0-9223372036854775807", 1000, PARTIAL, "0-999" },
	{ "bytes=-9223372036854775807", 1000, PARTIAL, "0-999" },
	{ "bytes=0-9223372036854775808", 1000, PARTIAL, "0-999" },
	{ "bytes=9223372036854775808-", 1000, BEYOND, NULL },
	{ "bytes=-9223372036854775808", 1000, PARTIAL, "0-999" },
	{ "bytes=0-18446744073709551615", 1000, PARTIAL, "0-999" },
	{ "bytes=18446744073709551615-", 1000, BEYOND, NULL },
	{ "bytes=18446744073709551616-", 1000, BEYOND, NULL },
	{ "bytes=18446744073709551616-18446744073709551617", 1000, BEYOND, NULL },
	{ "bytes=0-18446744073709551617", 1000, PARTIAL, "0-999" },
	{ "bytes=-18446744073709551617", 1000, PARTIAL, "0-999" },
	{ "bytes=0-99999999999999999999", 1000, PARTIAL, "0-999" },
	{ "bytes=99999999999999999999-", 1000, BEYOND, NULL },
	{ "bytes=-99999999999999999999", 1000, PARTIAL, "0-999" },
	{ "bytes=0-36893488147419103233", 1000, PARTIAL, "0-999" },
	{ "bytes=5-99999999999999999999999999999999999999999999", 1000, PARTIAL, "5-999" },
	{ "bytes=92233720368547758080-1", 1000, INVALID, NULL },
	{ "bytes=0-9223372036854775808x", 1000, INVALID, NULL },
	/* which of these is larger is not known any more */
	{ "bytes=18446744073709551617-18446744073709551616", 1000, BEYOND, NULL },
	{ "bytes=0-0000000000000000000000000000000000000001", 1000, PARTIAL, "0-1" },

	/* files of that size */
	{ "bytes=0-", LARGEST, PARTIAL, "0-9223372036854775806" },
	{ "bytes=9223372036854775806-", LARGEST, PARTIAL,
	  "9223372036854775806-9223372036854775806" },
	{ "bytes=9223372036854775806-9223372036854775807", LARGEST, PARTIAL,
	  "9223372036854775806-9223372036854775806" },
	{ "bytes=9223372036854775807-", LARGEST, BEYOND, NULL },
	{ "bytes=-1", LARGEST, PARTIAL, "9223372036854775806-9223372036854775806" },
	{ "bytes=-9223372036854775807", LARGEST, PARTIAL, "0-9223372036854775806" },
	{ "bytes=99999999999999999999-", LARGEST, BEYOND, NULL },
	{ "bytes=0-99999999999999999999", LARGEST, PARTIAL, "0-9223372036854775806" },
	{ "bytes=0-,0-3583", LARGEST, PARTIAL, "0-9223372036854775806 0-3583" },
	{ "bytes=0-,0-3584", LARGEST, IGNORED, NULL },
	{ "bytes=0-,0-", LARGEST, IGNORED, NULL },
	{ "bytes=0-,0-,0-", LARGEST, IGNORED, NULL },
	{ "bytes=0-4611686018427387902,4611686018427387903-", LARGEST, PARTIAL,
	  "0-4611686018427387902 4611686018427387903-9223372036854775806" },
	{ "bytes=0-4611686018427387903,4611686018427391487-", LARGEST, PARTIAL,
	  "0-4611686018427387903 4611686018427391487-9223372036854775806" },
};

static const u8 no_ranges[HTTP_RANGES_MAX * sizeof(struct http_range)];

/* The same again, with room for @room only, where the array ends. */
static void parse_into(struct span text, u64 size, const struct http_range *ranges,
		       unsigned int count, unsigned int room, int result)
{
	struct http_range *at = (void *)unit_guard_end(no_ranges, room * sizeof(*at));
	unsigned int again = ~0U;

	check((int)http_ranges_parse(text, size, at, room, &again) == result && again == count);
	check(!memcmp(at, ranges, min(count, room) * sizeof(*at)));
}

/* With the value and the array both flush against a page that is not there. */
static int parse(const char *value, size_t len, u64 size, struct http_range *ranges,
		 unsigned int *count)
{
	struct span text = { unit_guard_end(value, len), len };
	struct http_range *at = (void *)unit_guard_start(NULL, 0);
	int result;

	memset(at, 0xa5, sizeof(no_ranges));
	*count = ~0U;
	result = http_ranges_parse(text, size, at, HTTP_RANGES_MAX, count);
	memcpy(ranges, at, sizeof(no_ranges));

	text.ptr = (const u8 *)value;
	parse_into(text, size, ranges, *count, HTTP_RANGES_MAX, result);
	parse_into(text, size, ranges, *count, 1, result);
	parse_into(text, size, ranges, *count, *count, result);
	return result;
}

static const char *format(const struct http_range *ranges, unsigned int count)
{
	static char text[512];
	unsigned int i;
	int n = 0;

	text[0] = '\0';
	for (i = 0; i < count; i++)
		n += sprintf(text + n, "%s%llu-%llu", i ? " " : "", ranges[i].first,
			     ranges[i].last);
	return text;
}

/* What must hold whatever is asked. */
static bool is_sane(int result, u64 size, const struct http_range *ranges, unsigned int count)
{
	unsigned __int128 sum = 0;
	unsigned int i;

	if (result != PARTIAL)
		return result >= IGNORED && result < PARTIAL && !count;
	for (i = 0; i < count; i++) {
		if (ranges[i].first > ranges[i].last || ranges[i].last >= size)
			return false;
		sum += (unsigned __int128)ranges[i].last - ranges[i].first + 1 + 256;
	}
	return count && count <= HTTP_RANGES_MAX && sum <= size + 4096;
}

static void test_rows(void)
{
	static struct http_range ranges[HTTP_RANGES_MAX];
	unsigned int count;
	size_t i, len;
	int result;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *want = rows[i].ranges ? rows[i].ranges : "";

		unit_begin("\"%s\" of %llu bytes", rows[i].value, rows[i].size);
		result = parse(rows[i].value, strlen(rows[i].value), rows[i].size, ranges,
			       &count);
		if (!check(result == rows[i].result))
			unit_note("%d", result);
		if (!check(!strcmp(format(ranges, count), want)))
			unit_note("%s, not %s", format(ranges, count), want);
		/* A beginning of it may mean anything, but not just anything. */
		for (len = 0; len <= strlen(rows[i].value); len++) {
			result = parse(rows[i].value, len, rows[i].size, ranges, &count);
			check(is_sane(result, rows[i].size, ranges, count));
		}
		unit_end();
	}
}

/* "bytes=0-0,0-0..." */
static int ask_for_first_bytes(char *value, unsigned int times)
{
	int n = sprintf(value, "bytes=0-0");

	while (--times)
		n += sprintf(value + n, ",0-0");
	return n;
}

static void test_many(void)
{
	static char value[8192];
	static struct http_range ranges[HTTP_RANGES_MAX];
	unsigned int count, i;
	int n;

	unit_begin("64 are sent, 65 are too many");
	n = ask_for_first_bytes(value, 64);
	check(parse(value, n, 64 * 257 - 4096, ranges, &count) == PARTIAL && count == 64);
	for (i = 0; i < count; i++)
		check(!ranges[i].first && !ranges[i].last);
	check(parse(value, n, 64 * 257 - 4097, ranges, &count) == IGNORED);
	n += sprintf(value + n, ",20000-,30000-");
	check(parse(value, n, 20000, ranges, &count) == PARTIAL && count == 64);
	n = ask_for_first_bytes(value, 65);
	check(parse(value, n, 65 * 257 - 4096, ranges, &count) == MANY);
	check(parse(value, n, 65 * 257 - 4097, ranges, &count) == IGNORED);
	unit_end();

	unit_begin("300 times the first byte: too many, or too much");
	n = ask_for_first_bytes(value, 300);
	check(parse(value, n, 300 * 257 - 4096, ranges, &count) == MANY);
	check(parse(value, n, 300 * 257 - 4097, ranges, &count) == IGNORED);
	check(parse(value, n, 1, ranges, &count) == IGNORED);
	check(parse(value, n, 0, ranges, &count) == IGNORED);
	unit_end();
}

/*
 * The same once more from what is meant instead of what is written, with
 * numbers wider than any overflow.
 */
struct meant {
	bool			suffix, open;
	unsigned __int128	a, b;
};

static u64 state = 0x4a9e;

static u64 below(u64 n)
{
	return unit_random(&state) % n;
}

/* Small ones, those around @size and around each power of two that matters. */
static unsigned __int128 any_number(u64 size, bool wild)
{
	static const u8 bits[] = { 0, 31, 32, 62, 63, 64 };

	switch (below(wild ? 3 : 2)) {
	case 0:
		return below(12);
	case 1:
		return (unsigned __int128)size + below(3) - (size ? 1 : 0);
	default:
		return ((unsigned __int128)1 << bits[below(ARRAY_SIZE(bits))]) + below(3) - 1;
	}
}

/*
 * Appends to @text, like the next one.  Below 2 * 10^19 there is no need to divide,
 * for which a kernel lacks the function.
 */
static void put_number(char *text, unsigned __int128 n)
{
	const u64 ten_to_19 = 10000000000000000000ULL;

	if (n < ten_to_19)
		sprintf(text + strlen(text), "%llu", (u64)n);
	else
		sprintf(text + strlen(text), "1%019llu", (u64)(n - ten_to_19));
}

static void put_meant(char *text, const struct meant *m)
{
	if (!m->suffix)
		put_number(text, m->a);
	strcat(text, m->suffix || below(8) ? "-" : " - ");
	if (m->suffix || !m->open)
		put_number(text, m->b);
}

enum { NARROW, TAME, WILD };

static struct meant any_meant(u64 size, int kind)
{
	bool wild = kind == WILD;
	struct meant m = {
		.suffix = !below(3),
		.open = !below(4),
		.a = any_number(size, wild),
		.b = any_number(size, wild),
	};

	if (kind == NARROW)
		return (struct meant){ .a = below(12), .b = 11 };
	if (kind == TAME && m.a > m.b)
		m.b = m.a;
	return m;
}

/* What stands for it when it is read. */
static unsigned __int128 clamp_meant(unsigned __int128 n)
{
	return n < LARGEST ? n : LARGEST;
}

static int expect(const struct meant *meant, unsigned int n, u64 size,
		  struct http_range *ranges, unsigned int *count)
{
	unsigned __int128 sum = 0;
	unsigned int good = 0;
	unsigned int i;

	*count = 0;
	for (i = 0; i < n; i++) {
		const struct meant *m = &meant[i];

		if (!m->suffix && !m->open && clamp_meant(m->b) < clamp_meant(m->a))
			return INVALID;
	}
	for (i = 0; i < n; i++) {
		const struct meant *m = &meant[i];
		unsigned __int128 first = m->a;
		unsigned __int128 last = m->open ? (unsigned __int128)size - 1 : m->b;

		if (m->suffix) {
			first = m->b < size ? size - m->b : 0;
			last = (unsigned __int128)size - 1;
		}
		if (!size && !first)
			return IGNORED;
		if (first >= size)
			continue;
		if (last >= size)
			last = size - 1;
		if (good < HTTP_RANGES_MAX)
			ranges[good] = (struct http_range){ first, last };
		good++;
		sum += last - first + 1 + 256;
	}
	if (!good)
		return BEYOND;
	if (sum > size + 4096)
		return IGNORED;
	if (good > HTTP_RANGES_MAX)
		return MANY;
	*count = good;
	return PARTIAL;
}

#define MEANT_MAX	80

static void test_model(void)
{
	static const u64 sizes[] = {
		0, 1, 2, 10, 100, 10000, 20000, 1ULL << 31, 1ULL << 32, LARGEST - 1, LARGEST,
	};
	static struct http_range want[HTTP_RANGES_MAX], got[HTTP_RANGES_MAX];
	static struct meant meant[MEANT_MAX];
	static char value[MEANT_MAX * 48];
	unsigned int seen[PARTIAL + 1] = { 0 };
	unsigned int rounds = unit_rounds(200000);
	unsigned int i, j;

	unit_begin("%u random values are read as they were meant", rounds);
	for (i = 0; i < rounds; i++) {
		u64 size = sizes[below(ARRAY_SIZE(sizes))];
		unsigned int want_count, count, n = 1 + below(below(8) ? 4 : MEANT_MAX);
		int kind = n > 4 ? NARROW : below(WILD + 1);
		int result;

		strcpy(value, "bytes=");
		for (j = 0; j < n; j++) {
			meant[j] = any_meant(size, kind);
			if (j)
				strcat(value, below(2) ? "," : ", ");
			put_meant(value, &meant[j]);
		}
		result = expect(meant, n, size, want, &want_count);
		seen[result]++;
		if (!check(parse(value, strlen(value), size, got, &count) == result &&
			   count == want_count && !memcmp(got, want, count * sizeof(*got)))) {
			unit_note("%s of %llu", value, size);
			break;
		}
	}
	for (i = IGNORED; i <= PARTIAL; i++)
		check(seen[i] > rounds / 500);
	unit_note("%u ignored, %u invalid, %u beyond, %u too many, %u partial", seen[IGNORED],
		  seen[INVALID], seen[BEYOND], seen[MANY], seen[PARTIAL]);
	unit_end();
}

int main(void)
{
	test_rows();
	test_many();
	test_model();
	return unit_finish();
}
