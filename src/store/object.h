/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a path leads to: a file as it is served, open, with validators and
 * ready-made head fields; or no file, and why.
 *
 * Immutable once it is published in the cache; replaced, never edited.  The
 * bytes of the body are not part of it: they are the page cache's.
 */
#ifndef SLUICE_STORE_OBJECT_H
#define SLUICE_STORE_OBJECT_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>

#include "http/etag.h"
#include "http/negotiate.h"
#include "http/span.h"
#include "store/chain.h"

struct sluice_bend;
struct sluice_object;
struct sluice_place;
struct sluice_site;

/*
 * Other names in a file's directory matter to what is sent: precompressed siblings
 * ("page.html.gz" beside "page.html"), and index files that would come first.  What is
 * there and what is not are one fact: a sibling that appears must be noticed like one
 * that goes.  So a name without a file is remembered too, by its negative dentry, whose
 * sequence number moves when a file comes to it.
 */
#define SLUICE_SIBLINGS_MAX 8

/**
 * struct sluice_sibling - one name beside a file's
 * @dentry: counted
 * @link:   what it was when it was looked up
 * @obj:    the file, if it may be sent instead; a reference
 * @coding: of @obj
 * @mtime:  of the file, if there is one that may not be sent
 * @size:   likewise
 */
struct sluice_sibling {
	struct dentry		*dentry;
	struct sluice_link	link;
	struct sluice_object	*obj;
	enum http_coding	coding;
	s64			mtime;
	loff_t			size;
};

/**
 * struct sluice_siblings - all that matter to a file
 * @count:   of @sibling
 * @usable:  how many have an object
 * @sibling: the preferred coding first
 */
struct sluice_siblings {
	u8			count;
	u8			usable;
	struct sluice_sibling	sibling[SLUICE_SIBLINGS_MAX];
};

/**
 * struct sluice_guard - a name that would make what is below its directory the backend's
 * @dentry: counted
 * @link:   what it was when it was looked up
 */
struct sluice_guard {
	struct dentry		*dentry;
	struct sluice_link	link;
};

/* As many as directories on the way, with docroot and what may be one itself. */
#define SLUICE_GUARDS_MAX (SLUICE_CHAIN_MAX + 1)

/**
 * struct sluice_guards - one for each directory on the way, docroot's first
 * @count: of @guard; behind the first that is there no other was looked for
 * @guard: all on docroot's mount
 */
struct sluice_guards {
	unsigned int		count;
	struct sluice_guard	guard[];
};

/**
 * struct sluice_zip - a file whose compressed bytes are ours to make
 * @work:    in sluice_press_lane; while it is out it has a reference of @file
 * @is_out:  bit 0: it is
 * @file:    the object that this is of
 * @retry:   jiffies: not to be tried before
 * @settled: @variant and @ctime are what they will be; written last, once
 * @ctime:   of the file's inode, in ns: what was compressed, or not, was this
 * @variant: the compressed file, a reference; NULL: it does not get smaller
 */
struct sluice_zip {
	struct work_struct	work;
	unsigned long		is_out;
	struct sluice_object	*file;
	unsigned long		retry;
	bool			settled;
	s64			ctime;
	struct sluice_object	*variant;
};

/**
 * struct sluice_object - what is found under one name
 * @node:   place in the cache
 * @ref:    the cache has one while it is findable, each response one; of a
 *          sibling, the object that it is beside
 * @used:   jiffies of about the last use
 * @age:    place in the cache's list, oldest first; the cache's lock
 * @grave:  place among those that wait to be freed
 * @rcu:    for freeing
 * @store:  const: counted, where it is found
 * @site_id: the site it was found under
 * @bytes:  of memory, siblings included, while it is in the cache
 * @key:    path as requested
 * @err:    why there is no file, as sluice_lookup() says it, or 0
 * @at:     where @chain begins: @file's, or when there is none a reference
 * @file:   open for reading, or NULL
 * @inode:  const: where its bytes are, @file's own or, on overlayfs, one below; or NULL
 * @reader: const: @file, or NULL if @inode is another's
 * @above:  seconds, of @file's own inode, if @inode is another
 * @size:   of the file when it was opened
 * @mtime:  seconds, likewise
 * @expires: seconds after which clients ask again, or HTTP_EXPIRES_NONE
 * @until:  jiffies, if it holds for SLUICE_FOREIGN_TIME at most, or 0
 * @place:  where docroot was, counted, or NULL before it is published
 * @chain:  what has to hold for @key to mean @file, or nothing, still
 * @bends:  likewise, or NULL: the symlinks on the way
 * @siblings: likewise, and what may be sent instead
 * @guards: likewise; NULL if there are none
 * @zip:    NULL if it is not to be compressed
 * @zipped: of a compressed one: bytes that count for gzip_memory
 * @etag:   empty when @mtime cannot be trusted
 * @head:   of a 200 on a connection that is kept; empty when it depends on the
 *          time by more than its date
 * @date_at: where in @head the date goes
 * @type:   the Content-Type line
 * @length: the Content-Length line, right behind @type
 * @modified: the Last-Modified line, right behind @length
 * @tag:    the Vary and ETag lines, right behind the Connection line of @head
 * @coding: the Content-Encoding line, right behind @tag
 * @policy: Cache-Control and what the administrator adds, right behind @coding
 * @ranges: the Accept-Ranges line, if there is one, and what ends the head of a 200,
 *          right behind @policy
 * @tail:   @tag to @ranges
 * @text:   @key and the lines
 *
 * The spans lie in @text.  Without a file there are only those of @key.
 */
struct sluice_object {
	struct rhash_head		node;
	refcount_t			ref;
	unsigned long			used;
	struct list_head		age;
	struct llist_node		grave;
	struct rcu_head			rcu;

	struct sluice_store		*store;
	u64				site_id;
	size_t				bytes;
	struct span			key;
	int				err;
	struct path			at;
	struct file			*file;
	struct inode			*inode;
	struct file			*reader;
	s64				above;
	loff_t				size;
	s64				mtime;
	s32				expires;
	unsigned long			until;
	struct span			etag;
	struct span			head;
	size_t				date_at;
	struct span			type;
	struct span			length;
	struct span			modified;
	struct span			tag;
	struct span			coding;
	struct span			policy;
	struct span			ranges;
	struct span			tail;
	struct sluice_place		*place;
	struct sluice_bend		*bends;
	struct sluice_chain		chain;
	struct sluice_siblings		siblings;
	struct sluice_guards		*guards;
	struct sluice_zip		*zip;
	size_t				zipped;
	u8				text[];
};

/**
 * struct sluice_naming - what an object is to be called
 * @key:    path as requested, empty for a sibling
 * @name:   path of the file, for its type; of a sibling, that of the file it is
 *          beside
 * @coding: of a sibling, empty for the file itself
 * @vary:   another representation may be sent for the same path
 * @original: of what was made of another object's file, that; else NULL
 */
struct sluice_naming {
	struct span			key;
	struct span			name;
	struct span			coding;
	bool				vary;
	const struct sluice_object	*original;
};

struct sluice_object *sluice_object_create(const struct sluice_site *site,
					   const struct sluice_naming *naming,
					   struct file *file);
struct sluice_object *
sluice_object_create_absent(const struct sluice_site *site, struct span key,
			    int err, const struct path *at);
void sluice_object_bury(struct sluice_object *obj);
bool sluice_object_is_unchanged(const struct sluice_object *obj);
bool sluice_object_is_current(const struct sluice_object *obj);

bool sluice_siblings_are_foreign(const struct sluice_siblings *siblings);
bool sluice_siblings_hold(const struct sluice_siblings *siblings);
void sluice_siblings_release(struct sluice_siblings *siblings);
struct sluice_object *
sluice_siblings_choose(const struct sluice_siblings *siblings,
		       struct span accept_encoding);

size_t sluice_object_bytes(const struct sluice_object *obj);

void sluice_objects_settle(void);

static inline void sluice_object_hold(struct sluice_object *obj)
{
	refcount_inc(&obj->ref);
}

/* Context: any. */
static inline void sluice_object_put(struct sluice_object *obj)
{
	if (refcount_dec_and_test(&obj->ref))
		sluice_object_bury(obj);
}

static inline bool __must_check
sluice_object_get_unless_dying(struct sluice_object *obj)
{
	return refcount_inc_not_zero(&obj->ref);
}

#endif /* SLUICE_STORE_OBJECT_H */
