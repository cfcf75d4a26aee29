// SPDX-License-Identifier: GPL-2.0
/*
 * The answer that is a file, or a part of it.
 *
 * Fields in nginx's order, so that a URL that is served sometimes by us and
 * sometimes by nginx looks the same.
 */
#include <linux/limits.h>
#include <linux/overflow.h>
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
 * @count:    of @range
 * @boundary: between the parts
 * @range:    one for each part, in the order they are sent
 */
struct sluice_parts {
	unsigned int		at;
	unsigned int		count;
	u64			boundary;
	struct http_range	range[];
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
	http_put(w, obj->policy.ptr, obj->policy.len + obj->ranges.len);
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

/* What stands before part @i, or behind the last. */
static void put_part(struct http_writer *w, const struct sluice_object *obj,
		     const struct sluice_parts *parts, unsigned int i)
{
	http_put_str(w, "\r\n--");
	put_boundary(w, parts->boundary);
	if (i == parts->count) {
		http_put_str(w, "--\r\n");
		return;
	}
	http_put_str(w, "\r\n");
	http_put_span(w, obj->type);
	put_content_range(w, &parts->range[i], obj->size);
	http_put_str(w, "\r\n");
}

static u64 part_len(const struct http_range *range)
{
	return range->last - range->first + 1;
}

/* Bytes of all parts and of what stands between them. */
static u64 multipart_len(const struct sluice_object *obj, const struct sluice_parts *parts)
{
	struct http_writer w;
	u64 len = 0;
	unsigned int i;

	http_writer_init(&w, NULL, 0);
	for (i = 0; i < parts->count; i++) {
		put_part(&w, obj, parts, i);
		len += part_len(&parts->range[i]);
	}
	put_part(&w, obj, parts, i);
	return len + w.len;
}

static void put_206(struct http_writer *w, const struct sluice_answer *answer,
		    const struct sluice_lane *lane, const struct sluice_request *req)
{
	const struct sluice_parts *parts = answer->parts;
	const struct sluice_object *obj = req->obj;

	if (parts) {
		http_put_str(w, "Content-Type: multipart/byteranges; boundary=");
		put_boundary(w, parts->boundary);
		http_put_str(w, "\r\n");
	} else {
		http_put_span(w, obj->type);
	}
	http_put_str(w, "Content-Length: ");
	http_put_u64(w, parts ? multipart_len(obj, parts) : part_len(&req->range));
	http_put_str(w, "\r\n");
	if (is_dated(lane, obj))
		http_put_span(w, obj->modified);
	http_put_connection(w, answer->keep_alive);
	http_put(w, obj->tag.ptr, obj->tag.len + obj->coding.len);
	put_expires(w, lane, obj);
	http_put_span(w, obj->policy);
	if (!parts)
		put_content_range(w, &req->range, obj->size);
	http_put_str(w, "\r\n");
	if (parts)
		put_part(w, obj, parts, 0);
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

/*
 * One for each range.  The request has room for the first only, on the stack; its field is
 * still where it was parsed, so it is once more.  Return: 0, or -errno.
 */
static int keep_parts(struct sluice_answer *answer, const struct sluice_request *req)
{
	unsigned int count = req->range_count;
	struct sluice_parts *parts;

	parts = kmalloc(struct_size(parts, range, count), SLUICE_GFP_SENDING);
	if (!parts) {
		sluice_stat_inc(answer->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	parts->at = 0;
	parts->boundary = get_random_u32();
	http_ranges_parse(req->http.field[HTTP_FIELD_RANGE], req->obj->size, parts->range, count,
			  &parts->count);
	answer->parts = parts;
	return SLUICE_WARN_ON(parts->count != count) ? -EOVERFLOW : 0;
}

/* Ranges are for GET only: there is a body.  Return: 0, or -errno. */
static int begin_partial(struct http_writer *w, struct sluice_answer *answer,
			 const struct sluice_request *req, const struct sluice_lane *lane)
{
	int err = req->range_count > 1 ? keep_parts(answer, req) : 0;

	if (!err)
		put_206(w, answer, lane, req);
	return err;
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
	u64 pos = 0, end = req->obj->size;

	if (unlikely(answer->head_only || req->status == 304))
		return;
	if (unlikely(req->status == 206)) {
		pos = req->range.first;
		end = req->range.last + 1;
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
	put_part(&w, answer->body.obj, parts, parts->at);
	if (SLUICE_WARN_ON(!http_writer_ok(&w)))
		return -EOVERFLOW;
	if (parts->at < parts->count) {
		range = &parts->range[parts->at];
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
