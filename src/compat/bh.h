/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A work item that runs in softirq on the CPU that queued it, is never run by
 * two CPUs, and once more when it is queued while it runs.
 *
 * From 6.9 on an item of a WQ_BH workqueue; a tasklet before.  Both run ahead of
 * the next round of network receive.
 */
#ifndef SLUICE_COMPAT_BH_H
#define SLUICE_COMPAT_BH_H

#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)

struct compat_bh {
	struct work_struct work;
	void (*run)(struct compat_bh *bh);
	struct workqueue_struct *wq;
};

static inline void compat_bh_run(struct work_struct *work)
{
	struct compat_bh *bh = container_of(work, struct compat_bh, work);

	bh->run(bh);
}

static inline struct workqueue_struct *compat_bh_create_queue(const char *name)
{
	return alloc_workqueue("%s", WQ_BH | WQ_HIGHPRI | WQ_PERCPU, 0, name);
}

static inline void compat_bh_destroy_queue(struct workqueue_struct *wq)
{
	destroy_workqueue(wq);
}

static inline void compat_bh_init(struct compat_bh *bh,
				  struct workqueue_struct *wq,
				  void (*run)(struct compat_bh *bh))
{
	INIT_WORK(&bh->work, compat_bh_run);
	bh->run = run;
	bh->wq = wq;
}

/* Context: any but hard interrupt, preemption off. */
static inline void compat_bh_queue(struct compat_bh *bh)
{
	queue_work(bh->wq, &bh->work);
}

/* Waits for a run that is pending or under way. Context: process. */
static inline void compat_bh_flush(struct compat_bh *bh)
{
	flush_work(&bh->work);
}

#else

struct compat_bh {
	struct tasklet_struct tasklet;
	void (*run)(struct compat_bh *bh);
};

static inline void compat_bh_run(struct tasklet_struct *tasklet)
{
	struct compat_bh *bh = container_of(tasklet, struct compat_bh, tasklet);

	bh->run(bh);
}

/* Tasklets have a queue of their own; the workqueue only stands for it. */
static inline struct workqueue_struct *compat_bh_create_queue(const char *name)
{
	return system_wq;
}

static inline void compat_bh_destroy_queue(struct workqueue_struct *wq)
{
}

static inline void compat_bh_init(struct compat_bh *bh,
				  struct workqueue_struct *wq,
				  void (*run)(struct compat_bh *bh))
{
	tasklet_setup(&bh->tasklet, compat_bh_run);
	bh->run = run;
}

static inline void compat_bh_queue(struct compat_bh *bh)
{
	tasklet_hi_schedule(&bh->tasklet);
}

/* Not tasklet_kill(): it marks the tasklet scheduled, and so eats a kick. */
static inline void compat_bh_flush(struct compat_bh *bh)
{
	while (test_bit(TASKLET_STATE_SCHED, &bh->tasklet.state))
		usleep_range(50, 100);
	/* RUN is set before SCHED is cleared. */
	tasklet_unlock_wait(&bh->tasklet);
}

#endif

#endif /* SLUICE_COMPAT_BH_H */
