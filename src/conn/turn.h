/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Turns of a connection, from the first one on.
 */
#ifndef SLUICE_CONN_TURN_H
#define SLUICE_CONN_TURN_H

#include <linux/net.h>

struct request_sock;
struct sluice_conn;
struct sluice_conns;
struct sluice_lane;
struct sluice_listen_sock;
struct sock;

void sluice_conn_start(struct sluice_conn *conn, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       struct sluice_lane *lane);
bool sluice_conn_adopt(struct sluice_conns *conns, struct sock *child,
		       const struct proto_ops *socket_ops);

#endif /* SLUICE_CONN_TURN_H */
