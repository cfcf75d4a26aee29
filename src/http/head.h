/* SPDX-License-Identifier: GPL-2.0 */
/* Writes the head of a response into a caller's buffer. */
#ifndef SLUICE_HTTP_HEAD_H
#define SLUICE_HTTP_HEAD_H

#include "http/span.h"

/**
 * struct http_writer - a bounded buffer that tells how much it would have taken
 * @buf: the caller's
 * @size: of @buf
 * @len: bytes put so far, also those that found no room
 *
 * Nothing is ever written past @size, and nothing at all after the first put
 * that did not fit.  So check http_writer_ok() once, at the end.
 */
struct http_writer {
	u8	*buf;
	size_t	size;
	size_t	len;
};

static inline void http_writer_init(struct http_writer *w, u8 *buf, size_t size)
{
	w->buf = buf;
	w->size = size;
	w->len = 0;
}

static inline bool __must_check http_writer_ok(const struct http_writer *w)
{
	return w->len <= w->size;
}

static inline void http_put(struct http_writer *w, const void *data, size_t len)
{
	if (likely(w->len <= w->size && len <= w->size - w->len))
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static inline void http_put_span(struct http_writer *w, struct span s)
{
	http_put(w, s.ptr, s.len);
}

/* For literals: always inline, so that their length costs nothing. */
static __always_inline void http_put_str(struct http_writer *w, const char *s)
{
	http_put(w, s, strlen(s));
}

void http_put_u64(struct http_writer *w, u64 value);
void http_put_hex(struct http_writer *w, u64 value);
void http_head_start(struct http_writer *w, u16 status);
void http_put_stamp(struct http_writer *w, struct span server, const u8 *date);
void http_put_connection(struct http_writer *w, bool keep_alive);

#endif /* SLUICE_HTTP_HEAD_H */
