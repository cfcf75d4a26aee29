// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an instance.
 *
 * One that is live has its network namespace to itself, and does not keep it alive: neither
 * its listening sockets nor connections that are ours count it (compat/net.h).  When the
 * namespace goes, the instance does.
 *
 * Whoever ends an instance has its work do it: the writer of a file, the module that leaves,
 * or the namespace that goes, which waits for its sockets to be closed, but for nothing that
 * a disk may keep waiting.  The last connection and the last object are waited for by the
 * work.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "base/handovers.h"
#include "conn/attach.h"
#include "conn/conn.h"
#include "conn/listener.h"
#include "ctl/instance.h"
#include "ctl/life.h"
#include "ctl/proc.h"
#include "ctl/settings.h"
#include "ctl/site.h"
#include "loan/handoff.h"
#include "loan/lend.h"
#include "sock/sock.h"
#include "store/cache.h"

/* What is set before anybody sets anything, but for what is the site's. */
#define DEFAULTS						\
	.port = SLUICE_PORT_DEFAULT,				\
	.run_as = 65534,	/* nobody */			\
	.address = SLUICE_ADDRESS_DEFAULT,			\
	.store.cache_entries = 4096,				\
	.store.cache_bytes = 32 << 20,				\
	.store.cache_idle = 60,					\
	.store.gzip_memory = 64 << 20,				\
	.conns.say_why = true,					\
	.conns.header_timeout = 20,				\
	.conns.keepalive_timeout = 75,				\
	.conns.send_timeout = 60,				\
	.conns.linger_timeout = 5,				\
	.conns.unload_timeout = 5,				\
	.conns.max_connections = 65536

/* Static, because a module that fails to load calls nobody to free anything. */
struct sluice_instance sluice_loaders = {
	.lock = __MUTEX_INITIALIZER(sluice_loaders.lock),
	DEFAULTS
};

static const struct sluice_instance defaults = { DEFAULTS };

/* Protects the list, who has which namespace, and who is doomed. */
static DEFINE_MUTEX(instances_lock);
static LIST_HEAD(instances);
static struct workqueue_struct *enders;

/* The module leaves: its code must not be needed any more. */
static bool module_leaves;

/* --- how it ends ----------------------------------------------------------- */

/* There is nobody to give anything to. */
static bool is_alone(const struct sluice_instance *instance)
{
	bool alone;

	rcu_read_lock();
	alone = sluice_site_peek(&instance->store)->standalone;
	rcu_read_unlock();
	return alone;
}

/*
 * When the module leaves the loader's instance is the last, and nothing is lent any more by
 * any: so its port is there till nobody is in a hook.  A namespace that goes waits for none.
 */
static bool hooks_are_waited_for(const struct sluice_instance *instance)
{
	return instance == &sluice_loaders && READ_ONCE(module_leaves) &&
	       !READ_ONCE(instance->conns.in_haste);
}

/*
 * With a backend the port is the last to go: what comes is the backend's, as long as
 * something of before needs time.  No handshake that was begun is lost, but for those
 * that a SYN cookie stands for, and when the namespace goes.
 */
static void leave(struct sluice_instance *instance)
{
	struct sluice_conns *conns = &instance->conns;

	sluice_attach_close(conns);
	if (is_alone(instance))
		sluice_listeners_deafen(conns);
	sluice_conns_leave(conns);
	if (hooks_are_waited_for(instance))
		sluice_lend_exit();
	sluice_listeners_deafen(conns);
	if (!READ_ONCE(conns->in_haste))
		sluice_listeners_drain(conns);
	sluice_conns_stop(conns);
	sluice_listeners_close(conns);
	/* What is buried is closed. */
	sluice_socks_settle();
}

/* Nobody can find it any more but who goes by its lock. */
static void finish(struct sluice_instance *instance)
{
	struct sluice_store *store = &instance->store;

	wait_for_completion(&instance->gone);
	sluice_conns_exit(&instance->conns);
	kfree(instance->conns.handovers);
	mutex_lock(&instance->lock);
	sluice_cache_exit(store);
	sluice_site_close(instance);
	mutex_unlock(&instance->lock);
	sluice_store_put(store);
	wait_for_completion(&instance->released);
	sluice_stats_exit(&store->stats);
	/* Files that were closed in softirq: the docroot can be unmounted. */
	flush_delayed_fput();
}

static void give_namespace_back(struct sluice_instance *instance)
{
	mutex_lock(&instances_lock);
	clear_bit(SLUICE_INSTANCE_HAS_NET, &instance->flags);
	mutex_unlock(&instances_lock);
}

static void end_live(struct sluice_instance *instance)
{
	leave(instance);
	sluice_proc_exit(instance);
	complete_all(&instance->closed);
	finish(instance);
	give_namespace_back(instance);
	mutex_lock(&instance->lock);
	if (!READ_ONCE(module_leaves))
		WRITE_ONCE(instance->phase, SLUICE_LOADING);
	mutex_unlock(&instance->lock);
}

/* Without the lock: whoever has it may wait for a disk. */
static void end_work(struct work_struct *work)
{
	struct sluice_instance *instance = container_of(work, struct sluice_instance, end);

	if (cmpxchg(&instance->phase, SLUICE_LIVE, SLUICE_LEAVING) == SLUICE_LIVE)
		end_live(instance);
}

/**
 * sluice_instance_end() - end serving
 * @instance: live, or not
 *
 * As the module does when it is unloaded.
 * Context: process, without its lock; it is the loader's, or held by its directory.
 */
void sluice_instance_end(struct sluice_instance *instance)
{
	queue_work(enders, &instance->end);
	flush_work(&instance->end);
}

/* Files are gone before it is; but who writes to one may make it live till then. */
static void removal_work(struct work_struct *work)
{
	struct sluice_instance *instance =
		container_of(work, struct sluice_instance, removal);

	sluice_instance_end(instance);
	kobject_del(&instance->kobj);
	mutex_lock(&instances_lock);
	list_del(&instance->list);
	mutex_unlock(&instances_lock);
	sluice_instance_end(instance);
	complete_all(&instance->removed);
	kobject_put(&instance->kobj);
}

/* It has to be gone, and is not waited for. Context: instances_lock. */
static void doom(struct sluice_instance *instance)
{
	queue_work(enders, &instance->end);
	if (instance != &sluice_loaders &&
	    !test_and_set_bit(SLUICE_INSTANCE_DOOMED, &instance->flags))
		queue_work(enders, &instance->removal);
}

/* --- how it begins ---------------------------------------------------------- */

static int open_listener(struct sluice_instance *instance, struct net *net, const char *text)
{
	struct sockaddr_storage addr;
	char port_text[6];
	int err;

	snprintf(port_text, sizeof(port_text), "%u", instance->port);
	if (inet_pton_with_scope(net, AF_UNSPEC, text, port_text, &addr)) {
		instance_err(instance, "address=%s: expected IPv4 or IPv6 addresses with commas between them\n",
			     text);
		return -EINVAL;
	}
	err = sluice_listener_open(&instance->conns, net, &addr, instance->defer_accept);
	if (err == -EADDRINUSE)
		instance_err(instance, "address=%s port=%u: in use (%pe); stop the server that listens there, or choose another port\n",
			     text, instance->port, ERR_PTR(err));
	else if (err == -E2BIG)
		instance_err(instance, "address: more than %d; listen on 0.0.0.0 or ::\n",
			     SLUICE_ADDRESSES_MAX);
	else if (err)
		instance_err(instance, "address=%s port=%u: cannot listen (%pe); expected an address of this host\n",
			     text, instance->port, ERR_PTR(err));
	return err;
}

/* Return: 0 or -errno. */
static int attach(struct sluice_instance *instance, struct net *net)
{
	int err = sluice_attach_open(&instance->conns, net, &instance->attach);

	if (err && err != -ENOMEM)
		instance_err(instance, "no TCP socket can be opened (%pe)\n", ERR_PTR(err));
	return err;
}

/* Return: 0 or -errno; then some may be open. */
static int open_listeners(struct sluice_instance *instance, struct net *net)
{
	char *list, *rest, *text;
	int err = 0;

	list = kstrdup(instance->address, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!err && (text = strsep(&rest, ",")))
		err = open_listener(instance, net, strim(text));
	kfree(list);
	return err;
}

/* Of another instance that is live there. Context: instances_lock. */
static const struct sluice_instance *other_in(const struct sluice_instance *instance)
{
	const struct sluice_instance *other;

	list_for_each_entry(other, &instances, list)
		if (other != instance && other->net == instance->net &&
		    test_bit(SLUICE_INSTANCE_HAS_NET, &other->flags))
			return other;
	return NULL;
}

/* Return: its namespace, counted, which is its own then; or an ERR_PTR(). */
static struct net *take_namespace(struct sluice_instance *instance)
{
	const struct sluice_instance *other;
	struct net *net = ERR_PTR(-ENXIO);

	mutex_lock(&instances_lock);
	if (test_bit(SLUICE_INSTANCE_DOOMED, &instance->flags))
		goto out;
	if (instance->net)
		net = maybe_get_net(instance->net) ?: net;
	if (IS_ERR(net)) {
		instance_err(instance, "netns: that namespace is gone; write another\n");
		goto out;
	}
	other = other_in(instance);
	if (other) {
		instance_err(instance, "netns: %s serves there already; an instance has a namespace to itself\n",
			     other->name[0] ? other->name : "that of the parameters");
		put_net(net);
		net = ERR_PTR(-EBUSY);
		goto out;
	}
	set_bit(SLUICE_INSTANCE_HAS_NET, &instance->flags);
out:
	mutex_unlock(&instances_lock);
	return net;
}

static void conns_released(struct sluice_conns *conns)
{
	complete_all(&container_of(conns, struct sluice_instance, conns)->gone);
}

static void store_released(struct sluice_store *store)
{
	complete_all(&container_of(store, struct sluice_instance, store)->released);
}

static int begin_store(struct sluice_instance *instance)
{
	struct sluice_store *store = &instance->store;
	int err;

	reinit_completion(&instance->released);
	refcount_set(&store->ref, 1);
	store->released = store_released;
	err = sluice_stats_init(&store->stats);
	if (err)
		return err;
	err = sluice_cache_init(store);
	if (err)
		sluice_stats_exit(&store->stats);
	return err;
}

static void end_store(struct sluice_instance *instance)
{
	sluice_cache_exit(&instance->store);
	sluice_stats_exit(&instance->store.stats);
}

static int begin_conns(struct sluice_instance *instance)
{
	reinit_completion(&instance->gone);
	instance->conns.released = conns_released;
	instance->conns.prefix = instance->prefix;
	return sluice_conns_init(&instance->conns, &instance->store);
}

/* All but the listening sockets. Context: lock of the instance. */
static int begin_within(struct sluice_instance *instance, struct net *net)
{
	int err;

	instance->conns.handovers = sluice_handovers_create(instance->prefix);
	if (!instance->conns.handovers)
		return -ENOMEM;
	err = begin_store(instance);
	if (err)
		goto err_handovers;
	err = sluice_site_open(instance);
	if (err)
		goto err_store;
	err = sluice_proc_init(instance, net);
	if (err)
		goto err_site;
	err = begin_conns(instance);
	if (err)
		goto err_proc;
	return 0;

err_proc:
	sluice_proc_exit(instance);
err_site:
	sluice_site_close(instance);
err_store:
	end_store(instance);
err_handovers:
	kfree(instance->conns.handovers);
	return err;
}

/* One family of the backend's listeners. Return: true if there is one. */
static bool say_listener(const struct sluice_instance *instance, struct net *net,
			 const struct sluice_site *site, sa_family_t family)
{
	const char *name = family == AF_INET6 ? "IPv6" : "IPv4";
	uid_t uid;

	if (!sluice_backend_find(net, family, htonl(INADDR_ANY), site->backend_port, &uid))
		return false;
	if (site->backend_uid != SLUICE_ANY_UID && site->backend_uid != uid)
		instance_warn(instance, "backend_port=%u: %s, of user %u, expected %u: it is given nothing; set backend_uid if it is the backend\n",
			      site->backend_port, name, uid, site->backend_uid);
	else
		instance_info(instance, "backend_port=%u: %s, of user %u\n", site->backend_port,
			      name, uid);
	return true;
}

/* What there is now; a backend may come later. Context: lock of the instance. */
static void say_begun(struct sluice_instance *instance, struct net *net)
{
	const struct sluice_site *site = sluice_site_shown(instance);
	bool found;

	instance_info(instance, "serves on %s port %u\n", instance->address, instance->port);
	if (site->standalone)
		return;
	found = say_listener(instance, net, site, AF_INET);
	found |= say_listener(instance, net, site, AF_INET6);
	if (!found)
		instance_warn(instance, "backend_port=%u: nobody listens there on the loopback or a wildcard, up to now; what is not served is answered 503\n",
			      site->backend_port);
}

/* @begun: it is live, also if that has failed: then it has to be ended. Context: its lock. */
static int begin_in(struct sluice_instance *instance, struct net *net, bool *begun)
{
	int err;

	err = begin_within(instance, net);
	if (err) {
		give_namespace_back(instance);
		return err;
	}
	reinit_completion(&instance->closed);
	err = instance->attach.count ? attach(instance, net) : open_listeners(instance, net);
	if (!err && !instance->attach.count)
		say_begun(instance, net);
	/* All that ends it is ready: pairs with the cmpxchg() in end_work(). */
	smp_store_release(&instance->phase, SLUICE_LIVE);
	*begun = true;
	return err;
}

/**
 * sluice_instance_begin() - serve
 * @instance: all is set
 *
 * Context: process, that of who begins it: docroot is looked up there.
 * Return: 0; -EBUSY if it does already, or another in its namespace; -errno, with a line in
 * the kernel log unless it is -ENOMEM.
 */
int sluice_instance_begin(struct sluice_instance *instance)
{
	bool begun = false;
	struct net *net;
	int err = -EBUSY;

	mutex_lock(&instance->lock);
	if (READ_ONCE(instance->phase) != SLUICE_LOADING)
		goto out;
	err = sluice_settings_check(instance);
	if (err)
		goto out;
	net = take_namespace(instance);
	err = PTR_ERR_OR_ZERO(net);
	if (err)
		goto out;
	err = begin_in(instance, net, &begun);
	put_net(net);
out:
	mutex_unlock(&instance->lock);
	/* Not what somebody else has begun. */
	if (err && begun)
		sluice_instance_end(instance);
	return err;
}

/**
 * sluice_instance_set_net() - say where it is to serve
 * @instance: not live
 * @net:      the caller has it counted
 *
 * Context: process.
 * Return: 0, or -EBUSY.
 */
int sluice_instance_set_net(struct sluice_instance *instance, struct net *net)
{
	int err = -EBUSY;

	mutex_lock(&instance->lock);
	if (READ_ONCE(instance->phase) == SLUICE_LOADING) {
		mutex_lock(&instances_lock);
		instance->net = net;
		mutex_unlock(&instances_lock);
		err = 0;
	}
	mutex_unlock(&instance->lock);
	return err;
}

/* Context: process. Return: bytes. */
int sluice_instance_show_net(struct sluice_instance *instance, char *buf)
{
	int len;

	mutex_lock(&instances_lock);
	if (instance->net)
		len = sysfs_emit(buf, "net:[%u]\n", instance->net->ns.inum);
	else
		len = sysfs_emit(buf, "gone\n");
	mutex_unlock(&instances_lock);
	return len;
}

/* --- all of them ------------------------------------------------------------ */

static void setup(struct sluice_instance *instance, const char *name, struct net *net)
{
	strscpy(instance->name, name, sizeof(instance->name));
	if (name[0])
		snprintf(instance->prefix, sizeof(instance->prefix), "%s: ", name);
	instance->net = net;
	INIT_WORK(&instance->end, end_work);
	INIT_WORK(&instance->removal, removal_work);
	init_completion(&instance->gone);
	init_completion(&instance->released);
	init_completion(&instance->closed);
	init_completion(&instance->removed);
	complete_all(&instance->closed);
}

/**
 * sluice_instance_create() - memory for one that is made while the module is loaded
 * @name: checked
 * @net:  of whoever makes it
 *
 * Context: process.
 * Return: for sluice_instance_add() or kfree(); NULL without memory.
 */
struct sluice_instance *sluice_instance_create(const char *name, struct net *net)
{
	struct sluice_instance *instance = kmemdup(&defaults, sizeof(defaults), GFP_KERNEL);

	if (!instance)
		return NULL;
	mutex_init(&instance->lock);
	setup(instance, name, net);
	return instance;
}

static struct sluice_instance *find(const char *name)
{
	struct sluice_instance *instance;

	lockdep_assert_held(&instances_lock);
	list_for_each_entry(instance, &instances, list)
		if (instance->name[0] && !strcmp(instance->name, name))
			return instance;
	return NULL;
}

/**
 * sluice_instance_add() - from here on it can be found
 * @instance: from sluice_instance_create(), its @kobj is initialised
 *
 * Context: process.
 * Return: 0 or -errno; -EEXIST if there is one of that name
 */
int sluice_instance_add(struct sluice_instance *instance)
{
	int err = -EEXIST;

	mutex_lock(&instances_lock);
	if (!find(instance->name))
		err = kobject_add(&instance->kobj, instance->kobj.parent, "%s",
				  instance->name);
	if (!err)
		list_add_tail(&instance->list, &instances);
	mutex_unlock(&instances_lock);
	return err;
}

/**
 * sluice_instance_doom() - end one, and have it go
 * @name: of it
 *
 * Context: process. Waits until it has gone.
 * Return: 0; -ENOENT if there is none, or somebody else has done that.
 */
int sluice_instance_doom(const char *name)
{
	struct sluice_instance *instance;

	mutex_lock(&instances_lock);
	instance = find(name);
	if (instance && test_bit(SLUICE_INSTANCE_DOOMED, &instance->flags))
		instance = NULL;
	if (instance) {
		kobject_get(&instance->kobj);
		doom(instance);
	}
	mutex_unlock(&instances_lock);
	if (!instance)
		return -ENOENT;
	wait_for_completion(&instance->removed);
	kobject_put(&instance->kobj);
	return 0;
}

/* One that is, or was to be, in @net, held by its directory: it ends, and goes. */
static struct sluice_instance *next_in(struct net *net)
{
	struct sluice_instance *instance, *found = NULL;

	mutex_lock(&instances_lock);
	list_for_each_entry(instance, &instances, list) {
		if (instance->net != net)
			continue;
		instance->net = NULL;
		WRITE_ONCE(instance->conns.in_haste, true);
		if (instance != &sluice_loaders)
			kobject_get(&instance->kobj);
		doom(instance);
		found = instance;
		break;
	}
	mutex_unlock(&instances_lock);
	return found;
}

/*
 * The namespace goes: nobody has a socket in it but us.  What is left of an instance when
 * its sockets are closed, because a disk does not answer, does not need it.
 */
static void __net_exit leave_net(struct net *net)
{
	struct sluice_instance *instance;

	while ((instance = next_in(net))) {
		wait_for_completion(&instance->closed);
		if (instance != &sluice_loaders)
			kobject_put(&instance->kobj);
	}
}

static struct pernet_operations net_ops = {
	.pre_exit = leave_net,
};

/* Context: module init. */
int sluice_instances_init(struct net *net)
{
	int err;

	setup(&sluice_loaders, "", net);
	list_add(&sluice_loaders.list, &instances);
	enders = alloc_workqueue("sluice_end", WQ_UNBOUND, 0);
	if (!enders)
		return -ENOMEM;
	err = register_pernet_subsys(&net_ops);
	if (err)
		destroy_workqueue(enders);
	return err;
}

/*
 * All of them end: those that were made side by side, and then the loader's.  Nobody makes
 * any.  Context: module exit, or failed init.
 */
void sluice_instances_exit(void)
{
	struct sluice_instance *instance;

	mutex_lock(&sluice_loaders.lock);
	WRITE_ONCE(module_leaves, true);
	if (READ_ONCE(sluice_loaders.phase) == SLUICE_LOADING)
		WRITE_ONCE(sluice_loaders.phase, SLUICE_LEAVING);
	mutex_unlock(&sluice_loaders.lock);
	mutex_lock(&instances_lock);
	list_for_each_entry(instance, &instances, list)
		if (instance != &sluice_loaders)
			doom(instance);
	mutex_unlock(&instances_lock);
	flush_workqueue(enders);
	sluice_instance_end(&sluice_loaders);
	flush_workqueue(enders);
	/* If the loader's was not live any more. */
	sluice_lend_exit();
	mutex_lock(&instances_lock);
	list_del(&sluice_loaders.list);
	mutex_unlock(&instances_lock);
	/* Waits for a namespace that goes right now, and has queued something. */
	unregister_pernet_subsys(&net_ops);
	destroy_workqueue(enders);
}
