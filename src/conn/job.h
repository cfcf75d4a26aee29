/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a connection asks of the slow lane, one thing at a time.
 */
#ifndef SLUICE_CONN_JOB_H
#define SLUICE_CONN_JOB_H

#include <linux/types.h>

struct sluice_conn;
struct sluice_verdict;

void sluice_job_init(struct sluice_conn *conn);
int sluice_job_lookup(struct sluice_conn *conn,
		      const struct sluice_verdict *verdict);
void sluice_job_fill(struct sluice_conn *conn);
void sluice_job_leave(struct sluice_conn *conn);
bool sluice_job_is_done(struct sluice_conn *conn);

#endif /* SLUICE_CONN_JOB_H */
