// SPDX-License-Identifier: GPL-2.0
/*
 * Hosts: that name and port put together are what was read, that addresses are those
 * of the C library, and that what names a directory is harmless.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/host.h"

static u8 folded[HTTP_HOST_MAX];

/* "[...]" as a whole is an address for us if it is one for the C library. */
static void check_literal(struct span text, bool is_host)
{
	char address[FUZZ_INPUT_MAX];
	struct in6_addr in6;
	size_t n = text.len - 2;

	if (text.len < 2 || text.ptr[0] != '[' || memchr(text.ptr, ']', text.len) !=
	    text.ptr + text.len - 1 || memchr(text.ptr, '\0', text.len))
		return;
	memcpy(address, text.ptr + 1, n);
	address[n] = '\0';
	check(is_host == (inet_pton(AF_INET6, address, &in6) == 1));
}

static void check_parts(struct span text, const struct http_host *host)
{
	size_t rest = text.len - host->name.len;
	u32 port = 0;
	size_t i;

	check(host->name.ptr == text.ptr && host->name.len);
	check(host->has_port == rest > 1);
	if (!rest)
		return;
	check(text.ptr[host->name.len] == ':');
	for (i = host->name.len + 1; i < text.len; i++) {
		check(isdigit(text.ptr[i]));
		port = port * 10 + text.ptr[i] - '0';
	}
	check(!host->has_port || host->port == port);
}

static void check_directory(struct span name)
{
	struct span dir = { folded, http_host_fold(name, folded, sizeof(folded)) };
	static u8 again[HTTP_HOST_MAX];
	struct http_host host;
	size_t i;

	for (i = 0; i < dir.len; i++) {
		check(isdigit(folded[i]) || islower(folded[i]) || strchr("-_.:[]", folded[i]));
		check(folded[i] != '.' || (i && folded[i - 1] != '.'));
	}
	if (!dir.len)
		return;
	check(folded[dir.len - 1] != '.' && folded[0] != '.');
	check(dir.len == name.len || (dir.len + 1 == name.len && name.ptr[dir.len] == '.'));
	check(http_host_parse(dir, &host) && span_eq(host.name, dir));
	check(http_host_fold(dir, again, sizeof(again)) == dir.len &&
	      !memcmp(again, folded, dir.len));
	check(http_host_fold(name, unit_guard_end(again, dir.len), dir.len) == dir.len);
	check(!http_host_fold(name, unit_guard_end(again, dir.len - 1), dir.len - 1));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct http_host host;
	struct span text;
	bool is_host;

	if (len > FUZZ_INPUT_MAX)
		return 0;
	text = fuzz_flush(data, len);
	is_host = http_host_parse(text, &host);
	check_literal(text, is_host);
	if (is_host)
		check_parts(text, &host);
	text = (struct span){ data, len };
	if (is_host)
		host.name.ptr = data;
	check_directory(is_host ? host.name : text);
	return 0;
}
