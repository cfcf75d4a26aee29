// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold for every input, tried on mutated requests.  The numbers are
 * the same on every run; SEED=n in the environment begins elsewhere.
 */

#include "every_way.h"
#include "http/extra.h"
#include "http/mime.h"
#include "http/negotiate.h"
#include "http/parse.h"
#include "http/range.h"
#include "promises.h"
#include "unit.h"

#define INPUT_MAX	1024

static u64 state = 0x511ce;

static const char *const seeds[] = {
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"\r\nHEAD /a/../b//c%20d?e=f HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
	"POST http://u.example:80/x HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\n\r\n",
	"PUT /%2e%2E/%2f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET /x HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"a\", W/\"b\"\r\n"
	"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\nRange: bytes=0-1\r\n\r\n",
	"GET /x HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n"
	"If-Unmodified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\nUpgrade: h2c\r\n\r\n",
	"GET /v HTTP/1.1\r\nHost: A.Example.:80\r\nRange: bytes=0-1, 5-,-7\r\n"
	"If-Range: \"a\"\r\nAccept-Encoding: br;q=0.5, gzip, *;q=0\r\n\r\n",
	"GET /x HTTP/1.1\nHost: a\n\n",
	"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
	"\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\x16\x03\x01\x02",
};

/* Pieces that matter to some rule, to be thrown in anywhere */
static const char *const pieces[] = {
	"\r\n", "\r", "\n", "\r\n\r\n", "\r\n ", " ", "\t", ":", ",", "/", "//", "/..", "/.", "%2e",
	"%2F", "%00", "%", "?", "#", "@", "*", "http://", "[", "]", "::", "\"", "W/", "chunked",
	"close", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n",
	"18446744073709551616", "HTTP/1.1", "HTTP/1.0", "\x80", "\x7f", "\v", "GMT",
	"Range: bytes=", "If-Range: ", "Accept-Encoding: ", "0-", "-9", "9223372036854775807",
	";q=0", ";q=0.999", "gzip", "identity", "PROXY ",
};

static size_t below(size_t n)
{
	return unit_random(&state) % n;
}

static size_t insert(u8 *buf, size_t len, size_t at, const char *piece)
{
	size_t n = strlen(piece);

	if (len + n > INPUT_MAX)
		return len;
	memmove(buf + at + n, buf + at, len - at);
	memcpy(buf + at, piece, n);
	return len + n;
}

static size_t mutate(u8 *buf, size_t len)
{
	size_t at = below(len + 1);
	size_t n;

	switch (below(5)) {
	case 0:		/* another byte */
		if (at < len)
			buf[at] = unit_random(&state);
		return len;
	case 1:		/* one bit */
		if (at < len)
			buf[at] ^= 1 << below(8);
		return len;
	case 2:		/* some bytes less */
		n = below(8);
		if (n > len - at)
			n = len - at;
		memmove(buf + at, buf + at + n, len - at - n);
		return len - n;
	case 3:		/* the end of it is missing */
		return below(4) ? len : at;
	default:
		return insert(buf, len, at, pieces[below(ARRAY_SIZE(pieces))]);
	}
}

/* What the readers of single fields promise, whatever is in the field. */
static void check_fields(const struct http_request *req)
{
	static const u8 offered[] = { HTTP_CODING_BR, HTTP_CODING_ZSTD, HTTP_CODING_GZIP };
	static struct http_range ranges[HTTP_RANGES_MAX];
	struct span value = { NULL, 0 };
	u8 name[HTTP_HOST_MAX];
	unsigned int count, i;
	u64 size = 1ULL << below(63);
	u64 sum = 0;
	int choice;

	if (http_has_field(req, HTTP_FIELD_RANGE)) {
		value = req->field[HTTP_FIELD_RANGE];
		value.ptr = unit_guard_end(value.ptr, value.len);
		if (http_ranges_parse(value, size, ranges, HTTP_RANGES_MAX, &count) ==
		    HTTP_RANGES_PARTIAL)
			check(count && count <= HTTP_RANGES_MAX);
		else
			check(!count);
		for (i = 0; i < count; i++) {
			check(ranges[i].first <= ranges[i].last && ranges[i].last < size);
			sum += ranges[i].last - ranges[i].first + 1 + 256;
		}
		check(sum <= size + 4096);
	}
	if (http_has_field(req, HTTP_FIELD_ACCEPT_ENCODING)) {
		value = req->field[HTTP_FIELD_ACCEPT_ENCODING];
		value.ptr = unit_guard_end(value.ptr, value.len);
		choice = http_negotiate(value, offered, ARRAY_SIZE(offered));
		check(choice >= -1 && choice < (int)ARRAY_SIZE(offered));
		/* With less to choose from, the same or something else of it. */
		if (choice < 0)
			check(http_negotiate(value, offered, 1) < 0);
	}
	if (http_has_field(req, HTTP_FIELD_HOST)) {
		size_t len = http_host_fold(req->host.name, name, sizeof(name));
		struct http_host host;

		check(len <= req->host.name.len);
		check(!len || http_host_parse((struct span){ name, len }, &host));
		for (i = 0; i < len; i++)
			check(name[i] != '/' && name[i] && (name[i] != '.' || (i &&
			      i + 1 < len && name[i - 1] != '.')));
	}
}

static bool try_input(const u8 *buf, size_t len)
{
	struct http_request req;
	enum http_error why;
	ssize_t ret = parse_every_way(buf, len, HTTP_HEAD_MAX, 0, &req, &why);

	if (ret > 0) {
		promise_request(&req);
		check_fields(&req);
		promise_target(&req);
	}
	promise_lenient(buf, len, ret);
	return ret > 0;
}

static void test_mutants(void)
{
	static u8 buf[INPUT_MAX];
	unsigned int accepted = 0;
	unsigned int rounds = unit_rounds(60000);
	unsigned int i;

	unit_begin("%u mutated requests keep every promise", rounds);
	for (i = 0; i < rounds; i++) {
		const char *seed = seeds[below(ARRAY_SIZE(seeds))];
		size_t len = strlen(seed);
		size_t n;

		memcpy(buf, seed, len);
		for (n = below(6); n; n--)
			len = mutate(buf, len);
		accepted += try_input(buf, len);
	}
	unit_note("%u of them were accepted", accepted);
	/* Neither all nor none, else this would test less than it seems. */
	check(accepted > rounds / 20 && accepted < rounds / 2);
	unit_end();
}

/* Paths from few symbols, so that they collide with the rules all the time. */
static void test_paths(void)
{
	static const char *const symbols[] = {
		"/", "/", "/", ".", "..", "%2e", "%2E", "a", "b.c", "%61", "%2f", "%25",
		"\\", "?", "~",
	};
	struct http_request req = { .method = HTTP_GET };
	unsigned int rounds = unit_rounds(300000);
	unsigned int i;
	u8 buf[256];

	unit_begin("%u paths of dots and slashes are clean or refused", rounds);
	for (i = 0; i < rounds; i++) {
		size_t n = below(14);
		size_t len = 1;

		buf[0] = '/';
		while (n--)
			len = insert(buf, len, len, symbols[below(ARRAY_SIZE(symbols))]);
		req.target = (struct span){ buf, len };
		promise_target(&req);
	}
	unit_end();
}

/* Two requests in a row: the first must end where it ended alone. */
static void test_pipelined(void)
{
	static u8 buf[2 * INPUT_MAX];
	struct http_request req;
	enum http_error why;
	size_t i, j;

	unit_begin("what follows a request does not change it");
	for (i = 0; i < ARRAY_SIZE(seeds); i++) {
		size_t len = strlen(seeds[i]);
		ssize_t alone;

		memcpy(buf, seeds[i], len);
		alone = http_parse(buf, len, HTTP_HEAD_MAX, 0, &req, &why);
		for (j = 0; j < ARRAY_SIZE(seeds) && alone != -EAGAIN; j++) {
			memcpy(buf + len, seeds[j], strlen(seeds[j]));
			check(http_parse(buf, len + strlen(seeds[j]), HTTP_HEAD_MAX, 0, &req, &why)
			      == alone);
		}
	}
	unit_end();
}

/* What the administrator writes: tables of types, lines of fields. */
static void test_texts(void)
{
	static const char *const symbols[] = {
		"text/html ", "a/b ", "a/b z\n", "X: ", "expires=5 ", "expires=", "x", "X", "y", "*", " ", " ", "\t",
		"\n", "\n", "\r", ":", ": ", "Vary", "Date", "/", ";", "2147483648", "\x80",
	};
	static struct http_type list[256];
	unsigned int rounds = unit_rounds(100000);
	unsigned int i, line, tables = 0, heads = 0;
	static u8 out[INPUT_MAX];
	static u8 buf[256];

	unit_begin("%u texts are a table, or lines of fields, or refused", rounds);
	for (i = 0; i < rounds; i++) {
		size_t n = below(14);
		struct http_writer w;
		struct span text, bad;
		size_t len = 0;
		int count;

		while (n--)
			len = insert(buf, len, len, symbols[below(ARRAY_SIZE(symbols))]);
		text = (struct span){ unit_guard_end(buf, len), len };
		count = http_types_parse(text, list, ARRAY_SIZE(list), &line);
		check(count >= 0 ? !line : count == -EINVAL && line);
		tables += count > 0;
		http_writer_init(&w, out, sizeof(out));
		if (http_extra_render(&w, text, &bad)) {
			check(bad.len);
			continue;
		}
		heads += w.len > 0;
		for (n = 0; n < w.len; n++)
			check(out[n] != '\n' || (n && out[n - 1] == '\r'));
		check(!w.len || out[w.len - 1] == '\n');
	}
	unit_note("%u tables, %u heads", tables, heads);
	check(tables > rounds / 200 && heads > rounds / 200);
	unit_end();
}

int main(void)
{
	state = unit_seed(state);
	test_mutants();
	test_paths();
	test_pipelined();
	test_texts();
	return unit_finish();
}
