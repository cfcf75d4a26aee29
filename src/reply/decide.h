/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request in, a verdict out.
 */
#ifndef SLUICE_REPLY_DECIDE_H
#define SLUICE_REPLY_DECIDE_H

#include "http/error.h"
#include "reply/request.h"

struct sluice_lane;
struct sluice_reply_ops;

/*
 * A body that is read and dropped, so that another request can follow.  Who
 * expects a 100 may never send it.
 */
#define SLUICE_DRAIN_MAX 65536

static inline bool sluice_body_is_drained(const struct http_request *req)
{
	return !req->chunked && !req->expect &&
	       req->content_length <= SLUICE_DRAIN_MAX;
}

void sluice_decide(struct sluice_request *req, struct sluice_lane *lane,
		   struct sluice_found found);
void sluice_decide_malformed(struct sluice_request *req, struct sluice_lane *lane,
			     enum http_error why, bool first);
const struct sluice_reply_ops *sluice_decide_reply(const struct sluice_request *req);
void sluice_found_drop(struct sluice_found *found);

#endif /* SLUICE_REPLY_DECIDE_H */
