// SPDX-License-Identifier: GPL-2.0
/*
 * A path is built segment by segment in the caller's buffer.  Escapes are
 * decoded, once, as the bytes go in; "." and ".." are looked for in what came
 * out, so that no spelling of them gets through (RFC 3986 section 5.2.4).
 */

#include "http/ctype.h"
#include "http/uri.h"

/*
 * @root <= @segment <= @pos <= @limit.  The byte before @segment is a "/", and
 * one byte at @limit is kept for the NUL.
 */
struct path_builder {
	u8	*root;
	u8	*segment;
	u8	*pos;
	u8	*limit;
	bool	encoded_slash;
};

static int refuse(enum http_error *why, enum http_error error)
{
	*why = error;
	return -EBADMSG;
}

static bool path_has_room(const struct path_builder *b, ptrdiff_t n)
{
	return b->limit - b->pos >= n;
}

/* There is a "%" at @p. */
static bool is_escape(const u8 *p, const u8 *end)
{
	return end - p >= 3 && http_is(p[1], HTTP_C_HEX) && http_is(p[2], HTTP_C_HEX);
}

/* Decode the escape at @p, which starts with "%". */
static enum http_error path_add_escape(struct path_builder *b, const u8 *p, const u8 *end)
{
	u8 c;

	if (!is_escape(p, end))
		return HTTP_ERR_BAD_ESCAPE;
	c = http_hex_value(p[1]) << 4 | http_hex_value(p[2]);
	if (http_is(c, HTTP_C_CTL))
		return HTTP_ERR_ESCAPED_CTL;
	/* An encoded slash is data: left as it is, it cannot become a separator. */
	if (!path_has_room(b, c == '/' ? 3 : 1))
		return HTTP_ERR_NAME_TOO_LONG;
	if (c == '/') {
		b->encoded_slash = true;
		memcpy(b->pos, "%2F", 3);
		b->pos += 3;
	} else {
		*b->pos++ = c;
	}
	return HTTP_ERR_NONE;
}

/* Add bytes up to the next "/", "?" or "#"; *cursor moves there. */
static enum http_error path_add_segment(struct path_builder *b, const u8 **cursor,
					const u8 *end)
{
	const u8 *p = *cursor;
	enum http_error error;

	for (;;) {
		const u8 *stop = end;

		if (!path_has_room(b, end - p))
			stop = p + (b->limit - b->pos);
		while (p < stop && http_is(*p, HTTP_C_PATH))
			*b->pos++ = *p++;
		if (p == end || *p == '/' || *p == '?' || *p == '#')
			break;
		if (p == stop)
			return HTTP_ERR_NAME_TOO_LONG;
		if (*p != '%')
			return HTTP_ERR_BAD_TARGET;	/* a raw control byte */
		error = path_add_escape(b, p, end);
		if (error)
			return error;
		p += 3;
	}
	*cursor = p;
	return HTTP_ERR_NONE;
}

/* Go back behind the "/" before the one that @segment stands on. */
static enum http_error path_drop_parent(struct path_builder *b)
{
	if (b->segment == b->root)
		return HTTP_ERR_ABOVE_ROOT;
	b->segment--;
	while (b->segment[-1] != '/')
		b->segment--;
	b->pos = b->segment;
	return HTTP_ERR_NONE;
}

/* The segment is complete: is it a name, or a movement, or nothing at all? */
static enum http_error path_close_segment(struct path_builder *b, bool slash)
{
	size_t len = b->pos - b->segment;

	if (!len)
		return HTTP_ERR_NONE;
	if (b->segment[0] == '.' && len == 1) {
		b->pos = b->segment;
		return HTTP_ERR_NONE;
	}
	if (b->segment[0] == '.' && b->segment[1] == '.' && len == 2)
		return path_drop_parent(b);
	if (len > HTTP_NAME_MAX)
		return HTTP_ERR_NAME_TOO_LONG;
	if (!slash)
		return HTTP_ERR_NONE;
	if (!path_has_room(b, 1))
		return HTTP_ERR_NAME_TOO_LONG;
	*b->pos++ = '/';
	b->segment = b->pos;
	return HTTP_ERR_NONE;
}

/*
 * Build @out->path from what stands at @p.  Returns where that ends: at "?",
 * "#" or @end.  Out of line, for the registers it takes.
 */
static noinline const u8 *build_path(const u8 *p, const u8 *end, u8 *path, size_t size,
				     struct http_target *out, enum http_error *why)
{
	struct path_builder b = { .root = path + 1, .segment = path + 1, .pos = path + 1 };
	bool slash = true;

	if (size < 2) {
		*why = HTTP_ERR_NAME_TOO_LONG;
		return NULL;
	}
	b.limit = path + size - 1;
	path[0] = '/';
	if (p < end && *p == '/')
		p++;
	while (slash) {
		*why = path_add_segment(&b, &p, end);
		if (*why)
			return NULL;
		slash = p < end && *p == '/';
		*why = path_close_segment(&b, slash);
		if (*why)
			return NULL;
		p += slash;
	}
	out->path = span_make(path, b.pos);
	out->encoded_slash = b.encoded_slash;
	return p;
}

/*
 * Skip what stands for itself and ends no segment, up to the first of eight
 * NULs at the latest.  What is below "&", is "/" or "?", which differ in one
 * bit, or is above "~" has its top bit set in one of the terms.  A borrow or a
 * carry comes only out of such a byte and goes upwards, so the lowest mark is
 * exact.
 */
static const u8 *skip_plain(const u8 *p)
{
	for (;; p += 8) {
		u64 word = load_le64(p);
		u64 low = word - EACH_BYTE('&');
		u64 separator = ((word | EACH_BYTE('/' ^ '?')) ^ EACH_BYTE('?')) - EACH_BYTE(1);
		u64 high = word + EACH_BYTE(1);
		u64 stop = (low | separator | high) & EACH_BYTE(0x80);

		if (stop)
			return p + first_marked_byte(stop);
	}
}

/*
 * Most paths stand in the target as they are.  Such a one is looked through in
 * the copy, where NULs behind it end the search.  A target as short as a name
 * may be has no name that is too long.
 *
 * Returns what build_path() would, or NULL if there is something to build.
 */
static const u8 *copy_path(const u8 *target, const u8 *end, u8 *path, size_t size,
			   struct http_target *out)
{
	size_t len = end - target;
	const u8 *p = path;

	if (len > HTTP_NAME_MAX || len + sizeof(u64) > size)
		return NULL;
	memcpy(path, target, len);
	memset(path + len, 0, sizeof(u64));
	while (*p == '/') {
		if (p[1] == '/' || p[1] == '.')
			return NULL;
		p = skip_plain(p + 1);
	}
	/* No slash at all, or more than a query behind the path? */
	if (p == path || (p != path + len && *p != '?'))
		return NULL;
	out->path = span_make(path, p);
	return target + (p - path);
}

/* "[ path ] [ '?' query ]" from @start on, where the path may be absent. */
static int resolve_path(const u8 *start, const u8 *end, u8 *path, size_t size,
			struct http_target *out, enum http_error *why)
{
	const u8 *p = copy_path(start, end, path, size, out);

	if (unlikely(!p))
		p = build_path(start, end, path, size, out, why);
	if (!p)
		return -EBADMSG;

	if (p < end && *p == '?') {
		out->has_query = true;
		out->query = span_make(++p, end);
		while (p < end && *p != '#')
			p++;
	}
	if (p < end)
		return refuse(why, HTTP_ERR_FRAGMENT);

	path[out->path.len] = '\0';
	out->trailing_slash = path[out->path.len - 1] == '/';
	return 0;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), RFC 3986 section 3.1 */
static bool is_scheme(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		u8 c = ascii_lower(s.ptr[i]);

		if (c >= 'a' && c <= 'z')
			continue;
		if (!i || !(http_is(c, HTTP_C_DIGIT) || c == '+' || c == '-' || c == '.'))
			return false;
	}
	return s.len;
}

/* There is no path behind what stands there, with or without an error. */
static const u8 *no_path(enum http_error *why, enum http_error error)
{
	*why = error;
	return NULL;
}

/* absolute-form: scheme "://" authority path */
static const u8 *skip_authority(struct span target, struct http_target *out,
				enum http_error *why)
{
	const u8 *end = target.ptr + target.len;
	const u8 *p = target.ptr;
	struct span authority;
	struct span scheme;

	while (p < end && *p != ':')
		p++;
	scheme = span_make(target.ptr, p);
	if (!is_scheme(scheme) || end - p < 3 || memcmp(p, "://", 3))
		return no_path(why, HTTP_ERR_BAD_TARGET);
	out->form = HTTP_FORM_ABSOLUTE;
	if (!span_eq_nocase(scheme, SPAN("http"))) {
		out->other_scheme = true;
		return no_path(why, HTTP_ERR_NONE);
	}

	p += 3;
	authority.ptr = p;
	while (p < end && *p != '/' && *p != '?' && *p != '#') {
		/* RFC 9110 section 4.2.4: an error, and a trick on users */
		if (*p == '@')
			return no_path(why, HTTP_ERR_USERINFO);
		p++;
	}
	authority.len = p - authority.ptr;
	if (!http_host_parse(authority, &out->authority))
		return no_path(why, HTTP_ERR_HOST_BAD);
	return p;
}

/* authority-form names a port, as there is no default for a tunnel. */
static enum http_error resolve_authority(struct span target, struct http_target *out)
{
	out->form = HTTP_FORM_AUTHORITY;
	return http_host_parse(target, &out->authority) && out->authority.has_port ?
	       HTTP_ERR_NONE : HTTP_ERR_BAD_TARGET;
}

/*
 * All but origin-form.  Returns where the path begins; NULL if there is none, or *why.
 * Out of line, for the registers it takes.
 */
static noinline const u8 *resolve_other_form(struct span target, enum http_method method,
					     struct http_target *out, enum http_error *why)
{
	if (method == HTTP_CONNECT)
		return no_path(why, resolve_authority(target, out));
	if (span_eq(target, SPAN("*"))) {
		out->form = HTTP_FORM_ASTERISK;
		return no_path(why, method == HTTP_OPTIONS ? HTTP_ERR_NONE :
							     HTTP_ERR_BAD_TARGET);
	}
	return skip_authority(target, out, why);
}

/**
 * http_uri_resolve() - find out what a request target points at
 * @target: of a request that http_parse() accepted
 * @method: of the same request; CONNECT and OPTIONS have forms of their own
 * @path: where to build the path
 * @size: of @path
 * @out: what was found
 * @why: what is wrong, if anything
 *
 * The path starts with "/", ends with a NUL within @size, and between them has
 * no NUL, no control byte, no "//", no "." or ".." segment and no segment
 * longer than HTTP_NAME_MAX.  The caller must look at @out->other_scheme and
 * @out->encoded_slash before it serves anything.
 *
 * Return: 0, or -EBADMSG and *why
 */
int http_uri_resolve(struct span target, enum http_method method, u8 *path, size_t size,
		     struct http_target *out, enum http_error *why)
{
	const u8 *p = target.ptr;

	*why = HTTP_ERR_NONE;
	*out = (struct http_target){ .form = HTTP_FORM_ORIGIN };
	if (unlikely(!target.len || *p != '/' || method == HTTP_CONNECT)) {
		p = resolve_other_form(target, method, out, why);
		if (!p)
			return *why ? -EBADMSG : 0;
	}
	return resolve_path(p, target.ptr + target.len, path, size, out, why);
}

/**
 * http_uri_is_valid() - is a target made of what URIs are made of
 * @target: of a request that http_parse() accepted
 *
 * http_uri_resolve() takes more than that, as nginx does: any byte that is no control for
 * itself, and anything in a query.  The same bytes that nginx escapes in a path are those
 * that RFC 3986 section 2 has no place for, but for the three that mean something there.
 * "[" and "]" are among those that it has, though they belong into a host: forms write
 * them into queries, and so do browsers.
 *
 * Return: false if there is a byte that has to be escaped, or a "%" without its digits
 */
bool http_uri_is_valid(struct span target)
{
	const u8 *end = target.ptr + target.len;
	const u8 *p;

	for (p = target.ptr; p < end; p++) {
		if (*p == '%') {
			if (!is_escape(p, end))
				return false;
			p += 2;
		} else if (http_is(*p, HTTP_C_ESCAPE) && *p != '?') {
			return false;
		}
	}
	return true;
}

/**
 * http_uri_encode_path() - write a path as it may stand in a Location field
 * @w: where to
 * @path: decoded
 *
 * Exactly one slash comes out in front, since "//evil.example/" would be a
 * reference to another host (RFC 3986 section 4.2).  A backslash is escaped
 * like everything that nginx escapes; browsers take it for a slash.
 */
void http_uri_encode_path(struct http_writer *w, struct span path)
{
	static const char digits[] = "0123456789ABCDEF";
	const u8 *end = path.ptr + path.len;
	const u8 *p = path.ptr;

	while (p < end && *p == '/')
		p++;
	http_put_str(w, "/");
	while (p < end) {
		const u8 *start = p;
		u8 escape[3];

		while (p < end && !http_is(*p, HTTP_C_ESCAPE))
			p++;
		http_put_span(w, span_make(start, p));
		if (p == end)
			break;
		escape[0] = '%';
		escape[1] = digits[*p >> 4];
		escape[2] = digits[*p & 15];
		http_put(w, escape, sizeof(escape));
		p++;
	}
}
