// SPDX-License-Identifier: GPL-2.0
/*
 * The answer that is a file, or a part of it.
 *
 * Fields in nginx's order, so that a URL that is served sometimes by us and
 * sometimes by nginx looks the same.
 */
#include <linux/limits.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "base/pass_through.h"
#include "http/mime.h"
#include "reply/answer.h"
#include "reply/head.h"
#include "store/object.h"

/**
 * struct sluice_parts - a multipart/byteranges answer under way
 * @at:       the part that the answer's body is about
 * @boundary: between the parts
 * @ranges:   one for each part
 */
struct sluice_parts {
	unsigned int		at;
	u64			boundary;
	struct sluice_ranges	ranges;
};

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

static void put_200(struct http_writer *w, const struct sluice_answer *answer,
		    const struct sluice_lane *lane,
		    const struct sluice_object *obj)
{
	/* One copy: the lines are neighbours. */
	http_put(w, obj->type.ptr, obj->type.len + obj->length.len +
		 (is_dated(lane, obj) ? obj->modified.len : 0));
	http_put_connection(w, answer->keep_alive);
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
static void put_304(struct http_writer *w, const struct sluice_answer *answer,
		    const struct sluice_lane *lane,
		    const struct sluice_object *obj)
{
	if (is_dated(lane, obj))
		http_put_span(w, obj->modified);
	http_put_connection(w, answer->keep_alive);
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

/* What stands before part @i of several, or behind the last. */
static void put_part(struct http_writer *w, const struct sluice_object *obj, u64 boundary,
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
		put_part(&w, obj, boundary, ranges, i);
		len += ranges->range[i].last - ranges->range[i].first + 1;
	}
	put_part(&w, obj, boundary, ranges, i);
	return len + w.len;
}

static void put_206(struct http_writer *w, const struct sluice_answer *answer,
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
	http_put_connection(w, answer->keep_alive);
	http_put(w, obj->tag.ptr, obj->tag.len + obj->coding.len);
	put_expires(w, lane, obj);
	http_put_span(w, obj->policy);
	if (!several)
		put_content_range(w, first, obj->size);
	http_put_str(w, "\r\n");
	if (several && !answer->head_only)
		put_part(w, obj, boundary, ranges, 0);
}

/* As nginx's error_page: the file's type, length and tag, and no date. */
static void put_error_page(struct http_writer *w, const struct sluice_answer *answer,
			   const struct sluice_object *obj)
{
	http_put(w, obj->type.ptr, obj->type.len + obj->length.len);
	http_put_connection(w, answer->keep_alive);
	http_put_span(w, obj->tag);
	http_put_str(w, "\r\n");
}

/* The usual answer: it lies in the object, but for the date. Return: bytes, 0 if it does not. */
static int use_ready_head(struct sluice_lane *lane, const struct sluice_object *obj)
{
	reply_renew_stamp(lane);
	if (unlikely(!obj->head.len || !is_dated(lane, obj)))
		return 0;
	memcpy(lane->reply, obj->head.ptr, obj->head.len);
	memcpy(lane->reply + obj->date_at, reply_date(lane), HTTP_DATE_LEN);
	return obj->head.len;
}

/* Return: 0, or -ENOMEM. */
static int keep_parts(struct sluice_answer *answer, u64 boundary,
		      const struct sluice_ranges *ranges)
{
	struct sluice_parts *parts = kmalloc(sizeof(*parts), SLUICE_GFP_SENDING);

	if (!parts) {
		sluice_stat_inc(answer->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	parts->at = 0;
	parts->boundary = boundary;
	parts->ranges = *ranges;
	answer->parts = parts;
	return 0;
}

/* Return: 0, or -ENOMEM. */
static int begin_partial(struct http_writer *w, struct sluice_answer *answer,
			 const struct sluice_request *req, const struct sluice_lane *lane)
{
	bool several = req->ranges.count > 1;
	u64 boundary = several ? get_random_u32() : 0;

	put_206(w, answer, lane, req->obj, &req->ranges, boundary);
	return several && !answer->head_only ? keep_parts(answer, boundary, &req->ranges) : 0;
}

/*
 * The head fits: it is a few hundred bytes of known fields, and what the administrator may
 * add to them.
 */
static int file_put_head(struct sluice_answer *answer, const struct sluice_request *req,
			 struct sluice_lane *lane)
{
	struct http_writer w;
	int err = 0;

	reply_begin(lane, &w, req->status);
	switch (req->status) {
	case 200:
		put_200(&w, answer, lane, req->obj);
		break;
	case 206:
		err = begin_partial(&w, answer, req, lane);
		break;
	case 304:
		put_304(&w, answer, lane, req->obj);
		break;
	default:
		put_error_page(&w, answer, req->obj);
	}
	return err ?: w.len;
}

/* The bytes of the file that go behind the head; the reference goes with them. */
static void file_begin_body(struct sluice_answer *answer, struct sluice_request *req)
{
	const struct http_range *range = &req->ranges.range[0];
	u64 pos = 0, end = req->obj->size;

	if (unlikely(answer->head_only || req->status == 304))
		return;
	if (unlikely(req->status == 206)) {
		pos = range->first;
		end = range->last + 1;
	}
	if (unlikely(pos == end))
		return;
	sluice_body_begin(&answer->body, req->obj, pos, end);
	req->obj = NULL;
}

int sluice_file_begin(struct sluice_answer *answer, struct sluice_request *req,
		      struct sluice_lane *lane)
{
	int len = 0;

	if (likely(req->status == 200 && answer->keep_alive))
		len = use_ready_head(lane, req->obj);
	if (unlikely(!len))
		len = file_put_head(answer, req, lane);
	if (likely(len > 0))
		file_begin_body(answer, req);
	return len;
}

/* A part of several is sent: on to what follows it. */
int sluice_file_next(struct sluice_answer *answer, struct sluice_lane *lane)
{
	struct sluice_parts *parts = answer->parts;
	const struct http_range *range;
	struct http_writer w;

	if (likely(!parts))
		return 0;
	parts->at++;
	http_writer_init(&w, lane->reply, SLUICE_LANE_REPLY);
	put_part(&w, answer->body.obj, parts->boundary, &parts->ranges, parts->at);
	if (SLUICE_WARN_ON(!http_writer_ok(&w)))
		return -EOVERFLOW;
	if (parts->at < parts->ranges.count) {
		range = &parts->ranges.range[parts->at];
		sluice_body_continue(&answer->body, range->first, range->last + 1);
	} else {
		kfree(parts);
		answer->parts = NULL;
	}
	return w.len;
}

static struct workqueue_struct *file_lane(const struct sluice_answer *answer)
{
	return sluice_body_lane(&answer->body);
}

static void file_fill(struct sluice_answer *answer)
{
	sluice_body_fill(&answer->body);
}

void sluice_file_end(struct sluice_answer *answer)
{
	sluice_body_end(&answer->body);
	if (unlikely(answer->parts)) {
		kfree(answer->parts);
		answer->parts = NULL;
	}
}

const struct sluice_reply_ops sluice_reply_file = {
	.begin	= sluice_file_begin,
	.next	= sluice_file_next,
	.lane	= file_lane,
	.fill	= file_fill,
	.end	= sluice_file_end,
};
