// SPDX-License-Identifier: GPL-2.0
/*
 * When a connection has a turn: what its socket hears, and the first one.
 *
 * The only callers of the ladder.  A turn is taken on a lane, or right where data come.
 */
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "conn/conn.h"
#include "conn/ladder.h"
#include "conn/turn.h"
#include "loan/loan.h"

/* --- what the socket hears ------------------------------------------------- */

static void conn_sock_ring(struct sluice_sock *ss)
{
	sluice_conn_ring(container_of(ss, struct sluice_conn, ss));
}

/*
 * A turn right where the data come, unless the lane is in use.  Who has a turn in the
 * queue, for one because he has had all that one turn may have, waits for that: it will
 * see the data.
 */
static void conn_sock_serve(struct sluice_sock *ss)
{
	struct sluice_conn *conn = container_of(ss, struct sluice_conn, ss);
	struct sluice_lane *lane;

	if (unlikely(test_bit(SLUICE_TURN_QUEUED, &conn->turn.flags)))
		return;
	lane = sluice_lane_borrow();
	if (unlikely(!lane)) {
		sluice_conn_ring(conn);
		return;
	}
	sluice_conn_get(conn);		/* it may be buried, or the backend's alone */
	sluice_ladder_run(conn, lane);
	sluice_conn_put(conn);
	sluice_lane_return(lane);
}

static void conn_sock_buried(struct sluice_sock *ss)
{
	sluice_conn_put(container_of(ss, struct sluice_conn, ss));
}

static const struct sluice_sock_ops conn_sock_ops = {
	.ring	= conn_sock_ring,
	.serve	= conn_sock_serve,
	.buried	= conn_sock_buried,
};

/* --- turns ------------------------------------------------------------------ */

/* Socket locked in either form. */
static void conn_run(struct sluice_conn *conn, struct sluice_lane *lane)
{
	if (unlikely(conn->state == CONN_GONE))
		return;
	if (likely(!sluice_sock_is_busy(&conn->ss))) {
		sluice_ladder_run(conn, lane);
	} else if (conn->ss.loan) {
		sluice_loan_miss(conn->ss.loan);
	} else {
		/*
		 * ss -K or the like, which does not say when it is done; but it will
		 * not take long, and is the administrator's.
		 */
		sluice_conn_ring_soon(conn);
	}
}

/* A turn on a lane: BH disabled. */
static void conn_turn(struct sluice_turn *turn, struct sluice_lane *lane)
{
	struct sluice_conn *conn = container_of(turn, struct sluice_conn, turn);

	rcu_read_lock();	/* for the site, and what is cached for it */
	sluice_sock_lock(&conn->ss);
	conn_run(conn, lane);
	sluice_sock_unlock(&conn->ss);
	rcu_read_unlock();
	sluice_conn_put(conn);
}

/**
 * sluice_conn_start() - a connection begins
 * @conn: from sluice_conn_alloc(), taken over
 * @req:  from the listener's accept queue, taken over
 * @lis:  that listener
 * @lane: whose turn it is
 *
 * Takes its first step at once: data may have come before the hooks.
 * Context: BH disabled, rcu_read_lock(); the child's socket locked by the caller, who
 * has a reference of his own until he has unlocked it.
 */
void sluice_conn_start(struct sluice_conn *conn, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       struct sluice_lane *lane)
{
	sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_ACCEPTED);
	conn->turn.run = conn_turn;
	sluice_conn_init(conn, req->sk);
	if (unlikely(sluice_sock_attach(&conn->ss, req, lis, &conn_sock_ops))) {
		conn->state = CONN_GONE;
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_CLOSED);
		sluice_sock_bury(&conn->ss);
	} else {
		sluice_conn_settle(conn);
	}

	/* Another CPU may queue a turn as soon as the lock is free: it orders them. */
	conn_run(conn, lane);
	sluice_conn_put(conn);
}

/* More than that are the server's. */
static bool conns_have_room(struct sluice_conns *conns)
{
	return percpu_counter_compare(&conns->count, READ_ONCE(conns->max_connections)) < 0;
}

/**
 * sluice_conn_adopt() - a connection to the server's own port begins
 * @conns:      of the instance
 * @child:      TCP is about to have it: see sluice_sock_adopt()
 * @socket_ops: see there
 *
 * Its first turn comes with its first data; or at once, if all that it gets is a reset.
 * Context: softirq, rcu_read_lock(); child locked by TCP.
 * Return: false if it is not ours, and as it was.
 */
bool sluice_conn_adopt(struct sluice_conns *conns, struct sock *child,
		       const struct proto_ops *socket_ops)
{
	struct sluice_conn *conn;

	if (unlikely(READ_ONCE(sluice_pass_through))) {
		sluice_stat_inc(conns->stats, SLUICE_STAT_CONNECTIONS_PASSED_THROUGH);
		return false;
	}
	if (unlikely(!conns_have_room(conns))) {
		sluice_stat_inc(conns->stats, SLUICE_STAT_CONNECTIONS_OVER_LIMIT);
		return false;
	}
	conn = sluice_conn_alloc(conns);
	if (unlikely(!conn))
		return false;
	sluice_stat_inc(conns->stats, SLUICE_STAT_CONNECTIONS_ACCEPTED);
	conn->turn.run = conn_turn;
	sluice_conn_init(conn, child);
	sluice_sock_adopt(&conn->ss, child, socket_ops, &conn_sock_ops);
	sluice_conn_settle(conn);
	if (unlikely(conn->state == CONN_REFUSE))
		sluice_conn_ring(conn);
	sluice_conn_wait_for(conn, WAIT_HEAD);
	sluice_conn_arm_timer(conn);
	sluice_conn_put(conn);
	return true;
}
