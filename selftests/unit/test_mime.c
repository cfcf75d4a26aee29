// SPDX-License-Identifier: GPL-2.0

#include "http/mime.h"
#include "unit.h"

#define DEFAULT		"application/octet-stream"
#define ENTRIES		2048

static struct http_type builtin[ENTRIES];
static int builtins;

static struct span text_of(const char *s)
{
	return (struct span){ (const u8 *)s, strlen(s) };
}

static struct span type_in(const struct http_type *list, int n, const char *path)
{
	struct span at = { unit_guard_start(path, strlen(path)), strlen(path) };
	const struct http_type *found = http_types_find(list, n, at);

	at.ptr = unit_guard_end(path, strlen(path));
	check(http_types_find(list, n, at) == found);
	return found ? found->type : SPAN("nothing");
}

static struct span type_of(const char *path)
{
	return type_in(builtin, builtins, path);
}

/* Sorted without repetition, which is what finding relies on. */
static bool is_sorted(const struct http_type *list, int n)
{
	int i;

	for (i = 1; i < n; i++) {
		char a[64], b[64];
		size_t j;

		snprintf(a, sizeof(a), "%.*s", (int)list[i - 1].ext.len, list[i - 1].ext.ptr);
		snprintf(b, sizeof(b), "%.*s", (int)list[i].ext.len, list[i].ext.ptr);
		for (j = 0; a[j]; j++)
			a[j] = ascii_lower(a[j]);
		for (j = 0; b[j]; j++)
			b[j] = ascii_lower(b[j]);
		if (strcmp(a, b) >= 0)
			return false;
	}
	return true;
}

static void test_builtin(void)
{
	unsigned int line = 42;

	unit_begin("the table that is built in is one");
	builtins = http_types_parse(text_of(http_types_builtin), builtin, ENTRIES, &line);
	check(builtins > 100 && line == 0);
	check(http_types_parse(text_of(http_types_builtin), NULL, 0, &line) == builtins);
	check(is_sorted(builtin, builtins));
	unit_end();
}

static void test_names(void)
{
	unit_begin("the extension is what follows the last dot of the name");
	check_span(type_of("/index.html"), "text/html");
	check_span(type_of("index.html"), "text/html");
	check_span(type_of("/a.b/c.min.css"), "text/css");
	check_span(type_of("/INDEX.HtMl"), "text/html");
	check_span(type_of("/a.tar.gz"), DEFAULT);
	check_span(type_of("/a.html.bak"), DEFAULT);
	check_span(type_of("/a.css/b"), DEFAULT);
	check_span(type_of("/html"), DEFAULT);
	check_span(type_of("/a."), DEFAULT);
	check_span(type_of("/."), DEFAULT);
	check_span(type_of("/"), DEFAULT);
	check_span(type_of(""), DEFAULT);
	check_span(type_of("/a.css/"), DEFAULT);
	check_span(type_of("/a.jardiff"), "application/x-java-archive-diff");
	check_span(type_of("/a.jardifff"), DEFAULT);
	check_span(type_of("/a.jardif"), DEFAULT);
	check_span(type_of("/a.htm\xef"), DEFAULT);
	check_span(type_of("/a.*"), DEFAULT);
	unit_end();

	unit_begin("leading dots begin an extension where they do in nginx");
	check_span(type_of("/.css"), DEFAULT);
	check_span(type_of(".css"), DEFAULT);
	check_span(type_of("/a/.css"), DEFAULT);
	check_span(type_of("/.a.css"), "text/css");
	check_span(type_of("/..css"), DEFAULT);
	check_span(type_of("/...css"), DEFAULT);
	check_span(type_of("/....css"), "text/css");
	check_span(type_of("/...a.css"), "text/css");
	unit_end();

	unit_begin("mjs is known");
	check_span(type_of("/a.mjs"), "application/javascript");
	unit_end();
}

/* All of "EXTENSION TYPE EXPIRES, " in the order of the list. */
static const char *format(const struct http_type *list, int n)
{
	static char text[1024];
	char *p = text;
	int i;

	*p = '\0';
	for (i = 0; i < n; i++)
		p += sprintf(p, "%s%.*s %.*s %d", i ? ", " : "", (int)list[i].ext.len,
			     list[i].ext.ptr, (int)list[i].type.len, list[i].type.ptr,
			     list[i].expires);
	return text;
}

static const struct {
	const char	*text;
	const char	*want;
} good[] = {
	{ "", "" },
	{ "\n\n", "" },
	{ "text/html html", "html text/html -1" },
	{ "text/html html\n", "html text/html -1" },
	{ "text/html html htm\n", "htm text/html -1, html text/html -1" },
	{ "a/b z\nc/d y\ne/f x\n", "x e/f -1, y c/d -1, z a/b -1" },
	{ "a/b *\nc/d 0 +x\n", "* a/b -1, +x c/d -1, 0 c/d -1" },
	{ " \ta/b\t \tx  \n\n  \n c/d y", "x a/b -1, y c/d -1" },
	{ "a/b HTML Htm\n", "Htm a/b -1, HTML a/b -1" },
	{ "a/b aa a aaa ab\n", "a a/b -1, aa a/b -1, aaa a/b -1, ab a/b -1" },
	{ "a/b 7z c++ x-y_z\n", "7z a/b -1, c++ a/b -1, x-y_z a/b -1" },
	{ "a/b expires=3600 x y\n", "x a/b 3600, y a/b 3600" },
	{ "a/b expires=0 x\nc/d y\n", "x a/b 0, y c/d -1" },
	{ "a/b expires=2147483647 x\n", "x a/b 2147483647" },
	{ "a/b expires=000000000000005 x\n", "x a/b 5" },
	{ "a/b expires x\n", "expires a/b -1, x a/b -1" },
	{ "a.b+c-d/e!f x\n", "x a.b+c-d/e!f -1" },
	{ "a/b 12345678901234567890123456789012\n", "12345678901234567890123456789012 a/b -1" },
};

static const struct {
	const char	*text;
	unsigned int	line;
} bad[] = {
	{ "text/html\n", 1 },			/* of no extension */
	{ "a/b x\n\ntext/html\n", 3 },
	{ "html\n", 1 },
	{ "html text/html\n", 1 },
	{ "text html\n", 1 },
	{ "text/ html\n", 1 },
	{ "/html html\n", 1 },
	{ "text//html html\n", 1 },
	{ "text/html/x html\n", 1 },
	{ "text/html; html\n", 1 },
	{ "text/html;charset=utf-8 html\n", 1 },
	{ "text/html html;\n", 1 },		/* as in mime.types, but not here */
	{ "text / html html\n", 1 },
	{ "\"text/html\" html\n", 1 },
	{ "t\xc3\xa4xt/html html\n", 1 },
	{ "text/html\r\n", 1 },
	{ "text/html html\r\n", 1 },
	{ "text/html .html\n", 1 },
	{ "text/html a.b\n", 1 },
	{ "text/html a/b\n", 1 },
	{ "text/html *x\n", 1 },
	{ "text/html **\n", 1 },
	{ "text/html h\xc3\xa4ml\n", 1 },
	{ "text/html h\x01ml\n", 1 },
	{ "a/b 123456789012345678901234567890123\n", 1 },
	{ "a/b expires=\n", 1 },
	{ "a/b expires=5\n", 1 },
	{ "a/b expires= x\n", 1 },
	{ "a/b expires=-1 x\n", 1 },
	{ "a/b expires=+1 x\n", 1 },
	{ "a/b expires=1h x\n", 1 },
	{ "a/b expires=1.5 x\n", 1 },
	{ "a/b Expires=1 x\n", 1 },
	{ "a/b expires=2147483648 x\n", 1 },
	{ "a/b expires=4294967296 x\n", 1 },
	{ "a/b expires=18446744073709551617 x\n", 1 },
	{ "a/b expires=1 expires=2 x\n", 1 },
	{ "a/b x expires=1\n", 1 },
	{ "expires=1 a/b x\n", 1 },
	{ "# a comment\n", 1 },
	{ "a/b x # a comment\n", 1 },
	{ "types {\n", 1 },
	{ "end\n", 1 },
	{ "a/b x\nc/d y\ne f\ng/h z\n", 3 },
};

/* The list is as long as what comes out of it, and there is no more room. */
static int parse(const char *s, size_t len, struct http_type *list, size_t max,
		 unsigned int *line)
{
	static const u8 zeros[64 * sizeof(struct http_type)];
	size_t size = max * sizeof(*list);
	struct http_type *at = (void *)unit_guard_end(zeros, size);
	struct span text = { unit_guard_start(s, len), len };
	int n = http_types_parse(text, at, max, line);

	if (n > 0)
		memcpy(list, at, n * sizeof(*list));
	return n;
}

static void test_good(void)
{
	struct http_type list[64];
	unsigned int line;
	size_t i, len;
	int n;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		unit_begin("a table: \"%s\"", good[i].text);
		len = strlen(good[i].text);
		n = http_types_parse(text_of(good[i].text), NULL, 0, &line);
		check(n >= 0 && line == 0);
		check(parse(good[i].text, len, list, n, &line) == n && line == 0);
		if (!check(!strcmp(format(list, n), good[i].want)))
			unit_note("%s", format(list, n));
		check(is_sorted(list, n));
		/* Cut anywhere it is another table, or it is refused. */
		for (; len; len--) {
			struct span text;

			n = parse(good[i].text, len, list, 64, &line);
			check(n == -EINVAL ? line : !line);
			text = (struct span){ unit_guard_end(good[i].text, len), len };
			check(http_types_parse(text, NULL, 0, &line) == n || n == -EINVAL);
		}
		unit_end();
	}
}

static void test_bad(void)
{
	struct http_type list[64];
	unsigned int line;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		unit_begin("not a table: \"%s\"", bad[i].text);
		check(http_types_parse(text_of(bad[i].text), NULL, 0, &line) == -EINVAL);
		check(line == bad[i].line);
		line = 0;
		check(parse(bad[i].text, strlen(bad[i].text), list, 64, &line) == -EINVAL);
		check(line == bad[i].line);
		unit_end();
	}
}

static void test_long_types(void)
{
	char text[512];
	unsigned int line;

	unit_begin("types of HTTP_TYPE_MAX bytes, and not of more");
	memset(text, 'a', sizeof(text));
	text[3] = '/';
	strcpy(text + HTTP_TYPE_MAX, " x\n");
	check(http_types_parse(text_of(text), NULL, 0, &line) == 1);
	text[HTTP_TYPE_MAX] = 'a';
	strcpy(text + HTTP_TYPE_MAX + 1, " x\n");
	check(http_types_parse(text_of(text), NULL, 0, &line) == -EINVAL);
	unit_end();
}

static void test_repeated(void)
{
	static const struct {
		const char	*text;
		unsigned int	line;
	} twice[] = {
		{ "a/b x x\n", 1 },
		{ "a/b x\nc/d y X\n", 2 },
		{ "a/b abc\n\n\nc/d y z ABC w\n", 4 },
		{ "a/b *\nc/d *\n", 2 },
		{ "a/b z\na/b y\na/b x\na/b z\n", 4 },
	};
	struct http_type list[64];
	unsigned int line;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(twice); i++) {
		unit_begin("an extension twice: \"%s\"", twice[i].text);
		/* Which does not show without sorting. */
		check(http_types_parse(text_of(twice[i].text), NULL, 0, &line) > 0);
		check(parse(twice[i].text, strlen(twice[i].text), list, 64, &line) == -EINVAL);
		if (!check(line == twice[i].line))
			unit_note("line %u", line);
		unit_end();
	}
}

static void test_too_many(void)
{
	static const char text[] = "a/b x y\nc/d z\n";
	struct http_type list[3];
	unsigned int line;

	unit_begin("more than there is room for");
	check(parse(text, strlen(text), list, 3, &line) == 3);
	check(parse(text, strlen(text), list, 2, &line) == -E2BIG && line == 2);
	check(parse(text, strlen(text), list, 1, &line) == -E2BIG && line == 1);
	check(parse(text, strlen(text), list, 0, &line) == -E2BIG && line == 1);
	unit_end();
}

static void test_default(void)
{
	struct http_type list[8];
	unsigned int line;
	int n;

	unit_begin("without a star nothing is found for what is not there");
	n = http_types_parse(text_of("a/b x\nc/d expires=5 Y\n"), list, 8, &line);
	check_span(type_in(list, n, "/f.x"), "a/b");
	check_span(type_in(list, n, "/f.X"), "a/b");
	check_span(type_in(list, n, "/f.y"), "c/d");
	check_span(type_in(list, n, "/f.z"), "nothing");
	check_span(type_in(list, n, "/f"), "nothing");
	check_span(type_in(list, n, "/f.*"), "nothing");
	check_span(type_in(list, 0, "/f.x"), "nothing");
	check_span(type_in(NULL, 0, "/f.x"), "nothing");
	check(http_types_find(list, n, SPAN("f.y"))->expires == 5);
	check(http_types_find(list, n, SPAN("f.x"))->expires == HTTP_EXPIRES_NONE);
	unit_end();
}

/* Orders in which a sort that is not careful is slow, or wrong. */
static unsigned int key_at(int order, unsigned int i)
{
	switch (order) {
	case 0:
		return i;
	case 1:
		return ENTRIES - 1 - i;
	case 2:
		/* An odd factor is a permutation of the residues. */
		return (i * 1237 + 99) % ENTRIES;
	default:
		return i % 2 ? ENTRIES - 1 - i / 2 : i / 2;
	}
}

static void test_sorting(void)
{
	static struct http_type list[ENTRIES];
	static char text[ENTRIES * 24];
	static const char *const orders[] = { "rising", "falling", "random", "organ pipe" };
	u64 state = 0x5047;
	unsigned int line;
	int order, i, n;

	for (order = 0; order < 4; order++) {
		char *p = text;

		unit_begin("%d entries, %s", ENTRIES, orders[order]);
		for (i = 0; i < ENTRIES; i++) {
			unsigned int key = key_at(order, i);

			p += sprintf(p, "t/%u %c%03x\n", key, "xX"[unit_random(&state) & 1], key);
		}
		n = http_types_parse(text_of(text), list, ENTRIES, &line);
		check(n == ENTRIES && is_sorted(list, n));
		for (i = 0; i < ENTRIES; i++) {
			char path[32], type[32];

			sprintf(path, "/a.x%03X", i);
			sprintf(type, "t/%d", i);
			if (!check_span(type_in(list, n, path), type))
				break;
		}
		unit_end();
	}
}

static void test_charset(void)
{
	unit_begin("a charset is said of nginx's charset_types");
	check(http_type_takes_charset(SPAN("text/html")));
	check(http_type_takes_charset(SPAN("text/xml")));
	check(http_type_takes_charset(SPAN("text/plain")));
	check(http_type_takes_charset(SPAN("text/vnd.wap.wml")));
	check(http_type_takes_charset(SPAN("application/javascript")));
	check(http_type_takes_charset(SPAN("application/rss+xml")));
	check(http_type_takes_charset(SPAN("TEXT/HTML")));
	check(!http_type_takes_charset(SPAN("text/css")));
	check(!http_type_takes_charset(SPAN("text/javascript")));
	check(!http_type_takes_charset(SPAN("application/json")));
	check(!http_type_takes_charset(SPAN("text/htm")));
	check(!http_type_takes_charset(SPAN("text/htmlx")));
	check(!http_type_takes_charset(SPAN("")));
	unit_end();
}

int main(void)
{
	test_builtin();
	test_names();
	test_good();
	test_bad();
	test_long_types();
	test_repeated();
	test_too_many();
	test_default();
	test_sorting();
	test_charset();
	return unit_finish();
}
