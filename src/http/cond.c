// SPDX-License-Identifier: GPL-2.0

#include "http/cond.h"
#include "http/date.h"
#include "http/etag.h"

/* "*" means: if there is any current representation, and there is. */
static bool value_match(struct span value, struct span etag, bool weak)
{
	return span_eq(value, SPAN("*")) || http_etag_in_list(value, etag, weak);
}

/* Lines of a list are one list (RFC 9110 section 5.3): what one of them has, it has. */
static bool cond_match(const struct http_request *req, enum http_field field,
		       struct span etag, bool weak)
{
	struct span value = req->field[field];

	do {
		if (value_match(value, etag, weak))
			return true;
	} while (req->repeated & BIT(field) && http_field_next(&value, field));
	return false;
}

/*
 * Read a date field, which RFC 9110 sections 13.1.3 and 13.1.4 make us ignore
 * if it is not a date, as two of them are not, or if there is nothing to compare it with.
 * Returns whether it counts.
 */
static bool cond_date(const struct http_request *req, enum http_field field, s64 mtime,
		      s64 now, s64 *date)
{
	return mtime != HTTP_NO_MTIME && !(req->repeated & BIT(field)) &&
	       !http_date_parse(req->field[field], now, date);
}

/**
 * http_cond_eval() - evaluate the preconditions of a request
 * @req: where it was parsed, its head still is
 * @etag: of the selected representation, or empty
 * @mtime: its modification date as it would be sent, or HTTP_NO_MTIME
 * @now: the current time
 * @ims_exact: If-Modified-Since must be the very date, as nginx has it
 *
 * Follows the steps of RFC 9110 section 13.2.2, for a representation that
 * exists.  If-Range is not a precondition and not looked at.
 *
 * Return: what to do instead of performing the method, if anything
 */
enum http_cond http_cond_eval(const struct http_request *req, struct span etag,
			      s64 mtime, s64 now, bool ims_exact)
{
	bool safe = req->method == HTTP_GET || req->method == HTTP_HEAD;
	s64 date;

	if (!(req->seen & HTTP_COND_FIELDS))
		return HTTP_COND_OK;

	if (http_has_field(req, HTTP_FIELD_IF_MATCH)) {
		if (!cond_match(req, HTTP_FIELD_IF_MATCH, etag, false))
			return HTTP_COND_FAILED;
	} else if (http_has_field(req, HTTP_FIELD_IF_UNMODIFIED_SINCE)) {
		if (cond_date(req, HTTP_FIELD_IF_UNMODIFIED_SINCE, mtime, now, &date) &&
		    mtime > date)
			return HTTP_COND_FAILED;
	}

	if (http_has_field(req, HTTP_FIELD_IF_NONE_MATCH)) {
		if (cond_match(req, HTTP_FIELD_IF_NONE_MATCH, etag, true))
			return safe ? HTTP_COND_NOT_MODIFIED : HTTP_COND_FAILED;
	} else if (safe && http_has_field(req, HTTP_FIELD_IF_MODIFIED_SINCE)) {
		if (cond_date(req, HTTP_FIELD_IF_MODIFIED_SINCE, mtime, now, &date) &&
		    (ims_exact ? mtime == date : mtime <= date))
			return HTTP_COND_NOT_MODIFIED;
	}
	return HTTP_COND_OK;
}

/* The first three bytes tell a tag from a date, RFC 9110 section 13.1.5. */
static bool is_entity_tag(struct span value)
{
	return value.len && (value.ptr[0] == '"' ||
			     (value.len > 2 && value.ptr[1] == '/' && value.ptr[2] == '"'));
}

/**
 * http_cond_if_range() - does the Range of a request apply?
 * @req: the request
 * @etag: of the selected representation, or empty
 * @mtime: its modification date as it would be sent, or HTTP_NO_MTIME
 * @now: the current time
 *
 * A tag matches strongly and a date to the second (RFC 9110 section 13.1.5),
 * or else the client would put together parts of two files.
 *
 * Return: whether it does, also if there is no If-Range; false if there are
 * several
 */
bool http_cond_if_range(const struct http_request *req, struct span etag,
			s64 mtime, s64 now)
{
	struct span value;
	s64 date;

	if (!http_has_field(req, HTTP_FIELD_IF_RANGE))
		return true;
	value = req->field[HTTP_FIELD_IF_RANGE];
	if (req->repeated & BIT(HTTP_FIELD_IF_RANGE))
		return false;
	if (is_entity_tag(value))
		return span_eq(value, etag) && value.ptr[0] == '"';
	return cond_date(req, HTTP_FIELD_IF_RANGE, mtime, now, &date) && date == mtime;
}
