/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The server's own port: finding who listens there, and having the children.
 */
#ifndef SLUICE_CONN_ATTACH_H
#define SLUICE_CONN_ATTACH_H

struct net;
struct sluice_conns;
struct sluice_ports;

int sluice_attach_open(struct sluice_conns *conns, struct net *net,
		       const struct sluice_ports *ports);
void sluice_attach_close(struct sluice_conns *conns);

#endif /* SLUICE_CONN_ATTACH_H */
