// SPDX-License-Identifier: GPL-2.0

#include <stdio.h>

#include "http/cond.h"
#include "unit.h"

#define TAG	"\"6553f100-264\""
#define OTHER	"\"0-0\""
#define BEFORE	"Tue, 14 Nov 2023 22:13:19 GMT"
#define SAME	"Tue, 14 Nov 2023 22:13:20 GMT"
#define AFTER	"Tue, 14 Nov 2023 22:13:21 GMT"
#define MTIME	1700000000LL
#define NOW	1732230000LL

#define IM	"If-Match: "
#define IUS	"If-Unmodified-Since: "
#define INM	"If-None-Match: "
#define IMS	"If-Modified-Since: "

enum { OK = HTTP_COND_OK, R304 = HTTP_COND_NOT_MODIFIED, R412 = HTTP_COND_FAILED };

/* The file has etag TAG and mtime MTIME; answers for GET and for PUT. */
static const struct {
	const char	*line[3];
	int		get;
	int		put;
} rows[] = {
	{ { NULL }, OK, OK },

	/* step 1: If-Match, strong */
	{ { IM TAG }, OK, OK },
	{ { IM OTHER ", " TAG }, OK, OK },
	{ { IM "*" }, OK, OK },
	{ { IM OTHER }, R412, R412 },
	{ { IM "W/" TAG }, R412, R412 },
	{ { IM "junk" }, R412, R412 },
	{ { IM "" }, R412, R412 },
	{ { IM "*, " TAG }, R412, R412 },

	/* step 2: If-Unmodified-Since, only without If-Match */
	{ { IUS SAME }, OK, OK },
	{ { IUS AFTER }, OK, OK },
	{ { IUS BEFORE }, R412, R412 },
	{ { IUS "junk" }, OK, OK },
	{ { IM TAG, IUS BEFORE }, OK, OK },
	{ { IUS BEFORE, IM TAG }, OK, OK },
	{ { IM OTHER, IUS AFTER }, R412, R412 },

	/* step 3: If-None-Match, weak */
	{ { INM TAG }, R304, R412 },
	{ { INM "W/" TAG }, R304, R412 },
	{ { INM OTHER "," TAG }, R304, R412 },
	{ { INM "*" }, R304, R412 },
	{ { INM OTHER }, OK, OK },
	{ { INM "junk" }, OK, OK },
	{ { INM TAG ", junk" }, OK, OK },
	{ { INM "" }, OK, OK },

	/* step 4: If-Modified-Since, only without If-None-Match, GET and HEAD */
	{ { IMS SAME }, R304, OK },
	{ { IMS AFTER }, R304, OK },
	{ { IMS BEFORE }, OK, OK },
	{ { IMS "Tuesday, 14-Nov-23 22:13:20 GMT" }, R304, OK },
	{ { IMS "Tue Nov 14 22:13:20 2023" }, R304, OK },
	{ { IMS "junk" }, OK, OK },
	{ { IMS "1700000000" }, OK, OK },
	{ { INM OTHER, IMS AFTER }, OK, OK },
	{ { IMS AFTER, INM OTHER }, OK, OK },
	{ { INM TAG, IMS BEFORE }, R304, R412 },

	/* one of each kind: the first pair decides before the second */
	{ { IM TAG, INM TAG }, R304, R412 },
	{ { IM OTHER, INM TAG }, R412, R412 },
	{ { IM TAG, INM OTHER }, OK, OK },
	{ { IUS BEFORE, INM TAG }, R412, R412 },
	{ { IUS BEFORE, IMS SAME }, R412, R412 },
	{ { IUS SAME, IMS SAME }, R304, OK },
	{ { IUS SAME, INM OTHER, IMS SAME }, OK, OK },
};

static bool make_request(const char *method, const char *const *line, struct http_request *req)
{
	static u8 text[512];
	enum http_error why;
	int i, n;

	n = sprintf((char *)text, "%s / HTTP/1.1\r\nHost: a\r\n", method);
	for (i = 0; i < 3 && line[i]; i++)
		n += sprintf((char *)text + n, "%s\r\n", line[i]);
	n += sprintf((char *)text + n, "\r\n");
	return check(http_parse(text, n, HTTP_HEAD_MAX, req, &why) == n);
}

static int eval(const char *method, const char *const *line, const char *etag, s64 mtime)
{
	struct span tag = { (const u8 *)etag, strlen(etag) };
	struct http_request req;

	if (!make_request(method, line, &req))
		return -1;
	return http_cond_eval(&req, tag, mtime, NOW);
}

static void test_rows(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *const *line = rows[i].line;

		unit_begin("%s; %s; %s", line[0] ? line[0] : "nothing",
			   line[1] ? line[1] : "", line[2] ? line[2] : "");
		check(eval("GET", line, TAG, MTIME) == rows[i].get);
		check(eval("HEAD", line, TAG, MTIME) == rows[i].get);
		check(eval("PUT", line, TAG, MTIME) == rows[i].put);
		unit_end();
	}
}

static void test_no_validators(void)
{
	unit_begin("without an etag only \"*\" matches");
	check(eval("GET", (const char *[]){ INM TAG, NULL }, "", MTIME) == OK);
	check(eval("GET", (const char *[]){ INM "*", NULL }, "", MTIME) == R304);
	check(eval("GET", (const char *[]){ IM TAG, NULL }, "", MTIME) == R412);
	check(eval("GET", (const char *[]){ IM "*", NULL }, "", MTIME) == OK);
	unit_end();

	unit_begin("without a modification date the date fields are ignored");
	check(eval("GET", (const char *[]){ IMS AFTER, NULL }, TAG, HTTP_NO_MTIME) == OK);
	check(eval("GET", (const char *[]){ IUS BEFORE, NULL }, TAG, HTTP_NO_MTIME) == OK);
	unit_end();
}

static void test_repeated(void)
{
	struct http_request req;

	unit_begin("a repeated condition shows, so that the caller can step back");
	check(make_request("GET", (const char *[]){ INM OTHER, INM TAG, NULL }, &req));
	check(req.repeated & HTTP_COND_FIELDS);
	check(make_request("GET", (const char *[]){ INM OTHER, IMS SAME, NULL }, &req));
	check(!(req.repeated & HTTP_COND_FIELDS));
	unit_end();
}

int main(void)
{
	test_rows();
	test_no_validators();
	test_repeated();
	return unit_finish();
}
