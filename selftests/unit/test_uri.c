// SPDX-License-Identifier: GPL-2.0

#include "http/ctype.h"
#include "http/uri.h"
#include "unit.h"

#define PATH_SIZE	4096

static const u8 zeros[PATH_SIZE];

/* Resolve with both the target and the path flush against guard pages. */
static int resolve(const char *s, enum http_method method, size_t size,
		   struct http_target *out, enum http_error *why)
{
	struct span target = { unit_guard_start(s, strlen(s)), strlen(s) };
	int err, again;

	err = http_uri_resolve(target, method, unit_guard_end(zeros, size), size, out, why);
	check(err ? err == -EBADMSG && *why : *why == HTTP_ERR_NONE);

	/* The other way round: reading beyond the target, writing before path. */
	target.ptr = unit_guard_end(s, strlen(s));
	again = http_uri_resolve(target, method, unit_guard_start(zeros, size), size, out, why);
	check(again == err);
	if (!err && out->path.len) {
		check(out->path.len < size);
		check(out->path.ptr[out->path.len] == '\0');
	}
	return err;
}

static void check_path(const char *target, const char *path)
{
	struct http_target out;
	enum http_error why;

	unit_begin("%s is %s", target, path);
	if (check(!resolve(target, HTTP_GET, PATH_SIZE, &out, &why))) {
		check_span(out.path, path);
		check(out.form == HTTP_FORM_ORIGIN);
		check(out.trailing_slash == (path[strlen(path) - 1] == '/'));
		check(!out.encoded_slash && !out.other_scheme);
	}
	unit_end();
}

static void check_error(const char *target, enum http_method method, enum http_error want)
{
	struct http_target out;
	enum http_error why;

	unit_begin("%s is %s", target, http_error_info(want)->name);
	check(resolve(target, method, PATH_SIZE, &out, &why) == -EBADMSG);
	if (!check(why == want))
		unit_note("%s", http_error_info(why)->name);
	unit_end();
}

static void test_paths(void)
{
	check_path("/", "/");
	check_path("/a", "/a");
	check_path("/a/", "/a/");
	check_path("/a/b.html", "/a/b.html");
	check_path("/a?b", "/a");
	check_path("/?", "/");
	check_path("/a%20b", "/a b");
	check_path("/%74%45%4a%4A", "/tEJJ");
	check_path("/%2574", "/%74");
	check_path("/%252e%252e/", "/%2e%2e/");
	check_path("/%252F", "/%2F");
	check_path("/%e4\xf6", "/\xe4\xf6");
	check_path("/a+b", "/a+b");
	check_path("/a\\b%5Cc", "/a\\b\\c");
	check_path("/a;b=c,d:e@f!$&'()*~", "/a;b=c,d:e@f!$&'()*~");
	check_path("/\"<>^`{|}", "/\"<>^`{|}");
	check_path("/a%3Fb%23c", "/a?b#c");

	check_path("//", "/");
	check_path("//a", "/a");
	check_path("///a////b//", "/a/b/");
	check_path("/.", "/");
	check_path("/./", "/");
	check_path("/./a", "/a");
	check_path("/a/.", "/a/");
	check_path("/a/./b", "/a/b");
	check_path("/a/..", "/");
	check_path("/a/../", "/");
	check_path("/a/../b", "/b");
	check_path("/a/b/..", "/a/");
	check_path("/a/b/../c", "/a/c");
	check_path("/a/b/../../c", "/c");
	check_path("/a//../b", "/b");
	check_path("/a/.//../b", "/b");
	check_path("/a/b/%2e%2E/c", "/a/c");
	check_path("/a/%2e/b", "/a/b");
	check_path("/a/.%2e/b", "/b");
	check_path("/a/%2e./b", "/b");
	check_path("/...", "/...");
	check_path("/..a", "/..a");
	check_path("/a..", "/a..");
	check_path("/.a", "/.a");
	check_path("/a./b", "/a./b");
	check_path("/.../..", "/");
	check_path("/..a/../.b/", "/.b/");
}

static void test_errors(void)
{
	check_error("/..", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/../a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/a/../..", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/a/../../a/", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("//../a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/./../a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/%2e%2e/a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/%2e./a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("/..?a", HTTP_GET, HTTP_ERR_ABOVE_ROOT);

	check_error("/%", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%4", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%zz", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%4g", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%g4", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%%41", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%u0041", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%4?1", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%?", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%/a", HTTP_GET, HTTP_ERR_BAD_ESCAPE);
	check_error("/%00", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/a.html%00/b.html", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/%0d%0a", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/%1f", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/%7f", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/%09", HTTP_GET, HTTP_ERR_ESCAPED_CTL);
	check_error("/a\x01", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("/a\x7f", HTTP_GET, HTTP_ERR_BAD_TARGET);

	check_error("/#", HTTP_GET, HTTP_ERR_FRAGMENT);
	check_error("/a#b", HTTP_GET, HTTP_ERR_FRAGMENT);
	check_error("/a?b#c", HTTP_GET, HTTP_ERR_FRAGMENT);
	check_error("/a/#/../..", HTTP_GET, HTTP_ERR_FRAGMENT);

	check_error("*", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("*a", HTTP_OPTIONS, HTTP_ERR_BAD_TARGET);
	check_error("a", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("a/b", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("?a", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("\\a", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("a:80", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("http:", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("http:/a", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("http:a", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("://a/", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("1http://a/", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("ht_tp://a/", HTTP_GET, HTTP_ERR_BAD_TARGET);
	check_error("http://", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http:///a", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http://:80/", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http://a:65536/", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http://a b/", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http://a\\b/", HTTP_GET, HTTP_ERR_HOST_BAD);
	check_error("http://u@a/", HTTP_GET, HTTP_ERR_USERINFO);
	check_error("http://u:p@a/", HTTP_GET, HTTP_ERR_USERINFO);
	check_error("http://@a/", HTTP_GET, HTTP_ERR_USERINFO);
	check_error("http://a/..", HTTP_GET, HTTP_ERR_ABOVE_ROOT);
	check_error("http://a#b", HTTP_GET, HTTP_ERR_FRAGMENT);
	check_error("/a", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
	check_error("a", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
	check_error("a:", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
	check_error("a:80/", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
	check_error("http://a/", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
	check_error("*", HTTP_CONNECT, HTTP_ERR_BAD_TARGET);
}

static void test_query(void)
{
	struct http_target out;
	enum http_error why;

	unit_begin("the query is what follows \"?\", raw");
	check(!resolve("/a?b=%zz/../c//?d", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.has_query);
	check_span(out.path, "/a");
	check_span(out.query, "b=%zz/../c//?d");
	check(!resolve("/a/?", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.has_query && span_is_empty(out.query) && out.trailing_slash);
	check(!resolve("/a", HTTP_GET, PATH_SIZE, &out, &why));
	check(!out.has_query);
	unit_end();
}

static void test_encoded_slash(void)
{
	struct http_target out;
	enum http_error why;

	unit_begin("an encoded slash is reported and separates nothing");
	check(!resolve("/a%2Fb", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.encoded_slash);
	check_span(out.path, "/a%2Fb");
	check(!resolve("/a/..%2f..%2f..", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.encoded_slash);
	check_span(out.path, "/a/..%2F..%2F..");
	check(!resolve("/%2f", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.encoded_slash && !out.trailing_slash);
	check(!resolve("/a%2f/..", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.encoded_slash);
	check(!resolve("/?%2f", HTTP_GET, PATH_SIZE, &out, &why));
	check(!out.encoded_slash);
	unit_end();
}

static void check_valid(const char *s, bool valid)
{
	size_t len = strlen(s);

	if (!check(http_uri_is_valid((struct span){ unit_guard_end(s, len), len }) == valid))
		unit_note("%s", s);
}

static void test_valid(void)
{
	static const char marks[] = "-._~:/?[]@!$&'()*+,;=";
	unsigned int c;

	unit_begin("a URI has letters, digits, a few marks, and escapes");
	for (c = 1; c < 256; c++) {
		char text[] = { '/', c, 'a', '\0' };

		check_valid(text, (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || strchr(marks, c));
	}
	check_valid("/a%2fB%aF?%41", true);
	check_valid("http://[::1]:80/a", true);
	check_valid("*", true);
	check_valid("/%", false);
	check_valid("/%4", false);
	check_valid("/?%4g", false);
	check_valid("/?%g4", false);
	check_valid("/?a#b", false);
	unit_end();
}

static void test_absolute(void)
{
	struct http_target out;
	enum http_error why;

	unit_begin("absolute form gives authority and path");
	check(!resolve("http://Example.com:8080/a/../b?c", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.form == HTTP_FORM_ABSOLUTE && !out.other_scheme);
	check_span(out.authority.name, "Example.com");
	check(out.authority.has_port && out.authority.port == 8080);
	check_span(out.path, "/b");
	check_span(out.query, "c");
	check(!resolve("HTTP://a", HTTP_GET, PATH_SIZE, &out, &why));
	check_span(out.path, "/");
	check_span(out.authority.name, "a");
	check(!resolve("http://a?b", HTTP_GET, PATH_SIZE, &out, &why));
	check_span(out.path, "/");
	check_span(out.query, "b");
	check(!resolve("http://[::1]:80//x@y", HTTP_GET, PATH_SIZE, &out, &why));
	check_span(out.authority.name, "[::1]");
	check_span(out.path, "/x@y");
	unit_end();

	unit_begin("another scheme is flagged and nothing more is said");
	check(!resolve("https://u@a/../..", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.other_scheme && span_is_empty(out.path));
	check(!resolve("ftp://a/", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.other_scheme);
	check(!resolve("a+b-1.x://", HTTP_GET, PATH_SIZE, &out, &why));
	check(out.other_scheme);
	unit_end();
}

static void test_other_forms(void)
{
	struct http_target out;
	enum http_error why;

	unit_begin("asterisk form is for OPTIONS");
	check(!resolve("*", HTTP_OPTIONS, PATH_SIZE, &out, &why));
	check(out.form == HTTP_FORM_ASTERISK && span_is_empty(out.path));
	check(!resolve("/x", HTTP_OPTIONS, PATH_SIZE, &out, &why));
	check_span(out.path, "/x");
	unit_end();

	unit_begin("authority form is for CONNECT");
	check(!resolve("a.example:443", HTTP_CONNECT, PATH_SIZE, &out, &why));
	check(out.form == HTTP_FORM_AUTHORITY && out.authority.port == 443);
	check_span(out.authority.name, "a.example");
	unit_end();
}

static void test_name_length(void)
{
	struct http_target out;
	enum http_error why;
	char target[1024];

	unit_begin("a name may have 255 bytes, decoded");
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[256] = '\0';
	check(!resolve(target, HTTP_GET, PATH_SIZE, &out, &why));
	check(out.path.len == 256);
	memset(target + 256, 'a', 2);
	target[257] = '\0';
	check(resolve(target, HTTP_GET, PATH_SIZE, &out, &why) == -EBADMSG);
	check(why == HTTP_ERR_NAME_TOO_LONG);
	strcpy(target + 253, "%41%41%41");
	check(!resolve(target, HTTP_GET, PATH_SIZE, &out, &why));
	check(out.path.len == 256);
	strcpy(target + 253, "a%41%41%41/b");
	check(resolve(target, HTTP_GET, PATH_SIZE, &out, &why) == -EBADMSG);
	check(why == HTTP_ERR_NAME_TOO_LONG);
	unit_end();
}

/* The result fits or it does not; there is no size at which it is cut. */
static void test_every_size(void)
{
	static const struct {
		const char	*target;
		size_t		need;	/* with the NUL, at the widest point */
	} rows[] = {
		{ "/", 2 },
		{ "/abc", 5 },
		{ "/abc/", 6 },
		{ "/%61%62%63", 5 },
		{ "/a%2Fb", 7 },
		{ "//a?query", 3 },
		{ "/abc/..", 8 },
		{ "/abc/../d", 8 },
		{ "http://host", 2 },
		{ "http://host/ab", 4 },
	};
	struct http_target out;
	enum http_error why;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unit_begin("%s needs %zu bytes", rows[i].target, rows[i].need);
		for (size = 0; size < 16; size++) {
			int err = resolve(rows[i].target, HTTP_GET, size, &out, &why);

			if (!check(size < rows[i].need ? err : !err))
				unit_note("size %zu: %s", size, http_error_info(why)->name);
			check(!err || why == HTTP_ERR_NAME_TOO_LONG);
		}
		unit_end();
	}
}

/*
 * A path that is copied as a whole must be what building it gives: a buffer
 * without a word to spare behind the target is never copied into.  Returns the
 * verdict, and *path of it.
 */
static enum http_error resolve_both_ways(const u8 *s, size_t len, u8 *path, size_t *path_len)
{
	struct span target = { unit_guard_start(s, len), len };
	struct http_target built, copied;
	enum http_error why, w;
	u8 *roomy, *tight;
	int err, again;

	tight = unit_guard_end(zeros, len + 1);
	err = http_uri_resolve(target, HTTP_GET, tight, len + 1, &built, &why);
	*path_len = err ? 0 : built.path.len;
	memcpy(path, tight, *path_len);

	roomy = unit_guard_end(zeros, len + sizeof(u64));
	again = http_uri_resolve(target, HTTP_GET, roomy, len + sizeof(u64), &copied, &w);
	check(again == err && w == why);
	if (!err && !again) {
		check(copied.path.len == built.path.len);
		check(!memcmp(roomy, path, *path_len) && !roomy[copied.path.len]);
		check(copied.has_query == built.has_query);
		check(copied.query.ptr == built.query.ptr && copied.query.len == built.query.len);
		check(copied.encoded_slash == built.encoded_slash);
		check(copied.trailing_slash == built.trailing_slash);
	}
	return why;
}

/* Every two bytes side by side at every place of a path of every length. */
static void test_copied_paths(void)
{
	u8 target[20], path[32];
	size_t len, at, path_len;
	unsigned int a, b;

	unit_begin("a path that is copied is the path that is built");
	for (len = 2; len <= sizeof(target); len++) {
		for (at = 1; at < len; at++) {
			for (a = 0; a < 256; a++) {
				enum http_error why;

				memset(target, 'a', sizeof(target));
				target[0] = '/';
				target[at] = a;
				why = resolve_both_ways(target, len, path, &path_len);
				if (!http_is(a, HTTP_C_PATH))
					continue;
				if (!check(!why && path_len == len - (len == 2 && a == '.')) ||
				    !check(!memcmp(path, target, path_len)))
					unit_note("%#x at %zu of %zu", a, at, len);
			}
		}
	}
	for (at = 1; at < 10; at++) {
		for (a = 0; a < 256; a++) {
			for (b = 0; b < 256; b++) {
				memset(target, 'a', sizeof(target));
				target[0] = '/';
				target[at] = a;
				target[at + 1] = b;
				resolve_both_ways(target, sizeof(target), path, &path_len);
			}
		}
	}
	unit_end();
}

static void test_copied_lengths(void)
{
	u8 target[600], path[601];
	size_t len, path_len, slash;

	unit_begin("a copied path is as short as a name may be");
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	for (len = 1; len < sizeof(target); len++) {
		enum http_error why = resolve_both_ways(target, len, path, &path_len);

		check(why == (len > HTTP_NAME_MAX + 1 ? HTTP_ERR_NAME_TOO_LONG : HTTP_ERR_NONE));
	}
	for (slash = 1; slash < sizeof(target); slash++) {
		target[slash] = '/';
		for (len = slash + 1; len < sizeof(target); len += 37)
			resolve_both_ways(target, len, path, &path_len);
		target[slash] = '?';
		for (len = slash + 1; len < sizeof(target); len += 37)
			resolve_both_ways(target, len, path, &path_len);
		target[slash] = 'a';
	}
	unit_end();
}

static void check_encode(const char *path, const char *want)
{
	struct span copy = { unit_guard_end(path, strlen(path)), strlen(path) };
	struct http_writer w;
	u8 buf[256];

	http_writer_init(&w, buf, sizeof(buf));
	http_uri_encode_path(&w, copy);
	check_span(((struct span){ buf, w.len }), want);
}

static void test_encode(void)
{
	unit_begin("a path is written for Location with one slash in front");
	check_encode("/", "/");
	check_encode("/a/", "/a/");
	check_encode("//evil.example/", "/evil.example/");
	check_encode("///", "/");
	check_encode("a", "/a");
	check_encode("", "/");
	check_encode("/\\evil.example/", "/%5Cevil.example/");
	unit_end();

	unit_begin("a path is escaped as nginx 1.22 does");
	/* Location of a directory with this name, as nginx answered it */
	check_encode("/d ir\"<>\\^`{|}\xc3\xa9/", "/d%20ir%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9/");
	check_encode("/a?b#c%d", "/a%3Fb%23c%25d");
	check_encode("/\r\nX: y\x7f", "/%0D%0AX:%20y%7F");
	check_encode("/!$&'()*+,-.:;=@[]_~", "/!$&'()*+,-.:;=@[]_~");
	unit_end();
}

int main(void)
{
	test_paths();
	test_errors();
	test_query();
	test_encoded_slash();
	test_valid();
	test_absolute();
	test_other_forms();
	test_name_length();
	test_every_size();
	test_copied_paths();
	test_copied_lengths();
	test_encode();
	return unit_finish();
}
