/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a connection does when it is lent, when it comes back, and when that is over.
 */
#ifndef SLUICE_CONN_LENT_H
#define SLUICE_CONN_LENT_H

#include "loan/loan.h"

struct sluice_conn;

extern const struct sluice_loan_ops sluice_conn_loan_ops;

/* In a turn; what returns does so as the steps of the ladder do, see conn/ladder.c. */
int sluice_conn_lent_return(struct sluice_conn *conn);
void sluice_conn_lent_keep(struct sluice_conn *conn);
int sluice_conn_lent_hold(struct sluice_conn *conn);
int sluice_conn_lent_pass_on(struct sluice_conn *conn);
void sluice_conn_lent_turn_over(struct sluice_conn *conn);

#endif /* SLUICE_CONN_LENT_H */
