/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many connections each client has.
 */
#ifndef SLUICE_CONN_CLIENT_H
#define SLUICE_CONN_CLIENT_H

struct sluice_client;
struct sock;

struct sluice_client * __must_check sluice_client_get(const struct sock *sk);
void sluice_client_put(struct sluice_client *client);

int sluice_clients_init(void);
void sluice_clients_exit(void);

/* Tunable, see ctl/settings.c. */
extern unsigned int sluice_max_per_client;

#endif /* SLUICE_CONN_CLIENT_H */
