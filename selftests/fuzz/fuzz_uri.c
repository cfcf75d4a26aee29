// SPDX-License-Identifier: GPL-2.0
/*
 * Request targets: that a path is what a plain reading of RFC 3986 makes of it, for
 * any size of the buffer, and whether it is copied or built.
 */

#include <ctype.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/uri.h"
#include "promises.h"

/* No escape is longer decoded than written, but "/" may be added. */
#define PATH_SIZE	(FUZZ_INPUT_MAX + 16)

/* Decode one segment; false if it may not be so. */
static bool decode(struct span s, u8 *out, size_t *len)
{
	size_t i;

	*len = 0;
	for (i = 0; i < s.len; i++) {
		char hex[3] = { 0 };
		u8 c = s.ptr[i];
		char *end;

		if (c == '%') {
			if (s.len - i < 3)
				return false;
			memcpy(hex, s.ptr + i + 1, 2);
			if (strspn(hex, "0123456789abcdefABCDEF") != 2)
				return false;
			c = strtoul(hex, &end, 16);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return false;
		if (c == '/') {
			memcpy(out + *len, "%2F", 3);
			*len += 3;
		} else {
			out[(*len)++] = c;
		}
	}
	return true;
}

/*
 * The path as people would find it: one segment after the other, and back to the last
 * slash for "..".  Returns its length, 0 if it must be refused.
 */
static size_t plain_path(struct span target, u8 *out)
{
	const u8 *end = target.ptr + target.len;
	const u8 *p = target.ptr + 1;
	size_t len = 1;

	out[0] = '/';
	for (;;) {
		const u8 *start = p;
		size_t n;

		while (p < end && *p != '/' && *p != '?' && *p != '#')
			p++;
		if (!decode(span_make(start, p), out + len, &n))
			return 0;
		if (n == 2 && !memcmp(out + len, "..", 2)) {
			if (len == 1)
				return 0;
			while (out[--len - 1] != '/')
				;
		} else if (n > HTTP_NAME_MAX) {
			return 0;
		} else if (n && !(n == 1 && out[len] == '.')) {
			len += n;
			if (p < end && *p == '/')
				out[len++] = '/';
		}
		if (p == end || *p != '/')
			return memchr(p, '#', end - p) ? 0 : len;
		p++;
	}
}

static void check_path(struct span target)
{
	static u8 path[PATH_SIZE], plain[PATH_SIZE];
	size_t len = plain_path(target, plain);
	struct http_target out;
	enum http_error why;

	if (http_uri_resolve(target, HTTP_GET, path, sizeof(path), &out, &why)) {
		check(!len);
		return;
	}
	check(span_eq(out.path, (struct span){ plain, len }));
	check(out.trailing_slash == (plain[len - 1] == '/'));
	check(out.has_query == !!memchr(target.ptr, '?', target.len));
	if (out.has_query)
		check(out.query.ptr[-1] == '?' && fuzz_inside(out.query, target));
}

/* RFC 3986 sections 2.1 to 2.3, by the letter; and no fragment. */
static bool is_plain_uri(struct span target)
{
	static const char marks[] = "-._~" ":/?[]@" "!$&'()*+,;=";
	size_t i;

	for (i = 0; i < target.len; i++) {
		u8 c = target.ptr[i];

		if (c == '%') {
			if (target.len - i < 3 || !isxdigit(target.ptr[i + 1]) ||
			    !isxdigit(target.ptr[i + 2]))
				return false;
			i += 2;
		} else if (c >= 0x80 || (!isalnum(c) && (!c || !strchr(marks, c)))) {
			return false;
		}
	}
	return true;
}

/* The same for every size, or too long; nothing is written behind the buffer. */
static void check_sizes(struct span target, enum http_method method)
{
	static u8 path[PATH_SIZE];
	struct http_target whole, out;
	enum http_error whole_why, why;
	int ret = http_uri_resolve(target, method, path, sizeof(path), &whole, &whole_why);
	size_t size;

	for (size = 0; size <= target.len + 12; size++) {
		u8 *buf = unit_guard_end(path, size);

		if (http_uri_resolve(target, method, buf, size, &out, &why)) {
			check(why == HTTP_ERR_NAME_TOO_LONG || (ret && why == whole_why));
			continue;
		}
		check(!ret && out.form == whole.form && out.encoded_slash == whole.encoded_slash);
		check(out.has_query == whole.has_query && out.path.len == whole.path.len);
		if (out.path.len)
			check(span_eq(out.path, whole.path) && !buf[out.path.len]);
	}
	check(ret || size < 12 || why == HTTP_ERR_NONE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static const enum http_method methods[] = { HTTP_GET, HTTP_CONNECT, HTTP_OPTIONS };
	struct http_request req = { .target = { data, len } };
	size_t i;

	if (len > FUZZ_INPUT_MAX)
		return 0;
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		req.method = methods[i];
		promise_target(&req);
		check_sizes(req.target, req.method);
	}
	check(http_uri_is_valid(req.target) == is_plain_uri(req.target));
	if (len && data[0] == '/')
		check_path(req.target);
	return 0;
}
