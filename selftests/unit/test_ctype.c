// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "unit.h"

/* Each class once more, as its RFC spells it. */
static bool in(unsigned int c, const char *set)
{
	return c && c < 0x80 && strchr(set, c);
}

static bool is_alpha(unsigned int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(unsigned int c)
{
	return is_digit(c) || in(c, "abcdefABCDEF");
}

static bool is_tchar(unsigned int c)
{
	return is_alpha(c) || is_digit(c) || in(c, "!#$%&'*+-.^_`|~");
}

static bool is_field(unsigned int c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool is_ctl(unsigned int c)
{
	return c < 0x20 || c == 0x7f;
}

/* unreserved and sub-delims of RFC 3986 */
static bool is_host(unsigned int c)
{
	return is_alpha(c) || is_digit(c) || in(c, "-._~!$&'()*+,;=");
}

static bool is_path(unsigned int c)
{
	return !is_ctl(c) && !in(c, "/?#%");
}

/* NGX_ESCAPE_URI of nginx 1.22 */
static bool is_escape(unsigned int c)
{
	return c <= 0x20 || c >= 0x7f || in(c, "\"#%<>?\\^`{|}");
}

static const struct {
	const char	*name;
	bool		(*is)(unsigned int c);
	u8		class;
} classes[] = {
	{ "TCHAR", is_tchar, HTTP_C_TCHAR },
	{ "FIELD", is_field, HTTP_C_FIELD },
	{ "DIGIT", is_digit, HTTP_C_DIGIT },
	{ "HEX", is_hex, HTTP_C_HEX },
	{ "HOST", is_host, HTTP_C_HOST },
	{ "PATH", is_path, HTTP_C_PATH },
	{ "ESCAPE", is_escape, HTTP_C_ESCAPE },
	{ "CTL", is_ctl, HTTP_C_CTL },
};

static void test_table(void)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		unit_begin("class %s has exactly its bytes", classes[i].name);
		for (c = 0; c < 256; c++)
			if (!check(http_is(c, classes[i].class) == classes[i].is(c)))
				unit_note("byte %#x", c);
		unit_end();
	}
}

static void test_hex_value(void)
{
	unit_begin("hex digits have their values in both cases");
	check(http_hex_value('0') == 0 && http_hex_value('9') == 9);
	check(http_hex_value('a') == 10 && http_hex_value('f') == 15);
	check(http_hex_value('A') == 10 && http_hex_value('F') == 15);
	unit_end();
}

static bool is_token(const char *s, size_t len)
{
	return http_is_token((struct span){ unit_guard_end(s, len), len });
}

static void test_token(void)
{
	unsigned int c;
	size_t at;

	unit_begin("a token is one byte or more, and each of them is one of a token's");
	check(!is_token("", 0));
	for (c = 0; c < 256; c++) {
		for (at = 0; at < 9; at++) {
			char s[9];

			memset(s, 'x', sizeof(s));
			s[at] = c;
			check(is_token(s, sizeof(s)) == is_tchar(c));
		}
	}
	unit_end();
}

/*
 * Every byte value at every place of a run of every length: whether the
 * word-wise part and the byte-wise part agree with the definition.  A @fill
 * above DEL is for the bytes, an ASCII one for the words.
 */
static void check_skip(const u8 *(*skip)(const u8 *, const u8 *), bool (*stops)(unsigned int),
		       u8 fill)
{
	u8 run[27];
	size_t len, at;
	unsigned int c;

	for (len = 0; len <= sizeof(run); len++) {
		for (at = 0; at < len; at++) {
			for (c = 0; c < 256; c++) {
				const u8 *p;
				size_t want = stops(c) ? at : len;

				memset(run, fill, sizeof(run));
				run[at] = c;
				p = unit_guard_end(run, len);
				if (!check(skip(p, p + len) == p + want))
					unit_note("%#x at %zu of %zu", c, at, len);
			}
		}
	}
}

/*
 * What borrows or carries in one byte of a word must not hide its neighbour,
 * nor stop at it: every two bytes side by side, within and across words.
 */
static void check_pairs(const u8 *(*skip)(const u8 *, const u8 *), bool (*stops)(unsigned int))
{
	u8 run[24];
	unsigned int a, b;
	size_t at;

	for (at = 0; at < 16; at++) {
		for (a = 0; a < 256; a++) {
			for (b = 0; b < 256; b++) {
				size_t want = stops(a) ? at : stops(b) ? at + 1 : sizeof(run);

				memset(run, '~', sizeof(run));
				run[at] = a;
				run[at + 1] = b;
				if (!check(skip(run, run + sizeof(run)) == run + want))
					unit_note("%#x %#x at %zu", a, b, at);
			}
		}
	}
}

static const u8 *skip_path(const u8 *p, const u8 *end)
{
	return http_skip_class(p, end, HTTP_C_PATH);
}

static bool stops_path(unsigned int c)
{
	return !is_path(c);
}

static bool stops_value(unsigned int c)
{
	return !is_field(c);
}

static bool stops_target(unsigned int c)
{
	return c <= 0x20 || c == 0x7f;
}

int main(void)
{
	test_table();
	test_hex_value();
	test_token();
	unit_begin("http_skip_field_value stops where it should");
	check_skip(http_skip_field_value, stops_value, 0xe4);
	check_skip(http_skip_field_value, stops_value, ' ');
	check_skip(http_skip_field_value, stops_value, '~');
	check_pairs(http_skip_field_value, stops_value);
	unit_end();
	unit_begin("http_skip_target stops where it should");
	check_skip(http_skip_target, stops_target, 0xe4);
	check_skip(http_skip_target, stops_target, '!');
	check_skip(http_skip_target, stops_target, '~');
	check_pairs(http_skip_target, stops_target);
	unit_end();
	unit_begin("http_skip_class stops where it should");
	check_skip(skip_path, stops_path, 0xe4);
	check_pairs(skip_path, stops_path);
	unit_end();
	return unit_finish();
}
