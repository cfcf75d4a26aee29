// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs for those who may sleep: finding a file in the slow lane, reading a page of it
 * in the lane of its disk.
 *
 * While a job is out the connection waits in a state of its own, and the fields
 * marked j are the job's.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
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

static void conn_job(struct work_struct *work)
{
	struct sluice_conn *conn = container_of(work, struct sluice_conn, job);

	if (conn->path) {
		struct span path = { conn->path, conn->path_len };
		bool cached;

		conn->found = sluice_lookup(path, conn->host_len, &cached);
		kfree(conn->path);
		conn->path = NULL;
		atomic_dec(&lookups);
	} else {
		sluice_body_fill(&conn->body);
	}
	/* Pairs with the acquire in sluice_job_is_done(). */
	smp_store_release(&conn->job_done, true);
	sluice_conn_ring(conn);
	sluice_conn_put(conn);
}

static void conn_start_job(struct sluice_conn *conn, enum conn_state state,
			   struct workqueue_struct *lane)
{
	conn->state = state;
	conn->wait = WAIT_NOTHING;
	conn->job_done = false;
	sluice_conn_get(conn);		/* put by conn_job() */
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

/**
 * sluice_job_lookup() - have a path looked up
 * @conn: its next request is for it, and stays unread
 * @verdict: its @key is NUL-terminated behind its last byte; copied
 *
 * Context: socket locked.
 * Return: 0 if a ring will follow, then @conn->found is set or the request is to
 * be looked at again; 1 if @conn->found is set already: without memory or a free
 * place the request is the backend's.
 */
int sluice_job_lookup(struct sluice_conn *conn,
		      const struct sluice_verdict *verdict)
{
	if (atomic_inc_return(&lookups) > LOOKUPS_MAX) {
		if (!lookup_may_wait(conn))
			goto err_dec;
		atomic_dec(&lookups);
		conn->wait = WAIT_NOTHING;
		sluice_conn_ring_soon(conn);
		return 0;
	}
	/* With the NUL. */
	conn->path = kmemdup(verdict->key.ptr, verdict->key.len + 1,
			     GFP_ATOMIC);
	if (!conn->path) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		goto err_dec;
	}
	conn->path_len = verdict->key.len;
	conn->host_len = verdict->host_len;
	conn->found_page = verdict->page;
	conn->queues = false;
	conn_start_job(conn, CONN_LOOKUP, sluice_slow_lane);
	return 0;

err_dec:
	atomic_dec(&lookups);
	conn->queues = false;
	conn->found_page = verdict->page;
	conn->found = ERR_PTR(-ENOMEM);
	return 1;
}

/* The next page of the body. Socket locked. */
void sluice_job_fill(struct sluice_conn *conn)
{
	conn_start_job(conn, CONN_FILL, sluice_body_lane(&conn->body));
}

/* Its outcome can be looked at. Socket locked. */
bool sluice_job_is_done(const struct sluice_conn *conn)
{
	/* Pairs with the release in conn_job(). */
	return smp_load_acquire(&conn->job_done);
}
