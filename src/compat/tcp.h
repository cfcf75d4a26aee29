/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP calls whose shape or behaviour differs between the kernels.
 *
 * Do not test for these by macro: 6.1 defines MSG_SPLICE_PAGES, backported so
 * that user space cannot pass it, and copies all the same.
 */
#ifndef SLUICE_COMPAT_TCP_H
#define SLUICE_COMPAT_TCP_H

#include <linux/bvec.h>
#include <linux/uio.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/tcp.h>

/**
 * compat_tcp_send_pages() - append pages to a socket's queue by reference
 * @sk:   a TCP socket whose lock is held in its spinning form
 * @bv:   the parts of pages, in order
 * @n:    how many
 * @len:  their bytes in all
 * @more: more follows at once
 *
 * The pages' references stay the caller's; the stack takes its own.
 * Context: softirq or BH disabled.
 * Return: bytes queued, less than @len when the send buffer is full; -EAGAIN
 * when it took none, with SOCK_NOSPACE set; or another error.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
static inline int compat_tcp_send_pages(struct sock *sk, struct bio_vec *bv,
					unsigned int n, size_t len,
					bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_SPLICE_PAGES | MSG_DONTWAIT | MSG_NOSIGNAL |
			     (more ? MSG_MORE : 0),
	};

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	return tcp_sendmsg_locked(sk, &msg, len);
}
#else
static inline int compat_tcp_send_pages(struct sock *sk, struct bio_vec *bv,
					unsigned int n, size_t len,
					bool more)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	struct msghdr msg = { .msg_flags = flags };
	int sent = 0;
	int ret;

	/* A device that cannot gather: sendpage would copy with kmap(). */
	if (!(sk->sk_route_caps & NETIF_F_SG)) {
		iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
		return tcp_sendmsg_locked(sk, &msg, len);
	}

	for (; n; n--, bv++) {
		/* Not the last of the batch: no push between the pages. */
		ret = tcp_sendpage_locked(sk, bv->bv_page, bv->bv_offset,
					  bv->bv_len,
					  n > 1 ? flags | MSG_MORE |
						  MSG_SENDPAGE_NOTLAST : flags);
		if (ret < 0)
			return sent ?: ret;
		sent += ret;
		if (ret < bv->bv_len)
			break;
	}
	return sent;
}
#endif

/*
 * Listener lookup as an incoming SYN would do it, without a packet.  @dif: the device that
 * it would come by; it matters only for listeners that are bound to one.
 * Context: rcu_read_lock(); the result is not counted.
 */
static inline struct sock *
compat_lookup_listener(struct net *net, __be32 saddr, __be16 sport,
		       __be32 daddr, u16 port, int dif)
{
	return __inet_lookup_listener(net,
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
				      net->ipv4.tcp_death_row.hashinfo,
#endif
				      NULL, 0, saddr, sport, daddr, port, dif, 0);
}

static inline struct sock *
compat_lookup_listener6(struct net *net, const struct in6_addr *saddr,
			__be16 sport, const struct in6_addr *daddr, u16 port, int dif)
{
#if IS_ENABLED(CONFIG_IPV6)
	return inet6_lookup_listener(net,
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
				     net->ipv4.tcp_death_row.hashinfo,
#endif
				     NULL, 0, saddr, sport, daddr, port, dif, 0);
#else
	return NULL;
#endif
}

/* 6.5: sendfile() comes to sendmsg, with MSG_SPLICE_PAGES, and there is no sendpage. */
typedef int compat_sendpage_fn(struct sock *sk, struct page *page, int offset, size_t size,
			       int flags);

static inline void compat_hook_sendpage(struct proto *proto, compat_sendpage_fn *hook)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	proto->sendpage = hook;
#endif
}

/* Socket owned. */
static inline int compat_tcp_sendpage_locked(struct sock *sk, struct page *page, int offset,
					     size_t size, int flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return tcp_sendpage_locked(sk, page, offset, size, flags);
#else
	return -EOPNOTSUPP;	/* nobody calls the hook */
#endif
}

/* Until 7.0 recvmsg has one more parameter, for the length of an address. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define compat_recvmsg_hook(name) \
	int name(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
#define compat_call_recvmsg(proto) ((proto)->recvmsg(sk, msg, len, flags, addr_len))
#else
#define compat_recvmsg_hook(name) \
	int name(struct sock *sk, struct msghdr *msg, size_t len, int flags)
#define compat_call_recvmsg(proto) ((proto)->recvmsg(sk, msg, len, flags))
#endif

/* How a child is made of a request: stable kernels got one more parameter.  Kbuild looks. */
#ifdef COMPAT_NO_CHILD_INIT
#define COMPAT_CHILD_INIT(last)	last
#define COMPAT_CHILD_INIT_ARGUMENT(last) last
#else
#define COMPAT_CHILD_INIT(last)	\
	last, void (*opt_child_init)(struct sock *newsk, const struct sock *sk)
#define COMPAT_CHILD_INIT_ARGUMENT(last) last, opt_child_init
#endif

/*
 * A request that nobody else knows, because a SYN cookie brought it, is not queued: as with
 * a subflow of MPTCP, which is where the kernel asks for that.
 * Return: false if this kernel does not ask.
 */
static inline bool compat_request_drop(struct request_sock *req)
{
#if IS_ENABLED(CONFIG_MPTCP)
	tcp_rsk(req)->is_mptcp = true;
	tcp_rsk(req)->drop_req = true;
#endif
	return IS_ENABLED(CONFIG_MPTCP);
}

/* 6.17: who opened the socket is read through a function. */
static inline kuid_t compat_sk_uid(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return sk_uid(sk);
#else
	return sk->sk_uid;
#endif
}

/*
 * 6.1.y before about .180 has no sk_use_task_frag: there an allocation mask that
 * does not sleep is enough to keep off the task's page fragment.  Kbuild looks.
 */
static inline void compat_sk_use_task_frag(struct sock *sk, bool use)
{
#ifndef COMPAT_NO_USE_TASK_FRAG
	sk->sk_use_task_frag = use;
#endif
}

#endif /* SLUICE_COMPAT_TCP_H */
