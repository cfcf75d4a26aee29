/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening sockets of others, whose children we take.
 */
#ifndef SLUICE_SOCK_ATTACH_H
#define SLUICE_SOCK_ATTACH_H

#include <linux/list.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/uidgid.h>

struct net;
struct sock;

/**
 * struct sluice_attached - a listening socket of a web server's
 * @node: place among all
 * @sk:   the socket, counted
 * @take: a child may be ours: true if it is now. Softirq, rcu_read_lock(); child locked, in
 *        SYN_RECV, and nobody else has seen it
 * @left: a child is the server's: because of how it came, or of who else sees to it
 * @rcu:  in the end
 */
struct sluice_attached {
	struct hlist_node	node;
	struct sock		*sk;
	bool			(*take)(struct sluice_attached *attached, struct sock *child,
					const struct proto_ops *socket_ops);
	void			(*left)(struct sluice_attached *attached);
	struct rcu_head		rcu;
};

/* What stands against a listening socket, or nothing. */
enum sluice_unfit {
	SLUICE_FIT,
	SLUICE_UNFIT_GONE,	/* it does not listen any more */
	SLUICE_UNFIT_BUSY,	/* somebody owns it: to be looked at again */
	SLUICE_UNFIT_USER,	/* who opened it is not the one who is trusted */
	SLUICE_UNFIT_MPTCP,
	SLUICE_UNFIT_KERNEL,	/* the kernel's own, or it sees to it: SMC, a sockmap, BPF */
};

int sluice_attach_learn(struct net *net, void (*also)(struct sock *sk));
enum sluice_unfit sluice_attach_hook(struct sluice_attached *attached, kuid_t uid, bool any_uid);
void sluice_attach_unhook(struct sluice_attached *attached);
void sluice_attach_exit(void);

#endif /* SLUICE_SOCK_ATTACH_H */
