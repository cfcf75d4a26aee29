/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the store has of an instance: its site, and the cache of what was found under it.
 */
#ifndef SLUICE_STORE_STORE_H
#define SLUICE_STORE_STORE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base/stats.h"

struct shrinker;
struct sluice_site;

/**
 * struct sluice_shelf - what the cache has of one kind
 * @by_age:  objects, oldest first
 * @entries: of them
 * @bytes:   of kernel memory
 * @shift:   its part of what the settings allow
 */
struct sluice_shelf {
	struct list_head	by_age;
	unsigned int		entries;
	size_t			bytes;
	unsigned int		shift;
};

/**
 * struct sluice_store - the store of an instance
 * @site:     the current one; RCU, see store/site.c
 * @stats:    const: the counters of the instance
 * @table:    of what is in the cache, by path and site
 * @age_lock: protects the shelves, and with them the count of what is in the table
 * @absent:   paths that lead to no file
 * @files:    those that do
 * @shrinker: gives memory back
 * @sweep:    lets go of what is idle, or does not hold
 * @cache_entries: how many files may be kept open
 * @cache_bytes: of kernel memory that they may take
 * @cache_idle: seconds that one is kept without a request
 * @gzip_memory: bytes that compressed files may take
 * @zipped:   that they do
 * @ref:      one while the instance is live, and one of each object
 * @released: called when the last is gone. Context: process
 */
struct sluice_store {
	struct sluice_site __rcu	*site;
	struct sluice_stats __percpu	*stats;
	struct rhashtable		table;
	spinlock_t			age_lock;	/* protects what follows */
	struct sluice_shelf		absent;
	struct sluice_shelf		files;
	struct shrinker			*shrinker;
	struct delayed_work		sweep;
	unsigned int			cache_entries;
	unsigned int			cache_bytes;
	unsigned int			cache_idle;
	unsigned int			gzip_memory;
	atomic_long_t			zipped;
	refcount_t			ref;
	void				(*released)(struct sluice_store *store);
};

/* Of one object more, for sluice_store_put(). The caller has one, or is a lookup. */
static inline void sluice_store_hold(struct sluice_store *store)
{
	refcount_inc(&store->ref);
}

/* Context: process. */
static inline void sluice_store_put(struct sluice_store *store)
{
	if (refcount_dec_and_test(&store->ref))
		store->released(store);
}

#endif /* SLUICE_STORE_STORE_H */
