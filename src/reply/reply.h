/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request, one answer.  Knows no connection.
 *
 * All of it is called on a lane, under rcu_read_lock().
 */
#ifndef SLUICE_REPLY_REPLY_H
#define SLUICE_REPLY_REPLY_H

#include "http/range.h"
#include "http/span.h"

struct http_writer;
struct sluice_lane;
struct sluice_object;

/**
 * struct sluice_ranges - which bytes of a file
 * @count: of @range; 0: all
 * @range: in the order they are sent
 */
struct sluice_ranges {
	unsigned int		count;
	struct http_range	range[HTTP_RANGES_MAX];
};

/**
 * struct sluice_answer - what the client gets
 * @head: in the lane's reply buffer, with a small body behind it if it has one
 * @obj:  the file to send after @head; a reference of the caller's, or NULL
 * @pos:  first byte of it to send
 * @end:  byte after the last
 * @boundary: between the parts, if there are several
 */
struct sluice_answer {
	struct span		head;
	struct sluice_object	*obj;
	u64			pos;
	u64			end;
	u64			boundary;
};

/**
 * struct sluice_reply_to - what a reply must know of the request
 * @keep_alive: the connection will serve another request
 * @head_only:  HEAD: everything but the body
 */
struct sluice_reply_to {
	bool keep_alive;
	bool head_only;
};

/* A file: 200, 206 for @ranges, 304 without it, or as the page of an error. */
void sluice_static_answer(struct sluice_lane *lane,
			  struct sluice_reply_to to, u16 status,
			  struct sluice_object *obj,
			  const struct sluice_ranges *ranges,
			  struct sluice_answer *answer);
/* What stands before part @i of several, or behind the last. */
void sluice_multipart_put(struct http_writer *w,
			  const struct sluice_object *obj, u64 boundary,
			  const struct sluice_ranges *ranges, unsigned int i);

/* A few lines of our own. */
void sluice_error_answer(struct sluice_lane *lane, struct sluice_reply_to to,
			 u16 status, struct sluice_answer *answer);
void sluice_unsatisfiable_answer(struct sluice_lane *lane,
				 struct sluice_reply_to to, u64 size,
				 struct sluice_answer *answer);
void sluice_redirect_answer(struct sluice_lane *lane,
			    struct sluice_reply_to to, struct span path,
			    struct span query, struct sluice_answer *answer);
void sluice_options_answer(struct sluice_lane *lane, struct sluice_reply_to to,
			   struct sluice_answer *answer);

#endif /* SLUICE_REPLY_REPLY_H */
