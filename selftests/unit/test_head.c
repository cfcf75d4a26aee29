// SPDX-License-Identifier: GPL-2.0

#include "http/head.h"
#include "unit.h"

static void put_all(struct http_writer *w)
{
	http_head_start(w, 200);
	http_put_str(w, "Content-Length: ");
	http_put_u64(w, 18446744073709551615ULL);
	http_put_str(w, "\r\nX: ");
	http_put_hex(w, 0xdeadbeef);
	http_put_span(w, SPAN("\r\n\r\n"));
}

static const char all[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\nX: deadbeef\r\n\r\n";

static struct span written(const struct http_writer *w)
{
	return (struct span){ w->buf, w->len };
}

static void test_every_size(void)
{
	static const u8 fill[sizeof(all) + 8];
	struct http_writer w;
	size_t size;

	unit_begin("a writer of any size stays inside and says what it needed");
	for (size = 0; size < sizeof(all) + 8; size++) {
		http_writer_init(&w, unit_guard_end(fill, size), size);
		put_all(&w);
		check(w.len == sizeof(all) - 1);
		check(http_writer_ok(&w) == (size >= sizeof(all) - 1));
		if (http_writer_ok(&w))
			check_span(written(&w), all);
	}
	unit_end();
}

static void test_nothing_after_overflow(void)
{
	struct http_writer w;
	u8 buf[4] = "....";

	unit_begin("after a put that did not fit, nothing is written");
	http_writer_init(&w, buf, sizeof(buf));
	http_put_str(&w, "abcde");
	http_put_str(&w, "f");
	check(!memcmp(buf, "....", 4));
	check(w.len == 6 && !http_writer_ok(&w));
	unit_end();
}

static void test_numbers(void)
{
	u8 buf[64];
	struct http_writer w;

	unit_begin("numbers are written without padding");
	http_writer_init(&w, buf, sizeof(buf));
	http_put_u64(&w, 0);
	http_put_str(&w, " ");
	http_put_u64(&w, 10);
	http_put_str(&w, " ");
	http_put_hex(&w, 0);
	http_put_str(&w, " ");
	http_put_hex(&w, 0x10);
	http_put_str(&w, " ");
	http_put_hex(&w, ~0ULL);
	check_span(written(&w), "0 10 0 10 ffffffffffffffff");
	unit_end();
}

int main(void)
{
	test_every_size();
	test_nothing_after_overflow();
	test_numbers();
	return unit_finish();
}
