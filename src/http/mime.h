/* SPDX-License-Identifier: GPL-2.0 */
/* Media types by file name extension: the table as text, as list, and asked. */
#ifndef SLUICE_HTTP_MIME_H
#define SLUICE_HTTP_MIME_H

#include "http/span.h"

#define HTTP_TYPE_MAX		255	/* bytes: twice 127 and "/", RFC 6838 section 4.2 */
#define HTTP_EXTENSION_MAX	32	/* bytes */
#define HTTP_EXPIRES_NONE	(-1)

/**
 * struct http_type - what is said about the files with one extension
 * @ext: without its dot, in any case; "*" for all that are not in the table
 * @type: "text/html", without parameters
 * @expires: for how many seconds they are fresh, or HTTP_EXPIRES_NONE
 */
struct http_type {
	struct span	ext;
	struct span	type;
	s32		expires;
};

extern const char http_types_builtin[];

int http_types_parse(struct span text, struct http_type *list, size_t max,
		     unsigned int *line) __must_check;
const struct http_type *http_types_find(const struct http_type *list, size_t n,
					struct span path);
bool http_type_takes_charset(struct span type);

#endif /* SLUICE_HTTP_MIME_H */
