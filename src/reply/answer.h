/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The answer to a request, from the verdict until it is sent, and whoever makes it.
 * Knows no connection.
 */
#ifndef SLUICE_REPLY_ANSWER_H
#define SLUICE_REPLY_ANSWER_H

#include <linux/indirect_call_wrapper.h>
#include <linux/types.h>

#include "base/pass_through.h"
#include "base/stats.h"
#include "http/method.h"
#include "reply/request.h"
#include "store/body.h"
#include "store/site.h"

struct sluice_answer;
struct sluice_lane;
struct sluice_parts;
struct workqueue_struct;

/* How a request ended. */
enum sluice_outcome {
	SLUICE_ANSWERED,	/* all of the answer is in the socket */
	SLUICE_CUT_SHORT,	/* not all of it is */
	SLUICE_HANDED_OVER,	/* the backend has it, unread */
	SLUICE_FORGOTTEN,	/* by nobody: client or module left before */
};

/**
 * struct sluice_reply_ops - who makes an answer
 * @begin: writes its head, and as much of the rest as is not a body, into the lane's
 *         buffer, and has the answer's @body begun if it has one. Return: bytes, or -errno
 * @next:  the body is sent, and still held: writes what stands behind it into the lane's
 *         buffer, and has the next one begun. Return: bytes, 0 if that was all, or -errno.
 *         NULL: it always was all
 * @lane:  where a page of the body that is not in memory is to be read. Any context
 * @fill:  reads it. May sleep
 * @end:   it is sent, or not going to be: lets go of what it holds. Any context
 *
 * But for the last three: on a lane, under rcu_read_lock().  Who never has a body needs
 * none of these.
 */
struct sluice_reply_ops {
	int (*begin)(struct sluice_answer *answer, struct sluice_request *req,
		     struct sluice_lane *lane);
	int (*next)(struct sluice_answer *answer, struct sluice_lane *lane);
	struct workqueue_struct *(*lane)(const struct sluice_answer *answer);
	void (*fill)(struct sluice_answer *answer);
	void (*end)(struct sluice_answer *answer);
};

/* A file, or a part of it, or that it did not change. */
extern const struct sluice_reply_ops sluice_reply_file;
/* The usual one: for direct calls, see INDIRECT_CALL_1(). */
int sluice_file_begin(struct sluice_answer *answer, struct sluice_request *req,
		      struct sluice_lane *lane);
int sluice_file_next(struct sluice_answer *answer, struct sluice_lane *lane);
void sluice_file_end(struct sluice_answer *answer);

/* An error by @answer->status, for whom no request is at hand. On a lane. Return: bytes. */
int sluice_own_error(const struct sluice_answer *answer, struct sluice_lane *lane);

/* A few lines of our own. */
extern const struct sluice_reply_ops sluice_reply_own;

/**
 * struct sluice_answer - a request while it is answered
 * @stats:      const: the counters of the instance
 * @ops:        who makes it; NULL while nobody does
 * @is_open:    there is a request, and it has not ended
 * @keep_alive: it is not the last of the connection
 * @head_only:  the request was HEAD
 * @standalone: the request is to be handed over, but nobody is to be asked
 * @status:     of the answer; while the request is to be handed over, if nobody takes it
 * @why:        the counter if somebody does
 * @body:       what is left of the body at hand
 * @parts:      what is left behind that, or NULL
 *
 * One for a connection, for one request after the other.  As the conn; @body is a lane's
 * while a page of it is read.
 */
struct sluice_answer {
	struct sluice_stats __percpu	*stats;
	const struct sluice_reply_ops	*ops;
	bool				is_open;
	bool				keep_alive;
	bool				head_only;
	bool				standalone;
	u16				status;
	enum sluice_stat		why;
	struct sluice_body		body;
	struct sluice_parts		*parts;
};

/* It leads to an end from here on: see sluice_request_done(). Context: as there. */
static inline void sluice_answer_open(struct sluice_answer *answer)
{
	SLUICE_WARN_ON(answer->is_open);
	answer->is_open = true;
}

/* The same, and what is to be known of it then. */
static inline void sluice_request_open(struct sluice_answer *answer,
				       const struct sluice_request *req)
{
	sluice_answer_open(answer);
	answer->head_only = req->http.method == HTTP_HEAD;
	answer->standalone = req->site->standalone;
	answer->status = req->status;
	answer->why = req->why;
}

void sluice_request_done(struct sluice_answer *answer, enum sluice_outcome outcome);
void sluice_request_abandon(struct sluice_answer *answer);

/* Nothing more of it will be sent. Context: any, nothing of it is a lane's. May be called twice. */
static inline void sluice_answer_end(struct sluice_answer *answer)
{
	if (answer->ops && answer->ops->end)
		INDIRECT_CALL_1(answer->ops->end, sluice_file_end, answer);
	answer->ops = NULL;
}

/* Bytes of the body are left, or something that comes behind it. */
static inline bool sluice_answer_has_more(const struct sluice_answer *answer)
{
	return sluice_body_left(&answer->body) || answer->parts;
}

#endif /* SLUICE_REPLY_ANSWER_H */
