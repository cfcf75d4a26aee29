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
#define ALLOWED "GET, HEAD, OPTIONS"

/* nginx's, with our name at its foot. */
static void put_page(struct http_writer *w, u16 status, struct span server)
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
	http_put_str(w, "</h1></center>\r\n<hr>");
	if (server.len) {
		http_put_str(w, "<center>");
		http_put_span(w, server);
		http_put_str(w, "</center>");
	}
	http_put_str(w, "\r\n</body>\r\n</html>\r\n");
}

/* The page decides on Content-Length: measure it without writing. */
static size_t page_len(u16 status, struct span server)
{
	struct http_writer w;

	http_writer_init(&w, NULL, 0);
	put_page(&w, status, server);
	return w.len;
}

/* Up to Content-Length. @site may be NULL, on the way out. */
static void begin(struct sluice_lane *lane, struct http_writer *w, u16 status,
		  const struct sluice_site *site)
{
	struct span server = { NULL, 0 };

	reply_begin(lane, w, status);
	http_put_str(w, "Content-Type: text/html");
	/* Not in redirects, which nobody reads; as nginx does. */
	if (site && site->charset.len && status != 301) {
		http_put_str(w, "; charset=");
		http_put_span(w, sluice_text_span(&site->charset));
	}
	if (site)
		server = sluice_text_span(&site->server);
	http_put_str(w, "\r\nContent-Length: ");
	http_put_u64(w, page_len(status, server));
	http_put_str(w, "\r\n");
}

static void finish(struct http_writer *w, struct sluice_reply_to to, u16 status,
		   const struct sluice_site *site, struct sluice_answer *answer)
{
	struct span server = { NULL, 0 };

	if (site)
		server = sluice_text_span(&site->server);
	http_put_str(w, "\r\n");
	if (!to.head_only)
		put_page(w, status, server);
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
	const struct sluice_site *site = lane->site;
	struct http_writer w;

	begin(lane, &w, status, site);
	http_put_connection(&w, to.keep_alive);
	if (status == 405)
		http_put_str(&w, "Allow: " ALLOWED "\r\n");
	if (status == 503)
		http_put_str(&w, "Retry-After: " RETRY_AFTER "\r\n");
	finish(&w, to, status, site, answer);
}

/**
 * sluice_unsatisfiable_answer() - 416, with the size that ranges must be within
 * @lane:   whose turn it is
 * @to:     the request
 * @size:   of the file
 * @answer: filled in
 *
 * Context: lane.
 */
void sluice_unsatisfiable_answer(struct sluice_lane *lane,
				 struct sluice_reply_to to, u64 size,
				 struct sluice_answer *answer)
{
	const struct sluice_site *site = lane->site;
	struct http_writer w;

	begin(lane, &w, 416, site);
	http_put_connection(&w, to.keep_alive);
	http_put_str(&w, "Content-Range: bytes */");
	http_put_u64(&w, size);
	http_put_str(&w, "\r\n");
	finish(&w, to, 416, site, answer);
}

/**
 * sluice_options_answer() - say which methods there are
 * @lane:   whose turn it is
 * @to:     the request
 * @answer: filled in
 *
 * Context: lane.
 */
void sluice_options_answer(struct sluice_lane *lane, struct sluice_reply_to to,
			   struct sluice_answer *answer)
{
	struct http_writer w;

	/* RFC 9110 section 8.6: no Content-Length in a 204. */
	reply_begin(lane, &w, 204);
	http_put_connection(&w, to.keep_alive);
	http_put_str(&w, "Allow: " ALLOWED "\r\n\r\n");
	answer->head.ptr = w.buf;
	answer->head.len = w.len;
	answer->obj = NULL;
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
	const struct sluice_site *site = lane->site;
	struct http_writer w;

	begin(lane, &w, 301, site);
	http_put_str(&w, "Location: ");
	http_uri_encode_path(&w, path);
	http_put_str(&w, "/");
	if (query.len) {
		http_put_str(&w, "?");
		http_put_span(&w, query);
	}
	http_put_str(&w, "\r\n");
	http_put_connection(&w, to.keep_alive);
	if (site)
		http_put(&w, site->extra, site->extra_len);
	finish(&w, to, 301, site, answer);
	if (!http_writer_ok(&w))
		sluice_error_answer(lane, to, 404, answer);
}
