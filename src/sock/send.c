// SPDX-License-Identifier: GPL-2.0
/*
 * Sending from softirq.
 *
 * tcp_sendmsg_locked() under the spinning lock does not sleep with
 * MSG_DONTWAIT, an atomic sk_allocation and no task's page fragment:
 * espintcp does the same.  The listener's children inherit the last two.
 */
#include <linux/minmax.h>
#include <linux/net.h>
#include <linux/uio.h>

#include "base/lane.h"
#include "base/stats.h"
#include "compat/tcp.h"
#include "sock/send.h"
#include "sock/sock.h"

/* What of a socket is set otherwise while we send on it. */
struct lent_send {
	gfp_t	allocation;
	u32	stamps;
	u8	nonagle;
};

/*
 * We send in softirq, on a socket that is a task's; and at once, whatever the task
 * holds back; nor is it told when these bytes have left. Context: socket locked, not busy.
 */
static void begin_lent_send(struct sluice_sock *ss, struct lent_send *was)
{
	struct sock *sk = ss->sk;

	was->allocation = sk->sk_allocation;
	was->stamps = sk->sk_tsflags;
	was->nonagle = tcp_sk(sk)->nonagle;
	sk->sk_allocation = SLUICE_GFP_SENDING;
	compat_sk_use_task_frag(sk, false);
	WRITE_ONCE(sk->sk_tsflags, 0);
	tcp_sk(sk)->nonagle = TCP_NAGLE_OFF;
}

static void end_lent_send(struct sluice_sock *ss, const struct lent_send *was, int sent)
{
	struct sock *sk = ss->sk;

	sk->sk_allocation = was->allocation;
	compat_sk_use_task_frag(sk, true);
	WRITE_ONCE(sk->sk_tsflags, was->stamps);
	tcp_sk(sk)->nonagle = was->nonagle;
	if (sent > 0)
		ss->write_seq += sent;
}

/**
 * sluice_send_has_space() - may a new response be begun
 * @sk: the socket
 *
 * Context: socket locked, not busy.
 * Return: false when the send buffer is full; a ring will follow when it is not.
 */
bool sluice_send_has_space(struct sock *sk)
{
	if (likely(!sk->sk_wmem_queued) || sk_stream_memory_free(sk))
		return true;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	return false;
}

/**
 * sluice_send_window() - what the client can take at a time
 * @sk: the socket
 *
 * Context: socket locked.
 * Return: bytes that may be in flight: the network's window or the client's.
 */
u32 sluice_send_window(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return min_t(u64, (u64)tcp_snd_cwnd(tp) * tp->mss_cache, tp->snd_wnd);
}

/*
 * With nothing in flight it was not the buffer that was full: an allocation
 * failed, and no ACK will ever ring.
 */
static int send_result(const struct sluice_sock *ss, int ret)
{
	if (unlikely(ret == -EAGAIN && tcp_rtx_and_write_queues_empty(ss->sk))) {
		sluice_stat_inc(ss->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return -ENOMEM;
	}
	return ret;
}

static void send_begin(struct sluice_sock *ss, struct lent_send *was)
{
	ss->sending = true;
	if (ss->loan)
		begin_lent_send(ss, was);
}

static int send_end(struct sluice_sock *ss, const struct lent_send *was, int ret)
{
	if (ss->loan)
		end_lent_send(ss, was, ret);
	ss->sending = false;
	return send_result(ss, ret);
}

/**
 * sluice_send_bytes() - send by copy
 * @lane: whose turn it is; lends the socket its page fragment, so that not each
 *        connection has 32 KiB of its own, cleared for its first response
 * @ss:   the socket
 * @vec:  the bytes
 * @n:    parts of @vec
 * @len:  bytes in all
 * @more: more bytes or a FIN follow at once, so hold back what does not fill a
 *        segment
 *
 * Context: socket locked, not busy.
 * Return: bytes queued; -EAGAIN when there was no space, and a ring will follow;
 * -ENOMEM when none will; or another error.
 */
int sluice_send_bytes(struct sluice_lane *lane, struct sluice_sock *ss,
		      struct kvec *vec, unsigned int n, size_t len, bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
			     (more ? MSG_MORE : 0),
	};
	struct page_frag *frag = sluice_lane_frag(lane, len);
	struct lent_send was;
	struct sock *sk = ss->sk;
	int ret;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, n, len);
	send_begin(ss, &was);
	swap(sk->sk_frag, *frag);
	ret = tcp_sendmsg_locked(sk, &msg, len);
	swap(sk->sk_frag, *frag);
	return send_end(ss, &was, ret);
}

/**
 * sluice_send_pages() - send pages by reference
 * @ss:  the socket
 * @bv:  parts of pages
 * @n:   how many
 * @len: bytes in all
 * @more: as in sluice_send_bytes()
 *
 * The caller keeps its references.
 * Context: socket locked, not busy.
 * Return: as sluice_send_bytes().
 */
int sluice_send_pages(struct sluice_sock *ss, struct bio_vec *bv,
		      unsigned int n, size_t len, bool more)
{
	struct lent_send was;
	int ret;

	send_begin(ss, &was);
	ret = compat_tcp_send_pages(ss->sk, bv, n, len, more);
	return send_end(ss, &was, ret);
}
