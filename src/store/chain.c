// SPDX-License-Identifier: GPL-2.0
/*
 * The chain of dentries that a path stands for.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/posix_acl.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/timekeeping.h>

#include "compat/fs.h"
#include "store/chain.h"

/* Nanoseconds: two ticks of a slow clock. */
#define CHANGE_TIME (20 * NSEC_PER_MSEC)

/* How often what is mounted elsewhere has to be seen so. */
#define FOREIGN_TIMES 4

/*
 * An access control list may say otherwise than the mode, and changes without
 * it: an inode that has one is not for chains.
 */
static bool has_acl(const struct inode *inode)
{
#ifdef CONFIG_FS_POSIX_ACL
	const struct posix_acl *acl = READ_ONCE(inode->i_acl);

	return acl && acl != ACL_NOT_CACHED;
#else
	return false;
#endif
}

/*
 * overlayfs: a list is with the inode below, which is asked each time.  Whoever changes it
 * moves the ctime above; as it moves with each entry that comes to a directory or goes.
 */
static bool is_list_elsewhere(const struct inode *inode)
{
#ifdef CONFIG_FS_POSIX_ACL
	return READ_ONCE(inode->i_acl) == ACL_DONT_CACHE;
#else
	return false;
#endif
}

/* So long ago that another change would have another time: it goes by ticks. */
static bool is_past(s64 time)
{
	return time && time < ktime_get_coarse_real_ns() - CHANGE_TIME;
}

/* Out of line, or what each hit asks for each link would be. */
static noinline bool list_holds(const struct sluice_access *access, const struct inode *inode)
{
	return is_list_elsewhere(inode) && access->changed &&
	       access->changed == compat_ctime_ns(inode);
}

static bool access_sample(struct sluice_access *access,
			  const struct inode *inode)
{
	access->changed = 0;
	access->uid = inode->i_uid;
	access->gid = inode->i_gid;
	access->mode = READ_ONCE(inode->i_mode);
	if (!is_list_elsewhere(inode))
		return !has_acl(inode);
	access->changed = compat_ctime_ns(inode);
	return is_past(access->changed);
}

static __always_inline bool access_holds(const struct sluice_access *access,
					 const struct inode *inode)
{
	return inode && uid_eq(access->uid, inode->i_uid) &&
	       gid_eq(access->gid, inode->i_gid) &&
	       access->mode == READ_ONCE(inode->i_mode) &&
	       (likely(!has_acl(inode)) || list_holds(access, inode));
}

/* @inode is NULL when the dentry has been killed meanwhile. */
bool sluice_access_holds(const struct sluice_access *access,
			 const struct inode *inode)
{
	return access_holds(access, inode);
}

/* Takes the last component off @name, if it is @dentry's name. */
static bool spell_backwards(struct span *name, const struct dentry *dentry)
{
	size_t len = dentry->d_name.len;

	if (name->len < len + 1 ||
	    memcmp(name->ptr + name->len - len, dentry->d_name.name, len))
		return false;
	name->len -= len + 1;
	return name->ptr[name->len] == '/';
}

/*
 * So it looks, too, while a mount of ours has been begun and is not in its place yet: see
 * stays_foreign().
 * Not under d_lock: whoever mounts takes that within the lock of all mounts.
 */
static bool is_mounted_elsewhere(const struct path *path)
{
	return d_mountpoint(path->dentry) && !path_is_mountpoint(path);
}

/* Are those of @link that are taken for foreign so now, from @path up. Context: process. */
static bool is_foreign_now(const struct sluice_link *link, unsigned int len,
			   const struct path *path)
{
	struct path here = *path;
	unsigned int i;
	bool ok = true;

	rcu_read_lock();	/* keeps parents that are renamed away */
	for (i = 0; ok && i < len; i++) {
		ok = !link[i].foreign || is_mounted_elsewhere(&here);
		here.dentry = READ_ONCE(here.dentry->d_parent);
	}
	rcu_read_unlock();
	return ok;
}

/*
 * DCACHE_MOUNTED is set before a mount is in its place, both under one lock that is not for
 * modules; may_umount() has waited for that when it returns.  So a mount of ours that was on
 * its way is found then.  Another may be: it is asked several times, and who mounts and
 * unmounts all the time is met elsewhere on his way.
 * Context: process.
 */
static bool stays_foreign(const struct sluice_link *link, unsigned int len,
			  const struct path *path)
{
	int times = FOREIGN_TIMES;

	while (times--) {
		may_umount(path->mnt);
		if (!is_foreign_now(link, len, path))
			return false;
	}
	return true;
}

/* Context: d_lock held, so that inode and sequence number agree. */
static bool link_sample_locked(struct sluice_link *link,
			       const struct dentry *dentry, bool foreign)
{
	const struct inode *inode = dentry->d_inode;

	if (d_unhashed(dentry) || (d_mountpoint(dentry) && !foreign) ||
	    dentry->d_flags & DCACHE_OP_REVALIDATE || IS_ROOT(dentry))
		return false;
	link->seq = raw_read_seqcount(&dentry->d_seq);
	link->negative = !inode;
	link->foreign = foreign;
	return !(link->seq & 1) &&
	       (!inode || access_sample(&link->access, inode));
}

/**
 * sluice_link_sample() - remember what one name stands for, or that for nothing
 * @link:   filled in
 * @path:   of the name, counted
 * @parent: the directory
 *
 * Context: process.
 * Return: false if it cannot be relied on.
 */
bool sluice_link_sample(struct sluice_link *link, const struct path *path,
			const struct dentry *parent)
{
	struct dentry *dentry = path->dentry;
	bool foreign = is_mounted_elsewhere(path);
	bool ok;

	spin_lock(&dentry->d_lock);
	ok = dentry->d_parent == parent &&
	     link_sample_locked(link, dentry, foreign);
	spin_unlock(&dentry->d_lock);
	return ok && (!foreign || stays_foreign(link, 1, path));
}

/* Does it go by a link for a time only? Context: any. */
bool sluice_chain_is_foreign(const struct sluice_chain *chain)
{
	unsigned int i;

	for (i = 0; i < chain->len; i++)
		if (chain->link[i].foreign)
			return true;
	return false;
}

/**
 * sluice_chain_sample() - remember how @path came out for @name
 * @chain: filled in
 * @path:  what a lookup found, counted; its dentry may be negative
 * @root:  where the lookup began
 * @name:  absolute below @root, normalised
 *
 * What was found out before is not covered by the sample: judge by the sample, or
 * look again afterwards.
 *
 * Context: process.
 * Return: false if the path went through a symlink or a mount, folds case, has
 * an access control list, is deeper than SLUICE_CHAIN_MAX or belongs to a file
 * system that others change: then it must be walked each time.
 */
bool sluice_chain_sample(struct sluice_chain *chain, const struct path *path,
			 const struct path *root, struct span name)
{
	struct dentry *dentry = path->dentry;
	bool ok = false;

	if (path->mnt != root->mnt)
		return false;

	chain->len = 0;
	rcu_read_lock();	/* keeps parents that are renamed away */
	while (dentry != root->dentry) {
		struct path here = { .mnt = root->mnt, .dentry = dentry };
		struct dentry *parent;
		bool foreign;

		if (chain->len == SLUICE_CHAIN_MAX)
			goto out;
		foreign = is_mounted_elsewhere(&here);
		spin_lock(&dentry->d_lock);
		ok = spell_backwards(&name, dentry) &&
		     link_sample_locked(&chain->link[chain->len], dentry,
					foreign);
		parent = dentry->d_parent;
		spin_unlock(&dentry->d_lock);
		if (!ok)
			goto out;
		ok = false;
		chain->len++;
		dentry = parent;
	}
	ok = !name.len && access_sample(&chain->root, d_inode(dentry));
out:
	rcu_read_unlock();
	return ok && (!sluice_chain_is_foreign(chain) ||
		      stays_foreign(chain->link, chain->len, path));
}

/**
 * sluice_chain_holds() - is the path still what it was when it was sampled
 * @chain:  from sluice_chain_sample()
 * @dentry: the file's, counted
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if it is.
 */
bool sluice_chain_holds(const struct sluice_chain *chain,
			const struct dentry *dentry)
{
	const struct sluice_link *link = chain->link;
	const struct sluice_link *end = link + chain->len;

	for (; link < end; link++) {
		const struct dentry *parent = READ_ONCE(dentry->d_parent);
		const struct inode *inode = READ_ONCE(dentry->d_inode);

		/* As sluice_link_holds() has it, without a call for each. */
		if (!link->negative && ((d_mountpoint(dentry) && !link->foreign) ||
					!access_holds(&link->access, inode)))
			return false;
		if (read_seqcount_retry(&dentry->d_seq, link->seq))
			return false;
		dentry = parent;
	}
	return access_holds(&chain->root, READ_ONCE(dentry->d_inode));
}

/**
 * sluice_access_allows() - may a user read or pass what was sampled
 * @access: from a sample
 * @mnt:    it is on
 * @cred:   of a user without capabilities, in one group
 * @mask:   of MAY_READ and MAY_EXEC
 *
 * By owner and mode alone: there is no list in a sample.  The inode itself may be
 * another matter by now; a mode that was changed and changed back leaves no trace.
 *
 * Context: any.
 * Return: true if the kernel would say so too, for all that the sample shows.
 */
bool sluice_access_allows(const struct sluice_access *access,
			  const struct vfsmount *mnt, const struct cred *cred,
			  int mask)
{
	struct user_namespace *fs_ns = mnt->mnt_sb->s_user_ns;
	umode_t mode = access->mode;

	if (vfsuid_eq_kuid(make_vfsuid(mnt_idmap(mnt), fs_ns, access->uid),
			   cred->fsuid))
		mode >>= 6;
	else if (vfsgid_eq_kgid(make_vfsgid(mnt_idmap(mnt), fs_ns, access->gid),
				cred->fsgid))
		mode >>= 3;
	return !(mask & ~mode);
}

/**
 * sluice_chain_is_passable() - may a user get to what the chain begins with
 * @chain: from sluice_chain_sample()
 * @mnt:   it is on
 * @cred:  as for sluice_access_allows()
 *
 * Context: any.
 * Return: true if each directory above it lets him pass.
 */
bool sluice_chain_is_passable(const struct sluice_chain *chain,
			      const struct vfsmount *mnt,
			      const struct cred *cred)
{
	unsigned int i;

	if (!chain->len)
		return true;
	for (i = 1; i < chain->len; i++)
		if (!sluice_access_allows(&chain->link[i].access, mnt, cred,
					  MAY_EXEC))
			return false;
	return sluice_access_allows(&chain->root, mnt, cred, MAY_EXEC);
}
