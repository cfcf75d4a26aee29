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
	return unit_finish();
}
