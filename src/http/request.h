/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a request once its head has been read.
 */
#ifndef SLUICE_HTTP_REQUEST_H
#define SLUICE_HTTP_REQUEST_H

#include "http/field.h"
#include "http/host.h"
#include "http/method.h"
#include "http/span.h"

/* Tokens seen in any Connection line */
#define HTTP_CONN_CLOSE		0x01
#define HTTP_CONN_KEEP_ALIVE	0x02
#define HTTP_CONN_UPGRADE	0x04

/**
 * struct http_request - what http_parse() learned from one request head
 * @method: which method, or HTTP_METHOD_OTHER
 * @minor: 0 for HTTP/1.0, 1 for HTTP/1.1 and later minor versions
 * @keep_alive: the client allows another request after this one
 * @has_body: a body of at least one byte or of unknown length follows
 * @chunked: that body is chunked
 * @upgrade: there is an Upgrade field or a Connection: upgrade
 * @expect: there is an Expect field
 * @lenient: parsed with HTTP_PARSE_LENIENT
 * @connection: HTTP_CONN_* of all Connection lines together
 * @head_len: bytes up to and including the empty line, with leading CRLFs
 * @seen: BIT(enum http_field) of each field that is there
 * @repeated: BIT() of each field with more than one line
 * @content_length: 0 unless the field is there; at most S64_MAX
 * @method_text: as it came
 * @target: as it came, see http_uri_resolve()
 * @host: the Host field taken apart; valid if it is in @seen
 * @field: trimmed value of the first line of each field in @seen; the other
 *	entries are not initialised
 *
 * All spans lie in the buffer that was parsed.  After -EBADMSG only
 * @method_text and @target mean something: they hold what was read so far.
 *
 * It is large; so that it is not zeroed for each request (CONFIG_INIT_STACK_ALL_ZERO)
 * it is __uninitialized on a stack.
 */
struct http_request {
	enum http_method	method;
	u8			minor;
	bool			keep_alive;
	bool			has_body;
	bool			chunked;
	bool			upgrade;
	bool			expect;
	bool			lenient;
	u8			connection;
	u32			head_len;
	u32			seen;
	u32			repeated;
	u64			content_length;
	struct span		method_text;
	struct span		target;
	struct http_host	host;
	struct span		field[HTTP_FIELD_COUNT];
};

static inline bool http_has_field(const struct http_request *req, enum http_field field)
{
	return req->seen & BIT(field);
}

/* Not a memset: field[] is large, and @seen says which of it is there. */
static inline void http_request_init(struct http_request *req)
{
	req->method = HTTP_METHOD_OTHER;
	req->minor = 0;
	req->keep_alive = false;
	req->has_body = false;
	req->chunked = false;
	req->upgrade = false;
	req->expect = false;
	req->lenient = false;
	req->connection = 0;
	req->head_len = 0;
	req->seen = 0;
	req->repeated = 0;
	req->content_length = 0;
}

#endif /* SLUICE_HTTP_REQUEST_H */
