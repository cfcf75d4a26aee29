// SPDX-License-Identifier: GPL-2.0

#include "http/field.h"

static const struct span field_names[HTTP_FIELD_COUNT] = {
#define X(name, text) \
	[HTTP_FIELD_##name] = SPAN_INIT(text),
	HTTP_FIELDS(X)
#undef X
};

/* With a constant @field this is comparisons with constants. */
static inline enum http_field known_as(struct span name, enum http_field field)
{
	return span_is_word(name, field_names[field]) ? field : HTTP_FIELD_OTHER;
}

/**
 * http_field_lookup() - tell which field a name means
 * @name: a token; case does not matter
 *
 * Return: the field, HTTP_FIELD_OTHER if it is none of ours
 */
enum http_field http_field_lookup(struct span name)
{
	switch (name.len) {
	case 4:
		return known_as(name, HTTP_FIELD_HOST);
	case 5:
		return known_as(name, HTTP_FIELD_RANGE);
	case 6:
		return known_as(name, HTTP_FIELD_EXPECT);
	case 7:
		return known_as(name, HTTP_FIELD_UPGRADE);
	case 8:
		return known_as(name, HTTP_FIELD_IF_MATCH) ?:
		       known_as(name, HTTP_FIELD_IF_RANGE);
	case 10:
		return known_as(name, HTTP_FIELD_CONNECTION);
	case 13:
		return known_as(name, HTTP_FIELD_IF_NONE_MATCH) ?:
		       known_as(name, HTTP_FIELD_AUTHORIZATION);
	case 14:
		return known_as(name, HTTP_FIELD_CONTENT_LENGTH);
	case 15:
		return known_as(name, HTTP_FIELD_ACCEPT_ENCODING);
	case 17:
		return known_as(name, HTTP_FIELD_IF_MODIFIED_SINCE) ?:
		       known_as(name, HTTP_FIELD_TRANSFER_ENCODING);
	case 19:
		return known_as(name, HTTP_FIELD_IF_UNMODIFIED_SINCE);
	default:
		return HTTP_FIELD_OTHER;
	}
}
