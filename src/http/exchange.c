// SPDX-License-Identifier: GPL-2.0
/*
 * Both directions are followed in pieces.  Bodies are counted; a head is looked at when
 * it is whole, so the caller keeps one that has only begun, and comes back with more.
 *
 * Whatever is in doubt ends the following for good.  The connection is the backend's
 * then, so nothing is lost by it but speed.
 */

#include "http/exchange.h"
#include "http/parse.h"
#include "http/response.h"

static ssize_t leave(enum http_leave *why, enum http_leave reason)
{
	*why = reason;
	return -EBADMSG;
}

/**
 * http_exchange_take() - the backend is given a request whose head the caller has parsed
 * @x: between two requests
 * @req: strictly parsed
 *
 * Return: HTTP_LEAVE_NOT, or why it cannot be followed; then nothing has changed.
 */
enum http_leave http_exchange_take(struct http_exchange *x, const struct http_request *req)
{
	struct http_given *given;

	if (req->upgrade || req->method == HTTP_CONNECT)
		return HTTP_LEAVE_UPGRADE;
	if (!req->keep_alive)
		return HTTP_LEAVE_LAST;
	if (x->count == HTTP_EXCHANGE_MAX)
		return HTTP_LEAVE_TOO_MANY;
	given = &x->given[(x->first + x->count++) % HTTP_EXCHANGE_MAX];
	given->method = req->method;
	given->at = x->at;
	given->expects = req->expect && req->has_body;
	http_body_begin(&x->request, req->chunked, req->content_length);
	x->at += req->head_len;
	return HTTP_LEAVE_NOT;
}

/* The body of a request, or a request. Return: as http_exchange_request(). */
static ssize_t follow_request(struct http_exchange *x, const u8 *buf, size_t len,
			      enum http_leave *why)
{
	struct http_request req __uninitialized;
	enum http_error error;
	ssize_t n;

	if (!http_body_is_over(&x->request)) {
		n = http_body_follow(&x->request, buf, len);
		if (n > 0)
			x->at += n;
		return n;
	}
	n = http_parse(buf, len, HTTP_HEAD_MAX, 0, &req, &error);
	if (n > 0)
		*why = http_exchange_take(x, &req);
	return n;
}

/**
 * http_exchange_request() - bytes that the backend is given
 * @x: the exchange
 * @buf: the next of them
 * @len: how many
 * @why: out: set if the return value is -EBADMSG
 *
 * Return: how many were understood; what is left is the beginning of a head, and to be
 * passed once more, with what comes behind it.  -EBADMSG if they cannot be followed.
 */
ssize_t http_exchange_request(struct http_exchange *x, const u8 *buf, size_t len,
			      enum http_leave *why)
{
	size_t used = 0;
	ssize_t n;

	*why = HTTP_LEAVE_NOT;
	while (used < len) {
		n = follow_request(x, buf + used, len - used, why);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return leave(why, HTTP_LEAVE_MALFORMED);
		if (*why)
			return -EBADMSG;
		used += n;
	}
	return used;
}

static void response_is_over(struct http_exchange *x)
{
	x->first = (x->first + 1) % HTTP_EXCHANGE_MAX;
	x->count--;
}

/*
 * Behind a 1xx the same request waits for its response.  A hint (103) that comes while
 * others are out is not for everybody's ears: some clients lose count.
 */
static enum http_leave take_interim(const struct http_exchange *x,
				    const struct http_response *rsp)
{
	if (rsp->status == 101)
		return HTTP_LEAVE_UPGRADE;
	return rsp->status == 100 || x->count == 1 ? HTTP_LEAVE_NOT : HTTP_LEAVE_UNASKED;
}

static enum http_leave take_response(struct http_exchange *x, const struct http_response *rsp)
{
	const struct http_given *given = http_exchange_oldest(x);

	if (rsp->interim)
		return take_interim(x, rsp);
	if (rsp->until_close)
		return HTTP_LEAVE_UNFRAMED;
	if (!rsp->keep_alive)
		return HTTP_LEAVE_LAST;
	/* It may send the body now, or never. */
	if (given->expects && x->count == 1 && !http_body_is_over(&x->request))
		return HTTP_LEAVE_UNASKED;
	http_body_begin(&x->response, rsp->chunked, rsp->content_length);
	if (http_body_is_over(&x->response))
		response_is_over(x);
	return HTTP_LEAVE_NOT;
}

/**
 * http_exchange_response() - bytes that the backend has sent
 * @x: the exchange
 * @buf: the next of them
 * @len: how many
 * @why: out: set if the return value is -EBADMSG
 *
 * Return: as http_exchange_request()
 */
ssize_t http_exchange_response(struct http_exchange *x, const u8 *buf, size_t len,
			       enum http_leave *why)
{
	struct http_response rsp __uninitialized;
	enum http_error error __uninitialized;
	size_t used = 0;
	ssize_t n;

	*why = HTTP_LEAVE_NOT;
	while (used < len) {
		if (!x->count)
			return leave(why, HTTP_LEAVE_UNASKED);
		if (!http_body_is_over(&x->response)) {
			n = http_body_follow(&x->response, buf + used, len - used);
			if (n >= 0 && http_body_is_over(&x->response))
				response_is_over(x);
		} else {
			n = http_response_parse(buf + used, len - used, HTTP_HEAD_MAX,
						http_exchange_oldest(x)->method, &rsp, &error);
			if (n == -EAGAIN)
				break;
			if (n > 0)
				*why = take_response(x, &rsp);
		}
		if (n < 0)
			return leave(why, HTTP_LEAVE_MALFORMED);
		if (*why)
			return -EBADMSG;
		used += n;
	}
	return used;
}

/**
 * http_exchange_skip_request() - bytes that the backend is given, unseen
 * @x: the exchange
 * @len: at most http_body_blind() of its @request
 */
void http_exchange_skip_request(struct http_exchange *x, u64 len)
{
	http_body_skip(&x->request, len);
	x->at += len;
}

/**
 * http_exchange_skip_response() - bytes that the backend has sent, unseen
 * @x: the exchange
 * @len: at most http_body_blind() of its @response
 */
void http_exchange_skip_response(struct http_exchange *x, u64 len)
{
	if (http_body_is_over(&x->response))
		return;
	http_body_skip(&x->response, len);
	if (http_body_is_over(&x->response))
		response_is_over(x);
}
