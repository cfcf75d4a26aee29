// SPDX-License-Identifier: GPL-2.0
/*
 * A reader who is slow: it stands on a request_sock in a chain, as a lookup in TCP's hash
 * table does, while that is taken out of the chain, freed, and used anew by sluice.
 *
 * What must not be is that it cannot go on: the chain ends in a nulls marker, whatever
 * became of the object.  For tests only.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rculist_nulls.h>
#include <net/request_sock.h>

/* As a bucket's number in TCP's table. */
#define BUCKET 4242

static int stood;
module_param(stood, int, 0444);
MODULE_PARM_DESC(stood, "how often sluice used the object on which it stood");

static int astray;
module_param(astray, int, 0444);
MODULE_PARM_DESC(astray, "and how often it could not go on from there");

/* Runs in the same context, without a pause, as what it is about. */
static int begin(struct kretprobe_instance *instance, struct pt_regs *regs)
	__acquires(RCU)
{
	struct sock *sk = (struct sock *)regs_get_kernel_argument(regs, 0);
	struct kmem_cache *slab = sk->sk_prot->rsk_prot->slab;
	struct request_sock **place = (struct request_sock **)instance->data;
	struct hlist_nulls_head chain;
	struct sock *req;

	rcu_read_lock();
	*place = kmem_cache_alloc(slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!*place)
		return 0;
	req = req_to_sk(*place);
	INIT_HLIST_NULLS_HEAD(&chain, BUCKET);
	hlist_nulls_add_head_rcu(&req->sk_nulls_node, &chain);
	hlist_nulls_del_init_rcu(&req->sk_nulls_node);
	refcount_set(&req->sk_refcnt, 0);
	/* What is freed last is given out first. */
	kmem_cache_free(slab, *place);
	return 0;
}

static int end(struct kretprobe_instance *instance, struct pt_regs *regs)
	__releases(RCU)
{
	struct request_sock *place = *(struct request_sock **)instance->data;

	if (place && (void *)regs_return_value(regs) == place) {
		struct hlist_nulls_node *next = READ_ONCE(req_to_sk(place)->sk_nulls_node.next);

		stood++;
		if (!is_a_nulls(next) || get_nulls_value(next) != BUCKET)
			astray++;
	}
	rcu_read_unlock();
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name	= "sluice:request_alloc",
	.entry_handler	= begin,
	.handler	= end,
	.data_size	= sizeof(struct request_sock *),
	.maxactive	= 64,
};

static int __init stand_init(void)
{
	return register_kretprobe(&probe);
}

static void __exit stand_exit(void)
{
	unregister_kretprobe(&probe);
	if (probe.nmissed)
		pr_warn("stand: missed %d\n", probe.nmissed);
}

module_init(stand_init);
module_exit(stand_exit);

MODULE_DESCRIPTION("Stands on memory while it is used anew");
MODULE_LICENSE("GPL");
