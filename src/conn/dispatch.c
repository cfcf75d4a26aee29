// SPDX-License-Identifier: GPL-2.0
/*
 * What answers a request.  The only file that knows all replies.
 *
 * In doubt a request is handed over unread: the backend sees the very same
 * bytes, so nothing can be smuggled past it.  Errors of our own are for strict
 * mode, for standalone, and for when nobody takes the connection.
 */
#include <linux/err.h>
#include <linux/timekeeping.h>

#include "conn/dispatch.h"
#include "http/cond.h"
#include "sock/lane.h"
#include "store/cache.h"
#include "store/object.h"
#include "store/routes.h"

bool sluice_strict;
bool sluice_standalone;
bool sluice_query_handover;

/*
 * Not ours to serve, but a backend may have a place for it.  @status is for
 * standalone; when the backend is merely away, the answer is 503: try again.
 */
static bool hand_over(struct sluice_verdict *verdict, enum sluice_stat why,
		      u16 status)
{
	bool refuse = READ_ONCE(sluice_standalone);

	verdict->kind = refuse ? SLUICE_REFUSE : SLUICE_HAND_OVER;
	verdict->why = why;
	verdict->status = refuse ? status : 503;
	return true;
}

/* Wrong by the RFC, whoever reads it: strict mode refuses by itself. */
static bool refuse(struct sluice_verdict *verdict, enum sluice_stat why,
		   u16 status)
{
	hand_over(verdict, why, status);
	verdict->status = status;
	if (READ_ONCE(sluice_strict))
		verdict->kind = SLUICE_REFUSE;
	return true;
}

/* Standalone ignores what it may, and answers the plain request. */
static bool hand_over_or_ignore(struct sluice_verdict *verdict,
				enum sluice_stat why)
{
	if (READ_ONCE(sluice_standalone))
		return false;
	return hand_over(verdict, why, 503);
}

/**
 * sluice_dispatch_malformed() - verdict on what could not be parsed
 * @why:     what was wrong
 * @verdict: filled in
 *
 * Context: any.
 */
void sluice_dispatch_malformed(enum http_error why,
			       struct sluice_verdict *verdict)
{
	const struct http_error_info *info = http_error_info(why);

	verdict->obj = NULL;
	verdict->close = info->close;
	/* A backend that speaks HTTP/2 takes the preface as it is. */
	if (why == HTTP_ERR_H2_PREFACE)
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_UPGRADE, 505);
	else
		refuse(verdict, SLUICE_STAT_HANDED_OVER_MALFORMED,
		       info->status);
}

/* The method and whatever changes how the message is to be read. */
static bool decide_by_method(const struct http_request *req,
			     struct sluice_verdict *verdict)
{
	if (req->has_body)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_BODY, 413);
	if (req->method == HTTP_METHOD_OTHER)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_METHOD, 501);
	if (req->method == HTTP_TRACE)
		return refuse(verdict, SLUICE_STAT_HANDED_OVER_METHOD, 405);
	if (req->method != HTTP_GET && req->method != HTTP_HEAD)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_METHOD, 405);
	return false;
}

static bool decide_by_fields(const struct http_request *req,
			     struct sluice_verdict *verdict)
{
	if (req->upgrade &&
	    hand_over_or_ignore(verdict, SLUICE_STAT_HANDED_OVER_UPGRADE))
		return true;
	if (req->expect &&
	    hand_over_or_ignore(verdict, SLUICE_STAT_HANDED_OVER_EXPECT))
		return true;
	/* RFC 9110 section 14.2: a Range means something for GET only. */
	if (req->method == HTTP_GET && http_has_field(req, HTTP_FIELD_RANGE) &&
	    hand_over_or_ignore(verdict, SLUICE_STAT_HANDED_OVER_RANGE))
		return true;
	if (req->repeated & HTTP_COND_FIELDS)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_FIELDS, 400);
	return false;
}

/* ".htpasswd", ".git/": the backend has the rules about such names. */
static bool is_hidden(struct span path)
{
	size_t i;

	for (i = 1; i < path.len; i++)
		if (path.ptr[i] == '.' && path.ptr[i - 1] == '/')
			return true;
	return false;
}

static bool decide_by_path(struct span path, struct sluice_verdict *verdict)
{
	if (is_hidden(path))
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_HIDDEN, 404);
	if (sluice_routes_is_dynamic(path))
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_DYNAMIC, 403);
	return false;
}

static bool resolve_target(const struct http_request *req,
			   struct sluice_lane *lane,
			   struct sluice_verdict *verdict)
{
	enum http_error why;

	if (!http_uri_resolve(req->target, req->method, lane->path,
			      SLUICE_LANE_PATH, &verdict->target, &why))
		return true;
	sluice_dispatch_malformed(why, verdict);
	return false;
}

static bool decide_by_target(const struct http_target *target,
			     struct sluice_verdict *verdict)
{
	if (target->other_scheme || (target->form != HTTP_FORM_ORIGIN &&
				     target->form != HTTP_FORM_ABSOLUTE))
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_TARGET, 400);
	/* Whether it separates is for the backend to say. */
	if (target->encoded_slash)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_TARGET, 404);
	if (target->has_query && READ_ONCE(sluice_query_handover) &&
	    hand_over_or_ignore(verdict, SLUICE_STAT_HANDED_OVER_QUERY))
		return true;
	return decide_by_path(target->path, verdict);
}

static void decide_without_file(long err, struct sluice_verdict *verdict)
{
	switch (err) {
	case -EISDIR:
		verdict->kind = SLUICE_REDIRECT;
		verdict->status = 301;
		break;
	case -ENOENT:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_NOT_FOUND, 404);
		break;
	case -ENODATA:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_DIRECTORY, 403);
		break;
	case -ENOEXEC:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_DYNAMIC, 403);
		break;
	case -EOPNOTSUPP:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_FILESYSTEM, 503);
		break;
	case -ENOMEM:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_LIMIT, 503);
		break;
	default:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_FORBIDDEN, 403);
	}
}

static void decide_with_file(const struct http_request *req,
			     struct sluice_verdict *verdict)
{
	const struct sluice_object *obj = verdict->obj;
	s64 mtime = obj->etag.len ? obj->mtime : HTTP_NO_MTIME;

	verdict->kind = SLUICE_SERVE;
	verdict->status = 200;
	if (likely(!(req->seen & HTTP_COND_FIELDS)))
		return;

	switch (http_cond_eval(req, obj->etag, mtime,
			       ktime_get_real_seconds())) {
	case HTTP_COND_OK:
		break;
	case HTTP_COND_NOT_MODIFIED:
		verdict->status = 304;
		break;
	case HTTP_COND_FAILED:
		verdict->kind = SLUICE_REFUSE;
		verdict->status = 412;
		break;
	}
}

/**
 * sluice_dispatch() - decide on a request whose head is complete
 * @req:     the request, its framing beyond doubt
 * @lane:    whose turn it is; its path buffer is used
 * @found:   what the slow lane found for this very request, an ERR_PTR() of
 *           sluice_lookup() among it; NULL if it was not asked
 * @verdict: filled in; @verdict->obj takes over the reference of @found
 *
 * Context: lane.
 */
void sluice_dispatch(const struct http_request *req, struct sluice_lane *lane,
		     struct sluice_object *found,
		     struct sluice_verdict *verdict)
{
	verdict->obj = NULL;
	verdict->close = false;

	if (!resolve_target(req, lane, verdict) ||
	    decide_by_method(req, verdict) ||
	    decide_by_fields(req, verdict) ||
	    decide_by_target(&verdict->target, verdict)) {
		/* A parameter was changed while the file was looked up. */
		if (!IS_ERR_OR_NULL(found))
			sluice_object_put(found);
		return;
	}

	if (likely(!found))
		found = sluice_cache_get(verdict->target.path);
	if (!found) {
		verdict->kind = SLUICE_LOOK_UP;
	} else if (IS_ERR(found)) {
		decide_without_file(PTR_ERR(found), verdict);
	} else {
		verdict->obj = found;
		decide_with_file(req, verdict);
	}
}
