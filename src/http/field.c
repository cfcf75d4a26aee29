// SPDX-License-Identifier: GPL-2.0
/*
 * Most lines of most heads have one of some dozens of names.  The first four bytes tell
 * which it can be, and a few words whether it is.  Of such a name nothing is left to be
 * checked: it is a token, and the colon follows.
 */

#include "http/field.h"

/* A byte of the name, its colon, or what may be anything. */
#define TEXT(name, i) \
	((i) < sizeof(name) - 1 ? (u64)(u8)(name)[(i) % sizeof(name)] : \
	 (i) == sizeof(name) - 1 ? (u64)':' : 0xffULL)

/* Its bits that do not matter */
#define FOLD(name, i) \
	(TEXT(name, i) == 0xff ? 0xffULL : TEXT(name, i) >= 'a' ? 0x20ULL : 0ULL)

#define EIGHT(OF, name, i) \
	(OF(name, i) | OF(name, (i) + 1) << 8 | OF(name, (i) + 2) << 16 | \
	 OF(name, (i) + 3) << 24 | OF(name, (i) + 4) << 32 | OF(name, (i) + 5) << 40 | \
	 OF(name, (i) + 6) << 48 | OF(name, (i) + 7) << 56)

#define WORD(name, i)	{ EIGHT(FOLD, name, i), EIGHT(TEXT, name, i) }

/* @name: lower-case letters and "-", at most 31 of them */
#define NAME(field, name) { \
	(field), sizeof(name), (sizeof(name) + 7) & ~7, \
	{ WORD(name, 0), WORD(name, 8), WORD(name, 16), WORD(name, 24) } \
}

#define OURS(field, name)	NAME(HTTP_FIELD_##field, name)
#define USUAL(name)		NAME(HTTP_FIELD_OTHER, name)

/* X(group, four bytes..., names...): all usual names that begin with these */
#define GROUPS(X) \
	X(acce, 'a', 'c', 'c', 'e', \
		OURS(ACCEPT_ENCODING, "accept-encoding"), USUAL("accept"), \
		USUAL("accept-language"), USUAL("accept-ranges"), \
		USUAL("access-control-allow-origin")) \
	X(age, 'a', 'g', 'e', ':', USUAL("age")) \
	X(alt, 'a', 'l', 't', '-', USUAL("alt-svc")) \
	X(auth, 'a', 'u', 't', 'h', OURS(AUTHORIZATION, "authorization")) \
	X(cache, 'c', 'a', 'c', 'h', USUAL("cache-control")) \
	X(conn, 'c', 'o', 'n', 'n', OURS(CONNECTION, "connection")) \
	X(cont, 'c', 'o', 'n', 't', \
		OURS(CONTENT_LENGTH, "content-length"), USUAL("content-type"), \
		USUAL("content-encoding"), USUAL("content-security-policy"), \
		USUAL("content-language"), USUAL("content-disposition")) \
	X(cook, 'c', 'o', 'o', 'k', USUAL("cookie")) \
	X(date, 'd', 'a', 't', 'e', USUAL("date")) \
	X(dnt, 'd', 'n', 't', ':', USUAL("dnt")) \
	X(etag, 'e', 't', 'a', 'g', USUAL("etag")) \
	X(expe, 'e', 'x', 'p', 'e', OURS(EXPECT, "expect")) \
	X(expi, 'e', 'x', 'p', 'i', USUAL("expires")) \
	X(host, 'h', 'o', 's', 't', OURS(HOST, "host")) \
	X(if_m, 'i', 'f', '-', 'm', \
		OURS(IF_MODIFIED_SINCE, "if-modified-since"), \
		OURS(IF_MATCH, "if-match")) \
	X(if_n, 'i', 'f', '-', 'n', OURS(IF_NONE_MATCH, "if-none-match")) \
	X(if_r, 'i', 'f', '-', 'r', OURS(IF_RANGE, "if-range")) \
	X(if_u, 'i', 'f', '-', 'u', OURS(IF_UNMODIFIED_SINCE, "if-unmodified-since")) \
	X(keep, 'k', 'e', 'e', 'p', USUAL("keep-alive")) \
	X(last, 'l', 'a', 's', 't', USUAL("last-modified")) \
	X(link, 'l', 'i', 'n', 'k', USUAL("link")) \
	X(loca, 'l', 'o', 'c', 'a', USUAL("location")) \
	X(orig, 'o', 'r', 'i', 'g', USUAL("origin")) \
	X(prag, 'p', 'r', 'a', 'g', USUAL("pragma")) \
	X(prio, 'p', 'r', 'i', 'o', USUAL("priority")) \
	X(rang, 'r', 'a', 'n', 'g', OURS(RANGE, "range")) \
	X(refe, 'r', 'e', 'f', 'e', \
		USUAL("referer"), USUAL("referrer-policy")) \
	X(sec, 's', 'e', 'c', '-', \
		USUAL("sec-fetch-site"), USUAL("sec-fetch-mode"), \
		USUAL("sec-fetch-dest"), USUAL("sec-fetch-user"), USUAL("sec-ch-ua"), \
		USUAL("sec-ch-ua-mobile"), USUAL("sec-ch-ua-platform")) \
	X(serv, 's', 'e', 'r', 'v', USUAL("server")) \
	X(set, 's', 'e', 't', '-', USUAL("set-cookie")) \
	X(stri, 's', 't', 'r', 'i', USUAL("strict-transport-security")) \
	X(tran, 't', 'r', 'a', 'n', OURS(TRANSFER_ENCODING, "transfer-encoding")) \
	X(upgr, 'u', 'p', 'g', 'r', \
		USUAL("upgrade-insecure-requests"), OURS(UPGRADE, "upgrade")) \
	X(user, 'u', 's', 'e', 'r', USUAL("user-agent")) \
	X(vary, 'v', 'a', 'r', 'y', USUAL("vary")) \
	X(via, 'v', 'i', 'a', ':', OURS(VIA, "via")) \
	X(x_ca, 'x', '-', 'c', 'a', USUAL("x-cache")) \
	X(x_co, 'x', '-', 'c', 'o', USUAL("x-content-type-options")) \
	X(x_fo, 'x', '-', 'f', 'o', \
		USUAL("x-forwarded-for"), USUAL("x-forwarded-host"), \
		USUAL("x-forwarded-proto")) \
	X(x_fr, 'x', '-', 'f', 'r', USUAL("x-frame-options")) \
	X(x_po, 'x', '-', 'p', 'o', USUAL("x-powered-by")) \
	X(x_re, 'x', '-', 'r', 'e', \
		USUAL("x-real-ip"), USUAL("x-request-id"), USUAL("x-requested-with")) \
	X(x_xs, 'x', '-', 'x', 's', USUAL("x-xss-protection"))

static const struct http_field_name
#define X(group, a, b, c, d, ...) \
	group[] = { __VA_ARGS__, { 0 } },
	GROUPS(X)
#undef X
	none[] = { { 0 } };

#define PLACE(a, b, c, d) \
	HTTP_FIELD_PLACE((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

/* The compiler complains about two in one place. */
const struct http_field_name *const http_field_places[1 << HTTP_FIELD_PLACES_LOG] = {
#define X(group, a, b, c, d, ...) \
	[PLACE(a, b, c, d)] = group,
	GROUPS(X)
#undef X
};

static const struct span names[HTTP_FIELD_COUNT] = {
#define X(name, text) \
	[HTTP_FIELD_##name] = SPAN_INIT(text),
	HTTP_FIELDS(X)
#undef X
};

/**
 * http_field_lookup() - tell which field a name means
 * @name: a token; case does not matter
 *
 * Return: the field, HTTP_FIELD_OTHER if it is none of ours
 */
enum http_field http_field_lookup(struct span name)
{
	const struct http_field_name *usual = none;

	/* It has no four letters. */
	if (span_eq_nocase(name, names[HTTP_FIELD_VIA]))
		return HTTP_FIELD_VIA;
	if (name.len >= sizeof(u32))
		usual = http_field_places[HTTP_FIELD_PLACE(load_le32(name.ptr))] ?: none;
	for (; usual->size; usual++)
		if (usual->field && span_is_word(name, names[usual->field]))
			return usual->field;
	return HTTP_FIELD_OTHER;
}

/* Behind the LF of the line that @p is in: a head that was parsed has one. */
static const u8 *next_line(const u8 *p)
{
	while (*p != '\n')
		p++;
	return p + 1;
}

/* Of a line that was parsed: its name, and what stands behind the colon. */
static struct span split_line(const u8 *line, struct span *value)
{
	const u8 *colon = line;
	const u8 *end;

	while (*colon != ':')
		colon++;
	end = colon + 1;
	while (*end != '\r' && *end != '\n')
		end++;
	*value = span_trim(span_make(colon + 1, end));
	return span_make(line, colon);
}

/**
 * http_field_next() - the next line of a field that has several
 * @value: of one line, in a head that was parsed; out: of the next one, trimmed
 * @field: which
 *
 * Only the first of them is in the request: this is for the few who want the others.  The
 * empty line that ends the head ends this, too.
 *
 * Return: false if there is none
 */
bool http_field_next(struct span *value, enum http_field field)
{
	const u8 *line = next_line(value->ptr + value->len);

	for (; *line != '\r' && *line != '\n'; line = next_line(line)) {
		struct span name = split_line(line, value);

		if (http_field_lookup(name) == field)
			return true;
	}
	return false;
}
