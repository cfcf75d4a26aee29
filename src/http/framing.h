/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a request ends and whether another may follow: every rule that
 * request smuggling lives on.  Called by the parser, line by line.
 */
#ifndef SLUICE_HTTP_FRAMING_H
#define SLUICE_HTTP_FRAMING_H

#include "http/error.h"
#include "http/request.h"

const u8 *http_framing_usual(const u8 *p, const u8 *end, struct http_request *req,
			     enum http_field field) __must_check;
enum http_error http_framing_field(struct http_request *req, enum http_field field,
				   struct span value) __must_check;
enum http_error http_framing_finish(struct http_request *req) __must_check;

#endif /* SLUICE_HTTP_FRAMING_H */
