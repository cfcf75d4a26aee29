// SPDX-License-Identifier: GPL-2.0
/*
 * How many connections each client has, for max_per_client.
 *
 * A client is an IPv4 address, or the network of an IPv6 address: of the 64 bits
 * behind that each host has as many as it likes.  It is known while it has a
 * connection that is counted.  Counted are those that come while there is a limit: so
 * nothing here is touched when there is none, and what is counted once is discounted
 * once, whatever becomes of the limit in between.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "base/lane.h"
#include "base/stats.h"
#include "conn/client.h"

/* So many that with all of max_connections from elsewhere each a list is short. */
#define BUCKETS 4096

struct client_bucket {
	spinlock_t		lock;	/* protects the list, and the counts on it */
	struct hlist_head	clients;
};

/**
 * struct sluice_client - one that has connections
 * @node:        place in its bucket
 * @bucket:      that bucket
 * @clients:     const, those of its instance
 * @address:     const, with its @family
 * @family:      AF_INET or AF_INET6
 * @connections: that were counted; never 0 outside of the bucket's lock
 */
struct sluice_client {
	struct hlist_node	node;
	struct client_bucket	*bucket;
	struct sluice_clients	*clients;
	u64			address;
	u16			family;
	unsigned int		connections;
};

/* So that nobody can choose addresses that meet in one bucket. */
static siphash_key_t secret __read_mostly;

/* An IPv4 client is the same by a socket of IPv6 (v4-mapped): that has no network in front. */
static u16 family_of(const struct sock *sk)
{
	if (sk->sk_family == AF_INET6 && ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return AF_INET;
	return sk->sk_family;
}

static u64 address_of(const struct sock *sk, u16 family)
{
	u64 network;

	if (family == AF_INET)
		return (__force u32)sk->sk_daddr;
	memcpy(&network, &sk->sk_v6_daddr, sizeof(network));
	return network;
}

static struct sluice_client *find_client(struct client_bucket *bucket,
					 u64 address, u16 family)
{
	struct sluice_client *client;

	lockdep_assert_held(&bucket->lock);
	hlist_for_each_entry(client, &bucket->clients, node)
		if (client->address == address && client->family == family)
			return client;
	return NULL;
}

static struct sluice_client *add_client(struct sluice_clients *clients,
					struct client_bucket *bucket,
					u64 address, u16 family)
{
	struct sluice_client *client;

	lockdep_assert_held(&bucket->lock);
	client = kzalloc(sizeof(*client), SLUICE_GFP_WAITING);
	if (!client) {
		sluice_stat_inc(clients->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return NULL;
	}
	client->bucket = bucket;
	client->clients = clients;
	client->address = address;
	client->family = family;
	hlist_add_head(&client->node, &bucket->clients);
	sluice_stat_inc(clients->stats, SLUICE_STAT_LIVE_CLIENTS);
	return client;
}

/**
 * sluice_client_get() - count one more connection of its client
 * @clients: of its instance
 * @sk:      the connection
 *
 * Context: BH disabled.
 * Return: for sluice_client_put(); NULL if it is not counted, because there is no
 * limit, or no memory (then max_connections will have to do); ERR_PTR(-EDQUOT) if its
 * client has as many as it may.
 */
struct sluice_client *sluice_client_get(struct sluice_clients *clients, const struct sock *sk)
{
	unsigned int max = READ_ONCE(clients->max_per_client);
	struct client_bucket *bucket;
	struct sluice_client *client;
	u16 family;
	u64 address;

	if (likely(!max))
		return NULL;
	family = family_of(sk);
	address = address_of(sk, family);
	bucket = &clients->buckets[siphash_2u64(address, family, &secret) % BUCKETS];

	spin_lock(&bucket->lock);
	client = find_client(bucket, address, family);
	if (!client) {
		client = add_client(clients, bucket, address, family);
	} else if (client->connections >= max) {
		sluice_stat_inc(clients->stats, SLUICE_STAT_CONNECTIONS_OVER_CLIENT_LIMIT);
		client = ERR_PTR(-EDQUOT);
	}
	if (!IS_ERR_OR_NULL(client))
		client->connections++;
	spin_unlock(&bucket->lock);
	return client;
}

/* One less. Context: any. */
void sluice_client_put(struct sluice_client *client)
{
	struct client_bucket *bucket = client->bucket;

	spin_lock_bh(&bucket->lock);
	if (!--client->connections) {
		hlist_del(&client->node);
		sluice_stat_add(client->clients->stats, SLUICE_STAT_LIVE_CLIENTS, -1);
		kfree(client);
	}
	spin_unlock_bh(&bucket->lock);
}

/**
 * sluice_clients_init() - an instance becomes live
 * @clients: its bound is set
 * @stats:   its counters
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int sluice_clients_init(struct sluice_clients *clients, struct sluice_stats __percpu *stats)
{
	unsigned int i;

	clients->buckets = kvmalloc_array(BUCKETS, sizeof(*clients->buckets), GFP_KERNEL);
	if (!clients->buckets)
		return -ENOMEM;
	clients->stats = stats;
	for (i = 0; i < BUCKETS; i++) {
		spin_lock_init(&clients->buckets[i].lock);
		INIT_HLIST_HEAD(&clients->buckets[i].clients);
	}
	get_random_once(&secret, sizeof(secret));
	return 0;
}

/* No connection is left. */
void sluice_clients_exit(struct sluice_clients *clients)
{
	kvfree(clients->buckets);
}
