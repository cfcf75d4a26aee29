/* SPDX-License-Identifier: GPL-2.0 */
/* The request methods that sluice tells apart. */
#ifndef SLUICE_HTTP_METHOD_H
#define SLUICE_HTTP_METHOD_H

#include "http/span.h"

/* Names are case-sensitive (RFC 9110 section 9.1): "get" is some other method. */
#define HTTP_METHODS(X) \
	X(GET) \
	X(HEAD) \
	X(POST) \
	X(PUT) \
	X(DELETE) \
	X(CONNECT) \
	X(OPTIONS) \
	X(TRACE) \
	X(PATCH)

enum http_method {
	HTTP_METHOD_OTHER,
#define X(name) HTTP_##name,
	HTTP_METHODS(X)
#undef X
	HTTP_METHOD_COUNT,
};

enum http_method http_method_lookup(struct span name);

#endif /* SLUICE_HTTP_METHOD_H */
