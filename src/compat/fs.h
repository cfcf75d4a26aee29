/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernels call differently in the file system.
 */
#ifndef SLUICE_COMPAT_FS_H
#define SLUICE_COMPAT_FS_H

#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/version.h>

/*
 * 6.16: takes the name as a qstr.  Unlike a walk it gives the dentry of a name
 * that has no file.  Context: process; checks MAY_EXEC on @dir.
 */
static inline struct dentry *compat_lookup_one(struct vfsmount *mnt,
					       struct dentry *dir,
					       const char *name, int len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return lookup_one_unlocked(mnt_idmap(mnt), &QSTR_LEN(name, len), dir);
#else
	return lookup_one_unlocked(mnt_idmap(mnt), name, dir, len);
#endif
}

#endif /* SLUICE_COMPAT_FS_H */
