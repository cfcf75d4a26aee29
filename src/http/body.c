// SPDX-License-Identifier: GPL-2.0
/*
 * The chunked coding is followed byte by byte but for the data: the lines in between
 * are short.
 */

#include "http/body.h"
#include "http/ctype.h"

/* So that another digit cannot overflow. */
#define SIZE_TOP	((u64)S64_MAX >> 4)

/**
 * http_body_skip() - go on without having looked
 * @body: the body
 * @len: at most http_body_blind()
 */
void http_body_skip(struct http_body *body, u64 len)
{
	body->left -= len;
	if (body->left)
		return;
	if (body->state == HTTP_BODY_DATA)
		body->state = HTTP_BODY_OVER;
	else if (body->state == HTTP_BODY_CHUNK)
		body->state = HTTP_BODY_CHUNK_CR;
}

static bool take_digit(struct http_body *body, u8 c)
{
	if (!http_is(c, HTTP_C_HEX) || body->left > SIZE_TOP)
		return false;
	body->left = body->left << 4 | http_hex_value(c);
	body->state = HTTP_BODY_SIZE;
	return true;
}

/* Behind a size: nothing, or an extension.  Whitespace is allowed, and a trap. */
static bool take_after_size(struct http_body *body, u8 c)
{
	if (c == ';')
		body->state = HTTP_BODY_EXTENSION;
	else if (c == '\r')
		body->state = HTTP_BODY_SIZE_LF;
	else
		return take_digit(body, c);
	return true;
}

/* Up to the end of a line: what a field value may have, quoted or not. */
static bool take_until_cr(struct http_body *body, u8 c, enum http_body_state behind)
{
	if (c == '\r')
		body->state = behind;
	else
		return http_is(c, HTTP_C_FIELD);
	return true;
}

/* RFC 9112 section 5.1, as for the fields of a head: a token, and at once the colon. */
static bool take_trailer(struct http_body *body, u8 c)
{
	if (body->state == HTTP_BODY_TRAILER && c == '\r')
		body->state = HTTP_BODY_LAST_LF;
	else if (body->state == HTTP_BODY_TRAILER_NAME && c == ':')
		body->state = HTTP_BODY_TRAILER_VALUE;
	else if (http_is(c, HTTP_C_TCHAR))
		body->state = HTTP_BODY_TRAILER_NAME;
	else
		return false;
	return true;
}

static bool take_exactly(struct http_body *body, u8 c, u8 wanted, enum http_body_state behind)
{
	body->state = behind;
	return c == wanted;
}

static bool take(struct http_body *body, u8 c)
{
	switch (body->state) {
	case HTTP_BODY_SIZE_FIRST:
		return take_digit(body, c);
	case HTTP_BODY_SIZE:
		return take_after_size(body, c);
	case HTTP_BODY_EXTENSION:
		return take_until_cr(body, c, HTTP_BODY_SIZE_LF);
	case HTTP_BODY_SIZE_LF:
		return take_exactly(body, c, '\n',
				    body->left ? HTTP_BODY_CHUNK : HTTP_BODY_TRAILER);
	case HTTP_BODY_CHUNK_CR:
		return take_exactly(body, c, '\r', HTTP_BODY_CHUNK_LF);
	case HTTP_BODY_CHUNK_LF:
		return take_exactly(body, c, '\n', HTTP_BODY_SIZE_FIRST);
	case HTTP_BODY_TRAILER:
	case HTTP_BODY_TRAILER_NAME:
		return take_trailer(body, c);
	case HTTP_BODY_TRAILER_VALUE:
		return take_until_cr(body, c, HTTP_BODY_TRAILER_LF);
	case HTTP_BODY_TRAILER_LF:
		return take_exactly(body, c, '\n', HTTP_BODY_TRAILER);
	case HTTP_BODY_LAST_LF:
		return take_exactly(body, c, '\n', HTTP_BODY_OVER);
	default:
		return false;
	}
}

/**
 * http_body_follow() - take the next bytes into account
 * @body: the body
 * @buf: the bytes
 * @len: how many
 *
 * Return: how many belong to the body, less than @len only if it is over then; or
 * -EBADMSG if they are malformed, and nobody can tell where it ends.
 */
ssize_t http_body_follow(struct http_body *body, const u8 *buf, size_t len)
{
	size_t used = 0;

	while (used < len && !http_body_is_over(body)) {
		u64 blind = http_body_blind(body);

		if (blind) {
			size_t n = min(blind, (u64)(len - used));

			http_body_skip(body, n);
			used += n;
		} else if (!take(body, buf[used++])) {
			return -EBADMSG;
		}
	}
	return used;
}
