// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/field.h"
#include "unit.h"

static const char *const names[HTTP_FIELD_COUNT] = {
#define X(name, text) \
	[HTTP_FIELD_##name] = text,
	HTTP_FIELDS(X)
#undef X
};

static enum http_field lookup(const char *s)
{
	return http_field_lookup((struct span){ unit_guard_end(s, strlen(s)), strlen(s) });
}

static void upper(char *s)
{
	for (; *s; s++)
		if (*s >= 'a' && *s <= 'z')
			*s -= 0x20;
}

static void test_found(void)
{
	enum http_field f;
	char copy[64];

	unit_begin("every field is found by its name in any case");
	for (f = 1; f < HTTP_FIELD_COUNT; f++) {
		check(lookup(names[f]) == f);
		strcpy(copy, names[f]);
		copy[0] -= 0x20;
		check(lookup(copy) == f);
		upper(copy);
		check(lookup(copy) == f);
	}
	unit_end();
}

static void test_table(void)
{
	enum http_field f;

	unit_begin("the table is of four or more letters and dashes each");
	for (f = 1; f < HTTP_FIELD_COUNT; f++) {
		const char *s;

		check(strlen(names[f]) >= 4);
		for (s = names[f]; *s; s++)
			check((*s >= 'a' && *s <= 'z') || *s == '-');
	}
	check(HTTP_FIELD_COUNT <= 32);		/* bits of @seen */
	unit_end();
}

/* One byte off must never be taken for the field. */
static void test_neighbours(void)
{
	enum http_field f;

	unit_begin("a name that differs in one byte is another field");
	for (f = 1; f < HTTP_FIELD_COUNT; f++) {
		size_t i, len = strlen(names[f]);
		unsigned int c;
		char copy[64];

		for (i = 0; i < len; i++) {
			for (c = 1; c < 256; c++) {
				if (!http_is(c, HTTP_C_TCHAR) || ascii_lower(c) == names[f][i])
					continue;
				strcpy(copy, names[f]);
				copy[i] = c;
				if (!check(lookup(copy) == HTTP_FIELD_OTHER))
					unit_note("%s", copy);
			}
		}
		strcpy(copy, names[f]);
		strcat(copy, "x");
		check(lookup(copy) == HTTP_FIELD_OTHER);
		copy[len - 1] = '\0';
		check(lookup(copy) == HTTP_FIELD_OTHER);
	}
	check(lookup("") == HTTP_FIELD_OTHER);
	check(lookup("x-a-very-long-field-name-that-nobody-has-ever-heard-of") ==
	      HTTP_FIELD_OTHER);
	unit_end();
}

int main(void)
{
	test_found();
	test_table();
	test_neighbours();
	return unit_finish();
}
