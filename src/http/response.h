/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The head of a response that somebody else wrote: where it ends, what follows it.
 * As strict as with requests: what two readers might read in two ways is refused.
 */
#ifndef SLUICE_HTTP_RESPONSE_H
#define SLUICE_HTTP_RESPONSE_H

#include "http/error.h"
#include "http/method.h"

/**
 * struct http_response - what http_response_parse() learned from one head
 * @status: 100 to 599
 * @interim: 1xx: another head follows, of the same response; but behind 101 not HTTP
 * @keep_alive: another response may follow this one
 * @chunked: a chunked body follows
 * @until_close: a body follows that ends with the connection
 * @content_length: of the body that follows, unless it is one of those
 */
struct http_response {
	u16	status;
	bool	interim;
	bool	keep_alive;
	bool	chunked;
	bool	until_close;
	u64	content_length;
};

ssize_t http_response_parse(const u8 *buf, size_t len, size_t max, enum http_method method,
			    struct http_response *rsp, enum http_error *why) __must_check;

#endif /* SLUICE_HTTP_RESPONSE_H */
