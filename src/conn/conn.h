/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client connections while sluice owns them: what one is, and its life.
 */
#ifndef SLUICE_CONN_CONN_H
#define SLUICE_CONN_CONN_H

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/timer.h>

#include "base/lane.h"
#include "base/stats.h"
#include "conn/conns.h"
#include "conn/job.h"
#include "reply/answer.h"
#include "reply/request.h"
#include "sock/sock.h"

struct sluice_client;

/*
 * HEAD -> (LOOKUP -> HEAD) -> SEND <-> FILL -> HEAD | CLOSE -> LINGER -> GONE
 *      -> HANDOFF -> GONE | SEND | BACKEND -> HEAD
 * REFUSE -> GONE
 *
 * From BACKEND on it is lent: HANDOFF leads to BACKEND again, and any state to GONE when
 * the backend shall have it alone, or to the same state when it is taken back.
 */
enum conn_state {
	CONN_REFUSE,	/* its client has too many */
	CONN_HEAD,	/* a request head is complete, or on its way */
	CONN_LOOKUP,	/* the slow lane finds the file of the next request */
	CONN_SEND,	/* a response is on its way */
	CONN_FILL,	/* the slow lane reads the next page of the body */
	CONN_HANDOFF,	/* the backend's, once earlier responses are acked */
	CONN_BACKEND,	/* it has requests to answer; or none has come since */
	CONN_CLOSE,	/* answered for the last time */
	CONN_LINGER,	/* shut down; until the client has read it and left */
	CONN_GONE,	/* the socket is not ours any more */
};

/* What the deadline is about. The same wait, without progress, keeps it. */
enum conn_wait {
	WAIT_NOTHING,
	WAIT_HEAD,	/* absolute: a head that drips in does not extend it */
	WAIT_REQUEST,
	WAIT_BODY,	/* absolute too: of a body that is dropped */
	WAIT_SPACE,
	WAIT_LINGER,
};

/**
 * struct sluice_conn - a connection
 *
 * Field letters: c const after birth, s the socket's lock, j the job's while one is
 * out, else the socket's lock, a atomic.
 *
 * @ss:          s the socket and its hooks
 * @conns:       c those of its instance
 * @turn:        a its place on a lane
 * @ref:         a see the head of this file
 * @state:       s
 * @wait:        s what @deadline is about
 * @deadline:    s jiffies
 * @timer:       rings at or before @deadline
 * @linger:      s read what the client still sends before closing
 * @served:      s a request was answered: the next may be long in coming
 * @client:      c whose count of connections this one is in, or NULL, or an ERR_PTR()
 * @over_limit:  c too many connections: for the backend or nobody
 * @lingered:    s bytes read while lingering
 * @skip:        s bytes of the last request's body that are to be dropped
 * @requests_left: s this turn may answer
 * @bytes_left:  s this turn may send of bodies
 * @answer:      s the request under way, and what is left of the answer to it; of its body
 *               j while a page is read
 * @rest:        s what is left of its head, or of what stands behind a body
 * @rest_len:    s bytes of @rest
 * @rest_off:    s of which so many are sent
 * @job:         what it has others do; its letters are said there
 * @found:       s what a lookup came to, until the request is looked at again
 * @outdated:    s for a request that the backend has had meanwhile
 * @home:        c CPU whose list of connections this is on
 * @list:        place on it
 * @rcu:         in the end, of one that was taken back
 */
struct sluice_conn {
	struct sluice_conns	*conns;
	struct sluice_turn	turn;
	refcount_t		ref;
	enum conn_state		state;
	enum conn_wait		wait;
	bool			linger;
	bool			served;
	bool			over_limit;
	u32			lingered;
	u32			skip;
	u32			requests_left;
	u32			bytes_left;
	unsigned long		deadline;
	struct timer_list	timer;
	struct sluice_client	*client;

	struct sluice_answer	answer;
	u8			*rest;
	u32			rest_len;
	u32			rest_off;

	struct sluice_job	job;
	struct sluice_found	found;
	bool			outdated;

	int			home;
	union {
		struct list_head	list;
		struct rcu_head		rcu;
	};

	struct sluice_sock	ss;
};

struct sluice_conn *sluice_conn_alloc(struct sluice_conns *conns);
void sluice_conn_free_unused(struct sluice_conn *conn);
void sluice_conn_init(struct sluice_conn *conn, const struct sock *sk);
void sluice_conn_settle(struct sluice_conn *conn);

static inline void sluice_conn_get(struct sluice_conn *conn)
{
	refcount_inc(&conn->ref);
}

void sluice_conn_end(struct sluice_conn *conn);

/* Context: any. */
static inline void sluice_conn_put(struct sluice_conn *conn)
{
	if (refcount_dec_and_test(&conn->ref))
		sluice_conn_end(conn);
}

void sluice_conn_ring(struct sluice_conn *conn);
void sluice_conn_ring_at(struct sluice_conn *conn, unsigned long when);

/* In a jiffy. Socket locked. */
static inline void sluice_conn_ring_soon(struct sluice_conn *conn)
{
	sluice_conn_ring_at(conn, jiffies + 1);
}

void sluice_conn_wait_for(struct sluice_conn *conn, enum conn_wait wait);
void sluice_conn_wait_for_job(struct sluice_conn *conn, enum conn_state state);
void sluice_conn_arm_timer(struct sluice_conn *conn);

void sluice_conn_leave(struct sluice_conn *conn);
void sluice_conn_bury(struct sluice_conn *conn);
void sluice_conn_abort(struct sluice_conn *conn);

int sluice_conns_setup(void);
void sluice_conns_teardown(void);

#endif /* SLUICE_CONN_CONN_H */
