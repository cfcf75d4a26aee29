// SPDX-License-Identifier: GPL-2.0
/*
 * How far both streams of a connection that is lent have been followed: what the backend
 * has been given, and what it has written.
 *
 * What is looked at is a copy, piece by piece; a piece may end amid a head, which is kept
 * till the rest has come.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "base/lane.h"
#include "http/parse.h"
#include "loan/follow.h"
#include "sock/sock.h"

/* So much is looked at in one go; most heads are shorter. On the stack. */
#define PIECE 1024

/* What is in a shorter buffer is not a whole head. */
#define HEAD_MIN 64

typedef ssize_t follow_fn(struct http_exchange *x, const u8 *buf, size_t len,
			  enum http_leave *why);

/* Keep @len bytes at @p, which may lie in what is kept. */
static int keep_begun(const struct sluice_follow *f, struct sluice_begun *begun,
		      const u8 *p, size_t len)
{
	if (!len) {
		kfree(begun->buf);
		begun->buf = NULL;
	} else {
		if (!begun->buf)
			begun->buf = kmalloc(HTTP_HEAD_MAX, SLUICE_GFP_WAITING);
		if (!begun->buf) {
			sluice_stat_inc(f->stats, SLUICE_STAT_OUT_OF_MEMORY);
			begun->len = 0;
			return -ENOMEM;
		}
		memmove(begun->buf, p, len);
	}
	begun->len = len;
	return 0;
}

static size_t piece_size(const struct sluice_begun *begun)
{
	return min_t(size_t, PIECE, HTTP_HEAD_MAX - begun->len);
}

/*
 * The next @len bytes of a stream, at most piece_size().
 * Return: 0, or what it is left for.
 */
static enum sluice_left follow_piece(struct sluice_follow *f, follow_fn *follow,
				     struct sluice_begun *begun, const u8 *p, size_t len)
{
	enum http_leave why;
	ssize_t used;

	if (begun->len) {
		memcpy(begun->buf + begun->len, p, len);
		p = begun->buf;
		len += begun->len;
	}
	used = follow(&f->exchange, p, len, &why);
	if (used < 0)
		return sluice_left_of_http(why);
	return keep_begun(f, begun, p + used, len - used) ? SLUICE_LEFT_LOST : 0;
}

/* Out of line, for the piece that it keeps on its stack. */
noinline enum sluice_left sluice_follow_arrived(struct sluice_follow *f, struct sock *sk)
{
	struct http_exchange *x = &f->exchange;
	enum sluice_left why = 0;
	u8 piece[PIECE] __uninitialized;
	size_t n;

	if (f->held) {
		f->held = false;
		why = follow_piece(f, http_exchange_request, &f->request, piece, 0);
	}
	while (!why) {
		u32 at = x->at + f->request.len;
		u64 blind = http_body_blind(&x->request);
		u32 left = sluice_follow_unfollowed(f, sk);

		if (!left)
			break;
		if (blind) {
			http_exchange_skip_request(x, min_t(u64, blind, left));
			continue;
		}
		n = sluice_sock_peek_at(sk, at, piece, piece_size(&f->request));
		if (!n)
			return SLUICE_LEFT_LOST;
		why = follow_piece(f, http_exchange_request, &f->request, piece, n);
	}
	return why;
}

/* Most heads are written from a buffer of their own, and what is behind need not be read. */
static size_t piece_of_response(const struct sluice_follow *f, const struct iov_iter *bytes)
{
	size_t buffer = iov_iter_single_seg_count(bytes);
	size_t piece = piece_size(&f->response);

	return buffer < HEAD_MIN ? piece : min(buffer, piece);
}

/* Return: 0, or what it is left for. Process context. */
enum sluice_left sluice_follow_responses(struct sluice_follow *f, struct iov_iter *bytes,
					 size_t len)
{
	struct http_exchange *x = &f->exchange;
	enum sluice_left why = 0;
	u8 piece[PIECE] __uninitialized;
	size_t n;

	while (len && !why) {
		u64 blind = http_body_blind(&x->response);

		if (blind) {
			n = min_t(u64, blind, len);
			if (n < len)
				iov_iter_advance(bytes, n);
			http_exchange_skip_response(x, n);
		} else {
			n = min(len, piece_of_response(f, bytes));
			if (copy_from_iter(piece, n, bytes) != n)
				return SLUICE_LEFT_LOST;
			why = follow_piece(f, http_exchange_response, &f->response, piece, n);
		}
		len -= n;
	}
	return why;
}

/*
 * The request that it is lent for.  It may be longer than what a piece of a head is kept
 * of, as it may be when the connection has come back: see sluice_loan_take().
 * Return: 0, or what it cannot be followed for.
 */
static enum sluice_left follow_first(struct sluice_follow *f, struct sock *sk,
				     struct sluice_lane *lane)
{
	size_t len = sluice_sock_peek(sk, lane->head, SLUICE_LANE_HEAD);
	struct http_request req __uninitialized;
	enum http_error error;

	if (http_parse(lane->head, len, SLUICE_LANE_HEAD, 0, &req, &error) < 0)
		return SLUICE_LEFT_MALFORMED;
	return sluice_left_of_http(http_exchange_take(&f->exchange, &req));
}

/**
 * sluice_follow_begin() - begin with what a connection is lent for
 * @f:    zeroed; afterwards for sluice_follow_end()
 * @sk:   about to be handed over, with the request unread
 * @lane: whose turn it is; its buffer for heads is used
 *
 * Context: socket locked, not busy.
 * Return: 0, or what it cannot be followed for.
 */
enum sluice_left sluice_follow_begin(struct sluice_follow *f, struct sock *sk,
				     struct sluice_lane *lane)
{
	f->exchange.at = tcp_sk(sk)->copied_seq;
	/* A request to be answered: till then the backend need not have accepted. */
	return follow_first(f, sk, lane) ?: sluice_follow_requests(f, sk);
}

/* Context: any. */
void sluice_follow_end(struct sluice_follow *f)
{
	kfree(f->request.buf);
	kfree(f->response.buf);
}

/* As much as there is room for of what has arrived. */
void sluice_follow_keep(struct sluice_follow *f, struct sock *sk)
{
	struct sluice_begun *begun = &f->request;

	begun->len += sluice_sock_peek_at(sk, f->exchange.at + begun->len,
					  begun->buf + begun->len, HTTP_HEAD_MAX - begun->len);
}

/* Return: false without memory. */
bool sluice_follow_hold(struct sluice_follow *f, struct sock *sk)
{
	f->request.buf = kmalloc(HTTP_HEAD_MAX, SLUICE_GFP_WAITING);
	if (!f->request.buf) {
		sluice_stat_inc(f->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return false;
	}
	sluice_follow_keep(f, sk);
	f->held = true;
	return true;
}

/* What was held is nobody's but the next turn's. Socket locked. */
void sluice_follow_unhold(struct sluice_follow *f)
{
	if (f->held)
		keep_begun(f, &f->request, NULL, 0);
	f->held = false;
}
