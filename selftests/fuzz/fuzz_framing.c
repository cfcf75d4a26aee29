// SPDX-License-Identifier: GPL-2.0
/*
 * Where a request ends, asked of two who read it independently: us, and llhttp, the
 * parser of Node.js.  What only one of them takes for a request, or reads otherwise,
 * is listed below with the reason.  Other differences are what smuggling is made of,
 * and a difference that no longer is one is to be taken off the list.
 */

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/parse.h"
#include "reading.h"

struct both {
	struct span			input;
	const struct http_request	*req;
	enum http_error			why;
	const struct reading		*its;
};

/*
 * A difference that is intended.
 * @error: ours with which we refuse what llhttp accepts, or
 * @its: llhttp's with which it refuses what we accept, or wait for the rest of
 * @applies: whether this is it, NULL if the error alone says that
 */
struct intended {
	enum http_error	error;
	const char	*its;
	bool		(*applies)(const struct both *b);
	const char	*why;
};

/* --- the list --- */

static bool is_other_method(const struct both *b)
{
	return b->req->method == HTTP_METHOD_OTHER;
}

static bool has_tab(const struct both *b)
{
	return memchr(b->input.ptr, '\t', b->its->at + 1);
}

static bool is_in_last_line(const struct both *b)
{
	return !memchr(b->input.ptr + b->its->at, '\n', b->input.len - b->its->at);
}

static bool is_minor_2_to_9(const struct both *b)
{
	return b->input.ptr[b->its->at - 1] == '.' && b->input.ptr[b->its->at] >= '2';
}

static const struct intended list[] = {
	/* We refuse. */
	{ .error = HTTP_ERR_NOT_HTTP,
	  .why = "RFC 9112 section 2.2: one empty line before; two are patience enough" },
	{ .error = HTTP_ERR_BARE_LF, .why = "RFC 9112 section 2.2: MAY be taken, lenient=1" },
	{ .error = HTTP_ERR_BARE_CR, .why = "RFC 9112 section 2.2: MUST be refused" },
	{ .error = HTTP_ERR_BAD_TARGET,
	  .why = "RFC 9112 section 3: one space, no control bytes" },
	{ .error = HTTP_ERR_BAD_VERSION,
	  .why = "RFC 9112 section 2.3; HTTP/0.9, ICE and RTSP are not HTTP/1" },
	{ .error = HTTP_ERR_VERSION_UNSUPPORTED, .why = "RFC 9110 section 15.6.6" },
	{ .error = HTTP_ERR_BAD_FIELD_NAME,
	  .why = "RFC 9110 section 5.1: a token, not empty, without spaces" },
	{ .error = HTTP_ERR_SPACE_BEFORE_COLON,
	  .why = "RFC 9112 section 5.1: MUST be refused" },
	{ .error = HTTP_ERR_OBS_FOLD,
	  .why = "RFC 9112 section 5.2: MUST be refused or replaced" },
	{ .error = HTTP_ERR_HOST_MISSING, .why = "RFC 9112 section 3.2: MUST be refused" },
	{ .error = HTTP_ERR_HOST_BAD, .why = "RFC 9112 section 3.2: MUST be refused" },
	{ .error = HTTP_ERR_HOST_REPEATED, .why = "RFC 9112 section 3.2: MUST be refused" },
	{ .error = HTTP_ERR_CL_BAD, .why = "more than S64_MAX bytes" },
	{ .error = HTTP_ERR_CL_AND_TE,
	  .why = "RFC 9112 section 6.1: ought to be an error, also with no coding named" },
	{ .error = HTTP_ERR_TE_UNKNOWN, .why = "RFC 9112 section 6.1: SHOULD be a 501" },
	{ .error = HTTP_ERR_TE_BAD,
	  .why = "RFC 9112 section 6.1: chunked once; and no empty elements" },
	{ .error = HTTP_ERR_TE_ON_10,
	  .why = "RFC 9112 section 6.1: MUST be treated as faulty" },
	{ .error = HTTP_ERR_TOO_MANY_FIELDS, .why = "no limit of llhttp's" },
	/* It refuses. */
	{ .its = "HPE_INVALID_METHOD", .applies = is_other_method,
	  .why = "RFC 9110 section 9.1: any token is a method" },
	{ .its = "HPE_INVALID_CONSTANT", .applies = is_other_method,
	  .why = "the same: a method of RTSP" },
	{ .its = "HPE_INVALID_VERSION", .applies = is_in_last_line,
	  .why = "a version is judged at the end of its line" },
	{ .its = "HPE_INVALID_VERSION", .applies = is_minor_2_to_9,
	  .why = "RFC 9110 section 2.5: a higher minor version is one we understand" },
	{ .its = "HPE_INVALID_URL",
	  .why = "what a target means is asked when the head is complete" },
	{ .its = "HPE_INVALID_CONTENT_LENGTH", .applies = is_in_last_line,
	  .why = "a field is judged when its line is complete" },
	{ .its = "HPE_UNEXPECTED_CONTENT_LENGTH", .applies = is_in_last_line,
	  .why = "the same" },
	{ .its = "HPE_INVALID_TRANSFER_ENCODING", .applies = is_in_last_line,
	  .why = "the same" },
	{ .its = "HPE_INVALID_CONTENT_LENGTH", .applies = has_tab,
	  .why = "RFC 9110 section 5.6.3: a tab is whitespace" },
	{ .its = "HPE_INVALID_TRANSFER_ENCODING", .applies = has_tab,
	  .why = "the same" },
};

static bool needed[ARRAY_SIZE(list)];

static bool is_intended(const struct both *b, enum http_error error, const char *its)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		const struct intended *d = &list[i];

		if (d->error != error || !d->its != !its || (its && strcmp(d->its, its)) ||
		    (d->applies && !d->applies(b)))
			continue;
		needed[i] = true;
		return true;
	}
	fprintf(stderr, "not intended: %s, %s\n", http_error_info(error)->name,
		its ? its : "accepted");
	return false;
}

/* --- the comparison --- */

/* Whether the connection goes on is a matter of taste, in places. */
static bool reads_options_otherwise(const struct http_request *req, struct span input)
{
	const struct span proxy = SPAN("Proxy-Connection:");
	struct span rest = { input.ptr, req->head_len };
	struct span line;

	/* RFC 9112 section 9.3: close wins; with llhttp, keep-alive does in HTTP/1.0. */
	if (!req->minor && req->connection & HTTP_CONN_CLOSE)
		return true;
	while (span_next_line(&rest, &line)) {
		/* RFC 9110 section 5.6.3: a tab is whitespace; not behind its options. */
		if (memchr(line.ptr, '\t', line.len))
			return true;
		/* RFC 9112 appendix C.2.2: nothing that anybody should send, or read. */
		if (line.len > proxy.len &&
		    span_eq_nocase((struct span){ line.ptr, proxy.len }, proxy))
			return true;
	}
	return false;
}

/* RFC 9110 section 5.6.3: a tab is whitespace; for llhttp it is a part of a coding. */
static bool reads_codings_otherwise(const struct http_request *req, struct span input)
{
	return memchr(input.ptr, '\t', req->head_len);
}

static void compare(const struct http_request *req, struct span input,
		    const struct reading *its)
{
	size_t left = input.len - req->head_len;

	check(its->head_len == req->head_len);
	check(its->minor == req->minor);
	check(its->chunked == req->chunked || reads_codings_otherwise(req, input));
	check(its->content_length == req->content_length);
	check(!its->upgrade || req->upgrade || req->method == HTTP_CONNECT);
	if (!reads_options_otherwise(req, input))
		check(its->keep_alive == req->keep_alive);
	if (its->upgrade || req->chunked)
		return;
	check(!!its->end == (left >= req->content_length));
	check(!its->end || its->end == req->head_len + req->content_length);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct http_request req;
	struct reading its;
	struct both b = { .input = { data, len }, .req = &req, .its = &its };
	ssize_t ret;

	ret = http_parse(data, len, HTTP_HEAD_MAX, 0, &req, &b.why);
	/* For llhttp it is the beginning of a preface of HTTP/2, whatever follows. */
	if (span_eq(req.method_text, SPAN("PRI")))
		return 0;
	reading_of(b.input, &its);
	if (ret == -EBADMSG)
		check(!its.head_len || is_intended(&b, b.why, NULL));
	else if (its.error && !its.head_len)
		check(is_intended(&b, HTTP_ERR_NONE, its.error));
	else if (ret > 0)
		compare(&req, b.input, &its);
	else
		check(!its.head_len);
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
		fprintf(stderr, "not intended: that this is no difference: %s, %s: %s\n",
			http_error_info(list[i].error)->name,
			list[i].its ? list[i].its : "accepted", list[i].why);
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
