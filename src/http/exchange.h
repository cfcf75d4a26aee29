/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests that a backend has been given, and its responses: which of them are still
 * out, and when none is.  Follows both streams of one connection.
 */
#ifndef SLUICE_HTTP_EXCHANGE_H
#define SLUICE_HTTP_EXCHANGE_H

#include "http/body.h"
#include "http/method.h"

/* Requests that may be out at a time; whoever pipelines more is not followed. */
#define HTTP_EXCHANGE_MAX	16

/* X(name): why a connection cannot be followed any more */
#define HTTP_LEAVES(X) \
	X(UPGRADE)	/* something else than HTTP follows, or may */ \
	X(LAST)		/* said to be the last request or response */ \
	X(UNFRAMED)	/* a body that ends with the connection */ \
	X(MALFORMED)	/* or worse: what two readers may read in two ways */ \
	X(UNASKED)	/* a response without a request, or in front of its body */ \
	X(TOO_MANY)	/* requests at a time */

enum http_leave {
	HTTP_LEAVE_NOT,
#define X(name) HTTP_LEAVE_##name,
	HTTP_LEAVES(X)
#undef X
	HTTP_LEAVE_COUNT,
};

struct http_request;

/**
 * struct http_given - a request that is not answered yet
 * @method: an enum http_method
 * @expects: waits for a 100 before it sends its body
 * @at: where it begins
 */
struct http_given {
	u8	method;
	bool	expects;
	u32	at;
};

/**
 * struct http_exchange - one connection's requests and responses
 * @first: index of the oldest request that is out
 * @count: how many are
 * @at: where the requests have been followed to: a count of bytes that may begin with any
 *	number and wrap, as TCP's sequence numbers do
 * @given: those that are out
 * @request: what is left of the body of the latest request
 * @response: what is left of the body of the oldest one's response
 *
 * All zero is one where nothing is out.
 */
struct http_exchange {
	u8			first;
	u8			count;
	u32			at;
	struct http_given	given[HTTP_EXCHANGE_MAX];
	struct http_body	request;
	struct http_body	response;
};

/* The request that is to be answered next; there is one. */
static inline const struct http_given *http_exchange_oldest(const struct http_exchange *x)
{
	return &x->given[x->first];
}

/* Between messages in both directions; a head may have begun. */
static inline bool http_exchange_is_idle(const struct http_exchange *x)
{
	return !x->count && http_body_is_over(&x->request);
}

enum http_leave http_exchange_take(struct http_exchange *x, const struct http_request *req);
ssize_t http_exchange_request(struct http_exchange *x, const u8 *buf, size_t len,
			      enum http_leave *why) __must_check;
ssize_t http_exchange_response(struct http_exchange *x, const u8 *buf, size_t len,
			       enum http_leave *why) __must_check;
void http_exchange_skip_request(struct http_exchange *x, u64 len);
void http_exchange_skip_response(struct http_exchange *x, u64 len);

#endif /* SLUICE_HTTP_EXCHANGE_H */
