/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The floor: older kernels behind the names of the newest one.
 *
 * Force-included in front of every file.  No other file may test for a kernel
 * version.  Each entry says since when the newer name exists, and can be
 * removed on its own when the oldest supported kernel has it.
 *
 * Differences of behaviour, not only of name, are functions: compat/tcp.h.
 */
#ifndef SLUICE_COMPAT_H
#define SLUICE_COMPAT_H

/* Not compat, but it must stand before the first header that prints. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

/* 7.0: <linux/pagevec.h> was renamed after what is left in it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/* 6.3: permission checks take the mount's idmap, not its user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap(mnt) mnt_user_ns(mnt)
#endif

/* 6.5: declared in a public header; exported long before. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt,
		    const char *name, unsigned int flags, struct path *path);
#endif

/* 6.7: the time fields of an inode became private. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline time64_t inode_get_mtime_sec(const struct inode *inode)
{
	return inode->i_mtime.tv_sec;
}
#endif

/* 6.16: from_timer() was renamed. */
#ifndef timer_container_of
#define timer_container_of(var, timer, field) from_timer(var, timer, field)
#endif

/*
 * 6.17: alloc_workqueue() wants exactly one of WQ_PERCPU and WQ_UNBOUND; before,
 * per CPU was what one got without a flag.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define WQ_PERCPU 0
#endif

/* 6.19: bind and connect inside the kernel take a sockaddr of no fixed size. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

#endif /* SLUICE_COMPAT_H */
