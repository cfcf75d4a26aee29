// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/host.h"

/* A decimal number up to @max; leading zeros are the caller's business. */
static bool parse_number(struct span s, u32 max, u32 *value)
{
	u32 n = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (!http_is(s.ptr[i], HTTP_C_DIGIT))
			return false;
		n = n * 10 + (s.ptr[i] - '0');
		if (n > max)
			return false;
	}
	*value = n;
	return s.len;
}

/* IPv4address = dec-octet 3( "." dec-octet ), without leading zeros */
static bool is_ipv4(const u8 *p, const u8 *end)
{
	unsigned int octets = 0;
	u32 value;

	for (;;) {
		const u8 *start = p;

		p = http_skip_class(p, end, HTTP_C_DIGIT);
		if (!parse_number(span_make(start, p), 255, &value))
			return false;
		if (*start == '0' && p - start > 1)
			return false;
		octets++;
		if (p == end)
			return octets == 4;
		if (*p++ != '.')
			return false;
	}
}

/*
 * IPv6address, RFC 3986 section 3.2.2: eight groups, the last two perhaps as
 * an IPv4 address, one run of them perhaps as "::".
 */
static bool is_ipv6(const u8 *p, const u8 *end)
{
	unsigned int groups = 0;
	bool gap = false;

	if (end - p >= 2 && p[0] == ':' && p[1] == ':') {
		gap = true;
		p += 2;
	}
	while (p < end) {
		const u8 *start = p;

		p = http_skip_class(p, end, HTTP_C_HEX);
		if (p < end && *p == '.') {
			groups += 2;
			return is_ipv4(start, end) && (gap ? groups < 8 : groups == 8);
		}
		if (p == start || p - start > 4)
			return false;
		groups++;
		if (p == end)
			break;
		if (*p++ != ':' || p == end)
			return false;
		if (*p == ':') {
			if (gap)
				return false;
			gap = true;
			p++;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

/* Returns where the address ends, behind its bracket, or NULL. */
static const u8 *skip_ip_literal(const u8 *p, const u8 *end)
{
	const u8 *close = p;

	while (close < end && *close != ']')
		close++;
	if (close == end || !is_ipv6(p + 1, close))
		return NULL;
	return close + 1;
}

/* Returns where the name ends, NULL for a bad escape. */
static const u8 *skip_reg_name(const u8 *p, const u8 *end)
{
	for (;;) {
		p = http_skip_class(p, end, HTTP_C_HOST);
		if (p == end || *p != '%')
			return p;
		if (end - p < 3 || !http_is(p[1], HTTP_C_HEX) || !http_is(p[2], HTTP_C_HEX))
			return NULL;
		p += 3;
	}
}

/**
 * http_host_parse() - check and split "uri-host [ ':' port ]"
 * @text: without surrounding whitespace
 * @host: out
 *
 * The host must not be empty: http URIs have none without (RFC 9110 section
 * 4.2.1).  Nothing is decoded or folded.  IPvFuture and zone identifiers are
 * refused, as nobody is called that.
 *
 * Return: whether @text is well-formed; @host is undefined otherwise
 */
bool http_host_parse(struct span text, struct http_host *host)
{
	const u8 *p = text.ptr;
	const u8 *end = p + text.len;
	u32 port;

	if (text.len && *p == '[')
		p = skip_ip_literal(p, end);
	else
		p = skip_reg_name(p, end);
	if (!p || p == text.ptr)
		return false;
	host->name = span_make(text.ptr, p);
	host->port = 0;
	host->has_port = false;
	if (p == end)
		return true;
	if (*p++ != ':')
		return false;
	/* port = *DIGIT: "example.com:" is well-formed and means no port */
	if (p == end)
		return true;
	if (!parse_number(span_make(p, end), U16_MAX, &port))
		return false;
	host->port = port;
	host->has_port = true;
	return true;
}

/*
 * What host names are made of, as directories may be called: no escape, which
 * would be a second spelling, and nothing that means more than itself.
 */
static bool is_plain_byte(u8 c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || http_is(c, HTTP_C_DIGIT) || c == '-' || c == '_';
}

/* Labels with one dot between them, and none at either end. */
static bool is_plain_name(struct span s)
{
	u8 before = '.';
	size_t i;

	for (i = 0; i < s.len; i++) {
		u8 c = s.ptr[i];

		if (c == '.' ? before == '.' : !is_plain_byte(c))
			return false;
		before = c;
	}
	return before != '.';
}

static bool is_ip_literal(struct span s)
{
	return s.len && s.ptr[0] == '[' &&
	       skip_ip_literal(s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

/**
 * http_host_fold() - the one spelling of a host that can name a directory
 * @name: of a struct http_host
 * @buf: HTTP_HOST_MAX bytes will do; no NUL is added
 * @size: of @buf
 *
 * Letters become lower case and the dot of a fully qualified name goes (RFC
 * 3986 section 3.2.2).  An IPv6 address keeps its brackets and the form in
 * which it was written.  What is written has no "/" and is neither "." nor
 * "..", nor hidden.
 *
 * Return: the length written, or 0 if nobody should have a directory by that
 * name
 */
size_t http_host_fold(struct span name, u8 *buf, size_t size)
{
	size_t i;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!is_plain_name(name) && !is_ip_literal(name))
		return 0;
	if (name.len > HTTP_HOST_MAX || name.len > size)
		return 0;
	for (i = 0; i < name.len; i++)
		buf[i] = ascii_lower(name.ptr[i]);
	return name.len;
}
