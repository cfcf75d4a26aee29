// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs for those who may sleep: finding a file in the slow lane, reading a page of it
 * in the lane of its disk.
 *
 * While a job is out the connection waits in a state of its own, and the fields
 * marked j are the job's.
 *
 * One connection looks a path up, and others that want the same follow it: when
 * it is done they ask the cache.  If that does not know, because it could not be
 * told for how long it would be true, each looks for itself: queueing up behind one
 * another would be no gain.  So a request follows once, and not longer than
 * LOOKUP_PATIENCE.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "conn/conn.h"
#include "conn/dispatch.h"
#include "conn/job.h"
#include "store/lookup.h"

/*
 * Lookups at a time, of the 256 places at least that the slow lane has: beyond, when a
 * file system does not answer, it is better to ask the backend than to wait.
 */
#define LOOKUPS_MAX 128
#define LOOKUP_PATIENCE HZ

/* Off the hit path. */
static atomic_t lookups = ATOMIC_INIT(0);

/* So are these: who leads, by path, and through him who follows. */
static DEFINE_SPINLOCK(leaders_lock);
static DEFINE_HASHTABLE(leaders, 6);

static void conn_await(struct sluice_conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->wait = WAIT_NOTHING;
	conn->job_done = false;
	sluice_conn_get(conn);		/* put by conn_awaited() */
}

static void conn_awaited(struct sluice_conn *conn)
{
	/* Pairs with the acquire in sluice_job_is_done(). */
	smp_store_release(&conn->job_done, true);
	sluice_conn_ring(conn);
	sluice_conn_put(conn);
}

/* Nobody finds this lookup any more. Those who did move to @followers. */
static void stop_leading(struct sluice_conn *leader,
			 struct hlist_head *followers)
{
	INIT_HLIST_HEAD(followers);
	spin_lock_bh(&leaders_lock);
	hash_del(&leader->peer);
	hlist_move_list(&leader->followers, followers);
	spin_unlock_bh(&leaders_lock);
}

/* A follower that dies or loses patience meanwhile has left by itself. */
static struct sluice_conn *take_follower(struct hlist_head *followers)
{
	struct sluice_conn *conn;

	spin_lock_bh(&leaders_lock);
	conn = hlist_entry_safe(followers->first, struct sluice_conn, peer);
	if (conn) {
		hlist_del_init(&conn->peer);
		conn->follows = false;
	}
	spin_unlock_bh(&leaders_lock);
	return conn;
}

static void conn_job_lookup(struct sluice_conn *leader)
{
	struct span path = { leader->path, leader->path_len };
	struct hlist_head followers;
	struct sluice_conn *conn;

	leader->found = sluice_lookup(path, leader->host_len);
	stop_leading(leader, &followers);
	kfree(leader->path);
	leader->path = NULL;
	atomic_dec(&lookups);
	conn_awaited(leader);
	while ((conn = take_follower(&followers))) {
		conn->alone = true;
		conn_awaited(conn);
	}
}

static void conn_job(struct work_struct *work)
{
	struct sluice_conn *conn = container_of(work, struct sluice_conn, job);

	if (conn->path) {
		conn_job_lookup(conn);
	} else {
		sluice_body_fill(&conn->body);
		conn_awaited(conn);
	}
}

static void conn_start_job(struct sluice_conn *conn, enum conn_state state,
			   struct workqueue_struct *lane)
{
	conn_await(conn, state);
	queue_work(lane, &conn->job);
}

void sluice_job_init(struct sluice_conn *conn)
{
	INIT_WORK(&conn->job, conn_job);
}

/*
 * All places are taken.  That passes quickly when a setting was changed and all
 * is looked up anew, and not at all when a disk does not answer.
 */
static bool lookup_may_wait(struct sluice_conn *conn)
{
	if (!conn->queues) {
		conn->queues = true;
		conn->patience = jiffies + LOOKUP_PATIENCE;
	}
	return time_before(jiffies, conn->patience);
}

static struct sluice_conn *find_leader(u32 hash, struct span path,
				       size_t host_len)
{
	struct sluice_conn *conn;

	lockdep_assert_held(&leaders_lock);
	hash_for_each_possible(leaders, conn, peer, hash) {
		struct span other = { conn->path, conn->path_len };

		if (conn->host_len == host_len && span_eq(other, path))
			return conn;
	}
	return NULL;
}

static void conn_follow(struct sluice_conn *conn, struct sluice_conn *leader)
{
	conn->follows = true;
	hlist_add_head(&conn->peer, &leader->followers);
	conn->patience = jiffies + LOOKUP_PATIENCE;
	conn_await(conn, CONN_LOOKUP);
	sluice_conn_ring_at(conn, conn->patience);
	sluice_stat_inc(SLUICE_STAT_LOOKUPS_SHARED);
}

/* Return: false if it does not follow anybody. Socket locked. */
static bool conn_unfollow(struct sluice_conn *conn)
{
	bool followed;

	spin_lock(&leaders_lock);
	followed = conn->follows;
	if (followed) {
		conn->follows = false;
		hlist_del_init(&conn->peer);
	}
	spin_unlock(&leaders_lock);
	if (followed)
		sluice_conn_put(conn);	/* not the last: whoever asks has one */
	return followed;
}

/*
 * Its own lookup, or somebody else's, so that of two on two CPUs one leads.
 * @path is the connection's if it has to do it.
 *
 * Return: 0 if it leads, 1 if it follows, -EBUSY if all places are taken.
 */
static int conn_lead_or_follow(struct sluice_conn *conn, u8 *path,
			       const struct sluice_verdict *verdict)
{
	struct span key = { path, verdict->key.len };
	/* What is wanted of a page is not in the cache alone: see use_page(). */
	bool alone = conn->alone || verdict->page;
	struct sluice_conn *leader = NULL;
	u32 hash = alone ? 0 : jhash(key.ptr, key.len, 0);
	int ret = 0;

	spin_lock(&leaders_lock);
	if (!alone)
		leader = find_leader(hash, key, verdict->host_len);
	if (leader) {
		conn_follow(conn, leader);
		ret = 1;
	} else if (atomic_inc_return(&lookups) > LOOKUPS_MAX) {
		atomic_dec(&lookups);
		ret = -EBUSY;
	} else {
		conn->path = path;
		conn->path_len = key.len;
		conn->host_len = verdict->host_len;
		if (!alone)
			hash_add(leaders, &conn->peer, hash);
	}
	spin_unlock(&leaders_lock);
	return ret;
}

/* Without memory or a free place the request is the backend's. */
static int lookup_refuse(struct sluice_conn *conn,
			 const struct sluice_verdict *verdict)
{
	conn->queues = false;
	conn->found_page = verdict->page;
	conn->found = ERR_PTR(-ENOMEM);
	return 1;
}

/**
 * sluice_job_lookup() - have a path looked up
 * @conn: its next request is for it, and stays unread
 * @verdict: its @key is NUL-terminated behind its last byte; copied
 *
 * Context: socket locked.
 * Return: 0 if a ring will follow, then @conn->found is set or the request is to
 * be looked at again; 1 if @conn->found is set already.
 */
int sluice_job_lookup(struct sluice_conn *conn,
		      const struct sluice_verdict *verdict)
{
	/* With the NUL. */
	u8 *path = kmemdup(verdict->key.ptr, verdict->key.len + 1, GFP_ATOMIC);
	int ret;

	if (!path) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		return lookup_refuse(conn, verdict);
	}
	ret = conn_lead_or_follow(conn, path, verdict);
	if (ret)
		kfree(path);
	if (ret < 0) {
		if (!lookup_may_wait(conn))
			return lookup_refuse(conn, verdict);
		conn->wait = WAIT_NOTHING;
		sluice_conn_ring_soon(conn);
		return 0;
	}
	conn->queues = false;
	if (ret)
		return 0;
	conn->alone = false;
	conn->found_page = verdict->page;
	conn_start_job(conn, CONN_LOOKUP, sluice_slow_lane);
	return 0;
}

/* Whatever it waits for, it does not any more: it dies. Socket locked. */
void sluice_job_leave(struct sluice_conn *conn)
{
	conn_unfollow(conn);
}

/* The next page of the body. Socket locked. */
void sluice_job_fill(struct sluice_conn *conn)
{
	conn_start_job(conn, CONN_FILL, sluice_body_lane(&conn->body));
}

/*
 * Its outcome can be looked at, or it has followed another's lookup for too long,
 * and there is none: it has to look for itself.  Socket locked.
 */
bool sluice_job_is_done(struct sluice_conn *conn)
{
	/* Pairs with the release in conn_awaited(). */
	if (smp_load_acquire(&conn->job_done))
		return true;
	if (!READ_ONCE(conn->follows))
		return false;
	if (time_before(jiffies, conn->patience)) {
		/* The timer may have been somebody else's in between. */
		sluice_conn_ring_at(conn, conn->patience);
		return false;
	}
	if (!conn_unfollow(conn))
		return false;
	conn->alone = true;
	return true;
}
