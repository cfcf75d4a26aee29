/* SPDX-License-Identifier: GPL-2.0 */
/* Conditional requests, RFC 9110 section 13: serve, 304 or 412; range or all. */
#ifndef SLUICE_HTTP_COND_H
#define SLUICE_HTTP_COND_H

#include "http/parse.h"

enum http_cond {
	HTTP_COND_OK,
	HTTP_COND_NOT_MODIFIED,		/* 304 */
	HTTP_COND_FAILED,		/* 412 */
};

/* For a representation whose modification date should not be believed. */
#define HTTP_NO_MTIME	S64_MIN

#define HTTP_COND_FIELDS \
	(BIT(HTTP_FIELD_IF_MATCH) | BIT(HTTP_FIELD_IF_NONE_MATCH) | \
	 BIT(HTTP_FIELD_IF_MODIFIED_SINCE) | BIT(HTTP_FIELD_IF_UNMODIFIED_SINCE))

enum http_cond http_cond_eval(const struct http_request *req, struct span etag,
			      s64 mtime, s64 now, bool ims_exact);
bool http_cond_if_range(const struct http_request *req, struct span etag,
			s64 mtime, s64 now);

#endif /* SLUICE_HTTP_COND_H */
