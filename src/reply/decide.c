// SPDX-License-Identifier: GPL-2.0
/*
 * A request in, a verdict out: what answers it.  The only file that knows all replies.
 *
 * In doubt a request is handed over unread: the backend sees the very same
 * bytes, so nothing can be smuggled past it.  Errors of our own are for strict
 * mode, for standalone, and for when nobody takes the connection.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "http/cond.h"
#include "reply/answer.h"
#include "reply/decide.h"
#include "store/cache.h"
#include "store/object.h"
#include "store/routes.h"
#include "store/site.h"
#include "store/zip.h"

/* What was found is not wanted. Context: any. */
void sluice_found_drop(struct sluice_found *found)
{
	if (!IS_ERR_OR_NULL(found->obj))
		sluice_object_put(found->obj);
	*found = (struct sluice_found){ };
}

/* No file is known yet. */
static void begin(struct sluice_request *req, const struct sluice_lane *lane)
{
	req->site = lane->site;
	req->obj = NULL;
	req->err = 0;
	req->page = false;
}

/*
 * Not ours to serve, but a backend may have a place for it.  @status is for
 * standalone; when the backend is merely away, the answer is 503: try again.
 */
static bool hand_over(struct sluice_request *req, enum sluice_stat why,
		      u16 status)
{
	bool refuse = req->site->standalone;

	req->verdict = refuse ? SLUICE_REFUSE : SLUICE_HAND_OVER;
	req->why = why;
	req->status = refuse ? status : 503;
	return true;
}

/* Wrong by the RFC, whoever reads it: strict mode refuses by itself. */
static bool refuse(struct sluice_request *req, enum sluice_stat why,
		   u16 status)
{
	hand_over(req, why, status);
	req->status = status;
	if (req->site->strict)
		req->verdict = SLUICE_REFUSE;
	return true;
}

static bool refuse_malformed(struct sluice_request *req, enum http_error why)
{
	const struct http_error_info *info = http_error_info(why);

	req->close = info->close;
	return refuse(req, SLUICE_STAT_HANDED_OVER_MALFORMED, info->status);
}

/* There is no backend, or it has none of the files: what it would say of one is 404. */
static bool nobody_else_has_it(const struct sluice_request *req)
{
	return req->site->standalone || !req->site->backend_files;
}

/*
 * What may be ignored is, where nobody else could go by it; then the plain request is
 * answered, or handed over as what it asks for is no file.
 */
static bool hand_over_or_ignore(struct sluice_request *req,
				enum sluice_stat why)
{
	return !nobody_else_has_it(req) && hand_over(req, why, 503);
}

/*
 * A body that a GET need not have had.  It is not read to the end, so the answer is the
 * last; who waits for a 100 does not get one (RFC 9110 sections 9.3.1, 10.1.1).
 */
static bool is_too_much(const struct sluice_request *req)
{
	return req->http.has_body && !sluice_body_is_drained(&req->http) &&
	       (req->site->standalone || req->site->backend_files);
}

/*
 * A backend that is waiting for this header would believe it.  Whoever may say it
 * says it first; behind a request it is a client's.
 */
static void decide_proxy(struct sluice_request *req, bool first)
{
	hand_over(req, SLUICE_STAT_HANDED_OVER_MALFORMED, 400);
	if (!first) {
		req->verdict = SLUICE_REFUSE;
		req->status = 400;
	}
}

/**
 * sluice_decide_malformed() - what is to be done with what could not be parsed
 * @req:   @http means nothing; the rest is filled in
 * @lane:  whose turn it is
 * @why:   what was wrong
 * @first: it is the first request of the connection
 *
 * Context: lane.
 */
void sluice_decide_malformed(struct sluice_request *req, struct sluice_lane *lane,
			     enum http_error why, bool first)
{
	begin(req, lane);
	req->http.method = HTTP_METHOD_OTHER;
	req->http.keep_alive = false;
	req->http.has_body = false;
	req->close = http_error_info(why)->close;
	/* A backend that speaks HTTP/2 takes the preface as it is. */
	if (why == HTTP_ERR_H2_PREFACE)
		hand_over(req, SLUICE_STAT_HANDED_OVER_UPGRADE, 505);
	else if (why == HTTP_ERR_PROXY && req->site->proxy_protocol)
		decide_proxy(req, first);
	else
		refuse_malformed(req, why);
}

/* OPTIONS is answered without a file; "*" asks about us, not about a site. */
static bool decide_options(struct sluice_request *req, enum sluice_stat why)
{
	if (req->target.form == HTTP_FORM_ASTERISK)
		refuse(req, why, 204);
	else
		hand_over(req, why, 204);
	if (req->verdict == SLUICE_REFUSE || req->site->options_self) {
		req->verdict = SLUICE_OPTIONS;
		req->status = 204;
	} else {
		req->status = 503;
	}
	return true;
}

/* The method and whatever changes how the message is to be read. */
static bool decide_by_method(struct sluice_request *req)
{
	enum sluice_stat why = req->http.has_body ? SLUICE_STAT_HANDED_OVER_BODY :
					       SLUICE_STAT_HANDED_OVER_METHOD;

	switch (req->http.method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return is_too_much(req) && hand_over(req, why, 413);
	case HTTP_OPTIONS:
		return decide_options(req, why);
	case HTTP_TRACE:
		return refuse(req, why, 405);
	case HTTP_METHOD_OTHER:
		return hand_over(req, why, 501);
	default:
		return hand_over(req, why, 405);
	}
}

static bool decide_by_fields(struct sluice_request *req)
{
	if (req->http.upgrade &&
	    hand_over_or_ignore(req, SLUICE_STAT_HANDED_OVER_UPGRADE))
		return true;
	if (req->http.expect &&
	    hand_over_or_ignore(req, SLUICE_STAT_HANDED_OVER_EXPECT))
		return true;
	/* Who may see the file is for the backend to say. */
	if (http_has_field(&req->http, HTTP_FIELD_AUTHORIZATION) &&
	    !req->site->authorization_serve &&
	    hand_over_or_ignore(req,
				SLUICE_STAT_HANDED_OVER_AUTHORIZATION))
		return true;
	if (req->http.repeated & HTTP_COND_FIELDS &&
	    (req->site->standalone || req->site->backend_files))
		return hand_over(req, SLUICE_STAT_HANDED_OVER_FIELDS, 400);
	return false;
}

static bool decide_by_path(struct sluice_request *req)
{
	struct span path = req->target.path;

	if (sluice_routes_is_hidden(req->site, path))
		return hand_over(req, SLUICE_STAT_HANDED_OVER_HIDDEN, 404);
	if (sluice_routes_is_dynamic(req->site, path))
		return hand_over(req, SLUICE_STAT_HANDED_OVER_DYNAMIC, 403);
	return false;
}

static bool resolve_target(struct sluice_request *req, struct sluice_lane *lane)
{
	enum http_error why;

	if (!http_uri_resolve(req->http.target, req->http.method,
			      lane->path + SLUICE_LANE_HOST, SLUICE_LANE_PATH,
			      &req->target, &why)) {
		if (likely(!req->site->strict) || http_uri_is_valid(req->http.target))
			return true;
		why = HTTP_ERR_BAD_TARGET;
	}
	return !refuse_malformed(req, why);
}

static bool decide_by_target(struct sluice_request *req)
{
	const struct http_target *target = &req->target;

	if (target->other_scheme || (target->form != HTTP_FORM_ORIGIN &&
				     target->form != HTTP_FORM_ABSOLUTE))
		return hand_over(req, SLUICE_STAT_HANDED_OVER_TARGET, 400);
	/* Whether it separates is for the backend to say. */
	if (target->encoded_slash)
		return hand_over(req, SLUICE_STAT_HANDED_OVER_TARGET, 404);
	/* That is the administrator's word, and not the request's. */
	return target->has_query && req->site->query_handover && !req->site->standalone &&
	       hand_over(req, SLUICE_STAT_HANDED_OVER_QUERY, 503);
}

/*
 * With virtual hosts a path is in the directory of the one that was asked for
 * (RFC 9112 section 3.2.2: an absolute target says which, whatever Host says).
 * Its name goes right in front of the path.
 */
static void place_in_host(struct sluice_request *req, struct sluice_lane *lane)
{
	const struct http_target *target = &req->target;
	struct span host = { NULL, 0 };
	u8 folded[SLUICE_LANE_HOST] __uninitialized;
	size_t len = 0;
	u8 *start;

	if (target->form == HTTP_FORM_ABSOLUTE)
		host = target->authority.name;
	else if (http_has_field(&req->http, HTTP_FIELD_HOST))
		host = req->http.host.name;
	if (host.len)
		len = http_host_fold(host, folded, sizeof(folded) - 1);
	if (!len) {
		len = req->site->default_host.len;
		memcpy(folded, req->site->default_host.buf, len);
	}
	start = lane->path + SLUICE_LANE_HOST - len;
	memcpy(start, folded, len);
	*--start = '/';
	req->host_len = len + 1;
	req->key = (struct span){ start, req->host_len +
					     target->path.len };
}

static void decide_without_file(long err, struct sluice_request *req)
{
	req->err = err;
	switch (err) {
	case -EISDIR:
		req->verdict = SLUICE_REDIRECT;
		req->status = 301;
		break;
	case -ENOENT:
		hand_over(req, SLUICE_STAT_HANDED_OVER_NOT_FOUND, 404);
		break;
	case -ENODATA:
		hand_over(req, SLUICE_STAT_HANDED_OVER_DIRECTORY, 403);
		break;
	case -ENOEXEC:
	case -ETXTBSY:
		hand_over(req, SLUICE_STAT_HANDED_OVER_DYNAMIC, 403);
		break;
	case -EOPNOTSUPP:
		hand_over(req, SLUICE_STAT_HANDED_OVER_FILESYSTEM, 503);
		break;
	case -EREMOTE:
		hand_over(req, SLUICE_STAT_HANDED_OVER_HTACCESS, 403);
		break;
	case -EBUSY:
		hand_over(req, SLUICE_STAT_HANDED_OVER_WATCHED, 503);
		break;
	case -ENOMEM:
		hand_over(req, SLUICE_STAT_HANDED_OVER_LIMIT, 503);
		break;
	default:
		hand_over(req, SLUICE_STAT_HANDED_OVER_FORBIDDEN, 403);
	}
}

/* As it is sent: a client cannot know a date that was never said. */
static s64 said_mtime(const struct sluice_object *obj, s64 now)
{
	return obj->etag.len && obj->mtime <= now ? obj->mtime : HTTP_NO_MTIME;
}

static bool is_passed_over(const struct sluice_request *req, enum http_ranges ranges)
{
	return (ranges == HTTP_RANGES_INVALID && !req->site->bad_range_refuse) ||
	       (ranges == HTTP_RANGES_TOO_MANY && nobody_else_has_it(req));
}

/* What the Range field comes to if @obj is what is sent. */
static enum http_ranges ranges_of(struct sluice_request *req, const struct sluice_object *obj,
				  s64 now)
{
	enum http_ranges ranges;

	/* RFC 9110 section 14.2: for GET only; two lines are no range. */
	if (req->http.method != HTTP_GET || req->http.repeated & BIT(HTTP_FIELD_RANGE) ||
	    !http_cond_if_range(&req->http, obj->etag, said_mtime(obj, now), now))
		return HTTP_RANGES_IGNORED;
	ranges = http_ranges_parse(req->http.field[HTTP_FIELD_RANGE], obj->size, &req->range, 1,
				   &req->range_count);
	return is_passed_over(req, ranges) ? HTTP_RANGES_IGNORED : ranges;
}

/* Does If-Range have its tag, strongly?  A date may be that of others, too. */
static bool is_named(const struct http_request *http, const struct sluice_object *sibling)
{
	return http_has_field(http, HTTP_FIELD_IF_RANGE) &&
	       http_cond_if_range(http, sibling->etag, HTTP_NO_MTIME, 0);
}

/*
 * What the Range comes to, and of which representation.  A piece of an encoding is of use
 * only to who has the rest, and who has says so by its tag: libraries add "Accept-Encoding:
 * gzip" to whatever is asked for through them.  All others get a piece of the file, and
 * @sibling, which they would get without a Range, is not sent; unless nothing comes of the
 * Range.  A tag that both have does not tell whose rest it is: all is always right.
 */
static enum http_ranges choose_by_range(struct sluice_request *req,
					struct sluice_object **sibling, s64 now)
{
	enum http_ranges ranges;

	if (*sibling && is_named(&req->http, *sibling))
		return span_eq((*sibling)->etag, req->obj->etag) ? HTTP_RANGES_IGNORED :
			ranges_of(req, *sibling, now);
	ranges = ranges_of(req, req->obj, now);
	if (ranges != HTTP_RANGES_IGNORED)
		*sibling = NULL;
	return ranges;
}

/* Not to HTTP/1.0, as nginx: caches of that age do not know Vary. */
static bool takes_codings(const struct sluice_request *req)
{
	return req->http.minor && http_has_field(&req->http, HTTP_FIELD_ACCEPT_ENCODING) &&
	       !(req->http.repeated & BIT(HTTP_FIELD_ACCEPT_ENCODING));
}

/* The precompressed one that the client likes best; NULL: none, or the file as it is. */
static struct sluice_object *preferred_sibling(const struct sluice_request *req)
{
	if (!takes_codings(req))
		return NULL;
	return sluice_siblings_choose(&req->obj->siblings,
				      req->http.field[HTTP_FIELD_ACCEPT_ENCODING]);
}

/* As nginx's gzip on: not through a proxy.  A range is one of the file, see below. */
static bool wants_zipped(const struct sluice_request *req)
{
	static const u8 gzip = HTTP_CODING_GZIP;

	return takes_codings(req) && !http_has_field(&req->http, HTTP_FIELD_VIA) &&
	       !http_has_field(&req->http, HTTP_FIELD_RANGE) &&
	       !http_negotiate(req->http.field[HTTP_FIELD_ACCEPT_ENCODING], &gzip, 1);
}

/* What we compressed, or NULL; then that is going to be done. Return: true: wait for it. */
static bool choose_zipped(struct sluice_request *req, struct sluice_object **variant)
{
	if (!wants_zipped(req))
		return false;
	*variant = sluice_zip_choose(req->obj);
	if (*variant)
		sluice_stat_inc(req->site->store->stats, SLUICE_STAT_SERVED_ZIPPED);
	if (*variant || !req->site->gzip_unready || nobody_else_has_it(req) ||
	    sluice_zip_is_settled(req->obj))
		return false;
	return hand_over(req, SLUICE_STAT_HANDED_OVER_UNZIPPED, 503);
}

/* Send it instead of the file; NULL: there is none. */
static void use_sibling(struct sluice_request *req, struct sluice_object *sibling)
{
	if (!sibling)
		return;
	if (time_before(READ_ONCE(sibling->used), jiffies))
		WRITE_ONCE(sibling->used, jiffies);
	sluice_object_hold(sibling);
	sluice_object_put(req->obj);
	req->obj = sibling;
}

/* The Range field, once the request is known to succeed. */
static void decide_by_range(struct sluice_request *req, enum http_ranges ranges)
{
	switch (ranges) {
	case HTTP_RANGES_IGNORED:
		break;
	case HTTP_RANGES_INVALID:
	case HTTP_RANGES_UNSATISFIABLE:
		req->status = 416;
		break;
	case HTTP_RANGES_TOO_MANY:
		hand_over(req, SLUICE_STAT_HANDED_OVER_RANGE, 503);
		break;
	case HTTP_RANGES_PARTIAL:
		req->status = 206;
		break;
	}
}

/* What is sent is chosen first: preconditions are about that (RFC 9110 section 13.2.2). */
static void decide_by_conditions(struct sluice_request *req, struct sluice_object *sibling)
{
	enum http_ranges ranges = HTTP_RANGES_IGNORED;
	s64 now = ktime_get_real_seconds();

	if (http_has_field(&req->http, HTTP_FIELD_RANGE))
		ranges = choose_by_range(req, &sibling, now);
	use_sibling(req, sibling);
	switch (http_cond_eval(&req->http, req->obj->etag, said_mtime(req->obj, now), now,
			       req->site->since_exact)) {
	case HTTP_COND_OK:
		decide_by_range(req, ranges);
		break;
	case HTTP_COND_NOT_MODIFIED:
		req->status = 304;
		break;
	case HTTP_COND_FAILED:
		req->verdict = SLUICE_REFUSE;
		req->status = 412;
		break;
	}
}

static void decide_with_file(struct sluice_request *req)
{
	struct sluice_object *sibling = NULL;

	req->verdict = SLUICE_SERVE;
	req->status = 200;
	if (req->obj->siblings.usable)
		sibling = preferred_sibling(req);
	if (unlikely(req->obj->zip) && !sibling && choose_zipped(req, &sibling))
		return;
	if (likely(!(req->http.seen & (HTTP_COND_FIELDS | BIT(HTTP_FIELD_RANGE)))))
		use_sibling(req, sibling);
	else
		decide_by_conditions(req, sibling);
}

/* What stands in the lane's buffer after this: the error's page's path. */
static bool page_is_wanted(const struct sluice_request *req)
{
	/* A target that is too long to be resolved is of no host. */
	return req->verdict == SLUICE_REFUSE && req->status == 404 &&
	       req->site->page_404.len && (!req->site->vhosts || req->host_len);
}

static void use_page(struct sluice_request *req,
		     struct sluice_object *found)
{
	req->page = true;
	if (!found) {
		req->verdict = SLUICE_LOOK_UP;
	} else if (!IS_ERR(found)) {
		req->verdict = SLUICE_SERVE;
		req->obj = found;
	}
}

static void look_for_page(struct sluice_request *req, struct sluice_lane *lane)
{
	u8 *path = lane->path + SLUICE_LANE_HOST;

	/* With its NUL, behind the host's directory if there is one. */
	memcpy(path, req->site->page_404.buf, req->site->page_404.len + 1);
	req->key.ptr = path - req->host_len;
	req->key.len = req->host_len + req->site->page_404.len;
	use_page(req, sluice_cache_get(req->site, req->key));
}

/* Without a file: is there anything that decides against it already? */
static bool decide_request(struct sluice_request *req, struct sluice_lane *lane)
{
	if (!resolve_target(req, lane))
		return true;
	req->key = req->target.path;
	if (unlikely(req->site->vhosts))
		place_in_host(req, lane);
	return decide_by_method(req) ||
	       decide_by_fields(req) ||
	       decide_by_target(req);
}

static void decide(struct sluice_request *req, struct sluice_lane *lane,
		   struct sluice_object *found)
{
	if (decide_request(req, lane))
		goto out_put;
	if (likely(!found))
		found = sluice_cache_get(req->site, req->key);
	/* What the cache has went by the rules of the site. */
	else if (decide_by_path(req))
		goto out_put;

	if (!found) {
		if (!decide_by_path(req))
			req->verdict = SLUICE_LOOK_UP;
	} else if (IS_ERR(found)) {
		decide_without_file(PTR_ERR(found), req);
	} else {
		req->obj = found;
		decide_with_file(req);
	}
	return;

out_put:
	if (!IS_ERR_OR_NULL(found))
		sluice_object_put(found);
}

/* A setting was changed while it was looked for: once more. */
static bool is_outdated(const struct sluice_found *found, const struct sluice_site *site)
{
	return found->obj && found->site_id && found->site_id != site->id;
}

/**
 * sluice_decide() - what is to be done with a request whose head is complete
 * @req:   @http is filled in, its framing beyond doubt; the rest is filled in here, and
 *         @obj takes over the reference of @found
 * @lane:  whose turn it is; its path buffer is used
 * @found: what the slow lane found for this very request
 *
 * Context: lane, rcu_read_lock().
 */
void sluice_decide(struct sluice_request *req, struct sluice_lane *lane,
		   struct sluice_found found)
{
	begin(req, lane);
	/* Unless another is found; see conn_is_not_for_lent(). */
	req->why = SLUICE_STAT_HANDED_OVER_LAST;
	req->close = false;
	req->host_len = 0;
	if (unlikely(is_outdated(&found, req->site)))
		sluice_found_drop(&found);
	if (unlikely(found.page) && !SLUICE_WARN_ON(!found.obj)) {
		/* Refused before, when nobody had looked for the page. */
		req->verdict = SLUICE_REFUSE;
		req->status = 404;
		use_page(req, found.obj);
	} else {
		decide(req, lane, found.obj);
		if (unlikely(page_is_wanted(req)))
			look_for_page(req, lane);
	}
}

/**
 * sluice_decide_reply() - who answers a request
 * @req: its verdict is one of those that are answered
 *
 * Context: any.
 * Return: whose answer it is
 */
const struct sluice_reply_ops *sluice_decide_reply(const struct sluice_request *req)
{
	if (likely(req->verdict == SLUICE_SERVE && req->status != 416))
		return &sluice_reply_file;
	return &sluice_reply_own;
}
