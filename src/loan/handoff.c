// SPDX-License-Identifier: GPL-2.0
/*
 * Handoff: the backend's accept() returns our connection.
 *
 * inet_csk_reqsk_queue_add() is not exported by all kernels, and would destroy
 * the child when the listener has just gone; its few lines stand here instead.
 */
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/mptcp.h>

#include "compat/net.h"
#include "compat/tcp.h"
#include "loan/handoff.h"
#include "loan/lend.h"
#include "sock/listen.h"
#include "sock/sock.h"

/*
 * Loopback or wildcard first: beside a backend on 127.0.0.1 any user may listen
 * on the same port of the public address.
 */
static struct sock *find_listener_v4(struct net *net, __be32 peer, __be16 peer_port,
				     __be32 address, u16 port)
{
	struct sock *lsk;

	lsk = compat_lookup_listener(net, peer, peer_port, htonl(INADDR_LOOPBACK), port,
				     LOOPBACK_IFINDEX);
	if (!lsk)
		lsk = compat_lookup_listener(net, peer, peer_port, address, port,
					     LOOPBACK_IFINDEX);
	return lsk;
}

static struct sock *find_listener_v6(const struct sock *sk, u16 port)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	struct sock *lsk;

	lsk = compat_lookup_listener6(net, &sk->sk_v6_daddr, inet->inet_dport,
				      &in6addr_loopback, port, LOOPBACK_IFINDEX);
	if (!lsk)
		lsk = compat_lookup_listener6(net, &sk->sk_v6_daddr,
					      inet->inet_dport,
					      &sk->sk_v6_rcv_saddr, port, LOOPBACK_IFINDEX);
	return lsk;
}

/*
 * The peer's real address and port choose among a SO_REUSEPORT group, as they
 * would for a connection that came directly.  The result is counted: listeners
 * are freed by RCU, so a sock that is found may have died already.
 */
static struct sock *find_listener(const struct sluice_sock *ss, u16 port)
{
	const struct sock *sk = ss->sk;
	const struct inet_sock *inet = inet_sk(sk);
	struct sock *lsk;

	if (ss->adopted)
		lsk = sluice_sock_find_listener(sk);
	else if (sluice_sock_is_ipv4(sk))
		lsk = find_listener_v4(sock_net(sk), inet->inet_daddr, inet->inet_dport,
				       inet->inet_rcv_saddr, port);
	else
		lsk = find_listener_v6(sk, port);
	if (!lsk || !refcount_inc_not_zero(&lsk->sk_refcnt))
		return NULL;
	return lsk;
}

/*
 * Nobody listens for @sk: is there one for clients of the other protocol?  That of loopback
 * or wildcard will do, for it is to be said what is wrong.
 */
static int why_nobody(const struct sock *sk, u16 port)
{
	struct net *net = sock_net(sk);
	const struct sock *other;

	if (sluice_sock_is_ipv4(sk))
		other = compat_lookup_listener6(net, &in6addr_any, 0, &in6addr_loopback, port,
						LOOPBACK_IFINDEX);
	else
		other = compat_lookup_listener(net, 0, 0, htonl(INADDR_LOOPBACK), port,
					       LOOPBACK_IFINDEX);
	return other ? -EAFNOSUPPORT : -ECONNREFUSED;
}

/**
 * sluice_backend_find() - who listens for clients, as far as can be known without one
 * @net:     where
 * @clients: their family
 * @address: of IPv4, that they come to, or INADDR_ANY
 * @port:    the backend's
 * @uid:     out: who has opened it; NULL: it is no matter
 *
 * Context: any.
 * Return: the family of the socket: AF_INET6 for IPv4, too, if it takes both; 0: nobody.
 */
int sluice_backend_find(struct net *net, sa_family_t clients, __be32 address, u16 port,
			uid_t *uid)
{
	const struct sock *lsk;
	int family = 0;

	rcu_read_lock();
	if (clients == AF_INET6)
		lsk = compat_lookup_listener6(net, &in6addr_loopback, 0, &in6addr_loopback, port,
					      LOOPBACK_IFINDEX);
	else
		lsk = find_listener_v4(net, 0, 0, address, port);
	if (lsk) {
		family = lsk->sk_family;
		if (uid)
			*uid = from_kuid_munged(&init_user_ns, compat_sk_uid(lsk));
	}
	rcu_read_unlock();
	return family;
}

/* When the backend is down, anybody may listen on a port above 1023. */
static bool is_trusted(const struct sock *lsk, uid_t uid)
{
	if (uid == SLUICE_ANY_UID ||
	    uid_eq(compat_sk_uid(lsk), make_kuid(&init_user_ns, uid)))
		return true;
	net_warn_ratelimited("the listener on port %u belongs to user %u, expected %u; set backend_uid if it is the backend\n",
			     lsk->sk_num, from_kuid_munged(&init_user_ns, compat_sk_uid(lsk)),
			     uid);
	return false;
}

/*
 * TCP drops the SYN of everybody while a queue has more than it is to have, of who wants a
 * file, too.  So an adopted one, who has been let in already, does not fill it to that.
 */
static bool is_full(const struct sock *lsk, const struct sluice_sock *ss)
{
	if (ss->adopted)
		return READ_ONCE(lsk->sk_ack_backlog) >= READ_ONCE(lsk->sk_max_ack_backlog);
	return sk_acceptq_is_full(lsk);
}

/*
 * Under rskq_lock a listener that is still in LISTEN will either have the child
 * accepted or reset it when it closes: it cannot be lost.
 */
static int queue_child(struct sock *lsk, struct sluice_sock *ss, struct sluice_loan *loan)
{
	struct request_sock_queue *queue = &inet_csk(lsk)->icsk_accept_queue;
	struct request_sock *req = ss->req;
	int err = -ECONNREFUSED;

	/* Order as in the kernel's own: child's lock, then rskq_lock. */
	spin_lock(&queue->rskq_lock);
	if (unlikely(lsk->sk_state != TCP_LISTEN))
		goto out;
	err = -ENOBUFS;
	if (is_full(lsk, ss))
		goto out;
	/* As each socket of the backend's does; ours does not. */
	err = -ECONNREFUSED;
	if (!compat_sock_count_net(ss->sk))
		goto out;

	if (loan && sluice_lend_is_possible(lsk, ss->sk))
		sluice_lend(loan);
	else
		sluice_sock_detach(ss);

	req->sk = ss->sk;
	req->dl_next = NULL;
	if (!queue->rskq_accept_head)
		WRITE_ONCE(queue->rskq_accept_head, req);
	else
		queue->rskq_accept_tail->dl_next = req;
	queue->rskq_accept_tail = req;
	sk_acceptq_added(lsk);
	err = 0;
out:
	spin_unlock(&queue->rskq_lock);
	return err;
}

/*
 * sk_prot_clear_nulls(), which is not exported.  Memory of TCP's is used anew before a grace
 * period is over (SLAB_TYPESAFE_BY_RCU): who looks a connection up may still stand on what
 * this was, in a chain of the hash table, and goes on by the "next" that he finds.  It must
 * lead to the end of that chain, as it did; NULL is no end.  The rest is for who compares,
 * counts (rsk_refcnt is 0 before, and here) and compares again.
 */
static void request_clear(struct request_sock *req, size_t size)
{
	struct sock *sk = req_to_sk(req);

	memset(sk, 0, offsetof(struct sock, sk_nulls_node.next));
	memset(&sk->sk_nulls_node.pprev, 0, size - offsetof(struct sock, sk_nulls_node.pprev));
}

/*
 * A request_sock for a connection whose own is gone.
 * inet_reqsk_alloc() is not exported by all kernels.  It is as one that a SYN cookie brought:
 * never in the hash table, and without a timer.  accept() looks at little of it, and frees it.
 * A function by itself, for selftests/net/stand to be in it.
 * Return: NULL without memory.
 */
static noinline __noclone struct request_sock *request_alloc(const struct sock *sk)
{
	const struct request_sock_ops *ops = sk->sk_prot->rsk_prot;
	struct request_sock *req;

	req = kmem_cache_alloc(ops->slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!req)
		return NULL;
	request_clear(req, ops->obj_size);
	req->rsk_ops = ops;
	req_to_sk(req)->sk_prot = sk->sk_prot;
	sk_tx_queue_clear(req_to_sk(req));
	inet_rsk(req)->ireq_state = TCP_NEW_SYN_RECV;
	inet_rsk(req)->ireq_family = sk->sk_family;
	write_pnet(&inet_rsk(req)->ireq_net, sock_net(sk));
	/* Who counts it, taking it for what it was, puts it again: by what stands above. */
	smp_wmb();
	refcount_set(&req->rsk_refcnt, 1);
	return req;
}

/**
 * sluice_handoff() - give the connection to whoever listens on @port
 * @ss:   the connection, at a request boundary
 * @port: the backend's port, in the connection's own network namespace; of one that was adopted
 *        it is where it was made to
 * @uid:  who must have opened the listener, or SLUICE_ANY_UID
 * @loan: what to lend it by, if possible: then it is @ss->loan, or else the caller's; or NULL
 *
 * On success the socket and its request_sock are the backend's; @ss keeps only
 * the reference that sluice_sock_release() gives back, and may go on to hold
 * the lock until it drops it.
 *
 * Context: socket locked, not busy (inet_csk_listen_stop() of a closing backend
 * destroys queued children and warns when one is owned).
 * Return: 0; -EAGAIN while earlier responses are not acknowledged, a ring
 * follows when they are; -ECONNREFUSED if nobody listens; -EAFNOSUPPORT if somebody does,
 * but not for the connection's protocol, IPv4 or IPv6; -EPROTOTYPE if he does, by a socket of
 * another family, as our own listener has not followed yet; -EACCES if the listener is another
 * user's; -ENOBUFS if the queue is full, or without memory; -ENOTCONN if the connection is past
 * being handed over.
 */
int sluice_handoff(struct sluice_sock *ss, u16 port, uid_t uid, struct sluice_loan *loan)
{
	struct sock *sk = ss->sk;
	struct sock *lsk;
	int err;

	sluice_sock_assert_turn(sk);
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return -ENOTCONN;

	/*
	 * accept() charges the backend's memory cgroup for what is in the
	 * receive queue, and not for what is in the send queue, but freeing
	 * uncharges both: wait until there is nothing.
	 */
	if (sk->sk_wmem_queued) {
		ss->drain = true;
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		return -EAGAIN;
	}
	ss->drain = false;
	if (!ss->req) {
		ss->req = request_alloc(sk);
		if (!ss->req) {
			sluice_stat_inc(ss->stats, SLUICE_STAT_OUT_OF_MEMORY);
			return -ENOBUFS;
		}
	}

	rcu_read_lock();
	if (ss->adopted)
		port = inet_sk(sk)->inet_num;
	lsk = find_listener(ss, port);
	if (!lsk) {
		err = why_nobody(sk, port);
		goto out;
	}
	/*
	 * The child's operations come from the listener: one of another family
	 * (a dual-stack socket for an AF_INET child) would follow pointers that
	 * the child does not have.
	 */
	if (lsk->sk_family != sk->sk_family)
		err = -EPROTOTYPE;
	else if (!is_trusted(lsk, uid))
		err = -EACCES;
	else
		err = queue_child(lsk, ss, loan);
	if (!err)
		lsk->sk_data_ready(lsk);
	sock_put(lsk);
out:
	rcu_read_unlock();
	return err;
}
