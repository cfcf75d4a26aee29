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
#include <linux/swap.h>

#include "sock/stats.h"
#include "store/body.h"
#include "store/object.h"

/* Pages that a cold read brings in together. */
#define READAHEAD_PAGES 32

/* Takes over the caller's reference of @obj. */
void sluice_body_begin(struct sluice_body *body, struct sluice_object *obj)
{
	body->obj = obj;
	body->pos = 0;
	body->end = obj->size;
	body->page = NULL;
	body->err = 0;
}

static void body_drop_page(struct sluice_body *body)
{
	if (body->page)
		put_page(body->page);
	body->page = NULL;
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

/* A page that can be sent now, counted, or NULL. Softirq. */
static struct page *body_find_page(const struct sluice_body *body,
				   pgoff_t index)
{
	struct page *page;

	if (unlikely(body->page && body->page_index == index)) {
		get_page(body->page);
		return body->page;
	}
	page = find_get_page(body->obj->file->f_mapping, index);
	if (!page)
		return NULL;
	if (unlikely(!PageUptodate(page))) {
		put_page(page);
		return NULL;
	}
	mark_page_accessed(page);	/* or reclaim takes the busiest file */
	return page;
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
 * Return: a page with a reference for the caller; NULL if it is not at hand, or
 * the file is not what it was: sluice_body_gather() will say which.
 */
struct page *sluice_body_get_page(struct sluice_body *body)
{
	struct page *page = body_find_page(body, body->pos >> PAGE_SHIFT);

	if (page && unlikely(body_is_cut_short(body))) {
		put_page(page);
		return NULL;
	}
	return page;
}

/**
 * sluice_body_gather() - the next pages to send
 * @body: has bytes left
 * @bv:   filled in, SLUICE_BODY_BATCH of them at most, with references for
 *        sluice_body_release()
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
	loff_t pos = body->pos;

	if (unlikely(body->err))
		return body->err;

	for (*n = 0; *n < SLUICE_BODY_BATCH && pos < body->end; ++*n) {
		size_t off = offset_in_page(pos);
		size_t part = min_t(loff_t, PAGE_SIZE - off, body->end - pos);
		struct page *page = body_find_page(body, pos >> PAGE_SHIFT);

		if (!page)
			break;
		bvec_set_page(&bv[*n], page, part, off);
		pos += part;
	}
	*len = pos - body->pos;

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
	folio = read_mapping_folio(mapping, index, file);
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
