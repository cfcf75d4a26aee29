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

static void put_200(struct http_writer *w, struct sluice_reply_to to,
		    const struct sluice_object *obj, bool dated)
{
	/* One copy: the lines are neighbours. */
	http_put(w, obj->entity.ptr,
		 obj->entity.len + (dated ? obj->modified.len : 0));
	reply_put_connection(w, to.keep_alive);
	http_put_span(w, obj->tail);
}

static void put_304(struct http_writer *w, struct sluice_reply_to to,
		    const struct sluice_object *obj, bool dated)
{
	if (dated)
		http_put_span(w, obj->modified);
	reply_put_connection(w, to.keep_alive);
	http_put_span(w, obj->tag);
	http_put_str(w, "\r\n");
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
	bool dated;

	reply_begin(lane, &w, status);
	/* RFC 9110 section 8.8.2.1: no Last-Modified later than Date. */
	dated = obj->mtime <= lane->stamp_time;
	if (status == 200)
		put_200(&w, to, obj, dated);
	else
		put_304(&w, to, obj, dated);

	answer->head.ptr = w.buf;
	answer->head.len = w.len;
	answer->obj = status == 200 && !to.head_only && obj->size ? obj : NULL;
}
