/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving a connection, unread bytes included, onto a backend's accept queue.
 */
#ifndef SLUICE_LOAN_HANDOFF_H
#define SLUICE_LOAN_HANDOFF_H

#include <linux/limits.h>
#include <linux/socket.h>
#include <linux/types.h>

struct net;
struct sluice_loan;
struct sluice_sock;

/* Whoever listens will do. */
#define SLUICE_ANY_UID UINT_MAX

int sluice_backend_find(struct net *net, sa_family_t clients, __be32 address, u16 port,
			uid_t *uid);
int sluice_handoff(struct sluice_sock *ss, u16 port, uid_t uid, struct sluice_loan *loan);

#endif /* SLUICE_LOAN_HANDOFF_H */
