// SPDX-License-Identifier: GPL-2.0
/*
 * Compressing a file, once.
 *
 * The first client that would have it compressed has it begun, and gets the file as it is.
 * What comes of it is an object of its own, whose file is one of the kernel's memory, so it
 * is sent as all files are.  It hangs on the object of the file: what lets go of that, be it
 * a change, reclaim or a setting, lets go of it, when the last answer with it is sent.
 *
 * It is a copy, so it must be one of all that was ever written: see file_rests().
 */
#include <linux/bitops.h>
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/zlib.h>

#include "base/lane.h"
#include "base/stats.h"
#include "compat/fs.h"
#include "compat/fsnotify.h"
#include "http/mime.h"
#include "store/backing.h"
#include "store/site.h"
#include "store/store.h"
#include "store/types.h"
#include "store/zip.h"

#define ZIP_MAX 1048576
/* Bytes between two looks at whether to go on. */
#define ZIP_STEP 16384
/* As nginx has it. */
#define ZIP_MEM_LEVEL 8
#define ZIP_WINDOW_BITS 15
/*
 * A change of the file is seen by its ctime if that is older than a tick of any clock, and
 * than the file system's own grain: a second with small inodes of ext4.
 */
#define ZIP_REST (50 * NSEC_PER_MSEC)
/* After it could not be done. */
#define ZIP_PAUSE (HZ / 10)
/* Others have the memory. */
#define ZIP_PAUSE_LONG (5 * HZ)

/**
 * struct press - a file while it is compressed
 * @zip:    whose
 * @site:   counted
 * @out:    what comes of it
 * @pos:    in that
 * @stream: of zlib
 * @crc:    of what was read
 * @from:   a step of the file
 * @to:     what is not in @out yet
 */
struct press {
	struct sluice_zip	*zip;
	struct sluice_site	*site;
	struct file		*out;
	loff_t			pos;
	struct z_stream_s	stream;
	u32			crc;
	u8			from[ZIP_STEP];
	u8			to[ZIP_STEP];
};

static bool type_suits(const struct sluice_words *types, struct span type)
{
	const u8 *end = memchr(type.ptr, ';', type.len);
	unsigned int i;

	if (end)
		type = span_trim(span_make(type.ptr, end));
	for (i = 0; i < types->count; i++) {
		struct span word = sluice_word(types, i);

		if (span_eq(word, SPAN("*")) || span_eq_nocase(word, type))
			return true;
	}
	return false;
}

/* A store through a mapping moves no time there: nobody could tell when that is gone. */
static bool hides_stores(const struct inode *inode)
{
	return inode->i_sb->s_magic == TMPFS_MAGIC || inode->i_sb->s_magic == RAMFS_MAGIC;
}

/**
 * sluice_zip_suits() - is a file one of those that are compressed
 * @site: it was found under
 * @name: its path
 * @file: open
 *
 * Context: any.
 * Return: true if it is.
 */
bool sluice_zip_suits(const struct sluice_site *site, struct span name, const struct file *file)
{
	const struct inode *inode = sluice_backing_inode(file);
	loff_t size = i_size_read(inode);
	const struct http_type *found;

	if (!site->gzip || size < site->gzip_min_length || size > ZIP_MAX || hides_stores(inode))
		return false;
	found = http_types_find(site->types->list, site->types->count, name);
	return found && type_suits(&site->gzip_types, found->type);
}

/*
 * Nobody is about to write, and none of what was written has a ctime that the next write
 * could have as well.  A write says so before its bytes are there, and has the file open
 * until they are; a shared mapping has it open, too.
 */
static bool file_rests(const struct sluice_object *obj)
{
	return !inode_is_open_for_write(file_inode(obj->file)) &&
	       !inode_is_open_for_write(obj->inode);
}

/* Nobody will ask for it if it is another site's, or the instance leaves. */
static bool is_current(const struct sluice_object *obj)
{
	const struct sluice_site *site;
	bool current_now;

	rcu_read_lock();
	site = sluice_site_peek(obj->store);
	current_now = site && site->id == obj->site_id && sluice_object_is_current(obj);
	rcu_read_unlock();
	return current_now;
}

static int press_write(struct press *p, const void *from, size_t len)
{
	ssize_t done = kernel_write(p->out, from, len, &p->pos);

	if (done == len)
		return 0;
	return done < 0 ? done : -ENOSPC;
}

/* RFC 1952: no name, no time, Unix. */
static int press_begin(struct press *p)
{
	static const u8 head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };

	p->crc = ~0;
	if (zlib_deflateInit2(&p->stream, p->site->gzip_comp_level, Z_DEFLATED,
			      -ZIP_WINDOW_BITS, ZIP_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -EINVAL;
	return press_write(p, head, sizeof(head));
}

static int press_end(struct press *p)
{
	__le32 tail[] = { cpu_to_le32(~p->crc), cpu_to_le32(p->zip->file->size) };

	return press_write(p, tail, sizeof(tail));
}

/* Return: 0, -E2BIG if it does not get smaller, or the error of a write. */
static int press_squeeze(struct press *p, int flush)
{
	int err, done;

	do {
		p->stream.next_out = p->to;
		p->stream.avail_out = sizeof(p->to);
		done = zlib_deflate(&p->stream, flush);
		if (done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR)
			return -EIO;
		err = press_write(p, p->to, sizeof(p->to) - p->stream.avail_out);
		if (!err && p->pos >= p->zip->file->size)
			err = -E2BIG;
	} while (!err && !p->stream.avail_out);
	return err;
}

static int press_step(struct press *p, loff_t pos, size_t len)
{
	const struct sluice_object *obj = p->zip->file;
	bool last = pos + len == obj->size;
	ssize_t got;

	if (!is_current(obj))
		return -ESTALE;
	got = kernel_read(obj->file, p->from, len, &pos);
	if (got != len)
		return got < 0 ? got : -ESTALE;
	p->crc = crc32_le(p->crc, p->from, len);
	p->stream.next_in = p->from;
	p->stream.avail_in = len;
	return press_squeeze(p, last ? Z_FINISH : Z_NO_FLUSH);
}

static int press_all(struct press *p)
{
	loff_t size = p->zip->file->size;
	loff_t pos;
	int err;

	err = press_begin(p);
	for (pos = 0; !err && pos < size; pos += ZIP_STEP) {
		err = press_step(p, pos, min_t(loff_t, ZIP_STEP, size - pos));
		cond_resched();
	}
	err = err ?: press_end(p);
	return !err && p->pos >= size ? -E2BIG : err;
}

/* Return: true: these bytes count, and are not too many. */
static bool take_memory(struct sluice_object *variant)
{
	struct sluice_store *store = variant->store;
	size_t bytes = PAGE_ALIGN(variant->size) + sluice_object_bytes(variant);

	if (atomic_long_add_return(bytes, &store->zipped) > READ_ONCE(store->gzip_memory)) {
		atomic_long_sub(bytes, &store->zipped);
		return false;
	}
	sluice_stat_add(store->stats, SLUICE_STAT_LIVE_ZIPPED_BYTES, bytes);
	variant->zipped = bytes;
	return true;
}

static struct sluice_object *make_variant(struct press *p)
{
	struct sluice_naming naming = {
		.coding		= http_coding_name(HTTP_CODING_GZIP),
		.vary		= true,
		.original	= p->zip->file,
	};
	struct sluice_object *variant;

	variant = sluice_object_create(p->site, &naming, get_file(p->out));
	if (IS_ERR(variant) || take_memory(variant))
		return variant;
	sluice_object_put(variant);
	return ERR_PTR(-EDQUOT);
}

/* Return: the compressed file, or why there is none. */
static struct sluice_object *press_run(struct press *p, s64 ctime)
{
	const struct sluice_object *obj = p->zip->file;
	int err = press_all(p);

	if (!err && (!file_rests(obj) || compat_ctime_ns(obj->inode) != ctime ||
		     !is_current(obj)))
		err = -ESTALE;
	return err ? ERR_PTR(err) : make_variant(p);
}

static struct sluice_object *press_with_site(struct press *p, s64 ctime)
{
	struct sluice_object *variant = ERR_PTR(-ENOMEM);

	p->out = compat_memory_file("sluice_zip");
	if (IS_ERR(p->out))
		return ERR_CAST(p->out);
	p->stream.workspace = kvzalloc(zlib_deflate_workspacesize(ZIP_WINDOW_BITS, ZIP_MEM_LEVEL),
				       GFP_KERNEL);
	if (p->stream.workspace)
		variant = press_run(p, ctime);
	kvfree(p->stream.workspace);
	fput(p->out);
	return variant;
}

static struct sluice_object *zip_make(struct sluice_zip *zip, s64 ctime)
{
	struct sluice_object *variant = ERR_PTR(-ESTALE);
	struct press *p = kvzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->zip = zip;
	p->site = sluice_site_get(zip->file->store);
	if (p->site) {
		variant = press_with_site(p, ctime);
		sluice_site_put(p->site);
	}
	kvfree(p);
	return variant;
}

/* Written to a moment ago, or about to be; or somebody wants to be asked who reads it. */
static bool is_too_early(const struct sluice_object *obj, s64 ctime)
{
	/* A later write has another ctime when the grain of the file system's is over. */
	s64 rest = ZIP_REST + obj->inode->i_sb->s_time_gran;

	return ktime_get_real_ns() - ctime < rest || !file_rests(obj) ||
	       compat_is_watched(&obj->at);
}

static void zip_settle(struct sluice_zip *zip, struct sluice_object *variant, s64 ctime)
{
	zip->variant = variant;
	zip->ctime = ctime;
	/* Pairs with the acquires in zip_holds() and sluice_zip_choose(). */
	smp_store_release(&zip->settled, true);
}

static void zip_try(struct sluice_zip *zip)
{
	struct sluice_stats __percpu *stats = zip->file->store->stats;
	s64 ctime = compat_ctime_ns(zip->file->inode);
	struct sluice_object *variant;

	WRITE_ONCE(zip->retry, jiffies + ZIP_PAUSE);
	if (is_too_early(zip->file, ctime))
		return;
	variant = zip_make(zip, ctime);
	if (!IS_ERR(variant)) {
		sluice_stat_inc(stats, SLUICE_STAT_ZIPPED);
		zip_settle(zip, variant, ctime);
	} else if (PTR_ERR(variant) == -E2BIG) {
		sluice_stat_inc(stats, SLUICE_STAT_ZIPS_USELESS);
		zip_settle(zip, NULL, ctime);
	} else if (PTR_ERR(variant) == -EDQUOT) {
		sluice_stat_inc(stats, SLUICE_STAT_ZIPS_OVER_LIMIT);
		WRITE_ONCE(zip->retry, jiffies + ZIP_PAUSE_LONG);
	} else {
		sluice_stat_inc(stats, SLUICE_STAT_ZIPS_FAILED);
	}
}

static void zip_work(struct work_struct *work)
{
	struct sluice_zip *zip = container_of(work, struct sluice_zip, work);
	struct sluice_object *obj = zip->file;

	if (!zip->settled)
		zip_try(zip);
	clear_bit_unlock(0, &zip->is_out);
	/* The last: with it the work goes. */
	sluice_object_put(obj);
}

/**
 * sluice_zip_prepare() - a file is to be compressed when somebody would have it so
 * @obj: not published yet; sluice_zip_suits() said so
 *
 * Without memory it is sent as it is.
 * Context: process.
 */
void sluice_zip_prepare(struct sluice_object *obj)
{
	struct sluice_zip *zip;

	if (!sluice_zip_is_built_in())
		return;
	zip = kzalloc(sizeof(*zip), GFP_KERNEL);
	if (!zip)
		return;
	INIT_WORK(&zip->work, zip_work);
	zip->file = obj;
	zip->retry = jiffies;
	obj->zip = zip;
}

/* What was not published is asked for once. */
static void zip_begin(struct sluice_object *obj)
{
	struct sluice_zip *zip = obj->zip;

	if (!obj->place || time_before(jiffies, READ_ONCE(zip->retry)) ||
	    test_and_set_bit_lock(0, &zip->is_out))
		return;
	sluice_object_hold(obj);
	queue_work(sluice_press_lane, &zip->work);
}

/**
 * sluice_zip_choose() - the compressed file instead of a file
 * @obj: has a zip, and was current when it was found; held
 *
 * If it has not been tried yet it is begun.
 * Context: any.
 * Return: the object to send, there as long as @obj is; or NULL: the file itself.
 */
struct sluice_object *sluice_zip_choose(struct sluice_object *obj)
{
	/* Pairs with the release in zip_settle(). */
	if (unlikely(!smp_load_acquire(&obj->zip->settled))) {
		zip_begin(obj);
		return NULL;
	}
	return file_rests(obj) ? obj->zip->variant : NULL;
}
