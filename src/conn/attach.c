// SPDX-License-Identifier: GPL-2.0
/*
 * The server's own port: finding who listens there, and having the children.
 *
 * Once a second all listening sockets of the namespace are looked through, and what is new
 * is attached, what does not listen any more is let go of.  So it does not matter who is
 * there first, and a server may restart, reload or be replaced.  What is missed meanwhile is
 * accelerated later, and not lost: it is the server's.
 *
 * A socket that is known is counted, and with it its namespace: for a second at most longer
 * than the server has it open.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "base/lane.h"
#include "base/pass_through.h"
#include "compat/tcp.h"
#include "conn/attach.h"
#include "conn/conn.h"
#include "conn/turn.h"
#include "loan/handoff.h"
#include "loan/lend.h"
#include "sock/attach.h"
#include "store/site.h"

#define SCAN_INTERVAL HZ
/* More are found the next time. */
#define SCAN_BATCH 64

/**
 * struct known - a listening socket that was found
 * @at:    the socket, and its place among all that are attached
 * @conns: of the instance
 * @list:  place among those of the instance
 * @unfit: why it is not attached, as was said in the log
 */
struct known {
	struct sluice_attached	at;
	struct sluice_conns	*conns;
	struct list_head	list;
	enum sluice_unfit	unfit;
};

/**
 * struct sluice_attach - all of an instance's
 * @conns: of the instance
 * @net:   not counted: the instance goes before it does
 * @ports: to look for
 * @known: sockets; of @scan alone, and of who closes it when that has ended
 * @count: of those that are attached
 * @said:  so many, in the log
 * @scan:  the work
 */
struct sluice_attach {
	struct sluice_conns		*conns;
	struct net			*net;
	const struct sluice_ports	*ports;
	struct list_head		known;
	unsigned int			count;
	unsigned int			said;
	struct delayed_work		scan;
};

/* --- children ---------------------------------------------------------------- */

/* See struct sluice_attached. */
static bool known_take(struct sluice_attached *attached, struct sock *child,
		       const struct proto_ops *socket_ops)
{
	struct known *known = container_of(attached, struct known, at);

	return sluice_conn_adopt(known->conns, child, socket_ops);
}

static void known_left(struct sluice_attached *attached)
{
	struct known *known = container_of(attached, struct known, at);

	sluice_stat_inc(known->conns->stats, SLUICE_STAT_CONNECTIONS_LEFT);
}

/* --- what is said ------------------------------------------------------------ */

/* It is bound; the text of an IPv6 address with its port has room. */
static void known_address(const struct known *known, char *text, size_t size)
{
	const struct sock *sk = known->at.sk;

	if (sk->sk_family == AF_INET6)
		snprintf(text, size, "[%pI6c]:%u", &sk->sk_v6_rcv_saddr, sk->sk_num);
	else
		snprintf(text, size, "%pI4:%u", &sk->sk_rcv_saddr, sk->sk_num);
}

static void say_unfit(const struct known *known)
{
	const char *prefix = known->conns->prefix;
	char address[64];

	known_address(known, address, sizeof(address));
	switch (known->unfit) {
	case SLUICE_UNFIT_USER:
		pr_warn("%sattach: %s was opened by user %u, who is not backend_uid: not attached; set backend_uid if it is the web server's\n",
			prefix, address,
			from_kuid_munged(&init_user_ns, compat_sk_uid(known->at.sk)));
		break;
	case SLUICE_UNFIT_MPTCP:
		pr_warn("%sattach: %s is MPTCP's: not attached; have the server listen with TCP (a Go server: GODEBUG=multipathtcp=0)\n",
			prefix, address);
		break;
	case SLUICE_UNFIT_KERNEL:
		pr_warn("%sattach: %s is the kernel's, or SMC or BPF sees to it: not attached\n",
			prefix, address);
		break;
	default:
		break;
	}
}

static void say_count(struct sluice_attach *attachment)
{
	if (attachment->count == attachment->said)
		return;
	attachment->said = attachment->count;
	pr_info("%sattach: %u listening sockets of the server's\n",
		attachment->conns->prefix, attachment->count);
}

/* --- finding ----------------------------------------------------------------- */

static bool is_wanted(const struct sluice_attach *attachment, const struct sock *sk)
{
	const struct known *known;

	if (!net_eq(sock_net(sk), attachment->net) ||
	    !sluice_ports_have(attachment->ports, sk->sk_num))
		return false;
	list_for_each_entry(known, &attachment->known, list)
		if (known->at.sk == sk)
			return false;
	return true;
}

/* As sock_diag does it. Return: how many are in @found, counted. */
static unsigned int find_in(const struct sluice_attach *attachment,
			    struct inet_listen_hashbucket *bucket,
			    struct sock **found, unsigned int max)
{
	struct hlist_nulls_node *node;
	unsigned int count = 0;
	struct sock *sk;

	spin_lock(&bucket->lock);
	sk_nulls_for_each(sk, node, &bucket->nulls_head) {
		if (count == max)
			break;
		if (is_wanted(attachment, sk) && refcount_inc_not_zero(&sk->sk_refcnt))
			found[count++] = sk;
	}
	spin_unlock(&bucket->lock);
	return count;
}

static unsigned int find_new(const struct sluice_attach *attachment,
			     struct sock **found)
{
	struct inet_hashinfo *hashinfo = attachment->net->ipv4.tcp_death_row.hashinfo;
	unsigned int i, count = 0;

	for (i = 0; i <= hashinfo->lhash2_mask && count < SCAN_BATCH; i++) {
		struct inet_listen_hashbucket *bucket = &hashinfo->lhash2[i];

		if (!hlist_nulls_empty(&bucket->nulls_head))
			count += find_in(attachment, bucket, found + count,
					 SCAN_BATCH - count);
		cond_resched();
	}
	return count;
}

/* Takes over the reference of @sk. */
static void get_to_know(struct sluice_attach *attachment, struct sock *sk)
{
	struct known *known = kzalloc(sizeof(*known), GFP_KERNEL);

	if (!known) {
		sluice_stat_inc(attachment->conns->stats, SLUICE_STAT_OUT_OF_MEMORY);
		sock_put(sk);		/* found again the next time */
		return;
	}
	known->at.sk = sk;
	known->at.take = known_take;
	known->at.left = known_left;
	known->conns = attachment->conns;
	known->unfit = SLUICE_UNFIT_BUSY;
	list_add_tail(&known->list, &attachment->known);
}

static void find(struct sluice_attach *attachment)
{
	struct sock **found = kmalloc_array(SCAN_BATCH, sizeof(*found), GFP_KERNEL);
	unsigned int i, count;

	if (!found) {
		sluice_stat_inc(attachment->conns->stats, SLUICE_STAT_OUT_OF_MEMORY);
		return;
	}
	count = find_new(attachment, found);
	for (i = 0; i < count; i++)
		get_to_know(attachment, found[i]);
	kfree(found);
}

/* --- attaching --------------------------------------------------------------- */

static bool is_attached(const struct known *known)
{
	return known->unfit == SLUICE_FIT;
}

static void count_attached(struct sluice_attach *attachment, int n)
{
	attachment->count += n;
	sluice_stat_add(attachment->conns->stats, SLUICE_STAT_LIVE_ATTACHED, n);
}

/* Children may still be asked about until a grace period is over. */
static void forget(struct sluice_attach *attachment, struct known *known)
{
	if (is_attached(known)) {
		sluice_attach_unhook(&known->at);
		count_attached(attachment, -1);
	}
	sock_put(known->at.sk);
	list_del(&known->list);
	kfree_rcu(known, at.rcu);
}

static enum sluice_unfit hook(struct known *known)
{
	const struct sluice_site *site;
	uid_t uid;

	rcu_read_lock();
	site = sluice_site_peek(known->conns->store);
	uid = site->backend_uid;
	rcu_read_unlock();
	return sluice_attach_hook(&known->at, make_kuid(&init_user_ns, uid),
				  uid == SLUICE_ANY_UID);
}

/* Who is trusted may have changed; what is said of a socket is said once. */
static void review(struct sluice_attach *attachment, struct known *known)
{
	enum sluice_unfit why = hook(known);
	bool was_attached = is_attached(known);

	if (why == SLUICE_UNFIT_GONE || (why && was_attached)) {
		forget(attachment, known);	/* to be found anew if it is there */
		return;
	}
	if (why == known->unfit || why == SLUICE_UNFIT_BUSY)
		return;
	known->unfit = why;
	if (why)
		say_unfit(known);
	else
		count_attached(attachment, 1);
}

static void scan(struct sluice_attach *attachment)
{
	struct known *known, *next;

	find(attachment);
	list_for_each_entry_safe(known, next, &attachment->known, list)
		review(attachment, known);
	say_count(attachment);
}

static void scan_work(struct work_struct *work)
{
	struct sluice_attach *attachment =
		container_of(to_delayed_work(work), struct sluice_attach, scan);

	scan(attachment);
	queue_delayed_work(sluice_housekeeping, &attachment->scan, SCAN_INTERVAL);
}

/**
 * sluice_attach_open() - have the children of whoever listens on these ports
 * @conns: of the instance
 * @net:   where
 * @ports: const while the instance is live
 *
 * If nobody listens yet, of whoever will.
 * Context: process.
 * Return: 0 or -errno.
 */
int sluice_attach_open(struct sluice_conns *conns, struct net *net,
		       const struct sluice_ports *ports)
{
	struct sluice_attach *attachment;
	int err;

	err = sluice_attach_learn(net, sluice_lend_learn);
	if (err)
		return err;
	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return -ENOMEM;
	attachment->conns = conns;
	attachment->net = net;
	attachment->ports = ports;
	INIT_LIST_HEAD(&attachment->known);
	INIT_DELAYED_WORK(&attachment->scan, scan_work);
	conns->attachment = attachment;
	scan(attachment);
	if (!attachment->count)
		pr_info("%sattach=%u: nobody listens there yet; serves when somebody does\n",
			conns->prefix, ports->port[0]);
	queue_delayed_work(sluice_housekeeping, &attachment->scan, SCAN_INTERVAL);
	return 0;
}

/**
 * sluice_attach_close() - leave listening sockets to their server
 * @conns: of the instance
 *
 * Context: process. Afterwards no connection is born; does nothing if none could be.
 */
void sluice_attach_close(struct sluice_conns *conns)
{
	struct sluice_attach *attachment = conns->attachment;
	struct known *known, *next;

	if (!attachment)
		return;
	cancel_delayed_work_sync(&attachment->scan);
	list_for_each_entry_safe(known, next, &attachment->known, list)
		forget(attachment, known);
	synchronize_net();
	conns->attachment = NULL;
	kfree(attachment);
}
