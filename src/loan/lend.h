/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that a backend has accepted, and that we go on to watch.
 */
#ifndef SLUICE_LOAN_LEND_H
#define SLUICE_LOAN_LEND_H

#include <net/tcp.h>

#include "sock/sock.h"

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

#endif /* SLUICE_LOAN_LEND_H */
