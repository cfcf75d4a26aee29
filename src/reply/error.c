// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of our own making: errors and redirects, with a small page.
 */
#include "http/status.h"
#include "http/uri.h"
#include "reply/common.h"
#include "reply/reply.h"

/* Seconds. The backend restarts, or its queue drains, in about that time. */
#define RETRY_AFTER "5"

static void put_page(struct http_writer *w, u16 status)
{
	struct span reason = http_status_reason(status);

	http_put_str(w, "<html>\r\n<head><title>");
	http_put_u64(w, status);
	http_put_str(w, " ");
	http_put_span(w, reason);
	http_put_str(w, "</title></head>\r\n<body>\r\n<center><h1>");
	http_put_u64(w, status);
	http_put_str(w, " ");
	http_put_span(w, reason);
	http_put_str(w, "</h1></center>\r\n<hr><center>sluice</center>\r\n"
			"</body>\r\n</html>\r\n");
}

/* The page decides on Content-Length: measure it without writing. */
static size_t page_len(u16 status)
{
	struct http_writer w;

	http_writer_init(&w, NULL, 0);
	put_page(&w, status);
	return w.len;
}

static void put_rest(struct http_writer *w, struct sluice_reply_to to,
		     u16 status)
{
	http_put_str(w, "Content-Type: text/html\r\nContent-Length: ");
	http_put_u64(w, page_len(status));
	http_put_str(w, "\r\n");
	reply_put_connection(w, to.keep_alive);
	http_put_str(w, "\r\n");
	if (!to.head_only)
		put_page(w, status);
}

static void finish(struct http_writer *w, struct sluice_answer *answer)
{
	answer->head.ptr = w->buf;
	answer->head.len = w->len;
	answer->obj = NULL;
}

/**
 * sluice_error_answer() - say no
 * @lane:   whose turn it is
 * @to:     the request
 * @status: 4xx or 5xx
 * @answer: filled in
 *
 * Context: lane.
 */
void sluice_error_answer(struct sluice_lane *lane, struct sluice_reply_to to,
			 u16 status, struct sluice_answer *answer)
{
	struct http_writer w;

	reply_begin(lane, &w, status);
	if (status == 405)
		http_put_str(&w, "Allow: GET, HEAD\r\n");
	if (status == 503)
		http_put_str(&w, "Retry-After: " RETRY_AFTER "\r\n");
	put_rest(&w, to, status);
	finish(&w, answer);
}

/**
 * sluice_redirect_answer() - send the client to the directory's proper name
 * @lane:   whose turn it is
 * @to:     the request
 * @path:   of the directory, decoded, without its slash
 * @query:  kept, may be empty
 * @answer: filled in; a 404 if the location does not fit
 *
 * The location is relative: nothing that the client sent as a host comes back.
 * Context: lane.
 */
void sluice_redirect_answer(struct sluice_lane *lane,
			    struct sluice_reply_to to, struct span path,
			    struct span query, struct sluice_answer *answer)
{
	struct http_writer w;

	reply_begin(lane, &w, 301);
	http_put_str(&w, "Location: ");
	http_uri_encode_path(&w, path);
	http_put_str(&w, "/");
	if (query.len) {
		http_put_str(&w, "?");
		http_put_span(&w, query);
	}
	http_put_str(&w, "\r\n");
	put_rest(&w, to, 301);
	if (!http_writer_ok(&w)) {
		sluice_error_answer(lane, to, 404, answer);
		return;
	}
	finish(&w, answer);
}
