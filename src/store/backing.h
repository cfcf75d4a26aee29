/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the bytes of a file are, and whether they can be sent from there.
 */
#ifndef SLUICE_STORE_BACKING_H
#define SLUICE_STORE_BACKING_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/types.h>

/* Its files are those of other file systems. */
static inline bool sluice_backing_is_stacked(const struct dentry *dentry)
{
	return dentry->d_sb->s_magic == OVERLAYFS_SUPER_MAGIC;
}

bool sluice_backing_folds_names(const struct dentry *dentry);
bool sluice_backing_is_fit(const struct dentry *dentry);
int sluice_backing_check(struct file *file);
struct inode *sluice_backing_inode(const struct file *file);
bool sluice_backing_is_still(const struct dentry *dentry, const struct inode *inode);

#endif /* SLUICE_STORE_BACKING_H */
