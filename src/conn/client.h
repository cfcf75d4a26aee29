/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many connections each client has.
 */
#ifndef SLUICE_CONN_CLIENT_H
#define SLUICE_CONN_CLIENT_H

#include "base/stats.h"

struct client_bucket;
struct sluice_client;
struct sock;

/**
 * struct sluice_clients - the clients of an instance
 * @buckets: const while it is live
 * @stats:   const: its counters
 * @max_per_client: connections that one may have; 0: no limit
 */
struct sluice_clients {
	struct client_bucket		*buckets;
	struct sluice_stats __percpu	*stats;
	unsigned int			max_per_client;
};

struct sluice_client * __must_check sluice_client_get(struct sluice_clients *clients,
						      const struct sock *sk);
void sluice_client_put(struct sluice_client *client);

int sluice_clients_init(struct sluice_clients *clients, struct sluice_stats __percpu *stats);
void sluice_clients_exit(struct sluice_clients *clients);

#endif /* SLUICE_CONN_CLIENT_H */
