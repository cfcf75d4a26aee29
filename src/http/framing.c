// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/framing.h"

/* RFC 9112 section 3.2: exactly one, and a valid one, in any version. */
static enum http_error framing_host(struct http_request *req, struct span value)
{
	if (req->repeated & BIT(HTTP_FIELD_HOST))
		return HTTP_ERR_HOST_REPEATED;
	return http_host_parse(value, &req->host) ? HTTP_ERR_NONE : HTTP_ERR_HOST_BAD;
}

/* Unknown options are for others (RFC 9110 section 7.6.1). */
static u8 connection_option(struct span item)
{
	if (span_is_word(item, SPAN("keep-alive")))
		return HTTP_CONN_KEEP_ALIVE;
	if (span_is_word(item, SPAN("close")))
		return HTTP_CONN_CLOSE;
	return span_is_word(item, SPAN("upgrade")) ? HTTP_CONN_UPGRADE : 0;
}

/* Out of line: pointers to locals would have every caller guard its stack. */
static noinline u8 connection_options(struct span list)
{
	struct span item;
	u8 options = 0;

	while (span_next_item(&list, &item))
		options |= connection_option(item);
	return options;
}

/* Options add up over lines.  Usually there is one line with one of them. */
static void framing_connection(struct http_request *req, struct span value)
{
	u8 option = connection_option(value);

	req->connection |= option ? option : connection_options(value);
}

/*
 * Digits and nothing else.  RFC 9110 section 8.6 lets a recipient accept
 * equal repetitions ("5,5"), but somebody in front of us may have read another
 * one of them, so no repetition is accepted.
 */
static enum http_error framing_content_length(struct http_request *req, struct span value)
{
	u64 n = 0;
	size_t i;

	if (req->repeated & BIT(HTTP_FIELD_CONTENT_LENGTH))
		return HTTP_ERR_CL_REPEATED;
	if (http_has_field(req, HTTP_FIELD_TRANSFER_ENCODING))
		return HTTP_ERR_CL_AND_TE;
	if (span_is_empty(value))
		return HTTP_ERR_CL_BAD;
	for (i = 0; i < value.len; i++) {
		u8 digit = value.ptr[i] - '0';

		/* The division is for the last digit, if at all. */
		if (digit > 9 || (n >= S64_MAX / 10 && n > ((u64)S64_MAX - digit) / 10))
			return HTTP_ERR_CL_BAD;
		n = n * 10 + digit;
	}
	req->content_length = n;
	return HTTP_ERR_NONE;
}

/*
 * RFC 9112 section 6.1: chunked once, last, and nothing we do not know before
 * it.  Empty list elements and parameters are legal elsewhere, but here they
 * are only ever sent by those who hope that two readers disagree.
 */
static enum http_error framing_transfer_encoding(struct http_request *req, struct span value)
{
	bool unknown = false;
	struct span item;

	if (!req->minor)
		return HTTP_ERR_TE_ON_10;
	if (http_has_field(req, HTTP_FIELD_CONTENT_LENGTH))
		return HTTP_ERR_CL_AND_TE;
	while (span_next_item(&value, &item)) {
		if (!http_is_token(item) || req->chunked)
			return HTTP_ERR_TE_BAD;
		if (span_eq_nocase(item, SPAN("chunked")))
			req->chunked = true;
		else
			unknown = true;
	}
	return unknown ? HTTP_ERR_TE_UNKNOWN : HTTP_ERR_NONE;
}

/*
 * What follows are shortcuts for lines as they usually are, the first with their field,
 * and with one space or none behind the colon, where each of them begins.  Each returns
 * what http_framing_usual() does; out of line, for the registers that some take.
 */

static inline const u8 *skip_space(const u8 *p)
{
	return *p == ' ' ? p + 1 : p;
}

static inline bool is_next(const u8 *p, const u8 *end, struct span text)
{
	return end - p >= (ssize_t)text.len && !memcmp(p, text.ptr, text.len);
}

/* A CRLF follows the value. */
static inline const u8 *take_usual(struct http_request *req, enum http_field field,
				   struct span value)
{
	req->seen |= BIT(field);
	req->field[field] = value;
	return value.ptr + value.len + 2;
}

/* A name without a port */
static noinline const u8 *usual_host(const u8 *p, const u8 *end, struct http_request *req)
{
	const u8 *start = skip_space(p);

	p = http_skip_class(start, end, HTTP_C_HOST);
	if (p == start || !http_at_crlf(p, end) || http_has_field(req, HTTP_FIELD_HOST))
		return NULL;
	req->host = (struct http_host){ .name = span_make(start, p) };
	return take_usual(req, HTTP_FIELD_HOST, req->host.name);
}

static noinline const u8 *usual_connection(const u8 *p, const u8 *end,
					   struct http_request *req)
{
	p = skip_space(p);
	if (!is_next(p, end, SPAN("keep-alive\r\n")) ||
	    http_has_field(req, HTTP_FIELD_CONNECTION))
		return NULL;
	req->connection = HTTP_CONN_KEEP_ALIVE;
	return take_usual(req, HTTP_FIELD_CONNECTION, span_make(p, p + strlen("keep-alive")));
}

/* So few digits that nothing can overflow */
static noinline const u8 *usual_content_length(const u8 *p, const u8 *end,
					       struct http_request *req)
{
	const u8 *start = skip_space(p);
	u64 n = 0;

	for (p = start; p < end; p++) {
		u64 digit = (u64)*p - '0';

		if (digit > 9)
			break;
		n = n * 10 + digit;
	}
	if (p == start || p - start > 18 || !http_at_crlf(p, end) ||
	    (req->seen & (BIT(HTTP_FIELD_CONTENT_LENGTH) | BIT(HTTP_FIELD_TRANSFER_ENCODING))))
		return NULL;
	req->content_length = n;
	return take_usual(req, HTTP_FIELD_CONTENT_LENGTH, span_make(start, p));
}

static noinline const u8 *usual_transfer_encoding(const u8 *p, const u8 *end,
						  struct http_request *req)
{
	p = skip_space(p);
	if (!is_next(p, end, SPAN("chunked\r\n")) || !req->minor ||
	    (req->seen & (BIT(HTTP_FIELD_CONTENT_LENGTH) | BIT(HTTP_FIELD_TRANSFER_ENCODING))))
		return NULL;
	req->chunked = true;
	return take_usual(req, HTTP_FIELD_TRANSFER_ENCODING,
			  span_make(p, p + strlen("chunked")));
}

/* Any value, of a field that has nothing to do with framing */
static noinline const u8 *usual_value(const u8 *p, const u8 *end, struct http_request *req,
				      enum http_field field)
{
	const u8 *start = skip_space(p);

	p = http_skip_ascii(start, end, ' ');
	if (p == start || is_ows(*start) || is_ows(p[-1]) || !http_at_crlf(p, end) ||
	    http_has_field(req, field))
		return NULL;
	return take_usual(req, field, span_make(start, p));
}

/**
 * http_framing_usual() - take a field line into account that is as such lines usually are
 * @p: behind its colon
 * @end: of what has come, behind @p
 * @req: with @minor
 * @field: not HTTP_FIELD_OTHER
 *
 * Return: behind the line; NULL if it is not complete or takes a closer look, that of
 * http_framing_field(): then nothing has changed
 */
const u8 *http_framing_usual(const u8 *p, const u8 *end, struct http_request *req,
			     enum http_field field)
{
	switch (field) {
	case HTTP_FIELD_HOST:
		return usual_host(p, end, req);
	case HTTP_FIELD_CONNECTION:
		return usual_connection(p, end, req);
	case HTTP_FIELD_CONTENT_LENGTH:
		return usual_content_length(p, end, req);
	case HTTP_FIELD_TRANSFER_ENCODING:
		return usual_transfer_encoding(p, end, req);
	default:
		return usual_value(p, end, req, field);
	}
}

/**
 * http_framing_field() - take one field line into account
 * @req: with @minor, and with @seen and @repeated up to date for this line
 * @field: not HTTP_FIELD_OTHER
 * @value: trimmed
 *
 * Return: HTTP_ERR_NONE, or why the request must be refused
 */
enum http_error http_framing_field(struct http_request *req, enum http_field field,
				   struct span value)
{
	switch (field) {
	case HTTP_FIELD_HOST:
		return framing_host(req, value);
	case HTTP_FIELD_CONNECTION:
		framing_connection(req, value);
		return HTTP_ERR_NONE;
	case HTTP_FIELD_CONTENT_LENGTH:
		return framing_content_length(req, value);
	case HTTP_FIELD_TRANSFER_ENCODING:
		return framing_transfer_encoding(req, value);
	default:
		return HTTP_ERR_NONE;
	}
}

/**
 * http_framing_finish() - draw the conclusions once the head is complete
 * @req: after the last http_framing_field()
 *
 * Return: HTTP_ERR_NONE, or why the request must be refused
 */
enum http_error http_framing_finish(struct http_request *req)
{
	if (req->minor && !http_has_field(req, HTTP_FIELD_HOST))
		return HTTP_ERR_HOST_MISSING;

	/* RFC 9112 section 9.3: "close" wins, then the version decides. */
	if (req->connection & HTTP_CONN_CLOSE)
		req->keep_alive = false;
	else
		req->keep_alive = req->minor || (req->connection & HTTP_CONN_KEEP_ALIVE);

	req->has_body = req->chunked || req->content_length;
	req->upgrade = http_has_field(req, HTTP_FIELD_UPGRADE) ||
		       (req->connection & HTTP_CONN_UPGRADE);
	req->expect = http_has_field(req, HTTP_FIELD_EXPECT);
	return HTTP_ERR_NONE;
}
