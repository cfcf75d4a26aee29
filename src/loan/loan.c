// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping account of a loan: which requests the backend has been given, whether it has
 * answered them all, and so whose turn it is.
 *
 * What is under the lock is all there is; no state says that a connection is idle, it is
 * computed each time, from how far both streams were followed and from what TCP knows:
 * how far the backend has read (copied_seq) and written (write_seq).  While it is idle,
 * and only then, the next request is the ladder's, as on any connection.  A request that
 * arrives while it is not is given to the backend at once, whatever it is: the backend
 * may read it any moment.
 *
 * In doubt the connection is left to the backend, for good: functions say why, and do not
 * end it.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "http/request.h"
#include "loan/loan.h"
#include "store/site.h"

/* A backend that closes what it accepts, for want of room, may go on to do so. */
#define RESCUES_MAX 4

static const enum sluice_stat left_stat[SLUICE_LEFT_COUNT] = {
#define X(name) \
	[SLUICE_LEFT_##name] = SLUICE_STAT_LEFT_##name,
	HTTP_LEAVES(X)
	SLUICE_LEFTS(X)
#undef X
};

/* @stats: of the instance; @why: not 0. Context: any. */
void sluice_left_count(struct sluice_stats __percpu *stats, enum sluice_left why)
{
	sluice_stat_inc(stats, left_stat[why]);
}

/* --- a loan ----------------------------------------------------------------- */

/* Nobody has seen it but who got it ready. Context: any. */
void sluice_loan_drop(struct sluice_loan *loan)
{
	sluice_follow_end(&loan->follow);
	kfree(loan);
}

/* Context: any; nobody finds it any more but sluice_lend_say_who(). */
void sluice_loan_free(struct sluice_loan *loan)
{
	sluice_follow_end(&loan->follow);
	kfree_rcu(loan, rcu);
}

/**
 * sluice_loan_prepare() - get ready to lend a connection
 * @ss:   about to be handed over, with the request unread
 * @ops:  who is to hear of it
 * @lane: whose turn it is; its buffer for heads is used
 * @why:  0 before; out: if that is why it cannot be followed
 *
 * Context: socket locked, not busy.
 * Return: for sluice_handoff(), or sluice_loan_drop(); NULL if it cannot be followed, or is
 * not to be, or without memory.
 */
struct sluice_loan *sluice_loan_prepare(struct sluice_sock *ss,
					const struct sluice_loan_ops *ops,
					struct sluice_lane *lane, enum sluice_left *why)
{
	struct sock *sk = ss->sk;
	struct sluice_loan *loan;

	if (!lane->site->returns || tcp_sk(sk)->urg_data || sluice_sock_at_eof(sk))
		return NULL;
	loan = kzalloc(sizeof(*loan), SLUICE_GFP_WAITING);
	if (!loan) {
		sluice_stat_inc(ss->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return NULL;
	}
	loan->ss = ss;
	loan->ops = ops;
	loan->follow.stats = ss->stats;
	*why = sluice_follow_begin(&loan->follow, sk, lane);
	if (!*why)
		return loan;
	sluice_loan_drop(loan);
	return NULL;
}

/* --- what is so -------------------------------------------------------------- */

/* The backend has read what was not given to it. Socket locked in either form. */
static bool is_lost(const struct sluice_loan *loan)
{
	const struct sluice_follow *f = &loan->follow;
	const struct sock *sk = loan->ss->sk;
	u32 read = tcp_sk(sk)->copied_seq;

	/* An end that was read counts as well. */
	if (sock_flag(sk, SOCK_DONE) && read == tcp_sk(sk)->rcv_nxt)
		read--;
	return after(read, f->exchange.at + f->request.len);
}

/* All is written that we know of, and nobody is about to write. */
static __always_inline bool is_silent(const struct sluice_loan *loan)
{
	return !loan->writers && !loan->follow.response.len &&
	       tcp_sk(loan->ss->sk)->write_seq == loan->ss->write_seq;
}

/* The backend has answered all requests, and has read just these. */
static __always_inline bool is_at_rest(const struct sluice_loan *loan)
{
	const struct http_exchange *x = &loan->follow.exchange;

	return http_exchange_is_idle(x) && tcp_sk(loan->ss->sk)->copied_seq == x->at &&
	       is_silent(loan);
}

/*
 * Is the next request ours to look at?  Given is given: the backend may have peeked at
 * the beginning of one that it was woken for.  What is idle is not lost.  Socket locked in
 * either form.
 */
static __always_inline bool is_idle(const struct sluice_loan *loan)
{
	const struct sluice_follow *f = &loan->follow;

	return is_at_rest(loan) && (!f->request.len || f->held);
}

/* Of what the backend has been given, whole or in part. */
static bool nothing_is_out(const struct sluice_loan *loan)
{
	return !loan->follow.exchange.count && !loan->follow.request.len;
}

/* The next worker would have it as this one had. */
static bool is_as_lent(const struct sluice_loan *loan)
{
	return sluice_options_same(&loan->options, loan->ss->sk);
}

/*
 * No byte of any request that is out was read, and none of its response written: so
 * another worker can have them all.
 */
static bool is_untouched(const struct sluice_loan *loan)
{
	const struct http_exchange *x = &loan->follow.exchange;

	return x->count && loan->ss->rescues < RESCUES_MAX &&
	       http_body_is_over(&x->response) && is_silent(loan) &&
	       tcp_sk(loan->ss->sk)->copied_seq == http_exchange_oldest(x)->at;
}

/* --- what arrives ------------------------------------------------------------ */

/* There is something to read, or an end. */
static void wake(struct sluice_loan *loan)
{
	sluice_born.data_ready(loan->ss->sk);
}

/* What has arrived is the backend's. Return: 0, or what it is left for. */
static enum sluice_left give(struct sluice_loan *loan)
{
	enum sluice_left why = sluice_follow_requests(&loan->follow, loan->ss->sk);

	if (!why)
		wake(loan);
	return why;
}

/*
 * Behind a request whose file a lane looks for, or an answer of ours, or in front of the
 * next turn; or behind what the backend has come upon.  Without memory it is not held:
 * amid an answer the connection cannot be given up, so that is for its end to find.
 */
static enum sluice_left heard_meanwhile(struct sluice_loan *loan)
{
	struct sluice_follow *f = &loan->follow;
	struct sock *sk = loan->ss->sk;

	if (f->held) {
		sluice_follow_keep(f, sk);
	} else if (loan->looking || !nothing_is_out(loan)) {
		SLUICE_WARN_ON(loan->answering);
		return give(loan);
	} else if (sluice_follow_unfollowed(f, sk)) {
		sluice_follow_hold(f, sk);
	}
	return 0;
}

/**
 * sluice_loan_heard() - data or an end has come
 * @loan: the loan
 * @turn: out: a turn should look at it
 *
 * Context: socket locked in either form.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_heard(struct sluice_loan *loan, bool *turn)
{
	struct sock *sk = loan->ss->sk;
	bool at_eof = sluice_sock_at_eof(sk);
	enum sluice_left why;

	sluice_sock_assert_locked(sk);
	*turn = false;
	/* The middle of a body must not be a request to who may be about to read. */
	if (unlikely(loan->dismissed)) {
		sluice_sock_discard(sk, SIZE_MAX);
		*turn = sk->sk_state != TCP_ESTABLISHED;
		return 0;
	}
	/* Ours is the turn until this one is answered, or passed on. */
	if (loan->ours) {
		why = heard_meanwhile(loan);
		if (!why && at_eof)
			wake(loan);
		return why;
	}
	/* What comes now is for whoever has it next, unless it is the client's end. */
	if (unlikely(loan->closing)) {
		*turn = sk->sk_state != TCP_ESTABLISHED;
		return 0;
	}
	if (unlikely(tcp_sk(sk)->urg_data))
		return SLUICE_LEFT_URGENT;
	if (unlikely(!sluice_site_peek(loan->ss->store)->returns))
		return SLUICE_LEFT_OFF;
	/* A task that owns it may be about to read; but not one that has just written. */
	*turn = likely(is_idle(loan)) && !at_eof &&
		(!sock_owned_by_user(sk) || loan->written);
	if (*turn)
		return 0;
	return is_lost(loan) ? SLUICE_LEFT_LOST : give(loan);
}

/* --- what is written --------------------------------------------------------- */

/**
 * sluice_loan_wrote() - the backend has written
 * @loan:  the loan
 * @bytes: what; its place is moved
 * @len:   so much of it
 *
 * Context: process; socket owned.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_wrote(struct sluice_loan *loan, struct iov_iter *bytes,
				   size_t len)
{
	struct sluice_follow *f = &loan->follow;
	struct sock *sk = loan->ss->sk;
	enum sluice_left why = 0;

	sluice_sock_assert_locked(sk);
	loan->ss->write_seq += len;
	if (tcp_sk(sk)->write_seq != loan->ss->write_seq || is_lost(loan))
		return SLUICE_LEFT_LOST;
	/* It has come upon a request that it was not woken for. */
	if (unlikely(f->held && tcp_sk(sk)->copied_seq != f->exchange.at))
		why = sluice_follow_requests(f, sk);
	if (!why)
		why = sluice_follow_responses(f, bytes, len);
	if (!why && http_exchange_is_idle(&f->exchange)) {
		sluice_stat_inc(loan->ss->stats, SLUICE_STAT_RETURNS);
		loan->ss->rescues = 0;
	}
	return why;
}

/**
 * sluice_loan_admit() - the backend's writes waited for an answer of ours, which is over
 * @loan: the loan
 *
 * Context: socket locked, not busy.
 */
void sluice_loan_admit(struct sluice_loan *loan)
{
	struct sock *sk = loan->ss->sk;

	loan->refused = false;
	/* If there is no room yet, it stays set for the ACK that makes some. */
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	sluice_born.write_space(sk);
}

/* --- in a turn ---------------------------------------------------------------- */

/**
 * sluice_loan_look() - is there a request that is ours to look at
 * @loan: the loan
 *
 * If so @loan->ours is set.
 * Context: socket locked, not busy.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_look(struct sluice_loan *loan)
{
	struct sluice_follow *f = &loan->follow;
	struct sock *sk = loan->ss->sk;

	sluice_sock_assert_turn(sk);
	loan->ours = false;
	loan->looking = false;
	/*
	 * The backend is about to close it, and has been told to.  If the client has enough,
	 * then they may have it as they would without us.
	 */
	if (unlikely(loan->closing))
		return sk->sk_state != TCP_ESTABLISHED || is_lost(loan) ?
		       SLUICE_LEFT_SHUTDOWN : 0;
	if (unlikely(loan->shut))
		return SLUICE_LEFT_SHUTDOWN;
	if (likely(is_idle(loan))) {
		sluice_follow_unhold(f);
		loan->ours = tcp_inq(sk);
		return 0;
	}
	if (is_lost(loan))
		return SLUICE_LEFT_LOST;
	return f->held || sluice_follow_unfollowed(f, sk) ? give(loan) : 0;
}

/*
 * The next request is going to be passed on: @req says what there is to know of it, if it
 * was strictly parsed; or sluice_loan_pass_on() finds out by itself.  Socket locked, not busy.
 */
void sluice_loan_take(struct sluice_loan *loan, const struct http_request *req)
{
	if (!req->lenient)
		http_exchange_take(&loan->follow.exchange, req);
}

/**
 * sluice_loan_keep() - the file of the next request is looked for
 * @loan: ours is the turn
 *
 * As with sluice_loan_hold(): a backend that always reads when it has written may be
 * there before us, and read what is behind it as well.
 * Context: socket locked, not busy.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_keep(struct sluice_loan *loan)
{
	sluice_sock_assert_turn(loan->ss->sk);
	loan->looking = true;
	return sluice_follow_hold(&loan->follow, loan->ss->sk) ? 0 : SLUICE_LEFT_LOST;
}

/**
 * sluice_loan_hold() - what has arrived is the beginning of a head, or nothing
 * @loan: ours was the turn
 *
 * The backend is not woken for it, but may read it all the same; so it is kept.
 * Context: socket locked, not busy.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_hold(struct sluice_loan *loan)
{
	struct sluice_follow *f = &loan->follow;
	struct sock *sk = loan->ss->sk;
	enum sluice_left why;

	sluice_sock_assert_turn(sk);
	loan->ours = false;
	if (!sluice_follow_unfollowed(f, sk))
		return 0;
	why = sluice_follow_arrived(f, sk);
	f->held = !why;
	return why;
}

/**
 * sluice_loan_pass_on() - what has arrived is the backend's
 * @loan: ours was the turn
 *
 * Context: socket locked, not busy.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_pass_on(struct sluice_loan *loan)
{
	sluice_sock_assert_turn(loan->ss->sk);
	loan->ours = false;
	return tcp_sk(loan->ss->sk)->urg_data ? SLUICE_LEFT_URGENT : give(loan);
}

/**
 * sluice_loan_turn_over() - more may have arrived than the turn has dealt with
 * @loan: the loan
 *
 * Behind an answer that is not all sent, or for another turn.  It is held, as with
 * sluice_loan_hold(): a backend that was waked for something else, or by nobody, reads
 * what there is.
 * Context: socket locked, not busy.
 * Return: 0, or what it is left for.
 */
enum sluice_left sluice_loan_turn_over(struct sluice_loan *loan)
{
	sluice_sock_assert_turn(loan->ss->sk);
	if (unlikely(loan->dismissed)) {
		sluice_sock_discard(loan->ss->sk, SIZE_MAX);
		return 0;
	}
	if (loan->ours && !loan->looking && nothing_is_out(loan))
		return heard_meanwhile(loan);
	return 0;
}

/* --- taking back ---------------------------------------------------------------- */

static bool must_end(const struct sock *sk)
{
	return sk->sk_err || sock_flag(sk, SOCK_LINGER) || sk->sk_shutdown & SEND_SHUTDOWN;
}

/* Both of the same site. Context: any. */
static bool is_switched_on(const struct sluice_loan *loan)
{
	const struct sluice_site *site;
	bool on;

	rcu_read_lock();
	site = sluice_site_peek(loan->ss->store);
	on = site->returns && site->take_back;
	rcu_read_unlock();
	return on;
}

/* Another worker can go on where this one stops. */
static bool may_go_on(const struct sluice_loan *loan)
{
	const struct sock *sk = loan->ss->sk;

	if (!is_switched_on(loan) || loan->shut || sk->sk_state != TCP_ESTABLISHED ||
	    tcp_sk(sk)->urg_data)
		return false;
	return is_at_rest(loan) || is_untouched(loan);
}

static bool may_be_taken_back(const struct sluice_loan *loan)
{
	const struct sock *sk = loan->ss->sk;

	if (must_end(sk))
		return false;
	/* An answer that has begun is finished, whatever else is said. */
	if (loan->answering || loan->dismissed)
		return (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT);
	return may_go_on(loan);
}

/**
 * sluice_loan_shuts() - the backend shuts the connection down for writing
 * @loan: the loan; sk_shutdown does not say so
 *
 * Context: process; socket owned.
 * Return: 0 if it is to be taken back when it is closed; or what it is left for.
 */
enum sluice_left sluice_loan_shuts(const struct sluice_loan *loan)
{
	sluice_sock_assert_locked(loan->ss->sk);
	if (must_end(loan->ss->sk) || !may_go_on(loan))
		return SLUICE_LEFT_SHUTDOWN;
	return is_as_lent(loan) ? 0 : SLUICE_LEFT_OPTION;
}

/**
 * sluice_loan_closes() - the backend closes the connection
 * @loan: the loan
 *
 * Context: process; socket owned.
 * Return: 0 if it may be taken back; or what it is left for.
 */
enum sluice_left sluice_loan_closes(const struct sluice_loan *loan)
{
	sluice_sock_assert_locked(loan->ss->sk);
	if (!may_be_taken_back(loan))
		return SLUICE_LEFT_CLOSED;
	return loan->answering || loan->dismissed || is_as_lent(loan) ? 0 : SLUICE_LEFT_OPTION;
}

/*
 * Does it end behind our answer that is under way?  The rest may be the middle of a request,
 * if the backend has read meanwhile.  Socket owned, and it may be taken back.
 */
bool sluice_loan_ends(const struct sluice_loan *loan)
{
	return loan->answering && (loan->shut || !is_switched_on(loan) || !is_as_lent(loan) ||
				   !is_at_rest(loan));
}
