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
 *
 * When all places are taken who comes waits in line, LOOKUP_PATIENCE at most, and whoever
 * is done gives its place to the first.  So no place is free while somebody waits, none is
 * lost with who dies, and nobody is overtaken.  Who waits in line leads already; if it
 * leaves, one of those who follow it has its place in the line.
 */
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/list.h>
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

/*
 * Who leads, by path, and through him who follows; those of them who wait for a place, in
 * line; and the places that are taken.  All off the hit path.
 */
static DEFINE_SPINLOCK(leaders_lock);
static DEFINE_HASHTABLE(leaders, 6);
static LIST_HEAD(line);
static unsigned int lookups;

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

/*
 * The place that one has left is the next one's, who need not be asked: if he dies his
 * lookup goes on, as any does, and the place goes on when it is done.
 */
static void pass_place(void)
{
	struct sluice_conn *next = list_first_entry_or_null(&line, struct sluice_conn, place);

	lockdep_assert_held(&leaders_lock);
	if (!next) {
		lookups--;
		return;
	}
	list_del(&next->place);
	next->waits = WAITS_FOR_NONE;
	queue_work(sluice_slow_lane, &next->job);
}

/* Nobody finds this lookup any more. Those who did move to @followers. */
static void stop_leading(struct sluice_conn *leader,
			 struct hlist_head *followers)
{
	INIT_HLIST_HEAD(followers);
	spin_lock_bh(&leaders_lock);
	hash_del(&leader->peer);
	hlist_move_list(&leader->followers, followers);
	pass_place();
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
		conn->waits = WAITS_FOR_NONE;
	}
	spin_unlock_bh(&leaders_lock);
	return conn;
}

static void conn_job_lookup(struct sluice_conn *leader)
{
	struct span path = { leader->path, leader->path_len };
	struct hlist_head followers;
	struct sluice_conn *conn;

	leader->found.obj = sluice_lookup(path, leader->host_len, &leader->found.site_id);
	stop_leading(leader, &followers);
	kfree(leader->path);
	leader->path = NULL;
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

void sluice_job_init(struct sluice_conn *conn)
{
	INIT_WORK(&conn->job, conn_job);
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

/* It will be rung when its patience is at an end, if not before. */
static void conn_wait(struct sluice_conn *conn, enum conn_waits waits)
{
	lockdep_assert_held(&leaders_lock);
	conn->waits = waits;
	conn->patience = jiffies + LOOKUP_PATIENCE;
	sluice_conn_ring_at(conn, conn->patience);
}

static void conn_follow(struct sluice_conn *conn, struct sluice_conn *leader)
{
	hlist_add_head(&conn->peer, &leader->followers);
	conn_await(conn, CONN_LOOKUP);
	conn_wait(conn, WAITS_FOR_LEADER);
	sluice_stat_inc(SLUICE_STAT_LOOKUPS_SHARED);
}

/* Its own lookup, now, or when all who came before have begun theirs. */
static void conn_lead(struct sluice_conn *conn)
{
	conn_await(conn, CONN_LOOKUP);
	if (lookups < LOOKUPS_MAX) {
		lookups++;
		queue_work(sluice_slow_lane, &conn->job);
	} else {
		list_add_tail(&conn->place, &line);
		conn_wait(conn, WAITS_FOR_PLACE);
	}
}

/*
 * Its own lookup, or somebody else's, so that of two on two CPUs one leads.
 * @path is the connection's if it has to do it.
 *
 * Return: true if it leads.
 */
static bool conn_lead_or_follow(struct sluice_conn *conn, u8 *path,
				const struct sluice_verdict *verdict)
{
	struct span key = { path, verdict->key.len };
	/* What is wanted of a page is not in the cache alone: see use_page(). */
	bool alone = conn->alone || verdict->page;
	struct sluice_conn *leader = NULL;
	u32 hash = alone ? 0 : jhash(key.ptr, key.len, 0);

	spin_lock(&leaders_lock);
	if (!alone)
		leader = find_leader(hash, key, verdict->host_len);
	if (leader) {
		conn_follow(conn, leader);
	} else {
		conn->alone = false;
		conn->found.page = verdict->page;
		conn->path = path;
		conn->path_len = key.len;
		conn->host_len = verdict->host_len;
		if (!alone)
			hash_add(leaders, &conn->peer, hash);
		conn_lead(conn);
	}
	spin_unlock(&leaders_lock);
	return !leader;
}

/* Of those who follow one in the line, @heir has its place, and leads the others. */
static void inherit(struct sluice_conn *conn, struct sluice_conn *heir)
{
	hlist_del_init(&heir->peer);
	heir->waits = WAITS_FOR_PLACE;
	heir->path = conn->path;
	heir->path_len = conn->path_len;
	heir->host_len = conn->host_len;
	hlist_move_list(&conn->followers, &heir->followers);
	hlist_add_before(&heir->peer, &conn->peer);
	list_replace(&conn->place, &heir->place);
}

static void leave_line(struct sluice_conn *conn)
{
	/* The latest, whose patience lasts longest. */
	struct sluice_conn *heir = hlist_entry_safe(conn->followers.first,
						    struct sluice_conn, peer);

	lockdep_assert_held(&leaders_lock);
	if (heir) {
		inherit(conn, heir);
	} else {
		list_del(&conn->place);
		kfree(conn->path);
	}
	hash_del(&conn->peer);
	conn->path = NULL;
}

/* Return: what it has waited for, or WAITS_FOR_NONE. Socket locked. */
static enum conn_waits stop_waiting(struct sluice_conn *conn)
{
	enum conn_waits waits;

	spin_lock(&leaders_lock);
	waits = conn->waits;
	conn->waits = WAITS_FOR_NONE;
	if (waits == WAITS_FOR_LEADER)
		hlist_del_init(&conn->peer);
	else if (waits == WAITS_FOR_PLACE)
		leave_line(conn);
	spin_unlock(&leaders_lock);
	if (waits != WAITS_FOR_NONE)
		sluice_conn_put(conn);	/* not the last: whoever asks has one */
	return waits;
}

/* Without memory or a place the request is the backend's, whatever is set. */
static void lookup_refuse(struct sluice_conn *conn)
{
	conn->found.obj = ERR_PTR(-ENOMEM);
	conn->found.site_id = 0;
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
	u8 *path = kmemdup(verdict->key.ptr, verdict->key.len + 1, SLUICE_GFP_WAITING);

	if (!path) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		conn->found.page = verdict->page;
		lookup_refuse(conn);
		return 1;
	}
	if (!conn_lead_or_follow(conn, path, verdict))
		kfree(path);
	return 0;
}

/* Whatever it waits for, it does not any more: it dies. Socket locked. */
void sluice_job_leave(struct sluice_conn *conn)
{
	stop_waiting(conn);
}

/* The next page of the body. Socket locked. */
void sluice_job_fill(struct sluice_conn *conn)
{
	conn_await(conn, CONN_FILL);
	queue_work(sluice_body_lane(&conn->body), &conn->job);
}

/*
 * It has waited for too long.  Behind another's lookup it has to look for itself.  Without
 * a place the request is the backend's: that passes quickly when a setting was changed and
 * all is looked up anew, and not at all when a disk does not answer.
 *
 * Return: false if its own lookup has just begun, or another's is just over.
 */
static bool lose_patience(struct sluice_conn *conn)
{
	switch (stop_waiting(conn)) {
	case WAITS_FOR_LEADER:
		conn->alone = true;
		return true;
	case WAITS_FOR_PLACE:
		lookup_refuse(conn);
		return true;
	case WAITS_FOR_NONE:
		break;
	}
	return false;
}

/*
 * Its outcome can be looked at, or it has waited for somebody else for too long.  Socket
 * locked.
 */
bool sluice_job_is_done(struct sluice_conn *conn)
{
	/* Pairs with the release in conn_awaited(). */
	if (smp_load_acquire(&conn->job_done))
		return true;
	/* Without the lock: it goes from one to the other, but not by way of none. */
	if (READ_ONCE(conn->waits) == WAITS_FOR_NONE)
		return false;
	if (time_before(jiffies, conn->patience)) {
		/* The timer may have been somebody else's in between. */
		sluice_conn_ring_at(conn, conn->patience);
		return false;
	}
	return lose_patience(conn);
}
