/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The head of a request: bytes in, spans and a verdict on its framing out.
 * Grammar and rules of RFC 9112, with nothing that is merely tolerated unless a
 * flag asks for it.
 */
#ifndef SLUICE_HTTP_PARSE_H
#define SLUICE_HTTP_PARSE_H

#include "http/error.h"
#include "http/request.h"

#define HTTP_HEAD_MAX		8192	/* what a caller's buffer should hold */
#define HTTP_FIELDS_MAX		100	/* lines in one head */
#define HTTP_METHOD_MAX		32	/* bytes; the longest registered one has 17 */

/* RFC 9112 section 2.2: a recipient may take a bare LF for the end of a line. */
#define HTTP_PARSE_LENIENT	0x01

const u8 *http_parse_fields(const u8 *p, const u8 *end, unsigned int flags,
			    struct http_request *req, enum http_error *why) __must_check;
ssize_t http_parse(const u8 *buf, size_t len, size_t max, unsigned int flags,
		   struct http_request *req, enum http_error *why) __must_check;

#endif /* SLUICE_HTTP_PARSE_H */
