// SPDX-License-Identifier: GPL-2.0
/* Where bodies end, however they are cut. */

#include "http/body.h"
#include "unit.h"

/* Cut in two at @cut.  Return: as http_body_follow() for all of it. */
static ssize_t follow_cut(struct http_body *body, const char *text, size_t len, size_t cut)
{
	ssize_t n, m;

	n = http_body_follow(body, unit_guard_end(text, cut), cut);
	if (n < 0 || (size_t)n < cut)
		return n;
	m = http_body_follow(body, unit_guard_end(text + cut, len - cut), len - cut);
	return m < 0 ? m : n + m;
}

/* With the data skipped instead of read. */
static ssize_t follow_blind(struct http_body *body, const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && !http_body_is_over(body)) {
		u64 blind = http_body_blind(body);
		size_t n = blind && blind < len - at ? blind : len - at;

		if (blind)
			http_body_skip(body, n);
		else if (http_body_follow(body, (const u8 *)text + at, n = 1) < 0)
			return -EBADMSG;
		at += n;
	}
	return at;
}

static void test_chunked(void)
{
	static const struct {
		const char	*text;
		ssize_t		end;	/* 0: not over yet */
	} rows[] = {
		{ "0\r\n\r\n", 5 },
		{ "5\r\nhello\r\n0\r\n\r\n", 15 },
		{ "5\r\nhello\r\n0\r\n\r\nHTTP/1.1", 15 },
		{ "a\r\n0123456789\r\n0\r\n\r\n", 20 },
		{ "A\r\n0\r\n\r\n56789\r\n0\r\n\r\n", 20 },
		{ "0005\r\nhello\r\n00\r\n\r\n", 19 },
		{ "5;a=b\r\nhello\r\n0;last\r\n\r\n", 24 },
		{ "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", 23 },
		{ "0\r\nX: y\r\nZ:\r\n\r\n", 15 },
		{ "5\r\nhello\r\n0\r\nX: y\r\n", 0 },
		{ "5\r\nhel", 0 },
		{ "7fffffffffffffff\r\n", 0 },
		{ "", 0 },
		{ "8000000000000000\r\n", -EBADMSG },
		{ "10000000000000000\r\n", -EBADMSG },
		{ "\r\n", -EBADMSG },
		{ "g\r\n", -EBADMSG },
		{ "-1\r\n", -EBADMSG },
		{ "0x5\r\nhello\r\n", -EBADMSG },
		{ " 5\r\nhello\r\n", -EBADMSG },
		{ "5 \r\nhello\r\n", -EBADMSG },
		{ "5 ;a\r\nhello\r\n", -EBADMSG },
		{ ";a\r\n", -EBADMSG },
		{ "5\nhello\r\n", -EBADMSG },
		{ "5\r\r\nhello\r\n", -EBADMSG },
		{ "5;a\nhello\r\n", -EBADMSG },
		{ "5;a\r5\r\nhello\r\n", -EBADMSG },
		{ "5\r\nhello0\r\n\r\n", -EBADMSG },
		{ "5\r\nhello\n0\r\n\r\n", -EBADMSG },
		{ "5\r\nhello\r0\r\n\r\n", -EBADMSG },
		{ "0\r\n\n", -EBADMSG },
		{ "0\r\nX : y\r\n\r\n", -EBADMSG },
		{ "0\r\nX: y\r\n z\r\n\r\n", -EBADMSG },
		{ "0\r\nX: y\n\r\n", -EBADMSG },
		{ "0\r\nX\r\n\r\n", -EBADMSG },
		{ "0\r\n:\r\n\r\n", -EBADMSG },
	};
	size_t i, cut;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		ssize_t want = rows[i].end ? rows[i].end : (ssize_t)len;
		struct http_body body = { 0 };

		unit_begin("%s", rows[i].text);
		for (cut = 0; cut <= len; cut++) {
			http_body_begin(&body, true, 0);
			check(follow_cut(&body, rows[i].text, len, cut) == want);
			check(http_body_is_over(&body) == (rows[i].end > 0));
		}
		http_body_begin(&body, true, 0);
		check(follow_blind(&body, rows[i].text, len) == want);
		unit_end();
	}
}

static void test_length(void)
{
	static const char text[] = "helloGET";
	struct http_body body = { 0 };
	size_t cut;

	unit_begin("a body with a length is so many bytes");
	check(http_body_is_over(&body));
	http_body_begin(&body, false, 0);
	check(http_body_is_over(&body) && !http_body_blind(&body));
	check(http_body_follow(&body, (const u8 *)text, 8) == 0);
	for (cut = 0; cut <= 8; cut++) {
		http_body_begin(&body, false, 5);
		check(follow_cut(&body, text, 8, cut) == 5);
		check(http_body_is_over(&body));
	}
	http_body_begin(&body, false, S64_MAX);
	http_body_skip(&body, S64_MAX - 1);
	check(http_body_blind(&body) == 1);
	unit_end();
}

int main(void)
{
	test_chunked();
	test_length();
	return unit_finish();
}
