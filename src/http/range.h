/* SPDX-License-Identifier: GPL-2.0 */
/* Byte ranges, RFC 9110 section 14: what a Range field asks of a file. */
#ifndef SLUICE_HTTP_RANGE_H
#define SLUICE_HTTP_RANGE_H

#include "http/span.h"

#define HTTP_RANGES_MAX		64

/**
 * struct http_range - some bytes of a representation
 * @first: position of the first
 * @last: position of the last, which is one of them
 */
struct http_range {
	u64	first;
	u64	last;
};

enum http_ranges {
	HTTP_RANGES_IGNORED,		/* as if there were no Range */
	HTTP_RANGES_INVALID,		/* not of the grammar; may be ignored too */
	HTTP_RANGES_UNSATISFIABLE,	/* 416 */
	HTTP_RANGES_TOO_MANY,		/* more than HTTP_RANGES_MAX */
	HTTP_RANGES_PARTIAL,		/* 206 */
};

enum http_ranges http_ranges_parse(struct span value, u64 size, struct http_range *ranges,
				   unsigned int room, unsigned int *count);

#endif /* SLUICE_HTTP_RANGE_H */
