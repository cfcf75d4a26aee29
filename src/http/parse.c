// SPDX-License-Identifier: GPL-2.0
/*
 * Each parse_*() takes a cursor and returns the cursor behind what it read, or
 * NULL.  With NULL, *why tells what is wrong, or is still HTTP_ERR_NONE if
 * the bytes end too early to know.
 *
 * Everything is judged strictly from left to right and never by looking ahead
 * at what may not have come yet.  That is why the verdict does not depend on
 * how the bytes were split, and why rubbish is refused at its first byte.
 */

#include "http/ctype.h"
#include "http/framing.h"
#include "http/parse.h"

static const u8 *refuse(enum http_error *why, enum http_error error)
{
	*why = error;
	return NULL;
}

/* Some bytes are telling wherever they stand. */
static enum http_error bad_byte(u8 c, enum http_error otherwise)
{
	if (!c)
		return HTTP_ERR_NUL;
	return c == '\n' ? HTTP_ERR_BARE_LF : otherwise;
}

static bool is_lf(u8 c, unsigned int flags)
{
	return c == '\n' && (flags & HTTP_PARSE_LENIENT);
}

/* One comparison lets pass what lines usually begin with. */
static bool is_line_end(u8 c, unsigned int flags)
{
	return c <= '\r' && (c == '\r' || is_lf(c, flags));
}

/* Anything but CRLF: LF alone, a line that is still coming, an error. */
static const u8 *parse_odd_line_end(const u8 *p, const u8 *end, unsigned int flags,
				    enum http_error otherwise, enum http_error *why)
{
	if (p == end)
		return NULL;
	if (*p != '\r')
		return is_lf(*p, flags) ? p + 1 : refuse(why, bad_byte(*p, otherwise));
	if (++p == end)
		return NULL;
	if (*p != '\n')
		return refuse(why, HTTP_ERR_BARE_CR);
	return p + 1;
}

static inline const u8 *parse_line_end(const u8 *p, const u8 *end, unsigned int flags,
				       enum http_error otherwise, enum http_error *why)
{
	if (likely(http_at_crlf(p, end)))
		return p + 2;
	return parse_odd_line_end(p, end, flags, otherwise, why);
}

/* RFC 9112 section 2.2: some clients send an empty line after a body. */
static const u8 *parse_empty_lines(const u8 *p, const u8 *end, unsigned int flags,
				   enum http_error *why)
{
	unsigned int lines;

	for (lines = 0; lines < 2; lines++) {
		if (p == end || !is_line_end(*p, flags))
			return p;
		p = parse_line_end(p, end, flags, HTTP_ERR_NOT_HTTP, why);
		if (!p)
			return NULL;
	}
	return p;
}

/*
 * The header of PROXY protocol version 2 begins with two empty lines, so it is
 * told from a request only behind them.  Returns @start, or NULL.
 */
static const u8 *parse_proxy_v2(const u8 *start, const u8 *end, enum http_error *why)
{
	static const u8 signature[] = "\r\n\r\n\0\r\nQUIT\n";
	const size_t all = sizeof(signature) - 1;
	const size_t telling = 5;
	size_t len = end - start;

	if (len < telling || *start != '\r' ||
	    memcmp(start, signature, min(len, all)))
		return start;
	return len < all ? NULL : refuse(why, HTTP_ERR_PROXY);
}

/* Version 1 is a line of text: "PROXY TCP4 192.0.2.1 192.0.2.2 50000 80". */
static bool is_proxy_v1(const struct http_request *req, const u8 *start)
{
	return req->method_text.ptr == start && span_eq(req->method_text, SPAN("PROXY"));
}

static enum http_error bad_method(u8 c, bool first, unsigned int flags)
{
	if (first && (c != '\n' || is_lf(c, flags)) && (c >= 0x80 || http_is(c, HTTP_C_CTL)))
		return HTTP_ERR_NOT_HTTP;
	return bad_byte(c, HTTP_ERR_BAD_METHOD);
}

static const u8 *parse_method(const u8 *p, const u8 *end, unsigned int flags,
			      struct http_request *req, enum http_error *why)
{
	const u8 *start = p;

	p = http_skip_class(p, end, HTTP_C_TCHAR);
	req->method_text = span_make(start, p);
	if (req->method_text.len > HTTP_METHOD_MAX)
		return refuse(why, HTTP_ERR_METHOD_TOO_LONG);
	if (p == end)
		return NULL;
	if (*p != ' ' || p == start)
		return refuse(why, bad_method(*p, p == start, flags));
	req->method = http_method_lookup(req->method_text);
	return p + 1;
}

static const u8 *parse_target(const u8 *p, const u8 *end, unsigned int flags,
			      struct http_request *req, enum http_error *why)
{
	const u8 *start = p;

	p = http_skip_target(p, end);
	req->target = span_make(start, p);
	if (p == end)
		return NULL;
	if (likely(*p == ' ' && p != start))
		return p + 1;
	if (is_line_end(*p, flags) && p != start)
		return refuse(why, HTTP_ERR_BAD_VERSION);	/* HTTP/0.9 */
	return refuse(why, bad_byte(*p, HTTP_ERR_BAD_TARGET));
}

/* RFC 9113 section 3.4: sent as a request that no HTTP/1 server can honour. */
static bool is_h2_preface(const struct http_request *req)
{
	return span_eq(req->method_text, SPAN("PRI")) && span_eq(req->target, SPAN("*"));
}

/* All of "SP HTTP/1.0 CRLF" or "SP HTTP/1.1 CRLF" */
static inline bool is_usual_version(const u8 *p, const u8 *end)
{
	return end - p >= 11 && !memcmp(p, " HTTP/1.", 8) &&
	       (p[8] == '0' || p[8] == '1') && !memcmp(p + 9, "\r\n", 2);
}

static const u8 *parse_version(const u8 *p, const u8 *end, unsigned int flags,
			       struct http_request *req, enum http_error *why)
{
	static const u8 form[] = "HTTP/0.0";	/* "0" is any digit */
	u8 major, minor;
	size_t i;

	if (likely(is_usual_version(p - 1, end))) {
		req->minor = p[7] - '0';
		return p + 10;
	}
	for (i = 0; i < sizeof(form) - 1; i++, p++) {
		if (p == end)
			return NULL;
		if (form[i] == '0' ? !http_is(*p, HTTP_C_DIGIT) : *p != form[i])
			return refuse(why, bad_byte(*p, HTTP_ERR_BAD_VERSION));
	}
	major = p[-3] - '0';
	minor = p[-1] - '0';
	p = parse_line_end(p, end, flags, HTTP_ERR_BAD_VERSION, why);
	if (!p)
		return NULL;
	if (!major)
		return refuse(why, HTTP_ERR_BAD_VERSION);
	if (major > 1)
		return refuse(why, is_h2_preface(req) ? HTTP_ERR_H2_PREFACE :
							HTTP_ERR_VERSION_UNSUPPORTED);
	/* RFC 9110 section 2.5: a higher minor version is one we understand. */
	req->minor = minor > 0;
	return p;
}

/*
 * What http_framing_field() needs to know is complete at the end of the line.  Whitespace
 * behind a value ends at the colon in front of it, if not before.
 */
static enum http_error take_field(struct http_request *req, enum http_field field,
				  struct span value)
{
	const u8 *end = value.ptr + value.len;

	while (is_ows(end[-1]))
		end--;
	while (value.ptr < end && is_ows(*value.ptr))
		value.ptr++;
	value.len = end - value.ptr;
	if (unlikely(http_has_field(req, field))) {
		req->repeated |= BIT(field);
	} else {
		req->seen |= BIT(field);
		req->field[field] = value;
	}
	return http_framing_field(req, field, value);
}

/* @c ended the field name and is not the colon, or there is no name. */
static enum http_error bad_name(u8 c, bool first, unsigned int flags)
{
	if (is_ows(c))
		return first ? HTTP_ERR_OBS_FOLD : HTTP_ERR_SPACE_BEFORE_COLON;
	if (is_line_end(c, flags))
		return HTTP_ERR_NO_COLON;
	return bad_byte(c, HTTP_ERR_BAD_FIELD_NAME);
}

/* A line of any kind.  Out of line, for the registers it takes. */
static noinline const u8 *parse_field_line(const u8 *p, const u8 *end, unsigned int flags,
					   struct http_request *req, enum http_error *why)
{
	struct span name, value;
	const u8 *start = p;
	enum http_field field;

	p = http_skip_class(p, end, HTTP_C_TCHAR);
	if (p == end)
		return NULL;
	if (*p != ':' || p == start)
		return refuse(why, bad_name(*p, p == start, flags));
	name = span_make(start, p);

	start = ++p;
	p = http_skip_field_value(p, end);
	value = span_make(start, p);
	p = parse_line_end(p, end, flags, HTTP_ERR_BAD_FIELD_VALUE, why);
	if (!p)
		return NULL;
	field = http_field_lookup(name);
	if (field == HTTP_FIELD_OTHER)
		return p;
	*why = take_field(req, field, value);
	return *why ? NULL : p;
}

static noinline const u8 *parse_request_line(const u8 *start, const u8 *end,
					     unsigned int flags, struct http_request *req,
					     enum http_error *why)
{
	const u8 *p;

	p = start;
	if (unlikely(p < end && is_line_end(*p, flags))) {
		p = parse_proxy_v2(start, end, why);
		if (p)
			p = parse_empty_lines(p, end, flags, why);
	}
	if (p)
		p = parse_method(p, end, flags, req, why);
	if (p && req->method == HTTP_METHOD_OTHER && is_proxy_v1(req, start))
		return refuse(why, HTTP_ERR_PROXY);
	if (p)
		p = parse_target(p, end, flags, req, why);
	if (p)
		p = parse_version(p, end, flags, req, why);
	return p;
}

/*
 * What parse_request_line() would do with "GET target HTTP/1.1 CRLF", or 1.0.  NULL if
 * it is not that, or not all of it; then nothing has been done.
 */
static inline const u8 *parse_usual_request_line(const u8 *p, const u8 *end,
						 struct http_request *req)
{
	const u8 *target, *behind;

	if (end - p < 16 || memcmp(p, "GET ", 4))
		return NULL;
	target = p + 4;
	behind = http_skip_ascii(target, end, ' ' + 1);
	if (behind == target || !is_usual_version(behind, end))
		return NULL;
	req->method = HTTP_GET;
	req->method_text = span_make(p, p + 3);
	req->target = span_make(target, behind);
	req->minor = behind[8] - '0';
	return behind + 11;
}

/**
 * http_parse_fields() - parse the field lines of a head, with its empty line
 * @p: behind the first line of a request or of a response
 * @end: of what has come
 * @flags: HTTP_PARSE_*
 * @req: takes the fields; begun with http_request_init(), with its @minor
 * @why: in: HTTP_ERR_NONE; out: what is wrong
 *
 * Return: behind the empty line; NULL if that has not come, or with @why set
 */
const u8 *http_parse_fields(const u8 *p, const u8 *end, unsigned int flags,
			    struct http_request *req, enum http_error *why)
{
	/* There is a word: the first line is longer. */
	const u8 *last = end - 8;
	unsigned int lines;

	for (lines = 0; lines < HTTP_FIELDS_MAX; lines++) {
		const struct http_field_name *name = NULL;
		const u8 *q;

		/* As most lines are, they are done with here. */
		if (likely(p <= last))
			name = http_field_at(p, end);
		if (likely(name && !name->field)) {
			q = http_skip_words(p + name->len, last, ' ');
			if (likely(q <= last + 6 && !memcmp(q, "\r\n", 2))) {
				p = q + 2;
				continue;
			}
		} else if (name) {
			q = http_framing_usual(p + name->len, end, req, name->field);
			if (likely(q)) {
				p = q;
				continue;
			}
		} else if (p == end || is_line_end(*p, flags)) {
			break;
		}
		p = parse_field_line(p, end, flags, req, why);
		if (!p)
			return NULL;
	}
	if (p < end && !is_line_end(*p, flags))
		return refuse(why, HTTP_ERR_TOO_MANY_FIELDS);
	return parse_line_end(p, end, flags, HTTP_ERR_NO_COLON, why);
}

/**
 * http_parse() - parse the head of a request and check its framing
 * @buf: all bytes of this request that have come so far
 * @len: how many
 * @max: how long a head may be
 * @flags: HTTP_PARSE_*
 * @req: out
 * @why: out: HTTP_ERR_NONE unless the return value is -EBADMSG
 *
 * Keeps no state: when more bytes have come, pass the old ones once more.  No
 * byte behind the head is looked at.
 *
 * Return: the length of the head with its empty line, always > 0;
 * -EAGAIN if there is nothing wrong so far but the head is not complete;
 * -EBADMSG if no further bytes can make a valid request of this.
 */
ssize_t http_parse(const u8 *buf, size_t len, size_t max, unsigned int flags,
		   struct http_request *req, enum http_error *why)
{
	const u8 *end = buf + min(len, max);
	enum http_error full = HTTP_ERR_TARGET_TOO_LONG;
	const u8 *p;

	*why = HTTP_ERR_NONE;
	http_request_init(req);
	req->lenient = flags & HTTP_PARSE_LENIENT;
	req->method_text = (struct span){ NULL, 0 };
	req->target = (struct span){ NULL, 0 };
	p = parse_usual_request_line(buf, end, req);
	if (unlikely(!p))
		p = parse_request_line(buf, end, flags, req, why);
	if (p) {
		full = HTTP_ERR_HEAD_TOO_LARGE;
		p = http_parse_fields(p, end, flags, req, why);
	}
	if (p) {
		*why = http_framing_finish(req);
		if (*why)
			return -EBADMSG;
		req->head_len = p - buf;
		return p - buf;
	}
	if (!*why && len >= max)
		*why = full;
	return *why ? -EBADMSG : -EAGAIN;
}
