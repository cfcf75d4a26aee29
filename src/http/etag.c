// SPDX-License-Identifier: GPL-2.0

#include "http/etag.h"
#include "http/head.h"

/**
 * http_etag_format() - write the entity tag that nginx gives to a file
 * @buf: HTTP_ETAG_MAX bytes
 * @mtime: in seconds; like nginx, a time before 1970 is written as unsigned
 * @size: of the file
 *
 * Whether a file with this @mtime should have a tag at all is not asked here.
 *
 * Return: the length written
 */
size_t http_etag_format(u8 *buf, s64 mtime, u64 size)
{
	struct http_writer w;

	http_writer_init(&w, buf, HTTP_ETAG_MAX);
	http_put_str(&w, "\"");
	http_put_hex(&w, mtime);
	http_put_str(&w, "-");
	http_put_hex(&w, size);
	http_put_str(&w, "\"");
	return w.len;
}

/* Take the "W/" off, if there is one; it is case-sensitive. */
static bool strip_weak(struct span *tag)
{
	if (tag->len < 2 || tag->ptr[0] != 'W' || tag->ptr[1] != '/')
		return false;
	tag->ptr += 2;
	tag->len -= 2;
	return true;
}

/* etagc = %x21 / %x23-7E / obs-text; a comma is one, so no list iterator here */
static bool is_etagc(u8 c)
{
	return c > ' ' && c != '"' && c != 0x7f;
}

/* Take entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE off the front of @rest. */
static bool next_tag(struct span *rest, struct span *tag, bool *is_weak)
{
	size_t n = 1;

	*is_weak = strip_weak(rest);
	if (!rest->len || rest->ptr[0] != '"')
		return false;
	while (n < rest->len && is_etagc(rest->ptr[n]))
		n++;
	if (n == rest->len || rest->ptr[n] != '"')
		return false;
	n++;
	*tag = (struct span){ rest->ptr, n };
	*rest = span_trim((struct span){ rest->ptr + n, rest->len - n });
	return !rest->len || rest->ptr[0] == ',';
}

/**
 * http_etag_in_list() - look for an entity tag in the value of a condition
 * @list: the trimmed field value; "*" is the caller's
 * @etag: the current one; nothing matches it if it is empty
 * @weak: compare weakly (RFC 9110 section 8.8.3.2)
 *
 * Return: whether @etag is in the list; false if any part of it is malformed
 */
bool http_etag_in_list(struct span list, struct span etag, bool weak)
{
	bool etag_weak = strip_weak(&etag);
	bool found = false;

	while (list.len) {
		struct span tag;
		bool tag_weak;

		if (list.ptr[0] == ',') {
			list.ptr++;
			list.len--;
			list = span_trim(list);
			continue;
		}
		if (!next_tag(&list, &tag, &tag_weak))
			return false;
		if (span_eq(tag, etag) && (weak || (!tag_weak && !etag_weak)))
			found = true;
	}
	return found;
}
