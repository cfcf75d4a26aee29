/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instance: a site, its cache, listening sockets, connections, counters, and what is
 * set of them, in one network namespace.
 */
#ifndef SLUICE_CTL_INSTANCE_H
#define SLUICE_CTL_INSTANCE_H

#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/inet.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/workqueue.h>

#include "conn/conns.h"
#include "store/site.h"
#include "store/store.h"

struct net;
struct proc_dir_entry;

#define SLUICE_INSTANCE_NAME_MAX 32

/* As many as listeners at most, with commas between them. */
#define SLUICE_ADDRESS_SIZE	(SLUICE_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1))
#define SLUICE_ADDRESS_DEFAULT	"0.0.0.0"
#define SLUICE_PORT_DEFAULT	80

/* What a setter does. Under the lock of the instance. */
enum sluice_phase {
	SLUICE_LOADING,		/* it only remembers */
	SLUICE_LIVE,		/* it acts */
	SLUICE_LEAVING,		/* nothing moves any more: -ENODEV */
};

/* Of @flags. */
enum {
	SLUICE_INSTANCE_HAS_NET, /* it serves in its namespace, or is about to */
	SLUICE_INSTANCE_DOOMED,	/* it goes when it has ended */
};

/**
 * struct sluice_instance - an instance
 * @kobj:    its directory in sysfs, and its memory; not the loader's
 * @list:    place among all
 * @name:    of the directory; "" for the loader's
 * @prefix:  for lines of the log: the name and a colon, or ""
 * @lock:    serialises those who set something, and who makes it live
 * @phase:   see above
 * @flags:   see above
 * @net:     where it is, or is to be; not counted: see leave_net().  NULL: that
 *           namespace is gone
 * @port:    fixed while it is live
 * @attach:  likewise: or the server's own ports
 * @defer_accept: likewise
 * @run_as:  likewise
 * @address: likewise
 * @draft:   of the site, while it is not live
 * @draft_is_made: all that has a default has it
 * @store:   see there
 * @conns:   see there
 * @proc_dir: below /proc/net of @net, while it is live
 * @proc_net: that namespace, for who opens a file there
 * @end:     the work that ends it
 * @removal: that lets go of it
 * @gone:    the last connection is
 * @released: so is the last object
 * @closed:  no socket of the instance's is in @net any more
 * @removed: it cannot be found any more
 */
struct sluice_instance {
	struct kobject		kobj;
	struct list_head	list;
	char			name[SLUICE_INSTANCE_NAME_MAX + 1];
	char			prefix[SLUICE_INSTANCE_NAME_MAX + 3];
	struct mutex		lock;	/* of those who set something */
	enum sluice_phase	phase;
	unsigned long		flags;
	struct net		*net;

	unsigned int		port;
	struct sluice_ports	attach;
	unsigned int		defer_accept;
	unsigned int		run_as;
	char			address[SLUICE_ADDRESS_SIZE];
	struct sluice_site	draft;
	bool			draft_is_made;

	struct sluice_store	store;
	struct sluice_conns	conns ____cacheline_aligned_in_smp;
	struct proc_dir_entry	*proc_dir;
	struct net		*proc_net;

	struct work_struct	end;
	struct work_struct	removal;
	struct completion	gone;
	struct completion	released;
	struct completion	closed;
	struct completion	removed;
};

/* Made of the module's parameters. */
extern struct sluice_instance sluice_loaders;

#define instance_info(_instance, _fmt, ...) \
	pr_info("%s" _fmt, (_instance)->prefix, ##__VA_ARGS__)
#define instance_warn(_instance, _fmt, ...) \
	pr_warn("%s" _fmt, (_instance)->prefix, ##__VA_ARGS__)
#define instance_err(_instance, _fmt, ...) \
	pr_err("%s" _fmt, (_instance)->prefix, ##__VA_ARGS__)

#endif /* SLUICE_CTL_INSTANCE_H */
