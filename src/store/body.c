// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of an object on their way out.
 *
 * What is sent by reference aliases the file, as with sendfile(): a write(2)
 * changes bytes that have not left yet, and a truncation zeroes those of the last
 * page that are with TCP already.  What TCP has not been given yet a file that
 * became shorter cannot give: the connection is aborted, never padded.
 */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "base/stats.h"
#include "compat/fs.h"
#include "compat/fsnotify.h"
#include "store/body.h"
#include "store/object.h"
#include "store/store.h"

/* Folios of a file that are marked in one go. */
#define RESIDENT_MAX 1024
/* Bytes per send: large folios would make it very much. */
#define GATHER_MAX (SLUICE_BODY_BATCH * PAGE_SIZE)
/* Reading less at a time costs the disk more than it spares the memory. */
#define WINDOW_MIN GATHER_MAX

/**
 * struct body_ahead - the window behind a marked folio, to be read
 * @work:   in the lane of the file's disk
 * @obj:    counted, so that its file is closed like all others
 * @folio:  the one that was marked, counted
 * @window: of the client that came upon it
 * @want:   bytes that it still gets
 */
struct body_ahead {
	struct work_struct	work;
	struct sluice_object	*obj;
	struct folio		*folio;
	u32			window;
	loff_t			want;
};

/* It was read for this body, and is not needed any more. Context: any. */
void sluice_body_drop_page(struct sluice_body *body)
{
	put_page(body->page);
	body->page = NULL;
}

/*
 * Up to date, and not lost to an error of the memory: touching that may end the machine.
 * What sluice_body_fill() comes to is what read() would say: EIO, or the file's bytes
 * once more, from the disk.
 */
static bool is_fit(struct folio *folio)
{
	return folio_test_uptodate(folio) && likely(!PageHWPoison(&folio->page)) &&
	       !(folio_test_large(folio) && folio_test_has_hwpoisoned(folio));
}

/*
 * Asked after the pages were found up to date: a page that is in the file by
 * then is not the zeroed tail of a truncated one.
 */
static bool body_is_cut_short(const struct sluice_body *body)
{
	return i_size_read(body->obj->inode) < body->end;
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

	page = find_get_page(body->obj->inode->i_mapping,
			     body->pos >> PAGE_SHIFT);
	if (!page)
		return NULL;
	if (unlikely(!is_fit(page_folio(page)) || body_is_cut_short(body))) {
		put_page(page);
		return NULL;
	}
	return page;
}

/*
 * As far as the client can take it while the next window is on its way, and as far
 * as the device's read_ahead_kb allows.
 */
static void ra_begin(struct file_ra_state *ra, struct address_space *mapping, u32 window)
{
	u32 pages = max_t(u64, 2ULL * window, WINDOW_MIN) >> PAGE_SHIFT;

	memset(ra, 0, sizeof(*ra));
	file_ra_state_init(ra, mapping);
	ra->ra_pages = min(ra->ra_pages, pages);
}

/*
 * The kernel marked this folio when it read ahead the last time: by now the next
 * window should be on its way, so that nobody has to wait for it.  Whoever finds the
 * mark takes it; the state of the readahead is what is in the page cache, so it does
 * not matter who of many clients of a file that is.  Writeback uses the bit for
 * something else.
 */
static bool take_mark(struct folio *folio)
{
	return !folio_test_writeback(folio) && folio_test_clear_readahead(folio);
}

static void read_behind(struct folio *folio, const struct sluice_object *obj, u32 window,
			loff_t want)
{
	struct address_space *mapping = obj->inode->i_mapping;
	struct file_ra_state ra;

	ra_begin(&ra, mapping, window);
	compat_readahead_next(mapping, obj->reader, &ra, folio,
			      DIV_ROUND_UP(min_t(loff_t, want, GATHER_MAX),
					   PAGE_SIZE));
}

static void ahead_work(struct work_struct *work)
{
	struct body_ahead *ahead = container_of(work, struct body_ahead, work);

	read_behind(ahead->folio, ahead->obj, ahead->window, ahead->want);
	folio_put(ahead->folio);
	sluice_object_put(ahead->obj);
	kfree(ahead);
}

static void body_read_ahead(const struct sluice_body *body, struct folio *folio)
{
	struct body_ahead *ahead;

	if (!take_mark(folio))
		return;
	ahead = kmalloc(sizeof(*ahead), SLUICE_GFP_WAITING);
	if (!ahead)
		return;		/* then somebody will have to wait */
	INIT_WORK(&ahead->work, ahead_work);
	ahead->obj = body->obj;
	sluice_object_hold(ahead->obj);
	folio_get(folio);
	ahead->folio = folio;
	ahead->window = body->window;
	ahead->want = sluice_body_left(body);
	queue_work(sluice_body_lane(body), &ahead->work);
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
	filemap_get_folios(body->obj->inode->i_mapping, &index, last, &batch);
	for (i = 0; i < folio_batch_count(&batch); i++) {
		struct folio *folio = batch.folios[i];

		if (n < i || n == SLUICE_BODY_BATCH ||
		    folio_pos(folio) > body->pos + *len) {
			folio_put(folio);
			continue;
		}
		/* Before it is waited for, or there is one window at a time. */
		if (unlikely(folio_test_readahead(folio)))
			body_read_ahead(body, folio);
		if (unlikely(!is_fit(folio))) {
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
	if (!body->page || body->page_index != body->pos >> PAGE_SHIFT ||
	    unlikely(PageHWPoison(body->page)))
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
int sluice_body_gather(const struct sluice_body *body, struct bio_vec *bv,
		       unsigned int *n, size_t *len)
{
	size_t want = min_t(loff_t, sluice_body_left(body), GATHER_MAX);

	if (unlikely(body->err))
		return body->err;
	/* Else there is no end to it. */
	if (SLUICE_WARN_ON(sluice_body_left(body) <= 0))
		return -EIO;

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

/*
 * Nobody read ahead so far.  Bodies are read in order, so what is missing is the next
 * of a sequence, and not one of many random reads, as it would be without a position
 * before it.  Since we are going to wait the disk is slower than the client: have it
 * read the window after that as well.
 */
static void read_first_windows(const struct sluice_body *body, pgoff_t index)
{
	struct file *file = body->obj->reader;
	struct address_space *mapping = body->obj->inode->i_mapping;
	loff_t left = sluice_body_left(body);
	unsigned long want = DIV_ROUND_UP(min_t(loff_t, left, GATHER_MAX),
					  PAGE_SIZE);
	struct file_ra_state ra;
	struct page *marked;

	ra_begin(&ra, mapping, body->window);
	ra.prev_pos = ((loff_t)index << PAGE_SHIFT) - 1;
	page_cache_sync_readahead(mapping, &ra, file, index, want);
	if (!ra.size || left >> PAGE_SHIFT <= ra.size)
		return;
	marked = find_get_page(mapping, ra.start + ra.size - ra.async_size);
	if (!marked)
		return;
	compat_readahead_next(mapping, file, &ra, page_folio(marked), want);
	put_page(marked);
}

/*
 * The window at hand came after the page was missed, so nobody has seen its mark yet.
 * Now, while it is waited for, is when the next one should be on its way.
 */
static void read_second_window(const struct sluice_body *body, pgoff_t index)
{
	const struct sluice_object *obj = body->obj;
	struct page *page = find_get_page(obj->inode->i_mapping, index);

	if (!page)
		return;
	if (take_mark(page_folio(page)))
		read_behind(page_folio(page), obj, body->window, sluice_body_left(body));
	put_page(page);
}

static struct page *read_through_cache(const struct sluice_body *body,
				       pgoff_t index)
{
	struct file *file = body->obj->reader;
	struct address_space *mapping = body->obj->inode->i_mapping;
	loff_t pos = (loff_t)index << PAGE_SHIFT;
	struct folio *folio;

	if (!filemap_range_has_page(mapping, pos, pos))
		read_first_windows(body, index);
	else
		read_second_window(body, index);
	/* Or a hole punched meanwhile gets a page of what was there before. */
	filemap_invalidate_lock_shared(mapping);
	folio = read_mapping_folio(mapping, index, file);
	filemap_invalidate_unlock_shared(mapping);
	if (IS_ERR(folio))
		return ERR_CAST(folio);
	if (unlikely(!is_fit(folio))) {
		folio_put(folio);
		return ERR_PTR(-EIO);
	}
	return folio_file_page(folio, index);
}

/*
 * A hole in a tmpfs file has no page and shall not get one for being read; what
 * was swapped out comes back on the way.
 */
static struct page *read_copy(const struct sluice_body *body, pgoff_t index)
{
	struct file *file = body->obj->file;
	loff_t pos = (loff_t)index << PAGE_SHIFT;
	size_t want = min_t(loff_t, PAGE_SIZE, body->end - pos);
	struct page *page;
	ssize_t got;

	/* It would be asked by this, on 6.1, about a worker. */
	if (compat_is_watched(&file->f_path))
		return ERR_PTR(-EBUSY);
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return ERR_PTR(-ENOMEM);
	got = kernel_read(file, page_address(page), want, &pos);
	if (got != want) {
		put_page(page);
		return ERR_PTR(got < 0 ? got : -ESTALE);
	}
	sluice_stat_inc(body->obj->store->stats, SLUICE_STAT_PAGES_COPIED);
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
	struct address_space *mapping = obj->inode->i_mapping;
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
 * sluice_body_lane() - where to wait for a body's bytes
 * @body: has bytes left
 *
 * Context: any.
 * Return: the lane for sluice_body_fill().
 */
struct workqueue_struct *sluice_body_lane(const struct sluice_body *body)
{
	return sluice_disk_lane(body->obj->inode->i_sb->s_dev);
}

/**
 * sluice_body_fill() - bring the page at the body's position into memory
 * @body: nobody else touches it meanwhile
 *
 * Context: sluice_body_lane(); waits for the disk. The outcome shows in the next
 * sluice_body_gather().
 */
void sluice_body_fill(struct sluice_body *body)
{
	pgoff_t index = body->pos >> PAGE_SHIFT;
	struct page *page;

	sluice_stat_inc(body->obj->store->stats, SLUICE_STAT_FILLS);
	if (body->page)
		sluice_body_drop_page(body);
	if (body->obj->inode->i_mapping->a_ops->read_folio)
		page = read_through_cache(body, index);
	else
		page = read_copy(body, index);
	if (IS_ERR(page)) {
		body->err = PTR_ERR(page);
		return;
	}
	body->page = page;
	body->page_index = index;
}
