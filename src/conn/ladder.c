// SPDX-License-Identifier: GPL-2.0
/*
 * The state ladder: what a connection does when it has a turn.
 *
 * Each step returns > 0 to look at the state again, 0 to wait for a ring, < 0 if
 * the connection cannot go on.  Socket locked, not busy.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <net/tcp.h>

#include "base/pass_through.h"
#include "conn/conn.h"
#include "conn/lent.h"
#include "conn/ladder.h"
#include "conn/respond.h"
#include "http/parse.h"
#include "reply/dispatch.h"
#include "loan/follow.h"
#include "loan/handoff.h"
#include "sock/send.h"
#include "store/object.h"
#include "store/site.h"

/* Requests and bytes per turn: then it is another connection's turn. */
#define TURN_REQUESTS 16
#define TURN_BYTES (512 * 1024)
/* What a client may still send to a connection that is closing. */
#define LINGER_BYTES (1024 * 1024)

unsigned int sluice_backend_port;
unsigned int sluice_backend_uid;	/* root */
unsigned int sluice_max_head_size = HTTP_HEAD_MAX;
bool sluice_lenient;

/* Who waits for somebody else's lookup does not do so for ever. */
static int conn_wait_on(struct sluice_conn *conn)
{
	if (sluice_job_is_waiting(&conn->job))
		sluice_conn_ring_at(conn, conn->job.patience);
	return 0;
}

/* The request is looked at again. */
static int conn_take_outcome(struct sluice_conn *conn)
{
	conn->state = CONN_HEAD;
	conn->found.obj = conn->job.obj;
	conn->found.site_id = conn->job.site_id;
	conn->job.obj = NULL;
	return 1;
}

/* Its path is to be looked up; it stays unread. */
static int conn_look_up(struct sluice_conn *conn, const struct sluice_verdict *verdict)
{
	conn->found.page = verdict->page;
	sluice_conn_wait_for_job(conn, CONN_LOOKUP);
	/* What is wanted of a page is not in the cache alone: see use_page(). */
	if (!sluice_job_lookup(&conn->job, verdict->key, verdict->host_len, verdict->page)) {
		sluice_conn_put(conn);		/* not the last: the turn has one */
		return conn_take_outcome(conn);
	}
	if (conn->ss.lent)
		sluice_conn_lent_keep(conn);
	return conn_wait_on(conn);
}

static int conn_try_resume(struct sluice_conn *conn)
{
	switch (sluice_job_check(&conn->job)) {
	case SLUICE_JOB_OUT:
		/* The timer may have been somebody else's in between. */
		return conn_wait_on(conn);
	case SLUICE_JOB_LEFT:
		sluice_conn_put(conn);		/* not the last: the turn has one */
		break;
	case SLUICE_JOB_DONE:
		break;
	}
	if (conn->state == CONN_LOOKUP)
		return conn_take_outcome(conn);
	conn->state = CONN_SEND;
	return 1;
}

/* The request stays where it is; conn_try_handoff() goes on. */
static int conn_begin_handoff(struct sluice_conn *conn,
			      const struct sluice_verdict *verdict,
			      bool head_only)
{
	conn->state = CONN_HANDOFF;
	conn->why = verdict->why;
	conn->status = verdict->status;
	conn->head_only = head_only;
	conn->standalone = verdict->standalone;
	return 1;
}

/* What is lent is not for us to close, nor to read a body of. */
static bool conn_is_not_for_lent(const struct sluice_conn *conn,
				 const struct http_request *req,
				 const struct sluice_verdict *verdict)
{
	return conn->ss.lent && (!req->keep_alive || req->has_body || verdict->close);
}

/*
 * Act on a request.  Only those of our own answers are consumed: @used is set
 * to how much of the receive queue is dealt with.
 */
static int conn_act(struct sluice_conn *conn, struct sluice_lane *lane,
		    const struct http_request *req,
		    struct sluice_verdict *verdict, size_t head_len,
		    size_t *used)
{
	bool head_only = req->method == HTTP_HEAD;

	if (verdict->kind == SLUICE_LOOK_UP)
		return conn_look_up(conn, verdict);
	if (verdict->kind == SLUICE_HAND_OVER || conn_is_not_for_lent(conn, req, verdict)) {
		if (conn->ss.lent)
			sluice_conn_lent_take(conn, req);
		return conn_begin_handoff(conn, verdict, head_only);
	}

	*used = head_len;
	if (conn->ss.lent)
		sluice_conn_lent_served(conn, head_len);
	/* A body that is not read must not pass for the next request. */
	conn->keep_alive = req->keep_alive && !verdict->close &&
			   (conn->ss.lent || !READ_ONCE(sluice_leaving)) &&
			   (!req->has_body || sluice_body_is_drained(req));
	if (unlikely(req->has_body)) {
		conn->skip = conn->keep_alive ? req->content_length : 0;
		conn->linger = !conn->keep_alive;
	}
	if (verdict->kind != SLUICE_REFUSE)
		return sluice_respond_serve(conn, lane, verdict, head_only);
	conn->linger = !conn->keep_alive;
	return sluice_respond_refuse(conn, lane, verdict->status, head_only);
}

/*
 * One request out of @buf.  > 0 when there may be another, -EAGAIN when its
 * head is not complete, otherwise as conn_try_head().
 */
static int conn_try_request(struct sluice_conn *conn, struct sluice_lane *lane,
			    const u8 *buf, size_t len, size_t *used)
{
	struct sluice_verdict verdict __uninitialized;
	struct http_request req __uninitialized;
	enum http_error why;
	ssize_t head_len;
	int ret;

	head_len = http_parse(buf, len, READ_ONCE(sluice_max_head_size),
			      READ_ONCE(sluice_lenient) ? HTTP_PARSE_LENIENT : 0,
			      &req, &why);
	if (head_len == -EAGAIN)
		return -EAGAIN;
	/* Consumed, it would be the beginning of what comes next. */
	if (SLUICE_WARN_ON(head_len > (ssize_t)len))
		return -EOVERFLOW;

	if (unlikely(head_len < 0)) {
		/* Of a head that was none of these while its file was looked up. */
		sluice_found_drop(&conn->found);
		sluice_dispatch_malformed(why, !conn->served, &verdict);
		req.method = HTTP_METHOD_OTHER;
		req.keep_alive = false;
		req.has_body = false;
		head_len = len;		/* if it is ours to answer, it is all */
	} else {
		struct sluice_found found = conn->found;

		conn->found = (struct sluice_found){ };
		sluice_dispatch(&req, lane, found, &verdict);
	}
	ret = conn_act(conn, lane, &req, &verdict, head_len, used);
	if (verdict.obj)
		sluice_object_put(verdict.obj);
	return ret;
}

/* Nothing more can be done with what has arrived. */
static int conn_wait_for_head(struct sluice_conn *conn, bool partial)
{
	if (conn->ss.lent && sluice_sock_at_eof(conn->ss.sk))
		return sluice_conn_lent_pass_on(conn);
	if (conn->ss.lent)		/* the backend's patience is what counts */
		return sluice_conn_lent_hold(conn);
	if (sluice_sock_at_eof(conn->ss.sk)) {
		conn->state = CONN_CLOSE;
		return 1;
	}
	if (partial || !conn->served)
		sluice_conn_wait_for(conn, WAIT_HEAD);
	else
		sluice_conn_wait_for(conn, WAIT_REQUEST);
	return 0;
}

/* Such as are for nobody's bytes; @standalone is to be read for each. */
static const struct sluice_verdict urgent_verdict = {
	.kind	= SLUICE_HAND_OVER,
	.status	= 400,
	.why	= SLUICE_STAT_HANDED_OVER_URGENT,
};

static const struct sluice_verdict over_limit_verdict = {
	.kind	= SLUICE_HAND_OVER,
	.status	= 503,
	.why	= SLUICE_STAT_CONNECTIONS_OVER_LIMIT,
};

static const struct sluice_verdict pass_through_verdict = {
	.kind	= SLUICE_HAND_OVER,
	.status	= 503,
	.why	= SLUICE_STAT_CONNECTIONS_PASSED_THROUGH,
};

/*
 * Something of ours is broken, or the administrator says so: those who come and
 * those who ask again are the backend's.  Who idles may as well end here.
 */
static bool conn_passes_through(const struct sluice_conn *conn)
{
	return READ_ONCE(sluice_pass_through) &&
	       (!conn->served || tcp_inq(conn->ss.sk));
}

/*
 * What has nothing to do with what the bytes say.  Urgent data are a second
 * stream that we do not understand.
 */
static bool conn_must_go(struct sluice_conn *conn)
{
	bool standalone = READ_ONCE(sluice_standalone);
	const struct sluice_verdict *verdict = NULL;

	if (unlikely(conn->over_limit))
		verdict = &over_limit_verdict;
	else if (unlikely(conn_passes_through(conn)) && !standalone)	/* or we are the site */
		verdict = &pass_through_verdict;
	else if (unlikely(tcp_sk(conn->ss.sk)->urg_data))
		verdict = &urgent_verdict;
	if (likely(!verdict))
		return false;
	conn_begin_handoff(conn, verdict, false);
	conn->standalone = standalone;
	return true;
}

/*
 * Drop what is left of the last request's body.  Only behind it is there a
 * request again, and with it the right to hand over.
 */
static bool conn_try_skip(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;

	conn->skip -= sluice_sock_discard(sk, conn->skip);
	if (!conn->skip)
		return true;
	if (sluice_sock_at_eof(sk))
		conn->state = CONN_CLOSE;
	else
		sluice_conn_wait_for(conn, WAIT_BODY);
	return false;
}

/*
 * Requests are read from a linear copy and consumed together at the end: the
 * lock is held throughout, so nobody can tell, and the responses carry the
 * acknowledgment.
 */
static int conn_try_head(struct sluice_conn *conn, struct sluice_lane *lane)
{
	struct sock *sk = conn->ss.sk;
	size_t len, off = 0;
	int ret = 1;

	if (conn->ss.lent) {
		ret = sluice_conn_lent_return(conn);
		if (ret <= 0)
			return ret;
	}
	if (unlikely(conn->outdated)) {
		sluice_found_drop(&conn->found);
		conn->outdated = false;
	}
	if (unlikely(conn->skip))
		return conn_try_skip(conn) || conn->state == CONN_CLOSE;
	if (conn_must_go(conn))
		return 1;

	len = sluice_sock_peek(sk, lane->head, SLUICE_LANE_HEAD);
	while (ret > 0 && off < len && conn->state == CONN_HEAD &&
	       !conn->skip) {
		size_t used = 0;

		if (!conn->requests_left) {
			sluice_conn_ring(conn);	/* others first */
			ret = 0;
			break;
		}
		conn->requests_left--;
		/* Of one that is lent a ring for space is the backend's till we answer. */
		if (!conn->ss.lent && !sluice_send_has_space(sk)) {
			sluice_conn_wait_for(conn, WAIT_SPACE);
			ret = 0;
			break;
		}
		ret = conn_try_request(conn, lane, lane->head + off, len - off,
				       &used);
		off += used;
	}
	sluice_sock_consume(sk, off);

	if (ret == -EAGAIN && len == SLUICE_LANE_HEAD && off)
		return 1;	/* the rest of that head may have arrived */
	if (ret > 0 && conn->skip)
		return 1;	/* so may that body */
	if (ret == -EAGAIN || (ret > 0 && conn->state == CONN_HEAD))
		return conn_wait_for_head(conn, off < len);
	return ret;
}

/* For what it is, not for what it wants: no request was looked at. */
static bool conn_goes_unasked(const struct sluice_conn *conn)
{
	return conn->why == SLUICE_STAT_CONNECTIONS_OVER_LIMIT ||
	       conn->why == SLUICE_STAT_CONNECTIONS_PASSED_THROUGH;
}

/* Of one that is lent: the backend has it already. */
static int conn_pass_on(struct sluice_conn *conn)
{
	if (conn_goes_unasked(conn)) {
		sluice_conn_give_up(conn, conn->why);
		return 0;
	}
	sluice_stat_inc(SLUICE_STAT_REQUESTS);
	sluice_stat_inc(SLUICE_STAT_HANDED_OVER);
	sluice_stat_inc(conn->why);
	return sluice_conn_lent_pass_on(conn);
}

/* The backend's: lent, or for good. */
static void conn_is_handed_over(struct sluice_conn *conn)
{
	if (!conn_goes_unasked(conn)) {
		sluice_stat_inc(SLUICE_STAT_REQUESTS);
		sluice_stat_inc(SLUICE_STAT_HANDED_OVER);
	}
	sluice_stat_inc(conn->why);
	sluice_stat_inc(SLUICE_STAT_CONNECTIONS_HANDED_OVER);
	if (conn->ss.lent) {
		sluice_stat_inc(SLUICE_STAT_CONNECTIONS_LENT);
		conn->state = CONN_BACKEND;
		conn->wait = WAIT_NOTHING;
		conn->served = true;
		return;
	}
	sluice_conn_leave(conn);
	sluice_conn_put(conn);		/* the user data's; the turn has one */
}

static int conn_hand_over(struct sluice_conn *conn, struct sluice_lane *lane)
{
	enum sluice_stat why = 0;
	/* Not for each round of waiting until all is acknowledged. */
	bool lend = !conn->ss.sk->sk_wmem_queued && !conn_goes_unasked(conn) &&
		    !READ_ONCE(sluice_leaving) && sluice_conn_lent_begin(conn, lane, &why);
	int err;

	err = sluice_handoff(&conn->ss, READ_ONCE(sluice_backend_port),
			     READ_ONCE(sluice_backend_uid), lend);
	if (!conn->ss.lent) {
		sluice_follow_free(conn->follow);
		conn->follow = NULL;
	}
	/* It does not come back, and that is why. */
	if (!err && why)
		sluice_stat_inc(why);
	return err;
}

static int conn_try_handoff(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int err;

	/* Amid a request or a response the backend would take it for another. */
	if (SLUICE_WARN_ON(conn->skip || conn->rest ||
			   sluice_body_left(&conn->body)))
		return -EIO;
	if (conn->ss.lent)
		return conn_pass_on(conn);
	err = conn->standalone ? -ECONNREFUSED : conn_hand_over(conn, lane);
	switch (err) {
	case 0:
		conn_is_handed_over(conn);
		return 0;
	case -EAGAIN:
		sluice_conn_wait_for(conn, WAIT_SPACE);
		return 0;
	case -ECONNREFUSED:
		sluice_stat_inc(SLUICE_STAT_BACKEND_ABSENT);
		break;
	case -EACCES:
		sluice_stat_inc(SLUICE_STAT_BACKEND_UNTRUSTED);
		break;
	case -ENOBUFS:
		/* All who leave at once may be too many. */
		if (READ_ONCE(sluice_leaving) == SLUICE_LEAVE_GENTLY) {
			conn->wait = WAIT_NOTHING;
			sluice_conn_ring_soon(conn);
			return 0;
		}
		sluice_stat_inc(SLUICE_STAT_BACKEND_FULL);
		break;
	default:
		return err;
	}

	if (conn->over_limit) {		/* nothing was asked yet */
		sluice_stat_inc(SLUICE_STAT_CONNECTIONS_REFUSED);
		return -EBUSY;
	}
	if (READ_ONCE(sluice_leaving) && !tcp_inq(conn->ss.sk)) {
		conn->state = CONN_CLOSE;	/* it has asked for nothing */
		return 1;
	}
	conn->keep_alive = false;
	conn->linger = true;
	return sluice_respond_refuse(conn, lane, conn->status, conn->head_only);
}

/*
 * Not for the backend either: whoever sets a limit wants no more of this client, and
 * the backend can take less than we can.
 */
static int conn_refuse(struct sluice_conn *conn)
{
	sluice_stat_inc(SLUICE_STAT_CONNECTIONS_REFUSED);
	return PTR_ERR(conn->client);
}

/*
 * Closing with unread data, or data to come, makes tcp send a RST that may
 * overtake the response: read on for a while where that is likely.
 */
static int conn_try_close(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;

	if (sluice_sock_discard(sk, SIZE_MAX))
		conn->linger = true;
	sluice_sock_shutdown(&conn->ss);
	if (conn->linger && !sluice_sock_at_eof(sk)) {
		conn->state = CONN_LINGER;
		conn->wait = WAIT_NOTHING;
		sluice_conn_wait_for(conn, WAIT_LINGER);
		return 1;
	}
	sluice_conn_bury(conn);
	return 0;
}

static int conn_try_linger(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;

	conn->lingered += sluice_sock_discard(sk, SIZE_MAX);
	if (conn->lingered <= LINGER_BYTES && !sluice_sock_at_eof(sk))
		return 0;
	sluice_conn_bury(conn);
	return 0;
}

/*
 * The module leaves.  What has begun goes on; what has not is for the backend, also a
 * request whose file is looked for.  What is lent is the backend's as it is.  Alone we
 * answer one more request, if it has begun to come.
 */
static void conn_leave_off(struct sluice_conn *conn)
{
	bool at_boundary = conn->state == CONN_HEAD && !conn->skip;

	if (conn->ss.lent) {
		if (conn->state != CONN_SEND && conn->state != CONN_FILL)
			sluice_conn_give_up(conn, SLUICE_STAT_LEFT_OFF);
	} else if (READ_ONCE(sluice_standalone)) {
		if (at_boundary && !tcp_inq(conn->ss.sk))
			conn->state = CONN_CLOSE;
	} else if (at_boundary || conn->state == CONN_LOOKUP) {
		conn_begin_handoff(conn, &pass_through_verdict, false);
	}
}

/*
 * What would have to wait now ends.  What is not read would make TCP reset the connection,
 * and a whole answer may still be on its way.
 */
static void conn_cut(struct sluice_conn *conn)
{
	if (conn->state == CONN_SEND || conn->state == CONN_FILL) {
		sluice_conn_abort(conn);
		return;
	}
	if (!conn->ss.lent)
		sluice_sock_discard(conn->ss.sk, SIZE_MAX);
	sluice_conn_bury(conn);
}

static int conn_step(struct sluice_conn *conn, struct sluice_lane *lane)
{
	if (unlikely(READ_ONCE(sluice_leaving)))
		conn_leave_off(conn);
	switch (conn->state) {
	case CONN_REFUSE:
		return conn_refuse(conn);
	case CONN_HEAD:
	case CONN_BACKEND:
		return conn_try_head(conn, lane);
	case CONN_LOOKUP:
	case CONN_FILL:
		return conn_try_resume(conn);
	case CONN_SEND:
		return sluice_respond_go_on(conn, lane);
	case CONN_HANDOFF:
		return conn_try_handoff(conn, lane);
	case CONN_CLOSE:
		return conn_try_close(conn);
	case CONN_LINGER:
		return conn_try_linger(conn);
	case CONN_GONE:
		break;
	}
	return 0;
}

/* The deadline passed. As nginx does: nothing is said, it just closes. */
static void conn_time_out(struct sluice_conn *conn)
{
	switch (conn->wait) {
	case WAIT_SPACE:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_SEND);
		sluice_conn_abort(conn);
		return;
	case WAIT_HEAD:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_HEADER);
		break;
	case WAIT_REQUEST:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_KEEPALIVE);
		break;
	case WAIT_BODY:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_BODY);
		break;
	case WAIT_LINGER:
		if (conn->ss.lent) {
			sluice_conn_give_up(conn, SLUICE_STAT_LEFT_SHUTDOWN);
			return;
		}
		break;
	default:
		break;
	}
	sluice_sock_discard(conn->ss.sk, SIZE_MAX);
	sluice_conn_bury(conn);
}

/**
 * sluice_ladder_run() - give a connection its turn
 * @conn: not CONN_GONE; may be afterwards
 * @lane: whose turn it is
 *
 * Context: lane, rcu_read_lock(); socket locked, not busy.
 */
void sluice_ladder_run(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int ret;

	if (sluice_sock_is_dead(conn->ss.sk)) {
		sluice_conn_bury(conn);
		return;
	}
	lane->site = sluice_site_peek();
	conn->requests_left = TURN_REQUESTS;
	conn->bytes_left = TURN_BYTES;
	do {
		ret = conn_step(conn, lane);
	} while (ret > 0);

	if (conn->state == CONN_GONE)
		return;
	if (ret < 0) {
		sluice_conn_abort(conn);
		return;
	}
	if (unlikely(READ_ONCE(sluice_leaving) == SLUICE_LEAVE_NOW)) {
		conn_cut(conn);
		return;
	}
	if (conn->wait != WAIT_NOTHING &&
	    time_after_eq(jiffies, conn->deadline)) {
		conn_time_out(conn);
		return;
	}
	if (unlikely(conn->ss.lent))
		sluice_conn_lent_turn_over(conn);
	sluice_conn_arm_timer(conn);
}
