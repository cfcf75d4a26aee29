// SPDX-License-Identifier: GPL-2.0

#include "http/error.h"

static const struct http_error_info error_table[HTTP_ERR_COUNT] = {
	[HTTP_ERR_NONE] = { .name = "NONE", .text = "no error", .status = 500, .close = true },
#define X(_name, _status, _close, _text) \
	[HTTP_ERR_##_name] = { \
		.name = #_name, .text = _text, .status = _status, .close = _close },
	HTTP_ERRORS(X)
#undef X
};

/**
 * http_error_info() - how to answer a request that was refused
 * @why: what http_parse() or http_uri_resolve() found
 *
 * Return: never NULL; HTTP_ERR_NONE is nobody's answer and reads as a 500
 */
const struct http_error_info *http_error_info(enum http_error why)
{
	return &error_table[why < HTTP_ERR_COUNT ? why : HTTP_ERR_NONE];
}
