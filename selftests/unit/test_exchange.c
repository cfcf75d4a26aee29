// SPDX-License-Identifier: GPL-2.0
/* Requests and responses on one connection, each stream cut at every place. */

#include "http/exchange.h"
#include "unit.h"

#define GET	"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD	"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" \
		"5\r\nhello\r\n0\r\n\r\n"
#define EXPECT	"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
#define OK	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define HINTS	"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"

static const char *const leaves[HTTP_LEAVE_COUNT] = {
	[HTTP_LEAVE_NOT] = "busy",
#define X(name) [HTTP_LEAVE_##name] = #name,
	HTTP_LEAVES(X)
#undef X
};

typedef ssize_t side(struct http_exchange *x, const u8 *buf, size_t len, enum http_leave *why);

/* Whoever calls keeps what is left, as the module does. */
static enum http_leave feed(struct http_exchange *x, side *side, const char *text, size_t cut)
{
	size_t len = strlen(text);
	enum http_leave why;
	ssize_t n;

	if (cut > len)
		cut = len;
	n = side(x, unit_guard_end(text, cut), cut, &why);
	if (n < 0)
		return why;
	check((size_t)n <= cut && !why);
	n = side(x, unit_guard_end(text + n, len - n), len - n, &why);
	return n < 0 ? why : HTTP_LEAVE_NOT;
}

static const char *outcome(const char *requests, const char *responses, size_t cut, size_t cut2)
{
	struct http_exchange x = { 0 };
	enum http_leave why;

	why = feed(&x, http_exchange_request, requests, cut);
	if (!why)
		why = feed(&x, http_exchange_response, responses, cut2);
	return !why && http_exchange_is_idle(&x) ? "idle" : leaves[why];
}

static void test_streams(void)
{
	static const struct {
		const char *requests, *responses, *want;
	} rows[] = {
		{ "", "", "idle" },
		{ GET, "", "busy" },
		{ GET, OK, "busy" },
		{ GET, OK "hell", "busy" },
		{ GET, OK "hello", "idle" },
		{ GET, OK "helloX", "UNASKED" },
		{ GET, OK "hello" OK "hello", "UNASKED" },
		{ "", "H", "UNASKED" },
		{ GET GET, OK "hello", "busy" },
		{ GET GET, OK "hello" OK "world", "idle" },
		{ HEAD, OK, "idle" },
		{ HEAD GET, OK OK "hello", "idle" },
		{ GET HEAD, OK "hello" OK, "idle" },
		{ GET HEAD, OK OK "hello", "MALFORMED" },
		{ GET, "HTTP/1.1 204 No Content\r\n\r\n", "idle" },
		{ GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "idle" },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "5;x\r\nhello\r\n0\r\nT: x\r\n\r\n", "idle" },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
		  "busy" },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\n",
		  "MALFORMED" },
		{ GET, "HTTP/1.1 200 OK\r\n\r\nhello", "UNFRAMED" },
		{ GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
		  "LAST" },
		{ GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "LAST" },
		{ GET, "HTTP/0.9", "MALFORMED" },
		{ GET, "HTTP/1.1 101 Switching Protocols\r\n\r\n", "UPGRADE" },
		{ POST, OK "hello", "idle" },
		{ POST GET, OK "hello" OK "hello", "idle" },
		{ CHUNKED, OK "hello", "idle" },
		{ CHUNKED GET, OK "hello" OK "hello", "idle" },
		/* Answered early: not idle until the rest has come. */
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", OK "hello", "busy" },
		{ EXPECT "hello", "HTTP/1.1 100 Continue\r\n\r\n" OK "hello", "idle" },
		{ EXPECT, "HTTP/1.1 100 Continue\r\n\r\n", "busy" },
		{ EXPECT, OK "hello", "UNASKED" },
		{ EXPECT "hello" GET, OK "hello" OK "hello", "idle" },
		{ GET, HINTS OK "hello", "idle" },
		{ GET GET, HINTS OK "hello" OK "hello", "UNASKED" },
		/* Requests */
		{ "\r\n" GET, OK "hello", "idle" },
		{ "G", "", "idle" },
		{ GET "G", OK "hello", "idle" },
		{ "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "", "UPGRADE" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "",
		  "UPGRADE" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "", "LAST" },
		{ "GET / HTTP/1.0\r\n\r\n", "", "LAST" },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", OK "hello", "idle" },
		{ "GET /\r\n", "", "MALFORMED" },
		{ "GET / HTTP/1.1\nHost: a\n\n", "", "MALFORMED" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n", "", "MALFORMED" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", "",
		  "MALFORMED" },
	};
	size_t i, cut;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unit_begin("%s: %s / %s", rows[i].want, rows[i].requests, rows[i].responses);
		for (cut = 0; cut < 200; cut++) {
			const char *got = outcome(rows[i].requests, rows[i].responses, cut, cut);

			if (!check(!strcmp(got, rows[i].want)))
				unit_note("cut at %zu: %s", cut, got);
		}
		unit_end();
	}
}

static void test_many(void)
{
	struct http_exchange x = { 0 };
	enum http_leave why;
	int round, i;

	unit_begin("as many as there is room for, round and round");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < HTTP_EXCHANGE_MAX - 1; i++)
			check(!feed(&x, http_exchange_request, i % 2 ? HEAD : GET, 0));
		for (i = 0; i < HTTP_EXCHANGE_MAX - 1; i++)
			check(!feed(&x, http_exchange_response, i % 2 ? OK : OK "hello", 0));
		check(http_exchange_is_idle(&x));
	}
	for (i = 0; i < HTTP_EXCHANGE_MAX; i++)
		check(!feed(&x, http_exchange_request, GET, 0));
	check(http_exchange_request(&x, (const u8 *)GET, strlen(GET), &why) == -EBADMSG);
	check(why == HTTP_LEAVE_TOO_MANY);
	unit_end();
}

static void test_skip(void)
{
	struct http_exchange x = { 0 };

	unit_begin("a body that nobody looks at");
	check(!feed(&x, http_exchange_request, GET, 0));
	check(!feed(&x, http_exchange_response, OK, 0));
	check(http_body_blind(&x.response) == 5);
	http_exchange_skip_response(&x, 0);
	http_exchange_skip_response(&x, 4);
	check(!http_exchange_is_idle(&x));
	http_exchange_skip_response(&x, 1);
	check(http_exchange_is_idle(&x));
	unit_end();
}

/* Messages of each kind, and what they are to the other side. */
static const struct {
	const char	*request;
	bool		head;
} requests[] = {
	{ GET, false }, { HEAD, true }, { POST, false }, { CHUNKED, false }, { "\r\n" GET, false },
};

static const struct {
	const char	*head, *body;
} responses[] = {
	{ OK, "hello" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", "" },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "3;a\r\nGET\r\n10\r\nHTTP/1.1 200 OK\r\r\n0\r\nX: y\r\n\r\n" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\n"
	  "Content-Length: 5\r\n\r\n", "hello" },
};

struct stream {
	side	*side;
	u8	*text;
	size_t	len, used, seen;
};

/* Some more bytes arrive; what was not understood is there again. */
static bool advance(struct http_exchange *x, struct stream *s, u64 *dice)
{
	size_t more = unit_random(dice) % 40;
	enum http_leave why;
	ssize_t n;

	s->seen = s->seen + more < s->len ? s->seen + more : s->len;
	n = s->side(x, unit_guard_end(s->text + s->used, s->seen - s->used),
		    s->seen - s->used, &why);
	if (!check(n >= 0))
		unit_note("%s at %zu", leaves[why], s->used);
	s->used += n > 0 ? n : 0;
	return n >= 0;
}

static void put(struct stream *s, const char *text)
{
	memcpy(s->text + s->len, text, strlen(text));
	s->len += strlen(text);
}

/* Pipelined, each stream in pieces of its own: idle just when all is answered. */
static void test_random(void)
{
	static u8 texts[2][8192];
	unsigned int rounds = unit_rounds(3000);
	u64 dice = 1;

	unit_begin("any requests and responses, in any pieces");
	while (rounds--) {
		struct stream in = { .side = http_exchange_request, .text = texts[0] };
		struct stream out = { .side = http_exchange_response, .text = texts[1] };
		struct http_exchange x = { .at = (u32)unit_random(&dice) };
		u32 start = x.at;
		int count = 1 + unit_random(&dice) % HTTP_EXCHANGE_MAX;

		while (count--) {
			size_t q = unit_random(&dice) % ARRAY_SIZE(requests);
			size_t r = unit_random(&dice) % ARRAY_SIZE(responses);

			put(&in, requests[q].request);
			put(&out, responses[r].head);
			if (!requests[q].head)
				put(&out, responses[r].body);
		}
		while (in.used < in.len)
			if (!advance(&x, &in, &dice))
				break;
		check(x.at == start + (u32)in.len);
		while (out.used < out.len) {
			check(!http_exchange_is_idle(&x));
			if (!advance(&x, &out, &dice))
				break;
		}
		check(http_exchange_is_idle(&x));
	}
	unit_end();
}

int main(void)
{
	test_random();
	test_streams();
	test_many();
	test_skip();
	return unit_finish();
}
