/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asked of the slow lane and the disks', one thing at a time.  Knows no
 * connection: who asks has a reference for it, and is told when it is over.
 */
#ifndef SLUICE_CONN_JOB_H
#define SLUICE_CONN_JOB_H

#include <linux/compiler.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "http/span.h"

struct sluice_answer;
struct sluice_object;
struct sluice_store;

/**
 * struct sluice_lookups - those of an instance
 * @lock:    protects the rest
 * @leaders: who leads, by path, and through him who follows
 * @line:    those of them who wait for a place
 * @count:   places that are taken
 * @store:   const: who is asked
 *
 * All off the hit path.
 */
struct sluice_lookups {
	spinlock_t		lock;		/* protects the rest */
	DECLARE_HASHTABLE(leaders, 6);
	struct list_head	line;
	unsigned int		count;
	struct sluice_store	*store;
};

/* Whose lookup has to come on before its own does. */
enum sluice_job_waits {
	WAITS_FOR_NONE,
	WAITS_FOR_LEADER,	/* another has the same path looked up */
	WAITS_FOR_PLACE,	/* others look up as many as there may be at a time */
};

enum sluice_job_state {
	SLUICE_JOB_OUT,		/* @done will be called */
	SLUICE_JOB_DONE,	/* it was */
	SLUICE_JOB_LEFT,	/* it will not be: the reference is the caller's again */
};

/**
 * struct sluice_job - a lookup, or the reading of a page
 *
 * Field letters: j the job's while one is out, else its owner's; l the lock of @lookups;
 * o its owner's.
 *
 * @work:      in a lane
 * @lookups:   const: those of its instance
 * @done:      o who is told when it is over
 * @is_done:   set with release when it is
 * @answer:    j of whose body a page is to be read; NULL for a lookup
 * @path:      j to be looked up, or NULL
 * @path_len:  j
 * @host_len:  j so many bytes of @path are the host's directory
 * @obj:       j what came of it: see sluice_lookup(); NULL: nobody has looked
 * @site_id:   j the site that @obj holds for; 0 if that is no matter of the site
 * @peer:      l its place among those who lead lookups, or who follow one
 * @followers: l those who wait for its lookup
 * @place:     l its place in the line of those who wait to begin
 * @waits:     l for whom
 * @patience:  o jiffies when it has waited long enough
 * @alone:     j it followed, and has to look for itself
 */
struct sluice_job {
	struct work_struct	work;
	struct sluice_lookups	*lookups;
	void			(*done)(struct sluice_job *job);
	bool			is_done;
	struct sluice_answer	*answer;
	const u8		*path;
	size_t			path_len;
	size_t			host_len;
	struct sluice_object	*obj;
	u64			site_id;
	struct hlist_node	peer;
	struct hlist_head	followers;
	struct list_head	place;
	enum sluice_job_waits	waits;
	unsigned long		patience;
	bool			alone;
};

/* Without the lock: it goes from one to the other, but not by way of none. */
static inline bool sluice_job_is_waiting(const struct sluice_job *job)
{
	return READ_ONCE(job->waits) != WAITS_FOR_NONE;
}

void sluice_lookups_init(struct sluice_lookups *lookups, struct sluice_store *store);
void sluice_job_init(struct sluice_job *job, struct sluice_lookups *lookups,
		     void (*done)(struct sluice_job *job));
void sluice_job_free(struct sluice_job *job);
bool sluice_job_lookup(struct sluice_job *job, struct span path, size_t host_len,
		       bool alone) __must_check;
void sluice_job_fill(struct sluice_job *job, struct sluice_answer *answer);
bool sluice_job_leave(struct sluice_job *job);
enum sluice_job_state sluice_job_check(struct sluice_job *job) __must_check;

#endif /* SLUICE_CONN_JOB_H */
