/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way by which docroot's name leads to a directory, and whether it still does.
 */
#ifndef SLUICE_STORE_TRAIL_H
#define SLUICE_STORE_TRAIL_H

#include <linux/dcache.h>
#include <linux/limits.h>
#include <linux/path.h>
#include <linux/seqlock.h>
#include <linux/types.h>

/* Directories, symlinks and roots of file systems. */
#define SLUICE_TRAIL_MAX 48

/**
 * struct sluice_mark - one dentry that a name leads over
 * @at:      counted
 * @seq:     of the dentry
 * @mounted: DCACHE_MOUNTED if it was a mount point of ours, or 0
 * @cares:   DCACHE_MOUNTED, or 0 if others have mounted on it: they may come and go
 */
struct sluice_mark {
	struct path	at;
	unsigned int	seq;
	unsigned int	mounted;
	unsigned int	cares;
};

/**
 * struct sluice_trail - all of them
 * @count: of @mark
 * @loose: it may lead elsewhere without a mark showing it: something is mounted there, or
 *         the file system is one that others change
 * @mark:  from the root on
 */
struct sluice_trail {
	unsigned int		count;
	bool			loose;
	struct sluice_mark	mark[SLUICE_TRAIL_MAX];
};

int sluice_trail_lay(struct sluice_trail *trail, const char *name,
		     const struct path *top, struct path *end, char *plain);
void sluice_trail_break(struct sluice_trail *trail);
void sluice_trail_release(struct sluice_trail *trail);

/**
 * sluice_trail_holds() - does the name still lead where it led
 * @trail: from sluice_trail_lay(); one without marks always does
 *
 * Inline, since each hit asks.
 * Context: rcu_read_lock() or a reference; softirq too.
 * Return: true if it does.
 */
static inline bool sluice_trail_holds(const struct sluice_trail *trail)
{
	const struct sluice_mark *mark = trail->mark;
	const struct sluice_mark *end = mark + trail->count;

	for (; mark < end; mark++) {
		const struct dentry *dentry = mark->at.dentry;

		if ((READ_ONCE(dentry->d_flags) & mark->cares) != mark->mounted ||
		    read_seqcount_retry(&dentry->d_seq, READ_ONCE(mark->seq)))
			return false;
	}
	return true;
}

#endif /* SLUICE_STORE_TRAIL_H */
