// SPDX-License-Identifier: GPL-2.0
/*
 * Files that a lookup of sluice's cannot open until a test says so: insmod hang.ko
 * directory=PATH.  /proc/hang has the names of those that are waited for, in the order in
 * which they came; what is written there is "allow NAME" or "deny NAME".  rmmod allows all.
 *
 * fanotify's permission events, which do that to processes, are no help: what they are
 * about is the backend's.  For tests only.
 */
#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

static char *directory;
module_param(directory, charp, 0444);
MODULE_PARM_DESC(directory, "whose files hang");

/**
 * struct hung - a task that waits to open a file; on its own stack
 * @list:   in hanging, the first has come first
 * @name:   of the file
 * @err:    what it comes to
 * @going:  it waits no more
 */
struct hung {
	struct list_head	list;
	const char		*name;
	int			err;
	bool			going;
};

static LIST_HEAD(hanging);
static DEFINE_SPINLOCK(lock);
static DECLARE_WAIT_QUEUE_HEAD(answered);
static struct path dir;
static bool leaving;

/* In the place of dentry_open(), and of its prototype. */
static struct file *hang_open(const struct path *path, int flags, const struct cred *cred)
{
	struct hung h = { .name = path->dentry->d_name.name };
	struct file *file;

	spin_lock(&lock);
	list_add_tail(&h.list, &hanging);
	spin_unlock(&lock);

	wait_event(answered, READ_ONCE(h.going) || READ_ONCE(leaving));

	spin_lock(&lock);
	h.going = true;
	spin_unlock(&lock);
	file = h.err ? ERR_PTR(h.err) : dentry_open(path, flags, cred);

	spin_lock(&lock);
	list_del(&h.list);
	spin_unlock(&lock);
	wake_up_all(&answered);
	return file;
}

/*
 * Only lookups of ours open files in a worker; and what hang_open() calls itself is let pass.
 * In no context in which a lock may be taken.
 */
static int before_open(struct kprobe *unused, struct pt_regs *regs)
{
	const struct path *path = (const struct path *)regs_get_kernel_argument(regs, 0);
	unsigned long caller = *(unsigned long *)kernel_stack_pointer(regs);

	if (!(current->flags & PF_WQ_WORKER) || path->dentry->d_parent != dir.dentry ||
	    READ_ONCE(leaving) || within_module(caller, THIS_MODULE))
		return 0;
	instruction_pointer_set(regs, (unsigned long)hang_open);
	return 1;
}

/* Without one the place where it goes on cannot be changed. */
static void after_open(struct kprobe *unused, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = {
	.symbol_name	= "dentry_open",
	.pre_handler	= before_open,
	.post_handler	= after_open,
};

static int hang_show(struct seq_file *seq, void *unused)
{
	struct hung *h;

	spin_lock(&lock);
	list_for_each_entry(h, &hanging, list)
		if (!h->going)
			seq_printf(seq, "%s\n", h->name);
	spin_unlock(&lock);
	return 0;
}

static int answer(const char *name, int err)
{
	int found = -ENOENT;
	struct hung *h;

	spin_lock(&lock);
	list_for_each_entry(h, &hanging, list) {
		if (h->going || strcmp(h->name, name))
			continue;
		h->err = err;
		WRITE_ONCE(h->going, true);
		found = 0;
		break;
	}
	spin_unlock(&lock);
	wake_up_all(&answered);
	return found;
}

static ssize_t hang_write(struct file *unused, const char __user *from, size_t n, loff_t *pos)
{
	char *text = memdup_user_nul(from, n);
	int err = -EINVAL;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!strncmp(text, "allow ", 6))
		err = answer(strim(text + 6), 0);
	else if (!strncmp(text, "deny ", 5))
		err = answer(strim(text + 5), -EPERM);
	kfree(text);
	return err ?: n;
}

static int hang_open_proc(struct inode *unused, struct file *file)
{
	return single_open_size(file, hang_show, NULL, 65536);
}

static const struct proc_ops hang_ops = {
	.proc_open	= hang_open_proc,
	.proc_read	= seq_read,
	.proc_write	= hang_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

static int __init hang_init(void)
{
	int err = directory ? kern_path(directory, LOOKUP_DIRECTORY, &dir) : -EINVAL;

	if (err)
		return err;
	if (!proc_create("hang", 0600, NULL, &hang_ops)) {
		err = -ENOMEM;
		goto err_put_path;
	}
	err = register_kprobe(&probe);
	if (err)
		goto err_remove_proc;
	return 0;

err_remove_proc:
	remove_proc_entry("hang", NULL);
err_put_path:
	path_put(&dir);
	return err;
}

static bool nobody_hangs(void)
{
	bool nobody;

	spin_lock(&lock);
	nobody = list_empty(&hanging);
	spin_unlock(&lock);
	return nobody;
}

static void __exit hang_exit(void)
{
	WRITE_ONCE(leaving, true);
	wake_up_all(&answered);
	unregister_kprobe(&probe);
	wait_event(answered, nobody_hangs());
	/* Who was on his way in or out of hang_open(). */
	synchronize_rcu_tasks();
	wait_event(answered, nobody_hangs());
	synchronize_rcu_tasks();
	remove_proc_entry("hang", NULL);
	path_put(&dir);
}

module_init(hang_init);
module_exit(hang_exit);

MODULE_DESCRIPTION("Lookups that hang");
MODULE_LICENSE("GPL");
