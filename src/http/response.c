// SPDX-License-Identifier: GPL-2.0
/*
 * As in parse.c: from left to right, so that the verdict does not depend on how the
 * bytes were split.  Field lines are read by the code that reads those of requests.
 */

#include "http/ctype.h"
#include "http/parse.h"
#include "http/response.h"

#define SWITCHING_PROTOCOLS	101
#define OK			200
#define NO_CONTENT		204
#define NOT_MODIFIED		304

/* "HTTP/1.1 200 " with "0" for any digit */
static const u8 form[] = "HTTP/1.0 000 ";

#define FORM_LEN	(sizeof(form) - 1)

static const u8 *parse_form(const u8 *p, const u8 *end, enum http_error *why)
{
	size_t i;

	for (i = 0; i < FORM_LEN; i++, p++) {
		if (p == end)
			return NULL;
		if (form[i] == '0' ? !http_is(*p, HTTP_C_DIGIT) : *p != form[i]) {
			*why = HTTP_ERR_BAD_VERSION;
			return NULL;
		}
	}
	return p;
}

/* Reason phrases are of no meaning, and may be empty; the space is there. */
static const u8 *parse_status_line(const u8 *p, const u8 *end, struct http_request *fields,
				   struct http_response *rsp, enum http_error *why)
{
	const u8 *start = p;

	if (likely(end - p >= 17 && !memcmp(p, "HTTP/1.1 200 OK\r\n", 17))) {
		fields->minor = 1;
		rsp->status = OK;
		return p + 17;
	}
	p = parse_form(p, end, why);
	if (!p)
		return NULL;
	fields->minor = start[7] > '0';
	rsp->status = (start[9] - '0') * 100 + (start[10] - '0') * 10 + start[11] - '0';
	if (rsp->status < 100 || rsp->status > 599) {
		*why = HTTP_ERR_BAD_VERSION;
		return NULL;
	}
	p = http_skip_field_value(p, end);
	if (likely(http_at_crlf(p, end)))
		return p + 2;
	if (p < end && (*p != '\r' || p + 1 < end))
		*why = *p == '\n' ? HTTP_ERR_BARE_LF : HTTP_ERR_BARE_CR;
	return NULL;
}

/* RFC 9112 section 6.1: no such field, whatever it says.  A length of 0 does no harm. */
static enum http_error finish_without_body(const struct http_request *fields,
					   struct http_response *rsp)
{
	rsp->content_length = 0;
	if (rsp->status == NOT_MODIFIED || !(rsp->interim || rsp->status == NO_CONTENT))
		return HTTP_ERR_NONE;
	return fields->chunked || fields->content_length ? HTTP_ERR_CL_BAD : HTTP_ERR_NONE;
}

static bool has_no_body(u16 status)
{
	return status < 200 || status == NO_CONTENT || status == NOT_MODIFIED;
}

/* RFC 9112 section 6.3, from its top to its end. */
static enum http_error finish(const struct http_request *fields, enum http_method method,
			      struct http_response *rsp)
{
	rsp->interim = rsp->status < 200;
	rsp->chunked = false;
	rsp->until_close = false;
	/* RFC 9112 section 9.3 */
	rsp->keep_alive = !(fields->connection & HTTP_CONN_CLOSE) &&
			  (fields->minor || (fields->connection & HTTP_CONN_KEEP_ALIVE));
	if (method == HTTP_HEAD || (rsp->status != OK && has_no_body(rsp->status)))
		return finish_without_body(fields, rsp);

	rsp->chunked = fields->chunked;
	rsp->content_length = fields->content_length;
	rsp->until_close = !fields->chunked &&
			   !http_has_field(fields, HTTP_FIELD_CONTENT_LENGTH);
	return HTTP_ERR_NONE;
}

/**
 * http_response_parse() - parse the head of a response and check its framing
 * @buf: all bytes of this response that have come so far
 * @len: how many
 * @max: how long a head may be
 * @method: of the request that it answers; not HTTP_CONNECT
 * @rsp: out
 * @why: out: HTTP_ERR_NONE unless the return value is -EBADMSG
 *
 * Keeps no state, as http_parse().
 *
 * Return: the length of the head with its empty line, always > 0;
 * -EAGAIN if there is nothing wrong so far but the head is not complete;
 * -EBADMSG if no further bytes can make a valid response of this.
 */
ssize_t http_response_parse(const u8 *buf, size_t len, size_t max, enum http_method method,
			    struct http_response *rsp, enum http_error *why)
{
	const u8 *end = buf + min(len, max);
	struct http_request fields __uninitialized;
	const u8 *p;

	*why = HTTP_ERR_NONE;
	http_request_init(&fields);
	p = parse_status_line(buf, end, &fields, rsp, why);
	if (p)
		p = http_parse_fields(p, end, 0, &fields, why);
	if (p)
		*why = finish(&fields, method, rsp);
	else if (!*why && len >= max)
		*why = HTTP_ERR_HEAD_TOO_LARGE;
	if (*why)
		return -EBADMSG;
	return p ? p - buf : -EAGAIN;
}
