// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: in bounds, within what nginx allows, the first of them the same however many there
 * is room for, and written down again the same.
 */

#include <stdio.h>

#include "fuzz.h"
#include "http/range.h"

static const u64 sizes[] = { 0, 1, 2, 9, 10, 1000, 20000, 1ULL << 31, 1ULL << 32, S64_MAX };

static void check_round_trip(const struct http_range *ranges, unsigned int count, u64 size)
{
	struct http_range again[HTTP_RANGES_MAX];
	char text[HTTP_RANGES_MAX * 42];
	unsigned int n, i;
	int len = 0;

	for (i = 0; i < count; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%llu-%llu",
				i ? "," : "Bytes=", ranges[i].first, ranges[i].last);
	check(http_ranges_parse(fuzz_flush((u8 *)text, len), size, again, HTTP_RANGES_MAX, &n) ==
	      HTTP_RANGES_PARTIAL);
	check(n == count && !memcmp(again, ranges, count * sizeof(*ranges)));
}

/* As it is done: once to decide, and once more into a place that is not larger than need be. */
static void check_room(const u8 *data, size_t len, u64 size, const struct http_range *ranges,
		       unsigned int count, unsigned int room)
{
	static const struct http_range none[HTTP_RANGES_MAX];
	struct http_range again[HTTP_RANGES_MAX] = { 0 };
	unsigned int n;

	http_ranges_parse(fuzz_flush(data, len), size, again, room, &n);
	check(n == count);
	check(!n || !memcmp(again, ranges, min(n, room) * sizeof(*again)));
	check(!memcmp(again + room, none, sizeof(again) - room * sizeof(*again)));
}

static enum http_ranges check_size(const u8 *data, size_t len, u64 size)
{
	struct http_range ranges[HTTP_RANGES_MAX];
	u64 left = size + 4096;
	enum http_ranges ret;
	unsigned int n, i;

	ret = http_ranges_parse(fuzz_flush(data, len), size, ranges, HTTP_RANGES_MAX, &n);
	check((ret == HTTP_RANGES_PARTIAL) == !!n && n <= HTTP_RANGES_MAX);
	for (i = 0; i < n; i++) {
		check(ranges[i].first <= ranges[i].last && ranges[i].last < size);
		check(ranges[i].last - ranges[i].first + 256 < left);
		left -= ranges[i].last - ranges[i].first + 1 + 256;
	}
	check_room(data, len, size, ranges, n, 1);
	if (n) {
		check_room(data, len, size, ranges, n, n);
		check_round_trip(ranges, n, size);
	}
	return ret;
}

/* "bytes=" and a single range, as the C library reads it */
static void check_single(const u8 *data, size_t len)
{
	struct http_range range[HTTP_RANGES_MAX];
	unsigned long long first, last;
	char text[64], back[64];
	unsigned int n;

	if (len >= sizeof(text))
		return;
	memcpy(text, data, len);
	text[len] = '\0';
	if (strlen(text) < len || sscanf(text, "bytes=%19llu-%19llu", &first, &last) != 2)
		return;
	snprintf(back, sizeof(back), "bytes=%llu-%llu", first, last);
	if (strcmp(text, back) || first > S64_MAX || last > S64_MAX)
		return;
	if (http_ranges_parse(fuzz_flush(data, len), S64_MAX, range, HTTP_RANGES_MAX, &n) !=
	    HTTP_RANGES_PARTIAL) {
		check(first > last || first == S64_MAX);
		return;
	}
	check(n == 1 && range[0].first == first);
	check(range[0].last == (last < S64_MAX ? last : S64_MAX - 1));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	enum http_ranges first = check_size(data, len, sizes[0]);
	size_t i;

	/* Whether it is of the grammar does not hang on the file. */
	for (i = 1; i < ARRAY_SIZE(sizes); i++)
		check((check_size(data, len, sizes[i]) == HTTP_RANGES_INVALID) ==
		      (first == HTTP_RANGES_INVALID));
	check_single(data, len);
	return 0;
}
