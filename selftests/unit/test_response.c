// SPDX-License-Identifier: GPL-2.0
/* Heads of responses: what follows them, and which are refused. */

#include "http/response.h"
#include "http/parse.h"
#include "unit.h"

/* As a whole, and each beginning of it, flush against the guard page. */
static ssize_t parse(const char *text, size_t len, enum http_method method,
		     struct http_response *rsp, enum http_error *why)
{
	ssize_t ret = http_response_parse((const u8 *)text, len, HTTP_HEAD_MAX, method, rsp, why);
	bool decided = false;
	size_t n;

	for (n = 0; n <= len; n++) {
		struct http_response part;
		enum http_error w;
		ssize_t r = http_response_parse(unit_guard_end(text, n), n, HTTP_HEAD_MAX, method,
						&part, &w);

		decided |= r != -EAGAIN;
		if (!check(r == (decided ? ret : -EAGAIN) && w == (decided ? *why : HTTP_ERR_NONE)))
			unit_note("with %zu of %zu bytes: %zd", n, len, r);
	}
	return ret;
}

static void test_framing(void)
{
	static const struct {
		const char		*lines;
		enum http_method	method;
		const char		*want;
	} rows[] = {
		{ "1.1 200 OK\r\nContent-Length: 5\r\n", HTTP_GET, "keep 5" },
		{ "1.1 200 OK\r\nContent-Length: 0\r\n", HTTP_GET, "keep 0" },
		{ "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", HTTP_GET, "keep chunked" },
		{ "1.1 200 OK\r\ntransfer-encoding:CHUNKED\r\n", HTTP_GET, "keep chunked" },
		{ "1.1 200 OK\r\n", HTTP_GET, "keep until close" },
		{ "1.1 200 OK\r\n", HTTP_HEAD, "keep 0" },
		{ "1.1 200 OK\r\nContent-Length: 5\r\n", HTTP_HEAD, "keep 0" },
		{ "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", HTTP_HEAD, "keep 0" },
		{ "1.1 204 No Content\r\n", HTTP_GET, "keep 0" },
		{ "1.1 204 No Content\r\nContent-Length: 0\r\n", HTTP_GET, "keep 0" },
		{ "1.1 204 No Content\r\nContent-Length: 1\r\n", HTTP_GET, "CL_BAD" },
		{ "1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", HTTP_GET, "CL_BAD" },
		{ "1.1 304 Not Modified\r\n", HTTP_GET, "keep 0" },
		{ "1.1 304 Not Modified\r\nContent-Length: 5\r\n", HTTP_GET, "keep 0" },
		{ "1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n", HTTP_GET, "keep 0" },
		{ "1.1 205 Reset Content\r\n", HTTP_GET, "keep until close" },
		{ "1.1 100 Continue\r\n", HTTP_POST, "interim 0" },
		{ "1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n",
		  HTTP_GET, "interim 0" },
		{ "1.1 103 Early Hints\r\nLink: </a.css>\r\n", HTTP_GET, "interim 0" },
		{ "1.1 103 Early Hints\r\nContent-Length: 5\r\n", HTTP_GET, "CL_BAD" },
		{ "1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n", HTTP_GET, "last 5" },
		{ "1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 5\r\n", HTTP_GET,
		  "last 5" },
		{ "1.0 200 OK\r\nContent-Length: 5\r\n", HTTP_GET, "last 5" },
		{ "1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n", HTTP_GET,
		  "keep 5" },
		{ "1.9 200 OK\r\nContent-Length: 5\r\n", HTTP_GET, "keep 5" },
		{ "1.1 200 \r\nContent-Length: 5\r\n", HTTP_GET, "keep 5" },
		{ "1.1 200 caf\xc3\xa9\r\nContent-Length: 5\r\n", HTTP_GET, "keep 5" },
		/* Refused, for two readers might read them in two ways. */
		{ "1.1 200\r\nContent-Length: 5\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1  200 OK\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1 20 OK\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1 2000 OK\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1 099 No\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1 600 No\r\n", HTTP_GET, "BAD_VERSION" },
		{ "2.0 200 OK\r\n", HTTP_GET, "BAD_VERSION" },
		{ "1.1 200 OK\nContent-Length: 5\r\n", HTTP_GET, "BARE_LF" },
		{ "1.1 200 O\rK\r\n", HTTP_GET, "BARE_CR" },
		{ "1.1 200 OK\rX: y\r\n", HTTP_GET, "BARE_CR" },
		{ "1.1 200 OK\r\nContent-Length: 5\nX: y\r\n", HTTP_GET, "BARE_LF" },
		{ "1.1 200 OK\r\nContent-Length : 5\r\n", HTTP_GET, "SPACE_BEFORE_COLON" },
		{ "1.1 200 OK\r\nX: y\r\n Content-Length: 5\r\n", HTTP_GET, "OBS_FOLD" },
		{ "1.1 200 OK\r\nContent-Length: 5, 5\r\n", HTTP_GET, "CL_BAD" },
		{ "1.1 200 OK\r\nContent-Length: +5\r\n", HTTP_GET, "CL_BAD" },
		{ "1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", HTTP_GET,
		  "CL_REPEATED" },
		{ "1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", HTTP_GET,
		  "CL_AND_TE" },
		{ "1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", HTTP_GET, "TE_UNKNOWN" },
		{ "1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n", HTTP_GET, "TE_BAD" },
		{ "1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n", HTTP_GET, "TE_UNKNOWN" },
		{ "1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", HTTP_GET, "TE_ON_10" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_response rsp;
		enum http_error why;
		char text[200], got[40];
		ssize_t ret;
		int len;

		len = sprintf(text, "HTTP/%s\r\n", rows[i].lines);
		unit_begin("%s: %s", rows[i].want, text);
		ret = parse(text, len, rows[i].method, &rsp, &why);
		if (ret < 0)
			sprintf(got, "%s", http_error_info(why)->name);
		else if (rsp.chunked || rsp.until_close)
			sprintf(got, "%s %s", rsp.keep_alive ? "keep" : "last",
				rsp.chunked ? "chunked" : "until close");
		else
			sprintf(got, "%s %llu", rsp.interim ? "interim" :
				rsp.keep_alive ? "keep" : "last", rsp.content_length);
		if (!check(!strcmp(got, rows[i].want)))
			unit_note("%s", got);
		check(ret < 0 || ret == len);
		unit_end();
	}
}

static void test_limit(void)
{
	static char text[2 * HTTP_HEAD_MAX];
	struct http_response rsp;
	enum http_error why;

	unit_begin("a head that is too long is refused, whatever it is going to be");
	memset(text, 'a', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
	check(http_response_parse((u8 *)text, HTTP_HEAD_MAX - 1, HTTP_HEAD_MAX, HTTP_GET, &rsp,
				  &why) == -EAGAIN);
	check(http_response_parse((u8 *)text, HTTP_HEAD_MAX, HTTP_HEAD_MAX, HTTP_GET, &rsp,
				  &why) == -EBADMSG);
	check(why == HTTP_ERR_HEAD_TOO_LARGE);
	unit_end();
}

int main(void)
{
	test_framing();
	test_limit();
	return unit_finish();
}
