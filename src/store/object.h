/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file as it is served: open, with validators and ready-made head fields.
 *
 * Immutable once it is published in the cache; replaced, never edited.  The
 * bytes of the body are not part of it: they are the page cache's.
 */
#ifndef SLUICE_STORE_OBJECT_H
#define SLUICE_STORE_OBJECT_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>

#include "http/etag.h"
#include "http/span.h"
#include "store/chain.h"

/**
 * struct sluice_object - one file under one name
 * @node:   place in the cache
 * @ref:    the cache has one while it is findable, each response one
 * @used:   jiffies of about the last use
 * @age:    place in the cache's list, oldest first; the cache's lock
 * @rcu:    for freeing
 * @root_id: the docroot it was found under
 * @key:    path as requested
 * @file:   open for reading
 * @size:   of the file when it was opened
 * @mtime:  seconds, likewise
 * @chain:  what has to hold for @key to mean @file still
 * @etag:   empty when @mtime cannot be trusted
 * @entity: the Content-Type and Content-Length lines
 * @modified: the Last-Modified line, right behind @entity
 * @tag:    the ETag line
 * @tail:   the ETag line and what ends the head of a 200
 * @text:   @key and the lines
 *
 * The spans lie in @text.
 */
struct sluice_object {
	struct rhash_head		node;
	refcount_t			ref;
	unsigned long			used;
	struct list_head		age;
	struct rcu_head			rcu;

	u64				root_id;
	struct span			key;
	struct file			*file;
	loff_t				size;
	s64				mtime;
	struct span			etag;
	struct span			entity;
	struct span			modified;
	struct span			tag;
	struct span			tail;
	struct sluice_chain		chain;
	u8				text[];
};

struct sluice_object *sluice_object_create(u64 root_id, struct span key,
					   struct span name, struct file *file);
void sluice_object_put(struct sluice_object *obj);
bool sluice_object_is_current(const struct sluice_object *obj);

static inline bool __must_check
sluice_object_get_unless_dying(struct sluice_object *obj)
{
	return refcount_inc_not_zero(&obj->ref);
}

#endif /* SLUICE_STORE_OBJECT_H */
