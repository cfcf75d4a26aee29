// SPDX-License-Identifier: GPL-2.0
/*
 * The scanners of ctype.h and span.h, which go by words, against loops that go by
 * bytes; and the names of fields and methods against their lists.
 */

#include "fuzz.h"
#include "http/ctype.h"
#include "http/field.h"
#include "http/method.h"
#include "http/span.h"

static const u8 *first_not(const u8 *p, const u8 *end, u8 class)
{
	while (p < end && http_ctype[*p] & class)
		p++;
	return p;
}

static const u8 *first_not_target(const u8 *p, const u8 *end)
{
	while (p < end && *p > ' ' && *p != 0x7f)
		p++;
	return p;
}

static void check_skipping(struct span s)
{
	const u8 *end = s.ptr + s.len;
	const u8 *p = s.ptr;
	size_t n;

	for (n = 0; n <= s.len && n < 16; n++, p++) {
		unsigned int bit;

		for (bit = 0; bit < 8; bit++)
			check(http_skip_class(p, end, 1 << bit) == first_not(p, end, 1 << bit));
		check(http_skip_field_value(p, end) == first_not(p, end, HTTP_C_FIELD));
		check(http_skip_target(p, end) == first_not_target(p, end));
	}
	check(http_is_token(s) == (s.len && first_not(s.ptr, end, HTTP_C_TCHAR) == end));
}

/* The elements, with the commas and the blanks between them, are the list. */
static void check_items(struct span list)
{
	struct span rest = list;
	const u8 *p = list.ptr;
	struct span item;

	while (span_next_item(&rest, &item)) {
		check(fuzz_inside(item, list) && !memchr(item.ptr, ',', item.len));
		check(!item.len || (!is_ows(item.ptr[0]) && !is_ows(item.ptr[item.len - 1])));
		for (; p < item.ptr; p++)
			check(is_ows(*p));
		for (p += item.len; p < list.ptr + list.len && *p != ','; p++)
			check(is_ows(*p));
		check((p == list.ptr + list.len) == !rest.ptr);
		p++;
	}
	check(p == list.ptr + list.len + 1);
}

static void check_lines(struct span text)
{
	const u8 *end = text.ptr + text.len;
	struct span rest = text;
	const u8 *p = text.ptr;
	struct span line;

	while (span_next_line(&rest, &line)) {
		check(line.ptr == p && fuzz_inside(line, text));
		check(!memchr(line.ptr, '\n', line.len));
		p += line.len;
		check(p == end || *p == '\n');
		p += p < end;
		check(rest.len == (size_t)(end - p));
	}
	check(p == end);
}

static enum http_field field_of(struct span name)
{
	static const struct span names[] = {
#define X(name, text) \
		[HTTP_FIELD_##name] = SPAN_INIT(text),
		HTTP_FIELDS(X)
#undef X
	};
	enum http_field field;

	for (field = 1; field < HTTP_FIELD_COUNT; field++)
		if (span_eq_nocase(name, names[field]))
			return field;
	return HTTP_FIELD_OTHER;
}

/* A usual name at the begin of a line is a token, its colon, and the field it means. */
static void check_field_at(struct span line)
{
	const u8 *end = line.ptr + line.len;
	const struct http_field_name *usual;
	const u8 *colon;

	if (line.len < sizeof(u32))
		return;
	usual = http_field_at(line.ptr, end);
	if (!usual)
		return;
	colon = first_not(line.ptr, end, HTTP_C_TCHAR);
	check(colon + 1 < end && *colon == ':' && colon - line.ptr + 1 == usual->len);
	check(usual->field == field_of(span_make(line.ptr, colon)));
}

static enum http_method method_of(struct span name)
{
	static const char *const names[] = {
#define X(name) \
		[HTTP_##name] = #name,
		HTTP_METHODS(X)
#undef X
	};
	enum http_method method;

	for (method = 1; method < HTTP_METHOD_COUNT; method++)
		if (name.len == strlen(names[method]) && !memcmp(name.ptr, names[method], name.len))
			return method;
	return HTTP_METHOD_OTHER;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct span s = fuzz_flush(data, len);

	check_skipping(s);
	check_items(s);
	check_lines(s);
	check_field_at(s);
	if (http_is_token(s))
		check(http_field_lookup(s) == field_of(s));
	check(http_method_lookup(s) == method_of(s));
	return 0;
}
