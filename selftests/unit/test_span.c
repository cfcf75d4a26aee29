// SPDX-License-Identifier: GPL-2.0

#include "http/span.h"
#include "unit.h"

static struct span text(const char *s)
{
	return (struct span){ unit_guard_end(s, strlen(s)), strlen(s) };
}

static void test_eq(void)
{
	unit_begin("span_eq compares bytes and lengths");
	check(span_eq(SPAN("abc"), text("abc")));
	check(!span_eq(SPAN("abc"), text("abd")));
	check(!span_eq(SPAN("abc"), text("ab")));
	check(!span_eq(SPAN("abc"), text("ABC")));
	check(span_eq(SPAN(""), text("")));
	check(span_is_empty(text("")) && !span_is_empty(text("x")));
	unit_end();
}

static void test_eq_nocase(void)
{
	unsigned int a, b;

	unit_begin("span_eq_nocase folds ASCII letters and nothing else");
	check(span_eq_nocase(SPAN("Keep-Alive"), text("kEEP-aLIVE")));
	check(!span_eq_nocase(SPAN("close"), text("closed")));
	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			u8 x = a, y = b;
			bool letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z' && a < 0x80;
			bool want = a == b || (letter && (a ^ b) == 0x20);

			if (!check(span_eq_nocase((struct span){ &x, 1 },
						  (struct span){ &y, 1 }) == want))
				unit_note("%#x and %#x", a, b);
		}
	}
	unit_end();
}

/* At every place of a word of every length: any byte but CR. */
static void test_is_word(void)
{
	static const char lower[] = "if-unmodified-since";
	size_t len, at;
	unsigned int c;

	unit_begin("span_is_word is span_eq_nocase for words");
	for (len = 4; len < sizeof(lower); len++) {
		struct span word = { (const u8 *)lower, len };
		char s[sizeof(lower)] = "IF-unMODIFIED-sINce";

		check(span_is_word((struct span){ unit_guard_start(s, len), len }, word));
		for (at = 0; at < len; at++) {
			for (c = 0; c < 256; c++) {
				struct span copy = { unit_guard_end(lower, len), len };

				((u8 *)copy.ptr)[at] = c;
				if (c != '\r' &&
				    !check(span_is_word(copy, word) == span_eq_nocase(copy, word)))
					unit_note("%#x at %zu of %zu", c, at, len);
			}
		}
		check(!span_is_word((struct span){ unit_guard_end(lower, len - 1), len - 1 }, word));
		check(!span_is_word((struct span){ (const u8 *)lower, len + 1 }, word));
	}
	check(!span_is_word(text(""), SPAN("host")));
	unit_end();
}

static void test_trim(void)
{
	unit_begin("span_trim takes spaces and tabs off both ends");
	check_span(span_trim(text(" \t a b\t ")), "a b");
	check_span(span_trim(text("a")), "a");
	check_span(span_trim(text(" \t")), "");
	check_span(span_trim(text("")), "");
	check_span(span_trim(text("\va\v")), "\va\v");
	unit_end();
}

static void check_items(const char *list, const char *const *want)
{
	struct span rest = text(list);
	struct span item;

	while (span_next_item(&rest, &item)) {
		if (!check(*want))
			return;
		check_span(item, *want++);
	}
	check(!*want);
}

static void test_items(void)
{
	unit_begin("span_next_item yields every element, empty ones too");
	check_items("a", (const char *[]){ "a", NULL });
	check_items("a,b", (const char *[]){ "a", "b", NULL });
	check_items(" a ,\tb c\t,d ", (const char *[]){ "a", "b c", "d", NULL });
	check_items("", (const char *[]){ "", NULL });
	check_items(",", (const char *[]){ "", "", NULL });
	check_items("a, ,b,", (const char *[]){ "a", "", "b", "", NULL });
	unit_end();
}

static void check_lines(const char *s, const char *const *want)
{
	struct span rest = text(s);
	struct span line;

	while (span_next_line(&rest, &line)) {
		if (!check(*want))
			return;
		check_span(line, *want++);
	}
	check(!*want);
}

static void test_lines(void)
{
	struct span none = { NULL, 0 };
	struct span line;

	unit_begin("span_next_line yields every line, the last with or without its LF");
	check_lines("", (const char *[]){ NULL });
	check_lines("a", (const char *[]){ "a", NULL });
	check_lines("a\n", (const char *[]){ "a", NULL });
	check_lines("\n", (const char *[]){ "", NULL });
	check_lines("a\n\n b \nc\r", (const char *[]){ "a", "", " b ", "c\r", NULL });
	check(!span_next_line(&none, &line));
	unit_end();
}

int main(void)
{
	test_eq();
	test_eq_nocase();
	test_is_word();
	test_trim();
	test_items();
	test_lines();
	return unit_finish();
}
