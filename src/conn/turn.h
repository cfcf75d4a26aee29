/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Turns of a connection, from the first one on.
 */
#ifndef SLUICE_CONN_TURN_H
#define SLUICE_CONN_TURN_H

struct request_sock;
struct sluice_conn;
struct sluice_lane;
struct sluice_listen_sock;

void sluice_conn_start(struct sluice_conn *conn, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       struct sluice_lane *lane);

#endif /* SLUICE_CONN_TURN_H */
