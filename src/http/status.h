/* SPDX-License-Identifier: GPL-2.0 */
/* The statuses that sluice itself sends, and their status lines. */
#ifndef SLUICE_HTTP_STATUS_H
#define SLUICE_HTTP_STATUS_H

#include "http/span.h"

/*
 * X(code, reason) in ascending order.  Reasons are nginx's: RFC 9112 section 4 has
 * clients ignore them, but people read the page that they are the title of.
 */
#define HTTP_STATUSES(X) \
	X(200, "OK") \
	X(204, "No Content") \
	X(206, "Partial Content") \
	X(301, "Moved Permanently") \
	X(304, "Not Modified") \
	X(400, "Bad Request") \
	X(403, "Forbidden") \
	X(404, "Not Found") \
	X(405, "Not Allowed") \
	X(408, "Request Time-out") \
	X(412, "Precondition Failed") \
	X(413, "Request Entity Too Large") \
	X(414, "Request-URI Too Large") \
	X(416, "Requested Range Not Satisfiable") \
	X(431, "Request Header Fields Too Large") \
	X(500, "Internal Server Error") \
	X(501, "Not Implemented") \
	X(503, "Service Temporarily Unavailable") \
	X(505, "HTTP Version Not Supported")

struct span http_status_line(u16 status);
struct span http_status_reason(u16 status);

#endif /* SLUICE_HTTP_STATUS_H */
