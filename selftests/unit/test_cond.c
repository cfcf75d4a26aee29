// SPDX-License-Identifier: GPL-2.0

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

/* Of rows[], for more than one line of a kind: RFC 9110 sections 5.3, 13.1.3, 13.1.4. */
static const struct {
	const char	*line[3];
	int		get;
} several[] = {
	{ { INM OTHER, INM TAG }, R304 },
	{ { INM TAG, INM OTHER }, R304 },
	{ { INM OTHER, "X: y", "if-none-match:W/" TAG " " }, R304 },
	{ { INM OTHER, INM "*" }, R304 },
	{ { INM OTHER, INM OTHER, INM OTHER }, OK },
	{ { INM "junk", INM TAG }, R304 },
	{ { IM OTHER, IM TAG }, OK },
	{ { IM OTHER, INM TAG, IM "" }, R412 },
	{ { IM OTHER, IM "W/" TAG }, R412 },
	{ { IMS SAME, IMS SAME }, OK },
	{ { IUS BEFORE, IUS BEFORE }, OK },
	{ { IUS BEFORE, IMS SAME, IUS BEFORE }, R304 },
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
	return check(http_parse(text, n, HTTP_HEAD_MAX, 0, req, &why) == n);
}

static int eval_exact(const char *method, const char *const *line, const char *etag, s64 mtime,
		      bool ims_exact)
{
	struct span tag = { (const u8 *)etag, strlen(etag) };
	struct http_request req;

	if (!make_request(method, line, &req))
		return -1;
	return http_cond_eval(&req, tag, mtime, NOW, ims_exact);
}

static int eval(const char *method, const char *const *line, const char *etag, s64 mtime)
{
	return eval_exact(method, line, etag, mtime, false);
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

static void test_lines(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(several); i++) {
		const char *const *line = several[i].line;

		unit_begin("lines: %s; %s; %s", line[0], line[1], line[2] ? line[2] : "");
		check(eval("GET", line, TAG, MTIME) == several[i].get);
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

/* nginx's default: the client must have this very date, not a later one. */
static void test_exact(void)
{
	static const struct {
		const char	*line[2];
		int		want;
	} dates[] = {
		{ { IMS SAME }, R304 },
		{ { IMS "Tuesday, 14-Nov-23 22:13:20 GMT" }, R304 },
		{ { IMS AFTER }, OK },
		{ { IMS BEFORE }, OK },
		{ { IMS "junk" }, OK },
		{ { INM OTHER, IMS SAME }, OK },
		{ { INM TAG, IMS AFTER }, R304 },
		{ { IUS AFTER }, OK },
		{ { IUS BEFORE }, R412 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dates); i++) {
		unit_begin("exact: %s; %s", dates[i].line[0],
			   dates[i].line[1] ? dates[i].line[1] : "");
		check(eval_exact("GET", (const char *[]){ dates[i].line[0], dates[i].line[1],
							  NULL }, TAG, MTIME, true) == dates[i].want);
		unit_end();
	}
	unit_begin("exact: without a modification date the field is ignored");
	check(eval_exact("GET", (const char *[]){ IMS SAME, NULL }, TAG, HTTP_NO_MTIME, true)
	      == OK);
	unit_end();
}

#define IR	"If-Range: "

/* Does the Range apply to the file with TAG and MTIME? */
static const struct {
	const char	*line[3];
	bool		applies;
} if_ranges[] = {
	{ { NULL }, true },
	{ { "Range: bytes=0-0" }, true },

	/* a tag, strongly */
	{ { IR TAG }, true },
	{ { IR OTHER }, false },
	{ { IR "W/" TAG }, false },
	{ { IR "w/" TAG }, false },
	{ { IR "\"\"" }, false },
	{ { IR "\"" }, false },
	{ { IR "W/" }, false },
	{ { IR "W/\"" }, false },
	{ { IR "\"6553f100-264" }, false },
	{ { IR "6553f100-264" }, false },
	{ { IR "6553f100-264\"" }, false },
	{ { IR TAG "x" }, false },
	{ { IR "\"6553F100-264\"" }, false },
	/* one, not a list, and not any */
	{ { IR TAG ", " TAG }, false },
	{ { IR OTHER ", " TAG }, false },
	{ { IR TAG "," }, false },
	{ { IR "*" }, false },
	{ { IR "" }, false },
	{ { IR "junk" }, false },

	/* a date, exactly */
	{ { IR SAME }, true },
	{ { IR BEFORE }, false },
	{ { IR AFTER }, false },
	{ { IR "Tuesday, 14-Nov-23 22:13:20 GMT" }, true },
	{ { IR "Tue Nov 14 22:13:20 2023" }, true },
	{ { IR "Tue, 14 Nov 2023 22:13:20" }, false },
	{ { IR "1700000000" }, false },

	/* several lines: none of them */
	{ { IR TAG, IR TAG }, false },
	{ { IR OTHER, IR TAG }, false },
	{ { IR SAME, IR TAG }, false },
	/* other conditions are none of its business */
	{ { IR TAG, INM OTHER, IM OTHER }, true },
};

static bool applies(const char *const *line, const char *etag, s64 mtime)
{
	struct span tag = { (const u8 *)etag, strlen(etag) };
	struct http_request req;

	return make_request("GET", line, &req) && http_cond_if_range(&req, tag, mtime, NOW);
}

static void test_if_range(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(if_ranges); i++) {
		const char *const *line = if_ranges[i].line;

		unit_begin("%s; %s: the Range %s", line[0] ? line[0] : "no If-Range",
			   line[1] ? line[1] : "", if_ranges[i].applies ? "applies" : "does not");
		check(applies(line, TAG, MTIME) == if_ranges[i].applies);
		unit_end();
	}

	unit_begin("If-Range without anything to compare with");
	check(!applies((const char *[]){ IR TAG, NULL }, "", MTIME));
	check(!applies((const char *[]){ IR "\"\"", NULL }, "", MTIME));
	check(!applies((const char *[]){ IR "", NULL }, "", MTIME));
	check(!applies((const char *[]){ IR SAME, NULL }, TAG, HTTP_NO_MTIME));
	check(!applies((const char *[]){ IR "junk", NULL }, TAG, HTTP_NO_MTIME));
	check(!applies((const char *[]){ IR "W/" TAG, NULL }, "W/" TAG, MTIME));
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
	test_lines();
	test_no_validators();
	test_exact();
	test_if_range();
	test_repeated();
	return unit_finish();
}
