// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers from the client are at most S64_MAX, and all arithmetic is on what
 * has been cut to the size of the file: nothing here can overflow.
 */

#include "http/ctype.h"
#include "http/range.h"

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

/* Returns where the number ends; NULL if there is none, or one over S64_MAX. */
static const u8 *take_number(const u8 *p, const u8 *end, u64 *value)
{
	const u8 *start = p;

	*value = 0;
	for (; p < end && http_is(*p, HTTP_C_DIGIT); p++) {
		u8 digit = *p - '0';

		if (*value > ((u64)S64_MAX - digit) / 10)
			return NULL;
		*value = *value * 10 + digit;
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

/**
 * http_ranges_parse() - work out what a Range asks of a file
 * @value: trimmed, of the only Range field of a GET
 * @size: of the selected representation
 * @ranges: out: HTTP_RANGES_MAX of them
 * @count: out: how many there are; 0 unless it is HTTP_RANGES_PARTIAL
 *
 * They come in the order in which they were asked for, without those that are
 * beyond the end.  As in nginx, a number over S64_MAX is not one, ranges that
 * come to more bytes than there are (so that some overlap) are ignored, and so
 * are those of an empty file that begin where it does.
 *
 * Return: what to do about the field
 */
enum http_ranges http_ranges_parse(struct span value, u64 size, struct http_range *ranges,
				   unsigned int *count)
{
	unsigned int asked = 0;
	unsigned int n = 0;
	bool ignore = false;
	u64 left = size;
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
		if (extent.stop - extent.start > left)
			ignore = true;
		else
			left -= extent.stop - extent.start;
		if (n < HTTP_RANGES_MAX)
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
