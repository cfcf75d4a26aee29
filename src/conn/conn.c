// SPDX-License-Identifier: GPL-2.0
/*
 * One client connection: its life and its state ladder.
 *
 * Born in the listener's turn, dies in the last conn_put().  All its state is
 * under the socket's lock, and only its turns change it; callbacks, the timer
 * and the slow lane do no more than ring.  References:
 *
 *   the socket's user data, until conn_leave()
 *   a queued turn
 *   a pending timer
 *   a job in the slow lane
 *   the graveyard, until the socket is closed
 *
 * A job may be out when the connection dies.  It goes on to write the fields
 * that are its own, rings, and nobody answers; conn_put() cleans up.
 */
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <net/tcp.h>

#include "conn/conn.h"
#include "conn/dispatch.h"
#include "http/parse.h"
#include "reply/reply.h"
#include "sock/handoff.h"
#include "sock/lane.h"
#include "sock/send.h"
#include "sock/sock.h"
#include "sock/stats.h"
#include "store/body.h"
#include "store/lookup.h"
#include "store/object.h"

/* Up to here a body is cheaper copied behind its head than sent as a page. */
#define COPY_MAX 4096
/* Requests and bytes per turn: then it is another connection's turn. */
#define TURN_REQUESTS 16
#define TURN_BYTES (512 * 1024)
/*
 * Lookups at a time.  A file system that does not answer must not keep the cold
 * pages of others waiting: the slow lane has 256 places at least.
 */
#define LOOKUPS_MAX 128
/* What a client may still send to a connection that is closing. */
#define LINGER_BYTES (1024 * 1024)

unsigned int sluice_backend_port;
unsigned int sluice_backend_uid;	/* root */
unsigned int sluice_max_connections = 65536;
unsigned int sluice_max_head_size = 8192;
unsigned int sluice_header_timeout = 20;
unsigned int sluice_keepalive_timeout = 75;
unsigned int sluice_send_timeout = 60;
unsigned int sluice_linger_timeout = 5;

/*
 * HEAD -> (LOOKUP -> HEAD) -> SEND <-> FILL -> HEAD | CLOSE -> LINGER -> GONE
 *      -> HANDOFF -> GONE | SEND
 */
enum conn_state {
	CONN_HEAD,	/* a request head is complete, or on its way */
	CONN_LOOKUP,	/* the slow lane finds the file of the next request */
	CONN_SEND,	/* a response is on its way */
	CONN_FILL,	/* the slow lane reads the next page of the body */
	CONN_HANDOFF,	/* the backend's, once earlier responses are acked */
	CONN_CLOSE,	/* answered for the last time */
	CONN_LINGER,	/* shut down; until the client has read it and left */
	CONN_GONE,	/* the socket is not ours any more */
};

/* What the deadline is about. The same wait, without progress, keeps it. */
enum conn_wait {
	WAIT_NOTHING,
	WAIT_HEAD,	/* absolute: a head that drips in does not extend it */
	WAIT_REQUEST,
	WAIT_SPACE,
	WAIT_LINGER,
};

/**
 * struct sluice_conn - a connection
 *
 * Field letters: c const after birth, s the socket's lock, j the job's while
 * one is out, else the socket's lock, a atomic.
 *
 * @ss:          s the socket and its hooks
 * @turn:        a its place on a lane
 * @ref:         a see the head of this file
 * @state:       s
 * @wait:        s what @deadline is about
 * @deadline:    s jiffies
 * @timer:       rings at or before @deadline
 * @keep_alive:  s the response under way is not the last
 * @linger:      s read what the client still sends before closing
 * @served:      s a request was answered: the next may be long in coming
 * @over_limit:  c too many connections: for the backend or nobody
 * @head_only:   s of the request to hand over, in case nobody takes it
 * @status:      s likewise: what to answer then
 * @why:         s likewise: the counter if somebody does
 * @lingered:    s bytes read while lingering
 * @requests_left: s this turn may answer
 * @bytes_left:  s this turn may send of bodies
 * @body:        s what is left of the response's body
 * @rest:        s what is left of its head, or NULL
 * @rest_len:    s bytes of @rest
 * @rest_off:    s of which so many are sent
 * @job:         runs in the slow lane
 * @job_done:    set with release when it is
 * @path:        j to be looked up, or NULL
 * @path_len:    j
 * @found:       j what came of it; NULL when nothing was looked up
 * @home:        c CPU whose list of connections this is on
 * @list:        place on it
 */
struct sluice_conn {
	struct sluice_turn	turn;
	refcount_t		ref;
	enum conn_state		state;
	enum conn_wait		wait;
	bool			keep_alive;
	bool			linger;
	bool			served;
	bool			over_limit;
	bool			head_only;
	bool			job_done;
	u16			status;
	enum sluice_stat	why;
	u32			lingered;
	u32			requests_left;
	u32			bytes_left;
	unsigned long		deadline;
	struct timer_list	timer;

	struct sluice_body	body;
	u8			*rest;
	u32			rest_len;
	u32			rest_off;

	struct work_struct	job;
	u8			*path;
	size_t			path_len;
	struct sluice_object	*found;

	int			home;
	struct list_head	list;

	struct sluice_sock	ss;
};

/* All connections, for unload; a list per CPU, since nobody else reads it. */
struct conn_home {
	spinlock_t		lock;	/* protects the list */
	struct list_head	conns;
};

static DEFINE_PER_CPU(struct conn_home, homes);
static struct kmem_cache *conn_slab;
static struct percpu_counter conn_count;

/* Each connection holds one: killed at unload, which then waits for zero. */
static struct percpu_ref conns_alive;
static DECLARE_COMPLETION(conns_all_gone);

/* Jobs that look a path up; off the hit path. */
static atomic_t lookups = ATOMIC_INIT(0);

static void conn_turn(struct sluice_turn *turn, struct sluice_lane *lane);

/* --- references ---------------------------------------------------------- */

static void conn_get(struct sluice_conn *conn)
{
	refcount_inc(&conn->ref);
}

static void conn_free(struct sluice_conn *conn)
{
	percpu_counter_dec(&conn_count);
	sluice_stat_add(SLUICE_STAT_LIVE_CONNECTIONS, -1);
	kmem_cache_free(conn_slab, conn);
	/* Last: unload may go on from here. */
	percpu_ref_put(&conns_alive);
}

/* Context: any; nothing here sleeps. */
static void conn_put(struct sluice_conn *conn)
{
	if (!refcount_dec_and_test(&conn->ref))
		return;

	if (!IS_ERR_OR_NULL(conn->found))
		sluice_object_put(conn->found);
	sluice_body_end(&conn->body);
	kfree(conn->rest);
	kfree(conn->path);
	sluice_sock_release(&conn->ss);
	conn_free(conn);
}

/* Any context, any CPU: the lane will look at the connection once more. */
static void conn_ring(struct sluice_conn *conn)
{
	if (test_and_set_bit(SLUICE_TURN_QUEUED, &conn->turn.flags))
		return;
	conn_get(conn);		/* put by conn_turn() */
	sluice_lane_queue_claimed(&conn->turn);
}

static void conn_sock_ring(struct sluice_sock *ss)
{
	conn_ring(container_of(ss, struct sluice_conn, ss));
}

static void conn_sock_buried(struct sluice_sock *ss)
{
	conn_put(container_of(ss, struct sluice_conn, ss));
}

static const struct sluice_sock_ops conn_sock_ops = {
	.ring	= conn_sock_ring,
	.buried	= conn_sock_buried,
};

/* --- deadlines ----------------------------------------------------------- */

/* Softirq, without the lock. The turn finds out whether it was in earnest. */
static void conn_timer(struct timer_list *timer)
{
	struct sluice_conn *conn = timer_container_of(conn, timer, timer);

	conn_ring(conn);
	conn_put(conn);
}

static unsigned int wait_seconds(enum conn_wait wait)
{
	switch (wait) {
	case WAIT_HEAD:
		return READ_ONCE(sluice_header_timeout);
	case WAIT_REQUEST:
		return READ_ONCE(sluice_keepalive_timeout);
	case WAIT_SPACE:
		return READ_ONCE(sluice_send_timeout);
	case WAIT_LINGER:
		return READ_ONCE(sluice_linger_timeout);
	case WAIT_NOTHING:
		break;
	}
	return 0;
}

static void conn_wait_for(struct sluice_conn *conn, enum conn_wait wait)
{
	if (conn->wait == wait)
		return;
	conn->wait = wait;
	conn->deadline = jiffies + wait_seconds(wait) * HZ;
}

/*
 * The timer may ring early, never late: while a connection is busy only
 * @deadline moves, not the timer.
 */
static void conn_arm_timer(struct sluice_conn *conn)
{
	if (conn->wait == WAIT_NOTHING)
		return;
	if (timer_pending(&conn->timer) &&
	    time_before_eq(conn->timer.expires, conn->deadline))
		return;
	if (!mod_timer(&conn->timer, conn->deadline))
		conn_get(conn);		/* put by conn_timer() */
}

static void conn_disarm_timer(struct sluice_conn *conn)
{
	if (timer_delete(&conn->timer))
		conn_put(conn);		/* not the last: a turn has one */
}

/* --- leaving ------------------------------------------------------------- */

/* The socket is not ours any more. Socket locked. */
static void conn_leave(struct sluice_conn *conn)
{
	struct conn_home *home = per_cpu_ptr(&homes, conn->home);

	conn->state = CONN_GONE;
	conn_disarm_timer(conn);

	spin_lock(&home->lock);
	list_del_init(&conn->list);
	spin_unlock(&home->lock);
}

/* Close it. The reference of the socket's user data becomes the graveyard's. */
static void conn_bury(struct sluice_conn *conn)
{
	sluice_stat_inc(SLUICE_STAT_CONNECTIONS_CLOSED);
	conn_leave(conn);
	sluice_sock_detach(&conn->ss);
	sluice_sock_bury(&conn->ss);
}

/* Close it so that the client notices that something is missing. */
static void conn_abort(struct sluice_conn *conn)
{
	sluice_stat_inc(SLUICE_STAT_CONNECTIONS_ABORTED);
	sluice_sock_reset_on_close(&conn->ss);
	conn_bury(conn);
}

/* --- jobs in the slow lane ----------------------------------------------- */

static void conn_job(struct work_struct *work)
{
	struct sluice_conn *conn = container_of(work, struct sluice_conn, job);

	if (conn->path) {
		struct span path = { conn->path, conn->path_len };

		conn->found = sluice_lookup(path);
		kfree(conn->path);
		conn->path = NULL;
		atomic_dec(&lookups);
	} else {
		sluice_body_fill(&conn->body);
	}
	/* Pairs with the acquire in conn_try_resume(). */
	smp_store_release(&conn->job_done, true);
	conn_ring(conn);
	conn_put(conn);
}

static void conn_start_job(struct sluice_conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->wait = WAIT_NOTHING;
	conn->job_done = false;
	conn_get(conn);		/* put by conn_job() */
	queue_work(sluice_slow_lane, &conn->job);
}

/* --- the ladder ---------------------------------------------------------- */
/*
 * Each step: > 0 look at the state again, 0 wait for a ring, < 0 the connection
 * cannot go on.  Socket locked, not busy.
 */

static int conn_try_resume(struct sluice_conn *conn)
{
	/* Pairs with the release in conn_job(). */
	if (!smp_load_acquire(&conn->job_done))
		return 0;
	conn->state = conn->state == CONN_LOOKUP ? CONN_HEAD : CONN_SEND;
	return 1;
}

static int conn_finish_response(struct sluice_conn *conn)
{
	sluice_body_end(&conn->body);
	conn->served = true;
	conn->wait = WAIT_NOTHING;
	conn->state = conn->keep_alive ? CONN_HEAD : CONN_CLOSE;
	return 1;
}

static int conn_send_rest(struct sluice_conn *conn, struct sluice_lane *lane)
{
	while (conn->rest) {
		struct kvec vec = {
			.iov_base = conn->rest + conn->rest_off,
			.iov_len = conn->rest_len - conn->rest_off,
		};
		int ret;

		ret = sluice_send_bytes(lane, &conn->ss, &vec, 1, vec.iov_len,
					sluice_body_left(&conn->body));
		if (ret < 0)
			return ret;
		sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
		conn->wait = WAIT_NOTHING;
		conn->rest_off += ret;
		if (conn->rest_off == conn->rest_len) {
			kfree(conn->rest);
			conn->rest = NULL;
		}
	}
	return 0;
}

static int conn_send_body(struct sluice_conn *conn)
{
	while (sluice_body_left(&conn->body)) {
		struct bio_vec bv[SLUICE_BODY_BATCH];
		unsigned int n;
		size_t len;
		int ret;

		ret = sluice_body_gather(&conn->body, bv, &n, &len);
		if (ret < 0)
			return ret;
		ret = sluice_send_pages(&conn->ss, bv, n, len);
		sluice_body_release(bv, n);
		if (ret < 0)
			return ret;

		sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
		sluice_body_advance(&conn->body, ret);
		conn->wait = WAIT_NOTHING;
		if (conn->bytes_left <= ret) {
			conn_ring(conn);	/* others first */
			return -EINPROGRESS;
		}
		conn->bytes_left -= ret;
	}
	return 0;
}

static int conn_try_send(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int ret;

	ret = conn_send_rest(conn, lane);
	if (!ret)
		ret = conn_send_body(conn);
	switch (ret) {
	case 0:
		return conn_finish_response(conn);
	case -EINPROGRESS:
		return 0;
	case -EAGAIN:
		conn_wait_for(conn, WAIT_SPACE);
		return 0;
	case -ENODATA:		/* a page is not in memory */
		conn_start_job(conn, CONN_FILL);
		return 0;
	case -ESTALE:
		sluice_stat_inc(SLUICE_STAT_FILES_TRUNCATED);
		fallthrough;
	default:
		return ret;
	}
}

/* Keep what the socket did not take of a head that is in the lane's buffer. */
static int conn_keep_rest(struct sluice_conn *conn, struct span head)
{
	conn->rest = kmemdup(head.ptr, head.len, GFP_ATOMIC);
	if (!conn->rest) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	conn->rest_len = head.len;
	conn->rest_off = 0;
	return 0;
}

/*
 * Begin a response: as much as the socket takes, in as few segments as it
 * takes.  A small body whose page is there leaves in the segment of the head.
 */
static int conn_answer(struct sluice_conn *conn, struct sluice_lane *lane,
		       struct sluice_answer *answer)
{
	struct kvec vec[2] = {
		{ (void *)answer->head.ptr, answer->head.len },
	};
	struct page *page = NULL;
	unsigned int n = 1;
	size_t copied = 0;
	int ret;

	conn->state = CONN_SEND;
	if (answer->obj) {
		sluice_body_begin(&conn->body, answer->obj);
		if (answer->obj->size <= COPY_MAX)
			page = sluice_body_get_page(&conn->body);
	}
	if (page) {
		copied = answer->obj->size;
		vec[1].iov_base = page_address(page);
		vec[1].iov_len = copied;
		n = 2;
	}

	ret = sluice_send_bytes(lane, &conn->ss, vec, n, answer->head.len + copied,
				sluice_body_left(&conn->body) > copied);
	if (page)
		put_page(page);
	if (ret < 0 && ret != -EAGAIN)
		return ret;
	ret = max(ret, 0);
	sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
	if (likely(ret >= answer->head.len)) {
		sluice_body_advance(&conn->body, ret - answer->head.len);
	} else {
		answer->head.ptr += ret;
		answer->head.len -= ret;
		ret = conn_keep_rest(conn, answer->head);
		if (ret)
			return ret;
	}
	if (likely(!conn->rest && !sluice_body_left(&conn->body)))
		return conn_finish_response(conn);
	return 1;
}

static enum sluice_stat error_stat(u16 status)
{
	switch (status) {
	case 400: return SLUICE_STAT_ERROR_400;
	case 403: return SLUICE_STAT_ERROR_403;
	case 404: return SLUICE_STAT_ERROR_404;
	case 405: return SLUICE_STAT_ERROR_405;
	case 412: return SLUICE_STAT_ERROR_412;
	case 413: return SLUICE_STAT_ERROR_413;
	case 414: return SLUICE_STAT_ERROR_414;
	case 431: return SLUICE_STAT_ERROR_431;
	case 501: return SLUICE_STAT_ERROR_501;
	case 505: return SLUICE_STAT_ERROR_505;
	}
	return SLUICE_STAT_ERROR_503;
}

static int conn_refuse(struct sluice_conn *conn, struct sluice_lane *lane,
		       u16 status, bool head_only)
{
	struct sluice_reply_to to = {
		.keep_alive = conn->keep_alive,
		.head_only = head_only,
	};
	struct sluice_answer answer;

	sluice_stat_inc(SLUICE_STAT_REQUESTS);
	sluice_stat_inc(SLUICE_STAT_ERRORS);
	sluice_stat_inc(error_stat(status));
	sluice_error_answer(lane, to, status, &answer);
	return conn_answer(conn, lane, &answer);
}

static int conn_serve(struct sluice_conn *conn, struct sluice_lane *lane,
		      const struct http_request *req,
		      struct sluice_verdict *verdict)
{
	struct sluice_reply_to to = {
		.keep_alive = conn->keep_alive,
		.head_only = req->method == HTTP_HEAD,
	};
	struct sluice_answer answer;

	sluice_stat_inc(SLUICE_STAT_REQUESTS);
	switch (verdict->kind) {
	case SLUICE_SERVE:
		sluice_stat_inc(verdict->status == 304 ?
				SLUICE_STAT_NOT_MODIFIED : SLUICE_STAT_SERVED);
		sluice_static_answer(lane, to, verdict->status, verdict->obj,
				     &answer);
		break;
	default:
		sluice_stat_inc(SLUICE_STAT_REDIRECTED);
		sluice_redirect_answer(lane, to, verdict->target.path,
				       verdict->target.query, &answer);
		break;
	}
	if (answer.obj)
		verdict->obj = NULL;	/* the body's now */
	return conn_answer(conn, lane, &answer);
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
	return 1;
}

/* Without a lookup, for want of memory or of places, it is the backend's. */
static int conn_skip_lookup(struct sluice_conn *conn)
{
	conn->found = ERR_PTR(-ENOMEM);
	return 1;
}

static int conn_begin_lookup(struct sluice_conn *conn, struct span path)
{
	if (atomic_inc_return(&lookups) > LOOKUPS_MAX)
		goto err_dec;
	/* With the NUL that follows. */
	conn->path = kmemdup(path.ptr, path.len + 1, GFP_ATOMIC);
	if (!conn->path) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		goto err_dec;
	}
	conn->path_len = path.len;
	conn_start_job(conn, CONN_LOOKUP);
	return 0;

err_dec:
	atomic_dec(&lookups);
	return conn_skip_lookup(conn);
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
		return conn_begin_lookup(conn, verdict->target.path);
	if (verdict->kind == SLUICE_HAND_OVER)
		return conn_begin_handoff(conn, verdict, head_only);

	*used = head_len;
	/* A body that is not read must not pass for the next request. */
	conn->keep_alive = req->keep_alive && !verdict->close && !req->has_body;
	if (verdict->kind != SLUICE_REFUSE)
		return conn_serve(conn, lane, req, verdict);
	conn->linger = !conn->keep_alive;
	return conn_refuse(conn, lane, verdict->status, head_only);
}

/*
 * One request out of @buf.  > 0 when there may be another, -EAGAIN when its
 * head is not complete, otherwise as conn_try_head().
 */
static int conn_try_request(struct sluice_conn *conn, struct sluice_lane *lane,
			    const u8 *buf, size_t len, size_t *used)
{
	struct sluice_object *found = conn->found;
	struct sluice_verdict verdict;
	struct http_request req;
	enum http_error why;
	ssize_t head_len;
	int ret;

	head_len = http_parse(buf, len, READ_ONCE(sluice_max_head_size), &req,
			      &why);
	if (head_len == -EAGAIN)
		return -EAGAIN;

	if (unlikely(head_len < 0)) {
		sluice_dispatch_malformed(why, &verdict);
		req.method = HTTP_METHOD_OTHER;
		req.keep_alive = false;
		head_len = len;		/* if it is ours to answer, it is all */
	} else {
		conn->found = NULL;
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
	if (sluice_sock_at_eof(conn->ss.sk)) {
		conn->state = CONN_CLOSE;
		return 1;
	}
	if (partial || !conn->served)
		conn_wait_for(conn, WAIT_HEAD);
	else
		conn_wait_for(conn, WAIT_REQUEST);
	return 0;
}

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

/*
 * What has nothing to do with what the bytes say.  Urgent data are a second
 * stream that we do not understand.
 */
static bool conn_must_go(struct sluice_conn *conn)
{
	if (unlikely(conn->over_limit)) {
		conn_begin_handoff(conn, &over_limit_verdict, false);
		return true;
	}
	if (unlikely(tcp_sk(conn->ss.sk)->urg_data)) {
		conn_begin_handoff(conn, &urgent_verdict, false);
		return true;
	}
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

	if (conn_must_go(conn))
		return 1;

	len = sluice_sock_peek(sk, lane->head, SLUICE_LANE_HEAD);
	while (ret > 0 && off < len && conn->state == CONN_HEAD) {
		size_t used = 0;

		if (!conn->requests_left) {
			conn_ring(conn);	/* others first */
			ret = 0;
			break;
		}
		conn->requests_left--;
		if (!sluice_send_has_space(sk)) {
			conn_wait_for(conn, WAIT_SPACE);
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
	if (ret == -EAGAIN || (ret > 0 && conn->state == CONN_HEAD))
		return conn_wait_for_head(conn, off < len);
	return ret;
}

static int conn_try_handoff(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int err;

	err = READ_ONCE(sluice_standalone) ? -ECONNREFUSED :
		sluice_handoff(&conn->ss, READ_ONCE(sluice_backend_port),
			       READ_ONCE(sluice_backend_uid));
	switch (err) {
	case 0:
		if (!conn->over_limit) {	/* else nothing was read */
			sluice_stat_inc(SLUICE_STAT_REQUESTS);
			sluice_stat_inc(SLUICE_STAT_HANDED_OVER);
		}
		sluice_stat_inc(conn->why);
		sluice_stat_inc(SLUICE_STAT_CONNECTIONS_HANDED_OVER);
		conn_leave(conn);
		conn_put(conn);		/* the user data's; the turn has one */
		return 0;
	case -EAGAIN:
		conn_wait_for(conn, WAIT_SPACE);
		return 0;
	case -ECONNREFUSED:
		sluice_stat_inc(SLUICE_STAT_BACKEND_ABSENT);
		break;
	case -EACCES:
		sluice_stat_inc(SLUICE_STAT_BACKEND_UNTRUSTED);
		break;
	case -ENOBUFS:
		sluice_stat_inc(SLUICE_STAT_BACKEND_FULL);
		break;
	default:
		return err;
	}

	if (conn->over_limit) {		/* nothing was asked yet */
		sluice_stat_inc(SLUICE_STAT_CONNECTIONS_REFUSED);
		return -EBUSY;
	}
	conn->keep_alive = false;
	conn->linger = true;
	return conn_refuse(conn, lane, conn->status, conn->head_only);
}

/*
 * Closing with unread data, or data to come, makes tcp send a RST that may
 * overtake the response: read on for a while where that is likely.
 */
static int conn_try_close(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;

	if (sluice_sock_discard(sk))
		conn->linger = true;
	sluice_sock_shutdown(&conn->ss);
	if (conn->linger && !sluice_sock_at_eof(sk)) {
		conn->state = CONN_LINGER;
		conn->wait = WAIT_NOTHING;
		conn_wait_for(conn, WAIT_LINGER);
		return 1;
	}
	conn_bury(conn);
	return 0;
}

static int conn_try_linger(struct sluice_conn *conn)
{
	struct sock *sk = conn->ss.sk;

	conn->lingered += sluice_sock_discard(sk);
	if (conn->lingered <= LINGER_BYTES && !sluice_sock_at_eof(sk))
		return 0;
	conn_bury(conn);
	return 0;
}

static int conn_step(struct sluice_conn *conn, struct sluice_lane *lane)
{
	switch (conn->state) {
	case CONN_HEAD:
		return conn_try_head(conn, lane);
	case CONN_LOOKUP:
	case CONN_FILL:
		return conn_try_resume(conn);
	case CONN_SEND:
		return conn_try_send(conn, lane);
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
		conn_abort(conn);
		return;
	case WAIT_HEAD:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_HEADER);
		break;
	case WAIT_REQUEST:
		sluice_stat_inc(SLUICE_STAT_TIMEOUT_KEEPALIVE);
		break;
	default:
		break;
	}
	sluice_sock_discard(conn->ss.sk);
	conn_bury(conn);
}

static void conn_run(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int ret;

	if (sluice_sock_is_dead(conn->ss.sk)) {
		conn_bury(conn);
		return;
	}
	conn->requests_left = TURN_REQUESTS;
	conn->bytes_left = TURN_BYTES;
	do {
		ret = conn_step(conn, lane);
	} while (ret > 0);

	if (conn->state == CONN_GONE)
		return;
	if (ret < 0) {
		conn_abort(conn);
		return;
	}
	if (conn->wait != WAIT_NOTHING &&
	    time_after_eq(jiffies, conn->deadline)) {
		conn_time_out(conn);
		return;
	}
	conn_arm_timer(conn);
}

/* A turn on a lane: softirq. */
static void conn_turn(struct sluice_turn *turn, struct sluice_lane *lane)
{
	struct sluice_conn *conn = container_of(turn, struct sluice_conn, turn);

	sluice_sock_lock(&conn->ss);
	if (conn->state != CONN_GONE) {
		if (likely(!sluice_sock_is_busy(&conn->ss))) {
			conn_run(conn, lane);
		} else if (!mod_timer(&conn->timer, jiffies + 1)) {
			/* ss -K or the like: it will not take long. */
			conn_get(conn);
		}
	}
	sluice_sock_unlock(&conn->ss);
	conn_put(conn);
}

/* --- birth --------------------------------------------------------------- */

/**
 * sluice_conn_alloc() - memory for one connection
 *
 * Context: any.
 * Return: for sluice_conn_start() or sluice_conn_free_unused(); NULL without
 * memory, or when the module is leaving.
 */
struct sluice_conn *sluice_conn_alloc(void)
{
	struct sluice_conn *conn;

	if (!percpu_ref_tryget_live(&conns_alive))
		return NULL;
	conn = kmem_cache_zalloc(conn_slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!conn) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		percpu_ref_put(&conns_alive);
		return NULL;
	}
	percpu_counter_inc(&conn_count);
	sluice_stat_inc(SLUICE_STAT_LIVE_CONNECTIONS);
	return conn;
}

/* Context: any. */
void sluice_conn_free_unused(struct sluice_conn *conn)
{
	conn_free(conn);
}

/**
 * sluice_conn_start() - a connection begins
 * @conn:     from sluice_conn_alloc(), taken over
 * @req:      from the listener's accept queue, taken over
 * @listener: that listener
 * @lane:     whose turn it is
 *
 * Takes its first step at once: data may have come before the hooks.
 * Context: lane, no socket locked.
 */
void sluice_conn_start(struct sluice_conn *conn, struct request_sock *req,
		       const struct socket *listener,
		       struct sluice_lane *lane)
{
	struct sock *sk = req->sk;
	struct conn_home *home;
	int err;

	sluice_stat_inc(SLUICE_STAT_CONNECTIONS_ACCEPTED);
	conn->turn.run = conn_turn;
	refcount_set(&conn->ref, 2);	/* the user data's, and ours below */
	conn->state = CONN_HEAD;
	timer_setup(&conn->timer, conn_timer, 0);
	INIT_WORK(&conn->job, conn_job);
	conn->over_limit =
		percpu_counter_compare(&conn_count,
				       READ_ONCE(sluice_max_connections)) > 0;
	conn->home = smp_processor_id();

	INIT_LIST_HEAD(&conn->list);

	bh_lock_sock(sk);
	err = sluice_sock_attach(&conn->ss, req, listener, &conn_sock_ops);
	if (unlikely(err)) {
		conn->state = CONN_GONE;
		sluice_stat_inc(SLUICE_STAT_CONNECTIONS_CLOSED);
		sluice_sock_bury(&conn->ss);
	} else {
		home = per_cpu_ptr(&homes, conn->home);
		spin_lock(&home->lock);
		list_add_tail(&conn->list, &home->conns);
		spin_unlock(&home->lock);
	}
	bh_unlock_sock(sk);

	/* Another CPU may have queued a turn by now: the lock orders them. */
	conn_turn(&conn->turn, lane);
}

/* --- all of them --------------------------------------------------------- */

static struct sluice_conn *conn_take_one(struct conn_home *home)
{
	struct sluice_conn *conn;

	spin_lock_bh(&home->lock);
	conn = list_first_entry_or_null(&home->conns, struct sluice_conn, list);
	if (conn)
		conn_get(conn);
	spin_unlock_bh(&home->lock);
	return conn;
}

/* Return: false if it could not be done yet. Context: process. */
static bool conn_evict(struct sluice_conn *conn)
{
	bool busy;

	local_bh_disable();
	sluice_sock_lock(&conn->ss);
	busy = sluice_sock_is_busy(&conn->ss);
	if (!busy && conn->state != CONN_GONE) {
		if (conn->state == CONN_SEND || conn->state == CONN_FILL)
			conn_abort(conn);
		else
			conn_bury(conn);
	}
	sluice_sock_unlock(&conn->ss);
	local_bh_enable();
	return !busy;
}

static void conns_evict_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct conn_home *home = per_cpu_ptr(&homes, cpu);
		struct sluice_conn *conn;

		while ((conn = conn_take_one(home))) {
			if (!conn_evict(conn))
				usleep_range(50, 100);
			conn_put(conn);
			cond_resched();
		}
	}
}

static void conns_release(struct percpu_ref *ref)
{
	complete(&conns_all_gone);
}

int sluice_conns_init(void)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		struct conn_home *home = per_cpu_ptr(&homes, cpu);

		spin_lock_init(&home->lock);
		INIT_LIST_HEAD(&home->conns);
	}

	conn_slab = kmem_cache_create("sluice_conn", sizeof(struct sluice_conn),
				      0, SLAB_HWCACHE_ALIGN, NULL);
	if (!conn_slab)
		return -ENOMEM;
	err = percpu_counter_init(&conn_count, 0, GFP_KERNEL);
	if (err)
		goto err_destroy_slab;
	err = percpu_ref_init(&conns_alive, conns_release, 0, GFP_KERNEL);
	if (err)
		goto err_destroy_counter;
	return 0;

err_destroy_counter:
	percpu_counter_destroy(&conn_count);
err_destroy_slab:
	kmem_cache_destroy(conn_slab);
	return err;
}

/* No connection is born any more. Context: process. */
void sluice_conns_stop(void)
{
	percpu_ref_kill(&conns_alive);
}

/**
 * sluice_conns_exit() - close all connections and wait until they are gone
 *
 * After sluice_conns_stop(), and no listener is left.  Connections that were
 * handed over are not ours and live on.
 * Context: process.
 */
void sluice_conns_exit(void)
{
	conns_evict_all();
	wait_for_completion(&conns_all_gone);
	sluice_sock_exit();
	/*
	 * Whoever put the last references may still be on the way out: turns
	 * and jobs are waited for in sluice_lanes_exit(), timers here.
	 */
	synchronize_rcu();

	percpu_ref_exit(&conns_alive);
	percpu_counter_destroy(&conn_count);
	kmem_cache_destroy(conn_slab);
}
