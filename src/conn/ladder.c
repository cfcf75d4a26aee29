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

#include "base/handovers.h"
#include "base/pass_through.h"
#include "conn/conn.h"
#include "conn/ladder.h"
#include "conn/lent.h"
#include "conn/respond.h"
#include "http/parse.h"
#include "loan/handoff.h"
#include "loan/lend.h"
#include "loan/loan.h"
#include "reply/answer.h"
#include "reply/decide.h"
#include "sock/send.h"
#include "store/object.h"
#include "store/site.h"

/* Requests and bytes per turn: then it is another connection's turn. */
#define TURN_REQUESTS 16
#define TURN_BYTES (512 * 1024)
/* What a client may still send to a connection that is closing. */
#define LINGER_BYTES (1024 * 1024)

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
static int conn_look_up(struct sluice_conn *conn, const struct sluice_request *req)
{
	conn->found.page = req->page;
	sluice_conn_wait_for_job(conn, CONN_LOOKUP);
	/* What is wanted of a page is not in the cache alone: see use_page(). */
	if (!sluice_job_lookup(&conn->job, req->key, req->host_len, req->page)) {
		sluice_conn_put(conn);		/* not the last: the turn has one */
		return conn_take_outcome(conn);
	}
	if (conn->ss.loan)
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

/* What is lent is not for us to close, nor to read a body of. */
static bool conn_is_not_for_lent(const struct sluice_conn *conn,
				 const struct sluice_request *req)
{
	return conn->ss.loan && (!req->http.keep_alive || req->http.has_body || req->close);
}

/* Unless nobody else can answer: then it ends with that. */
static bool conn_is_for_us_alone(const struct sluice_request *req)
{
	return !req->site->backend_files && (req->obj || req->verdict == SLUICE_REDIRECT);
}

/* It stays where it is; conn_try_handoff() goes on. */
static int conn_begin_handoff(struct sluice_conn *conn, const struct sluice_request *req)
{
	if (conn->ss.loan)
		sluice_loan_take(conn->ss.loan, &req->http);
	sluice_request_open(&conn->answer, req);
	/* Ours, but that the connection is not: nobody knows what we would have said. */
	if (req->verdict != SLUICE_HAND_OVER)
		conn->answer.status = 503;
	sluice_handovers_note(conn->conns->handovers, req->why, req->err, req->http.method_text,
			      req->http.target, READ_ONCE(conn->conns->say_why));
	conn->state = CONN_HANDOFF;
	return 1;
}

/* It is ours: a body that is not read must not pass for the next request. */
static int conn_begin_answer(struct sluice_conn *conn, struct sluice_lane *lane,
			     struct sluice_request *req)
{
	const struct http_request *http = &req->http;
	struct sluice_answer *answer = &conn->answer;

	sluice_request_open(answer, req);
	answer->keep_alive = http->keep_alive && !req->close &&
			     (conn->ss.loan || !READ_ONCE(conn->conns->leaving)) &&
			     (!http->has_body || sluice_body_is_drained(http));
	if (unlikely(conn_is_not_for_lent(conn, req))) {
		answer->keep_alive = false;
		sluice_lend_dismiss(conn->ss.loan);
	}
	if (unlikely(http->has_body)) {
		conn->skip = answer->keep_alive ? http->content_length : 0;
		conn->linger = !answer->keep_alive;
	}
	if (req->verdict == SLUICE_REFUSE)
		conn->linger = !answer->keep_alive;
	return sluice_respond_begin(conn, lane, req);
}

/*
 * Act on a request.  Only those of our own answers are consumed: @used is set
 * to how much of the receive queue is dealt with.
 */
static int conn_act(struct sluice_conn *conn, struct sluice_lane *lane,
		    struct sluice_request *req, size_t head_len, size_t *used)
{
	if (req->verdict == SLUICE_LOOK_UP)
		return conn_look_up(conn, req);
	if (req->verdict == SLUICE_HAND_OVER ||
	    (conn_is_not_for_lent(conn, req) && !conn_is_for_us_alone(req)))
		return conn_begin_handoff(conn, req);
	*used = head_len;
	if (conn->ss.loan)
		sluice_loan_served(conn->ss.loan, head_len);
	return conn_begin_answer(conn, lane, req);
}

static void conn_decide(struct sluice_conn *conn, struct sluice_lane *lane,
			struct sluice_request *req)
{
	struct sluice_found found = conn->found;

	conn->found = (struct sluice_found){ };
	sluice_decide(req, lane, found);
}

/*
 * One request out of @buf.  > 0 when there may be another, -EAGAIN when its
 * head is not complete, otherwise as conn_try_head().
 */
static int conn_try_request(struct sluice_conn *conn, struct sluice_lane *lane,
			    const u8 *buf, size_t len, size_t *used)
{
	struct sluice_request req __uninitialized;
	enum http_error why;
	ssize_t head_len;
	int ret;

	head_len = http_parse(buf, len, lane->site->max_head_size,
			      lane->site->lenient ? HTTP_PARSE_LENIENT : 0,
			      &req.http, &why);
	if (head_len == -EAGAIN)
		return -EAGAIN;
	/* Consumed, it would be the beginning of what comes next. */
	if (SLUICE_WARN_ON(head_len > (ssize_t)len))
		return -EOVERFLOW;

	if (unlikely(head_len < 0)) {
		/* Of a head that was none of these while its file was looked up. */
		sluice_found_drop(&conn->found);
		sluice_decide_malformed(&req, lane, why, !conn->served);
		head_len = len;		/* if it is ours to answer, it is all */
	} else {
		conn_decide(conn, lane, &req);
	}
	ret = conn_act(conn, lane, &req, head_len, used);
	if (req.obj)
		sluice_object_put(req.obj);
	return ret;
}

/* Nothing more can be done with what has arrived. */
static int conn_wait_for_head(struct sluice_conn *conn, bool partial)
{
	if (conn->ss.loan && sluice_sock_at_eof(conn->ss.sk))
		return sluice_conn_lent_pass_on(conn);
	if (conn->ss.loan)		/* the backend's patience is what counts */
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

/*
 * A connection is for the backend, whatever its bytes say: no request was looked at, and
 * none is counted when the backend takes it.  If nobody does @status is answered.
 */
static void conn_begin_going(struct sluice_conn *conn, enum sluice_stat why, bool standalone)
{
	struct sluice_answer *answer = &conn->answer;

	SLUICE_WARN_ON(answer->is_open);
	answer->head_only = false;
	answer->standalone = standalone;
	answer->status = 503;
	answer->why = why;
	conn->state = CONN_HANDOFF;
}

/* Urgent data are a second stream that we do not understand; a request they are in. */
static void conn_begin_urgent(struct sluice_conn *conn, bool standalone)
{
	conn_begin_going(conn, SLUICE_STAT_HANDED_OVER_URGENT, standalone);
	sluice_answer_open(&conn->answer);
	conn->answer.status = 400;
}

/*
 * Something of ours is broken, or the administrator says so: those who come and
 * those who ask again are the backend's.  Who idles may as well end here.
 */
static bool conn_passes_through(const struct sluice_conn *conn)
{
	return READ_ONCE(sluice_pass_through) &&
	       (!conn->served || tcp_inq(conn->ss.sk));
}

/* What has nothing to do with what the bytes say. */
static bool conn_must_go(struct sluice_conn *conn, const struct sluice_lane *lane)
{
	bool standalone = lane->site->standalone;

	if (unlikely(conn->over_limit))
		conn_begin_going(conn, SLUICE_STAT_CONNECTIONS_OVER_LIMIT, standalone);
	else if (unlikely(conn_passes_through(conn)) && !standalone)	/* or we are the site */
		conn_begin_going(conn, SLUICE_STAT_CONNECTIONS_PASSED_THROUGH, false);
	else if (unlikely(tcp_sk(conn->ss.sk)->urg_data))
		conn_begin_urgent(conn, standalone);
	if (likely(conn->state != CONN_HANDOFF))
		return false;
	sluice_handovers_note(conn->conns->handovers, conn->answer.why, 0, SPAN(""), SPAN(""),
			      READ_ONCE(conn->conns->say_why));
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

	if (conn->ss.loan) {
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
	if (conn_must_go(conn, lane))
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
		if (!conn->ss.loan && !sluice_send_has_space(sk)) {
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

/* Of one that is lent: the backend has it already. */
static int conn_pass_on(struct sluice_conn *conn)
{
	if (!conn->answer.is_open) {
		sluice_stat_inc(conn->conns->stats, conn->answer.why);
		sluice_lend_end(conn->ss.loan, 0);
		return 0;
	}
	sluice_request_done(&conn->answer, SLUICE_HANDED_OVER);
	return sluice_conn_lent_pass_on(conn);
}

/* The backend's: lent, or for good. */
static void conn_is_handed_over(struct sluice_conn *conn)
{
	if (conn->answer.is_open)
		sluice_request_done(&conn->answer, SLUICE_HANDED_OVER);
	else
		sluice_stat_inc(conn->conns->stats, conn->answer.why);
	sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_HANDED_OVER);
	if (conn->ss.loan) {
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_LENT);
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
	struct sluice_loan *loan = NULL;
	enum sluice_left why = 0;
	int err;

	/* Not for each round of waiting until all is acknowledged. */
	if (!conn->ss.sk->sk_wmem_queued && conn->answer.is_open &&
	    !READ_ONCE(conn->conns->leaving))
		loan = sluice_loan_prepare(&conn->ss, &sluice_conn_loan_ops, lane, &why);
	err = sluice_handoff(&conn->ss, lane->site->backend_port,
			     lane->site->backend_uid, loan);
	if (loan && !conn->ss.loan)
		sluice_loan_drop(loan);
	/* It does not come back, and that is why. */
	if (!err && why)
		sluice_left_count(conn->conns->stats, why);
	return err;
}

/*
 * Whoever looks for the reason of a 503 looks into the log; once is enough there, counters have
 * the rest.  @err: of sluice_handoff(), that whoever runs the backend can do something about.
 */
static void conn_say_why(const struct sluice_conn *conn, u16 port, int err)
{
	struct sluice_conns *conns = conn->conns;

	if (conn->ss.adopted)
		port = inet_sk(conn->ss.sk)->inet_num;
	if (test_and_set_bit(err == -EAFNOSUPPORT, &conns->said))
		return;
	if (err == -EAFNOSUPPORT)
		pr_warn("%sport %u: a client came by IPv4 or IPv6, and the backend listens for the other alone: 503; have it listen for both, or set address= to what it listens for\n",
			conns->prefix, port);
	else
		pr_warn("%sport %u: nobody listens there in this network namespace: 503; start the backend, on that port itself; one in a container wants an instance in there\n",
			conns->prefix, port);
}

/* Nobody has taken it: an error, and the end. */
static int conn_answer_instead(struct sluice_conn *conn, struct sluice_lane *lane)
{
	if (!conn->answer.is_open)	/* nobody has looked at it */
		sluice_answer_open(&conn->answer);
	conn->answer.keep_alive = false;
	conn->linger = true;
	return sluice_respond_refuse(conn, lane);
}

static int conn_try_handoff(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int err;

	/* Amid a request or a response the backend would take it for another. */
	if (SLUICE_WARN_ON(conn->skip || conn->rest ||
			   sluice_answer_has_more(&conn->answer)))
		return -EIO;
	if (conn->ss.loan)
		return conn_pass_on(conn);
	err = conn->answer.standalone ? -ECONNREFUSED : conn_hand_over(conn, lane);
	switch (err) {
	case 0:
		conn_is_handed_over(conn);
		return 0;
	case -EAGAIN:
		sluice_conn_wait_for(conn, WAIT_SPACE);
		return 0;
	case -ECONNREFUSED:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_BACKEND_ABSENT);
		if (!conn->answer.standalone)
			conn_say_why(conn, lane->site->backend_port, err);
		break;
	case -EAFNOSUPPORT:
		conn_say_why(conn, lane->site->backend_port, err);
		fallthrough;
	case -EPROTOTYPE:	/* till our listener has followed the backend's */
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_BACKEND_FAMILY);
		break;
	case -EACCES:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_BACKEND_UNTRUSTED);
		break;
	case -ENOBUFS:
		/* All who leave at once may be too many. */
		if (READ_ONCE(conn->conns->leaving) == SLUICE_LEAVE_GENTLY) {
			conn->wait = WAIT_NOTHING;
			sluice_conn_ring_soon(conn);
			return 0;
		}
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_BACKEND_FULL);
		break;
	default:
		return err;
	}

	if (conn->over_limit) {		/* nothing was asked yet */
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_REFUSED);
		return -EBUSY;
	}
	if (READ_ONCE(conn->conns->leaving) && !tcp_inq(conn->ss.sk)) {
		conn->state = CONN_CLOSE;	/* it has asked for nothing */
		return 1;
	}
	return conn_answer_instead(conn, lane);
}

/*
 * Not for the backend either: whoever sets a limit wants no more of this client, and
 * the backend can take less than we can.
 */
static int conn_refuse(struct sluice_conn *conn)
{
	sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_REFUSED);
	return PTR_ERR(conn->client);
}

/* It has been dismissed: till the backend closes it, or the client does, or takes too long. */
static int conn_try_close_lent(struct sluice_conn *conn)
{
	if (conn->ss.sk->sk_state != TCP_ESTABLISHED)
		sluice_lend_end(conn->ss.loan, SLUICE_LEFT_LAST);
	else
		sluice_conn_wait_for(conn, WAIT_LINGER);
	return 0;
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
	if (conn->ss.loan)
		return conn_try_close_lent(conn);
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
 * The instance ends.  What has begun goes on; what has not is for the backend, also a
 * request whose file is looked for.  What is lent is the backend's as it is.  Alone we
 * answer one more request, if it has begun to come.
 */
static void conn_leave_off(struct sluice_conn *conn, const struct sluice_lane *lane)
{
	bool at_boundary = conn->state == CONN_HEAD && !conn->skip;

	if (conn->ss.loan) {
		if (conn->state != CONN_SEND && conn->state != CONN_FILL)
			sluice_lend_end(conn->ss.loan, SLUICE_LEFT_OFF);
	} else if (lane->site->standalone) {
		if (at_boundary && !tcp_inq(conn->ss.sk))
			conn->state = CONN_CLOSE;
	} else if (at_boundary || conn->state == CONN_LOOKUP) {
		conn_begin_going(conn, SLUICE_STAT_CONNECTIONS_PASSED_THROUGH, false);
	}
}

/*
 * What would have to wait now ends.  What is not read would make TCP reset the connection,
 * and a whole answer may still be on its way.
 */
static void conn_cut(struct sluice_conn *conn)
{
	/* A lookup may keep the socket, which had to be closed with nothing left to do. */
	if (conn->state == CONN_SEND || conn->state == CONN_FILL ||
	    conn->state == CONN_LOOKUP) {
		sluice_conn_abort(conn);
		return;
	}
	if (!conn->ss.loan)
		sluice_sock_discard(conn->ss.sk, SIZE_MAX);
	sluice_conn_bury(conn);
}

static int conn_step(struct sluice_conn *conn, struct sluice_lane *lane)
{
	if (unlikely(READ_ONCE(conn->conns->leaving)))
		conn_leave_off(conn, lane);
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
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_TIMEOUT_SEND);
		sluice_conn_abort(conn);
		return;
	case WAIT_HEAD:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_TIMEOUT_HEADER);
		break;
	case WAIT_REQUEST:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_TIMEOUT_KEEPALIVE);
		break;
	case WAIT_BODY:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_TIMEOUT_BODY);
		break;
	case WAIT_LINGER:
		if (conn->ss.loan) {
			sluice_lend_end(conn->ss.loan, SLUICE_LEFT_SHUTDOWN);
			return;
		}
		break;
	default:
		break;
	}
	sluice_sock_discard(conn->ss.sk, SIZE_MAX);
	sluice_conn_bury(conn);
}

/*
 * An adopted one whose handshake TCP has not ended yet: in the next moment, unless the segment
 * that should end it was dropped.  It cannot go anywhere before that; a turn in it is rare.
 */
static void conn_await_birth(struct sluice_conn *conn)
{
	if (READ_ONCE(conn->conns->leaving) == SLUICE_LEAVE_NOW)
		sluice_conn_abort(conn);
	else if (time_after_eq(jiffies, conn->deadline))
		conn_time_out(conn);
	else
		sluice_conn_ring_soon(conn);
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
	if (unlikely(conn->ss.sk->sk_state == TCP_SYN_RECV) && conn->state != CONN_REFUSE) {
		conn_await_birth(conn);
		return;
	}
	lane->site = sluice_site_peek(conn->conns->store);
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
	if (unlikely(READ_ONCE(conn->conns->leaving) == SLUICE_LEAVE_NOW)) {
		conn_cut(conn);
		return;
	}
	if (conn->wait != WAIT_NOTHING &&
	    time_after_eq(jiffies, conn->deadline)) {
		conn_time_out(conn);
		return;
	}
	if (unlikely(conn->ss.loan)) {
		SLUICE_WARN_ON(conn->ss.loan->ours == (conn->state == CONN_BACKEND));
		sluice_conn_lent_turn_over(conn);
	}
	sluice_conn_arm_timer(conn);
}
