// SPDX-License-Identifier: GPL-2.0
/*
 * What vectors cannot say well: limits, early refusal, where spans point.
 * The grammar itself is in selftests/vectors/.
 */

#include "every_way.h"
#include "http/parse.h"
#include "unit.h"

static u8 text[3 * HTTP_HEAD_MAX];

static ssize_t parse(const char *s, size_t max, struct http_request *req, enum http_error *why)
{
	return parse_every_way((const u8 *)s, strlen(s), max, 0, req, why);
}

static void test_spans(void)
{
	static const char s[] =
		"\r\nGET /a?b HTTP/1.1\r\nHost:  a.example:81\t\r\nX: y\r\nrange:\r\n"
		"If-None-Match: \"a\", \"b\"\r\nIF-NONE-MATCH: \"c\"\r\n\r\nGET /next";
	struct http_request req;
	enum http_error why;

	unit_begin("a request is taken apart where it lies");
	check(parse(s, HTTP_HEAD_MAX, &req, &why) == sizeof(s) - 1 - 9);
	check(req.head_len == sizeof(s) - 1 - 9);
	check(req.method == HTTP_GET);
	check_span(req.method_text, "GET");
	check_span(req.target, "/a?b");
	check(req.target.ptr == (const u8 *)s + 6);
	check(req.minor == 1 && req.keep_alive && !req.has_body);
	check_span(req.field[HTTP_FIELD_HOST], "a.example:81");
	check_span(req.host.name, "a.example");
	check(req.host.port == 81);
	check_span(req.field[HTTP_FIELD_RANGE], "");
	check_span(req.field[HTTP_FIELD_IF_NONE_MATCH], "\"a\", \"b\"");
	check(req.seen == (BIT(HTTP_FIELD_HOST) | BIT(HTTP_FIELD_RANGE) |
			   BIT(HTTP_FIELD_IF_NONE_MATCH)));
	check(req.repeated == BIT(HTTP_FIELD_IF_NONE_MATCH));
	unit_end();
}

/* Rubbish must not be waited for: what is the shortest piece that is refused? */
static void test_early(void)
{
	static const struct {
		const char	*name;
		const char	*bytes;
		size_t		len;
		enum http_error	why;
	} rows[] = {
		{ "TLS ClientHello", "\x16", 1, HTTP_ERR_NOT_HTTP },
		{ "SSH banner", "SSH-2.0-OpenSSH\r", 16, HTTP_ERR_BAD_METHOD },
		{ "NUL", "\0", 1, HTTP_ERR_NOT_HTTP },
		{ "PROXY protocol v1", "PROXY ", 6, HTTP_ERR_PROXY },
		{ "PROXY protocol v2", "\r\n\r\n\0\r\nQUIT\n", 12, HTTP_ERR_PROXY },
		{ "almost PROXY protocol v2", "\r\n\r\n\0\r\nQUIX", 11, HTTP_ERR_NOT_HTTP },
		{ "even less of it", "\r\n\r\n\0\0", 6, HTTP_ERR_NOT_HTTP },
		{ "a third empty line", "\r\n\r\n\r", 5, HTTP_ERR_NOT_HTTP },
		{ "tab after the method", "GET\t", 4, HTTP_ERR_BAD_METHOD },
		{ "two spaces", "GET  ", 5, HTTP_ERR_BAD_TARGET },
		{ "HTTP/0.9", "GET /\r", 6, HTTP_ERR_BAD_VERSION },
		{ "lower-case version", "GET / h", 7, HTTP_ERR_BAD_VERSION },
		{ "bare LF", "GET / HTTP/1.1\n", 15, HTTP_ERR_BARE_LF },
		{ "bare CR", "GET / HTTP/1.1\r\r", 16, HTTP_ERR_BARE_CR },
		{ "HTTP/2", "GET / HTTP/2.0\r\n", 16, HTTP_ERR_VERSION_UNSUPPORTED },
		{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n", 16, HTTP_ERR_H2_PREFACE },
		{ "fold", "GET / HTTP/1.1\r\n ", 17, HTTP_ERR_OBS_FOLD },
		{ "NUL in a value", "GET / HTTP/1.1\r\nA:\0", 19, HTTP_ERR_NUL },
		{ "bad length", "POST / HTTP/1.1\r\nContent-Length: x\r\n", 36, HTTP_ERR_CL_BAD },
		{ "33 letters", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33,
		  HTTP_ERR_METHOD_TOO_LONG },
	};
	struct http_request req;
	enum http_error why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const u8 *p = (const u8 *)rows[i].bytes;

		unit_begin("%s is refused at byte %zu", rows[i].name, rows[i].len);
		check(parse_every_way(p, rows[i].len, HTTP_HEAD_MAX, 0, &req, &why) == -EBADMSG);
		if (!check(why == rows[i].why))
			unit_note("%s", http_error_info(why)->name);
		check(http_parse(p, rows[i].len - 1, HTTP_HEAD_MAX, 0, &req, &why) == -EAGAIN);
		unit_end();
	}
}

/* What looks like a whole request is not waited for either. */
static void test_no_target(void)
{
	struct http_request req;
	enum http_error why;

	unit_begin("a request without a target is refused where that should begin");
	check(parse("GET  HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_MAX, &req, &why) == -EBADMSG);
	check(why == HTTP_ERR_BAD_TARGET);
	unit_end();
}

/* "GET /aaa… HTTP/1.1 CRLF Host: a CRLF CRLF" of exactly @len bytes */
static void long_target(size_t len)
{
	static const char rest[] = " HTTP/1.1\r\nHost: a\r\n\r\n";

	memcpy(text, "GET /", 5);
	memset(text + 5, 'a', len - 5 - (sizeof(rest) - 1));
	memcpy(text + len - (sizeof(rest) - 1), rest, sizeof(rest) - 1);
}

static void test_limits(void)
{
	struct http_request req;
	enum http_error why;
	static const size_t max = 1024;

	unit_begin("a head of exactly the limit passes, one byte more does not");
	long_target(max);
	check(parse_every_way(text, max, max, 0, &req, &why) == (ssize_t)max);
	long_target(max + 1);
	check(parse_every_way(text, max + 1, max, 0, &req, &why) == -EBADMSG);
	check(why == HTTP_ERR_HEAD_TOO_LARGE);
	unit_end();

	unit_begin("a request line over the limit is 414, fields are 431");
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	check(parse_every_way(text, 4 * max, max, 0, &req, &why) == -EBADMSG);
	check(why == HTTP_ERR_TARGET_TOO_LONG);
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	check(parse_every_way(text, 4 * max, max, 0, &req, &why) == -EBADMSG);
	check(why == HTTP_ERR_HEAD_TOO_LARGE);
	check(http_parse(text, max - 1, max, 0, &req, &why) == -EAGAIN);
	unit_end();

	unit_begin("the largest head passes");
	long_target(HTTP_HEAD_MAX);
	check(parse_every_way(text, HTTP_HEAD_MAX, HTTP_HEAD_MAX, 0, &req, &why) == HTTP_HEAD_MAX);
	unit_end();

	unit_begin("an error before the limit stays that error");
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET\x7f", 4);
	check(parse_every_way(text, 2 * max, max, 0, &req, &why) == -EBADMSG);
	check(why == HTTP_ERR_BAD_METHOD);
	unit_end();
}

static void test_field_count(void)
{
	struct http_request req;
	enum http_error why;
	int lines, n, i;

	for (lines = HTTP_FIELDS_MAX; lines <= HTTP_FIELDS_MAX + 1; lines++) {
		n = sprintf((char *)text, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (i = 1; i < lines; i++)
			n += sprintf((char *)text + n, "X%d: y\r\n", i);
		n += sprintf((char *)text + n, "\r\n");
		unit_begin("%d field lines are %s", lines,
			   lines > HTTP_FIELDS_MAX ? "too many" : "not too many");
		if (lines <= HTTP_FIELDS_MAX) {
			check(parse_every_way(text, n, HTTP_HEAD_MAX, 0, &req, &why) == n);
		} else {
			check(parse_every_way(text, n, HTTP_HEAD_MAX, 0, &req, &why) == -EBADMSG);
			check(why == HTTP_ERR_TOO_MANY_FIELDS);
		}
		unit_end();
	}
}

/* Each byte value in each part of a request: only what the RFC allows passes. */
static void test_every_byte(void)
{
	static const struct {
		const char	*before, *after, *allowed;
		bool		tab, space, high;
	} places[] = {
		{ "G", "T / HTTP/1.1\r\nHost: a\r\n\r\n", "!#$%&'*+-.^_`|~", 0, 0, 0 },
		{ "GET /x", "y HTTP/1.1\r\nHost: a\r\n\r\n",
		  "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 0, 0, 1 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX", "Y: z\r\n\r\n", "!#$%&'*+-.^_`|~:", 0, 0, 0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: y", "z\r\n\r\n",
		  "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 1, 1, 1 },
	};
	static const char *const names[] = { "method", "target", "field name", "field value" };
	struct http_request req;
	enum http_error why;
	unsigned int c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		size_t before = strlen(places[i].before);
		size_t len = before + 1 + strlen(places[i].after);

		unit_begin("every byte value in the %s", names[i]);
		for (c = 0; c < 256; c++) {
			bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
				     (c >= 'A' && c <= 'Z');
			bool want = alnum || (c && c < 0x80 && strchr(places[i].allowed, c)) ||
				    (places[i].high && c >= 0x80) ||
				    (places[i].tab && c == '\t') || (places[i].space && c == ' ');

			sprintf((char *)text, "%s?%s", places[i].before, places[i].after);
			text[before] = c;
			if (!check((parse_every_way(text, len, HTTP_HEAD_MAX, 0, &req, &why) > 0)
				   == want))
				unit_note("byte %#x: %s", c, http_error_info(why)->name);
		}
		unit_end();
	}
}

/* Each byte value at each place of the version and of its CRLF. */
static void test_every_version(void)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	const size_t version = 6, major = 5, minor = 7, len = sizeof(head) - 1;
	struct http_request req;
	enum http_error why;
	unsigned int c;
	size_t at;

	unit_begin("every byte value in the version");
	for (at = 0; at < 10; at++) {
		for (c = 0; c < 256; c++) {
			bool digit = c >= '0' && c <= '9';
			bool want = at == minor ? digit : c == (u8)head[version + at];
			ssize_t n;

			memcpy(text, head, len);
			text[version + at] = c;
			n = parse_every_way(text, len, HTTP_HEAD_MAX, 0, &req, &why);
			if (!check(n == (want ? (ssize_t)len : -EBADMSG)))
				unit_note("byte %#x at %zu", c, at);
			if (at == minor && digit)
				check(req.minor == (c > '0'));
			if (at == major && digit && c > '1')
				check(why == HTTP_ERR_VERSION_UNSUPPORTED);
		}
	}
	unit_end();
}

/* One line or several, in any case, at any place of a list. */
static void test_connection(void)
{
	static const struct {
		const char	*lines;
		u8		want;
	} rows[] = {
		{ "Connection: keep-alive\r\n", HTTP_CONN_KEEP_ALIVE },
		{ "Connection: Keep-Alive\r\n", HTTP_CONN_KEEP_ALIVE },
		{ "Connection:close\r\n", HTTP_CONN_CLOSE },
		{ "Connection:\tUPGRADE \r\n", HTTP_CONN_UPGRADE },
		{ "Connection: closed\r\n", 0 },
		{ "Connection: lose\r\n", 0 },
		{ "Connection: x\r\n", 0 },
		{ "Connection:\r\n", 0 },
		{ "Connection: keep-alive, close\r\n",
		  HTTP_CONN_KEEP_ALIVE | HTTP_CONN_CLOSE },
		{ "Connection: ,x,close\r\n", HTTP_CONN_CLOSE },
		{ "Connection: close,\r\n", HTTP_CONN_CLOSE },
		{ "Connection: close\r\nConnection: TE, Upgrade\r\n",
		  HTTP_CONN_CLOSE | HTTP_CONN_UPGRADE },
	};
	struct http_request req;
	enum http_error why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int n = sprintf((char *)text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
				rows[i].lines);

		unit_begin("%s", rows[i].lines);
		check(parse_every_way(text, n, HTTP_HEAD_MAX, 0, &req, &why) == n);
		check(req.connection == rows[i].want);
		unit_end();
	}
}

static bool same_span(struct span a, struct span b)
{
	return a.ptr == b.ptr && a.len == b.len;
}

static bool same_fields(const struct http_request *a, const struct http_request *b)
{
	enum http_field f;

	for (f = 1; f < HTTP_FIELD_COUNT; f++)
		if (http_has_field(a, f) && !same_span(a->field[f], b->field[f]))
			return false;
	if (http_has_field(a, HTTP_FIELD_HOST) &&
	    (!same_span(a->host.name, b->host.name) || a->host.port != b->host.port ||
	     a->host.has_port != b->host.has_port))
		return false;
	return a->seen == b->seen && a->repeated == b->repeated &&
	       a->connection == b->connection && a->chunked == b->chunked &&
	       a->content_length == b->content_length &&
	       a->has_body == b->has_body && a->keep_alive == b->keep_alive;
}

/* Parse @text, of @len bytes, with @space for the blank behind a colon at @at. */
static ssize_t parse_with(u8 space, size_t at, size_t len, struct http_request *req,
			  enum http_error *why)
{
	const u8 *p;

	text[at] = space;
	p = unit_guard_end(text, len);
	return http_parse(p, len, HTTP_HEAD_MAX, 0, req, why);
}

/* Each byte value at each place of the line that begins at @line. */
static void check_usual_line(size_t line, size_t len, const char *before)
{
	size_t blank = strchr((char *)text + line, ' ') - (char *)text;
	struct http_request usual, tab;
	enum http_error why, tab_why;
	unsigned int c;
	size_t at;

	for (at = line; at < len; at++) {
		u8 was = text[at];

		for (c = 0; c < 256 && at != blank; c++) {
			ssize_t n;

			text[at] = c;
			n = parse_with('\t', blank, len, &tab, &tab_why);
			if (!check(parse_with(' ', blank, len, &usual, &why) == n) ||
			    !check(why == tab_why) ||
			    !check(n < 0 || same_fields(&usual, &tab)))
				unit_note("byte %#x at %zu behind %s", c, at, before);
		}
		text[at] = was;
	}
}

/*
 * There are shortcuts for lines as they usually are, with a space behind the colon.  A
 * tab means the same, and takes the long way.
 */
static void test_usual_lines(void)
{
	static const char *const lines[] = {
		"Host: a.example", "Content-Length: 1024", "Connection: keep-alive",
		"Transfer-Encoding: chunked", "If-None-Match: \"a\"", "Accept: */*",
		"Content-Length: 999999999999999999", "Content-Length: 9223372036854775807",
		"Upgrade-Insecure-Requests: 1", "Date: Mon, 30 Nov 2026 02:37:03 GMT",
		"Range: bytes=0-1", "User-Agent: x", "Expect:  a", "Via: ",
	};
	static const char *const others[] = {
		"", "Host: b\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
		"Connection: close\r\n", "X: y\r\n",
	};
	size_t i, j, line, len;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		unit_begin("%s, with a space or a tab, and every byte in it", lines[i]);
		for (j = 0; j < ARRAY_SIZE(others) * 4; j++) {
			line = sprintf((char *)text, "PUT / HTTP/1.%zu\r\n%s", j % 2,
				       others[j / 4]);
			/* A word at a time, up to its end and to that of the head. */
			len = line + sprintf((char *)text + line, "%s\r\n%s\r\n", lines[i],
					     j & 2 ? "X: yyyyyyyy\r\n" : "");
			check_usual_line(line, len, others[j / 4]);
		}
		unit_end();
	}
}

/* The same head with LF for each CRLF, or for some of them. */
static void test_lenient(void)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:a\r\nX:\r\nConnection: close\r\n\r\n",
	};
	unsigned int which, lines;
	struct http_request req, strict;
	enum http_error why;
	const char *p;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		len = strlen(heads[i]);
		for (lines = 0, p = heads[i]; *p; p++)
			lines += *p == '\n';
		unit_begin("head %zu with LF for any of its %u CRLF", i, lines);
		check(http_parse((const u8 *)heads[i], len, HTTP_HEAD_MAX, 0, &strict, &why) > 0);
		for (which = 0; which < 1U << lines; which++) {
			unsigned int line = 0;
			ssize_t n = 0;

			for (p = heads[i]; *p; p++) {
				if (*p != '\r' || !(which & (1U << line)))
					text[n++] = *p;
				line += *p == '\n';
			}
			check(parse_every_way(text, n, HTTP_HEAD_MAX, HTTP_PARSE_LENIENT, &req,
					      &why) == n);
			check(req.seen == strict.seen && req.connection == strict.connection &&
			      req.content_length == strict.content_length &&
			      req.host.name.len == strict.host.name.len);
			check((parse_every_way(text, n, HTTP_HEAD_MAX, 0, &req, &why) == n)
			      == !which);
		}
		unit_end();
	}
}

int main(void)
{
	test_spans();
	test_early();
	test_no_target();
	test_limits();
	test_field_count();
	test_every_byte();
	test_every_version();
	test_connection();
	test_usual_lines();
	test_lenient();
	return unit_finish();
}
