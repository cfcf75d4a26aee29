// SPDX-License-Identifier: GPL-2.0
/*
 * What answers a request.  The only file that knows all replies.
 *
 * In doubt a request is handed over unread: the backend sees the very same
 * bytes, so nothing can be smuggled past it.  Errors of our own are for strict
 * mode, for standalone, and for when nobody takes the connection.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "base/lane.h"
#include "http/cond.h"
#include "reply/dispatch.h"
#include "store/cache.h"
#include "store/object.h"
#include "store/routes.h"
#include "store/site.h"

bool sluice_strict;
bool sluice_standalone;
bool sluice_query_handover;
bool sluice_authorization_serve;
bool sluice_options_self;
bool sluice_since_exact;
bool sluice_bad_range_refuse;
bool sluice_proxy_protocol;

/* What was found is not wanted. Context: any. */
void sluice_found_drop(struct sluice_found *found)
{
	if (!IS_ERR_OR_NULL(found->obj))
		sluice_object_put(found->obj);
	*found = (struct sluice_found){ };
}

/* No request and no file is known yet. */
static void begin_verdict(struct sluice_verdict *verdict)
{
	verdict->obj = NULL;
	verdict->page = false;
	verdict->standalone = READ_ONCE(sluice_standalone);
	verdict->strict = READ_ONCE(sluice_strict);
}

/*
 * Not ours to serve, but a backend may have a place for it.  @status is for
 * standalone; when the backend is merely away, the answer is 503: try again.
 */
static bool hand_over(struct sluice_verdict *verdict, enum sluice_stat why,
		      u16 status)
{
	bool refuse = verdict->standalone;

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
	if (verdict->strict)
		verdict->kind = SLUICE_REFUSE;
	return true;
}

static bool refuse_malformed(struct sluice_verdict *verdict, enum http_error why)
{
	const struct http_error_info *info = http_error_info(why);

	verdict->close = info->close;
	return refuse(verdict, SLUICE_STAT_HANDED_OVER_MALFORMED, info->status);
}

/* Standalone ignores what it may, and answers the plain request. */
static bool hand_over_or_ignore(struct sluice_verdict *verdict,
				enum sluice_stat why)
{
	return !verdict->standalone && hand_over(verdict, why, 503);
}

/*
 * A backend that is waiting for this header would believe it.  Whoever may say it
 * says it first; behind a request it is a client's.
 */
static void decide_proxy(struct sluice_verdict *verdict, bool first)
{
	hand_over(verdict, SLUICE_STAT_HANDED_OVER_MALFORMED, 400);
	if (!first) {
		verdict->kind = SLUICE_REFUSE;
		verdict->status = 400;
	}
}

/**
 * sluice_dispatch_malformed() - verdict on what could not be parsed
 * @why:     what was wrong
 * @first:   it is the first request of the connection
 * @verdict: filled in
 *
 * Context: any.
 */
void sluice_dispatch_malformed(enum http_error why, bool first,
			       struct sluice_verdict *verdict)
{
	begin_verdict(verdict);
	verdict->close = http_error_info(why)->close;
	/* A backend that speaks HTTP/2 takes the preface as it is. */
	if (why == HTTP_ERR_H2_PREFACE)
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_UPGRADE, 505);
	else if (why == HTTP_ERR_PROXY && READ_ONCE(sluice_proxy_protocol))
		decide_proxy(verdict, first);
	else
		refuse_malformed(verdict, why);
}

/* OPTIONS is answered without a file; "*" asks about us, not about a site. */
static bool decide_options(const struct http_target *target,
			   enum sluice_stat why, struct sluice_verdict *verdict)
{
	if (target->form == HTTP_FORM_ASTERISK)
		refuse(verdict, why, 204);
	else
		hand_over(verdict, why, 204);
	if (verdict->kind == SLUICE_REFUSE || READ_ONCE(sluice_options_self)) {
		verdict->kind = SLUICE_OPTIONS;
		verdict->status = 204;
	} else {
		verdict->status = 503;
	}
	return true;
}

/* The method and whatever changes how the message is to be read. */
static bool decide_by_method(const struct http_request *req,
			     struct sluice_verdict *verdict)
{
	enum sluice_stat why = req->has_body ? SLUICE_STAT_HANDED_OVER_BODY :
					       SLUICE_STAT_HANDED_OVER_METHOD;

	switch (req->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return req->has_body && !sluice_body_is_drained(req) &&
		       hand_over(verdict, why, 413);
	case HTTP_OPTIONS:
		return decide_options(&verdict->target, why, verdict);
	case HTTP_TRACE:
		return refuse(verdict, why, 405);
	case HTTP_METHOD_OTHER:
		return hand_over(verdict, why, 501);
	default:
		return hand_over(verdict, why, 405);
	}
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
	/* Who may see the file is for the backend to say. */
	if (http_has_field(req, HTTP_FIELD_AUTHORIZATION) &&
	    !READ_ONCE(sluice_authorization_serve) &&
	    hand_over_or_ignore(verdict,
				SLUICE_STAT_HANDED_OVER_AUTHORIZATION))
		return true;
	if (req->repeated & HTTP_COND_FIELDS)
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_FIELDS, 400);
	return false;
}

static bool decide_by_path(const struct sluice_site *site,
			   struct sluice_verdict *verdict)
{
	struct span path = verdict->target.path;

	if (sluice_routes_is_hidden(site, path))
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_HIDDEN, 404);
	if (sluice_routes_is_dynamic(site, path))
		return hand_over(verdict, SLUICE_STAT_HANDED_OVER_DYNAMIC, 403);
	return false;
}

static bool resolve_target(const struct http_request *req,
			   struct sluice_lane *lane,
			   struct sluice_verdict *verdict)
{
	enum http_error why;

	if (!http_uri_resolve(req->target, req->method,
			      lane->path + SLUICE_LANE_HOST, SLUICE_LANE_PATH,
			      &verdict->target, &why)) {
		if (likely(!verdict->strict) || http_uri_is_valid(req->target))
			return true;
		why = HTTP_ERR_BAD_TARGET;
	}
	return !refuse_malformed(verdict, why);
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
	return false;
}

/*
 * With virtual hosts a path is in the directory of the one that was asked for
 * (RFC 9112 section 3.2.2: an absolute target says which, whatever Host says).
 * Its name goes right in front of the path.
 */
static void place_in_host(const struct sluice_site *site,
			  const struct http_request *req,
			  struct sluice_lane *lane,
			  struct sluice_verdict *verdict)
{
	const struct http_target *target = &verdict->target;
	struct span host = { NULL, 0 };
	u8 folded[SLUICE_LANE_HOST] __uninitialized;
	size_t len = 0;
	u8 *start;

	if (target->form == HTTP_FORM_ABSOLUTE)
		host = target->authority.name;
	else if (http_has_field(req, HTTP_FIELD_HOST))
		host = req->host.name;
	if (host.len)
		len = http_host_fold(host, folded, sizeof(folded) - 1);
	if (!len) {
		len = site->default_host.len;
		memcpy(folded, site->default_host.buf, len);
	}
	start = lane->path + SLUICE_LANE_HOST - len;
	memcpy(start, folded, len);
	*--start = '/';
	verdict->host_len = len + 1;
	verdict->key = (struct span){ start, verdict->host_len +
					     target->path.len };
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
	case -EBUSY:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_WATCHED, 503);
		break;
	case -ENOMEM:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_LIMIT, 503);
		break;
	default:
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_FORBIDDEN, 403);
	}
}

/* The Range field, once the request is known to succeed. */
static void decide_by_range(const struct http_request *req,
			    struct sluice_verdict *verdict, s64 mtime, s64 now)
{
	const struct sluice_object *obj = verdict->obj;

	/* RFC 9110 section 14.2: for GET only; two lines are no range. */
	if (req->method != HTTP_GET || req->repeated & BIT(HTTP_FIELD_RANGE) ||
	    !http_cond_if_range(req, obj->etag, mtime, now))
		return;

	switch (http_ranges_parse(req->field[HTTP_FIELD_RANGE], obj->size,
				  verdict->ranges.range,
				  &verdict->ranges.count)) {
	case HTTP_RANGES_IGNORED:
		break;
	case HTTP_RANGES_INVALID:
		if (READ_ONCE(sluice_bad_range_refuse))
			verdict->status = 416;
		break;
	case HTTP_RANGES_UNSATISFIABLE:
		verdict->status = 416;
		break;
	case HTTP_RANGES_TOO_MANY:
		hand_over_or_ignore(verdict, SLUICE_STAT_HANDED_OVER_RANGE);
		break;
	case HTTP_RANGES_PARTIAL:
		verdict->status = 206;
		break;
	}
}

/* Send a precompressed sibling instead, if there is one that the client likes. */
static void choose_representation(const struct http_request *req,
				  struct sluice_verdict *verdict)
{
	struct sluice_object *obj = verdict->obj;
	struct sluice_object *chosen;

	/* Not to HTTP/1.0, as nginx: caches of that age do not know Vary. */
	if (!req->minor || !http_has_field(req, HTTP_FIELD_ACCEPT_ENCODING) ||
	    req->repeated & BIT(HTTP_FIELD_ACCEPT_ENCODING))
		return;
	chosen = sluice_siblings_choose(&obj->siblings,
					req->field[HTTP_FIELD_ACCEPT_ENCODING]);
	if (!chosen)
		return;
	if (time_before(READ_ONCE(chosen->used), jiffies))
		WRITE_ONCE(chosen->used, jiffies);
	sluice_object_hold(chosen);
	sluice_object_put(obj);
	verdict->obj = chosen;
}

static void decide_with_file(const struct http_request *req,
			     struct sluice_verdict *verdict)
{
	const struct sluice_object *obj;
	s64 mtime = HTTP_NO_MTIME;
	s64 now;

	verdict->kind = SLUICE_SERVE;
	verdict->status = 200;
	if (verdict->obj->siblings.usable)
		choose_representation(req, verdict);
	if (likely(!(req->seen & (HTTP_COND_FIELDS | BIT(HTTP_FIELD_RANGE)))))
		return;

	now = ktime_get_real_seconds();
	obj = verdict->obj;
	/* As it is sent: a client cannot know a date that was never said. */
	if (obj->etag.len && obj->mtime <= now)
		mtime = obj->mtime;
	switch (http_cond_eval(req, obj->etag, mtime, now,
			       READ_ONCE(sluice_since_exact))) {
	case HTTP_COND_OK:
		if (http_has_field(req, HTTP_FIELD_RANGE))
			decide_by_range(req, verdict, mtime, now);
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

/* What stands in the lane's buffer after this: the error's page's path. */
static bool page_is_wanted(const struct sluice_site *site,
			   const struct sluice_verdict *verdict)
{
	/* A target that is too long to be resolved is of no host. */
	return verdict->kind == SLUICE_REFUSE && verdict->status == 404 &&
	       site->page_404.len && (!site->vhosts || verdict->host_len);
}

static void use_page(struct sluice_verdict *verdict,
		     struct sluice_object *found)
{
	verdict->page = true;
	if (!found) {
		verdict->kind = SLUICE_LOOK_UP;
	} else if (!IS_ERR(found)) {
		verdict->kind = SLUICE_SERVE;
		verdict->obj = found;
	}
}

static void look_for_page(const struct sluice_site *site,
			  struct sluice_lane *lane,
			  struct sluice_verdict *verdict)
{
	u8 *path = lane->path + SLUICE_LANE_HOST;

	/* With its NUL, behind the host's directory if there is one. */
	memcpy(path, site->page_404.buf, site->page_404.len + 1);
	verdict->key.ptr = path - verdict->host_len;
	verdict->key.len = verdict->host_len + site->page_404.len;
	use_page(verdict, sluice_cache_get(site, verdict->key));
}

/* Without a file: is there anything that decides against it already? */
static bool decide_request(const struct sluice_site *site,
			   const struct http_request *req,
			   struct sluice_lane *lane,
			   struct sluice_verdict *verdict)
{
	if (!resolve_target(req, lane, verdict))
		return true;
	verdict->key = verdict->target.path;
	if (unlikely(site->vhosts))
		place_in_host(site, req, lane, verdict);
	return decide_by_method(req, verdict) ||
	       decide_by_fields(req, verdict) ||
	       decide_by_target(&verdict->target, verdict);
}

static void decide(const struct sluice_site *site,
		   const struct http_request *req, struct sluice_lane *lane,
		   struct sluice_object *found, struct sluice_verdict *verdict)
{
	if (decide_request(site, req, lane, verdict))
		goto out_put;
	if (likely(!found))
		found = sluice_cache_get(site, verdict->key);
	/* What the cache has went by the rules of the site. */
	else if (decide_by_path(site, verdict))
		goto out_put;

	if (!found) {
		if (!decide_by_path(site, verdict))
			verdict->kind = SLUICE_LOOK_UP;
	} else if (IS_ERR(found)) {
		decide_without_file(PTR_ERR(found), verdict);
	} else {
		verdict->obj = found;
		decide_with_file(req, verdict);
	}
	return;

out_put:
	if (!IS_ERR_OR_NULL(found))
		sluice_object_put(found);
}

/* A setting was changed while it was looked for: once more. */
static bool is_outdated(const struct sluice_found *found, const struct sluice_site *site)
{
	return found->obj && found->site_id && (!site || found->site_id != site->id);
}

/**
 * sluice_dispatch() - decide on a request whose head is complete
 * @req:     the request, its framing beyond doubt
 * @lane:    whose turn it is; its path buffer is used
 * @found:   what the slow lane found for this very request
 * @verdict: filled in; @verdict->obj takes over the reference of @found
 *
 * Context: lane, rcu_read_lock().
 */
void sluice_dispatch(const struct http_request *req, struct sluice_lane *lane,
		     struct sluice_found found, struct sluice_verdict *verdict)
{
	const struct sluice_site *site = lane->site;

	begin_verdict(verdict);
	/* Unless another is found; see conn_is_not_for_lent(). */
	verdict->why = SLUICE_STAT_HANDED_OVER_LAST;
	verdict->close = false;
	verdict->ranges.count = 0;
	verdict->host_len = 0;
	if (unlikely(is_outdated(&found, site)))
		sluice_found_drop(&found);
	if (unlikely(found.page)) {
		/* Refused before, when nobody had looked for the page. */
		verdict->kind = SLUICE_REFUSE;
		verdict->status = 404;
		use_page(verdict, found.obj);
	} else if (unlikely(!site)) {	/* on the way out */
		hand_over(verdict, SLUICE_STAT_HANDED_OVER_LIMIT, 503);
		sluice_found_drop(&found);
	} else {
		decide(site, req, lane, found.obj, verdict);
		if (unlikely(page_is_wanted(site, verdict)))
			look_for_page(site, lane, verdict);
	}
}
