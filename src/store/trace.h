/* SPDX-License-Identifier: GPL-2.0 */
/*
 * By which way a path below docroot leads where it leads, symlinks included.
 */
#ifndef SLUICE_STORE_TRACE_H
#define SLUICE_STORE_TRACE_H

#include <linux/limits.h>
#include <linux/path.h>
#include <linux/types.h>

#include "http/span.h"
#include "store/chain.h"
#include "store/steps.h"

struct cred;
struct sluice_docroot;
struct sluice_place;

/**
 * struct sluice_bend - a symlink that a path goes over
 * @next:   the one before it, or NULL
 * @dentry: counted
 * @chain:  from it up to docroot
 *
 * All are on docroot's mount, which who has them holds.
 */
struct sluice_bend {
	struct sluice_bend	*next;
	struct dentry		*dentry;
	struct sluice_chain	chain;
};

/**
 * struct sluice_trace - a way below docroot
 * @root:    const: docroot
 * @place:   const: where that is
 * @end:     counted: as far as it goes; without a file if the last name has none
 * @dir:     counted: where the last component of what was asked for is, or NULL
 * @bends:   all symlinks on the way, the last first
 * @follow:  const: they are to be followed
 * @whole:   all of it was gone along
 * @out:     @end is a symlink that leads out of docroot
 * @named:   @end is a name that stands behind the last symlink
 * @back:    an absolute symlink led back into docroot
 * @certain: the chains of @bends, and that of @end if it can be sampled, say it all
 * @asked:   bytes of the path
 * @reached: so many of them lead to @end, or over the symlinks that do
 * @len:     of @spelled
 * @spelled: the path of @end below docroot, without symlinks
 * @steps:   what is left
 */
struct sluice_trace {
	struct sluice_docroot	*root;
	struct sluice_place	*place;
	struct path		end;
	struct dentry		*dir;
	struct sluice_bend	*bends;
	bool			follow;
	bool			whole;
	bool			out;
	bool			named;
	bool			back;
	bool			certain;
	size_t			asked;
	size_t			reached;
	size_t			len;
	u8			spelled[PATH_MAX];
	struct sluice_steps	steps;
};

struct sluice_trace *sluice_trace(struct sluice_docroot *root, struct sluice_place *place,
				  const u8 *name, bool follow);
void sluice_trace_free(struct sluice_trace *trace);

static inline struct span sluice_trace_spelled(const struct sluice_trace *trace)
{
	return (struct span){ trace->spelled, trace->len };
}

bool sluice_bends_hold(const struct sluice_bend *bends);
bool sluice_bends_are_foreign(const struct sluice_bend *bends);
bool sluice_bends_are_passable(const struct sluice_bend *bends,
			       const struct vfsmount *mnt, const struct cred *cred);
size_t sluice_bends_bytes(const struct sluice_bend *bends);
void sluice_bends_release(struct sluice_bend *bends);

#endif /* SLUICE_STORE_TRACE_H */
