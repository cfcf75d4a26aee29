// SPDX-License-Identifier: GPL-2.0
/*
 * The object cache.
 *
 * Readers are in softirq and take no lock: RCU, then a reference unless the
 * object is dying.  Nothing invalidates by event; each hit asks the object
 * whether it still holds (sluice_object_is_current()).
 *
 * The table and the age list are two views of one set.  Whoever takes an object
 * out of the table, and only he, takes it off the list and drops the reference
 * that both share.
 */
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "sock/lane.h"
#include "sock/stats.h"
#include "store/body.h"
#include "store/cache.h"
#include "store/object.h"
#include "store/site.h"

/* How many of the oldest are looked at to find the least used one. */
#define EVICT_SAMPLE 8
#define SWEEP_INTERVAL (5 * HZ)

unsigned int sluice_cache_entries = 4096;
unsigned int sluice_cache_idle = 60;

struct cache_key {
	u64		site_id;
	struct span	path;
};

static struct rhashtable table;
/* Protects the list, and with it the count of what is in the table. */
static DEFINE_SPINLOCK(age_lock);
static LIST_HEAD(by_age);
static unsigned int entries;

static void sweep_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweep, sweep_work);

static u32 key_hash(const void *data, u32 len, u32 seed)
{
	const struct cache_key *key = data;

	return jhash(key->path.ptr, key->path.len, seed);
}

static u32 object_hash(const void *data, u32 len, u32 seed)
{
	const struct sluice_object *obj = data;

	return jhash(obj->key.ptr, obj->key.len, seed);
}

static int object_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct sluice_object *obj = data;
	const struct cache_key *key = arg->key;

	return obj->site_id != key->site_id || !span_eq(obj->key, key->path);
}

static const struct rhashtable_params table_params = {
	.head_offset		= offsetof(struct sluice_object, node),
	.hashfn			= key_hash,
	.obj_hashfn		= object_hash,
	.obj_cmpfn		= object_cmp,
	.automatic_shrinking	= true,
};

/* Context: rcu_read_lock(). */
static u64 current_site_id(void)
{
	const struct sluice_site *site = sluice_site_peek();

	return site ? site->id : 0;
}

/*
 * Takes an object out, if it still is in.  The reference that goes may be the
 * last one.  Context: any, rcu_read_lock() or a reference of the caller's own.
 */
static void cache_unhash(struct sluice_object *obj)
{
	if (rhashtable_remove_fast(&table, &obj->node, table_params))
		return;		/* somebody else did */

	spin_lock_bh(&age_lock);
	list_del_init(&obj->age);
	entries--;
	spin_unlock_bh(&age_lock);
	sluice_object_put(obj);
}

/**
 * sluice_cache_get() - find the current object of a path
 * @path: as requested, decoded and normalised
 *
 * Context: any, softirq too.
 * Return: an object with a reference for the caller, or NULL when there is none
 * or it does not hold any more.
 */
struct sluice_object *sluice_cache_get(struct span path)
{
	struct cache_key key = { .path = path };
	struct sluice_object *obj;

	rcu_read_lock();
	key.site_id = current_site_id();
	obj = rhashtable_lookup(&table, &key, table_params);
	/* First the reference: RCU keeps the object, but not its file. */
	if (!obj || !sluice_object_get_unless_dying(obj)) {
		obj = NULL;
		goto out;
	}
	if (unlikely(!sluice_object_is_current(obj))) {
		sluice_stat_inc(SLUICE_STAT_CACHE_STALE);
		cache_unhash(obj);
		sluice_object_put(obj);
		obj = NULL;
		goto out;
	}
	/* Written once per jiffy at most: the line is shared by all CPUs. */
	if (time_before(READ_ONCE(obj->used), jiffies))
		WRITE_ONCE(obj->used, jiffies);
out:
	rcu_read_unlock();
	sluice_stat_inc(obj ? SLUICE_STAT_CACHE_HITS : SLUICE_STAT_CACHE_MISSES);
	return obj;
}

/* The least recently used of the oldest few; the others go to the back. */
static struct sluice_object *pick_victim(void)
{
	struct sluice_object *victim = NULL;
	int i;

	lockdep_assert_held(&age_lock);
	for (i = 0; i < EVICT_SAMPLE && !list_empty(&by_age); i++) {
		struct sluice_object *obj;

		obj = list_first_entry(&by_age, struct sluice_object, age);
		if (!victim || time_before(obj->used, victim->used))
			victim = obj;
		list_move_tail(&obj->age, &by_age);
	}
	if (victim && !sluice_object_get_unless_dying(victim))
		return NULL;
	return victim;
}

static void evict_one(void)
{
	struct sluice_object *victim;

	spin_lock_bh(&age_lock);
	victim = pick_victim();
	spin_unlock_bh(&age_lock);
	if (!victim)
		return;
	cache_unhash(victim);
	sluice_object_put(victim);
}

/**
 * sluice_cache_insert() - publish an object under its key
 * @obj: complete, its chain sampled; not touched by the caller afterwards but
 *       for reading
 *
 * An object that was there before is replaced.  When two lookups raced, the
 * loser's object still is right for the loser's answer.
 *
 * Context: process.
 * Return: @obj, with the reference that the caller had.
 */
struct sluice_object *sluice_cache_insert(struct sluice_object *obj)
{
	struct cache_key key = { .site_id = obj->site_id, .path = obj->key };
	struct sluice_object *old;
	bool current_site;
	int err;

	rcu_read_lock();
	current_site = obj->site_id == current_site_id();
	old = rhashtable_lookup(&table, &key, table_params);
	if (old)
		cache_unhash(old);
	rcu_read_unlock();
	if (!current_site)
		return obj;	/* nobody would find it */

	/*
	 * Table and list change together under the lock: cache_unhash() takes
	 * it after removing, so it cannot find the object off the list.
	 */
	spin_lock_bh(&age_lock);
	err = rhashtable_lookup_insert_key(&table, &key, &obj->node,
					   table_params);
	if (!err) {
		refcount_inc(&obj->ref);	/* the table's */
		list_add_tail(&obj->age, &by_age);
		entries++;
	}
	spin_unlock_bh(&age_lock);

	while (READ_ONCE(entries) > READ_ONCE(sluice_cache_entries))
		evict_one();
	return obj;
}

static void keep_resident(const struct sluice_object *obj)
{
	const struct sluice_siblings *siblings = &obj->siblings;
	unsigned int i;

	sluice_body_keep_resident(obj, SWEEP_INTERVAL);
	for (i = 0; i < siblings->count; i++)
		if (siblings->sibling[i].obj)
			sluice_body_keep_resident(siblings->sibling[i].obj,
						  SWEEP_INTERVAL);
}

/* Unhash all of the list for which @idle allows it, a few per lock hold. */
static void cache_prune(bool all)
{
	unsigned long idle = READ_ONCE(sluice_cache_idle) * HZ;
	unsigned int left;

	spin_lock_bh(&age_lock);
	left = entries;
	while (left-- && !list_empty(&by_age)) {
		struct sluice_object *obj;
		bool gone;

		obj = list_first_entry(&by_age, struct sluice_object, age);
		list_move_tail(&obj->age, &by_age);
		if (!sluice_object_get_unless_dying(obj))
			continue;
		spin_unlock_bh(&age_lock);

		if (!all)
			keep_resident(obj);
		rcu_read_lock();
		gone = all || obj->site_id != current_site_id() ||
		       time_after(jiffies, READ_ONCE(obj->used) + idle) ||
		       !sluice_object_is_current(obj);
		rcu_read_unlock();
		if (gone)
			cache_unhash(obj);
		sluice_object_put(obj);
		cond_resched();

		spin_lock_bh(&age_lock);
	}
	spin_unlock_bh(&age_lock);
}

/* A file that nobody asks for, or that is gone, does not stay open. */
static void sweep_work(struct work_struct *work)
{
	cache_prune(false);
	queue_delayed_work(sluice_housekeeping, &sweep, SWEEP_INTERVAL);
}

/**
 * sluice_cache_flush() - forget all objects
 *
 * Context: process.
 */
void sluice_cache_flush(void)
{
	cache_prune(true);
}

int sluice_cache_init(void)
{
	int err;

	err = rhashtable_init(&table, &table_params);
	if (err)
		return err;
	queue_delayed_work(sluice_housekeeping, &sweep, SWEEP_INTERVAL);
	return 0;
}

/* No lookup runs any more. */
void sluice_cache_exit(void)
{
	cancel_delayed_work_sync(&sweep);
	sluice_cache_flush();
	rhashtable_destroy(&table);
	sluice_objects_exit();
}
