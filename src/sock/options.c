// SPDX-License-Identifier: GPL-2.0
/*
 * Options: what a worker sets on a connection that is taken back from it.
 *
 * Those of TCP, IP and IPv6 go by our hook, and most of them end the lending there; but
 * setsockopt(SOL_SOCKET) asks no protocol.  So the state is looked at.  What servers set, and
 * what can be put back by writing it, is put back; all else has to be as it was.
 * architecture.rst has the whole list.
 */
#include <linux/cgroup-defs.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/inet_ecn.h>
#include <net/tcp.h>

#include "sock/options.h"

/* A worker may choose values, but shall find no two with one digest. */
static siphash_key_t key __read_mostly;

/* Flags that are no options, or are seen to elsewhere; O_ASYNC ends with the file. */
#define OTHER_FLAGS (BIT(SOCK_DEAD) | BIT(SOCK_DONE) | BIT(SOCK_FASYNC) | \
		     BIT(SOCK_KEEPOPEN) | BIT(SOCK_LINGER))

/*
 * What has to be the same.  TCP itself changes sizes of buffers that are not locked, and the
 * pacing rate below the bound; sk_incoming_cpu is as the last segment; who does the pacing
 * changes when the first packet comes by a qdisc that does (BBR, fq).
 */
struct compared {
	const void	*filter;
	const void	*congestion;
	unsigned long	flags;
	unsigned long	max_pacing_rate;
	u32		mark;
	u32		priority;
	u32		sndbuf;
	u32		rcvbuf;
	u32		reserved;
	u32		stamps;
	u32		stamps_clock;
	u32		zerocopies;
	u32		classid;
	u32		busy_poll;
	s32		linger2;
	s32		device;
	u16		prioidx;
	u16		busy_poll_budget;
	u8		prefer_busy_poll;
	u8		txrehash;
	u8		locks;
	u8		reuse;
	u8		reuseport;
	u8		no_check;
	u8		tos;
	u8		tclass;
	u8		congestion_set;
} __aligned(SIPHASH_ALIGNMENT);

static void read_socket(struct compared *c, const struct sock *sk)
{
	c->filter = rcu_access_pointer(sk->sk_filter);
	c->flags = sk->sk_flags & ~OTHER_FLAGS;
	c->mark = sk->sk_mark;
	c->priority = sk->sk_priority;
	c->locks = sk->sk_userlocks;
	if (c->locks & SOCK_SNDBUF_LOCK)
		c->sndbuf = sk->sk_sndbuf;
	if (c->locks & SOCK_RCVBUF_LOCK)
		c->rcvbuf = sk->sk_rcvbuf;
	c->reserved = sk->sk_reserved_mem;
	c->stamps = sk->sk_tsflags;
	c->stamps_clock = sk->sk_bind_phc;
	c->zerocopies = atomic_read(&sk->sk_zckey);
	c->device = sk->sk_bound_dev_if;
	c->reuse = sk->sk_reuse;
	c->reuseport = sk->sk_reuseport;
	c->no_check = sk->sk_no_check_tx;
}

static void read_network(struct compared *c, const struct sock *sk)
{
	c->max_pacing_rate = sk->sk_max_pacing_rate;
	c->txrehash = sk->sk_txrehash;
#ifdef CONFIG_SOCK_CGROUP_DATA
	c->classid = sock_cgroup_classid(&sk->sk_cgrp_data);
	c->prioidx = sock_cgroup_prioidx(&sk->sk_cgrp_data);
#endif
#ifdef CONFIG_NET_RX_BUSY_POLL
	c->busy_poll = sk->sk_ll_usec;
	c->busy_poll_budget = sk->sk_busy_poll_budget;
	c->prefer_busy_poll = sk->sk_prefer_busy_poll;
#endif
}

static void read_protocol(struct compared *c, const struct sock *sk)
{
	c->congestion = inet_csk(sk)->icsk_ca_ops;
	c->congestion_set = inet_csk(sk)->icsk_ca_setsockopt;
	c->linger2 = tcp_sk(sk)->linger2;
	/* TCP has the other two bits. */
	c->tos = inet_sk(sk)->tos & ~INET_ECN_MASK;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		c->tclass = inet6_sk(sk)->tclass & ~INET_ECN_MASK;
#endif
}

static u64 digest(const struct sock *sk)
{
	struct compared c;

	memset(&c, 0, sizeof(c));	/* what is between the fields, too */
	read_socket(&c, sk);
	read_network(&c, sk);
	read_protocol(&c, sk);
	return siphash(&c, sizeof(c), &key);
}

/* Context: process, module init only. */
void sluice_options_init(void)
{
	get_random_bytes(&key, sizeof(key));
}

/* Remember what @sk is set to. Socket locked in either form. */
void sluice_options_note(struct sluice_options *was, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	was->digest = digest(sk);
	was->user_timeout = inet_csk(sk)->icsk_user_timeout;
	was->keepalive_time = tp->keepalive_time;
	was->keepalive_intvl = tp->keepalive_intvl;
	was->keepalive_probes = tp->keepalive_probes;
	was->keepalive = sock_flag(sk, SOCK_KEEPOPEN);
}

/**
 * sluice_options_same() - can the next one have the socket as this one had it
 * @was: when it was lent
 * @sk:  the socket
 *
 * No if anything was sent without copying: what became of it is reported later, to the
 * error queue, where the next one would find it.  Time stamps are another matter, see
 * why_not_write() in loan/lend.c.
 * Context: socket locked in either form.
 * Return: true if sluice_options_restore() is all there is to do.
 */
bool sluice_options_same(const struct sluice_options *was, const struct sock *sk)
{
	return digest(sk) == was->digest && skb_queue_empty_lockless(&sk->sk_error_queue);
}

static void restore_keepalive(const struct sluice_options *was, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	sk->sk_prot->keepalive(sk, false);
	sock_reset_flag(sk, SOCK_KEEPOPEN);
	WRITE_ONCE(tp->keepalive_time, was->keepalive_time);
	WRITE_ONCE(tp->keepalive_intvl, was->keepalive_intvl);
	WRITE_ONCE(tp->keepalive_probes, was->keepalive_probes);
	if (!was->keepalive)
		return;
	sk->sk_prot->keepalive(sk, true);
	sock_set_flag(sk, SOCK_KEEPOPEN);
}

/*
 * Put back what need not be the same; of that what is the same on each socket that comes to
 * be accepted is not remembered.  Context: socket owned.
 */
void sluice_options_restore(const struct sluice_options *was, struct sock *sk)
{
	restore_keepalive(was, sk);
	WRITE_ONCE(inet_csk(sk)->icsk_user_timeout, was->user_timeout);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	WRITE_ONCE(sk->sk_rcvtimeo, MAX_SCHEDULE_TIMEOUT);
	WRITE_ONCE(sk->sk_sndtimeo, MAX_SCHEDULE_TIMEOUT);
	WRITE_ONCE(sk->sk_peek_off, -1);
	WRITE_ONCE(sk->sk_lingertime, 0);
}
