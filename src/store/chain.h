/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a path still lead where it led?  Answered in softirq.
 *
 * Between a name and the docroot there is a chain of dentries, each the parent
 * of the one before.  Whatever makes a path lead elsewhere (unlink, rename of
 * the file or of a directory above it, a file moved over it, a symlink put in
 * its place) moves d_seq of a dentry in the chain before the system call
 * returns; RCU path walk relies on the same.  So a chain whose sequence numbers,
 * owners and modes are those that were sampled still spells the same path, and
 * the same user may still walk it.
 */
#ifndef SLUICE_STORE_CHAIN_H
#define SLUICE_STORE_CHAIN_H

#include <linux/dcache.h>
#include <linux/path.h>
#include <linux/seqlock.h>
#include <linux/uidgid.h>

#include "http/span.h"

#define SLUICE_CHAIN_MAX 16

struct cred;

/**
 * struct sluice_access - what decides who may read or pass an inode
 * @uid:     its owner
 * @gid:     its group
 * @mode:    its permissions
 * @changed: nanoseconds, its ctime, if an access control list may be elsewhere; or 0
 */
struct sluice_access {
	kuid_t	uid;
	kgid_t	gid;
	umode_t	mode;
	s64	changed;
};

/**
 * struct sluice_link - one name in a directory
 * @seq:      of its dentry
 * @negative: there is no file of that name
 * @foreign:  something is mounted on it, but not where we look: see below
 * @access:   to the file
 *
 * That a dentry is a mount point is true in all mount namespaces at once, and any user
 * may have one of his own.  Where something is mounted for others and not for us the
 * dentry does not show when that changes, so who goes by such a link does it for
 * SLUICE_FOREIGN_TIME at most.
 */
struct sluice_link {
	unsigned int		seq;
	bool			negative;
	bool			foreign;
	struct sluice_access	access;
};

#define SLUICE_FOREIGN_TIME HZ

/**
 * struct sluice_chain - the links from a name up to the docroot
 * @len:  links; the docroot is not one of them
 * @root: access to the docroot itself, which no rename can take away
 * @link: the last name first; it may be one that no file has
 */
struct sluice_chain {
	unsigned int		len;
	struct sluice_access	root;
	struct sluice_link	link[SLUICE_CHAIN_MAX];
};

bool sluice_access_holds(const struct sluice_access *access,
			 const struct inode *inode);
bool sluice_link_sample(struct sluice_link *link, const struct path *path,
			const struct dentry *parent);
/**
 * sluice_link_holds() - does the name still stand for that
 * @link:   from sluice_link_sample() or sluice_chain_sample()
 * @dentry: the same
 * @inode:  its inode, read before the call
 *
 * Inline, since each hit asks for all names around a file; most are negative, and
 * of those the number says it all.
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if it does; then @inode and what was read of the dentry before
 * the call is what it was when it was sampled.
 */
static inline bool sluice_link_holds(const struct sluice_link *link,
				     const struct dentry *dentry,
				     const struct inode *inode)
{
	if (!link->negative && ((d_mountpoint(dentry) && !link->foreign) ||
				!sluice_access_holds(&link->access, inode)))
		return false;
	return !read_seqcount_retry(&dentry->d_seq, link->seq);
}

bool sluice_chain_sample(struct sluice_chain *chain, const struct path *path,
			 const struct path *root, struct span name);
bool sluice_chain_is_foreign(const struct sluice_chain *chain);
bool sluice_chain_holds(const struct sluice_chain *chain,
			const struct dentry *dentry);
bool sluice_access_allows(const struct sluice_access *access,
			  const struct vfsmount *mnt, const struct cred *cred,
			  int mask);
bool sluice_chain_is_passable(const struct sluice_chain *chain,
			      const struct vfsmount *mnt,
			      const struct cred *cred);

/* Access to what the chain begins with, unless that is no file. */
static inline const struct sluice_access *
sluice_chain_end(const struct sluice_chain *chain)
{
	return chain->len ? &chain->link[0].access : &chain->root;
}

static inline bool sluice_chain_is_negative(const struct sluice_chain *chain)
{
	return chain->len && chain->link[0].negative;
}

#endif /* SLUICE_STORE_CHAIN_H */
