// SPDX-License-Identifier: GPL-2.0
/*
 * The way by which docroot's name leads to a directory.
 *
 * Each mark says: when it was left, this dentry had that name in the directory before it.
 * Whatever makes that untrue moves its d_seq before the system call returns, as in
 * store/chain.h; what a symlink says is as old as its inode.  So while all marks are as
 * they were all of it is true at once, and nobody has to be told of anything.
 *
 * The dentries are held one by one, with their mounts: unlike a chain a trail goes over
 * several file systems, and over symlinks.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat/fs.h"
#include "store/steps.h"
#include "store/trail.h"

/* A walk under way: @at is counted, @plain the same without symlinks, from the top. */
struct laying {
	struct sluice_trail	*trail;
	const struct path	*top;
	struct path		at;
	char			*plain;
	size_t			plain_len;
	struct sluice_steps	steps;
};

static void move_to(struct laying *l, const struct path *path)
{
	path_put(&l->at);
	l->at = *path;
}

/* The root of a file system has no name; so has the directory that is mounted from one. */
static bool is_named(const struct path *path, const struct dentry *parent, struct span name)
{
	const struct dentry *dentry = path->dentry;

	if (!parent)
		return true;
	return dentry->d_parent == parent && !d_unhashed(dentry) &&
	       dentry->d_name.len == name.len &&
	       !memcmp(dentry->d_name.name, name.ptr, name.len);
}

/* Return: 0; -EAGAIN if it is not that any more; -E2BIG. */
static int leave_mark(struct sluice_trail *trail, const struct path *path,
		      const struct dentry *parent, struct span name)
{
	struct sluice_mark *mark = &trail->mark[trail->count];
	struct dentry *dentry = path->dentry;
	bool ok;

	if (trail->count == SLUICE_TRAIL_MAX)
		return -E2BIG;
	spin_lock(&dentry->d_lock);
	mark->seq = raw_read_seqcount(&dentry->d_seq);
	mark->mounted = dentry->d_flags & DCACHE_MOUNTED;
	mark->cares = DCACHE_MOUNTED;
	ok = is_named(path, parent, name) && !(mark->seq & 1);
	spin_unlock(&dentry->d_lock);
	if (!ok)
		return -EAGAIN;
	if (mark->mounted || dentry->d_flags & DCACHE_OP_REVALIDATE)
		trail->loose = true;
	mark->at = *path;
	path_get(&mark->at);
	trail->count++;
	return 0;
}

static void go_up(struct path *at, const struct path *top)
{
	struct dentry *parent;

	while (!path_equal(at, top) && at->dentry == at->mnt->mnt_root)
		if (!follow_up(at))
			return;
	if (path_equal(at, top))
		return;
	parent = dget_parent(at->dentry);
	dput(at->dentry);
	at->dentry = parent;
}

static int follow(struct laying *l, struct path *link)
{
	int err = sluice_steps_follow(&l->steps, link);

	if (!err && l->steps.rest[0] == '/') {
		struct path top = *l->top;

		path_get(&top);
		move_to(l, &top);
		l->plain_len = 0;
	}
	path_put(link);
	return err;
}

/*
 * To what is mounted on @path, if that is for us.  One of ours may be on its way, and looks
 * like another's: may_umount() has waited for that, as in store/chain.c.
 */
static bool descend(struct sluice_trail *trail, struct path *path)
{
	struct sluice_mark *mark = &trail->mark[trail->count - 1];

	if (!mark->mounted)
		return false;
	if (follow_down_one(path))
		return true;
	may_umount(path->mnt);
	if (follow_down_one(path))
		return true;
	mark->mounted = 0;
	mark->cares = 0;
	return false;
}

/* Each mount on the other is a mark, and so is what it has for a root. */
static int go_down(struct laying *l, struct path *path)
{
	int err = 0;

	while (!err && descend(l->trail, path))
		err = leave_mark(l->trail, path, NULL, SPAN(""));
	return err;
}

static int enter(struct laying *l, struct path *next, struct span name)
{
	if (l->plain_len + 1 + name.len >= PATH_MAX) {
		path_put(next);
		return -ENAMETOOLONG;
	}
	l->plain[l->plain_len++] = '/';
	memcpy(l->plain + l->plain_len, name.ptr, name.len);
	l->plain_len += name.len;
	move_to(l, next);
	return 0;
}

static int step(struct laying *l, struct span name)
{
	struct path next = { .mnt = l->at.mnt };
	int err;

	if (!d_can_lookup(l->at.dentry))
		return -ENOTDIR;
	next.dentry = compat_lookup_one(next.mnt, l->at.dentry, (const char *)name.ptr,
					name.len);
	if (IS_ERR(next.dentry))
		return PTR_ERR(next.dentry);
	mntget(next.mnt);
	err = leave_mark(l->trail, &next, l->at.dentry, name);
	if (!err)
		err = go_down(l, &next);
	if (!err && d_is_negative(next.dentry))
		err = -ENOENT;
	if (err) {
		path_put(&next);
		return err;
	}
	return d_is_symlink(next.dentry) ? follow(l, &next) : enter(l, &next, name);
}

static int step_up(struct laying *l)
{
	go_up(&l->at, l->top);
	while (l->plain_len && l->plain[--l->plain_len] != '/')
		;
	return 0;
}

static int lay(struct laying *l, const char *name)
{
	struct span part;
	int err = sluice_steps_begin(&l->steps, name);

	while (!err && sluice_steps_next(&l->steps, &part))
		err = sluice_steps_is_up(part) ? step_up(l) : step(l, part);
	l->plain[l->plain_len] = '\0';
	return err;
}

/**
 * sluice_trail_lay() - go where a name leads, and mark the way
 * @trail: filled in, also on failure: for sluice_trail_release()
 * @name:  absolute
 * @top:   where it begins
 * @end:   counted for the caller, if there is no error
 * @plain: PATH_MAX bytes: the same place by a name without symlinks
 *
 * Each directory on the way has to let the caller pass.  What the kernel's own walk says
 * has to be compared: it asks more than this.
 *
 * Context: process.
 * Return: 0 or -errno.
 */
int sluice_trail_lay(struct sluice_trail *trail, const char *name,
		     const struct path *top, struct path *end, char *plain)
{
	struct laying *l = kmalloc(sizeof(*l), GFP_KERNEL);
	int err;

	trail->count = 0;
	trail->loose = false;
	if (!l)
		return -ENOMEM;
	l->trail = trail;
	l->top = top;
	l->at = *top;
	path_get(&l->at);
	l->plain = plain;
	l->plain_len = 0;
	err = lay(l, name);
	if (err)
		path_put(&l->at);
	else
		*end = l->at;
	kfree(l);
	return err;
}

/*
 * It leads elsewhere, and does not show it: expect a number that has been, and does not
 * come again.  Context: any; who looks at the same time sees it in time or a moment later.
 */
void sluice_trail_break(struct sluice_trail *trail)
{
	if (trail->count)
		WRITE_ONCE(trail->mark[0].seq, trail->mark[0].seq - 1);
}

/* Context: process. */
void sluice_trail_release(struct sluice_trail *trail)
{
	while (trail->count)
		path_put(&trail->mark[--trail->count].at);
}
