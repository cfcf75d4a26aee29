// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers from the client and sizes are at most S64_MAX, and all arithmetic is unsigned,
 * on what has been cut to the size of the file: nothing here can overflow.
 */

#include "http/ctype.h"
#include "http/range.h"

/* Bytes, as nginx charges since 1.29.5: for the lines of each part; and what is given away. */
#define EACH_RANGE	256
#define FREE_OF_CHARGE	4096

/* From @start up to but without @stop: unlike struct http_range, may be empty. */
struct extent {
	u64	start;
	u64	stop;
};

/* nginx takes spaces where the grammar has none, but not tabs. */
static const u8 *skip_blanks(const u8 *p, const u8 *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

/*
 * Returns where the number ends; NULL if there is none.  S64_MAX stands for all above it:
 * no file has a byte there (RFC 9110 section 14.1.2 wants large numbers to be expected).
 */
static const u8 *take_number(const u8 *p, const u8 *end, u64 *value)
{
	const u8 *start = p;

	*value = 0;
	for (; p < end && http_is(*p, HTTP_C_DIGIT); p++) {
		u8 digit = *p - '0';

		*value = *value > ((u64)S64_MAX - digit) / 10 ? S64_MAX : *value * 10 + digit;
	}
	return p > start ? p : NULL;
}

/* suffix-range = "-" suffix-length; @p is behind the dash */
static bool parse_suffix(const u8 *p, const u8 *end, u64 size, struct extent *extent)
{
	u64 length;

	if (take_number(p, end, &length) != end)
		return false;
	extent->start = length < size ? size - length : 0;
	extent->stop = size;
	return true;
}

/* int-range = first-pos "-" [ last-pos ], and last-pos is not below first-pos */
static bool parse_int_range(const u8 *p, const u8 *end, u64 size, struct extent *extent)
{
	u64 last;

	p = take_number(p, end, &extent->start);
	if (!p)
		return false;
	p = skip_blanks(p, end);
	if (p == end || *p++ != '-')
		return false;
	extent->stop = size;
	p = skip_blanks(p, end);
	if (p == end)
		return true;
	if (take_number(p, end, &last) != end || last < extent->start)
		return false;
	if (last < size)
		extent->stop = last + 1;
	return true;
}

/* range-spec, without other-range: bytes have none */
static bool parse_spec(struct span spec, u64 size, struct extent *extent)
{
	const u8 *end = spec.ptr + spec.len;

	if (*spec.ptr == '-')
		return parse_suffix(spec.ptr + 1, end, size, extent);
	return parse_int_range(spec.ptr, end, size, extent);
}

/* Take "bytes=" off, and see that there is something behind it, as nginx does. */
static bool strip_unit(struct span *value)
{
	static const struct span unit = SPAN_INIT("bytes=");

	if (value->len <= unit.len ||
	    !span_eq_nocase((struct span){ value->ptr, unit.len }, unit))
		return false;
	value->ptr += unit.len;
	value->len -= unit.len;
	return true;
}

/* Take it off @left.  Returns whether there was that much. */
static bool charge(u64 *left, const struct extent *extent)
{
	u64 cost = extent->stop - extent->start + EACH_RANGE;

	if (cost > *left)
		return false;
	*left -= cost;
	return true;
}

/**
 * http_ranges_parse() - work out what a Range asks of a file
 * @value: trimmed, of the only Range field of a GET
 * @size: of the selected representation, S64_MAX at most
 * @ranges: out: the first of them
 * @room: so many at most
 * @count: out: how many there are, also beyond @room; 0 unless it is HTTP_RANGES_PARTIAL
 *
 * They come in the order in which they were asked for, without those that are
 * beyond the end.  As in nginx, ranges that come to more than the whole file, by bytes and
 * by what each costs besides, are ignored, and so are those of an empty file that begin
 * where it does.
 *
 * Return: what to do about the field
 */
enum http_ranges http_ranges_parse(struct span value, u64 size, struct http_range *ranges,
				   unsigned int room, unsigned int *count)
{
	u64 left = size + FREE_OF_CHARGE;
	unsigned int asked = 0;
	unsigned int n = 0;
	bool ignore = false;
	struct span item;

	*count = 0;
	if (!strip_unit(&value))
		return HTTP_RANGES_IGNORED;
	while (span_next_item(&value, &item)) {
		struct extent extent;

		if (span_is_empty(item))
			continue;
		asked++;
		if (!parse_spec(item, size, &extent))
			return HTTP_RANGES_INVALID;
		if (extent.start >= extent.stop) {
			ignore |= !extent.start;
			continue;
		}
		ignore |= !charge(&left, &extent);
		if (n < room)
			ranges[n] = (struct http_range){ extent.start, extent.stop - 1 };
		n++;
	}
	if (!asked)
		return HTTP_RANGES_INVALID;
	if (ignore)
		return HTTP_RANGES_IGNORED;
	if (!n)
		return HTTP_RANGES_UNSATISFIABLE;
	if (n > HTTP_RANGES_MAX)
		return HTTP_RANGES_TOO_MANY;
	*count = n;
	return HTTP_RANGES_PARTIAL;
}
