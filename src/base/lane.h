/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lanes: where the thinking happens that a socket callback may not do.
 *
 * The fast lanes, one per CPU, run turns in softirq; nothing in them sleeps.
 * A callback that may think for itself borrows the lane of its CPU for one turn.
 * The slow lane is an unbound workqueue for what may: path lookup and opening.
 * Cold pages have lanes of their own.  They hand back by queueing a turn.
 */
#ifndef SLUICE_BASE_LANE_H
#define SLUICE_BASE_LANE_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm_types.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "compat/bh.h"

struct sluice_lane;
struct sluice_site;

/* The largest request head that max_head_size allows. */
#define SLUICE_LANE_HEAD	16384
/* Room for a response head, or for a whole answer without a file. */
#define SLUICE_LANE_REPLY	4096
/* Room for the directory of a host, and for a decoded path with its NUL. */
#define SLUICE_LANE_HOST	256
#define SLUICE_LANE_PATH	4096

/* So many that the first is acknowledged when the last is full. */
#define SLUICE_LANE_FRAGS	4

/*
 * For what a client makes us allocate in softirq.  There may be none, and that is counted
 * (out_of_memory), not told to the log.
 *
 * WAITING: for what can wait, or can be the backend's instead, and may stay for as long as
 * a client likes.  The reserves that atomic allocations have are not for that, or clients
 * could have them all.
 * SENDING: for what an answer needs that is under way, which would be cut short: the
 * sooner it is sent the sooner there is memory.  TCP bounds how much that can be.
 */
#define SLUICE_GFP_WAITING	(GFP_NOWAIT | __GFP_NOWARN)
#define SLUICE_GFP_SENDING	(GFP_ATOMIC | __GFP_NOWARN)

#define SLUICE_TURN_QUEUED	0

/**
 * struct sluice_turn - something that can be given a turn on a lane
 * @node:  place in a lane's queue, owned by whoever set SLUICE_TURN_QUEUED
 * @flags: SLUICE_TURN_QUEUED while it waits; cleared before run(), so that a
 *         bell that rings during the run gives it one more turn
 * @run:   BH disabled, the lane's buffers are its own until it returns
 */
struct sluice_turn {
	struct llist_node	node;
	unsigned long		flags;
	void			(*run)(struct sluice_turn *turn,
				       struct sluice_lane *lane);
};

/**
 * struct sluice_lane - one CPU's fast lane
 * @inbox:   turns that arrived, the latest in front
 * @backlog: turns taken from the inbox, in order; only the lane's run
 * @bh:      runs the lane; its runs never overlap
 * @taken:   bit 0: by a run or by a callback, whose the buffers are
 * @period:  the one that @used is about
 * @used:    nanoseconds of it that turns have taken
 * @since:   when the turn that is not in @used yet began; 0 if nobody counts
 * @rest:    runs the lane again when a new period begins
 * @running: a run is under way
 * @runs:    how many are over
 * @site:    the current one when the turn under way began, for all that it answers
 * @frag:    memory for bytes that are sent by copy, see sluice_lane_frag()
 * @frag_at: the one in use
 * @head:    linear copy of what a connection has received
 * @reply:   response under construction
 * @path:    decoded path of the request at hand, behind room for its host
 * @stamp_time: the second that @stamp is about
 * @stamp_site: the site likewise
 * @stamp_len: bytes of @stamp
 * @stamp:   Server and Date lines
 */
struct sluice_lane {
	struct llist_head	inbox;
	struct llist_node	*backlog;
	struct compat_bh	bh;

	unsigned long		taken;
	unsigned long		period;
	u64			used;
	u64			since;
	struct timer_list	rest;
	bool			running;
	unsigned long		runs;
	const struct sluice_site *site;
	struct page_frag	frag[SLUICE_LANE_FRAGS];
	unsigned int		frag_at;
	u8			*head;
	u8			*reply;
	u8			*path;
	s64			stamp_time;
	u64			stamp_site;
	size_t			stamp_len;
	u8			stamp[320];
};

bool sluice_lane_queue(struct sluice_turn *turn);
void sluice_lane_queue_claimed(struct sluice_turn *turn);
void sluice_lane_wait(struct sluice_turn *turn);
struct sluice_lane * __must_check sluice_lane_borrow(void);
void sluice_lane_return(struct sluice_lane *lane);

/*
 * A page fragment with room for @len bytes, or one to be filled anew.  A page that
 * nobody else holds any more is used again from its start; with one fragment
 * only, the latest responses would always hold it, and each round would allocate
 * and clear another.
 */
static inline struct page_frag *sluice_lane_frag(struct sluice_lane *lane,
						 size_t len)
{
	struct page_frag *frag = &lane->frag[lane->frag_at];

	if (frag->page && frag->offset + len > frag->size) {
		lane->frag_at = (lane->frag_at + 1) % SLUICE_LANE_FRAGS;
		frag = &lane->frag[lane->frag_at];
	}
	return frag;
}

int sluice_lanes_init(void);
void sluice_lanes_exit(void);

/* Tunable, see ctl/settings.c. */
extern unsigned int sluice_cpu_share;

/* So many at a time. */
#define SLUICE_SLOW_LANE_PLACES 512

extern struct workqueue_struct *sluice_slow_lane;
struct workqueue_struct *sluice_disk_lane(dev_t dev);
/* For compressing, one file at a time: lookups do not wait for it. */
extern struct workqueue_struct *sluice_press_lane;
/*
 * For letting go of files and sweeping: not behind a disk that does not answer, and
 * also when memory is short, for then the cache is asked for its own.
 */
extern struct workqueue_struct *sluice_housekeeping;

#endif /* SLUICE_BASE_LANE_H */
