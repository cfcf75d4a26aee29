// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching: the children of a web server's own listening socket are ours from birth.
 *
 * Such a socket has, in place of TCP's table of operations, a copy with another
 * syn_recv_sock, as SMC has it (net/smc/af_smc.c).  That lets TCP make the child, hooks it
 * while TCP still has it locked, and then says that another CPU has made it.  So TCP does not
 * queue it, wakes nobody, looks up once more where the segment belongs, and finds the child.
 * A child that we do not want bears no trace of us.
 *
 * The accept queue would be the wrong place: inet_csk_accept() takes it for granted that
 * nobody else takes from a queue in which it has seen something.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/kmemleak.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat/tcp.h"
#include "sock/attach.h"
#include "sock/listen.h"
#include "sock/sock.h"

/**
 * struct attach_family - what is known of the sockets of a family
 * @ops:        the copy: see sluice_attach_exit()
 * @base:       TCP's own; NULL: there is no such family
 * @prot:       TCP's
 * @socket_ops: likewise
 * @used:       @ops has been in a listening socket
 *
 * Constant once learnt, but for @used.
 */
struct attach_family {
	struct inet_connection_sock_af_ops	*ops;
	const struct inet_connection_sock_af_ops *base;
	struct proto				*prot;
	const struct proto_ops			*socket_ops;
	bool					used;
};

static struct attach_family families[2] __read_mostly;

/* By the listening socket. Written under the lock, read under rcu_read_lock(). */
static DEFINE_HASHTABLE(attached_sockets, 6);
static DEFINE_SPINLOCK(attached_lock);

static struct attach_family *family_of(const struct sock *sk)
{
	return &families[sk->sk_family == AF_INET6];
}

static struct sluice_attached *attached_of(const struct sock *sk)
{
	struct sluice_attached *attached;

	hash_for_each_possible_rcu(attached_sockets, attached, node, (unsigned long)sk)
		if (attached->sk == sk)
			return attached;
	return NULL;
}

static bool is_address_of(const struct sock *lsk, const struct sock *child)
{
	if (lsk->sk_family == AF_INET6)
		return ipv6_addr_any(&lsk->sk_v6_rcv_saddr) ||
		       ipv6_addr_equal(&lsk->sk_v6_rcv_saddr, &child->sk_v6_rcv_saddr);
	return !lsk->sk_rcv_saddr || lsk->sk_rcv_saddr == child->sk_rcv_saddr;
}

/*
 * A connection is given to whoever listens where it was made to.  One that is somewhere else
 * (TPROXY) would not come back to where it is from; a BPF program that chooses listeners is
 * asked again.
 */
static bool leads_back(const struct sock *lsk, const struct sock *child)
{
	if (likely(inet_sk(lsk)->inet_num == inet_sk(child)->inet_num &&
		   is_address_of(lsk, child)))
		return true;
	return sluice_sock_find_listener(child) == lsk;
}

/*
 * Who saved our table for its own, as SMC would, goes on to use the child.  A SYN brings one
 * with TCP Fast Open, whose request TCP uses on.  Also BPF may have put it into a sockmap.
 */
static bool is_for_taking(const struct sock *lsk, const struct sk_buff *skb,
			  const struct request_sock *req_unhash, const struct sock *child)
{
	return inet_csk(lsk)->icsk_af_ops == family_of(lsk)->ops &&
	       !tcp_hdr(skb)->syn &&
	       (req_unhash || IS_ENABLED(CONFIG_MPTCP)) &&
	       child->sk_prot == family_of(lsk)->prot &&
	       sluice_sock_is_as_born(child) &&
	       leads_back(lsk, child);
}

static bool take(const struct sock *lsk, const struct sk_buff *skb,
		 const struct request_sock *req_unhash, struct sock *child)
{
	struct sluice_attached *attached = attached_of(lsk);

	if (!attached)		/* it has been let go of */
		return false;
	if (likely(is_for_taking(lsk, skb, req_unhash, child)))
		return attached->take(attached, child, family_of(lsk)->socket_ops);
	attached->left(attached);
	return false;
}

/*
 * What inet_csk_complete_hashdance() does with a request whose child is made, but for the
 * queue: inet_csk_reqsk_queue_drop(), which not all kernels export, finds it unhashed by
 * syn_recv_sock, and what is left of that is the timer.  The caller has it counted.
 */
static void request_done(struct request_sock *req)
{
	if (timer_delete_sync(&req->rsk_timer))
		refcount_dec(&req->rsk_refcnt);
	reqsk_queue_removed(&inet_csk(req->rsk_listener)->icsk_accept_queue, req);
}

/* Softirq, rcu_read_lock(); @sk is not locked. */
static struct sock *
attached_syn_recv_sock(const struct sock *sk, struct sk_buff *skb, struct request_sock *req,
		       struct dst_entry *dst, struct request_sock *req_unhash,
		       COMPAT_CHILD_INIT(bool *own_req))
{
	const struct attach_family *family = family_of(sk);
	struct sock *child;

	child = family->base->syn_recv_sock(sk, skb, req, dst, req_unhash,
					    COMPAT_CHILD_INIT_ARGUMENT(own_req));
	if (unlikely(!child))
		return NULL;
	/* It is a clone; but a child of IPv4 of an IPv6 socket has a table of its own. */
	if (inet_csk(child)->icsk_af_ops == family->ops)
		WRITE_ONCE(inet_csk(child)->icsk_af_ops, family->base);
	/* Another CPU has made it. */
	if (!*own_req)
		return child;
	if (!take(sk, skb, req_unhash, child))
		return child;
	if (likely(req_unhash)) {
		request_done(req);
		*own_req = false;
	} else {
		compat_request_drop(req);
	}
	return child;
}

static int family_learn(struct attach_family *family, const struct sock *sk,
			const struct proto_ops *socket_ops)
{
	const struct inet_connection_sock_af_ops *base = inet_csk(sk)->icsk_af_ops;

	if (family->base)
		return 0;
	family->ops = kmemdup(base, sizeof(*base), GFP_KERNEL);
	if (!family->ops)
		return -ENOMEM;
	family->ops->syn_recv_sock = attached_syn_recv_sock;
	family->base = base;
	family->prot = sk->sk_prot;
	family->socket_ops = socket_ops;
	return 0;
}

/* Of a socket that nobody else has. A family that there is not is no fault. */
static int learn_from(struct net *net, int family, void (*also)(struct sock *sk))
{
	struct socket *sock;
	int err;

	err = sock_create_kern(net, family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return family == AF_INET6 ? 0 : err;
	sluice_sock_learn(sock->sk);
	also(sock->sk);
	err = family_learn(family_of(sock->sk), sock->sk, sock->ops);
	sock_release(sock);
	return err;
}

/**
 * sluice_attach_learn() - prepare to attach
 * @net:  any
 * @also: called with a socket of each family, which is thrown away afterwards
 *
 * Context: process.
 * Return: 0 or -errno.
 */
int sluice_attach_learn(struct net *net, void (*also)(struct sock *sk))
{
	static DEFINE_MUTEX(learning);	/* two instances may begin at once */
	int err;

	mutex_lock(&learning);
	err = learn_from(net, AF_INET, also);
	if (!err)
		err = learn_from(net, AF_INET6, also);
	mutex_unlock(&learning);
	return err;
}

/* What can be seen without the lock. */
static enum sluice_unfit unfit_at_sight(const struct sock *sk, kuid_t uid, bool any_uid)
{
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return SLUICE_UNFIT_GONE;
	if (!any_uid && !uid_eq(compat_sk_uid(sk), uid))
		return SLUICE_UNFIT_USER;
	return SLUICE_FIT;
}

/* Socket locked, not busy. */
static enum sluice_unfit unfit(const struct sock *sk)
{
	const struct attach_family *family = family_of(sk);

	if (sk->sk_state != TCP_LISTEN || !sk->sk_socket)
		return SLUICE_UNFIT_GONE;
	if (sk_is_mptcp(sk))
		return SLUICE_UNFIT_MPTCP;
	if (!sk->sk_socket->file || sk->sk_prot != family->prot ||
	    !sluice_sock_is_as_born(sk) ||
	    (inet_csk(sk)->icsk_af_ops != family->base &&
	     inet_csk(sk)->icsk_af_ops != family->ops))
		return SLUICE_UNFIT_KERNEL;
	return SLUICE_FIT;
}

/* Socket locked, not busy. */
static void hook(struct sluice_attached *attached)
{
	struct sock *sk = attached->sk;
	struct attach_family *family = family_of(sk);

	spin_lock(&attached_lock);
	hash_add_rcu(attached_sockets, &attached->node, (unsigned long)sk);
	spin_unlock(&attached_lock);
	family->used = true;
	/* Pairs with the plain reads of the pointer: the table is there before. */
	smp_store_release(&inet_csk(sk)->icsk_af_ops, family->ops);
}

/**
 * sluice_attach_hook() - take the children of a listening socket
 * @attached: its @sk is counted; hooked already, or not
 * @uid:      who must have opened it
 * @any_uid:  whoever has
 *
 * Nobody is waited for: who owns the socket, and may have a page fault meanwhile, is not to
 * keep us from looking at others, or from leaving.
 * Context: process.
 * Return: SLUICE_FIT, or why not: if it was hooked, it still is.
 */
enum sluice_unfit sluice_attach_hook(struct sluice_attached *attached, kuid_t uid, bool any_uid)
{
	struct sock *sk = attached->sk;
	enum sluice_unfit why = unfit_at_sight(sk, uid, any_uid);

	if (why || !hlist_unhashed(&attached->node))
		return why;
	local_bh_disable();
	bh_lock_sock(sk);
	why = sock_owned_by_user(sk) ? SLUICE_UNFIT_BUSY : unfit(sk);
	if (!why)
		hook(attached);
	bh_unlock_sock(sk);
	local_bh_enable();
	return why;
}

/**
 * sluice_attach_unhook() - its children are the server's
 * @attached: hooked
 *
 * Without the lock, for whoever owns it might have it for long: one who connects it
 * meanwhile may give it yet another table.
 * Behind synchronize_net() no child is taken any more, and @attached may be freed; the
 * socket may be put at once.
 * Context: process.
 */
void sluice_attach_unhook(struct sluice_attached *attached)
{
	struct inet_connection_sock *icsk = inet_csk(attached->sk);
	const struct attach_family *family = family_of(attached->sk);
	const struct inet_connection_sock_af_ops *ops = family->ops;

	cmpxchg(&icsk->icsk_af_ops, ops, family->base);
	spin_lock_bh(&attached_lock);
	hash_del_rcu(&attached->node);
	spin_unlock_bh(&attached_lock);
}

/*
 * A child that was being made when its listening socket was hooked has been cloned with our
 * table, and not come by our hook.  Nobody knows all of these: one that was reset at once may
 * be in no hash table, and the server still have it open.  So a table that was in use stays,
 * with TCP's own function in it: it is that of TCP then, in other memory.  That is less than
 * 300 bytes for each time that the module was loaded, and attached.
 */
static void family_forget(struct attach_family *family)
{
	if (!family->base)
		return;
	if (family->used) {
		WRITE_ONCE(family->ops->syn_recv_sock, family->base->syn_recv_sock);
		kmemleak_not_leak(family->ops);
	} else {
		kfree(family->ops);
	}
}

/* Nothing is attached, and no child is made by our hook afterwards. Context: module exit. */
void sluice_attach_exit(void)
{
	family_forget(&families[0]);
	family_forget(&families[1]);
	synchronize_net();
}
