// SPDX-License-Identifier: GPL-2.0

#include "http/cond.h"
#include "http/date.h"
#include "http/etag.h"

/* "*" means: if there is any current representation, and there is. */
static bool cond_match(struct span value, struct span etag, bool weak)
{
	return span_eq(value, SPAN("*")) || http_etag_in_list(value, etag, weak);
}

/*
 * Compare with a date field, which RFC 9110 sections 13.1.3 and 13.1.4 make us
 * ignore if it is not a date or if there is nothing to compare it with.
 * Returns whether it counts; *modified is then true if @mtime is later.
 */
static bool cond_date(struct span value, s64 mtime, s64 now, bool *modified)
{
	s64 date;

	if (mtime == HTTP_NO_MTIME || http_date_parse(value, now, &date))
		return false;
	*modified = mtime > date;
	return true;
}

/**
 * http_cond_eval() - evaluate the preconditions of a request
 * @req: none of HTTP_COND_FIELDS may be in its @repeated
 * @etag: of the selected representation, or empty
 * @mtime: its modification date as it would be sent, or HTTP_NO_MTIME
 * @now: the current time
 *
 * Follows the steps of RFC 9110 section 13.2.2, for a representation that
 * exists.  If-Range is not a precondition and not looked at.
 *
 * Return: what to do instead of performing the method, if anything
 */
enum http_cond http_cond_eval(const struct http_request *req, struct span etag,
			      s64 mtime, s64 now)
{
	bool safe = req->method == HTTP_GET || req->method == HTTP_HEAD;
	const struct span *field = req->field;
	bool modified;

	if (!(req->seen & HTTP_COND_FIELDS))
		return HTTP_COND_OK;

	if (http_has_field(req, HTTP_FIELD_IF_MATCH)) {
		if (!cond_match(field[HTTP_FIELD_IF_MATCH], etag, false))
			return HTTP_COND_FAILED;
	} else if (http_has_field(req, HTTP_FIELD_IF_UNMODIFIED_SINCE)) {
		if (cond_date(field[HTTP_FIELD_IF_UNMODIFIED_SINCE], mtime, now, &modified) &&
		    modified)
			return HTTP_COND_FAILED;
	}

	if (http_has_field(req, HTTP_FIELD_IF_NONE_MATCH)) {
		if (cond_match(field[HTTP_FIELD_IF_NONE_MATCH], etag, true))
			return safe ? HTTP_COND_NOT_MODIFIED : HTTP_COND_FAILED;
	} else if (safe && http_has_field(req, HTTP_FIELD_IF_MODIFIED_SINCE)) {
		if (cond_date(field[HTTP_FIELD_IF_MODIFIED_SINCE], mtime, now, &modified) &&
		    !modified)
			return HTTP_COND_NOT_MODIFIED;
	}
	return HTTP_COND_OK;
}
