// SPDX-License-Identifier: GPL-2.0

#include "every_way.h"
#include "http/cond.h"
#include "http/uri.h"
#include "promises.h"
#include "unit.h"

#define PATH_SIZE	512
#define NOW		1732230000LL

/* What http_uri_resolve() promises about a path. */
static bool is_clean(struct span path)
{
	size_t start = 1;
	size_t i;

	if (!path.len || path.len >= PATH_SIZE || path.ptr[0] != '/' || path.ptr[path.len])
		return false;
	for (i = 1; i <= path.len; i++) {
		size_t n = i - start;

		if (i < path.len && (path.ptr[i] < 0x20 || path.ptr[i] == 0x7f))
			return false;
		if (i < path.len && path.ptr[i] != '/')
			continue;
		if ((!n && i < path.len) || n > HTTP_NAME_MAX)
			return false;
		if (n <= 2 && !memcmp(path.ptr + start, "..", n) && n)
			return false;
		start = i + 1;
	}
	return true;
}

/* Encoded for a Location and resolved once more, a path is the same path. */
static void check_round_trip(struct span path)
{
	static u8 location[3 * PATH_SIZE];
	static u8 again[PATH_SIZE];
	struct http_target out;
	struct http_writer w;
	enum http_error why;

	http_writer_init(&w, location, sizeof(location));
	http_uri_encode_path(&w, path);
	if (!check(http_writer_ok(&w)) || !check(location[0] == '/' && location[1] != '/'))
		return;
	if (check(!http_uri_resolve((struct span){ location, w.len }, HTTP_GET, again,
				    sizeof(again), &out, &why)))
		check(span_eq(out.path, path));
}

void promise_target(const struct http_request *req)
{
	struct http_target out;
	enum http_error why;
	u8 *path = unit_guard_start(NULL, 0);
	struct span target;

	target.len = req->target.len;
	target.ptr = unit_guard_end(req->target.ptr, target.len);
	memset(path, 0xa5, PATH_SIZE);
	if (http_uri_resolve(target, req->method, path, PATH_SIZE, &out, &why)) {
		check(why != HTTP_ERR_NONE);
		return;
	}
	if (out.has_query)
		check(out.query.ptr > target.ptr &&
		      out.query.ptr + out.query.len == target.ptr + target.len);
	if (out.other_scheme || out.form == HTTP_FORM_AUTHORITY ||
	    out.form == HTTP_FORM_ASTERISK) {
		check(span_is_empty(out.path));
		return;
	}
	check(is_clean(out.path));
	check_round_trip(out.path);
}

/* What http_parse() promises about an accepted request. */
void promise_request(const struct http_request *req)
{
	check(req->method_text.len && req->target.len);
	check(!req->minor || http_has_field(req, HTTP_FIELD_HOST));
	check(!(req->repeated & ~req->seen));
	check(!(req->repeated & (BIT(HTTP_FIELD_HOST) | BIT(HTTP_FIELD_CONTENT_LENGTH))));
	check(!req->chunked || (req->minor && !req->content_length));
	check(req->has_body == (req->chunked || req->content_length));
	check(req->content_length <= (u64)S64_MAX);
	check(http_has_field(req, HTTP_FIELD_TRANSFER_ENCODING) == req->chunked);
	if (req->chunked)
		check(span_eq_nocase(req->field[HTTP_FIELD_TRANSFER_ENCODING], SPAN("chunked")));
	check(http_cond_eval(req, SPAN("\"a\""), 784111777, NOW, false) <= HTTP_COND_FAILED);
	if (http_cond_eval(req, SPAN("\"a\""), 784111777, NOW, true) == HTTP_COND_NOT_MODIFIED)
		check(http_cond_eval(req, SPAN("\"a\""), 784111777, NOW, false)
		      == HTTP_COND_NOT_MODIFIED);
	if (http_cond_if_range(req, SPAN("\"a\""), 784111777, NOW))
		check(!(req->repeated & BIT(HTTP_FIELD_IF_RANGE)));
}

/* A head without a bare LF means the same to the lenient. */
void promise_lenient(const u8 *buf, size_t len, ssize_t strict)
{
	struct http_request req;
	enum http_error why;
	ssize_t ret = parse_every_way(buf, len, HTTP_HEAD_MAX, HTTP_PARSE_LENIENT, &req, &why);

	check(strict <= 0 || ret == strict);
	if (ret <= 0)
		return;
	check(strict > 0 || memchr(buf, '\n', ret));
	promise_request(&req);
	promise_target(&req);
}
