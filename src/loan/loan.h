/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A loan: what there is to know of a socket while the backend has it.
 *
 * It is there while the socket is lent, and no longer: @ss->loan is NULL otherwise.  The
 * way to it is the socket's user data, as always, and its lock; who has slept since, or
 * given that up, has to ask anew, for it may be over.  It ends in loan/lend.c alone, where
 * the room above is told.  All else says why it has to end, and leaves that to whoever called
 * it.
 */
#ifndef SLUICE_LOAN_LOAN_H
#define SLUICE_LOAN_LOAN_H

#include <linux/types.h>

#include "loan/follow.h"
#include "loan/left.h"
#include "sock/options.h"
#include "sock/sock.h"

struct http_request;
struct iov_iter;
struct sluice_lane;
struct sluice_loan;

/**
 * struct sluice_loan_ops - what the room above wants to hear of it, besides sluice_sock_ops
 * @over: it is the backend's alone. BH disabled, socket locked in either form; nobody uses
 *        @ss afterwards, so it may be freed
 * @back: it is ours again, and has to be rung. @kept: what was looked up is still of the
 *        next request; @ends: the answer under way is the last one. BH disabled, socket owned
 *        by the process that has closed it
 */
struct sluice_loan_ops {
	void (*over)(struct sluice_sock *ss);
	void (*back)(struct sluice_sock *ss, bool kept, bool ends);
};

/**
 * struct sluice_loan - what a socket is lent by
 * @ss:    const; the socket
 * @ops:   const
 * @ours:  ours is the turn: the next request is looked at, looked up or being answered
 * @looking: its file is looked for
 * @answering: our answer is not all in the socket yet; the backend's writes wait
 * @refused: one does, or may
 * @shut:  the backend has shut it down meanwhile
 * @closing: it has done so, and is told that the client has closed, till it closes too:
 *         what it shut down
 * @dismissed: we have told it that the client has closed: what comes now is nobody's
 * @missed: a turn found it owned: ring when it is released
 * @written: its owner has written, and does not read any more
 * @writers: tasks of the backend that are about to write
 * @writer: number of the task that was so last, for who waits for it
 * @follow: how far both streams were followed, and what is held
 * @options: what it was set to when it was lent
 * @rcu:   for sluice_lend_say_who(), which has no lock
 *
 * Under the socket's lock in either form.  What our own sends count, too, or what outlives it
 * is in struct sluice_sock.
 */
struct sluice_loan {
	struct sluice_sock		*ss;
	const struct sluice_loan_ops	*ops;
	bool				ours;
	bool				looking;
	bool				answering;
	bool				refused;
	bool				shut;
	bool				dismissed;
	bool				missed;
	bool				written;
	u8				closing;
	unsigned int			writers;
	pid_t				writer;
	struct sluice_follow		follow;
	struct sluice_options		options;
	struct rcu_head			rcu;
};

struct sluice_loan *sluice_loan_prepare(struct sluice_sock *ss,
					const struct sluice_loan_ops *ops,
					struct sluice_lane *lane, enum sluice_left *why);
void sluice_loan_drop(struct sluice_loan *loan);
void sluice_loan_free(struct sluice_loan *loan);

/* What the hooks hear. */
enum sluice_left sluice_loan_heard(struct sluice_loan *loan, bool *turn);
enum sluice_left sluice_loan_wrote(struct sluice_loan *loan, struct iov_iter *bytes,
				   size_t len);
enum sluice_left sluice_loan_shuts(const struct sluice_loan *loan);
enum sluice_left sluice_loan_closes(const struct sluice_loan *loan);
bool sluice_loan_ends(const struct sluice_loan *loan);

/* In a turn. */
enum sluice_left sluice_loan_look(struct sluice_loan *loan);
enum sluice_left sluice_loan_keep(struct sluice_loan *loan);
enum sluice_left sluice_loan_hold(struct sluice_loan *loan);
enum sluice_left sluice_loan_pass_on(struct sluice_loan *loan);
enum sluice_left sluice_loan_turn_over(struct sluice_loan *loan);
void sluice_loan_take(struct sluice_loan *loan, const struct http_request *req);
void sluice_loan_admit(struct sluice_loan *loan);

/* What was looked up is of the next request; or the backend has come upon that. */
static inline bool sluice_loan_is_kept(const struct sluice_loan *loan)
{
	return loan->looking && loan->follow.held;
}

/* The next @len bytes are of a request that was ours. Socket locked, not busy. */
static inline void sluice_loan_served(struct sluice_loan *loan, size_t len)
{
	loan->follow.exchange.at += len;
}

/* From here on the backend's writes wait. Socket locked, not busy. */
static inline void sluice_loan_begin_answer(struct sluice_loan *loan)
{
	loan->answering = true;
}

/* Socket locked, not busy. */
static inline void sluice_loan_end_answer(struct sluice_loan *loan)
{
	loan->answering = false;
	if (unlikely(loan->refused))
		sluice_loan_admit(loan);
}

/* A turn found it owned: there will be another. Spinning lock held. */
static inline void sluice_loan_miss(struct sluice_loan *loan)
{
	loan->missed = true;
}

#endif /* SLUICE_LOAN_LOAN_H */
