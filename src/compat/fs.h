/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernels call differently in the file system.
 */
#ifndef SLUICE_COMPAT_FS_H
#define SLUICE_COMPAT_FS_H

#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <linux/security.h>
#else
#include <linux/ima.h>
#endif

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

/*
 * 7.0: the flags are a type of their own.  A file of no name, to be written to and to grow.
 * Context: process.
 */
static inline struct file *compat_memory_file(const char *name)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return shmem_file_setup(name, 0, mk_vma_flags(VMA_NORESERVE_BIT));
#else
	return shmem_file_setup(name, 0, VM_NORESERVE);
#endif
}

/* 6.6: by a function. Context: any. */
static inline s64 compat_ctime_ns(const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	struct timespec64 ctime = inode_get_ctime(inode);

	return timespec64_to_ns(&ctime);
#else
	return timespec64_to_ns(&inode->i_ctime);
#endif
}

/*
 * What open(2) asks besides dentry_open(): IMA, whether these are the bytes that were
 * signed.  6.9: one of the security hooks.
 * Context: process, with the opener's credentials; reads all of the file.
 */
static inline int compat_post_open(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return security_file_post_open(file, MAY_READ | MAY_OPEN);
#else
	return ima_file_check(file, MAY_READ | MAY_OPEN);
#endif
}

/*
 * The window behind a marked folio.  Where its readahead went to is not kept: the
 * kernel reads it off the page cache, if no previous window seems to end here.
 * 6.16: the order is part of the state, not looked up in the folio.
 * @file may be NULL, as for a file that only the file system below knows.
 * Context: process.
 */
static inline void compat_readahead_next(struct address_space *mapping,
					 struct file *file,
					 struct file_ra_state *ra,
					 struct folio *folio,
					 unsigned long req_count)
{
	DEFINE_READAHEAD(ractl, file, ra, mapping, folio->index);

	ra->start = ULONG_MAX;
	ra->size = 0;
	ra->async_size = 0;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	ra->order = folio_order(folio);
#endif
	page_cache_async_ra(&ractl, folio, req_count);
}

#endif /* SLUICE_COMPAT_FS_H */
