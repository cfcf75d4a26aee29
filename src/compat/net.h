/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who counts a network namespace.
 */
#ifndef SLUICE_COMPAT_NET_H
#define SLUICE_COMPAT_NET_H

#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/proc_ns.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <net/net_namespace.h>
#include <net/sock.h>

/*
 * A socket that does not count its namespace: since 6.2 it is tracked, and since 6.14, and
 * in stable kernels before (Kbuild looks), it holds the memory of it.
 */
static inline void compat_untrack_net(struct sock *sk, struct net *net)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_free(net, &sk->ns_tracker, false);
#endif
#ifdef COMPAT_SOCK_HOLDS_NET
	/* Not the last, for the namespace is counted: net_passive_dec() is not exported. */
	refcount_dec(&net->passive);
#endif
}

/**
 * compat_sock_count_net() - a socket counts its namespace from here on
 * @sk: whether it does so already or not
 *
 * sk_net_refcnt_upgrade(), which not all kernels have, for a namespace that may be dying.
 * Context: any; socket locked in either form, or nobody else's yet.
 * Return: false if the namespace is dying: then it does not.
 */
static inline bool compat_sock_count_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (sk->sk_net_refcnt)
		return true;
	if (!maybe_get_net(net))
		return false;
	compat_untrack_net(sk, net);
	sk->sk_net_refcnt = 1;
	netns_tracker_alloc(net, &sk->ns_tracker, GFP_ATOMIC);
	sock_inuse_add(net, 1);
	return true;
}

/* The reverse: it may go without it. Context: as above. */
static inline void compat_sock_uncount_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!sk->sk_net_refcnt)
		return;
#ifdef COMPAT_SOCK_HOLDS_NET
	net_passive_inc(net);
#endif
	sock_inuse_add(net, -1);
	sk->sk_net_refcnt = 0;
	put_net_track(net, &sk->ns_tracker);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_alloc(net, &sk->ns_tracker, false, GFP_ATOMIC);
#endif
}

/*
 * The caller holds the inode, which holds what it is of.
 * Return: the network namespace that it is of, counted; NULL if it is not one's.
 */
static inline struct net *compat_net_of_inode(struct inode *inode)
{
	struct ns_common *ns;

	if (inode->i_sb->s_magic != NSFS_MAGIC)
		return NULL;
	ns = get_proc_ns(inode);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (ns->ns_type != CLONE_NEWNET)
#else
	if (ns->ops->type != CLONE_NEWNET)
#endif
		return NULL;
	return maybe_get_net(container_of(ns, struct net, ns));
}

#endif /* SLUICE_COMPAT_NET_H */
