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

	unit_begin("the table is of four or more letters and dashes each, but for Via");
	for (f = 1; f < HTTP_FIELD_COUNT; f++) {
		const char *s;

		check(strlen(names[f]) >= 4 || f == HTTP_FIELD_VIA);
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

/* Which name is it that a line may begin with?  Returns its length, with the colon. */
static size_t spell(const struct http_field_name *name, char *s)
{
	size_t i;

	for (i = 0; i < 8 * ARRAY_SIZE(name->word); i++) {
		s[i] = name->word[i / 8].text >> i % 8 * 8;
		if (i >= name->len)
			check((u8)s[i] == 0xff);
	}
	s[name->len] = '\0';
	return name->len;
}

static const struct http_field_name *name_at(const char *s, size_t len)
{
	const u8 *p = unit_guard_end(s, len);

	return http_field_at(p, p + len);
}

/* A byte that is another one, and not the same letter, makes it another name. */
static void check_usual(const struct http_field_name *name)
{
	char line[64], copy[64];
	size_t len = spell(name, line);
	size_t i, room;
	unsigned int c;

	check(name->len < sizeof(name->word) / 2 && name->size >= name->len &&
	      name->size % 8 == 0 && name->size < name->len + 8U);
	check(line[len - 1] == ':' && strspn(line, "abcdefghijklmnopqrstuvwxyz-") == len - 1);
	check(!name->field || (strlen(names[name->field]) == len - 1 &&
			       !memcmp(line, names[name->field], len - 1)));
	memset(line + len, ' ', sizeof(line) - len);
	for (room = 4; room < sizeof(line); room++)
		check(name_at(line, room) == (room > name->size ? name : NULL));
	for (i = 0; i < len; i++) {
		for (c = 0; c < 256; c++) {
			bool same = ascii_lower(c) == line[i];

			memcpy(copy, line, sizeof(copy));
			copy[i] = c;
			if (!check((name_at(copy, sizeof(copy)) == name) == same))
				unit_note("%.*s, %#x at %zu", (int)len, line, c, i);
		}
	}
}

static void test_usual(void)
{
	const struct http_field_name *name;
	unsigned int found[HTTP_FIELD_COUNT] = { 0 };
	size_t place;
	enum http_field f;
	char line[64];

	unit_begin("usual names are found where lines begin, and no others");
	for (place = 0; place < ARRAY_SIZE(http_field_places); place++) {
		for (name = http_field_places[place]; name && name->size; name++) {
			spell(name, line);
			check(HTTP_FIELD_PLACE(load_le32((u8 *)line)) == place);
			check_usual(name);
			found[name->field]++;
		}
	}
	for (f = 1; f < HTTP_FIELD_COUNT; f++)
		check(found[f] == 1);
	memset(line, 0, sizeof(line));
	check(!name_at(line, sizeof(line)));
	unit_end();
}

int main(void)
{
	test_found();
	test_table();
	test_neighbours();
	test_usual();
	return unit_finish();
}
