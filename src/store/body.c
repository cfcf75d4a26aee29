// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of an object on their way out.
 *
 * What is sent by reference aliases the file, as with sendfile(): a write(2)
 * changes bytes that have not left yet.  A file that became shorter cannot give
 * what was promised: the connection is aborted, never padded.
 */
#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/jiffies.h>
#include <linux/swap.h>

#include "sock/stats.h"
#include "store/body.h"
#include "store/object.h"

/* Pages that a cold read brings in together. */
#define READAHEAD_PAGES 32
/* Folios of a file that are marked in one go. */
#define RESIDENT_MAX 1024
/* Bytes per send: large folios would make it very much. */
#define GATHER_MAX (SLUICE_BODY_BATCH * PAGE_SIZE)

/**
 * sluice_body_begin() - send bytes of an object
 * @body: nothing is left of it
 * @obj:  the caller's reference moves here
 * @pos:  first byte
 * @end:  byte after the last, not beyond the object's size
 *
 * Context: any.
 */
void sluice_body_begin(struct sluice_body *body, struct sluice_object *obj,
		       loff_t pos, loff_t end)
{
	body->obj = obj;
	body->pos = pos;
	body->end = end;
	body->page = NULL;
	body->err = 0;
}

static void body_drop_page(struct sluice_body *body)
{
	if (body->page)
		put_page(body->page);
	body->page = NULL;
}

/* Then other bytes of the same object. Context: any. */
void sluice_body_continue(struct sluice_body *body, loff_t pos, loff_t end)
{
	body_drop_page(body);
	body->pos = pos;
	body->end = end;
}

/* @len bytes are in the socket. */
void sluice_body_advance(struct sluice_body *body, size_t len)
{
	body->pos += len;
	if (unlikely(body->page && body->pos >> PAGE_SHIFT != body->page_index))
		body_drop_page(body);
}

/* Context: any. May be called twice. */
void sluice_body_end(struct sluice_body *body)
{
	if (!body->obj)
		return;
	body_drop_page(body);
	sluice_object_put(body->obj);
	body->obj = NULL;
	body->end = body->pos;
}

/*
 * Asked after the pages were found up to date: a page that is in the file by
 * then is not the zeroed tail of a truncated one.
 */
static bool body_is_cut_short(const struct sluice_body *body)
{
	return i_size_read(file_inode(body->obj->file)) < body->end;
}

/**
 * sluice_body_get_page() - the page at the body's position, for copying
 * @body: has bytes left
 *
 * Context: lane.
 * Return: a page with a reference for the caller; NULL if it is not at hand:
 * sluice_body_gather() will say why.
 */
struct page *sluice_body_get_page(struct sluice_body *body)
{
	struct page *page;

	page = find_get_page(body->obj->file->f_mapping,
			     body->pos >> PAGE_SHIFT);
	if (!page)
		return NULL;
	if (unlikely(!PageUptodate(page) || body_is_cut_short(body))) {
		put_page(page);
		return NULL;
	}
	return page;
}

/* As much of a folio as is wanted, in one piece. */
static void gather_folio(struct bio_vec *bv, struct folio *folio, loff_t pos,
			 size_t want)
{
	size_t off = pos - folio_pos(folio);
	size_t part = min(want, folio_size(folio) - off);

	bvec_set_page(bv, folio_page(folio, off >> PAGE_SHIFT), part,
		      offset_in_page(off));
}

/*
 * The run of pages in the cache from the body's position on.  Gaps end it: those
 * are skipped by the search (which all kernels have, and which is right for large
 * folios on all).
 */
static unsigned int gather_cached(const struct sluice_body *body,
				  struct bio_vec *bv, size_t want, size_t *len)
{
	pgoff_t index = body->pos >> PAGE_SHIFT;
	pgoff_t last = (body->pos + want - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	unsigned int i, n = 0;

	folio_batch_init(&batch);
	filemap_get_folios(body->obj->file->f_mapping, &index, last, &batch);
	for (i = 0; i < folio_batch_count(&batch); i++) {
		struct folio *folio = batch.folios[i];

		if (n < i || n == SLUICE_BODY_BATCH ||
		    folio_pos(folio) > body->pos + *len ||
		    !folio_test_uptodate(folio)) {
			folio_put(folio);
			continue;
		}
		gather_folio(&bv[n], folio, body->pos + *len, want - *len);
		*len += bv[n++].bv_len;
	}
	return n;
}

/* What sluice_body_fill() read: the cache may have lost it again already. */
static unsigned int gather_filled(const struct sluice_body *body,
				  struct bio_vec *bv, size_t want, size_t *len)
{
	if (!body->page || body->page_index != body->pos >> PAGE_SHIFT)
		return 0;
	get_page(body->page);
	*len = min_t(size_t, want, PAGE_SIZE - offset_in_page(body->pos));
	bvec_set_page(bv, body->page, *len, offset_in_page(body->pos));
	return 1;
}

/**
 * sluice_body_gather() - the next pages to send
 * @body: has bytes left
 * @bv:   filled in, SLUICE_BODY_BATCH of them at most, with references for
 *        sluice_body_release(); one may span the pages of a large folio
 * @n:    how many
 * @len:  their bytes
 *
 * Context: lane.
 * Return: 0; -ENODATA if sluice_body_fill() is needed first; -ESTALE if the file
 * became shorter; the error of a failed read.
 */
int sluice_body_gather(struct sluice_body *body, struct bio_vec *bv,
		       unsigned int *n, size_t *len)
{
	size_t want = min_t(loff_t, sluice_body_left(body), GATHER_MAX);

	if (unlikely(body->err))
		return body->err;

	*len = 0;
	*n = gather_cached(body, bv, want, len);
	if (!*n)
		*n = gather_filled(body, bv, want, len);
	if (unlikely(body_is_cut_short(body))) {
		sluice_body_release(bv, *n);
		return -ESTALE;
	}
	return *n ? 0 : -ENODATA;
}

void sluice_body_release(struct bio_vec *bv, unsigned int n)
{
	while (n--)
		put_page(bv[n].bv_page);
}

static struct page *read_through_cache(struct file *file, pgoff_t index)
{
	struct address_space *mapping = file->f_mapping;
	struct file_ra_state ra;
	struct folio *folio;

	file_ra_state_init(&ra, mapping);
	page_cache_sync_readahead(mapping, &ra, file, index, READAHEAD_PAGES);
	/* Or a hole punched meanwhile gets a page of what was there before. */
	filemap_invalidate_lock_shared(mapping);
	folio = read_mapping_folio(mapping, index, file);
	filemap_invalidate_unlock_shared(mapping);
	if (IS_ERR(folio))
		return ERR_CAST(folio);
	return folio_file_page(folio, index);
}

/*
 * A hole in a tmpfs file has no page and shall not get one for being read; what
 * was swapped out comes back on the way.
 */
static struct page *read_copy(struct file *file, pgoff_t index, loff_t end)
{
	loff_t pos = (loff_t)index << PAGE_SHIFT;
	size_t want = min_t(loff_t, PAGE_SIZE, end - pos);
	struct page *page;
	ssize_t got;

	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return ERR_PTR(-ENOMEM);
	got = kernel_read(file, page_address(page), want, &pos);
	if (got != want) {
		put_page(page);
		return ERR_PTR(got < 0 ? got : -ESTALE);
	}
	sluice_stat_inc(SLUICE_STAT_PAGES_COPIED);
	return page;
}

/**
 * sluice_body_keep_resident() - tell reclaim that a file is in use
 * @obj:   counted
 * @since: jiffies; if it was used in that time
 *
 * For those who send pages from softirq, where folio_mark_accessed() is not
 * allowed: its per-CPU batches are guarded against preemption only.
 *
 * Context: process.
 */
void sluice_body_keep_resident(const struct sluice_object *obj,
			       unsigned long since)
{
	struct address_space *mapping = obj->file->f_mapping;
	struct folio_batch batch;
	unsigned int marked = 0;
	pgoff_t index = 0;

	if (time_after(jiffies, READ_ONCE(obj->used) + since))
		return;

	folio_batch_init(&batch);
	while (marked < RESIDENT_MAX &&
	       filemap_get_folios(mapping, &index, -1, &batch)) {
		unsigned int i;

		for (i = 0; i < folio_batch_count(&batch); i++)
			folio_mark_accessed(batch.folios[i]);
		marked += folio_batch_count(&batch);
		folio_batch_release(&batch);
		cond_resched();
	}
}

/**
 * sluice_body_fill() - bring the page at the body's position into memory
 * @body: nobody else touches it meanwhile
 *
 * Context: slow lane; waits for the disk. The outcome shows in the next
 * sluice_body_gather().
 */
void sluice_body_fill(struct sluice_body *body)
{
	pgoff_t index = body->pos >> PAGE_SHIFT;
	struct file *file = body->obj->file;
	struct page *page;

	sluice_stat_inc(SLUICE_STAT_FILLS);
	body_drop_page(body);
	if (file->f_mapping->a_ops->read_folio)
		page = read_through_cache(file, index);
	else
		page = read_copy(file, index, body->end);
	if (IS_ERR(page)) {
		body->err = PTR_ERR(page);
		return;
	}
	body->page = page;
	body->page_index = index;
}
