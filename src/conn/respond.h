/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Getting an answer into the socket, however many turns it takes.
 */
#ifndef SLUICE_CONN_RESPOND_H
#define SLUICE_CONN_RESPOND_H

struct sluice_conn;
struct sluice_lane;
struct sluice_request;

/* All return as the steps of the ladder do, see conn/ladder.c. */
int sluice_respond_begin(struct sluice_conn *conn, struct sluice_lane *lane,
			 struct sluice_request *req);
int sluice_respond_refuse(struct sluice_conn *conn, struct sluice_lane *lane);
int sluice_respond_go_on(struct sluice_conn *conn, struct sluice_lane *lane);

#endif /* SLUICE_CONN_RESPOND_H */
