// SPDX-License-Identifier: GPL-2.0
/*
 * From a path to an object: rooted lookup as an unprivileged user.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "sock/stats.h"
#include "store/cache.h"
#include "store/docroot.h"
#include "store/lookup.h"
#include "store/object.h"

#define INDEX_FILE "index.html"

/* A rename during a scoped lookup makes it fail with -EAGAIN. */
#define LOOKUP_TRIES 4

/* Not in <linux/magic.h>. */
#define XFS_MAGIC 0x58465342

/*
 * File systems whose page cache is the file: local, written only through this
 * kernel.  Network and stacked ones keep their pages, or their truth, elsewhere.
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

/* Context: under the docroot's credentials. @name is NUL-terminated, "/...". */
static int walk(const struct sluice_docroot *root, const u8 *name,
		unsigned int flags, struct path *path)
{
	int tries = LOOKUP_TRIES;
	int err;

	do {
		err = vfs_path_lookup(root->path.dentry, root->path.mnt,
				      (const char *)name + 1,
				      flags | LOOKUP_FOLLOW | LOOKUP_BENEATH |
				      LOOKUP_NO_MAGICLINKS, path);
	} while (err == -EAGAIN && --tries);
	return err;
}

static int refuse_special(const struct inode *inode)
{
	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -ENOENT;
	return has_local_page_cache(inode) ? 0 : -EOPNOTSUPP;
}

/*
 * Opens what the walk found.  Kind first: opening a FIFO or a device would have
 * effects.  dentry_open() does not check MAY_READ.  O_NONBLOCK: do not wait for
 * the holder of a lease.
 */
static struct file *open_found(const struct sluice_docroot *root,
			       const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	int err;

	err = refuse_special(inode);
	if (err)
		return ERR_PTR(err);
	/* A program: the backend may run it, nobody should read it. */
	if (inode->i_mode & 0111)
		return ERR_PTR(-ENOEXEC);
	err = inode_permission(mnt_idmap(path->mnt), inode,
			       MAY_READ | MAY_OPEN);
	if (err)
		return ERR_PTR(err);
	return dentry_open(path, O_RDONLY | O_NONBLOCK | O_LARGEFILE |
			   O_NOATIME, root->cred);
}

/* Or what the walks found was there only in between. */
static bool is_still_current(const struct sluice_object *obj)
{
	bool current_now;

	rcu_read_lock();
	current_now = sluice_object_is_current(obj);
	rcu_read_unlock();
	return current_now;
}

/*
 * Walks twice: the chain is sampled in between, so that every permission that
 * the second walk finds granted is one that the sample stands for.
 */
static struct sluice_object *open_name(const struct sluice_docroot *root,
				       struct span key, struct span name)
{
	struct sluice_chain chain;
	struct sluice_object *obj;
	struct path first, path;
	struct file *file;
	bool certain;
	int err;

	err = walk(root, name.ptr, 0, &first);
	if (err)
		return ERR_PTR(err);
	certain = sluice_chain_sample(&chain, &first, &root->path, name);
	err = walk(root, name.ptr, 0, &path);
	if (err) {
		obj = ERR_PTR(err);
		goto out_put_first;
	}

	file = open_found(root, &path);
	if (IS_ERR(file)) {
		obj = ERR_CAST(file);
		goto out_put_path;
	}
	obj = sluice_object_create(root->id, key, name, file);
	if (!IS_ERR(obj) && certain && path_equal(&first, &path)) {
		obj->chain = chain;
		if (is_still_current(obj))
			obj = sluice_cache_insert(obj);
	}

out_put_path:
	path_put(&path);
out_put_first:
	path_put(&first);
	return obj;
}

static bool directory_exists(const struct sluice_docroot *root,
			     struct span path)
{
	struct path dir;

	if (path.len == 1)	/* the docroot */
		return true;
	if (walk(root, path.ptr, LOOKUP_DIRECTORY, &dir))
		return false;
	path_put(&dir);
	return true;
}

/* What happened, in the few words that a reply can be chosen by. */
static int plain_error(int err)
{
	switch (err) {
	case -EISDIR:
	case -ENODATA:
	case -ENOEXEC:
	case -EOPNOTSUPP:
	case -ENOMEM:
		return err;
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return -ENOENT;
	}
	return -EACCES;
}

static struct sluice_object *lookup_as_user(const struct sluice_docroot *root,
					    struct span path)
{
	struct sluice_object *obj;
	struct span name = path;
	u8 *buf = NULL;

	if (path.ptr[path.len - 1] == '/') {
		buf = kmalloc(path.len + sizeof(INDEX_FILE), GFP_KERNEL);
		if (!buf)
			return ERR_PTR(-ENOMEM);
		memcpy(buf, path.ptr, path.len);
		memcpy(buf + path.len, INDEX_FILE, sizeof(INDEX_FILE));
		name.ptr = buf;
		name.len = path.len + sizeof(INDEX_FILE) - 1;
	}

	obj = open_name(root, path, name);
	/* An index that is no file is no index; one in a file is no path. */
	if (buf && IS_ERR(obj) && PTR_ERR(obj) == -EISDIR)
		obj = ERR_PTR(-ENOENT);
	if (buf && IS_ERR(obj) && PTR_ERR(obj) == -ENOENT &&
	    directory_exists(root, path))
		obj = ERR_PTR(-ENODATA);
	kfree(buf);
	return obj;
}

/**
 * sluice_lookup() - find and open what a path names below the docroot
 * @path: absolute, normalised, NUL-terminated behind its last byte
 *
 * What can be certified goes into the cache; the rest is good for this answer.
 *
 * Context: process, in the slow lane.
 * Return: an object with a reference for the caller, or ERR_PTR: -ENOENT no
 * such file, or not a regular one; -EACCES not readable for the user, or it
 * leads out of the docroot; -EISDIR a directory named without its slash;
 * -ENODATA a directory without an index; -ENOEXEC a program; -EOPNOTSUPP a file system whose pages
 * cannot be sent; -ENOMEM.
 */
struct sluice_object *sluice_lookup(struct span path)
{
	struct sluice_docroot *root = sluice_docroot_get();
	struct sluice_object *obj;
	const struct cred *old;

	sluice_stat_inc(SLUICE_STAT_LOOKUPS);
	if (!root)
		return ERR_PTR(-ENOENT);

	old = override_creds(root->cred);
	obj = lookup_as_user(root, path);
	revert_creds(old);

	sluice_docroot_put(root);
	return IS_ERR(obj) ? ERR_PTR(plain_error(PTR_ERR(obj))) : obj;
}
