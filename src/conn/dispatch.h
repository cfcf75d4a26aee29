/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request in, a verdict out: what answers it.
 */
#ifndef SLUICE_CONN_DISPATCH_H
#define SLUICE_CONN_DISPATCH_H

#include "http/error.h"
#include "http/parse.h"
#include "http/uri.h"
#include "sock/stats.h"

struct sluice_lane;
struct sluice_object;

enum sluice_verdict_kind {
	SLUICE_SERVE,		/* obj, with status 200 or 304 */
	SLUICE_REDIRECT,	/* to target.path with a slash */
	SLUICE_REFUSE,		/* status, from us */
	SLUICE_HAND_OVER,	/* unread; if nobody takes it, status */
	SLUICE_LOOK_UP,		/* first let the slow lane find target.path */
};

/**
 * struct sluice_verdict - what is to be done with one request
 * @kind:   see above
 * @status: of the answer, if there is one from us
 * @why:    counter of the reason to hand over
 * @close:  nothing after this request can be trusted
 * @obj:    the file; a reference of the caller's
 * @target: the target taken apart, its path in the lane's buffer
 */
struct sluice_verdict {
	enum sluice_verdict_kind	kind;
	u16				status;
	enum sluice_stat		why;
	bool				close;
	struct sluice_object		*obj;
	struct http_target		target;
};

void sluice_dispatch(const struct http_request *req, struct sluice_lane *lane,
		     struct sluice_object *found,
		     struct sluice_verdict *verdict);
void sluice_dispatch_malformed(enum http_error why,
			       struct sluice_verdict *verdict);

/* Tunables, see ctl/params.c. */
extern bool sluice_strict;
extern bool sluice_standalone;
extern bool sluice_query_handover;

#endif /* SLUICE_CONN_DISPATCH_H */
