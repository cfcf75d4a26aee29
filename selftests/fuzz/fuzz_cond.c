// SPDX-License-Identifier: GPL-2.0
/*
 * Conditions: the input is field lines.  Whether fields that RFC 9110 lets be ignored
 * are, whether tags compare as they should, and that nothing but its condition brings
 * about a 304 or a 412.
 */

#include <stdio.h>

#include "fuzz.h"
#include "http/cond.h"
#include "http/date.h"
#include "http/etag.h"

#define NOW	1732230000LL
#define TAGS	(BIT(HTTP_FIELD_IF_MATCH) | BIT(HTTP_FIELD_IF_NONE_MATCH))

static const char *const tags[] = { "", "\"a\"", "W/\"a\"", "\"6553f100-3e8\"", "\"\"" };
static const s64 mtimes[] = { HTTP_NO_MTIME, 0, 784111777, 1700000000, NOW };

static u8 list[FUZZ_INPUT_MAX + 64];

static struct span text(const char *s)
{
	return (struct span){ (const u8 *)s, strlen(s) };
}

static bool in_joined(struct span a, struct span b, struct span etag, bool weak)
{
	memcpy(list, a.ptr, a.len);
	memcpy(list + a.len, ", ", 2);
	memcpy(list + a.len + 2, b.ptr, b.len);
	return http_etag_in_list(fuzz_flush(list, a.len + b.len + 2), etag, weak);
}

/* A list is searched to its end, wherever the tag stands, and by the rules for it. */
static void check_tags(struct span value)
{
	struct span strong = text(tags[1]), its_weak = text(tags[2]);
	bool well_formed, found, found_weakly;

	if (value.len > FUZZ_INPUT_MAX)
		return;
	well_formed = in_joined(value, text("\"\x80,\""), text("\"\x80,\""), false);
	found = http_etag_in_list(value, strong, false);
	found_weakly = http_etag_in_list(value, strong, true);
	check(!found || found_weakly);
	check(!found_weakly || well_formed);
	check(http_etag_in_list(value, its_weak, true) == found_weakly);
	check(!http_etag_in_list(value, its_weak, false));
	check(!http_etag_in_list(value, text(""), true));
	check(in_joined(text("\"b\""), value, strong, false) == found);
	check(in_joined(value, strong, strong, false) == well_formed);
	check(in_joined(its_weak, value, strong, false) == found);
	check(in_joined(its_weak, value, strong, true) == well_formed);
}

static void check_format(s64 mtime, u64 size)
{
	char want[64];
	u8 *buf = unit_guard_end("", 0) - HTTP_ETAG_MAX;
	size_t len = http_etag_format(buf, mtime, size);

	snprintf(want, sizeof(want), "\"%llx-%llx\"", (u64)mtime, size);
	check(len == strlen(want) && !memcmp(buf, want, len));
	check(http_etag_in_list((struct span){ buf, len }, (struct span){ buf, len }, false));
}

static enum http_cond eval(struct http_request req, unsigned long without, struct span etag,
			   s64 mtime)
{
	req.seen &= ~without;
	return http_cond_eval(&req, etag, mtime, NOW, false);
}

static void check_conditions(struct http_request req, struct span etag, s64 mtime)
{
	enum http_cond get, post;

	req.repeated = 0;
	req.method = HTTP_GET;
	get = eval(req, 0, etag, mtime);
	check(eval(req, HTTP_COND_FIELDS, etag, mtime) == HTTP_COND_OK);
	if (http_has_field(&req, HTTP_FIELD_IF_MATCH))
		check(eval(req, BIT(HTTP_FIELD_IF_UNMODIFIED_SINCE), etag, mtime) == get);
	if (http_has_field(&req, HTTP_FIELD_IF_NONE_MATCH))
		check(eval(req, BIT(HTTP_FIELD_IF_MODIFIED_SINCE), etag, mtime) == get);
	if (mtime == HTTP_NO_MTIME)
		check(eval(req, ~TAGS, etag, mtime) == get);
	/* Each has one outcome besides that the request is performed. */
	check(eval(req, ~BIT(HTTP_FIELD_IF_MATCH), etag, mtime) != HTTP_COND_NOT_MODIFIED);
	check(eval(req, ~BIT(HTTP_FIELD_IF_NONE_MATCH), etag, mtime) != HTTP_COND_FAILED);
	check(eval(req, ~BIT(HTTP_FIELD_IF_MODIFIED_SINCE), etag, mtime) != HTTP_COND_FAILED);
	check(eval(req, ~BIT(HTTP_FIELD_IF_UNMODIFIED_SINCE), etag, mtime) !=
	      HTTP_COND_NOT_MODIFIED);

	if (http_cond_eval(&req, etag, mtime, NOW, true) != get)
		check(get == HTTP_COND_NOT_MODIFIED);
	req.method = HTTP_HEAD;
	check(eval(req, 0, etag, mtime) == get);
	req.method = HTTP_POST;
	post = eval(req, 0, etag, mtime);
	check(post != HTTP_COND_NOT_MODIFIED);
	check(post != HTTP_COND_FAILED || get != HTTP_COND_OK);
}

/* With a condition on a range that holds, it is the same file: a tag, or a date. */
static void check_if_range(const struct http_request *req, struct span etag, s64 mtime)
{
	struct span value = req->field[HTTP_FIELD_IF_RANGE];
	u8 date[HTTP_DATE_LEN];

	if (!http_cond_if_range(req, etag, mtime, NOW) ||
	    !http_has_field(req, HTTP_FIELD_IF_RANGE))
		return;
	check(!(req->repeated & BIT(HTTP_FIELD_IF_RANGE)));
	if (value.ptr[0] == '"') {
		check(span_eq(value, etag));
		return;
	}
	check(mtime != HTTP_NO_MTIME);
	http_date_format(date, mtime);
	if (value.len == HTTP_DATE_LEN && memcmp(value.ptr + 23, "60", 2))
		check(!memcmp(value.ptr + 4, date + 4, HTTP_DATE_LEN - 4));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static const char start[] = "GET / HTTP/1.0\r\n";
	static u8 head[FUZZ_INPUT_MAX + 64];
	struct http_request req;
	enum http_error why;
	size_t n = 0;
	size_t i, j;

	if (len > FUZZ_INPUT_MAX)
		return 0;
	memcpy(head, start, sizeof(start) - 1);
	n += sizeof(start) - 1;
	memcpy(head + n, data, len);
	n += len;
	memcpy(head + n, "\r\n\r\n", 4);
	if (http_parse(head, n + 4, sizeof(head), 0, &req, &why) <= 0)
		return 0;
	for (i = HTTP_FIELD_IF_MATCH; i <= HTTP_FIELD_IF_NONE_MATCH; i++)
		if (http_has_field(&req, i) && (TAGS & BIT(i)))
			check_tags(req.field[i]);
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		for (j = 0; j < ARRAY_SIZE(mtimes); j++) {
			check_conditions(req, text(tags[i]), mtimes[j]);
			check_if_range(&req, text(tags[i]), mtimes[j]);
		}
	}
	check_format(len ? data[0] * 0x123456789abcdLL : 0, len * len);
	return 0;
}
