/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far both streams of a connection that is lent have been followed.
 */
#ifndef SLUICE_LOAN_FOLLOW_H
#define SLUICE_LOAN_FOLLOW_H

#include <net/tcp.h>

#include "base/stats.h"
#include "http/exchange.h"
#include "loan/left.h"

struct iov_iter;
struct sluice_lane;

/**
 * struct sluice_begun - a head that is not complete, or is not followed yet
 * @buf: its bytes, with room for HTTP_HEAD_MAX; NULL if there is none
 * @len: how many, and not so many: then it is refused
 */
struct sluice_begun {
	u8	*buf;
	u32	len;
};

/**
 * struct sluice_follow - how far a lent connection has been followed
 * @stats:    const: the counters of the instance
 * @exchange: both streams; its @at is a sequence number
 * @request:  behind that
 * @response: behind the last response
 * @held:     the backend was not woken for @request: it is not given, and it may be
 *            complete
 *
 * Under the socket's lock.
 */
struct sluice_follow {
	struct sluice_stats __percpu *stats;
	struct http_exchange	exchange;
	struct sluice_begun	request;
	struct sluice_begun	response;
	bool			held;
};

enum sluice_left sluice_follow_begin(struct sluice_follow *f, struct sock *sk,
				     struct sluice_lane *lane);
void sluice_follow_end(struct sluice_follow *f);
enum sluice_left sluice_follow_arrived(struct sluice_follow *f, struct sock *sk);
enum sluice_left sluice_follow_responses(struct sluice_follow *f, struct iov_iter *bytes,
					 size_t len);
void sluice_follow_keep(struct sluice_follow *f, struct sock *sk);
bool sluice_follow_hold(struct sluice_follow *f, struct sock *sk);
void sluice_follow_unhold(struct sluice_follow *f);

/* Bytes that have arrived and were not followed yet. */
static inline u32 sluice_follow_unfollowed(const struct sluice_follow *f, struct sock *sk)
{
	return tcp_sk(sk)->copied_seq + tcp_inq(sk) - f->exchange.at - f->request.len;
}

/*
 * All that has arrived behind what was followed is given to the backend.  Usually there is
 * nothing: what is passed on by a turn was looked at there.
 * Return: 0, or what it is left for.
 */
static inline enum sluice_left sluice_follow_requests(struct sluice_follow *f, struct sock *sk)
{
	return f->held || sluice_follow_unfollowed(f, sk) ? sluice_follow_arrived(f, sk) : 0;
}

#endif /* SLUICE_LOAN_FOLLOW_H */
