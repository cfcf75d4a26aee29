// SPDX-License-Identifier: GPL-2.0

#include "http/date.h"
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

/**
 * http_put_stamp() - write the Server and Date lines
 * @w: where to
 * @server: nothing is said of it if it is empty
 * @date: HTTP_DATE_LEN bytes; they stand right before the last CRLF
 */
void http_put_stamp(struct http_writer *w, struct span server, const u8 *date)
{
	if (server.len) {
		http_put_str(w, "Server: ");
		http_put_span(w, server);
		http_put_str(w, "\r\n");
	}
	http_put_str(w, "Date: ");
	http_put(w, date, HTTP_DATE_LEN);
	http_put_str(w, "\r\n");
}

/**
 * http_put_connection() - write what becomes of the connection
 * @w: where to
 * @keep_alive: there may be another request
 *
 * Said always, as nginx does: HTTP/1.0 clients need it, others do not mind.
 */
void http_put_connection(struct http_writer *w, bool keep_alive)
{
	if (keep_alive)
		http_put_str(w, "Connection: keep-alive\r\n");
	else
		http_put_str(w, "Connection: close\r\n");
}
