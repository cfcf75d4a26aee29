/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that a backend has accepted, and that we go on to watch.
 */
#ifndef SLUICE_SOCK_LEND_H
#define SLUICE_SOCK_LEND_H

#include <net/tcp.h>

#include "compat/tcp.h"
#include "sock/lane.h"
#include "sock/sock.h"

/* What of a socket is set otherwise while we send on it. */
struct sluice_lent_send {
	gfp_t	allocation;
	u32	stamps;
	u8	nonagle;
};

void sluice_lend_learn(struct sock *lsk);
bool sluice_lend_is_possible(const struct sock *lsk, const struct sock *sk);
void sluice_lend(struct sluice_sock *ss);
void sluice_lend_end(struct sluice_sock *ss);
bool sluice_lend_take_back(struct sluice_sock *ss);
void sluice_lend_reset(struct sluice_sock *ss);

void sluice_lent_wake(struct sluice_sock *ss);
void sluice_lent_admit(struct sluice_sock *ss);

void sluice_lend_say_who(const struct sluice_sock *ss);
void sluice_lend_exit(void);

/*
 * We send in softirq, on a socket that is a task's; and at once, whatever the task
 * holds back; nor is it told when these bytes have left. Context: socket locked, not busy.
 */
static inline void sluice_lent_begin_send(struct sluice_sock *ss, struct sluice_lent_send *was)
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

static inline void sluice_lent_end_send(struct sluice_sock *ss,
					const struct sluice_lent_send *was, int sent)
{
	struct sock *sk = ss->sk;

	sk->sk_allocation = was->allocation;
	compat_sk_use_task_frag(sk, true);
	WRITE_ONCE(sk->sk_tsflags, was->stamps);
	tcp_sk(sk)->nonagle = was->nonagle;
	if (sent > 0)
		ss->write_seq += sent;
}

/* From here on the backend's writes wait. Socket locked, not busy. */
static inline void sluice_lent_begin_answer(struct sluice_sock *ss)
{
	ss->answering = true;
}

/* Socket locked, not busy. */
static inline void sluice_lent_end_answer(struct sluice_sock *ss)
{
	ss->answering = false;
	if (unlikely(ss->refused))
		sluice_lent_admit(ss);
}

#endif /* SLUICE_SOCK_LEND_H */
