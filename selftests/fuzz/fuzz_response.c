// SPDX-License-Identifier: GPL-2.0
/*
 * Where a response ends, asked of two who read it independently: us, and llhttp, the
 * parser of Node.js; to GET and to HEAD.  We refuse more than it does, for what we refuse
 * goes by us unread: the comparison is of what we accept.  What it refuses of that is
 * listed below with the reason.
 */

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/body.h"
#include "http/parse.h"
#include "http/response.h"
#include "reading.h"

struct ours {
	ssize_t			head_len;
	enum http_error		why;
	struct http_response	rsp;
	ssize_t			end;	/* of the body; 0: not over, -EBADMSG: malformed */
};

static void read_ours(struct span input, enum http_method method, size_t cut, struct ours *ours)
{
	struct http_body body = { 0 };
	size_t at;
	ssize_t n;

	ours->end = 0;
	ours->head_len = http_response_parse(input.ptr, input.len, HTTP_HEAD_MAX, method,
					     &ours->rsp, &ours->why);
	if (ours->head_len < 0 || ours->rsp.until_close)
		return;
	http_body_begin(&body, ours->rsp.chunked, ours->rsp.content_length);
	at = ours->head_len;
	/* Cut in two: the verdict is the same. */
	cut = cut > at && cut < input.len ? cut : input.len;
	n = http_body_follow(&body, input.ptr + at, cut - at);
	if (n >= 0) {
		at += n;
		check(at == cut || http_body_is_over(&body));
		n = http_body_follow(&body, input.ptr + at, input.len - at);
	}
	if (n < 0)
		ours->end = n;
	else if (http_body_is_over(&body))
		ours->end = at + n;
	else
		check(at + n == input.len);
}

/* What llhttp refuses of what we accept. */
static const struct intended {
	const char	*its;
	bool		behind_head;
	const char	*why;
} list[] = {
	{ "HPE_INVALID_VERSION", false,
	  "RFC 9110 section 2.5: a higher minor version is one we understand" },
	{ "HPE_INVALID_CHUNK_SIZE", true,
	  "an extension of a chunk is any text; nobody reads it" },
	{ "HPE_STRICT", true, "the same" },
	{ "HPE_INVALID_CONTENT_LENGTH", true,
	  "RFC 9110 section 6.5.1: in a trailer it has nothing to say" },
};

static bool needed[ARRAY_SIZE(list)];

static bool is_intended(const struct reading *its, size_t head_len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		if (strcmp(its->error, list[i].its) ||
		    (list[i].behind_head && its->at < head_len))
			continue;
		needed[i] = true;
		return true;
	}
	fprintf(stderr, "not intended: %s at %zu\n", its->error, its->at);
	return false;
}

/* With tabs for the spaces behind colons there are no shortcuts, and it is the same. */
static void check_tabs(struct span input, enum http_method method, const struct ours *ours)
{
	static u8 copy[FUZZ_INPUT_MAX];
	struct ours tabs;
	size_t i;

	if (ours->head_len < 0 || input.len > sizeof(copy))
		return;
	memcpy(copy, input.ptr, input.len);
	for (i = strlen("HTTP/1.1 200"); i + 1 < (size_t)ours->head_len; i++)
		if (copy[i] == ':' && copy[i + 1] == ' ')
			copy[i + 1] = '\t';
	read_ours((struct span){ copy, input.len }, method, 0, &tabs);
	check(tabs.head_len == ours->head_len && tabs.end == ours->end &&
	      tabs.rsp.status == ours->rsp.status && tabs.rsp.chunked == ours->rsp.chunked &&
	      tabs.rsp.keep_alive == ours->rsp.keep_alive &&
	      tabs.rsp.until_close == ours->rsp.until_close &&
	      tabs.rsp.content_length == ours->rsp.content_length);
}

static void compare(struct span input, enum http_method method)
{
	struct ours ours, cut;
	struct reading its;
	size_t at;

	read_ours(input, method, 0, &ours);
	check_tabs(input, method, &ours);
	for (at = 1; at < input.len; at++) {
		read_ours(input, method, at, &cut);
		check(cut.head_len == ours.head_len && cut.end == ours.end);
	}
	if (ours.head_len < 0)
		return;
	/* RFC 9110 section 5.6.3: a tab is whitespace; not for llhttp, in places. */
	if (memchr(input.ptr, '\t', ours.head_len))
		return;
	reading_of_response(input, method == HTTP_HEAD, &its);
	if (its.error) {
		check(ours.end == -EBADMSG || is_intended(&its, ours.head_len));
		return;
	}
	check(its.head_len == (size_t)ours.head_len);
	check(its.status == ours.rsp.status);
	if (its.upgrade || ours.end < 0)
		return;		/* 101, or what we refuse: then we leave */
	if (ours.rsp.until_close)
		check(!its.end || ours.rsp.interim);
	else
		check(its.end == (size_t)ours.end);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct span input = fuzz_flush(data, len);

	compare(input, HTTP_GET);
	compare(input, HTTP_HEAD);
	return 0;
}

/* The seeds, which are run by themselves at first, need all of the list. */
static void complain(void)
{
	bool fine = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		if (needed[i])
			continue;
		fprintf(stderr, "not intended: that this is no difference: %s: %s\n",
			list[i].its, list[i].why);
		fine = false;
	}
	if (!fine)
		_Exit(EXIT_FAILURE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	for (i = 1; i < *argc; i++)
		if (!strcmp((*argv)[i], "-runs=0"))
			atexit(complain);
	return 0;
}
