/* SPDX-License-Identifier: GPL-2.0 */
/* From a request target to a clean path, and from a path to a Location. */
#ifndef SLUICE_HTTP_URI_H
#define SLUICE_HTTP_URI_H

#include "http/error.h"
#include "http/head.h"
#include "http/host.h"
#include "http/method.h"
#include "http/span.h"

#define HTTP_NAME_MAX	255	/* one path component, as NAME_MAX */

/* RFC 9112 section 3.2 */
enum http_form {
	HTTP_FORM_ORIGIN,
	HTTP_FORM_ABSOLUTE,
	HTTP_FORM_AUTHORITY,
	HTTP_FORM_ASTERISK,
};

/**
 * struct http_target - a request target taken apart
 * @form: which of the four forms it has
 * @other_scheme: absolute form, but not "http"; only @form is set besides
 * @has_query: there is a "?"
 * @encoded_slash: the path has a %2F; it stands undecoded in @path
 * @trailing_slash: @path ends with "/"
 * @path: decoded and normalised, in the caller's buffer, NUL-terminated;
 *	empty in authority and asterisk form
 * @query: what follows "?", raw, in the target
 * @authority: of absolute and authority form, in the target
 */
struct http_target {
	enum http_form		form;
	bool			other_scheme;
	bool			has_query;
	bool			encoded_slash;
	bool			trailing_slash;
	struct span		path;
	struct span		query;
	struct http_host	authority;
};

int http_uri_resolve(struct span target, enum http_method method,
		     u8 *path, size_t size, struct http_target *out,
		     enum http_error *why) __must_check;
bool http_uri_is_valid(struct span target);
void http_uri_encode_path(struct http_writer *w, struct span path);

#endif /* SLUICE_HTTP_URI_H */
