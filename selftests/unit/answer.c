// SPDX-License-Identifier: GPL-2.0

#include "answer.h"
#include "http/cond.h"
#include "http/etag.h"
#include "http/mime.h"
#include "http/negotiate.h"

#define BODY_DRAINED_MAX	65536

static bool on_list(const char *list, struct span word)
{
	struct span rest = { (const u8 *)list, strlen(list) };
	struct span item;

	while (span_next_item(&rest, &item))
		if (item.len && span_eq(item, word))
			return true;
	return false;
}

/* Siblings that there are and that are offered, in the order of the setting. */
static unsigned int offer(const struct place *place, const char *precompressed, u8 *offered)
{
	struct span rest = { (const u8 *)precompressed, strlen(precompressed) };
	struct span item;
	unsigned int count = 0;

	while (span_next_item(&rest, &item)) {
		int coding = http_coding_lookup_suffix(item);

		if (coding >= 0 && on_list(place->siblings, item) && count < HTTP_CODING_COUNT)
			offered[count++] = coding;
	}
	return count;
}

/* Not for HTTP/1.0, as in nginx. */
static int choose(const struct http_request *req, const struct place *place,
		  const struct settings *settings, u8 *offered)
{
	unsigned int count = offer(place, settings->precompressed, offered);

	if (!req->minor || !http_has_field(req, HTTP_FIELD_ACCEPT_ENCODING) ||
	    req->repeated & BIT(HTTP_FIELD_ACCEPT_ENCODING))
		return -1;
	return http_negotiate(req->field[HTTP_FIELD_ACCEPT_ENCODING], offered, count);
}

/* One of the representations of a file. */
struct variant {
	u64		size;
	s64		mtime;
	struct span	etag;
	u8		tag[HTTP_ETAG_MAX];
};

static void describe(struct variant *v, u64 size, s64 mtime)
{
	bool valid = mtime > 1;

	*v = (struct variant){ .size = size, .mtime = HTTP_NO_MTIME };
	if (valid)
		v->etag = (struct span){ v->tag, http_etag_format(v->tag, mtime, size) };
	if (valid && mtime <= ANSWER_NOW)
		v->mtime = mtime;
}

/* The answer if @v is what is sent, and it is; returns whether it is 200 as without Range. */
static bool answer_range(const struct http_request *req, const struct variant *v,
			 const struct settings *settings, struct answer *out)
{
	/* RFC 9110 section 14.2: GET only; several lines cannot be one list. */
	if (req->method != HTTP_GET || !http_has_field(req, HTTP_FIELD_RANGE) ||
	    req->repeated & BIT(HTTP_FIELD_RANGE) ||
	    !http_cond_if_range(req, v->etag, v->mtime, ANSWER_NOW))
		return true;
	switch (http_ranges_parse(req->field[HTTP_FIELD_RANGE], v->size, out->ranges,
				  ARRAY_SIZE(out->ranges), &out->count)) {
	case HTTP_RANGES_PARTIAL:
		out->status = 206;
		break;
	case HTTP_RANGES_UNSATISFIABLE:
		out->status = 416;
		break;
	case HTTP_RANGES_INVALID:
		out->status = settings->bad_range_416 ? 416 : 200;
		break;
	case HTTP_RANGES_TOO_MANY:
		out->too_many = !settings->standalone;
		break;
	case HTTP_RANGES_IGNORED:
		break;
	}
	return out->status == 200 && !out->too_many;
}

/* A Range is one of the file, but of its sibling if If-Range has that one's tag. */
static const struct variant *
choose_by_range(const struct http_request *req, const struct variant *plain,
		const struct variant *coded, const struct settings *settings, struct answer *out)
{
	struct span tag = { NULL, 0 };

	if (http_has_field(req, HTTP_FIELD_IF_RANGE) &&
	    !(req->repeated & BIT(HTTP_FIELD_IF_RANGE)))
		tag = req->field[HTTP_FIELD_IF_RANGE];
	if (!tag.len || !span_eq(tag, coded->etag))
		return answer_range(req, plain, settings, out) ? coded : plain;
	if (!span_eq(tag, plain->etag))
		answer_range(req, coded, settings, out);
	return coded;
}

void answer(const struct http_request *req, const struct place *place,
	    const struct settings *settings, struct answer *out)
{
	u8 offered[HTTP_CODING_COUNT];
	int choice = choose(req, place, settings, offered);
	struct variant plain, coded;
	const struct variant *chosen = &plain;

	*out = (struct answer){ .status = 200, .coding = SPAN("identity") };
	describe(&plain, place->size, place->mtime);
	describe(&coded, ANSWER_SIBLING_SIZE, place->mtime);
	if (choice >= 0)
		chosen = choose_by_range(req, &plain, &coded, settings, out);
	else
		answer_range(req, &plain, settings, out);
	if (chosen == &coded)
		out->coding = http_coding_name(offered[choice]);

	switch (http_cond_eval(req, chosen->etag, chosen->mtime, ANSWER_NOW,
			       settings->ims_exact)) {
	case HTTP_COND_NOT_MODIFIED:
		out->status = 304;
		break;
	case HTTP_COND_FAILED:
		out->status = 412;
		break;
	case HTTP_COND_OK:
		return;
	}
	out->too_many = false;
	out->count = 0;
}

static bool is_hidden(struct span path)
{
	size_t i;

	for (i = 1; i < path.len; i++)
		if (path.ptr[i] == '.' && path.ptr[i - 1] == '/')
			return true;
	return false;
}

bool handed_over(const struct http_request *req, const struct http_target *target,
		 const char *why)
{
	if (!strcmp(why, "method"))
		return req->method != HTTP_GET && req->method != HTTP_HEAD;
	if (!strcmp(why, "upgrade"))
		return req->upgrade;
	if (!strcmp(why, "expect"))
		return req->expect;
	if (!strcmp(why, "body"))
		return req->chunked || req->content_length > BODY_DRAINED_MAX ||
		       (req->has_body && handed_over(req, target, "method"));
	if (!strcmp(why, "fields"))
		return req->repeated & HTTP_COND_FIELDS;
	if (!strcmp(why, "authorization"))
		return http_has_field(req, HTTP_FIELD_AUTHORIZATION);
	if (!strcmp(why, "other-scheme"))
		return target->other_scheme;
	if (!strcmp(why, "encoded-slash"))
		return target->encoded_slash;
	if (!strcmp(why, "hidden"))
		return is_hidden(target->path);
	return false;
}

bool handed_over_at_all(const struct http_request *req, const struct http_target *target)
{
	static const char *const reasons[] = {
		"method", "upgrade", "expect", "body", "fields", "authorization",
		"other-scheme", "encoded-slash", "hidden",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (handed_over(req, target, reasons[i]))
			return true;
	return false;
}

/* RFC 9112 section 3.2.2: an absolute target overrides the Host field. */
struct span answer_directory(const struct http_request *req, const struct http_target *target)
{
	static u8 buf[HTTP_HOST_MAX];
	struct span name = { NULL, 0 };
	size_t len;

	if (target->form == HTTP_FORM_ABSOLUTE)
		name = target->authority.name;
	else if (http_has_field(req, HTTP_FIELD_HOST))
		name = req->host.name;
	len = http_host_fold(name, buf, sizeof(buf));
	return len ? (struct span){ buf, len } : SPAN("none");
}

struct span answer_type(const struct http_target *target)
{
	static struct http_type list[512];
	static int count;
	unsigned int line;

	if (!count)
		count = http_types_parse((struct span){ (const u8 *)http_types_builtin,
							strlen(http_types_builtin) },
					 list, ARRAY_SIZE(list), &line);
	return http_types_find(list, count, target->path)->type;
}

struct span answer_location(const struct http_target *target)
{
	static u8 buf[16384];
	struct http_writer w;

	http_writer_init(&w, buf, sizeof(buf));
	http_uri_encode_path(&w, target->path);
	http_put_str(&w, "/");
	if (target->has_query) {
		http_put_str(&w, "?");
		http_put_span(&w, target->query);
	}
	return http_writer_ok(&w) ? (struct span){ buf, w.len } : SPAN("too long");
}
