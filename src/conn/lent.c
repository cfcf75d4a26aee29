// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection does when it is lent, when it comes back, and when that is over.
 *
 * Whose turn it is, and why, is for loan/loan.c to say.  While it is the backend's the
 * state is BACKEND; from there on the next request is the ladder's, as on any connection.
 */
#include "conn/conn.h"
#include "conn/lent.h"
#include "loan/lend.h"
#include "loan/loan.h"
#include "reply/decide.h"

/* --- what the loan has to say ----------------------------------------------- */

/* The backend has it alone: so it is gone, and may be freed. */
static void conn_loan_over(struct sluice_sock *ss)
{
	struct sluice_conn *conn = container_of(ss, struct sluice_conn, ss);

	sluice_conn_leave(conn);
	sluice_conn_put(conn);		/* the user data's */
}

/* The backend has closed it, or its worker has died. */
static void conn_loan_back(struct sluice_sock *ss, bool kept, bool ends)
{
	struct sluice_conn *conn = container_of(ss, struct sluice_conn, ss);

	/* The request that it was looked up for is answered, or is not the next one. */
	conn->outdated = !kept;
	if (conn->state == CONN_BACKEND) {
		conn->state = CONN_HEAD;
		conn->wait = WAIT_NOTHING;
	}
	if (ends)
		conn->answer.keep_alive = false;
	sluice_conn_ring(conn);
}

const struct sluice_loan_ops sluice_conn_loan_ops = {
	.over	= conn_loan_over,
	.back	= conn_loan_back,
};

/* --- in a turn --------------------------------------------------------------- */

/* Return: 0, as a step of the ladder that waits; or it is gone. */
static int wait_or_end(struct sluice_conn *conn, enum sluice_left why)
{
	if (unlikely(why))
		sluice_lend_end(conn->ss.loan, why);
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
	struct sluice_loan *loan = conn->ss.loan;
	bool kept = sluice_loan_is_kept(loan);
	enum sluice_left why = sluice_loan_look(loan);

	/* If not, the backend has begun to read it, or to close. */
	if (why || !kept || !loan->ours)
		sluice_found_drop(&conn->found);
	if (unlikely(why))
		return wait_or_end(conn, why);
	if (unlikely(loan->closing))
		sluice_conn_wait_for(conn, WAIT_LINGER);
	else
		conn->wait = WAIT_NOTHING;
	conn->state = loan->ours ? CONN_HEAD : CONN_BACKEND;
	return loan->ours;
}

/* The file of the next request is looked for. Socket locked, not busy. */
void sluice_conn_lent_keep(struct sluice_conn *conn)
{
	wait_or_end(conn, sluice_loan_keep(conn->ss.loan));
}

/* What has arrived is the beginning of a head, or nothing. Socket locked, not busy. */
int sluice_conn_lent_hold(struct sluice_conn *conn)
{
	conn->state = CONN_BACKEND;
	return wait_or_end(conn, sluice_loan_hold(conn->ss.loan));
}

/* What has arrived is the backend's. Socket locked, not busy. */
int sluice_conn_lent_pass_on(struct sluice_conn *conn)
{
	conn->wait = WAIT_NOTHING;
	conn->state = CONN_BACKEND;
	return wait_or_end(conn, sluice_loan_pass_on(conn->ss.loan));
}

/* More may have arrived than the turn has dealt with. Socket locked, not busy. */
void sluice_conn_lent_turn_over(struct sluice_conn *conn)
{
	wait_or_end(conn, sluice_loan_turn_over(conn->ss.loan));
}
