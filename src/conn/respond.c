// SPDX-License-Identifier: GPL-2.0
/*
 * Getting an answer into the socket: head and body together, then what is left
 * whenever there is room.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/pass_through.h"
#include "conn/conn.h"
#include "conn/respond.h"
#include "reply/reply.h"
#include "loan/lend.h"
#include "sock/send.h"
#include "store/object.h"

/* Up to here a body is cheaper copied behind its head than sent as a page. */
#define COPY_MAX 4096

static int conn_finish_response(struct sluice_conn *conn)
{
	sluice_body_end(&conn->body);
	if (unlikely(conn->parts)) {
		kfree(conn->parts);
		conn->parts = NULL;
	}
	conn->served = true;
	conn->job.alone = false;
	conn->wait = WAIT_NOTHING;
	conn->state = conn->keep_alive ? CONN_HEAD : CONN_CLOSE;
	if (conn->ss.lent) {
		sluice_stat_inc(SLUICE_STAT_SERVED_RETURNED);
		sluice_lent_end_answer(&conn->ss);
	}
	return 1;
}

/*
 * Behind @len bytes of the body: the rest of it, another part, or the FIN of a
 * connection that closes.  What follows shares the last segment.
 */
static bool conn_sends_more(const struct sluice_conn *conn, size_t len)
{
	const struct conn_parts *parts = conn->parts;

	return sluice_body_left(&conn->body) > len || !conn->keep_alive ||
	       (parts && parts->at < parts->ranges.count);
}

static int conn_send_rest(struct sluice_conn *conn, struct sluice_lane *lane)
{
	while (conn->rest) {
		struct kvec vec = {
			.iov_base = conn->rest + conn->rest_off,
			.iov_len = conn->rest_len - conn->rest_off,
		};
		int ret;

		ret = sluice_send_bytes(lane, &conn->ss, &vec, 1, vec.iov_len,
					conn_sends_more(conn, 0));
		if (ret < 0)
			return ret;
		sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
		conn->wait = WAIT_NOTHING;
		conn->rest_off += ret;
		if (conn->rest_off == conn->rest_len) {
			kfree(conn->rest);
			conn->rest = NULL;
		}
	}
	return 0;
}

static int conn_send_body(struct sluice_conn *conn)
{
	conn->body.window = sluice_send_window(conn->ss.sk);
	while (sluice_body_left(&conn->body)) {
		struct bio_vec bv[SLUICE_BODY_BATCH];
		unsigned int n;
		size_t len;
		int ret;

		ret = sluice_body_gather(&conn->body, bv, &n, &len);
		if (ret < 0)
			return ret;
		ret = sluice_send_pages(&conn->ss, bv, n, len,
					conn_sends_more(conn, len));
		sluice_body_release(bv, n);
		if (ret < 0)
			return ret;

		sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
		sluice_body_advance(&conn->body, ret);
		conn->wait = WAIT_NOTHING;
		if (conn->bytes_left <= ret) {
			sluice_conn_ring(conn);	/* others first */
			return -EINPROGRESS;
		}
		conn->bytes_left -= ret;
	}
	return 0;
}

/* Keep what is still to be sent of what is in the lane's buffer. */
static int conn_keep_rest(struct sluice_conn *conn, struct span bytes)
{
	conn->rest = kmemdup(bytes.ptr, bytes.len, SLUICE_GFP_SENDING);
	if (!conn->rest) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	conn->rest_len = bytes.len;
	conn->rest_off = 0;
	return 0;
}

/*
 * A part of several is sent: on to what follows it.
 * Return: 1 if something does, 0 if that was all, or -errno.
 */
static int conn_next_part(struct sluice_conn *conn, struct sluice_lane *lane)
{
	struct conn_parts *parts = conn->parts;
	struct http_writer w;
	int err;

	if (likely(!parts) || parts->at == parts->ranges.count)
		return 0;

	parts->at++;
	http_writer_init(&w, lane->reply, SLUICE_LANE_REPLY);
	sluice_multipart_put(&w, conn->body.obj, parts->boundary,
			     &parts->ranges, parts->at);
	if (SLUICE_WARN_ON(!http_writer_ok(&w)))
		return -EOVERFLOW;
	err = conn_keep_rest(conn, (struct span){ w.buf, w.len });
	if (err)
		return err;
	if (parts->at < parts->ranges.count) {
		const struct http_range *range = &parts->ranges.range[parts->at];

		sluice_body_continue(&conn->body, range->first,
				     range->last + 1);
	}
	return 1;
}

/**
 * sluice_respond_go_on() - send what is left of a response
 * @conn: in state CONN_SEND
 * @lane: whose turn it is
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_respond_go_on(struct sluice_conn *conn, struct sluice_lane *lane)
{
	int ret;

	ret = conn_send_rest(conn, lane);
	if (!ret)
		ret = conn_send_body(conn);
	if (!ret)
		ret = conn_next_part(conn, lane);
	switch (ret) {
	case 1:
		return 1;
	case 0:
		return conn_finish_response(conn);
	case -EINPROGRESS:
		return 0;
	case -EAGAIN:
		sluice_conn_wait_for(conn, WAIT_SPACE);
		return 0;
	case -ENODATA:		/* a page is not in memory */
		sluice_conn_wait_for_job(conn, CONN_FILL);
		sluice_job_fill(&conn->job, &conn->body);
		return 0;
	case -ESTALE:
		sluice_stat_inc(SLUICE_STAT_FILES_TRUNCATED);
		fallthrough;
	default:
		return ret;
	}
}

static int conn_keep_parts(struct sluice_conn *conn, u64 boundary,
			   const struct sluice_ranges *ranges)
{
	conn->parts = kmalloc(sizeof(*conn->parts), SLUICE_GFP_SENDING);
	if (!conn->parts) {
		sluice_stat_inc(SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	conn->parts->at = 0;
	conn->parts->boundary = boundary;
	conn->parts->ranges = *ranges;
	return 0;
}

/* All of a small body, if it is in one page and that is there. */
static struct page *conn_get_copyable(struct sluice_conn *conn)
{
	struct sluice_body *body = &conn->body;
	loff_t left = sluice_body_left(body);

	if (left > COPY_MAX || offset_in_page(body->pos) + left > PAGE_SIZE)
		return NULL;
	return sluice_body_get_page(body);
}

/*
 * Begin a response: as much as the socket takes, in as few segments as it
 * takes.  A small body whose page is there leaves in the segment of the head.
 */
static int conn_answer(struct sluice_conn *conn, struct sluice_lane *lane,
		       struct sluice_answer *answer)
{
	struct kvec vec[2] = {
		{ (void *)answer->head.ptr, answer->head.len },
	};
	struct page *page = NULL;
	unsigned int n = 1;
	size_t copied = 0;
	int ret;

	conn->state = CONN_SEND;
	if (conn->ss.lent)
		sluice_lent_begin_answer(&conn->ss);
	if (answer->obj)
		sluice_body_begin(&conn->body, answer->obj, answer->pos,
				  answer->end);
	/* What is behind the lane's buffer is nobody's business. */
	if (SLUICE_WARN_ON(answer->head.len > SLUICE_LANE_REPLY))
		return -EOVERFLOW;
	if (answer->obj)
		page = conn_get_copyable(conn);
	if (page) {
		copied = sluice_body_left(&conn->body);
		vec[1].iov_base = page_address(page) +
				  offset_in_page(conn->body.pos);
		vec[1].iov_len = copied;
		n = 2;
	}

	ret = sluice_send_bytes(lane, &conn->ss, vec, n, answer->head.len + copied,
				conn_sends_more(conn, copied));
	if (page)
		put_page(page);
	if (ret < 0 && ret != -EAGAIN)
		return ret;
	ret = max(ret, 0);
	sluice_stat_add(SLUICE_STAT_BYTES_SENT, ret);
	if (likely(ret >= answer->head.len)) {
		sluice_body_advance(&conn->body, ret - answer->head.len);
	} else {
		answer->head.ptr += ret;
		answer->head.len -= ret;
		ret = conn_keep_rest(conn, answer->head);
		if (ret)
			return ret;
	}
	if (likely(!conn->rest && !sluice_body_left(&conn->body) &&
		   !conn->parts))
		return conn_finish_response(conn);
	return 1;
}

static enum sluice_stat error_stat(u16 status)
{
	switch (status) {
	case 400: return SLUICE_STAT_ERROR_400;
	case 403: return SLUICE_STAT_ERROR_403;
	case 404: return SLUICE_STAT_ERROR_404;
	case 405: return SLUICE_STAT_ERROR_405;
	case 412: return SLUICE_STAT_ERROR_412;
	case 413: return SLUICE_STAT_ERROR_413;
	case 414: return SLUICE_STAT_ERROR_414;
	case 416: return SLUICE_STAT_ERROR_416;
	case 431: return SLUICE_STAT_ERROR_431;
	case 501: return SLUICE_STAT_ERROR_501;
	case 505: return SLUICE_STAT_ERROR_505;
	}
	return SLUICE_STAT_ERROR_503;
}

static void count_outcome(u16 status)
{
	sluice_stat_inc(SLUICE_STAT_REQUESTS);
	switch (status) {
	case 206:
		sluice_stat_inc(SLUICE_STAT_PARTIAL);
		fallthrough;
	case 200:
		sluice_stat_inc(SLUICE_STAT_SERVED);
		break;
	case 204:
		sluice_stat_inc(SLUICE_STAT_OPTIONS_ANSWERED);
		break;
	case 301:
		sluice_stat_inc(SLUICE_STAT_REDIRECTED);
		break;
	case 304:
		sluice_stat_inc(SLUICE_STAT_NOT_MODIFIED);
		break;
	default:
		sluice_stat_inc(SLUICE_STAT_ERRORS);
		sluice_stat_inc(error_stat(status));
	}
}

/**
 * sluice_respond_refuse() - begin an error of our own
 * @conn:      its @keep_alive is decided
 * @lane:      whose turn it is
 * @status:    4xx or 5xx
 * @head_only: the request was HEAD
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_respond_refuse(struct sluice_conn *conn, struct sluice_lane *lane,
			  u16 status, bool head_only)
{
	struct sluice_reply_to to = {
		.keep_alive = conn->keep_alive,
		.head_only = head_only,
	};
	struct sluice_answer answer __uninitialized;

	count_outcome(status);
	sluice_error_answer(lane, to, status, &answer);
	return conn_answer(conn, lane, &answer);
}

/* Return: 0, or -ENOMEM. */
static int conn_answer_with_file(struct sluice_conn *conn,
				 struct sluice_lane *lane,
				 struct sluice_reply_to to,
				 struct sluice_verdict *verdict,
				 struct sluice_answer *answer)
{
	if (verdict->status == 416) {
		sluice_unsatisfiable_answer(lane, to, verdict->obj->size,
					    answer);
		return 0;
	}
	sluice_static_answer(lane, to, verdict->status, verdict->obj,
			     &verdict->ranges, answer);
	if (verdict->ranges.count > 1 && answer->obj)
		return conn_keep_parts(conn, answer->boundary,
				       &verdict->ranges);
	return 0;
}

/**
 * sluice_respond_serve() - begin the response that a verdict asks for
 * @conn:      its @keep_alive is decided
 * @lane:      whose turn it is
 * @verdict:   SLUICE_SERVE, SLUICE_REDIRECT or SLUICE_OPTIONS; its object is
 *             taken over if a body is to be sent
 * @head_only: the request was HEAD
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_respond_serve(struct sluice_conn *conn, struct sluice_lane *lane,
			 struct sluice_verdict *verdict, bool head_only)
{
	struct sluice_reply_to to = {
		.keep_alive = conn->keep_alive,
		.head_only = head_only,
	};
	struct sluice_answer answer __uninitialized;
	int err;

	count_outcome(verdict->status);
	switch (verdict->kind) {
	case SLUICE_SERVE:
		err = conn_answer_with_file(conn, lane, to, verdict, &answer);
		if (err)
			return err;
		break;
	case SLUICE_OPTIONS:
		sluice_options_answer(lane, to, &answer);
		break;
	default:
		sluice_redirect_answer(lane, to, verdict->target.path,
				       verdict->target.query, &answer);
	}
	if (answer.obj)
		verdict->obj = NULL;	/* the body's now */
	return conn_answer(conn, lane, &answer);
}
