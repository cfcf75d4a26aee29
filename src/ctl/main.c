// SPDX-License-Identifier: GPL-2.0
/*
 * sluice: an in-kernel HTTP accelerator.
 *
 * Static files are answered from the page cache; every other connection is
 * moved, request unread, onto the accept queue of an unmodified web server.
 */
#include <linux/file.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "base/lane.h"
#include "base/stats.h"
#include "conn/conn.h"
#include "conn/listener.h"
#include "ctl/params.h"
#include "ctl/proc.h"
#include "store/cache.h"
#include "store/site.h"

/* There is nobody to give anything to. */
static bool is_alone(void)
{
	bool alone;

	rcu_read_lock();
	alone = sluice_site_peek()->standalone;
	rcu_read_unlock();
	return alone;
}

/*
 * With a backend the port is the last to go: what comes is the backend's, as long as
 * something of before needs time.  No handshake that was begun is lost, but for those
 * that a SYN cookie stands for.
 */
static void leave(void)
{
	if (is_alone())
		sluice_listeners_deafen();
	sluice_conns_leave();
	sluice_listeners_deafen();
	sluice_listeners_drain();
	sluice_conns_stop();
	sluice_listeners_close();
	sluice_conns_exit();
}

static int __init sluice_init(void)
{
	int err;

	err = sluice_params_check();
	if (err)
		goto err_params;
	err = sluice_stats_init();
	if (err)
		goto err_params;
	err = sluice_lanes_init();
	if (err)
		goto err_stats;
	err = sluice_cache_init();
	if (err)
		goto err_lanes;
	err = sluice_params_open_site();
	if (err)
		goto err_cache;
	err = sluice_proc_init();
	if (err)
		goto err_cache;
	err = sluice_conns_init();
	if (err)
		goto err_proc;
	err = sluice_params_open_listeners();
	if (err)
		goto err_conns;
	return 0;

err_conns:
	leave();
err_proc:
	sluice_proc_exit();
err_cache:
	sluice_params_leave();
	sluice_cache_exit();
err_lanes:
	sluice_lanes_exit();
err_stats:
	rcu_barrier();
	sluice_stats_exit();
err_params:
	sluice_params_leave();
	sluice_params_exit();
	flush_delayed_fput();
	return err;
}

/*
 * First nobody can find us, then we wait for those who did, then we free.
 * Connections that were handed over hold nothing of ours.
 */
static void __exit sluice_exit(void)
{
	sluice_params_leave();
	leave();
	sluice_proc_exit();
	sluice_cache_exit();
	sluice_lanes_exit();
	rcu_barrier();
	sluice_stats_exit();
	sluice_params_exit();
	/* Files that were closed in softirq: the docroot can be unmounted. */
	flush_delayed_fput();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("In-kernel HTTP accelerator in front of a web server");
MODULE_LICENSE("GPL");
