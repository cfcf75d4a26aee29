// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU fast lanes in softirq, one slow lane that may sleep.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>

#include "base/lane.h"

/* Turns per run of a lane; what is left waits for the next run. */
#define LANE_BUDGET 64
/* Jiffies over which a share of the CPU is reckoned. */
#define SHARE_PERIOD (HZ / 50)

/*
 * Lanes for reading, and how many reads in each may wait for the disk.  One that
 * does not answer keeps its own readers waiting, and one in so many of the others.
 */
#define DISK_LANES 8
#define DISK_LANE_READS 64

/*
 * What the slow lane does at a time, of all instances together: each has 128 lookups at
 * most, so four whose file systems do not answer keep the others waiting.
 */

static DEFINE_PER_CPU(struct sluice_lane, lanes);
static struct workqueue_struct *fast_lanes;
static struct workqueue_struct *disk_lanes[DISK_LANES];

unsigned int sluice_cpu_share = 100;

struct workqueue_struct *sluice_slow_lane;
struct workqueue_struct *sluice_housekeeping;
struct workqueue_struct *sluice_press_lane;

/**
 * sluice_lane_queue_claimed() - queue a turn whose QUEUED flag the caller set
 * @turn: the turn
 *
 * For callers that must take a reference between claiming and queueing.
 * Context: any but hard interrupt.
 */
void sluice_lane_queue_claimed(struct sluice_turn *turn)
{
	struct sluice_lane *lane;

	/*
	 * Off with the bottom halves: in process context the lane then runs in
	 * local_bh_enable(), at once, instead of in ksoftirqd.
	 */
	local_bh_disable();
	lane = this_cpu_ptr(&lanes);
	/* Not empty: whoever made it so has kicked the lane, and it has yet
	 * to take the list.
	 */
	if (llist_add(&turn->node, &lane->inbox))
		compat_bh_queue(&lane->bh);
	local_bh_enable();
}

/**
 * sluice_lane_queue() - give a turn on this CPU's fast lane
 * @turn: the turn; nothing happens when it is queued already
 *
 * The turn will run after this call, and see what was written before it.
 * Context: any but hard interrupt.
 * Return: true if it was not queued yet.
 */
bool sluice_lane_queue(struct sluice_turn *turn)
{
	if (test_and_set_bit(SLUICE_TURN_QUEUED, &turn->flags))
		return false;
	sluice_lane_queue_claimed(turn);
	return true;
}

/**
 * sluice_disk_lane() - the lane for reads from a file system
 * @dev: its device
 *
 * Context: any.
 * Return: the same for each call with @dev; another for the disk beside it.
 */
struct workqueue_struct *sluice_disk_lane(dev_t dev)
{
	return disk_lanes[(MAJOR(dev) + MINOR(dev)) % DISK_LANES];
}

static bool lane_run_turn(struct sluice_lane *lane)
{
	struct sluice_turn *turn;

	if (!lane->backlog) {
		struct llist_node *new = llist_del_all(&lane->inbox);

		if (!new)
			return false;
		lane->backlog = llist_reverse_order(new);
	}
	turn = llist_entry(lane->backlog, struct sluice_turn, node);
	lane->backlog = lane->backlog->next;

	clear_bit(SLUICE_TURN_QUEUED, &turn->flags);
	/* Pairs with the test_and_set_bit() of whoever rings: what was written
	 * before a ring that found QUEUED set is seen by run().
	 */
	smp_mb__after_atomic();
	turn->run(turn, lane);
	return true;
}

/*
 * Softirqs of one CPU do not interrupt each other, and a lane stays on its CPU, so
 * it is free when it is asked for; but not if a CPU has come back while another
 * still runs what it left behind, nor with a PREEMPT_RT that lets softirqs overlap.
 */
static bool lane_take(struct sluice_lane *lane)
{
	if (unlikely(test_and_set_bit_lock(0, &lane->taken)))
		return false;
	if (unlikely(READ_ONCE(sluice_cpu_share) < 100))
		lane->since = local_clock();
	return true;
}

/* A turn is over. The lane is taken. */
static void lane_charge(struct sluice_lane *lane)
{
	u64 now;

	if (likely(!lane->since))
		return;
	now = local_clock();
	lane->used += now - lane->since;
	lane->since = now;
}

static void lane_release(struct sluice_lane *lane)
{
	lane->since = 0;
	clear_bit_unlock(0, &lane->taken);
}

/*
 * Has the lane had its share of this period?  The kernel is fair to processes only
 * where softirqs have become ksoftirqd's, and a softirq that answers is as quick as the
 * one that receives.  The lane is taken.
 */
static bool lane_may_run(struct sluice_lane *lane)
{
	unsigned int share = READ_ONCE(sluice_cpu_share);
	unsigned long period = jiffies / SHARE_PERIOD;

	if (likely(share == 100))
		return true;
	if (lane->period != period) {
		lane->period = period;
		lane->used = 0;
	}
	return lane->used < div_u64(share * jiffies_to_nsecs(SHARE_PERIOD), 100);
}

/**
 * sluice_lane_borrow() - have this CPU's lane and its buffers for one turn
 *
 * Context: BH disabled, until sluice_lane_return().
 * Return: the lane, or NULL if it is in use or has had its share: queue a turn
 * instead.
 */
struct sluice_lane *sluice_lane_borrow(void)
{
	struct sluice_lane *lane = this_cpu_ptr(&lanes);

	if (unlikely(!lane_take(lane)))
		return NULL;
	if (likely(lane_may_run(lane)))
		return lane;
	lane_release(lane);
	return NULL;
}

/* Context: as sluice_lane_borrow(). */
void sluice_lane_return(struct sluice_lane *lane)
{
	lane_charge(lane);
	lane_release(lane);
}

static void lane_run(struct compat_bh *bh)
{
	struct sluice_lane *lane = container_of(bh, struct sluice_lane, bh);
	int budget = LANE_BUDGET;
	bool may_run;

	if (unlikely(!lane_take(lane))) {
		compat_bh_queue(bh);
		return;
	}
	WRITE_ONCE(lane->running, true);
	/* Asked once each time: a moment later the answer may be another. */
	while ((may_run = lane_may_run(lane)) && budget && lane_run_turn(lane)) {
		lane_charge(lane);
		budget--;
	}
	if (unlikely(!may_run))
		mod_timer(&lane->rest, (lane->period + 1) * SHARE_PERIOD);
	else if (!budget)
		compat_bh_queue(bh);
	lane_release(lane);
	/* Pairs with the acquire in lane_wait_for_run(). */
	smp_store_release(&lane->running, false);
	WRITE_ONCE(lane->runs, lane->runs + 1);
}

/* A new period. */
static void lane_rested(struct timer_list *timer)
{
	struct sluice_lane *lane = timer_container_of(lane, timer, rest);

	compat_bh_queue(&lane->bh);
}

static void lanes_free_buffers(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct sluice_lane *lane = per_cpu_ptr(&lanes, cpu);

		for (i = 0; i < SLUICE_LANE_FRAGS; i++) {
			if (lane->frag[i].page)
				put_page(lane->frag[i].page);
			lane->frag[i].page = NULL;
		}
		kfree(lane->head);
		kfree(lane->reply);
		kfree(lane->path);
	}
}

static void disk_lanes_destroy(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(disk_lanes); i++) {
		if (disk_lanes[i])
			destroy_workqueue(disk_lanes[i]);
		disk_lanes[i] = NULL;
	}
}

static int disk_lanes_create(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(disk_lanes); i++) {
		disk_lanes[i] = alloc_workqueue("sluice_disk/%u", WQ_UNBOUND,
						DISK_LANE_READS, i);
		if (!disk_lanes[i]) {
			disk_lanes_destroy();
			return -ENOMEM;
		}
	}
	return 0;
}

int sluice_lanes_init(void)
{
	int err = -ENOMEM;
	int cpu;

	fast_lanes = compat_bh_create_queue("sluice");
	if (!fast_lanes)
		return -ENOMEM;

	sluice_slow_lane = alloc_workqueue("sluice_slow", WQ_UNBOUND, SLUICE_SLOW_LANE_PLACES);
	if (!sluice_slow_lane)
		goto err_destroy_fast;
	sluice_housekeeping = alloc_workqueue("sluice_keeper",
					      WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!sluice_housekeeping)
		goto err_destroy_slow;
	sluice_press_lane = alloc_ordered_workqueue("sluice_press", 0);
	if (!sluice_press_lane)
		goto err_destroy_housekeeping;
	if (disk_lanes_create())
		goto err_destroy_press;

	for_each_possible_cpu(cpu) {
		struct sluice_lane *lane = per_cpu_ptr(&lanes, cpu);
		int node = cpu_to_node(cpu);

		init_llist_head(&lane->inbox);
		compat_bh_init(&lane->bh, fast_lanes, lane_run);
		timer_setup(&lane->rest, lane_rested, TIMER_PINNED);
		lane->head = kmalloc_node(SLUICE_LANE_HEAD, GFP_KERNEL, node);
		lane->reply = kmalloc_node(SLUICE_LANE_REPLY, GFP_KERNEL, node);
		lane->path = kmalloc_node(SLUICE_LANE_HOST +
					  SLUICE_LANE_PATH, GFP_KERNEL, node);
		if (!lane->head || !lane->reply || !lane->path)
			goto err_free_buffers;
	}
	return 0;

err_free_buffers:
	lanes_free_buffers();
	disk_lanes_destroy();
err_destroy_press:
	destroy_workqueue(sluice_press_lane);
err_destroy_housekeeping:
	destroy_workqueue(sluice_housekeeping);
err_destroy_slow:
	destroy_workqueue(sluice_slow_lane);
err_destroy_fast:
	compat_bh_destroy_queue(fast_lanes);
	return err;
}

/* A run is at most LANE_BUDGET turns, however busy the lane is. */
static void lane_wait_for_run(struct sluice_lane *lane)
{
	unsigned long runs = READ_ONCE(lane->runs);

	/* Pairs with the release in lane_run(). */
	while (smp_load_acquire(&lane->running) &&
	       READ_ONCE(lane->runs) == runs)
		usleep_range(50, 100);
}

/**
 * sluice_lane_wait() - wait until a turn is not queued and does not run
 * @turn: nobody queues it any more but itself, and it will stop doing so
 *
 * Lanes are fair, so its turn comes also while others keep them busy.
 * Context: process.
 */
void sluice_lane_wait(struct sluice_turn *turn)
{
	int cpu;

	while (test_bit(SLUICE_TURN_QUEUED, &turn->flags))
		usleep_range(50, 100);
	/* Pairs with the barrier in lane_run_turn(): if it has left the queue
	 * for a run that is under way, that run is seen.
	 */
	smp_mb();
	for_each_possible_cpu(cpu)
		lane_wait_for_run(per_cpu_ptr(&lanes, cpu));
}

/* Nobody queues any more: all connections and the listeners are gone. */
void sluice_lanes_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct sluice_lane *lane = per_cpu_ptr(&lanes, cpu);

		while (READ_ONCE(lane->backlog) || !llist_empty(&lane->inbox))
			usleep_range(50, 100);
		timer_shutdown_sync(&lane->rest);
		compat_bh_flush(&lane->bh);
	}
	disk_lanes_destroy();
	destroy_workqueue(sluice_press_lane);
	destroy_workqueue(sluice_housekeeping);
	destroy_workqueue(sluice_slow_lane);
	compat_bh_destroy_queue(fast_lanes);
	lanes_free_buffers();
}
