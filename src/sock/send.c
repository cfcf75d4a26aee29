// SPDX-License-Identifier: GPL-2.0
/*
 * Sending from softirq.
 *
 * tcp_sendmsg_locked() under the spinning lock does not sleep with
 * MSG_DONTWAIT, sk_allocation == GFP_ATOMIC and no task's page fragment:
 * espintcp does the same.  The listener's children inherit the last two.
 */
#include <linux/net.h>
#include <linux/uio.h>

#include "compat/tcp.h"
#include "sock/send.h"

/**
 * sluice_send_has_space() - may a new response be begun
 * @sk: the socket
 *
 * Context: socket locked, not busy.
 * Return: false when the send buffer is full; a ring will follow when it is not.
 */
bool sluice_send_has_space(struct sock *sk)
{
	if (sk_stream_memory_free(sk))
		return true;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	return false;
}

/**
 * sluice_send_bytes() - send by copy
 * @sk:   the socket
 * @vec:  the bytes
 * @n:    parts of @vec
 * @len:  bytes in all
 * @more: pages follow at once, so hold back what does not fill a segment
 *
 * Context: socket locked, not busy.
 * Return: bytes queued, -EAGAIN when there was no space (a ring will follow),
 * or another error.
 */
int sluice_send_bytes(struct sock *sk, struct kvec *vec, unsigned int n,
		      size_t len, bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
			     (more ? MSG_MORE : 0),
	};

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, n, len);
	return tcp_sendmsg_locked(sk, &msg, len);
}

/**
 * sluice_send_pages() - send pages by reference
 * @sk:  the socket
 * @bv:  parts of pages
 * @n:   how many
 * @len: bytes in all
 *
 * The caller keeps its references.
 * Context: socket locked, not busy.
 * Return: as sluice_send_bytes().
 */
int sluice_send_pages(struct sock *sk, struct bio_vec *bv, unsigned int n,
		      size_t len)
{
	return compat_tcp_send_pages(sk, bv, n, len);
}
