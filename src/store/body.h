/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of an object on their way out, page by page from the page cache.
 */
#ifndef SLUICE_STORE_BODY_H
#define SLUICE_STORE_BODY_H

#include <linux/mm.h>

#include "store/object.h"

struct bio_vec;
struct workqueue_struct;

/* Pages or folios per send: 64 KiB of small ones, a full GSO segment. */
#define SLUICE_BODY_BATCH 16

/**
 * struct sluice_body - what is left to send of an object
 * @obj:  counted; NULL when there is no body
 * @pos:  next byte
 * @end:  byte after the last; what the head promised
 * @page: read by sluice_body_fill(), counted, or NULL
 * @page_index: its place in the file
 * @window: bytes that the client can take at a time, for how far to read ahead
 * @err:  what sluice_body_fill() came to
 */
struct sluice_body {
	struct sluice_object	*obj;
	loff_t			pos;
	loff_t			end;
	struct page		*page;
	unsigned long		page_index;
	u32			window;
	int			err;
};

static inline loff_t sluice_body_left(const struct sluice_body *body)
{
	return body->end - body->pos;
}

void sluice_body_drop_page(struct sluice_body *body);

/**
 * sluice_body_begin() - send bytes of an object
 * @body: nothing is left of it
 * @obj:  the caller's reference moves here
 * @pos:  first byte
 * @end:  byte after the last, not beyond the object's size
 *
 * Context: any.
 */
static inline void sluice_body_begin(struct sluice_body *body, struct sluice_object *obj,
				     loff_t pos, loff_t end)
{
	body->obj = obj;
	body->pos = pos;
	body->end = end;
	body->page = NULL;
	body->window = 0;
	body->err = 0;
}

/* Then other bytes of the same object. Context: any. */
static inline void sluice_body_continue(struct sluice_body *body, loff_t pos, loff_t end)
{
	if (body->page)
		sluice_body_drop_page(body);
	body->pos = pos;
	body->end = end;
}

/* @len bytes are in the socket. */
static inline void sluice_body_advance(struct sluice_body *body, size_t len)
{
	body->pos += len;
	if (unlikely(body->page && body->pos >> PAGE_SHIFT != body->page_index))
		sluice_body_drop_page(body);
}

/* Context: any. May be called twice. */
static inline void sluice_body_end(struct sluice_body *body)
{
	if (!body->obj)
		return;
	if (unlikely(body->page))
		sluice_body_drop_page(body);
	sluice_object_put(body->obj);
	body->obj = NULL;
	body->end = body->pos;
}

struct page *sluice_body_get_page(struct sluice_body *body) __must_check;
int sluice_body_gather(const struct sluice_body *body, struct bio_vec *bv,
		       unsigned int *n, size_t *len) __must_check;
void sluice_body_release(struct bio_vec *bv, unsigned int n);
struct workqueue_struct *sluice_body_lane(const struct sluice_body *body);
void sluice_body_fill(struct sluice_body *body);
void sluice_body_keep_resident(const struct sluice_object *obj,
			       unsigned long since);

#endif /* SLUICE_STORE_BODY_H */
