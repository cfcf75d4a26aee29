/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Getting an answer into the socket, however many turns it takes.
 */
#ifndef SLUICE_CONN_RESPOND_H
#define SLUICE_CONN_RESPOND_H

#include "reply/dispatch.h"

struct sluice_conn;
struct sluice_lane;

/* All return as the steps of the ladder do, see conn/ladder.c. */
int sluice_respond_serve(struct sluice_conn *conn, struct sluice_lane *lane,
			 struct sluice_verdict *verdict, bool head_only);
int sluice_respond_refuse(struct sluice_conn *conn, struct sluice_lane *lane,
			  u16 status, bool head_only);
int sluice_respond_go_on(struct sluice_conn *conn, struct sluice_lane *lane);

#endif /* SLUICE_CONN_RESPOND_H */
