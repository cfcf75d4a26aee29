/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pointer and a length into somebody else's bytes.  A span owns nothing and
 * is not NUL-terminated; it is valid as long as the buffer it was cut from.
 */
#ifndef SLUICE_HTTP_SPAN_H
#define SLUICE_HTTP_SPAN_H

#include "http/pure.h"

struct span {
	const u8	*ptr;
	size_t		len;
};

/* For static tables, where a compound literal is not a constant. */
#define SPAN_INIT(lit)	{ (const u8 *)(lit), sizeof(lit) - 1 }
#define SPAN(lit)	((struct span)SPAN_INIT(lit))

static inline struct span span_make(const u8 *ptr, const u8 *end)
{
	return (struct span){ ptr, end - ptr };
}

static inline bool span_is_empty(struct span s)
{
	return !s.len;
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && !memcmp(a.ptr, b.ptr, a.len);
}

static inline u8 ascii_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* ASCII only: field names and tokens have no locale. */
static inline bool span_eq_nocase(struct span a, struct span b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (a.ptr[i] != b.ptr[i] && ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

/*
 * In any case, and quickly: is @s, a token or part of a field value, @lower,
 * four or more letters and "-"?  OR 0x20 makes these of themselves and of the
 * upper-case letters, and "-" of CR, which @s does not have.  The last four
 * bytes may overlap those before.
 */
static inline bool span_is_word(struct span s, struct span lower)
{
	const u32 fold = 0x20202020;
	size_t last = lower.len - 4;
	size_t i;

	if (s.len != lower.len)
		return false;
	for (i = 0; i < last; i += 4)
		if ((load_le32(s.ptr + i) | fold) != load_le32(lower.ptr + i))
			return false;
	return (load_le32(s.ptr + last) | fold) == load_le32(lower.ptr + last);
}

/* OWS = *( SP / HTAB ), RFC 9110 section 5.6.3 */
static inline bool is_ows(u8 c)
{
	return c == ' ' || c == '\t';
}

static inline struct span span_trim(struct span s)
{
	while (s.len && is_ows(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && is_ows(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/**
 * span_next_item() - take the next element of a comma-separated list
 * @rest: in: what is left of the list; out: what is left after @item
 * @item: the element without the whitespace around it, possibly empty
 *
 * Quotes are not understood, so this is for lists of tokens.  Empty elements
 * are reported, since RFC 9110 section 5.6.1.2 makes most callers skip them
 * but a Transfer-Encoding had better not have any.
 *
 * Return: false when the list is used up; the empty list has one empty item.
 */
static inline bool span_next_item(struct span *rest, struct span *item)
{
	const u8 *p = rest->ptr;
	const u8 *end;

	if (!p)
		return false;
	end = p + rest->len;
	while (p < end && *p != ',')
		p++;
	*item = span_trim(span_make(rest->ptr, p));
	*rest = p < end ? span_make(p + 1, end) : (struct span){ NULL, 0 };
	return true;
}

/**
 * span_next_line() - take the next line of a text that people write
 * @rest: in: what is left of the text; out: what is left behind @line
 * @line: the line without its LF, which the last one need not have
 *
 * Return: false when the text is used up
 */
static inline bool span_next_line(struct span *rest, struct span *line)
{
	const u8 *p = rest->ptr;
	const u8 *end;

	if (!rest->len)
		return false;
	end = p + rest->len;
	while (p < end && *p != '\n')
		p++;
	*line = span_make(rest->ptr, p);
	*rest = span_make(p < end ? p + 1 : p, end);
	return true;
}

#endif /* SLUICE_HTTP_SPAN_H */
