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

		if (digit > 9 || n > ((u64)S64_MAX - digit) / 10)
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
