/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directory that is served, and the identity that opens its files.
 */
#ifndef SLUICE_STORE_DOCROOT_H
#define SLUICE_STORE_DOCROOT_H

#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct cred;

/**
 * struct sluice_docroot - a pinned directory
 * @path: the directory, pinned, so that a rename does not move it away
 * @top:  the root of who named it, where absolute symlinks begin: kernel threads
 *        have none of their own
 * @cred: unprivileged, and without any capability
 * @ref:  each site that has it has one
 */
struct sluice_docroot {
	struct path		path;
	struct path		top;
	const struct cred	*cred;
	refcount_t		ref;
};

struct sluice_docroot *sluice_docroot_open(const char *name, uid_t run_as);
void sluice_docroot_put(struct sluice_docroot *root);

static inline void sluice_docroot_hold(struct sluice_docroot *root)
{
	refcount_inc(&root->ref);
}

#endif /* SLUICE_STORE_DOCROOT_H */
