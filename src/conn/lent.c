// SPDX-License-Identifier: GPL-2.0
/*
 * Following a connection that was lent: which requests the backend has been given, and
 * whether it has answered them all.
 *
 * What is under the lock is all there is; no state says that a connection is idle, it is
 * computed each time, from how far both streams were followed and from what TCP knows:
 * how far the backend has read (copied_seq) and written (write_seq).  While it is idle,
 * and only then, the next request is the ladder's, as on any connection.  A request that
 * arrives while it is not is given to the backend at once, whatever it is: the backend
 * may read it any moment.
 *
 * In doubt the connection is left to the backend, for good.
 */
#include <linux/err.h>
#include <net/tcp.h>

#include "base/lane.h"
#include "conn/conn.h"
#include "conn/lent.h"
#include "http/request.h"
#include "loan/follow.h"
#include "loan/lend.h"
#include "reply/decide.h"
#include "store/site.h"

/* A backend that closes what it accepts, for want of room, may go on to do so. */
#define RESCUES_MAX 4

/* Both of the same site. Context: any. */
static bool lent_ones_are_kept(void)
{
	const struct sluice_site *site;
	bool kept;

	rcu_read_lock();
	site = sluice_site_peek();
	kept = site->returns && site->take_back;
	rcu_read_unlock();
	return kept;
}

/**
 * sluice_conn_lent_begin() - get ready to lend a connection
 * @conn: about to be handed over, with the request unread
 * @lane: whose turn it is; its buffer for heads is used
 * @why:  out: the counter, if that is why it cannot be followed
 *
 * Context: socket locked, not busy.
 * Return: false if it cannot be followed, or is not to be.
 */
bool sluice_conn_lent_begin(struct sluice_conn *conn, struct sluice_lane *lane,
			    enum sluice_stat *why)
{
	struct sock *sk = conn->ss.sk;

	if (!lane->site->returns || tcp_sk(sk)->urg_data || sluice_sock_at_eof(sk))
		return false;
	conn->follow = sluice_follow_begin(sk, lane, why);
	return conn->follow;
}

/* The backend has read what was not given to it. Socket locked in either form. */
static bool is_lost(const struct sluice_conn *conn)
{
	const struct sluice_follow *f = conn->follow;
	const struct sock *sk = conn->ss.sk;
	u32 read = tcp_sk(sk)->copied_seq;

	/* An end that was read counts as well. */
	if (sock_flag(sk, SOCK_DONE) && read == tcp_sk(sk)->rcv_nxt)
		read--;
	return after(read, f->exchange.at + f->request.len);
}

/* All is written that we know of, and nobody is about to write. */
static __always_inline bool is_silent(const struct sluice_conn *conn)
{
	return !conn->ss.writers && !conn->follow->response.len &&
	       tcp_sk(conn->ss.sk)->write_seq == conn->ss.write_seq;
}

/* The backend has answered all requests, and has read just these. */
static __always_inline bool is_at_rest(const struct sluice_conn *conn)
{
	const struct http_exchange *x = &conn->follow->exchange;

	return http_exchange_is_idle(x) && tcp_sk(conn->ss.sk)->copied_seq == x->at &&
	       is_silent(conn);
}

/*
 * Is the next request ours to look at?  Given is given: the backend may have peeked at
 * the beginning of one that it was woken for.  What is idle is not lost.  Socket locked in
 * either form.
 */
static __always_inline bool is_idle(const struct sluice_conn *conn)
{
	const struct sluice_follow *f = conn->follow;

	return is_at_rest(conn) && (!f->request.len || f->held);
}

/* What has arrived is the backend's; it may not be lent any more afterwards. */
static void give(struct sluice_conn *conn)
{
	enum sluice_stat why = sluice_follow_requests(conn->follow, conn->ss.sk);

	if (why) {
		sluice_conn_give_up(conn, why);
		return;
	}
	sluice_lent_wake(&conn->ss);
}

/* What was looked up for a request that the backend has taken meanwhile. */
static void forget_found(struct sluice_conn *conn)
{
	sluice_found_drop(&conn->found);
}

/* Of what the backend has been given, whole or in part. */
static bool nothing_is_out(const struct sluice_follow *f)
{
	return !f->exchange.count && !f->request.len;
}

/*
 * Behind a request whose file a lane looks for, or an answer of ours, or in front of the
 * next turn; or behind what the backend has come upon.  Without memory it is not held:
 * amid an answer the connection cannot be given up, so that is for its end to find.
 */
static void heard_meanwhile(struct sluice_conn *conn)
{
	struct sluice_follow *f = conn->follow;
	struct sock *sk = conn->ss.sk;

	if (f->held) {
		sluice_follow_keep(f, sk);
	} else if (conn->state == CONN_LOOKUP || !nothing_is_out(f)) {
		give(conn);
	} else if (sluice_follow_unfollowed(f, sk)) {
		/* Held for itself, and not since its file was looked for. */
		forget_found(conn);
		sluice_follow_hold(f, sk);
	}
}

/**
 * sluice_conn_lent_heard() - data or an end has come
 * @conn: lent; the caller has a reference
 *
 * Context: socket locked in either form.
 * Return: true if a turn should look at it.
 */
bool sluice_conn_lent_heard(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;
	bool at_eof = sluice_sock_at_eof(sk);

	/* Ours is the turn until this one is answered, or passed on. */
	if (conn->state != CONN_BACKEND) {
		heard_meanwhile(conn);
		if (at_eof)
			sluice_lent_wake(&conn->ss);
		return false;
	}
	/* What comes now is for whoever has it next, unless it is the client's end. */
	if (unlikely(conn->ss.closing))
		return sk->sk_state != TCP_ESTABLISHED;
	if (unlikely(tcp_sk(sk)->urg_data || !sluice_site_peek()->returns)) {
		sluice_conn_give_up(conn, tcp_sk(sk)->urg_data ? SLUICE_STAT_LEFT_URGENT :
								 SLUICE_STAT_LEFT_OFF);
		return false;
	}
	/* A task that owns it may be about to read; but not one that has just written. */
	if (likely(is_idle(conn)) && !at_eof && (!sock_owned_by_user(sk) || conn->ss.written))
		return true;
	if (is_lost(conn))
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_LOST);
	else
		give(conn);
	return false;
}

/**
 * sluice_conn_lent_wrote() - the backend has written
 * @conn:  lent
 * @bytes: what; its place is moved
 * @len:   so much of it
 *
 * Context: process; socket owned.
 */
void sluice_conn_lent_wrote(struct sluice_conn *conn, struct iov_iter *bytes, size_t len)
{
	struct tcp_sock *tp = tcp_sk(conn->ss.sk);
	struct sluice_follow *f = conn->follow;
	enum sluice_stat why = 0;

	if (tp->write_seq != conn->ss.write_seq || is_lost(conn))
		why = SLUICE_STAT_LEFT_LOST;
	/* It has come upon a request that it was not woken for. */
	else if (unlikely(f->held && tp->copied_seq != f->exchange.at))
		why = sluice_follow_requests(f, conn->ss.sk);
	if (!why)
		why = sluice_follow_responses(f, bytes, len);
	if (why) {
		sluice_conn_give_up(conn, why);
	} else if (http_exchange_is_idle(&conn->follow->exchange)) {
		sluice_stat_inc(SLUICE_STAT_RETURNS);
		conn->rescues = 0;
	}
}

/*
 * The backend is about to close it, and has been told to.  If it takes its time about
 * that, or the client has enough, then they may have it as they would without us.
 */
static int wait_for_close(struct sluice_conn *conn)
{
	forget_found(conn);
	conn->state = CONN_BACKEND;
	if (conn->ss.sk->sk_state != TCP_ESTABLISHED || is_lost(conn))
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_SHUTDOWN);
	else
		sluice_conn_wait_for(conn, WAIT_LINGER);
	return 0;
}

/**
 * sluice_conn_lent_return() - is there a request that is ours to look at
 * @conn: lent, in state CONN_BACKEND, or CONN_HEAD
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder; > 0 if there is.
 */
int sluice_conn_lent_return(struct sluice_conn *conn)
{
	struct sluice_follow *f = conn->follow;

	if (unlikely(conn->ss.closing))
		return wait_for_close(conn);
	conn->wait = WAIT_NOTHING;
	if (unlikely(conn->ss.shut)) {
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_SHUTDOWN);
		return 0;
	}
	/* If not, the backend began to read while a lane looked for the file. */
	if (!f->held)
		forget_found(conn);
	if (likely(is_idle(conn))) {
		sluice_follow_unhold(f);
		conn->state = tcp_inq(conn->ss.sk) ? CONN_HEAD : CONN_BACKEND;
		return conn->state == CONN_HEAD;
	}
	forget_found(conn);
	if (is_lost(conn)) {
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_LOST);
		return 0;
	}
	conn->state = CONN_BACKEND;
	if (f->held || sluice_follow_unfollowed(f, conn->ss.sk))
		give(conn);
	return 0;
}

/* The next @len bytes are of a request that was ours. Socket locked, not busy. */
void sluice_conn_lent_served(struct sluice_conn *conn, size_t len)
{
	conn->follow->exchange.at += len;
}

/*
 * The next request is going to be passed on: @req says what there is to know of it, if it
 * was strictly parsed; or sluice_conn_lent_pass_on() finds out by itself.  Socket locked, not
 * busy.
 */
void sluice_conn_lent_take(struct sluice_conn *conn, const struct http_request *req)
{
	if (!req->lenient)
		http_exchange_take(&conn->follow->exchange, req);
}

/**
 * sluice_conn_lent_keep() - the file of the next request is looked for
 * @conn: lent and idle
 *
 * As with sluice_conn_lent_hold(): a backend that always reads when it has written may be
 * there before us, and read what is behind it as well.
 * Context: socket locked, not busy.
 */
void sluice_conn_lent_keep(struct sluice_conn *conn)
{
	if (!sluice_follow_hold(conn->follow, conn->ss.sk))
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_LOST);
}

/**
 * sluice_conn_lent_turn_over() - more has arrived than the turn has dealt with
 * @conn: lent
 *
 * Behind an answer that is not all sent, or for another turn.  It is held, as with
 * sluice_conn_lent_hold(): a backend that was waked for something else, or by nobody, reads
 * what there is.
 * Context: socket locked, not busy.
 */
void sluice_conn_lent_turn_over(struct sluice_conn *conn)
{
	if ((conn->state == CONN_HEAD || conn->ss.answering) &&
	    nothing_is_out(conn->follow))
		heard_meanwhile(conn);
}

/**
 * sluice_conn_lent_hold() - what has arrived is the beginning of a head, or nothing
 * @conn: lent and idle
 *
 * The backend is not woken for it, but may read it all the same; so it is kept.
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_conn_lent_hold(struct sluice_conn *conn)
{
	struct sluice_follow *f = conn->follow;
	enum sluice_stat why;

	conn->state = CONN_BACKEND;
	if (!sluice_follow_unfollowed(f, conn->ss.sk))
		return 0;
	why = sluice_follow_arrived(f, conn->ss.sk);
	if (why)
		sluice_conn_give_up(conn, why);
	else
		f->held = true;
	return 0;
}

/**
 * sluice_conn_lent_pass_on() - what has arrived is the backend's
 * @conn: lent and idle
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_conn_lent_pass_on(struct sluice_conn *conn)
{
	conn->wait = WAIT_NOTHING;
	conn->state = CONN_BACKEND;
	if (tcp_sk(conn->ss.sk)->urg_data)
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_URGENT);
	else
		give(conn);
	return 0;
}

/* --- taking back ---------------------------------------------------------- */

/* The next worker would have it as this one had. */
static bool is_as_lent(const struct sluice_conn *conn)
{
	return sluice_options_same(&conn->ss.options, conn->ss.sk);
}

/*
 * No byte of any request that is out was read, and none of its response written: so
 * another worker can have them all.
 */
static bool is_untouched(const struct sluice_conn *conn)
{
	const struct http_exchange *x = &conn->follow->exchange;

	return x->count && conn->rescues < RESCUES_MAX &&
	       http_body_is_over(&x->response) && is_silent(conn) &&
	       tcp_sk(conn->ss.sk)->copied_seq == http_exchange_oldest(x)->at;
}

static bool must_end(const struct sock *sk)
{
	return sk->sk_err || sock_flag(sk, SOCK_LINGER) || sk->sk_shutdown & SEND_SHUTDOWN;
}

/* Another worker can go on where this one stops. */
static bool may_go_on(const struct sluice_conn *conn, bool kept)
{
	const struct sock *sk = conn->ss.sk;

	if (!kept || conn->ss.shut || sk->sk_state != TCP_ESTABLISHED ||
	    tcp_sk(sk)->urg_data)
		return false;
	return is_at_rest(conn) || is_untouched(conn);
}

static bool may_be_taken_back(const struct sluice_conn *conn, bool kept)
{
	const struct sock *sk = conn->ss.sk;

	if (must_end(sk))
		return false;
	/* An answer that has begun is finished, whatever else is said. */
	if (conn->ss.answering)
		return (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT);
	return may_go_on(conn, kept);
}

/**
 * sluice_conn_lent_closing() - the backend shuts the connection down for writing
 * @conn: lent; sk_shutdown does not say so
 *
 * Context: process; socket owned.
 * Return: 0 if it is to be taken back when it is closed, see wait_for_close(); or what it
 * is left for.
 */
enum sluice_stat sluice_conn_lent_closing(struct sluice_conn *conn)
{
	if (must_end(conn->ss.sk) || !may_go_on(conn, lent_ones_are_kept()))
		return SLUICE_STAT_LEFT_SHUTDOWN;
	if (!is_as_lent(conn))
		return SLUICE_STAT_LEFT_OPTION;
	sluice_conn_ring(conn);
	return 0;
}

/**
 * sluice_conn_lent_closed() - the backend closes the connection
 * @conn: lent
 *
 * Context: process; socket owned.
 * Return: true if it is ours again, false if it is to be closed.
 */
bool sluice_conn_lent_closed(struct sluice_conn *conn)
{
	bool kept = lent_ones_are_kept();
	bool as_lent, rescue, ends;

	if (!may_be_taken_back(conn, kept)) {
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_CLOSED);
		return false;
	}
	as_lent = is_as_lent(conn);
	if (!as_lent && !conn->ss.answering) {
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_OPTION);
		return false;
	}
	rescue = conn->follow->exchange.count;
	/* The rest may be the middle of a request, if the backend has read meanwhile. */
	ends = conn->ss.shut || !kept || !as_lent ||
	       (conn->ss.answering && !is_at_rest(conn));
	if (!sluice_lend_take_back(&conn->ss)) {
		/* What was cut short must not pass for whole. */
		if (conn->ss.answering)
			sluice_sock_reset_on_close(&conn->ss);
		sluice_conn_give_up(conn, SLUICE_STAT_LEFT_CLOSED);
		return false;
	}
	sluice_stat_inc(SLUICE_STAT_TAKEN_BACK);
	if (rescue) {
		sluice_stat_inc(SLUICE_STAT_RESCUED);
		conn->rescues++;
	}
	/* The request that it was looked up for is answered, or is not the next one. */
	conn->outdated = !conn->follow->held;
	sluice_follow_free(conn->follow);
	conn->follow = NULL;
	if (conn->state == CONN_BACKEND) {
		conn->state = CONN_HEAD;
		conn->wait = WAIT_NOTHING;
	}
	if (conn->ss.answering && ends)
		conn->answer.keep_alive = false;
	conn->ss.answering = false;
	sluice_conn_ring(conn);
	return true;
}
