// SPDX-License-Identifier: GPL-2.0

#include "http/head.h"
#include "http/status.h"

/**
 * http_put_u64() - write a number in decimal
 * @w: where to
 * @value: the number
 */
void http_put_u64(struct http_writer *w, u64 value)
{
	u8 digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = '0' + value % 10;
		value /= 10;
	} while (value);
	http_put(w, digits + i, sizeof(digits) - i);
}

/**
 * http_put_hex() - write a number in lower-case hex, as nginx's "%x" does
 * @w: where to
 * @value: the number
 */
void http_put_hex(struct http_writer *w, u64 value)
{
	u8 digits[16];
	size_t i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	http_put(w, digits + i, sizeof(digits) - i);
}

/**
 * http_head_start() - write the status line
 * @w: where to
 * @status: one of HTTP_STATUSES
 */
void http_head_start(struct http_writer *w, u16 status)
{
	http_put_span(w, http_status_line(status));
}
