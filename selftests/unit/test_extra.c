// SPDX-License-Identifier: GPL-2.0

#include "http/extra.h"
#include "unit.h"

/* What is written, or which line is bad. */
static const struct {
	const char	*text;
	const char	*want;
	const char	*bad;
} rows[] = {
	{ "", "", NULL },
	{ "\n", "", NULL },
	{ " \n\t\n\n", "", NULL },
	{ "X-A: b", "X-A: b\r\n", NULL },
	{ "X-A: b\n", "X-A: b\r\n", NULL },
	{ "X-A:b", "X-A: b\r\n", NULL },
	{ "  X-A:  b c\t \n", "X-A: b c\r\n", NULL },
	{ "A: 1\nB: 2\n\nA: 3", "A: 1\r\nB: 2\r\nA: 3\r\n", NULL },
	{ "Vary: Origin", "Vary: Origin\r\n", NULL },
	{ "Content-Security-Policy: default-src 'self'; img-src *",
	  "Content-Security-Policy: default-src 'self'; img-src *\r\n", NULL },
	{ "A::b", "A: :b\r\n", NULL },
	{ "A:", "A: \r\n", NULL },
	{ "!#$%&'*+-.^_`|~09az: ~", "!#$%&'*+-.^_`|~09az: ~\r\n", NULL },
	/* not the names, only names like them */
	{ "X-Date: a", "X-Date: a\r\n", NULL },
	{ "Dat: a\nDates: b", "Dat: a\r\nDates: b\r\n", NULL },
	{ "Cache-Control: no-store", "Cache-Control: no-store\r\n", NULL },

	/* no field line */
	{ "A", NULL, "A" },
	{ ":", NULL, ":" },
	{ ": b", NULL, ": b" },
	{ "A b: c", NULL, "A b: c" },
	{ "A : b", NULL, "A : b" },
	{ "A(b): c", NULL, "A(b): c" },
	{ "\xc3\xa4: b", NULL, "\xc3\xa4: b" },
	{ "A: b\nB", NULL, "B" },
	{ "A: b\n B C: d \nE: f", NULL, "B C: d" },
	/* no value */
	{ "A: b\rC: d", NULL, "A: b\rC: d" },
	{ "A: b\r\n", NULL, "A: b\r" },
	{ "A: \x01", NULL, "A: \x01" },
	{ "A: b\tc", NULL, "A: b\tc" },
	{ "A: b\x7f", NULL, "A: b\x7f" },
	{ "A: caf\xc3\xa9", NULL, "A: caf\xc3\xa9" },
	/* ours */
	{ "Server: x", NULL, "Server: x" },
	{ "Date: x", NULL, "Date: x" },
	{ "Content-Type: x", NULL, "Content-Type: x" },
	{ "content-length: 5", NULL, "content-length: 5" },
	{ "Content-Range: x", NULL, "Content-Range: x" },
	{ "Content-Encoding: x", NULL, "Content-Encoding: x" },
	{ "TRANSFER-ENCODING: chunked", NULL, "TRANSFER-ENCODING: chunked" },
	{ "Connection: close", NULL, "Connection: close" },
	{ "Keep-Alive: 5", NULL, "Keep-Alive: 5" },
	{ "Trailer: x", NULL, "Trailer: x" },
	{ "Upgrade: x", NULL, "Upgrade: x" },
	{ "Last-Modified: x", NULL, "Last-Modified: x" },
	{ "eTag: x", NULL, "eTag: x" },
	{ "Accept-Ranges: none", NULL, "Accept-Ranges: none" },
	{ "Location: /", NULL, "Location: /" },
	{ "Location:", NULL, "Location:" },
};

static void check_text(const char *text, const char *want, const char *bad)
{
	static const u8 zeros[256];
	size_t len = strlen(text);
	struct span input = { unit_guard_end(text, len), len };
	struct http_writer w;
	struct span line;

	/* @size is what comes out of it, and there is no room behind that. */
	size_t size = want ? strlen(want) : sizeof(zeros);

	http_writer_init(&w, unit_guard_start(zeros, sizeof(zeros)), size);
	check(http_extra_render(&w, input, &line) == (want ? 0 : -EINVAL));
	if (want) {
		check(http_writer_ok(&w) && span_is_empty(line));
		check_span(((struct span){ w.buf, w.len }), want);
		check(!memcmp(w.buf + size, zeros, sizeof(zeros) - size));
	} else {
		check_span(line, bad);
	}
}

/* Every line of what was written is one that a client can read. */
static bool is_fields(const u8 *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\r' && i + 1 < len && p[i + 1] == '\n')
			i++;
		else if (p[i] < ' ' || p[i] > '~')
			return false;
	}
	return !len || (len > 4 && p[len - 1] == '\n');
}

static void test_rows(void)
{
	static u8 buf[512];
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unit_begin("\"%s\" is %s", rows[i].text, rows[i].bad ? "refused" : "rendered");
		check_text(rows[i].text, rows[i].want, rows[i].bad);
		for (len = 0; len <= strlen(rows[i].text); len++) {
			struct span text = { unit_guard_end(rows[i].text, len), len };
			struct http_writer w;
			struct span bad;

			http_writer_init(&w, buf, sizeof(buf));
			if (!http_extra_render(&w, text, &bad))
				check(is_fields(buf, w.len));
			else
				check(bad.len && bad.ptr >= text.ptr &&
				      bad.ptr + bad.len <= text.ptr + len);
		}
		unit_end();
	}
}

static void test_no_room(void)
{
	static const char text[] = "X-A: b\nX-C: d\n";
	struct http_writer w;
	struct span bad;
	size_t size;

	unit_begin("without room nothing is written past the end, and it shows");
	for (size = 0; size < 16; size++) {
		http_writer_init(&w, unit_guard_end(text, size), size);
		check(!http_extra_render(&w, SPAN("X-A: b\nX-C: d\n"), &bad));
		check(w.len == 16 && !http_writer_ok(&w));
	}
	unit_end();
}

static bool value_ok(const char *s)
{
	return http_value_ok((struct span){ unit_guard_end(s, strlen(s)), strlen(s) });
}

static void test_values(void)
{
	unsigned int c;

	unit_begin("values are visible ASCII with spaces inside");
	check(value_ok(""));
	check(value_ok("utf-8"));
	check(value_ok("public, max-age=3600"));
	check(value_ok("a  b"));
	check(!value_ok(" a") && !value_ok("a ") && !value_ok(" "));
	check(!value_ok("a\r\nB: c") && !value_ok("a\n") && !value_ok("a\r"));
	for (c = 0; c < 256; c++) {
		u8 text[3] = { 'a', c, 'b' };
		bool want = c >= ' ' && c <= '~';

		if (!check(http_value_ok((struct span){ unit_guard_end(text, 3), 3 }) == want))
			unit_note("%#x", c);
	}
	unit_end();
}

int main(void)
{
	test_rows();
	test_no_room();
	test_values();
	return unit_finish();
}
