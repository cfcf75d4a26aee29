// SPDX-License-Identifier: GPL-2.0

#include "http/method.h"

static const struct span method_names[HTTP_METHOD_COUNT] = {
#define X(name) \
	[HTTP_##name] = SPAN_INIT(#name),
	HTTP_METHODS(X)
#undef X
};

/**
 * http_method_lookup() - tell which method a token names
 * @name: the token
 *
 * Return: the method, HTTP_METHOD_OTHER if it is none of ours
 */
enum http_method http_method_lookup(struct span name)
{
	enum http_method method;

	for (method = HTTP_METHOD_OTHER + 1; method < HTTP_METHOD_COUNT; method++)
		if (span_eq(name, method_names[method]))
			return method;
	return HTTP_METHOD_OTHER;
}
