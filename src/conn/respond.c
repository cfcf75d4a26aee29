// SPDX-License-Identifier: GPL-2.0
/*
 * Getting an answer into the socket: head and body together, then what is left
 * whenever there is room.
 */
#include <linux/bvec.h>
#include <linux/indirect_call_wrapper.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/pass_through.h"
#include "conn/conn.h"
#include "conn/respond.h"
#include "loan/loan.h"
#include "reply/answer.h"
#include "reply/decide.h"
#include "sock/send.h"
#include "store/object.h"

/* Up to here a body is cheaper copied behind its head than sent as a page. */
#define COPY_MAX 4096

static int conn_finish_response(struct sluice_conn *conn)
{
	sluice_answer_end(&conn->answer);
	sluice_request_done(&conn->answer, SLUICE_ANSWERED);
	conn->served = true;
	conn->job.alone = false;
	conn->wait = WAIT_NOTHING;
	conn->state = conn->answer.keep_alive ? CONN_HEAD : CONN_CLOSE;
	if (conn->ss.loan) {
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_SERVED_RETURNED);
		sluice_loan_end_answer(conn->ss.loan);
	}
	return 1;
}

/*
 * Behind @len bytes of the body: the rest of it, another part, or the FIN of a
 * connection that closes.  What follows shares the last segment.
 */
static bool conn_sends_more(const struct sluice_conn *conn, size_t len)
{
	const struct sluice_answer *answer = &conn->answer;

	return sluice_body_left(&answer->body) > len || !answer->keep_alive || answer->parts;
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
		sluice_stat_add(conn->conns->stats, SLUICE_STAT_BYTES_SENT, ret);
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
	conn->answer.body.window = sluice_send_window(conn->ss.sk);
	while (sluice_body_left(&conn->answer.body)) {
		struct bio_vec bv[SLUICE_BODY_BATCH];
		unsigned int n;
		size_t len;
		int ret;

		ret = sluice_body_gather(&conn->answer.body, bv, &n, &len);
		if (ret < 0)
			return ret;
		ret = sluice_send_pages(&conn->ss, bv, n, len,
					conn_sends_more(conn, len));
		sluice_body_release(bv, n);
		if (ret < 0)
			return ret;

		sluice_stat_add(conn->conns->stats, SLUICE_STAT_BYTES_SENT, ret);
		sluice_body_advance(&conn->answer.body, ret);
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
static int conn_keep_rest(struct sluice_conn *conn, const u8 *bytes, size_t len)
{
	conn->rest = kmemdup(bytes, len, SLUICE_GFP_SENDING);
	if (!conn->rest) {
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	conn->rest_len = len;
	conn->rest_off = 0;
	return 0;
}

/*
 * The body is sent: on to what stands behind it.
 * Return: 1 if something does, 0 if that was all, or -errno.
 */
static int conn_next_piece(struct sluice_conn *conn, struct sluice_lane *lane)
{
	struct sluice_answer *answer = &conn->answer;
	int len = 0;

	if (answer->ops->next)
		len = INDIRECT_CALL_1(answer->ops->next, sluice_file_next, answer, lane);
	if (likely(len <= 0))
		return len;
	return conn_keep_rest(conn, lane->reply, len) ?: 1;
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
		ret = conn_next_piece(conn, lane);
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
		sluice_job_fill(&conn->job, &conn->answer);
		return 0;
	case -ESTALE:
		sluice_stat_inc(conn->conns->stats, SLUICE_STAT_FILES_TRUNCATED);
		fallthrough;
	default:
		return ret;
	}
}

/* All of a small body, if it is in one page and that is there. */
static struct page *conn_get_copyable(struct sluice_conn *conn)
{
	struct sluice_body *body = &conn->answer.body;
	loff_t left = sluice_body_left(body);

	if (left > COPY_MAX || offset_in_page(body->pos) + left > PAGE_SIZE)
		return NULL;
	return sluice_body_get_page(body);
}

/*
 * The first @len bytes are in the lane's buffer.  As much as the socket takes, in as few
 * segments as it takes: a small body whose page is there leaves in the segment of the head.
 * Return: bytes that the socket has, or -errno.
 */
static int conn_send_head(struct sluice_conn *conn, struct sluice_lane *lane, size_t len)
{
	struct sluice_body *body = &conn->answer.body;
	struct kvec vec[2] = {
		{ lane->reply, len },
	};
	struct page *page = NULL;
	size_t copied = 0;
	int ret;

	if (sluice_body_left(body))
		page = conn_get_copyable(conn);
	if (page) {
		copied = sluice_body_left(body);
		vec[1].iov_base = page_address(page) + offset_in_page(body->pos);
		vec[1].iov_len = copied;
	}
	ret = sluice_send_bytes(lane, &conn->ss, vec, page ? 2 : 1, len + copied,
				conn_sends_more(conn, copied));
	if (page)
		put_page(page);
	return ret == -EAGAIN ? 0 : ret;
}

/* Of a head of @len bytes and what was sent with it @sent are in the socket. */
static int conn_head_sent(struct sluice_conn *conn, struct sluice_lane *lane,
			  size_t len, size_t sent)
{
	sluice_stat_add(conn->conns->stats, SLUICE_STAT_BYTES_SENT, sent);
	if (unlikely(sent < len))
		return conn_keep_rest(conn, lane->reply + sent, len - sent) ?: 1;
	sluice_body_advance(&conn->answer.body, sent - len);
	if (likely(!sluice_answer_has_more(&conn->answer)))
		return conn_finish_response(conn);
	return 1;
}

/* The first @len bytes of an answer are in the lane's buffer. */
static int conn_begin_sending(struct sluice_conn *conn, struct sluice_lane *lane, size_t len)
{
	int sent;

	/* What is behind the lane's buffer is nobody's business. */
	if (SLUICE_WARN_ON(len > SLUICE_LANE_REPLY))
		return -EOVERFLOW;
	sent = conn_send_head(conn, lane, len);
	return sent < 0 ? sent : conn_head_sent(conn, lane, len, sent);
}

/**
 * sluice_respond_begin() - begin an answer
 * @conn: its request is open, and its @answer's @keep_alive is decided
 * @lane: whose turn it is
 * @req:  the verdict is one that we answer; its object is taken over if a body is to be sent
 *
 * Context: socket locked, not busy.
 * Return: as a step of the ladder.
 */
int sluice_respond_begin(struct sluice_conn *conn, struct sluice_lane *lane,
			 struct sluice_request *req)
{
	struct sluice_answer *answer = &conn->answer;
	int len;

	conn->state = CONN_SEND;
	if (conn->ss.loan)
		sluice_loan_begin_answer(conn->ss.loan);
	answer->ops = sluice_decide_reply(req);
	len = INDIRECT_CALL_1(answer->ops->begin, sluice_file_begin, answer, req, lane);
	return len < 0 ? len : conn_begin_sending(conn, lane, len);
}

/**
 * sluice_respond_refuse() - begin an error where no request is at hand
 * @conn: its request is open; @answer says which error
 * @lane: whose turn it is
 *
 * Context: socket locked, not busy; not lent.
 * Return: as a step of the ladder.
 */
int sluice_respond_refuse(struct sluice_conn *conn, struct sluice_lane *lane)
{
	conn->state = CONN_SEND;
	conn->answer.ops = &sluice_reply_own;
	return conn_begin_sending(conn, lane, sluice_own_error(&conn->answer, lane));
}
