// SPDX-License-Identifier: GPL-2.0
/*
 * Heads of requests: what the parser promises, in all ways in which they can arrive,
 * and that other spellings of the same head, for which it takes no shortcut, mean the
 * same.
 */

#include "every_way.h"
#include "fuzz.h"
#include "promises.h"

static u8 copy[FUZZ_INPUT_MAX];

/* A head of which only @max bytes are taken is the same head, or too long. */
static void check_max(const u8 *data, size_t len, ssize_t whole, enum http_error whole_why)
{
	struct http_request req;
	enum http_error why;
	size_t max;

	for (max = 1; max <= len; max += 1 + max / 8) {
		ssize_t ret = http_parse(data, len, max, 0, &req, &why);

		check(ret != -EAGAIN && (ret < 0 || (size_t)ret <= max));
		if (why == HTTP_ERR_TARGET_TOO_LONG || why == HTTP_ERR_HEAD_TOO_LARGE)
			check(whole <= 0 || (size_t)whole > max);
		else
			check(ret == whole && why == whole_why);
	}
}

static bool same_span(struct span s, const u8 *a, struct span t, const u8 *b)
{
	return s.len == t.len && s.ptr - a == t.ptr - b;
}

/* The copy is the same request, only spelled otherwise. */
static void check_copy(const u8 *data, size_t len, const struct http_request *req)
{
	struct http_request other;
	enum http_field field;
	enum http_error why;

	check(http_parse(copy, len, HTTP_HEAD_MAX, 0, &other, &why) == req->head_len);
	check(other.minor == req->minor && other.keep_alive == req->keep_alive &&
	      other.has_body == req->has_body && other.chunked == req->chunked &&
	      other.upgrade == req->upgrade && other.expect == req->expect &&
	      other.seen == req->seen && other.repeated == req->repeated &&
	      other.content_length == req->content_length);
	check(same_span(other.target, copy, req->target, data));
	for (field = 1; field < HTTP_FIELD_COUNT; field++)
		if (http_has_field(req, field))
			check(same_span(other.field[field], copy, req->field[field], data));
}

/* Whitespace is whitespace. */
static void put_tabs(size_t begin, size_t end)
{
	size_t i;

	for (i = begin; i + 1 < end; i++)
		if (copy[i] == ':' && copy[i + 1] == ' ')
			copy[i + 1] = '\t';
}

/*
 * GET and HTTP/1.1 are compared as a whole, PUT and HTTP/1.9 are not; nor are lines as
 * they usually are, if there is a tab.
 */
static void check_shortcuts(const u8 *data, size_t len, const struct http_request *req)
{
	size_t minor = req->target.ptr + req->target.len + strlen(" HTTP/1.") - data;

	if (req->method == HTTP_GET) {
		memcpy(copy, data, len);
		memcpy(copy + (req->method_text.ptr - data), "PUT", 3);
		check_copy(data, len, req);
	}
	if (req->minor) {
		memcpy(copy, data, len);
		copy[minor] = '9';
		check_copy(data, len, req);
	}
	memcpy(copy, data, len);
	put_tabs(minor, req->head_len);
	check_copy(data, len, req);
}

/* With LF for each CRLF, the lenient see the same; the strict see the first one. */
static void check_line_ends(const u8 *data, const struct http_request *req)
{
	struct http_request other;
	enum http_field field;
	enum http_error why;
	size_t n = 0;
	size_t i;

	for (i = 0; i < req->head_len; i++)
		if (data[i] != '\r')
			copy[n++] = data[i];
	check(http_parse(copy, n, HTTP_HEAD_MAX, HTTP_PARSE_LENIENT, &other, &why) ==
	      (ssize_t)n);
	check(other.seen == req->seen && other.repeated == req->repeated &&
	      other.content_length == req->content_length && other.chunked == req->chunked &&
	      other.keep_alive == req->keep_alive && other.minor == req->minor);
	for (field = 1; field < HTTP_FIELD_COUNT; field++)
		if (http_has_field(req, field))
			check(span_eq(other.field[field], req->field[field]));
	check(http_parse(copy, n, HTTP_HEAD_MAX, 0, &other, &why) == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct http_request req;
	enum http_error why;
	ssize_t ret;

	if (len > FUZZ_INPUT_MAX)
		return 0;
	ret = parse_every_way(data, len, HTTP_HEAD_MAX, 0, &req, &why);
	check_max(data, len, ret, why);
	check(http_error_info(why)->status >= 400);
	if (ret > 0) {
		promise_request(&req);
		promise_target(&req);
		check_shortcuts(data, len, &req);
		check_line_ends(data, &req);
	}
	promise_lenient(data, len, ret);
	return 0;
}
