/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client connections while sluice owns them.
 */
#ifndef SLUICE_CONN_CONN_H
#define SLUICE_CONN_CONN_H

#include <linux/types.h>

struct request_sock;
struct sluice_conn;
struct sluice_lane;
struct socket;

struct sluice_conn *sluice_conn_alloc(void);
void sluice_conn_free_unused(struct sluice_conn *conn);
void sluice_conn_start(struct sluice_conn *conn, struct request_sock *req,
		       const struct socket *listener,
		       struct sluice_lane *lane);

int sluice_conns_init(void);
void sluice_conns_stop(void);
void sluice_conns_exit(void);

/* Tunables, see ctl/params.c. */
extern unsigned int sluice_backend_port;
extern unsigned int sluice_backend_uid;
extern unsigned int sluice_max_connections;
extern unsigned int sluice_max_head_size;
extern unsigned int sluice_header_timeout;
extern unsigned int sluice_keepalive_timeout;
extern unsigned int sluice_send_timeout;
extern unsigned int sluice_linger_timeout;

#endif /* SLUICE_CONN_CONN_H */
