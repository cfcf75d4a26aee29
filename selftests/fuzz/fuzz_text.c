// SPDX-License-Identifier: GPL-2.0
/* What the administrator writes: tables of media types, lines of fields. */

#include <stdio.h>

#include "fuzz.h"
#include "http/extra.h"
#include "http/mime.h"

#define TYPES_MAX	256

static struct http_type types[TYPES_MAX];

static unsigned int lines_of(struct span text)
{
	unsigned int lines = 0;
	struct span line;

	while (span_next_line(&text, &line))
		lines++;
	return lines;
}

/* Each extension of the table finds its entry, in any case and behind any path. */
static void check_found(size_t count, size_t i)
{
	const struct http_type *type = &types[i];
	char path[2 * HTTP_EXTENSION_MAX];
	int n = snprintf(path, sizeof(path), "/a.b/c.%.*s", (int)type->ext.len,
			 (const char *)type->ext.ptr);

	if (type->ext.ptr[0] == '*')
		return;
	check(http_types_find(types, count, (struct span){ (u8 *)path, n }) == type);
	for (n--; path[n] != '.'; n--)
		path[n] ^= path[n] >= 'a' && path[n] <= 'z' ? 0x20 : 0;
	check(http_types_find(types, count, (struct span){ (u8 *)path, strlen(path) }) == type);
}

static void check_types(struct span text)
{
	unsigned int line, counted_line;
	int counted = http_types_parse(text, NULL, 0, &counted_line);
	int count = http_types_parse(text, types, TYPES_MAX, &line);
	const struct http_type *found;
	int i;

	check((count < 0) == !!line && line <= lines_of(text));
	check((counted < 0) == !!counted_line);
	if (count < 0) {
		check(count == -EINVAL || (count == -E2BIG && counted > TYPES_MAX) || counted < 0);
		return;
	}
	check(count == counted);
	for (i = 0; i < count; i++) {
		check(fuzz_inside(types[i].ext, text) && fuzz_inside(types[i].type, text));
		check(types[i].ext.len && types[i].ext.len <= HTTP_EXTENSION_MAX);
		check(memchr(types[i].type.ptr, '/', types[i].type.len));
		check(types[i].type.len <= HTTP_TYPE_MAX && types[i].expires >= HTTP_EXPIRES_NONE);
		check(http_value_ok(types[i].type));
		check_found(count, i);
	}
	found = http_types_find(types, count, text);
	check(!found || (found >= types && found < types + count));
	if (count) {
		check(http_types_parse(text, types, count, &line) == count);
		check(http_types_parse(text, types, count - 1, &line) == -E2BIG);
	}
}

/* Every path has a type by the table that is built in. */
static void check_builtin(struct span path)
{
	static struct http_type builtin[TYPES_MAX];
	static int count;
	unsigned int line;

	if (!count)
		count = http_types_parse((struct span){ (const u8 *)http_types_builtin,
							strlen(http_types_builtin) },
					 builtin, TYPES_MAX, &line);
	check(count > 0 && http_types_find(builtin, count, path)->type.len);
}

/* Nothing but lines comes out, none of them ends early, and they stay as they are. */
static void check_extra(struct span text)
{
	static u8 out[4 * FUZZ_INPUT_MAX], plain[4 * FUZZ_INPUT_MAX], again[4 * FUZZ_INPUT_MAX];
	struct http_writer w, v;
	struct span bad;
	size_t lines = 0;
	size_t n = 0;
	size_t i;

	http_writer_init(&w, out, sizeof(out));
	if (http_extra_render(&w, text, &bad)) {
		check(bad.len && fuzz_inside(bad, text));
		return;
	}
	check(http_writer_ok(&w) && !bad.len);
	for (i = 0; i < w.len; i++) {
		check((out[i] >= ' ' && out[i] <= '~') || out[i] == '\r' || out[i] == '\n');
		check((out[i] == '\n') == (i && out[i - 1] == '\r'));
		lines += out[i] == '\n';
		if (out[i] != '\r')
			plain[n++] = out[i];
	}
	check(!w.len || out[w.len - 1] == '\n');
	check(lines <= lines_of(text));
	http_writer_init(&v, again, sizeof(again));
	check(!http_extra_render(&v, (struct span){ plain, n }, &bad));
	check(v.len == w.len && !memcmp(again, out, w.len));
	/* With one byte less than it takes nothing is written behind the end. */
	if (w.len) {
		http_writer_init(&v, unit_guard_end(out, w.len - 1), w.len - 1);
		check(!http_extra_render(&v, text, &bad) && !http_writer_ok(&v) && v.len == w.len);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct span text = { data, len };

	if (len > FUZZ_INPUT_MAX)
		return 0;
	check_types(fuzz_flush(data, len));
	check_builtin(text);
	check_extra(text);
	return 0;
}
