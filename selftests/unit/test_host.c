// SPDX-License-Identifier: GPL-2.0

#include "http/host.h"
#include "unit.h"

static const struct {
	const char	*text;
	const char	*name;
	int		port;		/* -1: none */
} good[] = {
	{ "a", "a", -1 },
	{ "example.com", "example.com", -1 },
	{ "example.com:80", "example.com", 80 },
	{ "example.com:", "example.com", -1 },
	{ "example.com:0", "example.com", 0 },
	{ "example.com:00080", "example.com", 80 },
	{ "example.com:65535", "example.com", 65535 },
	{ "EXAMPLE.com", "EXAMPLE.com", -1 },
	{ "a_b-c~d.e", "a_b-c~d.e", -1 },
	{ "!$&'()*+,;=", "!$&'()*+,;=", -1 },
	{ "caf%C3%a9:8080", "caf%C3%a9", 8080 },
	{ "127.0.0.1", "127.0.0.1", -1 },
	{ "999.999.999.999", "999.999.999.999", -1 },	/* a reg-name, RFC 3986 */
	{ "[::]", "[::]", -1 },
	{ "[::1]:8080", "[::1]", 8080 },
	{ "[1::]", "[1::]", -1 },
	{ "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", -1 },
	{ "[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", -1 },
	{ "[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]", -1 },
	{ "[fe80::ABCD:1]", "[fe80::ABCD:1]", -1 },
	{ "[::ffff:192.0.2.1]:443", "[::ffff:192.0.2.1]", 443 },
	{ "[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", -1 },
	{ "[1::5:192.0.2.1]", "[1::5:192.0.2.1]", -1 },
};

static const char *const bad[] = {
	"", ":", ":80", " ", "a b", "a\tb", "a/b", "a?b", "a#b", "u@a", "u:p@a", "a\\b", "a\"b",
	"<a>", "a^b", "a`b", "{a}", "a|b", "a]", "[a", "[]", "[", "]", "a:b", "a:80b", "a:+80",
	"a:-1", "a:65536", "a:99999999999999999999", "a:80:80", "a::80", "a: 80", "a:80 ",
	"%", "%4", "%zz", "a%", "a%0", "a%g0", "caf\xc3\xa9", "a\x01", "a\x7f",
	"[1]", "[:]", "[:::]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]",
	"[1:2:3:4:5:6:7:8::]", "[::1:2:3:4:5:6:7:8]", "[12345::]", "[g::]", "[1:]", "[:1]",
	"[::1]x", "[::1]80", "[::1]:x", "[::1]:65536", "[::1", "[fe80::1%25eth0]", "[v1.a]",
	"[::192.0.2]", "[::192.0.2.256]", "[::192.0.2.01]", "[::192.0.2.1.1]", "[::192.0.2.]",
	"[192.0.2.1]", "[1:2:3:4:5:6:7:192.0.2.1]", "[1:2:3:4:5:192.0.2.1]", "[::1.2.3.4:1]",
	"[::1:2:3:4:5:6:1.2.3.4]", "[::f.0.0.1]", "[::1]]",
};

static bool parse(const char *s, struct http_host *host)
{
	return http_host_parse((struct span){ unit_guard_end(s, strlen(s)), strlen(s) }, host);
}

/* The directory of a host; "" if it has none. */
static const struct {
	const char	*name;
	const char	*directory;
} folded[] = {
	{ "a", "a" },
	{ "example.com", "example.com" },
	{ "EXAMPLE.Com", "example.com" },
	{ "example.com.", "example.com" },
	{ "a.b.c.d", "a.b.c.d" },
	{ "xn--caf-dma.example", "xn--caf-dma.example" },
	{ "under_score-1", "under_score-1" },
	{ "127.0.0.1", "127.0.0.1" },
	{ "[::1]", "[::1]" },
	{ "[FE80::aBcD:1]", "[fe80::abcd:1]" },
	{ "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]" },
	{ "-", "-" },

	{ "", "" }, { ".", "" }, { "..", "" }, { "...", "" },
	{ ".a", "" }, { "a..", "" }, { "a..b", "" }, { "..a", "" }, { "a...", "" },
	{ "caf%C3%a9", "" }, { "a%2fb", "" }, { "%2e%2e", "" }, { "a/b", "" }, { "../a", "" },
	{ "a~b", "" }, { "a!b", "" }, { "a,b", "" }, { "a b", "" }, { "a:80", "" },
	{ "a\\b", "" }, { "caf\xc3\xa9", "" }, { "a\x01", "" }, { "a\x7f", "" },
	{ "[]", "" }, { "[::1", "" }, { "::1", "" }, { "[::1]x", "" }, { "[..]", "" }, { "[/]", "" },
};

static size_t fold(struct span name, u8 *out, size_t size)
{
	u8 *buf = unit_guard_start(out, size);
	size_t len = http_host_fold(name, buf, size);

	check(len <= size);
	memcpy(out, buf, len);
	return len;
}

static void test_fold(void)
{
	u8 buf[HTTP_HOST_MAX];
	struct http_host host;
	size_t i, size, len;

	for (i = 0; i < ARRAY_SIZE(folded); i++) {
		const char *s = folded[i].name;
		const char *want = folded[i].directory;
		struct span name = { unit_guard_end(s, strlen(s)), strlen(s) };

		unit_begin("host \"%s\" has the directory \"%s\"", s, want);
		len = fold(name, buf, sizeof(buf));
		check_span(((struct span){ buf, len }), want);
		/* All or nothing, and nothing beyond. */
		for (size = 0; size < strlen(want) + 2; size++)
			check(fold(name, buf, size) == (size < strlen(want) ? 0 : strlen(want)));
		/* What has one is a host, and its directory its own. */
		if (*want) {
			check(http_host_parse(name, &host));
			memcpy(buf, want, strlen(want));
			name = (struct span){ (const u8 *)want, strlen(want) };
			check(fold(name, buf, sizeof(buf)) == strlen(want));
			check_span(((struct span){ buf, strlen(want) }), want);
		}
		unit_end();
	}
}

static void test_fold_length(void)
{
	u8 name[HTTP_HOST_MAX + 2];
	u8 buf[HTTP_HOST_MAX + 2];

	unit_begin("a name of %u bytes has a directory, a longer one has none", HTTP_HOST_MAX);
	memset(name, 'A', sizeof(name));
	check(fold((struct span){ name, HTTP_HOST_MAX }, buf, sizeof(buf)) == HTTP_HOST_MAX);
	check(buf[0] == 'a' && buf[HTTP_HOST_MAX - 1] == 'a');
	check(!fold((struct span){ name, HTTP_HOST_MAX + 1 }, buf, sizeof(buf)));
	name[HTTP_HOST_MAX] = '.';
	check(fold((struct span){ name, HTTP_HOST_MAX + 1 }, buf, sizeof(buf)) == HTTP_HOST_MAX);
	check(!fold((struct span){ name, HTTP_HOST_MAX }, buf, HTTP_HOST_MAX - 1));
	unit_end();
}

/* Every byte value in a name: what gets through is what may be in a directory. */
static void test_fold_bytes(void)
{
	unsigned int c;
	u8 buf[8];

	unit_begin("every byte value in a host name");
	for (c = 0; c < 256; c++) {
		u8 name[3] = { 'a', c, 'b' };
		size_t len = fold((struct span){ unit_guard_end(name, 3), 3 }, buf, sizeof(buf));
		bool upper = c >= 'A' && c <= 'Z';
		bool plain = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			     c == '-' || c == '_' || c == '.';

		check(len == (plain ? 3 : 0));
		if (plain)
			check(buf[1] == (upper ? c + 0x20 : c));
	}
	unit_end();
}

int main(void)
{
	struct http_host host;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		unit_begin("host \"%s\" is well-formed", good[i].text);
		if (check(parse(good[i].text, &host))) {
			check_span(host.name, good[i].name);
			check(host.has_port == (good[i].port >= 0));
			check(host.port == (good[i].port >= 0 ? good[i].port : 0));
		}
		unit_end();
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		unit_begin("host \"%s\" is refused", bad[i]);
		check(!parse(bad[i], &host));
		unit_end();
	}
	test_fold();
	test_fold_length();
	test_fold_bytes();
	return unit_finish();
}
