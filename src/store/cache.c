// SPDX-License-Identifier: GPL-2.0
/*
 * The object cache.
 *
 * Readers are in softirq and take no lock: RCU, then a reference unless the
 * object is dying.  Nothing invalidates by event; each hit asks the object
 * whether it still holds (sluice_object_is_current()).
 *
 * The table and the age lists are two views of one set.  Whoever takes an object
 * out of the table, and only he, takes it off its list and drops the reference
 * that both share.
 *
 * There are two lists, each with its own bounds: of files, and of paths that lead
 * to none, which clients invent at no cost.  However many they ask for, no file
 * goes for it.
 */
#include <linux/file.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base/lane.h"
#include "base/stats.h"
#include "compat/fsnotify.h"
#include "compat/shrinker.h"
#include "store/body.h"
#include "store/cache.h"
#include "store/object.h"
#include "store/site.h"

/* How many of the oldest are looked at to find the least used one. */
#define EVICT_SAMPLE 8U
#define SWEEP_INTERVAL (5 * HZ)

/* What paths without a file may have of what files may: a quarter, besides. */
#define ABSENT_SHIFT 2

struct cache_key {
	u64		site_id;
	struct span	path;
};

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
static u64 current_site_id(const struct sluice_store *store)
{
	const struct sluice_site *site = sluice_site_peek(store);

	return site ? site->id : 0;
}

static struct sluice_shelf *shelf_of(const struct sluice_object *obj)
{
	return obj->file ? &obj->store->files : &obj->store->absent;
}

static void shelf_add(struct sluice_shelf *shelf, struct sluice_object *obj)
{
	lockdep_assert_held(&obj->store->age_lock);
	list_add_tail(&obj->age, &shelf->by_age);
	shelf->entries++;
	shelf->bytes += obj->bytes;
	sluice_stat_add(obj->store->stats, SLUICE_STAT_LIVE_CACHE_BYTES, obj->bytes);
}

static void shelf_remove(struct sluice_shelf *shelf, struct sluice_object *obj)
{
	lockdep_assert_held(&obj->store->age_lock);
	list_del_init(&obj->age);
	shelf->entries--;
	shelf->bytes -= obj->bytes;
	sluice_stat_add(obj->store->stats, SLUICE_STAT_LIVE_CACHE_BYTES, -(s64)obj->bytes);
}

static bool shelf_is_over(const struct sluice_store *store,
			  const struct sluice_shelf *shelf)
{
	unsigned int entries = READ_ONCE(store->cache_entries) >> shelf->shift;
	size_t bytes = READ_ONCE(store->cache_bytes) >> shelf->shift;

	return READ_ONCE(shelf->entries) > max(entries, 1U) ||
	       READ_ONCE(shelf->bytes) > bytes;
}

/*
 * Takes an object out, if it still is in.  The reference that goes may be the
 * last one.  Context: any, rcu_read_lock() or a reference of the caller's own.
 */
static bool cache_unhash(struct sluice_object *obj)
{
	struct sluice_store *store = obj->store;

	if (rhashtable_remove_fast(&store->table, &obj->node, table_params))
		return false;		/* somebody else did */

	spin_lock_bh(&store->age_lock);
	shelf_remove(shelf_of(obj), obj);
	spin_unlock_bh(&store->age_lock);
	sluice_object_put(obj);
	return true;
}

/*
 * Somebody is to be asked before it is read, or before what may be sent instead is.
 * fanotify's permission events are for processes: he may take his time, and wants to
 * know who reads.  So it is the backend's as long as that is so.
 */
static bool is_watched(const struct sluice_object *obj)
{
	const struct sluice_siblings *siblings = &obj->siblings;
	unsigned int i;

	if (!obj->file)
		return false;
	if (compat_is_watched(&obj->at))
		return true;
	if (likely(!siblings->usable))
		return false;
	for (i = 0; i < siblings->count; i++)
		if (siblings->sibling[i].obj &&
		    compat_is_watched(&siblings->sibling[i].obj->at))
			return true;
	return false;
}

/**
 * sluice_cache_get() - what is known about a path
 * @site: what is known under another is not found
 * @path: as requested, decoded and normalised
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: an object with a reference for the caller; ERR_PTR as sluice_lookup()
 * when there is no file; NULL when nothing is known, or does not hold any more.
 */
struct sluice_object *sluice_cache_get(const struct sluice_site *site,
				       struct span path)
{
	struct cache_key key = { .site_id = site->id, .path = path };
	struct sluice_store *store = site->store;
	struct sluice_object *obj;

	obj = rhashtable_lookup(&store->table, &key, table_params);
	/* First the reference: RCU keeps the object, but not its file. */
	if (!obj || !sluice_object_get_unless_dying(obj)) {
		obj = NULL;
		goto out;
	}
	if (unlikely(!sluice_object_is_current(obj))) {
		sluice_stat_inc(store->stats, SLUICE_STAT_CACHE_STALE);
		cache_unhash(obj);
		sluice_object_put(obj);
		obj = NULL;
		goto out;
	}
	/* Written once per jiffy at most: the line is shared by all CPUs. */
	if (time_before(READ_ONCE(obj->used), jiffies))
		WRITE_ONCE(obj->used, jiffies);
	if (unlikely(is_watched(obj))) {
		sluice_object_put(obj);
		obj = ERR_PTR(-EBUSY);
		goto out;
	}
	if (unlikely(!obj->file)) {
		int err = obj->err;

		sluice_stat_inc(store->stats, SLUICE_STAT_CACHE_HITS_ABSENT);
		sluice_object_put(obj);
		obj = ERR_PTR(err);
	}
out:
	sluice_stat_inc(store->stats,
			obj ? SLUICE_STAT_CACHE_HITS : SLUICE_STAT_CACHE_MISSES);
	return obj;
}

/* The least recently used of the oldest few; the others go to the back. */
static struct sluice_object *pick_victim(struct sluice_store *store, struct sluice_shelf *shelf)
{
	struct sluice_object *victim = NULL;
	unsigned int i = EVICT_SAMPLE;

	lockdep_assert_held(&store->age_lock);
	while (i-- && !list_empty(&shelf->by_age)) {
		struct sluice_object *obj;

		obj = list_first_entry(&shelf->by_age, struct sluice_object,
				       age);
		if (!victim || time_before(READ_ONCE(obj->used), victim->used))
			victim = obj;
		list_move_tail(&obj->age, &shelf->by_age);
	}
	/* On the list it has the reference that goes after it left the list. */
	if (victim)
		sluice_object_hold(victim);
	return victim;
}

/* Return: false if there was nothing to evict. Context: any. */
static bool evict_one(struct sluice_store *store, struct sluice_shelf *shelf,
		      enum sluice_stat stat)
{
	struct sluice_object *victim;

	spin_lock_bh(&store->age_lock);
	victim = pick_victim(store, shelf);
	spin_unlock_bh(&store->age_lock);
	if (!victim)
		return false;
	if (cache_unhash(victim))
		sluice_stat_inc(store->stats, stat);
	sluice_object_put(victim);
	return true;
}

static void shelf_trim(struct sluice_store *store, struct sluice_shelf *shelf)
{
	while (shelf_is_over(store, shelf) &&
	       evict_one(store, shelf, SLUICE_STAT_CACHE_EVICTED))
		cond_resched();
}

/**
 * sluice_cache_trim() - let go of what is more than the settings allow
 * @store: live
 *
 * Context: process.
 */
void sluice_cache_trim(struct sluice_store *store)
{
	shelf_trim(store, &store->absent);
	shelf_trim(store, &store->files);
}

/* Memory is short. Context: reclaim, whatever locks that holds: nothing here waits. */
static unsigned long cache_count(struct shrinker *shrinker,
				 struct shrink_control *control)
{
	const struct sluice_store *store = compat_shrinker_data(shrinker);

	return (READ_ONCE(store->absent.entries) + READ_ONCE(store->files.entries)) ?:
		SHRINK_EMPTY;
}

/* What clients invented first. The files are closed elsewhere, and soon. */
static unsigned long cache_shrink(struct shrinker *shrinker,
				  struct shrink_control *control)
{
	struct sluice_store *store = compat_shrinker_data(shrinker);
	unsigned long done = 0;

	while (done < control->nr_to_scan &&
	       (evict_one(store, &store->absent, SLUICE_STAT_CACHE_SHRUNK) ||
		evict_one(store, &store->files, SLUICE_STAT_CACHE_SHRUNK)))
		done++;
	return done;
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
 * The caller keeps his reference.
 */
void sluice_cache_insert(struct sluice_object *obj)
{
	struct cache_key key = { .site_id = obj->site_id, .path = obj->key };
	struct sluice_store *store = obj->store;
	struct sluice_object *old;
	bool current_site;
	int err;

	rcu_read_lock();
	current_site = obj->site_id == current_site_id(store);
	old = rhashtable_lookup(&store->table, &key, table_params);
	if (old)
		cache_unhash(old);
	rcu_read_unlock();
	if (!current_site)
		return;		/* nobody would find it */
	obj->bytes = sluice_object_bytes(obj);

	/*
	 * Table and list change together under the lock: cache_unhash() takes
	 * it after removing, so it cannot find the object off the list.
	 */
	spin_lock_bh(&store->age_lock);
	err = rhashtable_lookup_insert_key(&store->table, &key, &obj->node,
					   table_params);
	if (!err) {
		refcount_inc(&obj->ref);	/* the table's */
		shelf_add(shelf_of(obj), obj);
	}
	spin_unlock_bh(&store->age_lock);

	shelf_trim(store, shelf_of(obj));
}

static void keep_resident(const struct sluice_object *obj)
{
	const struct sluice_siblings *siblings = &obj->siblings;
	unsigned int i;

	if (!obj->file)
		return;
	sluice_body_keep_resident(obj, SWEEP_INTERVAL);
	for (i = 0; i < siblings->count; i++)
		if (siblings->sibling[i].obj)
			sluice_body_keep_resident(siblings->sibling[i].obj,
						  SWEEP_INTERVAL);
}

/* Unhash what is idle or does not hold, one per lock hold. */
static void shelf_prune(struct sluice_store *store, struct sluice_shelf *shelf)
{
	unsigned long idle = READ_ONCE(store->cache_idle) * HZ;
	unsigned int left;

	spin_lock_bh(&store->age_lock);
	left = shelf->entries;
	while (left-- && !list_empty(&shelf->by_age)) {
		struct sluice_object *obj;
		bool gone;

		obj = list_first_entry(&shelf->by_age, struct sluice_object,
				       age);
		list_move_tail(&obj->age, &shelf->by_age);
		sluice_object_hold(obj);
		spin_unlock_bh(&store->age_lock);

		keep_resident(obj);
		rcu_read_lock();
		gone = obj->site_id != current_site_id(store) ||
		       time_after(jiffies, READ_ONCE(obj->used) + idle) ||
		       !sluice_object_is_current(obj);
		rcu_read_unlock();
		if (gone)
			cache_unhash(obj);
		sluice_object_put(obj);
		cond_resched();

		spin_lock_bh(&store->age_lock);
	}
	spin_unlock_bh(&store->age_lock);
}

/*
 * Unhash all that is there now, whatever is added, evicted or looked at meanwhile:
 * so it is put aside first.  Who is being unhashed by somebody else stays until that
 * is done.
 */
static void shelf_clear(struct sluice_store *store, struct sluice_shelf *shelf)
{
	LIST_HEAD(aside);

	spin_lock_bh(&store->age_lock);
	list_splice_init(&shelf->by_age, &aside);
	while (!list_empty(&aside)) {
		struct sluice_object *obj;

		obj = list_first_entry(&aside, struct sluice_object, age);
		list_move_tail(&obj->age, &aside);
		sluice_object_hold(obj);
		spin_unlock_bh(&store->age_lock);

		cache_unhash(obj);
		sluice_object_put(obj);
		cond_resched();

		spin_lock_bh(&store->age_lock);
	}
	spin_unlock_bh(&store->age_lock);
}

/* A file that nobody asks for, or that is gone, does not stay open. */
static void sweep_work(struct work_struct *work)
{
	struct sluice_store *store =
		container_of(to_delayed_work(work), struct sluice_store, sweep);

	shelf_prune(store, &store->absent);
	shelf_prune(store, &store->files);
	queue_delayed_work(sluice_housekeeping, &store->sweep, SWEEP_INTERVAL);
}

/**
 * sluice_cache_flush() - forget all objects
 * @store: live
 *
 * Nothing that was in the cache holds a file or a mount afterwards, but for what is
 * being sent, or read for it.
 * Context: process.
 */
void sluice_cache_flush(struct sluice_store *store)
{
	shelf_clear(store, &store->absent);
	shelf_clear(store, &store->files);
	/* Turns that had found one have let go of it, or send it. */
	synchronize_rcu();
	sluice_objects_settle();
	/* Lookups close what they do not keep. */
	flush_delayed_fput();
}

static void shelf_init(struct sluice_shelf *shelf, unsigned int shift)
{
	INIT_LIST_HEAD(&shelf->by_age);
	shelf->entries = 0;
	shelf->bytes = 0;
	shelf->shift = shift;
}

/**
 * sluice_cache_init() - a store becomes live
 * @store: its bounds and @stats are set
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int sluice_cache_init(struct sluice_store *store)
{
	int err;

	spin_lock_init(&store->age_lock);
	shelf_init(&store->absent, ABSENT_SHIFT);
	shelf_init(&store->files, 0);
	INIT_DELAYED_WORK(&store->sweep, sweep_work);
	err = rhashtable_init(&store->table, &table_params);
	if (err)
		return err;
	store->shrinker = compat_shrinker_start("sluice", cache_count, cache_shrink, store);
	if (!store->shrinker)
		goto err_destroy_table;
	queue_delayed_work(sluice_housekeeping, &store->sweep, SWEEP_INTERVAL);
	return 0;

err_destroy_table:
	rhashtable_destroy(&store->table);
	return -ENOMEM;
}

/*
 * No lookup of the instance's runs any more.  Objects may still be in use by what reads
 * ahead; they have the store for that.
 */
void sluice_cache_exit(struct sluice_store *store)
{
	cancel_delayed_work_sync(&store->sweep);
	compat_shrinker_stop(store->shrinker);
	sluice_cache_flush(store);
	rhashtable_destroy(&store->table);
}
