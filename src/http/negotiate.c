// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/negotiate.h"

/* A qvalue in thousandths */
#define WEIGHT_ONE	1000

static const struct span coding_names[HTTP_CODING_COUNT] = {
	[HTTP_CODING_BR] = SPAN_INIT("br"),
	[HTTP_CODING_ZSTD] = SPAN_INIT("zstd"),
	[HTTP_CODING_GZIP] = SPAN_INIT("gzip"),
};

static const struct span coding_suffixes[HTTP_CODING_COUNT] = {
	[HTTP_CODING_BR] = SPAN_INIT(".br"),
	[HTTP_CODING_ZSTD] = SPAN_INIT(".zst"),
	[HTTP_CODING_GZIP] = SPAN_INIT(".gz"),
};

/*
 * What a client says of each coding that we know, in thousandths.  The first
 * time that it is named counts, as in nginx; until then the weight is negative.
 */
struct acceptance {
	int	coding[HTTP_CODING_COUNT];
	int	identity;
};

/**
 * http_coding_name() - the name of a coding for a Content-Encoding field
 * @coding: which
 *
 * Return: in lower case
 */
struct span http_coding_name(enum http_coding coding)
{
	return coding_names[coding];
}

/**
 * http_coding_suffix() - what the name of a sibling ends with
 * @coding: which
 *
 * Return: with its dot
 */
struct span http_coding_suffix(enum http_coding coding)
{
	return coding_suffixes[coding];
}

/**
 * http_coding_lookup_suffix() - the coding that a suffix stands for
 * @text: "br", "zst" or "gz"
 *
 * Return: an enum http_coding, or -1
 */
int http_coding_lookup_suffix(struct span text)
{
	int coding;

	for (coding = 0; coding < HTTP_CODING_COUNT; coding++) {
		struct span suffix = coding_suffixes[coding];

		if (span_eq(text, (struct span){ suffix.ptr + 1, suffix.len - 1 }))
			return coding;
	}
	return -1;
}

/* Where to note the weight of @name; NULL for what we do not know, and "*". */
static int *find_weight(struct acceptance *accept, struct span name)
{
	int coding;

	if (span_eq_nocase(name, SPAN("identity")))
		return &accept->identity;
	/* RFC 9110 section 8.4.1.3 */
	if (span_eq_nocase(name, SPAN("x-gzip")))
		return &accept->coding[HTTP_CODING_GZIP];
	for (coding = 0; coding < HTTP_CODING_COUNT; coding++)
		if (span_eq_nocase(name, coding_names[coding]))
			return &accept->coding[coding];
	return NULL;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3"0" ] ) */
static bool parse_qvalue(struct span s, int *weight)
{
	int scale = WEIGHT_ONE;
	size_t i;

	if (!s.len || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1'))
		return false;
	if (s.len > 1 && s.ptr[1] != '.')
		return false;
	*weight = (s.ptr[0] - '0') * scale;
	for (i = 2; i < s.len; i++) {
		if (!http_is(s.ptr[i], HTTP_C_DIGIT))
			return false;
		scale /= 10;
		*weight += (s.ptr[i] - '0') * scale;
	}
	return *weight <= WEIGHT_ONE;
}

/* [ weight ], and weight = OWS ";" OWS "q=" qvalue, RFC 9110 section 12.4.2 */
static bool parse_weight(struct span s, int *weight)
{
	*weight = WEIGHT_ONE;
	s = span_trim(s);
	if (!s.len)
		return true;
	if (s.ptr[0] != ';')
		return false;
	s = span_trim((struct span){ s.ptr + 1, s.len - 1 });
	if (s.len < 2 || ascii_lower(s.ptr[0]) != 'q' || s.ptr[1] != '=')
		return false;
	return parse_qvalue((struct span){ s.ptr + 2, s.len - 2 }, weight);
}

static void take_item(struct acceptance *accept, struct span item)
{
	const u8 *end = item.ptr + item.len;
	const u8 *p = http_skip_class(item.ptr, end, HTTP_C_TCHAR);
	int *noted = find_weight(accept, span_make(item.ptr, p));
	int weight;

	if (noted && *noted < 0 && parse_weight(span_make(p, end), &weight))
		*noted = weight;
}

/**
 * http_negotiate() - choose among the variants of a file that there are
 * @accept_encoding: the field value, or empty
 * @offered: enum http_coding each, the one that we like best first
 * @count: of @offered
 *
 * The highest weight wins, and our order between equal ones (RFC 9110 section
 * 12.5.3).  "*" chooses nothing, as in nginx.  What is not of the grammar is
 * passed over.
 *
 * Return: an index of @offered, or -1 for the file as it is, which is also what
 * a client gets that wants neither
 */
int http_negotiate(struct span accept_encoding, const u8 *offered, unsigned int count)
{
	struct acceptance accept = {
		.coding = { [0 ... HTTP_CODING_COUNT - 1] = -1 },
		.identity = -1,
	};
	struct span item;
	unsigned int i;
	int best = 0;
	int choice = -1;

	while (span_next_item(&accept_encoding, &item))
		take_item(&accept, item);
	for (i = 0; i < count; i++) {
		int weight = accept.coding[offered[i]];

		if (weight > best) {
			best = weight;
			choice = i;
		}
	}
	return accept.identity > best ? -1 : choice;
}
