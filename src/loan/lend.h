/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that a backend has accepted, and that we go on to watch.
 */
#ifndef SLUICE_LOAN_LEND_H
#define SLUICE_LOAN_LEND_H

#include <net/tcp.h>

#include "loan/loan.h"
#include "sock/sock.h"

void sluice_lend_learn(struct sock *lsk);
bool sluice_lend_is_possible(const struct sock *lsk, const struct sock *sk);
void sluice_lend(struct sluice_loan *loan);
void sluice_lend_dismiss(struct sluice_loan *loan);
void sluice_lend_end(struct sluice_loan *loan, enum sluice_left why);
void sluice_lend_abort(struct sluice_loan *loan);

bool sluice_lend_say_who(const struct sluice_sock *ss);
void sluice_lend_exit(void);

#endif /* SLUICE_LOAN_LEND_H */
