// SPDX-License-Identifier: GPL-2.0

#include "http/status.h"

struct status_row {
	u16		code;
	struct span	line;
};

static const struct status_row status_table[] = {
#define X(_code, _reason) \
	{ .code = _code, .line = SPAN_INIT("HTTP/1.1 " #_code " " _reason "\r\n") },
	HTTP_STATUSES(X)
#undef X
};

/**
 * http_status_line() - the ready-made first line of a response
 * @status: one of HTTP_STATUSES
 *
 * Return: the line with its CRLF.  Any other number gets the line of 500: it
 * is our mistake, and the client must still be able to read the response.
 */
struct span http_status_line(u16 status)
{
	struct span other = { NULL, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(status_table); i++) {
		if (status_table[i].code == status)
			return status_table[i].line;
		if (status_table[i].code == 500)
			other = status_table[i].line;
	}
	return other;
}

/**
 * http_status_reason() - the reason phrase, for the page that says it in full
 * @status: as for http_status_line()
 *
 * Return: without the line's end
 */
struct span http_status_reason(u16 status)
{
	static const size_t before = sizeof("HTTP/1.1 200 ") - 1;
	struct span line = http_status_line(status);

	return (struct span){ line.ptr + before, line.len - before - 2 };
}
