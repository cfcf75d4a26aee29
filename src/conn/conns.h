/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All connections of an instance, and what they share.
 */
#ifndef SLUICE_CONN_CONNS_H
#define SLUICE_CONN_CONNS_H

#include <linux/list.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu_counter.h>
#include <linux/spinlock.h>

#include "base/stats.h"
#include "conn/client.h"
#include "conn/job.h"

#define SLUICE_ADDRESSES_MAX 8

struct conn_home;
struct sluice_attach;
struct sluice_handovers;
struct sluice_listener;
struct sluice_store;

/**
 * struct sluice_ports - some ports, each once
 * @count: how many
 * @port:  in the order of the host
 */
struct sluice_ports {
	unsigned int	count;
	u16		port[SLUICE_ADDRESSES_MAX];
};

static inline bool sluice_ports_have(const struct sluice_ports *ports, u16 port)
{
	unsigned int i;

	for (i = 0; i < ports->count; i++)
		if (ports->port[i] == port)
			return true;
	return false;
}

/* The instance ends.  Changed once or twice, by the one who ends it. */
enum sluice_leaving {
	SLUICE_STAY,
	SLUICE_LEAVE_GENTLY,	/* what is at a boundary goes, and the rest when it is */
	SLUICE_LEAVE_NOW,	/* what would have to wait ends instead */
};

/**
 * struct sluice_conns - the connections of an instance
 * @leaving:   see above
 * @in_haste:  its network namespace goes: nothing that takes time
 * @prefix:    const: of lines in the log
 * @header_timeout: seconds in which a request head must be complete
 * @keepalive_timeout: that an idle connection is kept
 * @send_timeout: without progress, after which a response is aborted
 * @linger_timeout: that a client has to read an error and close
 * @unload_timeout: that responses under way have to end when the instance ends
 * @say_why:   the log has a line for the first request of each kind that is not served
 * @handovers: const: those requests
 * @max_connections: more go to the backend, or are refused
 * @store:     const: where files are found
 * @stats:     const: the counters of the instance
 * @homes:     per CPU: lists of them, for those who end
 * @count:     how many there are
 * @alive:     each holds one: killed when the instance ends
 * @released:  called when none is left, after sluice_conns_stop(). Context: any
 * @clients:   how many each client has
 * @lookups:   what they have looked up
 * @listeners: on which they come, two of an IPv4 address; of the one who opens and closes
 *             them
 * @listener_count: of @listeners
 * @attachment: or the server's own listening sockets; NULL: it has none. Likewise
 * @address_count: of how many addresses they are
 * @said:      what was said in the log already, by bit: see conn/ladder.c
 *
 * The settings are there before it is live, and all else while it is.
 */
struct sluice_conns {
	enum sluice_leaving		leaving;
	bool				in_haste;
	const char			*prefix;
	bool				say_why;
	struct sluice_handovers		*handovers;
	unsigned int			header_timeout;
	unsigned int			keepalive_timeout;
	unsigned int			send_timeout;
	unsigned int			linger_timeout;
	unsigned int			unload_timeout;
	unsigned int			max_connections;
	struct sluice_store		*store;
	struct sluice_stats __percpu	*stats;
	struct conn_home __percpu	*homes;
	struct percpu_counter		count;
	struct percpu_ref		alive;
	void				(*released)(struct sluice_conns *conns);
	struct sluice_clients		clients;
	struct sluice_lookups		lookups;
	struct sluice_listener		*listeners[2 * SLUICE_ADDRESSES_MAX];
	unsigned int			listener_count;
	struct sluice_attach		*attachment;
	unsigned int			address_count;
	unsigned long			said;
};

int sluice_conns_init(struct sluice_conns *conns, struct sluice_store *store);
void sluice_conns_leave(struct sluice_conns *conns);
void sluice_conns_stop(struct sluice_conns *conns);
void sluice_conns_exit(struct sluice_conns *conns);

#endif /* SLUICE_CONN_CONNS_H */
