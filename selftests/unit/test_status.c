// SPDX-License-Identifier: GPL-2.0

#include "http/status.h"
#include "unit.h"

static const struct {
	u16		code;
	const char	*line;
	const char	*reason;
} rows[] = {
#define X(_code, _reason) \
	{ _code, "HTTP/1.1 " #_code " " _reason "\r\n", _reason },
	HTTP_STATUSES(X)
#undef X
};

int main(void)
{
	size_t i;

	unit_begin("every status has its line and its reason");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		check_span(http_status_line(rows[i].code), rows[i].line);
		check_span(http_status_reason(rows[i].code), rows[i].reason);
	}
	unit_end();

	unit_begin("any other number gets the line of 500");
	check_span(http_status_line(0), "HTTP/1.1 500 Internal Server Error\r\n");
	check_span(http_status_line(201), "HTTP/1.1 500 Internal Server Error\r\n");
	check_span(http_status_line(65535), "HTTP/1.1 500 Internal Server Error\r\n");
	check_span(http_status_reason(299), "Internal Server Error");
	unit_end();
	return unit_finish();
}
