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
#include <linux/nsproxy.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "base/lane.h"
#include "conn/conn.h"
#include "ctl/face.h"
#include "ctl/instance.h"
#include "ctl/life.h"

static int __init sluice_init(void)
{
	int err;

	err = sluice_lanes_init();
	if (err)
		return err;
	err = sluice_conns_setup();
	if (err)
		goto err_lanes;
	err = sluice_instances_init(current->nsproxy->net_ns);
	if (err)
		goto err_conns;
	err = sluice_instance_begin(&sluice_loaders);
	if (err)
		goto err_instances;
	err = sluice_face_init();
	if (err)
		goto err_instances;
	return 0;

err_instances:
	sluice_instances_exit();
err_conns:
	sluice_conns_teardown();
err_lanes:
	sluice_lanes_exit();
	rcu_barrier();
	flush_delayed_fput();
	return err;
}

/*
 * First nobody can find us, then we wait for those who did, then we free.
 * Connections that were handed over hold nothing of ours.
 */
static void __exit sluice_exit(void)
{
	sluice_face_close();
	sluice_instances_exit();
	sluice_face_exit();
	sluice_conns_teardown();
	sluice_lanes_exit();
	rcu_barrier();
	/* Files that were closed in softirq: the docroot can be unmounted. */
	flush_delayed_fput();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("In-kernel HTTP accelerator in front of a web server");
MODULE_LICENSE("GPL");
