// SPDX-License-Identifier: GPL-2.0
/*
 * Heads of responses: each byte of the input is a thing to write.  However small the
 * buffer, as much is counted, nothing is written behind it, and what is in it is the
 * beginning of the whole.
 */

#include <stdio.h>

#include "fuzz.h"
#include "http/date.h"
#include "http/error.h"
#include "http/head.h"
#include "http/status.h"
#include "http/uri.h"

#define THINGS_MAX	12
#define ALL_MAX		(THINGS_MAX * 128)

static const u8 date[HTTP_DATE_LEN + 1] = "Sun, 06 Nov 1994 08:49:37 GMT";

/* @seed: more of the input, for numbers and texts */
static void put(struct http_writer *w, u8 thing, struct span seed)
{
	u64 number = 0;

	memcpy(&number, seed.ptr, seed.len < 8 ? seed.len : 8);
	switch (thing % 8) {
	case 0:
		http_put_u64(w, number);
		break;
	case 1:
		http_put_hex(w, number);
		break;
	case 2:
		http_head_start(w, number);
		break;
	case 3:
		http_put_stamp(w, SPAN("sluice"), date);
		break;
	case 4:
		http_put_connection(w, thing & 8);
		break;
	case 5:
		http_uri_encode_path(w, (struct span){ seed.ptr, seed.len < 40 ? seed.len : 40 });
		break;
	case 6:
		http_put_span(w, (struct span){ seed.ptr, thing < seed.len ? thing / 4 : 0 });
		break;
	default:
		http_put_str(w, "ETag: ");
	}
}

static void check_numbers(u64 number)
{
	struct http_writer w;
	char want[32];
	u8 buf[32];

	http_writer_init(&w, buf, sizeof(buf));
	http_put_u64(&w, number);
	check(w.len == (size_t)snprintf(want, sizeof(want), "%llu", number));
	check(!memcmp(buf, want, w.len));
	http_writer_init(&w, buf, sizeof(buf));
	http_put_hex(&w, number);
	check(w.len == (size_t)snprintf(want, sizeof(want), "%llx", number));
	check(!memcmp(buf, want, w.len));
}

/* Any number has a line, and it is a line. */
static void check_status(u16 status)
{
	struct span line = http_status_line(status);
	struct span reason = http_status_reason(status);

	check(line.len > 15 && !memcmp(line.ptr, "HTTP/1.1 ", 9));
	check(memchr(line.ptr, '\r', line.len) == line.ptr + line.len - 2);
	check(line.ptr[line.len - 1] == '\n' && fuzz_inside(reason, line));
	check(reason.ptr + reason.len == line.ptr + line.len - 2);
	check(http_error_info(status)->status >= 400 && http_error_info(status)->name);
	check(span_eq(http_status_line(http_error_info(status)->status), line) ||
	      http_error_info(status)->status != status);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static u8 whole[ALL_MAX];
	size_t things = len < THINGS_MAX ? len : THINGS_MAX;
	struct http_writer w, v;
	size_t size, i;
	u64 number = 0;

	memcpy(&number, data, len < 8 ? len : 8);
	check_numbers(number);
	check_status(number);

	http_writer_init(&w, whole, sizeof(whole));
	for (i = 0; i < things; i++)
		put(&w, data[i], (struct span){ data + i, len - i });
	check(http_writer_ok(&w));
	for (size = 0; size <= w.len; size += 1 + size / 16) {
		size_t good = 0;

		http_writer_init(&v, unit_guard_end(whole, size), size);
		memset(v.buf, 0, size);
		for (i = 0; i < things; i++) {
			put(&v, data[i], (struct span){ data + i, len - i });
			good = http_writer_ok(&v) ? v.len : good;
		}
		check(v.len == w.len && http_writer_ok(&v) == (size >= w.len));
		check(!memcmp(v.buf, whole, good));
	}
	return 0;
}
