/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state ladder of a connection.
 */
#ifndef SLUICE_CONN_LADDER_H
#define SLUICE_CONN_LADDER_H

struct sluice_conn;
struct sluice_lane;

void sluice_ladder_run(struct sluice_conn *conn, struct sluice_lane *lane);

#endif /* SLUICE_CONN_LADDER_H */
