// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a client connection: birth, references, deadlines, leaving.
 *
 * Born with its first data or in the listener's turn, dies in the last
 * sluice_conn_put().  All its state is under the socket's lock, and only its turns
 * change it: on a lane, or right where data come; other callbacks, the timer and the
 * slow lane do no more than ring.
 * References:
 *
 *   the socket's user data, until sluice_conn_leave()
 *   a queued turn, and one that is taken
 *   a pending timer
 *   a job in the slow lane, its own or another's that it waits for
 *   the graveyard, until the socket is closed
 *
 * A job may be out when the connection dies.  It goes on to write what is its own, rings,
 * and nobody answers; sluice_conn_put() cleans up.
 */
#include <linux/err.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <net/tcp.h>

#include "base/pass_through.h"
#include "conn/client.h"
#include "conn/conn.h"
#include "loan/lend.h"
#include "reply/decide.h"
#include "sock/attach.h"
#include "store/object.h"

/* Until it is said in the log who owns a socket. */
#define OWNER_PATIENCE HZ

/*
 * All connections of an instance, for its end; a list per CPU, since nobody else reads it.
 * The first is the oldest: those in front of @mark were told that we leave, those behind it
 * know since they were born.
 */
struct conn_home {
	spinlock_t		lock;	/* protects the list */
	struct list_head	conns;
	struct list_head	mark;	/* its place, while we leave */
};

static struct kmem_cache *conn_slab;

/* --- references ---------------------------------------------------------- */

static void conn_free(struct sluice_conn *conn)
{
	struct sluice_conns *conns = conn->conns;

	percpu_counter_dec(&conns->count);
	sluice_stat_add(conns->stats, SLUICE_STAT_LIVE_CONNECTIONS, -1);
	kmem_cache_free(conn_slab, conn);
	/* Last: whoever ends the instance may go on from here. */
	percpu_ref_put(&conns->alive);
}

static void conn_free_rcu(struct rcu_head *rcu)
{
	conn_free(container_of(rcu, struct sluice_conn, rcu));
}

/* The last reference is gone. Context: any; nothing here sleeps. */
void sluice_conn_end(struct sluice_conn *conn)
{
	/* The socket still leads here: better never freed, and never unloaded. */
	if (SLUICE_WARN_ON(conn->state != CONN_GONE))
		return;

	if (!IS_ERR_OR_NULL(conn->client))
		sluice_client_put(conn->client);
	sluice_found_drop(&conn->found);
	sluice_answer_end(&conn->answer);
	kfree(conn->rest);
	sluice_job_free(&conn->job);
	sluice_sock_release(&conn->ss);
	/* Its wait queue may be looked at without a lock: see take_back(). */
	if (unlikely(conn->ss.taken_back))
		call_rcu(&conn->rcu, conn_free_rcu);
	else
		conn_free(conn);
}

/* Any context, any CPU: the lane will look at the connection once more. */
void sluice_conn_ring(struct sluice_conn *conn)
{
	if (test_and_set_bit(SLUICE_TURN_QUEUED, &conn->turn.flags))
		return;
	sluice_conn_get(conn);		/* put by conn_turn() */
	sluice_lane_queue_claimed(&conn->turn);
}

/* The same, later. Socket locked. */
void sluice_conn_ring_at(struct sluice_conn *conn, unsigned long when)
{
	if (!mod_timer(&conn->timer, when))
		sluice_conn_get(conn);		/* put by conn_timer() */
}

/* --- deadlines ----------------------------------------------------------- */

/* Softirq, without the lock. The turn finds out whether it was in earnest. */
static void conn_timer(struct timer_list *timer)
{
	struct sluice_conn *conn = timer_container_of(conn, timer, timer);

	sluice_conn_ring(conn);
	sluice_conn_put(conn);
}

static unsigned int wait_seconds(const struct sluice_conns *conns, enum conn_wait wait)
{
	switch (wait) {
	case WAIT_HEAD:
	case WAIT_BODY:
		return READ_ONCE(conns->header_timeout);
	case WAIT_REQUEST:
		return READ_ONCE(conns->keepalive_timeout);
	case WAIT_SPACE:
		return READ_ONCE(conns->send_timeout);
	case WAIT_LINGER:
		return READ_ONCE(conns->linger_timeout);
	case WAIT_NOTHING:
		break;
	}
	return 0;
}

/* There will be a turn when @wait has lasted too long. Socket locked. */
void sluice_conn_wait_for(struct sluice_conn *conn, enum conn_wait wait)
{
	if (conn->wait == wait)
		return;
	conn->wait = wait;
	conn->deadline = jiffies + wait_seconds(conn->conns, wait) * HZ;
}

/*
 * The timer may ring early, never late: while a connection is busy only
 * @deadline moves, not the timer.  Socket locked.
 */
void sluice_conn_arm_timer(struct sluice_conn *conn)
{
	if (conn->wait == WAIT_NOTHING)
		return;
	if (timer_pending(&conn->timer) &&
	    time_before_eq(conn->timer.expires, conn->deadline))
		return;
	if (!mod_timer(&conn->timer, conn->deadline))
		sluice_conn_get(conn);		/* put by conn_timer() */
}

static void conn_disarm_timer(struct sluice_conn *conn)
{
	if (timer_delete(&conn->timer))
		sluice_conn_put(conn);		/* not the last: a turn has one */
}

/* --- jobs ---------------------------------------------------------------- */

/* With the reference of sluice_conn_wait_for_job(). */
static void conn_job_done(struct sluice_job *job)
{
	struct sluice_conn *conn = container_of(job, struct sluice_conn, job);

	sluice_conn_ring(conn);
	sluice_conn_put(conn);
}

/* It is to be asked for, and rings when it is done. Socket locked. */
void sluice_conn_wait_for_job(struct sluice_conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->wait = WAIT_NOTHING;
	sluice_conn_get(conn);
}

/* --- leaving ------------------------------------------------------------- */

/* The socket is not ours any more. Socket locked. */
void sluice_conn_leave(struct sluice_conn *conn)
{
	struct conn_home *home = per_cpu_ptr(conn->conns->homes, conn->home);

	conn->state = CONN_GONE;
	sluice_request_abandon(&conn->answer);
	if (sluice_job_leave(&conn->job))
		sluice_conn_put(conn);		/* not the last: whoever asks has one */
	conn_disarm_timer(conn);

	spin_lock(&home->lock);
	list_del_init(&conn->list);
	spin_unlock(&home->lock);
}

/*
 * Close it. The reference of the socket's user data becomes the graveyard's.  One that
 * is lent is for the backend to close.  Socket locked.
 */
void sluice_conn_bury(struct sluice_conn *conn)
{
	if (conn->ss.loan) {
		sluice_lend_end(conn->ss.loan, SLUICE_LEFT_CLOSED);
		return;
	}
	sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_CLOSED);
	sluice_conn_leave(conn);
	sluice_sock_detach(&conn->ss);
	sluice_sock_bury(&conn->ss);
}

/*
 * Close it so that the client notices what is missing.  The caller has a reference.
 * Socket locked.
 */
void sluice_conn_abort(struct sluice_conn *conn)
{
	sluice_stat_inc(conn->conns->stats, SLUICE_STAT_CONNECTIONS_ABORTED);
	if (unlikely(conn->ss.loan)) {
		sluice_lend_abort(conn->ss.loan);
		return;
	}
	sluice_sock_reset_on_close(&conn->ss);
	sluice_conn_bury(conn);
}

/* --- birth --------------------------------------------------------------- */

/**
 * sluice_conn_alloc() - memory for one connection
 * @conns: of its instance
 *
 * Context: any.
 * Return: for sluice_conn_start() or sluice_conn_free_unused(); NULL without
 * memory, or when the instance ends.
 */
struct sluice_conn *sluice_conn_alloc(struct sluice_conns *conns)
{
	struct sluice_conn *conn;

	if (!percpu_ref_tryget_live(&conns->alive))
		return NULL;
	conn = kmem_cache_zalloc(conn_slab, SLUICE_GFP_WAITING);
	if (!conn) {
		sluice_stat_inc(conns->stats, SLUICE_STAT_OUT_OF_MEMORY);
		percpu_ref_put(&conns->alive);
		return NULL;
	}
	conn->conns = conns;
	conn->ss.stats = conns->stats;
	conn->ss.store = conns->store;
	conn->answer.stats = conns->stats;
	percpu_counter_inc(&conns->count);
	sluice_stat_inc(conns->stats, SLUICE_STAT_LIVE_CONNECTIONS);
	return conn;
}

/**
 * sluice_conn_init() - make ready what has no memory of before
 * @conn: from sluice_conn_alloc()
 * @sk:   its socket
 *
 * References: the socket's user data's, and the caller's.
 * Context: BH disabled.
 */
void sluice_conn_init(struct sluice_conn *conn, const struct sock *sk)
{
	struct sluice_conns *conns = conn->conns;

	refcount_set(&conn->ref, 2);
	conn->client = sluice_client_get(&conns->clients, sk);
	conn->state = IS_ERR(conn->client) ? CONN_REFUSE : CONN_HEAD;
	timer_setup(&conn->timer, conn_timer, 0);
	sluice_job_init(&conn->job, &conns->lookups, conn_job_done);
	conn->over_limit =
		percpu_counter_compare(&conns->count,
				       READ_ONCE(conns->max_connections)) > 0;
	conn->home = smp_processor_id();
	INIT_LIST_HEAD(&conn->list);
}

/* It is one of those who are told when the instance ends. BH disabled. */
void sluice_conn_settle(struct sluice_conn *conn)
{
	struct conn_home *home = per_cpu_ptr(conn->conns->homes, conn->home);

	spin_lock(&home->lock);
	list_add_tail(&conn->list, &home->conns);
	spin_unlock(&home->lock);
}

/* Context: any. */
void sluice_conn_free_unused(struct sluice_conn *conn)
{
	conn_free(conn);
}

/* --- all of them --------------------------------------------------------- */

/* The connection behind @at, which moves there; NULL, and @at is gone, at the mark. */
static struct sluice_conn *conn_behind(struct conn_home *home, struct list_head *at)
{
	struct sluice_conn *conn = NULL;
	struct list_head *next;

	spin_lock_bh(&home->lock);
	next = at->next;
	list_del(at);
	if (next != &home->mark) {
		conn = list_entry(next, struct sluice_conn, list);
		sluice_conn_get(conn);
		list_add(at, next);
	}
	spin_unlock_bh(&home->lock);
	return conn;
}

/* Each has a turn, or whoever owns it when he is done, and sees to itself in it. */
static void conns_tell_home(struct conn_home *home)
{
	struct sluice_conn *conn;
	struct list_head at;

	spin_lock_bh(&home->lock);
	list_move_tail(&home->mark, &home->conns);
	list_add(&at, &home->conns);
	spin_unlock_bh(&home->lock);
	while ((conn = conn_behind(home, &at))) {
		sluice_conn_ring(conn);
		sluice_conn_put(conn);
		cond_resched();
	}
}

/* Turns are under rcu_read_lock(): those that come later see @how by themselves. */
static void conns_tell(struct sluice_conns *conns, enum sluice_leaving how)
{
	int cpu;

	WRITE_ONCE(conns->leaving, how);
	synchronize_rcu();
	for_each_possible_cpu(cpu)
		conns_tell_home(per_cpu_ptr(conns->homes, cpu));
}

/* One that was told and is still there, counted, or NULL. */
static struct sluice_conn *conns_find_told(const struct sluice_conns *conns)
{
	struct sluice_conn *conn = NULL;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct conn_home *home = per_cpu_ptr(conns->homes, cpu);

		spin_lock_bh(&home->lock);
		if (home->conns.next != &home->mark) {
			conn = list_first_entry(&home->conns, struct sluice_conn, list);
			sluice_conn_get(conn);
		}
		spin_unlock_bh(&home->lock);
		if (conn)
			break;
	}
	return conn;
}

static bool conns_told_are_gone(const struct sluice_conns *conns)
{
	struct sluice_conn *conn = conns_find_told(conns);

	if (conn)
		sluice_conn_put(conn);
	return !conn;
}

/* What goes on without us goes, and what can end does, until it takes too long. */
static void conns_leave_gently(struct sluice_conns *conns)
{
	unsigned long since = jiffies;

	conns_tell(conns, SLUICE_LEAVE_GENTLY);
	while (!READ_ONCE(conns->in_haste) && !conns_told_are_gone(conns) &&
	       time_before(jiffies, since + READ_ONCE(conns->unload_timeout) * HZ))
		schedule_timeout_idle(1);
}

/* The rest.  Only one that the backend owns goes later, in the turn when it is released. */
static void conns_leave_now(struct sluice_conns *conns)
{
	unsigned long patience = jiffies + OWNER_PATIENCE;
	struct sluice_conn *conn;
	bool said = false;

	conns_tell(conns, SLUICE_LEAVE_NOW);
	while ((conn = conns_find_told(conns))) {
		if (!said && time_after(jiffies, patience))
			said = sluice_lend_say_who(&conn->ss);
		sluice_conn_put(conn);
		schedule_timeout_idle(1);
	}
}

static void conns_release(struct percpu_ref *ref)
{
	struct sluice_conns *conns = container_of(ref, struct sluice_conns, alive);

	conns->released(conns);
}

static void homes_init(struct sluice_conns *conns)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct conn_home *home = per_cpu_ptr(conns->homes, cpu);

		spin_lock_init(&home->lock);
		INIT_LIST_HEAD(&home->conns);
		INIT_LIST_HEAD(&home->mark);
	}
}

/**
 * sluice_conns_init() - an instance becomes live
 * @conns: its settings and @released are set
 * @store: the instance's
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int sluice_conns_init(struct sluice_conns *conns, struct sluice_store *store)
{
	int err;

	conns->leaving = SLUICE_STAY;
	conns->store = store;
	conns->stats = store->stats;
	conns->listener_count = 0;
	conns->attachment = NULL;
	conns->address_count = 0;
	conns->said = 0;
	sluice_lookups_init(&conns->lookups, store);
	conns->homes = alloc_percpu(struct conn_home);
	if (!conns->homes)
		return -ENOMEM;
	homes_init(conns);
	err = sluice_clients_init(&conns->clients, conns->stats);
	if (err)
		goto err_free_homes;
	err = percpu_counter_init(&conns->count, 0, GFP_KERNEL);
	if (err)
		goto err_exit_clients;
	err = percpu_ref_init(&conns->alive, conns_release, 0, GFP_KERNEL);
	if (err)
		goto err_destroy_counter;
	return 0;

err_destroy_counter:
	percpu_counter_destroy(&conns->count);
err_exit_clients:
	sluice_clients_exit(&conns->clients);
err_free_homes:
	free_percpu(conns->homes);
	return err;
}

/**
 * sluice_conns_leave() - give back what the backend can go on with, and end the rest
 * @conns: of the instance
 *
 * Those that come meanwhile go to the backend at once.  Afterwards nothing is lent.  That
 * is in bounded time but for a process of the backend's that does not let go of a socket:
 * nobody may touch that but its owner.
 * Context: process.
 */
void sluice_conns_leave(struct sluice_conns *conns)
{
	if (READ_ONCE(conns->unload_timeout) && !READ_ONCE(conns->in_haste))
		conns_leave_gently(conns);
	conns_leave_now(conns);
}

/* No connection is born any more, and @released is called soon. Context: process. */
void sluice_conns_stop(struct sluice_conns *conns)
{
	percpu_ref_kill(&conns->alive);
}

/**
 * sluice_conns_exit() - the instance is not live any more
 * @conns: @released was called
 *
 * Connections that were handed over are not ours and live on.
 * Context: process.
 */
void sluice_conns_exit(struct sluice_conns *conns)
{
	percpu_ref_exit(&conns->alive);
	percpu_counter_destroy(&conns->count);
	sluice_clients_exit(&conns->clients);
	free_percpu(conns->homes);
}

/* What those of all instances share. Context: module init. */
int sluice_conns_setup(void)
{
	int err;

	err = sluice_socks_init();
	if (err)
		return err;
	conn_slab = kmem_cache_create("sluice_conn", sizeof(struct sluice_conn),
				      0, SLAB_HWCACHE_ALIGN, NULL);
	if (conn_slab)
		return 0;
	sluice_socks_exit();
	return -ENOMEM;
}

/* No instance is live, and there is no connection. Context: module exit. */
void sluice_conns_teardown(void)
{
	sluice_attach_exit();
	sluice_socks_exit();
	/*
	 * A task may be on its way out of a hook or a callback, or have read the address of
	 * one of these or of an sk_prot of ours, and have been preempted: so it may have in
	 * recvmsg(), or when it aborts a child that nobody had accepted.
	 */
	synchronize_rcu_tasks();
	/*
	 * Whoever put the last references may still be on the way out: turns
	 * and jobs are waited for in sluice_lanes_exit(), timers here, and RCU callbacks
	 * when the module is almost gone.
	 */
	synchronize_rcu();
	kmem_cache_destroy(conn_slab);
}
