/* SPDX-License-Identifier: GPL-2.0 */
/* The request fields that sluice looks at; all others are only checked. */
#ifndef SLUICE_HTTP_FIELD_H
#define SLUICE_HTTP_FIELD_H

#include "http/span.h"

/* X(name, text).  Texts are as span_is_word() wants them. */
#define HTTP_FIELDS(X) \
	X(HOST,			"host") \
	X(RANGE,		"range") \
	X(EXPECT,		"expect") \
	X(UPGRADE,		"upgrade") \
	X(IF_MATCH,		"if-match") \
	X(IF_RANGE,		"if-range") \
	X(CONNECTION,		"connection") \
	X(AUTHORIZATION,	"authorization") \
	X(IF_NONE_MATCH,	"if-none-match") \
	X(CONTENT_LENGTH,	"content-length") \
	X(ACCEPT_ENCODING,	"accept-encoding") \
	X(IF_MODIFIED_SINCE,	"if-modified-since") \
	X(TRANSFER_ENCODING,	"transfer-encoding") \
	X(IF_UNMODIFIED_SINCE,	"if-unmodified-since")

enum http_field {
	HTTP_FIELD_OTHER,
#define X(name, text) HTTP_FIELD_##name,
	HTTP_FIELDS(X)
#undef X
	HTTP_FIELD_COUNT,
};

enum http_field http_field_lookup(struct span name);

#endif /* SLUICE_HTTP_FIELD_H */
