/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request in, a verdict out: what answers it.
 */
#ifndef SLUICE_REPLY_DISPATCH_H
#define SLUICE_REPLY_DISPATCH_H

#include "base/stats.h"
#include "http/error.h"
#include "http/parse.h"
#include "http/uri.h"
#include "reply/reply.h"

struct sluice_lane;
struct sluice_object;

enum sluice_verdict_kind {
	SLUICE_SERVE,		/* obj, with status */
	SLUICE_REDIRECT,	/* to target.path with a slash */
	SLUICE_OPTIONS,		/* which methods there are */
	SLUICE_REFUSE,		/* status, from us */
	SLUICE_HAND_OVER,	/* unread; if nobody takes it, status */
	SLUICE_LOOK_UP,		/* first let the slow lane find key */
};

/**
 * struct sluice_verdict - what is to be done with one request
 * @kind:   see above
 * @status: of the answer, if there is one from us
 * @why:    counter of the reason to hand over
 * @close:  nothing after this request can be trusted
 * @page:   @key is that of the page of an error
 * @standalone: there is nobody to hand over to; read once for each request
 * @strict: what is wrong by the RFC is refused by us; likewise
 * @obj:    the file; a reference of the caller's
 * @ranges: which bytes of it, if @status is 206
 * @target: the target taken apart, its path in the lane's buffer
 * @key:    that path below the docroot, likewise
 * @host_len: so many bytes of it are the host's directory
 */
struct sluice_verdict {
	enum sluice_verdict_kind	kind;
	u16				status;
	enum sluice_stat		why;
	bool				close;
	bool				page;
	bool				standalone;
	bool				strict;
	struct sluice_object		*obj;
	struct sluice_ranges		ranges;
	struct http_target		target;
	struct span			key;
	size_t				host_len;
};

/**
 * struct sluice_found - what the slow lane found for a request
 * @obj:  a reference, or an ERR_PTR() of sluice_lookup(); NULL if nobody asked
 * @page: it is the page of an error, as @page of the verdict said; then @obj is not NULL
 * @site_id: the site that this holds for, file or none; 0 if it is no matter of the site
 */
struct sluice_found {
	struct sluice_object	*obj;
	bool			page;
	u64			site_id;
};

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

void sluice_dispatch(const struct http_request *req, struct sluice_lane *lane,
		     struct sluice_found found,
		     struct sluice_verdict *verdict);
void sluice_found_drop(struct sluice_found *found);
void sluice_dispatch_malformed(enum http_error why, bool first,
			       struct sluice_verdict *verdict);

/* Tunables, see ctl/params.c. */
extern bool sluice_strict;
extern bool sluice_standalone;
extern bool sluice_query_handover;
extern bool sluice_authorization_serve;
extern bool sluice_options_self;
extern bool sluice_since_exact;
extern bool sluice_bad_range_refuse;
extern bool sluice_proxy_protocol;

#endif /* SLUICE_REPLY_DISPATCH_H */
