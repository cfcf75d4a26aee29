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
 * @cred: unprivileged, and without any capability
 * @id:   never used twice; objects remember it instead of the docroot
 * @ref:  the current docroot has one, each lookup one while it runs
 * @rcu:  for freeing
 *
 * Immutable once published; replaced whole.
 */
struct sluice_docroot {
	struct path		path;
	const struct cred	*cred;
	u64			id;
	refcount_t		ref;
	struct rcu_head		rcu;
};

struct sluice_docroot *sluice_docroot_open(const char *name, uid_t run_as);
void sluice_docroot_put(struct sluice_docroot *root);

void sluice_docroot_publish(struct sluice_docroot *root);
struct sluice_docroot * __must_check sluice_docroot_get(void);
u64 sluice_docroot_current_id(void);

#endif /* SLUICE_STORE_DOCROOT_H */
