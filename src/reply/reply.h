/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request, one answer.  Knows no connection.
 */
#ifndef SLUICE_REPLY_REPLY_H
#define SLUICE_REPLY_REPLY_H

#include "http/span.h"

struct sluice_lane;
struct sluice_object;

/**
 * struct sluice_answer - what the client gets
 * @head: in the lane's reply buffer, with a small body behind it if it has one
 * @obj:  the file to send after @head; a reference of the caller's, or NULL
 */
struct sluice_answer {
	struct span		head;
	struct sluice_object	*obj;
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

/* A file, whole: 200, or 304 without it. */
void sluice_static_answer(struct sluice_lane *lane,
			  struct sluice_reply_to to, u16 status,
			  struct sluice_object *obj,
			  struct sluice_answer *answer);

/* A few lines of our own. */
void sluice_error_answer(struct sluice_lane *lane, struct sluice_reply_to to,
			 u16 status, struct sluice_answer *answer);
void sluice_redirect_answer(struct sluice_lane *lane,
			    struct sluice_reply_to to, struct span path,
			    struct span query, struct sluice_answer *answer);

#endif /* SLUICE_REPLY_REPLY_H */
