/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets that clients connect to.
 */
#ifndef SLUICE_CONN_LISTENER_H
#define SLUICE_CONN_LISTENER_H

struct net;
struct sluice_conns;
struct sockaddr_storage;

int sluice_listener_open(struct sluice_conns *conns, struct net *net,
			 const struct sockaddr_storage *addr, unsigned int defer_accept);
void sluice_listeners_deafen(struct sluice_conns *conns);
void sluice_listeners_drain(struct sluice_conns *conns);
void sluice_listeners_close(struct sluice_conns *conns);

#endif /* SLUICE_CONN_LISTENER_H */
