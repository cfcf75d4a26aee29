// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/sluice/ in the network namespace of the loader.
 */
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "ctl/proc.h"
#include "sock/stats.h"

static struct proc_dir_entry *proc_dir;
static struct net *proc_net;

static int stats_show(struct seq_file *seq, void *unused)
{
	u64 sums[SLUICE_STAT_COUNT];
	int i;

	sluice_stats_sum(sums);
	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		seq_printf(seq, "%s %llu\n", sluice_stat_names[i], sums[i]);
	return 0;
}

int sluice_proc_init(void)
{
	/* Our directory must not outlive the namespace's. */
	proc_net = get_net(current->nsproxy->net_ns);
	proc_dir = proc_mkdir("sluice", proc_net->proc_net);
	if (!proc_dir)
		goto err_put_net;
	if (!proc_create_single("stats", 0444, proc_dir, stats_show))
		goto err_remove_dir;
	return 0;

err_remove_dir:
	proc_remove(proc_dir);
err_put_net:
	put_net(proc_net);
	return -ENOMEM;
}

/* Waits for readers. */
void sluice_proc_exit(void)
{
	proc_remove(proc_dir);
	put_net(proc_net);
}
