/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a byte may be in HTTP: one table look-up instead of chains of
 * comparisons, and word-wise skipping where long runs are expected.
 */
#ifndef SLUICE_HTTP_CTYPE_H
#define SLUICE_HTTP_CTYPE_H

#include "http/pure.h"
#include "http/span.h"

#define HTTP_C_TCHAR	0x01	/* token, RFC 9110 section 5.6.2 */
#define HTTP_C_FIELD	0x02	/* field value: HTAB, SP, VCHAR, obs-text */
#define HTTP_C_DIGIT	0x04
#define HTTP_C_HEX	0x08
#define HTTP_C_HOST	0x10	/* reg-name except "%", RFC 3986 section 3.2.2 */
#define HTTP_C_PATH	0x20	/* stands for itself in a path: not "/", "?", "#", "%" */
#define HTTP_C_ESCAPE	0x40	/* nginx escapes it in a path (NGX_ESCAPE_URI) */
#define HTTP_C_CTL	0x80	/* 0x00-0x1f and DEL */

extern const u8 http_ctype[256];

static inline bool http_is(u8 c, u8 class)
{
	return http_ctype[c] & class;
}

/* The caller has checked that @c is HTTP_C_HEX. */
static inline u8 http_hex_value(u8 c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/*
 * Skip to the first byte that is not in @class.  Names and tokens are the bulk
 * of a head, hence one bound for eight bytes, and inline for a constant @class.
 */
static inline const u8 *http_skip_class(const u8 *p, const u8 *end, u8 class)
{
	for (; end - p >= 8; p += 8) {
		if (!http_is(p[0], class))
			return p;
		if (!http_is(p[1], class))
			return p + 1;
		if (!http_is(p[2], class))
			return p + 2;
		if (!http_is(p[3], class))
			return p + 3;
		if (!http_is(p[4], class))
			return p + 4;
		if (!http_is(p[5], class))
			return p + 5;
		if (!http_is(p[6], class))
			return p + 6;
		if (!http_is(p[7], class))
			return p + 7;
	}
	while (p < end && http_is(*p, class))
		p++;
	return p;
}

/* token = 1*tchar */
static inline bool http_is_token(struct span s)
{
	const u8 *end = s.ptr + s.len;

	return s.len && http_skip_class(s.ptr, end, HTTP_C_TCHAR) == end;
}

/*
 * Which bytes of a word are not printable ASCII from @floor on?  A byte c is not if c -
 * @floor or c + 1 has its top bit set.  A borrow or a carry comes only out of such a byte
 * and goes upwards, so the lowest mark is exact.
 */
static inline u64 http_mark_other(u64 word, u8 floor)
{
	return ((word - EACH_BYTE(floor)) | (word + EACH_BYTE(1))) & EACH_BYTE(0x80);
}

/*
 * Skip words of printable ASCII from @floor on, up to the first other byte.  @last is
 * where the last word of the input begins, which has one.
 */
static inline const u8 *http_skip_words(const u8 *p, const u8 *last, u8 floor)
{
	for (; p <= last; p += 8) {
		u64 other = http_mark_other(load_le64(p), floor);

		if (other)
			return p + first_marked_byte(other);
	}
	return p;
}

static inline const u8 *http_skip_ascii(const u8 *p, const u8 *end, u8 floor)
{
	return end - p < 8 ? p : http_skip_words(p, end - 8, floor);
}

const u8 *http_skip_value_bytes(const u8 *p, const u8 *end);
const u8 *http_skip_target_bytes(const u8 *p, const u8 *end);

static inline bool http_at_crlf(const u8 *p, const u8 *end)
{
	return end - p >= 2 && !memcmp(p, "\r\n", 2);
}

/* The words of most values end where the value does, as do those of targets. */
static inline const u8 *http_skip_field_value(const u8 *p, const u8 *end)
{
	p = http_skip_ascii(p, end, ' ');
	if (likely(http_at_crlf(p, end)))
		return p;
	return http_skip_value_bytes(p, end);
}

static inline const u8 *http_skip_target(const u8 *p, const u8 *end)
{
	p = http_skip_ascii(p, end, ' ' + 1);
	if (likely(p < end && *p == ' '))
		return p;
	return http_skip_target_bytes(p, end);
}

#endif /* SLUICE_HTTP_CTYPE_H */
