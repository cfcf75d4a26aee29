// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"

/* Shorthands for the table, each a set of bytes that share all classes. */
#define CTL	(HTTP_C_CTL | HTTP_C_ESCAPE)
#define TEXT	(HTTP_C_FIELD | HTTP_C_PATH)
#define QUOTED	(TEXT | HTTP_C_ESCAPE)
#define SUB	(TEXT | HTTP_C_HOST)
#define WORD	(SUB | HTTP_C_TCHAR)
#define XALPHA	(WORD | HTTP_C_HEX)
#define DIGIT	(XALPHA | HTTP_C_DIGIT)

const u8 http_ctype[256] = {
	[0x00 ... 0x08] = CTL,
	['\t'] = CTL | HTTP_C_FIELD,
	[0x0a ... 0x1f] = CTL,
	[' '] = QUOTED,
	['!'] = WORD,
	['"'] = QUOTED,
	['#'] = HTTP_C_FIELD | HTTP_C_TCHAR | HTTP_C_ESCAPE,
	['$'] = WORD,
	['%'] = HTTP_C_FIELD | HTTP_C_TCHAR | HTTP_C_ESCAPE,
	['&' ... '\''] = WORD,
	['(' ... ')'] = SUB,
	['*' ... '+'] = WORD,
	[','] = SUB,
	['-' ... '.'] = WORD,
	['/'] = HTTP_C_FIELD,
	['0' ... '9'] = DIGIT,
	[':'] = TEXT,
	[';'] = SUB,
	['<'] = QUOTED,
	['='] = SUB,
	['>'] = QUOTED,
	['?'] = HTTP_C_FIELD | HTTP_C_ESCAPE,
	['@'] = TEXT,
	['A' ... 'F'] = XALPHA,
	['G' ... 'Z'] = WORD,
	['['] = TEXT,
	['\\'] = QUOTED,
	[']'] = TEXT,
	['^'] = QUOTED | HTTP_C_TCHAR,
	['_'] = WORD,
	['`'] = QUOTED | HTTP_C_TCHAR,
	['a' ... 'f'] = XALPHA,
	['g' ... 'z'] = WORD,
	['{'] = QUOTED,
	['|'] = QUOTED | HTTP_C_TCHAR,
	['}'] = QUOTED,
	['~'] = WORD,
	[0x7f] = CTL,
	[0x80 ... 0xff] = QUOTED,
};

/**
 * http_skip_value_bytes() - skip what may stand in a field value
 * @p: where to start
 * @end: of the input
 *
 * Return: the first byte that is not HTTP_C_FIELD, or @end
 */
const u8 *http_skip_value_bytes(const u8 *p, const u8 *end)
{
	while (p < end && http_is(*p, HTTP_C_FIELD))
		p++;
	return p;
}

/**
 * http_skip_target_bytes() - skip what may stand in a request target
 * @p: where to start
 * @end: of the input
 *
 * Raw bytes above DEL pass: file names in UTF-8 are sent that way.
 *
 * Return: the first byte that is a control, SP or DEL, or @end
 */
const u8 *http_skip_target_bytes(const u8 *p, const u8 *end)
{
	while (p < end && *p > ' ' && *p != 0x7f)
		p++;
	return p;
}
