/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a path still lead where it led?  Answered in softirq.
 *
 * Between a file and the docroot there is a chain of dentries, each the parent
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
#include <linux/uidgid.h>

#include "http/span.h"

#define SLUICE_CHAIN_MAX 16

/* What decides who may read or pass an inode. */
struct sluice_access {
	kuid_t	uid;
	kgid_t	gid;
	umode_t	mode;
};

/**
 * struct sluice_link - one name in a directory
 * @seq:      of its dentry
 * @negative: there is no file of that name
 * @access:   to the file
 */
struct sluice_link {
	unsigned int		seq;
	bool			negative;
	struct sluice_access	access;
};

/**
 * struct sluice_chain - the links from a file up to the docroot
 * @len:  links; the docroot is not one of them
 * @root: access to the docroot itself, which no rename can take away
 * @link: the file first
 */
struct sluice_chain {
	unsigned int		len;
	struct sluice_access	root;
	struct sluice_link	link[SLUICE_CHAIN_MAX];
};

bool sluice_link_sample(struct sluice_link *link, struct dentry *dentry,
			const struct dentry *parent);
bool sluice_link_holds(const struct sluice_link *link,
		       const struct dentry *dentry, const struct inode *inode);

bool sluice_chain_sample(struct sluice_chain *chain, const struct path *path,
			 const struct path *root, struct span name);
bool sluice_chain_holds(const struct sluice_chain *chain,
			const struct dentry *dentry);

#endif /* SLUICE_STORE_CHAIN_H */
