// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of our own making: errors and redirects, with a small page.
 */
#include "http/status.h"
#include "http/uri.h"
#include "reply/answer.h"
#include "reply/head.h"

/* Seconds. The backend restarts, or its queue drains, in about that time. */
#define RETRY_AFTER "5"
#define ALLOWED "GET, HEAD, OPTIONS"

/* nginx's, with our name at its foot. */
static void put_text(struct http_writer *w, u16 status, struct span server)
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
	put_text(&w, status, server);
	return w.len;
}

/* Up to Content-Length. */
static void put_start(struct http_writer *w, struct sluice_lane *lane, u16 status)
{
	const struct sluice_site *site = lane->site;

	reply_begin(lane, w, status);
	http_put_str(w, "Content-Type: text/html");
	/* Not in redirects, which nobody reads; as nginx does. */
	if (site->charset.len && status != 301) {
		http_put_str(w, "; charset=");
		http_put_span(w, sluice_text_span(&site->charset));
	}
	http_put_str(w, "\r\nContent-Length: ");
	http_put_u64(w, page_len(status, sluice_text_span(&lane->site->server)));
	http_put_str(w, "\r\n");
}

static void put_end(struct http_writer *w, const struct sluice_answer *answer,
		    const struct sluice_lane *lane, u16 status)
{
	http_put_str(w, "\r\n");
	if (!answer->head_only)
		put_text(w, status, sluice_text_span(&lane->site->server));
}

static void put_error_start(struct http_writer *w, const struct sluice_answer *answer,
			    struct sluice_lane *lane)
{
	put_start(w, lane, answer->status);
	http_put_connection(w, answer->keep_alive);
}

int sluice_own_error(const struct sluice_answer *answer, struct sluice_lane *lane)
{
	struct http_writer w;

	put_error_start(&w, answer, lane);
	if (answer->status == 405)
		http_put_str(&w, "Allow: " ALLOWED "\r\n");
	if (answer->status == 503)
		http_put_str(&w, "Retry-After: " RETRY_AFTER "\r\n");
	put_end(&w, answer, lane, answer->status);
	return w.len;
}

/* A 416 says what ranges must be within. */
static int put_unsatisfiable(const struct sluice_answer *answer, u64 size,
			     struct sluice_lane *lane)
{
	struct http_writer w;

	put_error_start(&w, answer, lane);
	http_put_str(&w, "Content-Range: bytes */");
	http_put_u64(&w, size);
	http_put_str(&w, "\r\n");
	put_end(&w, answer, lane, answer->status);
	return w.len;
}

/* RFC 9110 section 8.6: no Content-Length in a 204. */
static int put_options(const struct sluice_answer *answer, struct sluice_lane *lane)
{
	struct http_writer w;

	reply_begin(lane, &w, 204);
	http_put_connection(&w, answer->keep_alive);
	http_put_str(&w, "Allow: " ALLOWED "\r\n\r\n");
	return w.len;
}

/*
 * To the directory's proper name.  The location is relative: nothing that the client sent as
 * a host comes back.  If it does not fit, there is no such directory.
 */
static int put_redirect(struct sluice_answer *answer, const struct sluice_request *req,
			struct sluice_lane *lane)
{
	const struct sluice_site *site = lane->site;
	struct http_writer w;

	put_start(&w, lane, 301);
	http_put_str(&w, "Location: ");
	http_uri_encode_path(&w, req->target.path);
	http_put_str(&w, "/");
	if (req->target.query.len) {
		http_put_str(&w, "?");
		http_put_span(&w, req->target.query);
	}
	http_put_str(&w, "\r\n");
	http_put_connection(&w, answer->keep_alive);
	http_put(&w, site->extra, site->extra_len);
	put_end(&w, answer, lane, 301);
	if (http_writer_ok(&w))
		return w.len;
	answer->status = 404;
	return sluice_own_error(answer, lane);
}

static int own_begin(struct sluice_answer *answer, struct sluice_request *req,
		     struct sluice_lane *lane)
{
	switch (req->verdict) {
	case SLUICE_OPTIONS:
		return put_options(answer, lane);
	case SLUICE_REDIRECT:
		return put_redirect(answer, req, lane);
	case SLUICE_SERVE:
		return put_unsatisfiable(answer, req->obj->size, lane);
	default:
		return sluice_own_error(answer, lane);
	}
}

const struct sluice_reply_ops sluice_reply_own = {
	.begin	= own_begin,
};
