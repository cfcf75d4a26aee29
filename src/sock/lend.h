/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that a backend has accepted, and that we go on to watch.
 */
#ifndef SLUICE_SOCK_LEND_H
#define SLUICE_SOCK_LEND_H

#include <linux/types.h>

struct sluice_sock;
struct sock;

/* What of a socket is set otherwise while we send on it. */
struct sluice_lent_send {
	gfp_t	allocation;
	u8	nonagle;
};

void sluice_lend_learn(struct sock *lsk);
bool sluice_lend_is_possible(const struct sock *lsk, const struct sock *sk);
void sluice_lend(struct sluice_sock *ss);
void sluice_lend_end(struct sluice_sock *ss);
bool sluice_lend_take_back(struct sluice_sock *ss);

void sluice_lent_wake(struct sluice_sock *ss);
void sluice_lent_begin_send(struct sluice_sock *ss, struct sluice_lent_send *was);
void sluice_lent_end_send(struct sluice_sock *ss, const struct sluice_lent_send *was,
			  int sent);
void sluice_lent_begin_answer(struct sluice_sock *ss);
void sluice_lent_end_answer(struct sluice_sock *ss);

void sluice_lend_exit(void);

#endif /* SLUICE_SOCK_LEND_H */
