/* SPDX-License-Identifier: GPL-2.0 */
/* HTTP dates, RFC 9110 section 5.6.7, as seconds since 1970. */
#ifndef SLUICE_HTTP_DATE_H
#define SLUICE_HTTP_DATE_H

#include "http/span.h"

#define HTTP_DATE_LEN	29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */

void http_date_format(u8 *buf, s64 time);
int http_date_parse(struct span text, s64 now, s64 *time) __must_check;

#endif /* SLUICE_HTTP_DATE_H */
