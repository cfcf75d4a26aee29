// SPDX-License-Identifier: GPL-2.0
/*
 * Birth and death of a served file.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "http/date.h"
#include "http/head.h"
#include "http/mime.h"
#include "sock/stats.h"
#include "store/object.h"

/* The lines that depend on the file, without its name. */
#define OBJECT_TEXT 256

/* Images with reproducible time stamps: such validators would be lies. */
#define MTIME_UNKNOWN 1

static struct span text_since(struct http_writer *w, size_t start)
{
	return (struct span){ w->buf + start, w->len - start };
}

static void render_entity(struct sluice_object *obj, struct http_writer *w,
			  struct span name)
{
	size_t start = w->len;

	http_put_str(w, "Content-Type: ");
	http_put_span(w, http_mime_type(name));
	http_put_str(w, "\r\nContent-Length: ");
	http_put_u64(w, obj->size);
	http_put_str(w, "\r\n");
	obj->entity = text_since(w, start);
}

static void render_modified(struct sluice_object *obj, struct http_writer *w)
{
	size_t start = w->len;
	u8 date[HTTP_DATE_LEN];

	http_date_format(date, obj->mtime);
	http_put_str(w, "Last-Modified: ");
	http_put(w, date, sizeof(date));
	http_put_str(w, "\r\n");
	obj->modified = text_since(w, start);
}

static void render_tag(struct sluice_object *obj, struct http_writer *w)
{
	u8 etag[HTTP_ETAG_MAX];
	size_t start = w->len;

	http_put_str(w, "ETag: ");
	http_put(w, etag, http_etag_format(etag, obj->mtime, obj->size));
	obj->etag = text_since(w, start + sizeof("ETag: ") - 1);
	http_put_str(w, "\r\n");
	obj->tag = text_since(w, start);
}

static void render_fields(struct sluice_object *obj, struct http_writer *w,
			  struct span name)
{
	bool valid = obj->mtime > MTIME_UNKNOWN;
	size_t start;

	render_entity(obj, w, name);
	if (valid)
		render_modified(obj, w);
	start = w->len;
	if (valid)
		render_tag(obj, w);
	http_put_str(w, "Accept-Ranges: bytes\r\n\r\n");
	obj->tail = text_since(w, start);
}

/**
 * sluice_object_create() - make an object of an open file
 * @root_id: the docroot it was found under
 * @key:  path as requested
 * @name: path of the file, for its type
 * @file: its reference moves into the object, also on failure
 *
 * The chain is empty; the caller fills it in before it publishes the object.
 * Context: process.
 * Return: an object with one reference, or ERR_PTR(-ENOMEM).
 */
struct sluice_object *sluice_object_create(u64 root_id, struct span key,
					   struct span name, struct file *file)
{
	struct inode *inode = file_inode(file);
	struct sluice_object *obj;
	struct http_writer w;

	obj = kzalloc(sizeof(*obj) + key.len + OBJECT_TEXT, GFP_KERNEL);
	if (!obj) {
		fput(file);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&obj->ref, 1);
	obj->used = jiffies;
	INIT_LIST_HEAD(&obj->age);
	obj->root_id = root_id;
	obj->file = file;
	/* Sampled amid a write, the pair fails sluice_object_is_current() when
	 * the write is done: no lock is needed.
	 */
	obj->mtime = inode_get_mtime_sec(inode);
	obj->size = i_size_read(inode);

	http_writer_init(&w, obj->text, key.len + OBJECT_TEXT);
	http_put_span(&w, key);
	obj->key = text_since(&w, 0);
	render_fields(obj, &w, name);
	if (WARN_ON_ONCE(!http_writer_ok(&w))) {
		fput(file);
		kfree(obj);
		return ERR_PTR(-ENOMEM);
	}
	sluice_stat_inc(SLUICE_STAT_LIVE_OBJECTS);
	return obj;
}

/* Context: any; fput() defers what may sleep. */
void sluice_object_put(struct sluice_object *obj)
{
	if (!refcount_dec_and_test(&obj->ref))
		return;
	sluice_stat_add(SLUICE_STAT_LIVE_OBJECTS, -1);
	fput(obj->file);
	kfree_rcu(obj, rcu);
}

/**
 * sluice_object_is_current() - does the key still mean this file as it was
 * @obj: an object that was published once
 *
 * Whatever changed the answer and has returned to its caller is seen: the path
 * through the chain, the file by its size and time stamp, which with its name
 * are all that the head depends on.  The file's owner and mode are in the chain.
 *
 * Context: rcu_read_lock(), softirq too.
 * Return: true if it does.
 */
bool sluice_object_is_current(const struct sluice_object *obj)
{
	const struct inode *inode = file_inode(obj->file);

	return i_size_read(inode) == obj->size &&
	       inode_get_mtime_sec(inode) == obj->mtime &&
	       sluice_chain_holds(&obj->chain, obj->file->f_path.dentry);
}
