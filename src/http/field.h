/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fields that sluice looks at; all others are only checked.  How a field is told by
 * its name: at the begin of a line by comparing words if it is a usual one, see field.c.
 */
#ifndef SLUICE_HTTP_FIELD_H
#define SLUICE_HTTP_FIELD_H

#include "http/span.h"

/* X(name, text).  Texts are as span_is_word() wants them, but for the first. */
#define HTTP_FIELDS(X) \
	X(VIA,			"via") \
	X(HOST,			"host") \
	X(RANGE,		"range") \
	X(EXPECT,		"expect") \
	X(UPGRADE,		"upgrade") \
	X(IF_MATCH,		"if-match") \
	X(IF_RANGE,		"if-range") \
	X(CONNECTION,		"connection") \
	X(AUTHORIZATION,	"authorization") \
	X(IF_NONE_MATCH,	"if-none-match") \
	X(CONTENT_LENGTH,	"content-length") \
	X(ACCEPT_ENCODING,	"accept-encoding") \
	X(IF_MODIFIED_SINCE,	"if-modified-since") \
	X(TRANSFER_ENCODING,	"transfer-encoding") \
	X(IF_UNMODIFIED_SINCE,	"if-unmodified-since")

enum http_field {
	HTTP_FIELD_OTHER,
#define X(name, text) HTTP_FIELD_##name,
	HTTP_FIELDS(X)
#undef X
	HTTP_FIELD_COUNT,
};

/**
 * struct http_field_name - how a line begins that has a usual field
 * @field: HTTP_FIELD_OTHER if it is only checked
 * @len: of the name and its colon
 * @size: of the words that are compared with them, in bytes; 0 ends a list
 * @word: what comes, with the bits of @fold set, is @text.  As these are bit 0x20 of
 *	letters and all bits behind the colon, the case of letters does not matter.
 */
struct http_field_name {
	u8	field;
	u8	len;
	u8	size;
	struct {
		u64	fold;
		u64	text;
	} word[4];
};

#define HTTP_FIELD_PLACES_LOG	7

extern const struct http_field_name *const http_field_places[1 << HTTP_FIELD_PLACES_LOG];

/*
 * A multiplication that gives all four bytes that usual names begin with, in any case, a
 * place of their own; found by trying.  Of constants it is a constant expression.
 */
#define HTTP_FIELD_PLACE(four) \
	(((four) & 0xdfdfdfdfU) * 0xc492120dU >> (32 - HTTP_FIELD_PLACES_LOG))

static inline bool http_field_word_is(const struct http_field_name *name, size_t i,
				      const u8 *p)
{
	return likely((load_le64(p + i) | name->word[i / 8].fold) == name->word[i / 8].text);
}

static inline bool http_field_name_is(const struct http_field_name *name, const u8 *p)
{
	return http_field_word_is(name, 0, p) &&
	       (name->size <= 8 || (http_field_word_is(name, 8, p) &&
	       (name->size <= 16 || (http_field_word_is(name, 16, p) &&
	       (name->size <= 24 || http_field_word_is(name, 24, p))))));
}

/**
 * http_field_at() - which usual name is there, with its colon?
 * @p: where a line begins
 * @end: of what has come, at least four bytes behind @p
 *
 * Return: the name, behind which more has come; NULL if that takes a closer look
 */
static inline const struct http_field_name *http_field_at(const u8 *p, const u8 *end)
{
	const struct http_field_name *name = http_field_places[HTTP_FIELD_PLACE(load_le32(p))];
	size_t room = end - p;

	if (!name)
		return NULL;
	while (unlikely(room <= name->size || !http_field_name_is(name, p)))
		if (!(++name)->size)
			return NULL;
	return name;
}

enum http_field http_field_lookup(struct span name);
bool http_field_next(struct span *value, enum http_field field);

#endif /* SLUICE_HTTP_FIELD_H */
