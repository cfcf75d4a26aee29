// SPDX-License-Identifier: GPL-2.0

#include "http/error.h"
#include "http/status.h"
#include "unit.h"

static void test_table(void)
{
	enum http_error e;

	unit_begin("every error has a name, a text and a status we can send");
	for (e = HTTP_ERR_NONE + 1; e < HTTP_ERR_COUNT; e++) {
		const struct http_error_info *info = http_error_info(e);
		struct span line = http_status_line(info->status);

		check(info->name && *info->name);
		check(info->text && *info->text);
		check(info->status >= 400 && info->status <= 505 && info->status != 500);
		check(line.ptr[9] == '0' + info->status / 100 &&
		      line.ptr[10] == '0' + info->status / 10 % 10 &&
		      line.ptr[11] == '0' + info->status % 10);
		check(info->status != 400 || info->close);
	}
	unit_end();
}

static void test_outside(void)
{
	unit_begin("a number that is no error reads as our own failure");
	check(http_error_info(HTTP_ERR_NONE)->status == 500);
	check(http_error_info(HTTP_ERR_COUNT)->status == 500);
	check(http_error_info((enum http_error)1000)->close);
	unit_end();
}

int main(void)
{
	test_table();
	test_outside();
	return unit_finish();
}
