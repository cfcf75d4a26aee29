// SPDX-License-Identifier: GPL-2.0
/*
 * The names beside a file: do they still hold, which to send.
 */
#include <linux/dcache.h>
#include <linux/fs.h>

#include "store/object.h"
#include "store/siblings.h"

static bool sibling_holds(const struct sluice_sibling *sibling)
{
	const struct dentry *dentry = sibling->dentry;
	const struct inode *inode = READ_ONCE(dentry->d_inode);

	if (!sluice_link_holds(&sibling->link, dentry, inode))
		return false;
	/* No file, and none came. */
	if (!inode)
		return true;
	if (sibling->obj)
		return sluice_object_is_unchanged(sibling->obj);
	/* It was of no use when it was looked at, being older for one; or IMA said so. */
	return !(READ_ONCE(inode->i_flags) & S_IMA) && inode_get_mtime_sec(inode) == sibling->mtime;
}

/* Does it go by a name of them for a time only? Context: any. */
bool sluice_siblings_are_foreign(const struct sluice_siblings *siblings)
{
	unsigned int i;

	for (i = 0; i < siblings->count; i++)
		if (siblings->sibling[i].link.foreign)
			return true;
	return false;
}

/**
 * sluice_siblings_hold() - is beside the file what was there
 * @siblings: all with a dentry; their directory is certain
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if it is.
 */
bool sluice_siblings_hold(const struct sluice_siblings *siblings)
{
	unsigned int i;

	for (i = 0; i < siblings->count; i++)
		if (!sibling_holds(&siblings->sibling[i]))
			return false;
	return true;
}

/* Context: process. */
void sluice_siblings_release(struct sluice_siblings *siblings)
{
	unsigned int i;

	for (i = 0; i < siblings->count; i++) {
		if (siblings->sibling[i].obj)
			sluice_object_put(siblings->sibling[i].obj);
		dput(siblings->sibling[i].dentry);
	}
	siblings->count = 0;
	siblings->usable = 0;
}

/**
 * sluice_siblings_choose() - what the client likes best
 * @siblings: some may be usable
 * @accept_encoding: value of the field
 *
 * Context: any; whoever asks holds the object that has them.
 * Return: the object to send, or NULL: the file itself.
 */
struct sluice_object *
sluice_siblings_choose(const struct sluice_siblings *siblings,
		       struct span accept_encoding)
{
	struct sluice_object *obj[SLUICE_SIBLINGS_MAX];
	u8 offered[SLUICE_SIBLINGS_MAX];
	unsigned int i, n = 0;
	int chosen;

	for (i = 0; i < siblings->count; i++) {
		if (!siblings->sibling[i].obj)
			continue;
		offered[n] = siblings->sibling[i].coding;
		obj[n++] = siblings->sibling[i].obj;
	}
	chosen = http_negotiate(accept_encoding, offered, n);
	return chosen < 0 ? NULL : obj[chosen];
}
