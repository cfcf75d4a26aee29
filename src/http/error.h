/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way in which a request can be refused before anybody looks for what
 * it asks: the status that answers it, and whether the connection can go on.
 */
#ifndef SLUICE_HTTP_ERROR_H
#define SLUICE_HTTP_ERROR_H

#include "http/pure.h"

/*
 * X(name, status, close, text).  "close" is true wherever the next request
 * cannot be found with certainty, and for every 400, as nginx does.
 */
#define HTTP_ERRORS(X) \
	X(NOT_HTTP,		400, true,  "not an HTTP request") \
	X(PROXY,		400, true,  "PROXY protocol header") \
	X(BAD_METHOD,		400, true,  "method is not a token") \
	X(METHOD_TOO_LONG,	501, true,  "method longer than any known") \
	X(BAD_TARGET,		400, true,  "malformed request target") \
	X(TARGET_TOO_LONG,	414, true,  "request line too long") \
	X(BAD_VERSION,		400, true,  "malformed HTTP version") \
	X(VERSION_UNSUPPORTED,	505, true,  "HTTP version not supported") \
	X(H2_PREFACE,		505, true,  "HTTP/2 connection preface") \
	X(BARE_CR,		400, true,  "CR without LF") \
	X(BARE_LF,		400, true,  "LF without CR") \
	X(NUL,			400, true,  "NUL byte") \
	X(BAD_FIELD_NAME,	400, true,  "field name is not a token") \
	X(NO_COLON,		400, true,  "field line without colon") \
	X(SPACE_BEFORE_COLON,	400, true,  "whitespace before colon") \
	X(OBS_FOLD,		400, true,  "folded field line") \
	X(BAD_FIELD_VALUE,	400, true,  "control character in field value") \
	X(TOO_MANY_FIELDS,	431, true,  "too many field lines") \
	X(HEAD_TOO_LARGE,	431, true,  "request head too large") \
	X(HOST_MISSING,		400, true,  "no Host field") \
	X(HOST_BAD,		400, true,  "malformed host") \
	X(HOST_REPEATED,	400, true,  "more than one Host field") \
	X(CL_BAD,		400, true,  "malformed Content-Length") \
	X(CL_REPEATED,		400, true,  "more than one Content-Length") \
	X(CL_AND_TE,		400, true,  "Content-Length with Transfer-Encoding") \
	X(TE_UNKNOWN,		501, true,  "unknown transfer coding") \
	X(TE_BAD,		400, true,  "malformed Transfer-Encoding") \
	X(TE_ON_10,		400, true,  "Transfer-Encoding in HTTP/1.0") \
	X(USERINFO,		400, true,  "user information in target") \
	X(FRAGMENT,		400, true,  "fragment in target") \
	X(BAD_ESCAPE,		400, true,  "malformed percent escape") \
	X(ESCAPED_CTL,		400, true,  "escaped control character") \
	X(ABOVE_ROOT,		400, true,  "path climbs above the root") \
	X(NAME_TOO_LONG,	404, false, "path or file name too long")

enum http_error {
	HTTP_ERR_NONE,
#define X(name, status, close, text) HTTP_ERR_##name,
	HTTP_ERRORS(X)
#undef X
	HTTP_ERR_COUNT,
};

struct http_error_info {
	const char	*name;		/* "BARE_LF": for counters and tests */
	const char	*text;
	u16		status;
	bool		close;
};

const struct http_error_info *http_error_info(enum http_error why);

#endif /* SLUICE_HTTP_ERROR_H */
