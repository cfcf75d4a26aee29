// SPDX-License-Identifier: GPL-2.0

#include "every_way.h"
#include "unit.h"

/* The input where it was passed, so that spans can be checked and compared. */
static bool inside(struct span s, const u8 *data, size_t len)
{
	if (!s.ptr)
		return !s.len;
	return s.ptr >= data && s.ptr <= data + len && s.len <= (size_t)(data + len - s.ptr);
}

static bool request_inside(const struct http_request *req, const u8 *data, size_t len)
{
	enum http_field field;

	if (!inside(req->method_text, data, len) || !inside(req->target, data, len))
		return false;
	for (field = 1; field < HTTP_FIELD_COUNT; field++)
		if (http_has_field(req, field) && !inside(req->field[field], data, len))
			return false;
	return true;
}

/* Two parses of the same bytes, at @a and at @b. */
static bool same_span(struct span s, const u8 *a, struct span t, const u8 *b)
{
	return s.len == t.len && (!s.len || s.ptr - a == t.ptr - b);
}

static bool same_request(const struct http_request *r, const u8 *a,
			 const struct http_request *s, const u8 *b)
{
	enum http_field field;

	for (field = 1; field < HTTP_FIELD_COUNT; field++)
		if (http_has_field(r, field) &&
		    !same_span(r->field[field], a, s->field[field], b))
			return false;
	return r->method == s->method && r->minor == s->minor &&
	       r->keep_alive == s->keep_alive && r->has_body == s->has_body &&
	       r->chunked == s->chunked && r->upgrade == s->upgrade &&
	       r->expect == s->expect && r->head_len == s->head_len &&
	       r->seen == s->seen && r->repeated == s->repeated &&
	       r->content_length == s->content_length &&
	       same_span(r->method_text, a, s->method_text, b) &&
	       same_span(r->target, a, s->target, b);
}

/*
 * Parse @data as a whole and also each of its beginnings, each flush against
 * a guard page.  What must hold: a beginning of a request is -EAGAIN; once
 * there is a verdict, it is the verdict of every longer piece.
 *
 * Returns the verdict on the whole, with @req pointing into @data.
 */
ssize_t parse_every_way(const u8 *data, size_t len, size_t max, unsigned int flags,
			struct http_request *req, enum http_error *why)
{
	ssize_t ret = http_parse(data, len, max, flags, req, why);
	struct http_request part;
	bool decided = false;
	enum http_error w;
	const u8 *at;
	ssize_t r;
	size_t n;

	check(request_inside(req, data, len));
	check(ret > 0 || ret == -EAGAIN || ret == -EBADMSG);
	check((ret == -EBADMSG) == (*why != HTTP_ERR_NONE));

	at = unit_guard_start(data, len);
	r = http_parse(at, len, max, flags, &part, &w);
	check(r == ret && w == *why);
	if (ret > 0)
		check(same_request(&part, at, req, data));

	for (n = 0; n <= len; n++) {
		at = unit_guard_end(data, n);
		r = http_parse(at, n, max, flags, &part, &w);
		if (r != -EAGAIN)
			decided = true;
		if (!check(r == (decided ? ret : -EAGAIN)) ||
		    !check(w == (decided ? *why : HTTP_ERR_NONE)) ||
		    !check(request_inside(&part, at, n))) {
			unit_note("with %zu of %zu bytes: %zd %s", n, len, r,
				  http_error_info(w)->name);
			break;
		}
		if (ret > 0 && !check(decided ? n >= (size_t)ret : n < (size_t)ret))
			break;
		if (r > 0 && !check(same_request(&part, at, req, data)))
			break;
	}
	return ret;
}
