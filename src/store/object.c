// SPDX-License-Identifier: GPL-2.0
/*
 * Birth and death of a served file.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "base/stats.h"
#include "compat/fs.h"
#include "http/date.h"
#include "http/head.h"
#include "http/mime.h"
#include "store/backing.h"
#include "store/docroot.h"
#include "store/object.h"
#include "store/site.h"
#include "store/trace.h"
#include "store/types.h"

#define TYPE_UNKNOWN "application/octet-stream"

/* The lines without what the administrator adds to them. */
#define OBJECT_TEXT 640

/* Images with reproducible time stamps: such validators would be lies. */
#define MTIME_UNKNOWN 1

static struct span text_since(struct http_writer *w, size_t start)
{
	return (struct span){ w->buf + start, w->len - start };
}

static void render_type(struct sluice_object *obj, struct http_writer *w,
			const struct sluice_site *site, struct span name)
{
	const struct http_type *found =
		http_types_find(site->types->list, site->types->count, name);
	struct span type = found ? found->type : SPAN(TYPE_UNKNOWN);
	size_t start = w->len;

	obj->expires = found ? found->expires : HTTP_EXPIRES_NONE;
	http_put_str(w, "Content-Type: ");
	http_put_span(w, type);
	if (site->charset.len && http_type_takes_charset(type)) {
		http_put_str(w, "; charset=");
		http_put_span(w, sluice_text_span(&site->charset));
	}
	http_put_str(w, "\r\n");
	obj->type = text_since(w, start);
}

/* It says of itself what the one says that it was made of. */
static void render_type_of(struct sluice_object *obj, struct http_writer *w,
			   const struct sluice_object *original)
{
	size_t start = w->len;

	obj->expires = original->expires;
	http_put_span(w, original->type);
	obj->type = text_since(w, start);
}

static void render_length(struct sluice_object *obj, struct http_writer *w)
{
	size_t start = w->len;

	http_put_str(w, "Content-Length: ");
	http_put_u64(w, obj->size);
	http_put_str(w, "\r\n");
	obj->length = text_since(w, start);
}

static void render_modified(struct sluice_object *obj, struct http_writer *w)
{
	size_t start = w->len;
	u8 date[HTTP_DATE_LEN];

	if (obj->mtime > MTIME_UNKNOWN) {
		http_date_format(date, obj->mtime);
		http_put_str(w, "Last-Modified: ");
		http_put(w, date, sizeof(date));
		http_put_str(w, "\r\n");
	}
	obj->modified = text_since(w, start);
}

/* Weak if it is made anew each time, maybe by another: the tag is that of the file. */
static void render_tag(struct sluice_object *obj, struct http_writer *w,
		       const struct sluice_naming *naming)
{
	loff_t size = naming->original ? naming->original->size : obj->size;
	u8 etag[HTTP_ETAG_MAX];
	size_t start = w->len;
	size_t tag;

	if (naming->vary)
		http_put_str(w, "Vary: Accept-Encoding\r\n");
	if (obj->mtime > MTIME_UNKNOWN) {
		http_put_str(w, "ETag: ");
		tag = w->len;
		if (naming->original)
			http_put_str(w, "W/");
		http_put(w, etag, http_etag_format(etag, obj->mtime, size));
		obj->etag = text_since(w, tag);
		http_put_str(w, "\r\n");
	}
	obj->tag = text_since(w, start);
}

static void render_coding(struct sluice_object *obj, struct http_writer *w,
			  struct span coding)
{
	size_t start = w->len;

	if (coding.len) {
		http_put_str(w, "Content-Encoding: ");
		http_put_span(w, coding);
		http_put_str(w, "\r\n");
	}
	obj->coding = text_since(w, start);
}

/* Expires and its max-age depend on the time: whoever sends adds them. */
static void render_policy(struct sluice_object *obj, struct http_writer *w,
			  const struct sluice_site *site)
{
	size_t start = w->len;

	if (site->cache_control.len && obj->expires == HTTP_EXPIRES_NONE) {
		http_put_str(w, "Cache-Control: ");
		http_put_span(w, sluice_text_span(&site->cache_control));
		http_put_str(w, "\r\n");
	}
	http_put(w, site->extra, site->extra_len);
	obj->policy = text_since(w, start);
}

static void render_ranges(struct sluice_object *obj, struct http_writer *w, bool accepted)
{
	size_t start = w->len;

	if (accepted)
		http_put_str(w, "Accept-Ranges: bytes\r\n");
	http_put_str(w, "\r\n");
	obj->ranges = text_since(w, start);
}

/*
 * In nginx's order.  It is the head of the usual answer but for the date; others
 * are put together from its pieces.
 */
static void render_head(struct sluice_object *obj, struct http_writer *w,
			const struct sluice_site *site,
			const struct sluice_naming *naming)
{
	static const u8 no_date[HTTP_DATE_LEN];
	size_t head = w->len;
	size_t start;

	http_head_start(w, 200);
	http_put_stamp(w, sluice_text_span(&site->server), no_date);
	obj->date_at = w->len - head - 2 - HTTP_DATE_LEN;
	if (naming->original)
		render_type_of(obj, w, naming->original);
	else
		render_type(obj, w, site, naming->name);
	render_length(obj, w);
	render_modified(obj, w);
	http_put_connection(w, true);
	start = w->len;
	render_tag(obj, w, naming);
	render_coding(obj, w, naming->coding);
	render_policy(obj, w, site);
	render_ranges(obj, w, !naming->original);
	obj->tail = text_since(w, start);
	if (obj->expires == HTTP_EXPIRES_NONE &&
	    w->len - head <= SLUICE_LANE_REPLY)
		obj->head = text_since(w, head);
}

static void object_settle_in(struct sluice_object *obj, struct sluice_store *store)
{
	sluice_store_hold(store);
	obj->store = store;
	sluice_stat_inc(store->stats, SLUICE_STAT_LIVE_OBJECTS);
}

/**
 * sluice_object_create() - make an object of an open file
 * @site:   it was found under
 * @naming: what it is called
 * @file:   its reference moves into the object, also on failure
 *
 * The chain is empty, and there are no siblings; the caller fills them in before
 * it publishes the object.
 * Context: process.
 * Return: an object with one reference, or ERR_PTR(-ENOMEM).
 */
struct sluice_object *sluice_object_create(const struct sluice_site *site,
					   const struct sluice_naming *naming,
					   struct file *file)
{
	size_t size = naming->key.len + OBJECT_TEXT + HTTP_TYPE_MAX +
		      site->charset.len + site->cache_control.len +
		      site->server.len + site->extra_len;
	struct inode *inode = sluice_backing_inode(file);
	struct sluice_object *obj;
	struct http_writer w;

	obj = kzalloc(sizeof(*obj) + size, GFP_KERNEL);
	if (!obj) {
		fput(file);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&obj->ref, 1);
	obj->used = jiffies;
	INIT_LIST_HEAD(&obj->age);
	obj->site_id = site->id;
	obj->file = file;
	obj->at = file->f_path;
	obj->inode = inode;
	obj->reader = inode == file_inode(file) ? file : NULL;
	obj->above = inode_get_mtime_sec(file_inode(file));
	/* Sampled amid a write, the pair fails sluice_object_is_unchanged() when
	 * the write is done: no lock is needed.
	 */
	obj->mtime = naming->original ? naming->original->mtime : inode_get_mtime_sec(inode);
	obj->size = i_size_read(inode);

	http_writer_init(&w, obj->text, size);
	http_put_span(&w, naming->key);
	obj->key = text_since(&w, 0);
	render_head(obj, &w, site, naming);
	if (SLUICE_WARN_ON(!http_writer_ok(&w))) {
		fput(file);
		kfree(obj);
		return ERR_PTR(-ENOMEM);
	}
	object_settle_in(obj, site->store);
	return obj;
}

/**
 * sluice_object_create_absent() - make an object of there being no file
 * @site: it was looked for under
 * @key:  path as requested
 * @err:  why there is none
 * @at:   where on the way to it the reason is; a reference is taken
 *
 * The chain is empty, and there are no siblings, as sluice_object_create() has it.
 * Context: process.
 * Return: an object with one reference, or ERR_PTR(-ENOMEM).
 */
struct sluice_object *
sluice_object_create_absent(const struct sluice_site *site, struct span key,
			    int err, const struct path *at)
{
	struct sluice_object *obj;

	obj = kzalloc(sizeof(*obj) + key.len, GFP_KERNEL);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	refcount_set(&obj->ref, 1);
	obj->used = jiffies;
	INIT_LIST_HEAD(&obj->age);
	obj->site_id = site->id;
	obj->err = err;
	obj->at = *at;
	path_get(&obj->at);
	memcpy(obj->text, key.ptr, key.len);
	obj->key = (struct span){ obj->text, key.len };
	object_settle_in(obj, site->store);
	return obj;
}

/* Kernel memory of an object, its siblings and their open files. Context: any. */
size_t sluice_object_bytes(const struct sluice_object *obj)
{
	const struct sluice_siblings *siblings = &obj->siblings;
	size_t bytes = ksize(obj) + ksize(obj->guards) + (obj->file ? sizeof(*obj->file) : 0) +
		       sluice_bends_bytes(obj->bends) + ksize(obj->zip);
	unsigned int i;

	for (i = 0; i < siblings->count; i++)
		if (siblings->sibling[i].obj)
			bytes += sluice_object_bytes(siblings->sibling[i].obj);
	return bytes;
}

static void release_guards(struct sluice_guards *guards)
{
	unsigned int i;

	for (i = 0; guards && i < guards->count; i++)
		dput(guards->guard[i].dentry);
	kfree(guards);
}

static LLIST_HEAD(graves);

/* No work is out: it would have a reference. */
static void release_zip(struct sluice_zip *zip)
{
	if (zip && zip->variant)
		sluice_object_put(zip->variant);
	kfree(zip);
}

/*
 * Names before what holds their mount.  A kernel thread closes files at once:
 * when this is over, so is what held them.
 */
static void bury(struct sluice_object *obj)
{
	struct sluice_store *store = obj->store;

	sluice_siblings_release(&obj->siblings);
	release_guards(obj->guards);
	release_zip(obj->zip);
	sluice_bends_release(obj->bends);
	if (obj->file)
		__fput_sync(obj->file);
	else
		path_put(&obj->at);
	if (obj->place)
		sluice_place_put(obj->place);
	atomic_long_sub(obj->zipped, &store->zipped);
	sluice_stat_add(store->stats, SLUICE_STAT_LIVE_ZIPPED_BYTES, -(s64)obj->zipped);
	sluice_stat_add(store->stats, SLUICE_STAT_LIVE_OBJECTS, -1);
	kfree_rcu(obj, rcu);
	sluice_store_put(store);
}

static void bury_work(struct work_struct *work)
{
	struct llist_node *dead;

	/* A sibling's death comes after that of the object it was beside. */
	while ((dead = llist_del_all(&graves))) {
		struct sluice_object *obj, *next;

		llist_for_each_entry_safe(obj, next, dead, grave) {
			bury(obj);
			cond_resched();
		}
	}
}

static DECLARE_WORK(burial, bury_work);

/* The last reference is gone. Context: any: letting go of files and dentries may sleep. */
void sluice_object_bury(struct sluice_object *obj)
{
	if (llist_add(&obj->grave, &graves))
		queue_work(sluice_housekeeping, &burial);
}

/* Whatever lost its last reference before the call is closed. Context: process. */
void sluice_objects_settle(void)
{
	flush_work(&burial);
}

/* Not copied up; and its time not changed with its bytes left below. */
static bool above_is_unchanged(const struct sluice_object *obj)
{
	const struct inode *above = file_inode(obj->file);

	return !(READ_ONCE(above->i_flags) & S_IMA) &&
	       inode_get_mtime_sec(above) == obj->above &&
	       sluice_backing_is_still(obj->at.dentry, obj->inode);
}

/**
 * sluice_object_is_unchanged() - is the file as it was
 * @obj: held
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: false if its size or time stamp moved, which with its name are all
 * that the head depends on, or if IMA looks after it by now, which is asked by who
 * opens it; true if there is none.
 */
bool sluice_object_is_unchanged(const struct sluice_object *obj)
{
	const struct inode *inode = obj->inode;

	if (unlikely(!inode))
		return true;
	return !(READ_ONCE(inode->i_flags) & S_IMA) && i_size_read(inode) == obj->size &&
	       inode_get_mtime_sec(inode) == obj->mtime &&
	       (likely(obj->reader) || above_is_unchanged(obj));
}

/* --- names beside a file ---------------------------------------------------- */

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
	/* It was of no use when it was looked at, being older or empty; or IMA said so. */
	return !(READ_ONCE(inode->i_flags) & S_IMA) &&
	       inode_get_mtime_sec(inode) == sibling->mtime &&
	       i_size_read(inode) == sibling->size;
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
	const struct sluice_sibling *sibling = siblings->sibling;
	const struct sluice_sibling *end = sibling + siblings->count;

	for (; sibling < end; sibling++)
		if (!sibling_holds(sibling))
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

/*
 * Whoever has it open to write is at work on it, or was killed and is not: till he closes it,
 * nobody knows whether it is whole.  Of a file itself there is nothing else to be sent.
 */
static bool is_being_written(const struct sluice_object *obj)
{
	return inode_is_open_for_write(file_inode(obj->file));
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
		if (!siblings->sibling[i].obj || is_being_written(siblings->sibling[i].obj))
			continue;
		offered[n] = siblings->sibling[i].coding;
		obj[n++] = siblings->sibling[i].obj;
	}
	chosen = http_negotiate(accept_encoding, offered, n);
	return chosen < 0 ? NULL : obj[chosen];
}

/* Is there no name on the way that was not there, or that was? Context: as below. */
static bool guards_hold(const struct sluice_guards *guards)
{
	unsigned int i;

	for (i = 0; i < guards->count; i++) {
		const struct sluice_guard *guard = &guards->guard[i];

		if (!sluice_link_holds(&guard->link, guard->dentry,
				       READ_ONCE(guard->dentry->d_inode)))
			return false;
	}
	return true;
}

/*
 * What was compressed is a copy: a write that leaves size and second as they were is seen in
 * what the page cache has, and not in that.
 */
static bool zip_holds(const struct sluice_zip *zip, const struct inode *inode)
{
	/* Pairs with the release in zip_settle(). */
	return !smp_load_acquire(&zip->settled) || zip->ctime == compat_ctime_ns(inode);
}

/**
 * sluice_object_is_current() - does the key still mean this, as it was
 * @obj: an object that was published once
 *
 * Whatever changed the answer and has returned to its caller is seen: docroot's name
 * through the trail, the path through the chain, the file itself, its siblings, its guards.
 * The file's owner and mode are in the chain.
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if it does.
 */
bool sluice_object_is_current(const struct sluice_object *obj)
{
	return sluice_object_is_unchanged(obj) &&
	       (likely(!obj->until) || time_before(jiffies, obj->until)) &&
	       sluice_trail_holds(&obj->place->trail) &&
	       sluice_chain_holds(&obj->chain, obj->at.dentry) &&
	       (likely(!obj->bends) || sluice_bends_hold(obj->bends)) &&
	       sluice_siblings_hold(&obj->siblings) &&
	       (!obj->guards || guards_hold(obj->guards)) &&
	       (likely(!obj->zip) || zip_holds(obj->zip, obj->inode));
}
