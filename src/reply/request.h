/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request, from its head to the verdict on it.
 */
#ifndef SLUICE_REPLY_REQUEST_H
#define SLUICE_REPLY_REQUEST_H

#include "base/stats.h"
#include "http/range.h"
#include "http/request.h"
#include "http/uri.h"

struct sluice_object;
struct sluice_site;

enum sluice_verdict {
	SLUICE_SERVE,		/* obj, with status */
	SLUICE_REDIRECT,	/* to target.path with a slash */
	SLUICE_OPTIONS,		/* which methods there are */
	SLUICE_REFUSE,		/* status, from us */
	SLUICE_HAND_OVER,	/* unread; if nobody takes it, status */
	SLUICE_LOOK_UP,		/* first let the slow lane find key */
};

/**
 * struct sluice_request - one request, and what is to be done with it
 * @http:    what its head says
 * @site:    what is set, all that it depends on
 * @target:  the target taken apart, its path in the lane's buffer
 * @key:     that path below the docroot, likewise
 * @host_len: so many bytes of it are the host's directory
 * @verdict: see above
 * @status:  of the answer, if there is one from us
 * @why:     counter of the reason to hand over
 * @err:     what sluice_lookup() said instead of a file, or 0
 * @close:   nothing after this request can be trusted
 * @page:    @key is that of the page of an error
 * @obj:     the file; a reference of the caller's
 * @range:   which bytes of it, if @status is 206: the first, where there are several
 * @range_count: so many; the others are still to be taken from the field
 *
 * It lives for one look at it, in one turn: while its file is looked for it stays unread,
 * and is a new one afterwards.  What outlives the turn is the answer's.  It is large, and
 * __uninitialized on the stack.
 */
struct sluice_request {
	struct http_request		http;
	const struct sluice_site	*site;
	struct http_target		target;
	struct span			key;
	size_t				host_len;
	enum sluice_verdict		verdict;
	u16				status;
	enum sluice_stat		why;
	int				err;
	bool				close;
	bool				page;
	struct sluice_object		*obj;
	struct http_range		range;
	unsigned int			range_count;
};

/**
 * struct sluice_found - what the slow lane found for a request
 * @obj:  a reference, or an ERR_PTR() of sluice_lookup(); NULL if nobody asked
 * @page: it is the page of an error, as @page of the request said; then @obj is not NULL
 * @site_id: the site that this holds for, file or none; 0 if it is no matter of the site
 */
struct sluice_found {
	struct sluice_object	*obj;
	bool			page;
	u64			site_id;
};

#endif /* SLUICE_REPLY_REQUEST_H */
