// SPDX-License-Identifier: GPL-2.0
/*
 * The answer that is a file.
 *
 * Fields in nginx's order, so that a URL that is served sometimes by us and
 * sometimes by nginx looks the same.
 */
#include "reply/common.h"
#include "reply/reply.h"
#include "store/object.h"

/* RFC 9110 section 8.8.2.1: no Last-Modified later than Date. */
static void put_modified(struct sluice_lane *lane, struct http_writer *w,
			 const struct sluice_object *obj)
{
	if (likely(obj->mtime <= lane->stamp_time))
		http_put_span(w, obj->modified);
}

/**
 * sluice_static_answer() - answer with a file, or that it did not change
 * @lane:   whose turn it is
 * @to:     the request
 * @status: 200 or 304
 * @obj:    the file
 * @answer: filled in; refers to @obj if a body is to be sent
 *
 * Context: lane. The head fits: it is a few hundred bytes of known fields.
 */
void sluice_static_answer(struct sluice_lane *lane,
			  struct sluice_reply_to to, u16 status,
			  struct sluice_object *obj,
			  struct sluice_answer *answer)
{
	struct http_writer w;

	reply_begin(lane, &w, status);
	if (status == 200)
		http_put_span(&w, obj->type);
	put_modified(lane, &w, obj);
	reply_put_connection(&w, to.keep_alive);
	http_put_span(&w, obj->tag);
	if (status == 200)
		http_put_str(&w, "Accept-Ranges: bytes\r\n");
	http_put_str(&w, "\r\n");

	answer->head.ptr = w.buf;
	answer->head.len = w.len;
	answer->obj = status == 200 && !to.head_only && obj->size ? obj : NULL;
}
