/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether somebody wants to be asked before a file is opened or read.
 */
#ifndef SLUICE_COMPAT_FSNOTIFY_H
#define SLUICE_COMPAT_FSNOTIFY_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/fsnotify_backend.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)

/*
 * The file system counts what is watched by groups that may be asked, on inodes,
 * mounts and itself together: more than what is asked about this file, never less.
 *
 * Context: any.
 */
static inline bool compat_is_watched(const struct path *path)
{
	return unlikely(fsnotify_sb_has_priority_watchers(path->dentry->d_sb,
							  FSNOTIFY_PRIO_CONTENT));
}

#else

/*
 * There is no such count, but masks.  That of a mount is in fs/mount.h of the kernel,
 * which modules do not see: this is how that begins in 6.1.  Of other kernels, or one
 * that shuffles its structures, it is not known; then whatever is watched by anybody
 * is taken to be this.
 */
struct compat_mount {
	struct hlist_node	hash;
	void			*parent;
	struct dentry		*mountpoint;
	struct vfsmount		mnt;
	struct rcu_head		rcu;
#ifdef CONFIG_SMP
	void __percpu		*pcp;
#else
	int			count;
	int			writers;
#endif
	struct list_head	mounts;
	struct list_head	child;
	struct list_head	instance;
	const char		*devname;
	struct list_head	list;
	struct list_head	expire;
	struct list_head	share;
	struct list_head	slave_list;
	struct list_head	slave;
	void			*master;
	void			*ns;
	void			*mp;
	struct hlist_node	mp_list;
	struct list_head	umounting;
	void			*fsnotify_marks;
	__u32			fsnotify_mask;
};

static inline u32 compat_mount_mask(const struct vfsmount *mnt)
{
	if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) ||
	    IS_ENABLED(CONFIG_RANDSTRUCT))
		return ALL_FSNOTIFY_PERM_EVENTS;
	return READ_ONCE(container_of(mnt, struct compat_mount, mnt)->fsnotify_mask);
}

/* Context: rcu_read_lock(); @inode is NULL when its dentry has been killed. */
static inline u32 compat_inode_mask(const struct inode *inode)
{
	return inode ? READ_ONCE(inode->i_fsnotify_mask) : 0;
}

/* Where fsnotify() and __fsnotify_parent() look. */
static noinline bool compat_asks_before_reading(const struct path *path)
{
	const struct dentry *dentry = path->dentry;
	u32 mask = READ_ONCE(dentry->d_sb->s_fsnotify_mask) |
		   compat_mount_mask(path->mnt);
	u32 below;

	rcu_read_lock();
	mask |= compat_inode_mask(READ_ONCE(dentry->d_inode));
	below = compat_inode_mask(READ_ONCE(READ_ONCE(dentry->d_parent)->d_inode));
	rcu_read_unlock();
	if (below & FS_EVENT_ON_CHILD)
		mask |= below;
	return mask & ALL_FSNOTIFY_PERM_EVENTS;
}

static inline bool compat_is_watched(const struct path *path)
{
	return unlikely(atomic_long_read(&path->dentry->d_sb->s_fsnotify_connectors)) &&
	       compat_asks_before_reading(path);
}

#endif

#endif /* SLUICE_COMPAT_FSNOTIFY_H */
