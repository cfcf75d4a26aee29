// SPDX-License-Identifier: GPL-2.0
/*
 * Listening sockets: their callback, and taking a child off the accept queue.
 */
#include <net/ipv6.h>
#include <net/request_sock.h>

#include "base/lane.h"
#include "compat/tcp.h"
#include "sock/listen.h"
#include "sock/sock.h"

/*
 * Runs for the listener, which is not locked, and for children until they are
 * attached: a child inherits callback and user data, and TCP holds its lock when the
 * first data come.  Softirq.
 */
static void listen_data_ready(struct sock *sk)
{
	struct sluice_listen_sock *lis;

	rcu_read_lock();
	lis = rcu_dereference_sk_user_data(sk);
	if (!lis)
		goto out;
	/* Whatever its state: somebody may have it closed while a handshake ends. */
	if (sk == lis->sock->sk)
		lis->ring(lis);
	else if (READ_ONCE(sluice_direct) && !sock_owned_by_user(sk))
		lis->serve(lis, sk);
out:
	rcu_read_unlock();
}

/*
 * Inherited likewise, but only the listener is of interest; children have no socket yet.
 * It is ours to close, but ss -K and BPF have tcp_abort(), which ends here, when what
 * waited is reset.  BH disabled, socket locked.
 */
static void listen_state_change(struct sock *sk)
{
	struct sluice_listen_sock *lis;

	if (!sk->sk_socket || sk->sk_state != TCP_CLOSE)
		return;
	rcu_read_lock();
	lis = rcu_dereference_sk_user_data(sk);
	if (lis)
		lis->lost(lis);
	rcu_read_unlock();
}

/**
 * sluice_listen_hook() - be told of children on a listening socket
 * @lis: @sock will listen, @ring, @serve and @lost are set
 *
 * Context: process. Children that came before are not reported: ring once.
 */
void sluice_listen_hook(struct sluice_listen_sock *lis)
{
	struct sock *sk = lis->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sluice_sock_learn(sk);
	rcu_assign_sk_user_data(sk, lis);
	sk->sk_data_ready = listen_data_ready;
	sk->sk_state_change = listen_state_change;
	/* Inherited by each child, and right for sends from softirq. */
	sk->sk_allocation = SLUICE_GFP_SENDING;
	compat_sk_use_task_frag(sk, false);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, SLUICE_NOTSENT_LOWAT);
	write_unlock_bh(&sk->sk_callback_lock);
}

/*
 * Afterwards, and after synchronize_net(), no more rings, and no loss is told of.  Children
 * still serve until the listening socket is closed.  Context: process.
 */
void sluice_listen_unhook(struct sluice_listen_sock *lis)
{
	struct sock *sk = lis->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = sluice_born.data_ready;
	sk->sk_state_change = sluice_born.state_change;
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * sluice_listen_reset() - make a socket that was lost fit to listen again
 * @lis: the socket, hooked or not any more
 *
 * Whatever waited on its queue was taken off under the queue's lock, and nothing is added
 * while it does not listen: who looks at the queue meanwhile finds it empty.
 * Port, options, namespace, and whose it is have stayed.  As tcp_abort() leaves it its
 * children would be born shut down.  tcp_disconnect() is no help: it takes memory, and
 * gives the port back when there is none.
 * Context: process.
 */
void sluice_listen_reset(struct sluice_listen_sock *lis)
{
	struct sock *sk = lis->sock->sk;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, 0);
	WRITE_ONCE(sk->sk_err, 0);
	release_sock(sk);
}

/**
 * sluice_sock_find_listener() - who listens where a connection was made to
 * @sk: the connection
 *
 * As a SYN of the peer's would find it; BPF programs are asked.
 * Context: rcu_read_lock().
 * Return: not counted; or NULL.
 */
struct sock *sluice_sock_find_listener(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	int dif = READ_ONCE(sk->sk_bound_dev_if) ?: LOOPBACK_IFINDEX;

	if (!sluice_sock_is_ipv4(sk))
		return compat_lookup_listener6(sock_net(sk), &sk->sk_v6_daddr, inet->inet_dport,
					       &sk->sk_v6_rcv_saddr, inet->inet_num, dif);
	return compat_lookup_listener(sock_net(sk), inet->inet_daddr, inet->inet_dport,
				      inet->inet_rcv_saddr, inet->inet_num, dif);
}

/**
 * sluice_listen_take() - take a child off the accept queue
 * @lis:   a listener
 * @child: one of its children
 *
 * reqsk_queue_remove() for a child that is known, and locked, which a child that is
 * just the next one cannot be.
 * Context: @child locked, BH disabled.
 * Return: its request_sock, for sluice_sock_attach(); NULL unless it is the first in
 * the queue.
 */
struct request_sock *sluice_listen_take(struct sluice_listen_sock *lis,
					const struct sock *child)
{
	struct sock *lsk = lis->sock->sk;
	struct request_sock_queue *queue = &inet_csk(lsk)->icsk_accept_queue;
	struct request_sock *req;

	spin_lock(&queue->rskq_lock);
	req = queue->rskq_accept_head;
	if (req && req->sk == child) {
		sk_acceptq_removed(lsk);
		WRITE_ONCE(queue->rskq_accept_head, req->dl_next);
		if (!req->dl_next)
			queue->rskq_accept_tail = NULL;
	} else {
		req = NULL;
	}
	spin_unlock(&queue->rskq_lock);
	return req;
}
