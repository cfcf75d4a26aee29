// SPDX-License-Identifier: GPL-2.0

#include "http/etag.h"
#include "unit.h"

static const u8 zeros[HTTP_ETAG_MAX];

static void check_format(s64 mtime, u64 size, const char *want)
{
	u8 *buf = unit_guard_end(zeros, HTTP_ETAG_MAX);
	struct span got = { buf, http_etag_format(buf, mtime, size) };

	unit_begin("etag of mtime %lld, size %llu is %s", mtime, size, want);
	check_span(got, want);
	unit_end();
}

static void check_list(const char *list, const char *etag, bool weak, bool want)
{
	struct span l = { unit_guard_end(list, strlen(list)), strlen(list) };
	struct span e = { (const u8 *)etag, strlen(etag) };

	unit_begin("%s is %sin {%s} %s", etag, want ? "" : "not ", list,
		   weak ? "weakly" : "strongly");
	check(http_etag_in_list(l, e, weak) == want);
	unit_end();
}

int main(void)
{
	/* As nginx 1.22 answered for "touch -d @1700000000; truncate -s 612" */
	check_format(1700000000, 612, "\"6553f100-264\"");
	check_format(0, 0, "\"0-0\"");
	check_format(1, 1, "\"1-1\"");
	check_format(-1, ~0ULL, "\"ffffffffffffffff-ffffffffffffffff\"");

	check_list("\"a\"", "\"a\"", false, true);
	check_list("\"a\"", "\"a\"", true, true);
	check_list("W/\"a\"", "\"a\"", true, true);
	check_list("W/\"a\"", "\"a\"", false, false);
	check_list("\"a\"", "W/\"a\"", true, true);
	check_list("\"a\"", "W/\"a\"", false, false);
	check_list("W/\"a\"", "W/\"a\"", false, false);
	check_list("w/\"a\"", "\"a\"", true, false);
	check_list("\"b\", \"a\"", "\"a\"", false, true);
	check_list("\"b\",\"a\",\"c\"", "\"a\"", false, true);
	check_list("\"b\"\t,\tW/\"a\"", "\"a\"", true, true);
	check_list(", ,\"a\",,", "\"a\"", false, true);
	check_list("\"a,b\"", "\"a,b\"", false, true);
	check_list("\"a,b\"", "\"a\"", false, false);
	check_list("\"a,\", \"b\"", "\"b\"", false, true);
	check_list("\"\"", "\"\"", false, true);
	check_list("\"\xe4\"", "\"\xe4\"", false, true);
	check_list("\"ab\"", "\"a\"", false, false);
	check_list("\"A\"", "\"a\"", false, false);

	check_list("", "\"a\"", true, false);
	check_list(",", "\"a\"", true, false);
	check_list("a", "\"a\"", true, false);
	check_list("\"a", "\"a\"", true, false);
	check_list("a\"", "\"a\"", true, false);
	check_list("\"", "\"a\"", true, false);
	check_list("W/", "\"a\"", true, false);
	check_list("W", "\"a\"", true, false);
	check_list("W/a", "\"a\"", true, false);
	check_list("\"a\" \"b\"", "\"a\"", true, false);
	check_list("\"a\";", "\"a\"", true, false);
	check_list("\"a\", junk", "\"a\"", true, false);
	check_list("junk, \"a\"", "\"a\"", true, false);
	check_list("\"a\", *", "\"a\"", true, false);
	check_list("\"a b\", \"a\"", "\"a\"", true, false);
	check_list("*", "\"a\"", true, false);
	check_list("\"a\"", "", true, false);
	return unit_finish();
}
