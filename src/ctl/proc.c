// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/sluice/ in the network namespace of an instance that is live.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#include "base/handovers.h"
#include "base/stats.h"
#include "ctl/instance.h"
#include "ctl/proc.h"
#include "ctl/site.h"
#include "store/site.h"
#include "store/types.h"

/**
 * struct view - a file that is open
 * @instance: whose
 * @net: where that is; counted, so that it does not go, and wait for who reads, while one may
 *       be held up by memory that he reads to
 * @len: of a table that is being written, bytes so far
 * @buf: those, or NULL; complete when @TABLE_END has come
 */
struct view {
	struct sluice_instance *instance;
	struct net *net;
	size_t	len;
	u8	*buf;
};

static int view_open(struct inode *inode, struct file *file,
		     int (*show)(struct seq_file *seq, void *unused))
{
	struct view *view = kzalloc(sizeof(*view), GFP_KERNEL);
	int err = -ENOMEM;

	if (!view)
		return err;
	view->instance = pde_data(inode);
	/* The memory is there as long as the entry is. */
	err = -ENODEV;
	view->net = maybe_get_net(view->instance->proc_net);
	if (!view->net)
		goto err_free;
	err = single_open(file, show, view);
	if (err)
		goto err_put_net;
	return 0;

err_put_net:
	put_net(view->net);
err_free:
	kfree(view);
	return err;
}

static int view_release(struct inode *inode, struct file *file)
{
	struct view *view = ((struct seq_file *)file->private_data)->private;

	if (view->len)
		instance_err(view->instance, "types: the last line was not \"end\": expected a whole table; the old one stays\n");
	kvfree(view->buf);
	put_net(view->net);
	kfree(view);
	return single_release(inode, file);
}

/* --- counters -------------------------------------------------------------- */

static int stats_show(struct seq_file *seq, void *unused)
{
	const struct view *view = seq->private;
	u64 sums[SLUICE_STAT_COUNT];
	int i;

	sluice_stats_sum(view->instance->store.stats, sums);
	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		seq_printf(seq, "%s %llu\n", sluice_stat_names[i], sums[i]);
	return 0;
}

static int stats_open(struct inode *inode, struct file *file)
{
	return view_open(inode, file, stats_show);
}

static const struct proc_ops stats_ops = {
	.proc_open	= stats_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= view_release,
};

/* --- handovers ------------------------------------------------------------- */

static int handovers_show(struct seq_file *seq, void *unused)
{
	const struct view *view = seq->private;

	sluice_handovers_show(view->instance->conns.handovers, seq);
	return 0;
}

static int handovers_open(struct inode *inode, struct file *file)
{
	return view_open(inode, file, handovers_show);
}

static const struct proc_ops handovers_ops = {
	.proc_open	= handovers_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= view_release,
};

/* --- types --------------------------------------------------------------- */

#define TABLE_END "end\n"

static int types_show(struct seq_file *seq, void *unused)
{
	const struct view *view = seq->private;
	struct sluice_site *site = sluice_site_get(&view->instance->store);

	if (!site)
		return -ENODEV;
	seq_write(seq, site->types->text.ptr, site->types->text.len);
	seq_puts(seq, TABLE_END);
	sluice_site_put(site);
	return 0;
}

static bool is_complete(const struct view *view)
{
	size_t len = sizeof(TABLE_END) - 1;
	const u8 *end = view->buf + view->len - len;

	return view->len >= len && !memcmp(end, TABLE_END, len) &&
	       (view->len == len || end[-1] == '\n');
}

/*
 * Writers buffer as they like, so a table may come in pieces; nothing happens
 * until its last line says that it is whole.
 */
static ssize_t types_write(struct file *file, const char __user *from,
			   size_t n, loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	struct view *view = seq->private;
	int err = 0;

	mutex_lock(&seq->lock);
	if (!view->buf)
		view->buf = kvmalloc(SLUICE_TYPES_TEXT_MAX, GFP_KERNEL);
	if (!view->buf) {
		err = -ENOMEM;
	} else if (n > SLUICE_TYPES_TEXT_MAX - view->len) {
		instance_err(view->instance, "types: expected a table of at most %d bytes\n",
			     SLUICE_TYPES_TEXT_MAX);
		err = -EFBIG;
	} else if (copy_from_user(view->buf + view->len, from, n)) {
		err = -EFAULT;
	}
	if (!err) {
		view->len += n;
		if (is_complete(view)) {
			struct span text = { view->buf, view->len -
					     (sizeof(TABLE_END) - 1) };

			view->len = 0;
			err = sluice_site_set_types(view->instance, text);
		}
	}
	mutex_unlock(&seq->lock);
	return err ?: n;
}

/*
 * The mode alone does not say who writes: below /proc/net all belongs to the root of the
 * network namespace, who may be any user of the machine in a namespace of his own.
 */
static int types_open(struct inode *inode, struct file *file)
{
	if (file->f_mode & FMODE_WRITE && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return view_open(inode, file, types_show);
}

static const struct proc_ops types_ops = {
	.proc_open	= types_open,
	.proc_read	= seq_read,
	.proc_write	= types_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= view_release,
};

/**
 * sluice_proc_init() - show counters and types
 * @instance: about to be live
 * @net:      where; its directory goes before that does
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int sluice_proc_init(struct sluice_instance *instance, struct net *net)
{
	struct proc_dir_entry *dir = proc_mkdir("sluice", net->proc_net);

	if (!dir)
		return -ENOMEM;
	instance->proc_net = net;
	/* What clients ask for is not for everybody to know. */
	if (!proc_create_data("stats", 0444, dir, &stats_ops, instance) ||
	    !proc_create_data("handovers", 0400, dir, &handovers_ops, instance) ||
	    !proc_create_data("types", 0644, dir, &types_ops, instance)) {
		proc_remove(dir);
		return -ENOMEM;
	}
	instance->proc_dir = dir;
	return 0;
}

/* Waits for readers. May be called twice. */
void sluice_proc_exit(struct sluice_instance *instance)
{
	proc_remove(instance->proc_dir);
	instance->proc_dir = NULL;
}
