// SPDX-License-Identifier: GPL-2.0
/*
 * The answer that is a file, or a part of it.
 *
 * Fields in nginx's order, so that a URL that is served sometimes by us and
 * sometimes by nginx looks the same.
 */
#include <linux/limits.h>
#include <linux/random.h>

#include "http/mime.h"
#include "reply/common.h"
#include "reply/reply.h"
#include "store/object.h"

/* RFC 9110 section 8.8.2.1: no Last-Modified later than Date. */
static bool is_dated(const struct sluice_lane *lane,
		     const struct sluice_object *obj)
{
	return obj->mtime <= lane->stamp_time;
}

static void put_expires(struct http_writer *w, const struct sluice_lane *lane,
			const struct sluice_object *obj)
{
	u8 date[HTTP_DATE_LEN];

	if (likely(obj->expires == HTTP_EXPIRES_NONE))
		return;
	http_date_format(date, lane->stamp_time + obj->expires);
	http_put_str(w, "Expires: ");
	http_put(w, date, sizeof(date));
	http_put_str(w, "\r\nCache-Control: max-age=");
	http_put_u64(w, obj->expires);
	http_put_str(w, "\r\n");
}

static void put_200(struct http_writer *w, struct sluice_reply_to to,
		    const struct sluice_lane *lane,
		    const struct sluice_object *obj)
{
	/* One copy: the lines are neighbours. */
	http_put(w, obj->type.ptr, obj->type.len + obj->length.len +
		 (is_dated(lane, obj) ? obj->modified.len : 0));
	http_put_connection(w, to.keep_alive);
	if (likely(obj->expires == HTTP_EXPIRES_NONE)) {
		http_put_span(w, obj->tail);
		return;
	}
	http_put(w, obj->tag.ptr, obj->tag.len + obj->coding.len);
	put_expires(w, lane, obj);
	http_put_span(w, obj->policy);
	http_put_str(w, "Accept-Ranges: bytes\r\n\r\n");
}

/* RFC 9110 section 15.4.5: what a 200 would have said of the representation. */
static void put_304(struct http_writer *w, struct sluice_reply_to to,
		    const struct sluice_lane *lane,
		    const struct sluice_object *obj)
{
	if (is_dated(lane, obj))
		http_put_span(w, obj->modified);
	http_put_connection(w, to.keep_alive);
	http_put_span(w, obj->tag);
	put_expires(w, lane, obj);
	http_put_span(w, obj->policy);
	http_put_str(w, "\r\n");
}

static void put_content_range(struct http_writer *w,
			      const struct http_range *range, u64 size)
{
	http_put_str(w, "Content-Range: bytes ");
	http_put_u64(w, range->first);
	http_put_str(w, "-");
	http_put_u64(w, range->last);
	http_put_str(w, "/");
	http_put_u64(w, size);
	http_put_str(w, "\r\n");
}

static void put_boundary(struct http_writer *w, u64 boundary)
{
	u64 rest = boundary;
	unsigned int digits = 1;

	while (rest >= 10) {
		rest /= 10;
		digits++;
	}
	while (digits++ < 20)
		http_put_str(w, "0");
	http_put_u64(w, boundary);
}

/**
 * sluice_multipart_put() - write what stands between the parts
 * @w:        where to
 * @obj:      the file
 * @boundary: of the answer
 * @ranges:   of the answer
 * @i:        the part that follows, or the number of parts
 *
 * Context: any.
 */
void sluice_multipart_put(struct http_writer *w,
			  const struct sluice_object *obj, u64 boundary,
			  const struct sluice_ranges *ranges, unsigned int i)
{
	http_put_str(w, "\r\n--");
	put_boundary(w, boundary);
	if (i == ranges->count) {
		http_put_str(w, "--\r\n");
		return;
	}
	http_put_str(w, "\r\n");
	http_put_span(w, obj->type);
	put_content_range(w, &ranges->range[i], obj->size);
	http_put_str(w, "\r\n");
}

/* Bytes of all parts and of what stands between them. */
static u64 multipart_len(const struct sluice_object *obj, u64 boundary,
			 const struct sluice_ranges *ranges)
{
	struct http_writer w;
	u64 len = 0;
	unsigned int i;

	http_writer_init(&w, NULL, 0);
	for (i = 0; i < ranges->count; i++) {
		sluice_multipart_put(&w, obj, boundary, ranges, i);
		len += ranges->range[i].last - ranges->range[i].first + 1;
	}
	sluice_multipart_put(&w, obj, boundary, ranges, i);
	return len + w.len;
}

static void put_206(struct http_writer *w, struct sluice_reply_to to,
		    const struct sluice_lane *lane,
		    const struct sluice_object *obj,
		    const struct sluice_ranges *ranges, u64 boundary)
{
	const struct http_range *first = &ranges->range[0];
	bool several = ranges->count > 1;

	if (several) {
		http_put_str(w, "Content-Type: multipart/byteranges; boundary=");
		put_boundary(w, boundary);
		http_put_str(w, "\r\n");
	} else {
		http_put_span(w, obj->type);
	}
	http_put_str(w, "Content-Length: ");
	http_put_u64(w, several ? multipart_len(obj, boundary, ranges) :
				  first->last - first->first + 1);
	http_put_str(w, "\r\n");
	if (is_dated(lane, obj))
		http_put_span(w, obj->modified);
	http_put_connection(w, to.keep_alive);
	http_put(w, obj->tag.ptr, obj->tag.len + obj->coding.len);
	put_expires(w, lane, obj);
	http_put_span(w, obj->policy);
	if (!several)
		put_content_range(w, first, obj->size);
	http_put_str(w, "\r\n");
	if (several && !to.head_only)
		sluice_multipart_put(w, obj, boundary, ranges, 0);
}

/* As nginx's error_page: the file's type, length and tag, and no date. */
static void put_page(struct http_writer *w, struct sluice_reply_to to,
		     const struct sluice_object *obj)
{
	http_put(w, obj->type.ptr, obj->type.len + obj->length.len);
	http_put_connection(w, to.keep_alive);
	http_put_span(w, obj->tag);
	http_put_str(w, "\r\n");
}

/* The usual answer: it lies in the object, but for the date. */
static bool use_ready_head(struct sluice_lane *lane,
			   const struct sluice_object *obj,
			   struct sluice_answer *answer)
{
	reply_renew_stamp(lane);
	if (unlikely(!obj->head.len || !is_dated(lane, obj)))
		return false;
	memcpy(lane->reply, obj->head.ptr, obj->head.len);
	memcpy(lane->reply + obj->date_at, reply_date(lane), HTTP_DATE_LEN);
	answer->head.ptr = lane->reply;
	answer->head.len = obj->head.len;
	return true;
}

/**
 * sluice_static_answer() - answer with a file, or that it did not change
 * @lane:   whose turn it is
 * @to:     the request
 * @status: 200, 206, 304, or an error that the file is the page of
 * @obj:    the file
 * @ranges: for 206: at least one
 * @answer: filled in; refers to @obj if a body is to be sent
 *
 * Context: lane. The head fits: it is a few hundred bytes of known fields, and
 * what the administrator may add to them.
 */
void sluice_static_answer(struct sluice_lane *lane,
			  struct sluice_reply_to to, u16 status,
			  struct sluice_object *obj,
			  const struct sluice_ranges *ranges,
			  struct sluice_answer *answer)
{
	struct http_writer w;

	answer->pos = 0;
	answer->end = obj->size;
	answer->boundary = 0;
	if (likely(status == 200 && to.keep_alive &&
		   use_ready_head(lane, obj, answer)))
		goto out;
	reply_begin(lane, &w, status);
	switch (status) {
	case 200:
		put_200(&w, to, lane, obj);
		break;
	case 206:
		answer->pos = ranges->range[0].first;
		answer->end = ranges->range[0].last + 1;
		if (ranges->count > 1)
			answer->boundary = get_random_u32();
		put_206(&w, to, lane, obj, ranges, answer->boundary);
		break;
	case 304:
		put_304(&w, to, lane, obj);
		answer->end = 0;
		break;
	default:
		put_page(&w, to, obj);
	}

	answer->head.ptr = w.buf;
	answer->head.len = w.len;
out:
	answer->obj = !to.head_only && answer->end > answer->pos ? obj : NULL;
}
