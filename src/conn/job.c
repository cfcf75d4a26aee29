// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs for those who may sleep: finding a file in the slow lane, reading a page of it
 * in the lane of its disk.
 *
 * One looks a path up, and others that want the same follow it: when it is done they ask
 * the cache.  If that does not know, because it could not be told for how long it would be
 * true, each looks for itself: queueing up behind one another would be no gain.  So a
 * request follows once, and not longer than LOOKUP_PATIENCE.
 *
 * When all places are taken who comes waits in line, LOOKUP_PATIENCE at most, and whoever
 * is done gives its place to the first.  So no place is free while somebody waits, none is
 * lost with who dies, and nobody is overtaken.  Where other instances have all places, and
 * none is our own that would be passed on, one that is free again is found by whoever comes
 * next, for the first in the line.  Who waits in line leads already; if it
 * leaves, one of those who follow it has its place in the line.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "base/lane.h"
#include "base/stats.h"
#include "conn/job.h"
#include "reply/answer.h"
#include "store/lookup.h"
#include "store/object.h"
#include "store/store.h"

/*
 * Lookups of an instance at a time, of the places that the slow lane has for all: beyond,
 * when a file system does not answer, it is better to ask the backend than to wait.
 */
#define LOOKUPS_MAX 128
#define LOOKUP_PATIENCE HZ

/* Places of the slow lane that are taken, by whomever: who has one does not wait. */
static atomic_t places_taken = ATOMIC_INIT(0);

/* Context: process. */
void sluice_lookups_init(struct sluice_lookups *lookups, struct sluice_store *store)
{
	spin_lock_init(&lookups->lock);
	hash_init(lookups->leaders);
	INIT_LIST_HEAD(&lookups->line);
	lookups->count = 0;
	lookups->store = store;
}

static void job_begin(struct sluice_job *job)
{
	job->is_done = false;
	job->obj = NULL;
	job->site_id = 0;
	job->answer = NULL;
}

static void job_end(struct sluice_job *job)
{
	/* Pairs with the acquire in sluice_job_check(). */
	smp_store_release(&job->is_done, true);
	job->done(job);
}

/*
 * The place that one has left is the next one's, who need not be asked: if he dies his
 * lookup goes on, as any does, and the place goes on when it is done.
 */
static void pass_place(struct sluice_lookups *lookups)
{
	struct sluice_job *next = list_first_entry_or_null(&lookups->line, struct sluice_job,
							   place);

	lockdep_assert_held(&lookups->lock);
	if (!next) {
		lookups->count--;
		atomic_dec(&places_taken);
		return;
	}
	list_del(&next->place);
	next->waits = WAITS_FOR_NONE;
	queue_work(sluice_slow_lane, &next->work);
}

/* Nobody finds this lookup any more. Those who did move to @followers. */
static void stop_leading(struct sluice_job *leader,
			 struct hlist_head *followers)
{
	struct sluice_lookups *lookups = leader->lookups;

	INIT_HLIST_HEAD(followers);
	spin_lock_bh(&lookups->lock);
	hash_del(&leader->peer);
	hlist_move_list(&leader->followers, followers);
	pass_place(lookups);
	spin_unlock_bh(&lookups->lock);
}

/* A follower that dies or loses patience meanwhile has left by itself. */
static struct sluice_job *take_follower(struct sluice_lookups *lookups,
					struct hlist_head *followers)
{
	struct sluice_job *job;

	spin_lock_bh(&lookups->lock);
	job = hlist_entry_safe(followers->first, struct sluice_job, peer);
	if (job) {
		hlist_del_init(&job->peer);
		job->waits = WAITS_FOR_NONE;
	}
	spin_unlock_bh(&lookups->lock);
	return job;
}

static void job_lookup(struct sluice_job *leader)
{
	struct sluice_lookups *lookups = leader->lookups;
	struct span path = { leader->path, leader->path_len };
	struct hlist_head followers;
	struct sluice_job *job;

	leader->obj = sluice_lookup(lookups->store, path, leader->host_len,
				    &leader->site_id);
	stop_leading(leader, &followers);
	kfree(leader->path);
	leader->path = NULL;
	/* The last, for its reference is what @lookups is there by. */
	while ((job = take_follower(lookups, &followers))) {
		job->alone = true;
		job_end(job);
	}
	job_end(leader);
}

static void job_work(struct work_struct *work)
{
	struct sluice_job *job = container_of(work, struct sluice_job, work);

	if (job->answer) {
		job->answer->ops->fill(job->answer);
		job_end(job);
	} else {
		job_lookup(job);
	}
}

/**
 * sluice_job_init() - who will ask
 * @job:  zeroed
 * @lookups: those of its instance
 * @done: called when a job is over, with the reference that its caller had; process context
 *
 * Context: any.
 */
void sluice_job_init(struct sluice_job *job, struct sluice_lookups *lookups,
		     void (*done)(struct sluice_job *job))
{
	job->lookups = lookups;
	INIT_WORK(&job->work, job_work);
	job->done = done;
}

/* It is not going to ask any more, and no job is out. Context: any. */
void sluice_job_free(struct sluice_job *job)
{
	if (!IS_ERR_OR_NULL(job->obj))
		sluice_object_put(job->obj);
	kfree(job->path);
}

static struct sluice_job *find_leader(struct sluice_lookups *lookups, u32 hash,
				      struct span path, size_t host_len)
{
	struct sluice_job *job;

	lockdep_assert_held(&lookups->lock);
	hash_for_each_possible(lookups->leaders, job, peer, hash) {
		struct span other = { job->path, job->path_len };

		if (job->host_len == host_len && span_eq(other, path))
			return job;
	}
	return NULL;
}

static void job_wait(struct sluice_job *job, enum sluice_job_waits waits)
{
	lockdep_assert_held(&job->lookups->lock);
	job->waits = waits;
	job->patience = jiffies + LOOKUP_PATIENCE;
}

static void job_follow(struct sluice_job *job, struct sluice_job *leader)
{
	hlist_add_head(&job->peer, &leader->followers);
	job_wait(job, WAITS_FOR_LEADER);
	sluice_stat_inc(job->lookups->store->stats, SLUICE_STAT_LOOKUPS_SHARED);
}

/* Its own lookup, now, or when all who came before have begun theirs. */
static void job_lead(struct sluice_job *job)
{
	struct sluice_lookups *lookups = job->lookups;

	bool place = lookups->count < LOOKUPS_MAX &&
		     atomic_add_unless(&places_taken, 1, SLUICE_SLOW_LANE_PLACES);

	lookups->count += place;
	if (place && list_empty(&lookups->line)) {
		queue_work(sluice_slow_lane, &job->work);
		return;
	}
	list_add_tail(&job->place, &lookups->line);
	job_wait(job, WAITS_FOR_PLACE);
	if (place)
		pass_place(lookups);
}

/*
 * Its own lookup, or somebody else's, so that of two on two CPUs one leads.
 * @path is the job's if it has to do it.
 *
 * Return: true if it leads.
 */
static bool job_lead_or_follow(struct sluice_job *job, struct span path, size_t host_len,
			       bool alone)
{
	struct sluice_lookups *lookups = job->lookups;
	struct sluice_job *leader = NULL;
	u32 hash = alone ? 0 : jhash(path.ptr, path.len, 0);

	spin_lock(&lookups->lock);
	if (!alone)
		leader = find_leader(lookups, hash, path, host_len);
	if (leader) {
		job_follow(job, leader);
	} else {
		job->alone = false;
		job->path = path.ptr;
		job->path_len = path.len;
		job->host_len = host_len;
		if (!alone)
			hash_add(lookups->leaders, &job->peer, hash);
		job_lead(job);
	}
	spin_unlock(&lookups->lock);
	return !leader;
}

/* Of those who follow one in the line, @heir has its place, and leads the others. */
static void inherit(struct sluice_job *job, struct sluice_job *heir)
{
	hlist_del_init(&heir->peer);
	heir->waits = WAITS_FOR_PLACE;
	heir->path = job->path;
	heir->path_len = job->path_len;
	heir->host_len = job->host_len;
	hlist_move_list(&job->followers, &heir->followers);
	hlist_add_before(&heir->peer, &job->peer);
	list_replace(&job->place, &heir->place);
}

static void leave_line(struct sluice_job *job)
{
	/* The latest, whose patience lasts longest. */
	struct sluice_job *heir = hlist_entry_safe(job->followers.first,
						   struct sluice_job, peer);

	lockdep_assert_held(&job->lookups->lock);
	if (heir) {
		inherit(job, heir);
	} else {
		list_del(&job->place);
		kfree(job->path);
	}
	hash_del(&job->peer);
	job->path = NULL;
}

/* Return: what it has waited for, or WAITS_FOR_NONE. BH disabled. */
static enum sluice_job_waits stop_waiting(struct sluice_job *job)
{
	struct sluice_lookups *lookups = job->lookups;
	enum sluice_job_waits waits;

	spin_lock(&lookups->lock);
	waits = job->waits;
	job->waits = WAITS_FOR_NONE;
	if (waits == WAITS_FOR_LEADER)
		hlist_del_init(&job->peer);
	else if (waits == WAITS_FOR_PLACE)
		leave_line(job);
	spin_unlock(&lookups->lock);
	return waits;
}

/* Without memory or a place there is no file, whatever is set. */
static void lookup_refuse(struct sluice_job *job)
{
	job->obj = ERR_PTR(-ENOMEM);
	job->site_id = 0;
}

/**
 * sluice_job_lookup() - have a path looked up
 * @job:      none is out; the caller has a reference for its @done
 * @path:     NUL-terminated behind its last byte; copied
 * @host_len: as for sluice_lookup()
 * @alone:    what is wanted is not in the cache alone
 *
 * Afterwards @job->obj is the outcome: NULL if the cache is to be asked again.
 * Context: BH disabled, callers for one job serialised.
 * Return: true if @done will be called, or sluice_job_check() says that it will not; false
 * if the outcome is there already
 */
bool sluice_job_lookup(struct sluice_job *job, struct span path, size_t host_len, bool alone)
{
	/* With the NUL. */
	u8 *copy = kmemdup(path.ptr, path.len + 1, SLUICE_GFP_WAITING);

	job_begin(job);
	if (!copy) {
		sluice_stat_inc(job->lookups->store->stats, SLUICE_STAT_OUT_OF_MEMORY);
		lookup_refuse(job);
		return false;
	}
	path.ptr = copy;
	if (!job_lead_or_follow(job, path, host_len, alone || job->alone))
		kfree(copy);
	return true;
}

/**
 * sluice_job_fill() - have the next page of a body read
 * @job:    none is out; the caller has a reference for its @done
 * @answer: its body is nobody else's until then
 *
 * Context: as for sluice_job_lookup().
 */
void sluice_job_fill(struct sluice_job *job, struct sluice_answer *answer)
{
	job_begin(job);
	job->answer = answer;
	queue_work(answer->ops->lane(answer), &job->work);
}

/**
 * sluice_job_leave() - whoever asked does not want to know any more
 * @job: one may be out
 *
 * Context: as for sluice_job_lookup().
 * Return: true if @done will not be called for it: the reference is the caller's again
 */
bool sluice_job_leave(struct sluice_job *job)
{
	return stop_waiting(job) != WAITS_FOR_NONE;
}

/*
 * It has waited for too long.  Behind another's lookup it has to look for itself.  Without
 * a place the request is the backend's: that passes quickly when a setting was changed and
 * all is looked up anew, and not at all when a disk does not answer.
 */
static enum sluice_job_state lose_patience(struct sluice_job *job)
{
	switch (stop_waiting(job)) {
	case WAITS_FOR_LEADER:
		job->alone = true;
		return SLUICE_JOB_LEFT;
	case WAITS_FOR_PLACE:
		lookup_refuse(job);
		return SLUICE_JOB_LEFT;
	case WAITS_FOR_NONE:	/* its own has just begun, or another's is just over */
		break;
	}
	return SLUICE_JOB_OUT;
}

/**
 * sluice_job_check() - can the outcome be looked at
 * @job: one was asked for
 *
 * Context: as for sluice_job_lookup().
 * Return: see enum sluice_job_state; if it is out, and sluice_job_is_waiting(), it is to be
 * checked again at @job->patience
 */
enum sluice_job_state sluice_job_check(struct sluice_job *job)
{
	/* Pairs with the release in job_end(). */
	if (smp_load_acquire(&job->is_done))
		return SLUICE_JOB_DONE;
	if (!sluice_job_is_waiting(job) || time_before(jiffies, job->patience))
		return SLUICE_JOB_OUT;
	return lose_patience(job);
}
