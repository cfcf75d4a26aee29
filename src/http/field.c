// SPDX-License-Identifier: GPL-2.0

#include "http/field.h"

static const struct span field_names[HTTP_FIELD_COUNT] = {
#define X(name, text) \
	[HTTP_FIELD_##name] = SPAN_INIT(text),
	HTTP_FIELDS(X)
#undef X
};

/* The first field whose name has that many bytes; the others follow it. */
static const u8 first_of_len[] = {
	[4] = HTTP_FIELD_HOST,
	[5] = HTTP_FIELD_RANGE,
	[6] = HTTP_FIELD_EXPECT,
	[7] = HTTP_FIELD_UPGRADE,
	[8] = HTTP_FIELD_IF_MATCH,
	[10] = HTTP_FIELD_CONNECTION,
	[13] = HTTP_FIELD_AUTHORIZATION,
	[14] = HTTP_FIELD_CONTENT_LENGTH,
	[15] = HTTP_FIELD_ACCEPT_ENCODING,
	[17] = HTTP_FIELD_IF_MODIFIED_SINCE,
	[19] = HTTP_FIELD_IF_UNMODIFIED_SINCE,
};

/*
 * @lower has only letters and "-".  The one byte besides "-" that 0x20 turns
 * into "-" is CR, which is not in a token, so this is exact.
 */
static bool name_is(const u8 *name, struct span lower)
{
	size_t i;

	if (lower.len < 8) {
		for (i = 0; i < lower.len; i++)
			if ((name[i] | 0x20) != lower.ptr[i])
				return false;
		return true;
	}
	for (i = 0; i < lower.len - 8; i += 8)
		if ((load_le64(name + i) | EACH_BYTE(0x20)) != load_le64(lower.ptr + i))
			return false;
	/* The last word overlaps the one before. */
	i = lower.len - 8;
	return (load_le64(name + i) | EACH_BYTE(0x20)) == load_le64(lower.ptr + i);
}

/**
 * http_field_lookup() - tell which field a name means
 * @name: a token; case does not matter
 *
 * Return: the field, HTTP_FIELD_OTHER if it is none of ours
 */
enum http_field http_field_lookup(struct span name)
{
	enum http_field field;

	if (name.len >= ARRAY_SIZE(first_of_len) || !first_of_len[name.len])
		return HTTP_FIELD_OTHER;
	for (field = first_of_len[name.len];
	     field < HTTP_FIELD_COUNT && field_names[field].len == name.len; field++)
		if (name_is(name.ptr, field_names[field]))
			return field;
	return HTTP_FIELD_OTHER;
}
