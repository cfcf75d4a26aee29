// SPDX-License-Identifier: GPL-2.0
/*
 * Where the bytes of a file are.
 *
 * A file of overlayfs has no pages of its own: they are those of a file below, in the upper
 * layer or in a lower one, and are sent from there.  Names, owners and modes are the
 * overlay's, as are the dentries that a chain is made of.  What a copy-up changes is which
 * inode is below, and each hit asks for that.
 */
#include <linux/errno.h>
#include <linux/stat.h>

#include "store/backing.h"

/* Not in <linux/magic.h>. */
#define XFS_MAGIC 0x58465342

/* Somebody writes between the two looks. */
#define CHECK_TRIES 4

/*
 * File systems whose page cache is the file: local, written only through this
 * kernel.  Network and other stacked ones keep their pages, or their truth, elsewhere.
 */
static bool has_local_page_cache(const struct inode *inode)
{
	if (IS_DAX(inode))
		return false;

	switch (inode->i_sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case XFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case F2FS_SUPER_MAGIC:
	case EROFS_SUPER_MAGIC_V1:
	case SQUASHFS_MAGIC:
	case ISOFS_SUPER_MAGIC:
		return true;
	}
	return false;
}

/*
 * One name may be spelled in many ways there (casefold; joliet), with letters that look
 * like others and some that look like nothing, and dentries have the first one that came.
 * What a path is by its name cannot be told: whether a program, or hidden.
 */
bool sluice_backing_folds_names(const struct dentry *dentry)
{
#if IS_ENABLED(CONFIG_UNICODE)
	if (dentry->d_sb->s_encoding)
		return true;
#endif
	return dentry->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE);
}

/**
 * sluice_backing_is_fit() - can files of its kind be served
 * @dentry: counted, of a file or a directory
 *
 * Of overlayfs it depends on what is below, which sluice_backing_check() tells.
 * Context: any.
 * Return: true if they can, or may.
 */
bool sluice_backing_is_fit(const struct dentry *dentry)
{
	return !sluice_backing_folds_names(dentry) &&
	       (sluice_backing_is_stacked(dentry) || has_local_page_cache(d_inode(dentry)));
}

/* Context: any, for a file that was opened: what is below was looked up then. */
struct inode *sluice_backing_inode(const struct file *file)
{
	if (!sluice_backing_is_stacked(file->f_path.dentry))
		return file_inode(file);
	return d_real_inode(file->f_path.dentry);
}

/*
 * A file whose owner or time was changed may have its new attributes above and its bytes
 * still below (metacopy).  If that shows, what is said of it would be of another inode.
 * With fs-verity below its d_real() may sleep: see sluice_backing_is_still().
 */
static int check_stacked(struct file *file)
{
	struct inode *inode = sluice_backing_inode(file);
	struct kstat stat;
	int err;

	if (!has_local_page_cache(inode) || IS_VERITY(inode))
		return -EOPNOTSUPP;
	err = vfs_getattr(&file->f_path, &stat, STATX_MTIME | STATX_SIZE,
			  AT_STATX_SYNC_AS_STAT);
	if (err)
		return err;
	return stat.mtime.tv_sec == inode_get_mtime_sec(inode) &&
	       stat.size == i_size_read(inode) ? 0 : -EOPNOTSUPP;
}

/**
 * sluice_backing_check() - can it be sent from where its bytes are
 * @file: open for reading, of a kind that is fit
 *
 * Context: process.
 * Return: 0 or -errno; -EOPNOTSUPP: no.
 */
int sluice_backing_check(struct file *file)
{
	int tries = CHECK_TRIES;
	int err = 0;

	if (!sluice_backing_is_stacked(file->f_path.dentry))
		return 0;
	do {
		err = check_stacked(file);
	} while (err == -EOPNOTSUPP && --tries);
	return err;
}

/**
 * sluice_backing_is_still() - are the bytes still there
 * @dentry: of overlayfs, counted by a file that is open
 * @inode:  where they were
 *
 * overlayfs's d_real() sleeps in two cases only: if the lower file was not looked up yet,
 * which opening does, and if a digest of fs-verity is to be compared, which only a lower
 * file has that has it enabled.
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if they are.
 */
bool sluice_backing_is_still(const struct dentry *dentry, const struct inode *inode)
{
	return !IS_VERITY(inode) && d_real_inode(dentry) == inode;
}
