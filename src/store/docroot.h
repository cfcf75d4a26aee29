/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directory that is served, and the identity that opens its files.
 */
#ifndef SLUICE_STORE_DOCROOT_H
#define SLUICE_STORE_DOCROOT_H

#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "http/span.h"
#include "store/trail.h"

struct cred;

/**
 * struct sluice_place - a directory that docroot's name led to
 * @path:  the directory
 * @trail: how; without a mark if docroot is pinned
 * @plain: its name from the top without symlinks; empty if docroot is pinned
 * @ref:   docroot has one while it is the current one, each lookup, each object that was
 *         found below it while the cache has it
 *
 * Immutable.  When its trail does not hold any more nothing that was found there is
 * current, and the next lookup finds another place.
 */
struct sluice_place {
	struct path		path;
	struct sluice_trail	trail;
	char			*plain;
	refcount_t		ref;
};

/**
 * struct sluice_docroot - where to look for the directory
 * @name:   as it was set, without slashes at its end
 * @top:    the root of who named it, where absolute symlinks begin: kernel threads
 *          have none of their own
 * @cred:   unprivileged, and without any capability
 * @opener: who named it
 * @ref:    each site that has it has one
 * @lock:   of who looks
 * @place:  where it is; NULL: nowhere, and @err says why
 * @err:    what the log was told last
 * @watch:  lets go of a place that it does not lead to any more
 */
struct sluice_docroot {
	char			*name;
	struct path		top;
	const struct cred	*cred;
	const struct cred	*opener;
	refcount_t		ref;
	struct mutex		lock;	/* protects what follows */
	struct sluice_place	*place;
	int			err;
	struct delayed_work	watch;
};

struct sluice_docroot *sluice_docroot_open(const char *name, uid_t run_as, bool pin);
void sluice_docroot_put(struct sluice_docroot *root);
struct sluice_place *sluice_docroot_find(struct sluice_docroot *root);
void sluice_docroot_settle(struct sluice_docroot *root);
const char *sluice_docroot_unfit(struct sluice_docroot *root);
size_t sluice_docroot_leads_in(const struct sluice_docroot *root,
			       const struct sluice_place *place, const char *text);

void sluice_place_put(struct sluice_place *place);

static inline void sluice_docroot_hold(struct sluice_docroot *root)
{
	refcount_inc(&root->ref);
}

static inline void sluice_place_hold(struct sluice_place *place)
{
	refcount_inc(&place->ref);
}

#endif /* SLUICE_STORE_DOCROOT_H */
