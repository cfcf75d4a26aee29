/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a body ends that is not ours to read: followed in pieces, however it is cut.
 */
#ifndef SLUICE_HTTP_BODY_H
#define SLUICE_HTTP_BODY_H

#include "http/pure.h"

enum http_body_state {
	HTTP_BODY_OVER,
	HTTP_BODY_DATA,		/* with a length */
	HTTP_BODY_SIZE_FIRST,	/* from here on chunked, RFC 9112 section 7.1 */
	HTTP_BODY_SIZE,
	HTTP_BODY_EXTENSION,
	HTTP_BODY_SIZE_LF,
	HTTP_BODY_CHUNK,
	HTTP_BODY_CHUNK_CR,
	HTTP_BODY_CHUNK_LF,
	HTTP_BODY_TRAILER,	/* at the begin of a line behind the last chunk */
	HTTP_BODY_TRAILER_NAME,
	HTTP_BODY_TRAILER_VALUE,
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_LAST_LF,
};

/**
 * struct http_body - how far a body has been followed
 * @state: what comes next
 * @left: bytes of the body or of the chunk at hand; while its size is read, that
 *
 * All zero is a body that is over.
 */
struct http_body {
	enum http_body_state	state;
	u64			left;
};

/**
 * http_body_begin() - behind a head
 * @body: is over
 * @chunked: its coding
 * @length: of the body, unless it is chunked; 0 if there is none
 */
static inline void http_body_begin(struct http_body *body, bool chunked, u64 length)
{
	body->left = chunked ? 0 : length;
	if (chunked)
		body->state = HTTP_BODY_SIZE_FIRST;
	else
		body->state = length ? HTTP_BODY_DATA : HTTP_BODY_OVER;
}

ssize_t http_body_follow(struct http_body *body, const u8 *buf, size_t len) __must_check;
void http_body_skip(struct http_body *body, u64 len);

static inline bool http_body_is_over(const struct http_body *body)
{
	return body->state == HTTP_BODY_OVER;
}

/* So many of the next bytes need not be looked at, and may be skipped. */
static inline u64 http_body_blind(const struct http_body *body)
{
	return body->state == HTTP_BODY_DATA || body->state == HTTP_BODY_CHUNK ? body->left : 0;
}

#endif /* SLUICE_HTTP_BODY_H */
