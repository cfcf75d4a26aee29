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

#include "base/stats.h"
#include "ctl/instance.h"
#include "ctl/proc.h"
#include "ctl/site.h"
#include "store/site.h"
#include "store/types.h"

static int stats_show(struct seq_file *seq, void *unused)
{
	const struct sluice_instance *instance = seq->private;
	u64 sums[SLUICE_STAT_COUNT];
	int i;

	sluice_stats_sum(instance->store.stats, sums);
	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		seq_printf(seq, "%s %llu\n", sluice_stat_names[i], sums[i]);
	return 0;
}

/* --- types --------------------------------------------------------------- */

#define TABLE_END "end\n"

/**
 * struct draft - a table that is being written
 * @instance: whose
 * @len: bytes so far
 * @buf: those, or NULL; complete when @TABLE_END has come
 */
struct draft {
	struct sluice_instance *instance;
	size_t	len;
	u8	*buf;
};

static int types_show(struct seq_file *seq, void *unused)
{
	const struct draft *draft = seq->private;
	struct sluice_site *site = sluice_site_get(&draft->instance->store);

	if (!site)
		return -ENODEV;
	seq_write(seq, site->types->text.ptr, site->types->text.len);
	seq_puts(seq, TABLE_END);
	sluice_site_put(site);
	return 0;
}

static bool is_complete(const struct draft *draft)
{
	size_t len = sizeof(TABLE_END) - 1;
	const u8 *end = draft->buf + draft->len - len;

	return draft->len >= len && !memcmp(end, TABLE_END, len) &&
	       (draft->len == len || end[-1] == '\n');
}

/*
 * Writers buffer as they like, so a table may come in pieces; nothing happens
 * until its last line says that it is whole.
 */
static ssize_t types_write(struct file *file, const char __user *from,
			   size_t n, loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	struct draft *draft = seq->private;
	int err = 0;

	mutex_lock(&seq->lock);
	if (!draft->buf)
		draft->buf = kvmalloc(SLUICE_TYPES_TEXT_MAX, GFP_KERNEL);
	if (!draft->buf) {
		err = -ENOMEM;
	} else if (n > SLUICE_TYPES_TEXT_MAX - draft->len) {
		instance_err(draft->instance, "types: expected a table of at most %d bytes\n",
			     SLUICE_TYPES_TEXT_MAX);
		err = -EFBIG;
	} else if (copy_from_user(draft->buf + draft->len, from, n)) {
		err = -EFAULT;
	}
	if (!err) {
		draft->len += n;
		if (is_complete(draft)) {
			struct span text = { draft->buf, draft->len -
					     (sizeof(TABLE_END) - 1) };

			draft->len = 0;
			err = sluice_site_set_types(draft->instance, text);
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
	struct draft *draft;
	int err;

	if (file->f_mode & FMODE_WRITE && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	draft = kzalloc(sizeof(*draft), GFP_KERNEL);
	if (!draft)
		return -ENOMEM;
	draft->instance = pde_data(inode);
	err = single_open(file, types_show, draft);
	if (err)
		kfree(draft);
	return err;
}

static int types_release(struct inode *inode, struct file *file)
{
	struct draft *draft = ((struct seq_file *)file->private_data)->private;

	if (draft->len)
		instance_err(draft->instance, "types: the last line was not \"end\": expected a whole table; the old one stays\n");
	kvfree(draft->buf);
	kfree(draft);
	return single_release(inode, file);
}

static const struct proc_ops types_ops = {
	.proc_open	= types_open,
	.proc_read	= seq_read,
	.proc_write	= types_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= types_release,
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
	if (!proc_create_single_data("stats", 0444, dir, stats_show, instance) ||
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
