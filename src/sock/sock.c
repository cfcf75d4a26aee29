// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks on accepted sockets, reading, closing.
 *
 * A callback rings and returns, but for one: data that come while nobody is in the
 * way are looked at on the spot.
 */
#include <linux/net.h>
#include <linux/slab.h>
#include <net/request_sock.h>

#include "base/lane.h"
#include "compat/net.h"
#include "compat/tcp.h"
#include "sock/options.h"
#include "sock/sock.h"

bool sluice_direct = true;

struct sluice_born sluice_born __read_mostly;

/* It is one of our own that nobody has hooked. The same each time. Context: process. */
void sluice_sock_learn(const struct sock *sk)
{
	sluice_born.data_ready = sk->sk_data_ready;
	sluice_born.write_space = sk->sk_write_space;
	sluice_born.state_change = sk->sk_state_change;
	sluice_born.error_report = sk->sk_error_report;
}

/* Nobody else in the kernel has to do with it. Socket locked in either form. */
bool sluice_sock_is_as_born(const struct sock *sk)
{
	return !rcu_access_pointer(__sk_user_data(sk)) &&
	       sk->sk_data_ready == sluice_born.data_ready &&
	       sk->sk_write_space == sluice_born.write_space &&
	       sk->sk_state_change == sluice_born.state_change &&
	       sk->sk_error_report == sluice_born.error_report;
}

/*
 * The callbacks of an accepted socket run under its lock in one of its two
 * forms, and detaching happens under the spinning one: what they find in
 * sk_user_data cannot go away under them.
 */
static struct sluice_sock *sock_of(struct sock *sk)
{
	return rcu_dereference_sk_user_data(sk);
}

static void sock_ring(struct sock *sk)
{
	struct sluice_sock *ss;

	rcu_read_lock();
	ss = sock_of(sk);
	if (ss)
		ss->ops->ring(ss);
	rcu_read_unlock();
}

/*
 * TCP holds the lock in its spinning form when it calls this, unless a process owns
 * the socket, and is done with the segment, or (urgent data; no memory for the segment)
 * looks anew at what a turn may change: so this is as good a place as a lane, and saves
 * the way there.  sk_write_space is not: TCP also calls that from the midst of sending.
 */
static void sock_data_ready(struct sock *sk)
{
	struct sluice_sock *ss;

	rcu_read_lock();
	ss = sock_of(sk);
	if (likely(ss)) {
		ss->fin_seen = sock_flag(sk, SOCK_DONE);
		if (READ_ONCE(sluice_direct) && !sock_owned_by_user(sk))
			ss->ops->serve(ss);
		else
			ss->ops->ring(ss);
	}
	rcu_read_unlock();
}

/*
 * When a FIN has come TCP calls this, once or twice, and then sk_data_ready, which is
 * the better place.  And when a handshake is over, of one that is adopted: there is nothing
 * to do before data come.
 */
static void sock_state_change(struct sock *sk)
{
	struct sluice_sock *ss;

	rcu_read_lock();
	ss = sock_of(sk);
	if (ss && sk->sk_state != TCP_ESTABLISHED &&
	    (ss->fin_seen || !sock_flag(sk, SOCK_DONE) || sk->sk_err))
		ss->ops->ring(ss);
	rcu_read_unlock();
}

/*
 * Called on every ACK while SOCK_NOSPACE is set, and, in the middle of sending, when
 * a segment has left.  It stays set while draining: then the ACK that matters is the
 * last one.  Otherwise half of what may wait has to be gone, as for user space: a ring
 * for each segment would cost more than it sends.
 */
static void sock_write_space(struct sock *sk)
{
	struct sluice_sock *ss;

	rcu_read_lock();
	ss = sock_of(sk);
	/* Our own send: it tells its caller, and a ring would only spin. */
	if (ss && !ss->sending) {
		if (ss->drain) {
			if (!sk->sk_wmem_queued)
				ss->ops->ring(ss);
		} else if (__sk_stream_is_writeable(sk, 1)) {
			clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
			ss->ops->ring(ss);
		}
	}
	rcu_read_unlock();
}

/*
 * Callbacks, and what is right for sends from softirq; a child has inherited the latter.
 * Context: socket locked in either form, and its sk_callback_lock.
 */
void sluice_sock_hook(struct sluice_sock *ss)
{
	struct sock *sk = ss->sk;

	ss->fin_seen = sock_flag(sk, SOCK_DONE);
	rcu_assign_pointer(sk->sk_wq, &ss->socket.wq);
	sk_set_socket(sk, &ss->socket);
	rcu_assign_sk_user_data(sk, ss);
	sk->sk_data_ready = sock_data_ready;
	sk->sk_write_space = sock_write_space;
	sk->sk_state_change = sock_state_change;
	sk->sk_error_report = sock_ring;
	sk->sk_allocation = SLUICE_GFP_SENDING;
	compat_sk_use_task_frag(sk, false);
	tcp_sk(sk)->nonagle = TCP_NAGLE_OFF;
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, SLUICE_NOTSENT_LOWAT);
}

/* What is ours of it. Nobody else has it yet. */
static void sock_take(struct sluice_sock *ss, struct sock *sk,
		      const struct proto_ops *socket_ops, const struct sluice_sock_ops *ops)
{
	struct socket *sock = &ss->socket;

	ss->sk = sk;
	ss->ops = ops;

	sock->state = SS_CONNECTED;
	sock->type = SOCK_STREAM;
	sock->ops = socket_ops;
	sock->sk = sk;
	init_waitqueue_head(&sock->wq.wait);

	/*
	 * Turns may be on their way when the socket is handed over or closed:
	 * they still need its lock.
	 */
	sock_hold(sk);
}

static void sock_take_callbacks(struct sluice_sock *ss)
{
	write_lock(&ss->sk->sk_callback_lock);
	sluice_sock_hook(ss);
	write_unlock(&ss->sk->sk_callback_lock);
}

/**
 * sluice_sock_attach() - take over a child from our own accept queue
 * @ss:       zeroed, but for its @stats
 * @req:      from reqsk_queue_remove(); its reference and the child's move here
 * @lis:      the listener
 * @ops:      who is to be rung
 *
 * Data or an end may have come before: look at the socket once afterwards.
 * Context: BH disabled; the child's lock held by the caller, who found it
 * through @req->sk.
 * Return: 0, or -EBUSY if somebody else has taken it over: then it is not hooked,
 * and all that can be done with it is sluice_sock_bury().
 */
int sluice_sock_attach(struct sluice_sock *ss, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       const struct sluice_sock_ops *ops)
{
	struct sock *sk = req->sk;

	ss->req = req;
	sock_take(ss, sk, lis->sock->ops, ops);

	/* A BPF program may have put it into a sockmap at the handshake. */
	if (rcu_access_pointer(__sk_user_data(sk)) != lis)
		return -EBUSY;
	rcu_assign_sk_user_data(sk, NULL);
	if (sk->sk_prot != lis->sock->sk->sk_prot)
		return -EBUSY;

	sock_take_callbacks(ss);
	return 0;
}

/**
 * sluice_sock_adopt() - take a child that TCP is about to have
 * @ss:         zeroed, but for its @stats
 * @sk:         the child, in SYN_RECV; the reference that accept() would get moves here
 * @socket_ops: of TCP sockets of its family
 * @ops:        who is to be rung
 *
 * TCP will look the segment that completes the handshake up once more, and find it: so what
 * comes with that is heard of.  It does not count its network namespace while it is ours;
 * its listener does, who is still there.
 * Context: softirq; child locked by TCP, and nobody else has seen it.
 */
void sluice_sock_adopt(struct sluice_sock *ss, struct sock *sk,
		       const struct proto_ops *socket_ops, const struct sluice_sock_ops *ops)
{
	ss->adopted = true;
	ss->nonagle = tcp_sk(sk)->nonagle;
	ss->notsent_lowat = tcp_sk(sk)->notsent_lowat;
	/* Rules that ask for the owner go on to find the server's. */
	SOCK_INODE(&ss->socket)->i_uid = compat_sk_uid(sk);
	sock_take(ss, sk, socket_ops, ops);
	compat_sock_uncount_net(sk);
	sock_take_callbacks(ss);
}

/*
 * No callback of ours runs afterwards.
 * Context: socket locked in either form, and its sk_callback_lock.
 */
void sluice_sock_unhook(struct sock *sk)
{
	rcu_assign_sk_user_data(sk, NULL);
	sk->sk_data_ready = sluice_born.data_ready;
	sk->sk_write_space = sluice_born.write_space;
	sk->sk_state_change = sluice_born.state_change;
	sk->sk_error_report = sluice_born.error_report;
}

/* As for a child on an accept queue. Socket and sk_callback_lock locked. */
void sluice_sock_restore(struct sluice_sock *ss)
{
	struct sock *sk = ss->sk;

	sk->sk_allocation = GFP_KERNEL;
	compat_sk_use_task_frag(sk, true);
	tcp_sk(sk)->nonagle = ss->nonagle;
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, ss->notsent_lowat);
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
}

/**
 * sluice_sock_detach() - leave the socket as if it had never been ours
 * @ss: an attached socket
 *
 * No callback runs afterwards. The socket is as a child is that waits on an
 * accept queue; the reference of sluice_sock_attach() stays.
 * Context: socket locked, not busy.
 */
void sluice_sock_detach(struct sluice_sock *ss)
{
	struct sock *sk = ss->sk;

	write_lock(&sk->sk_callback_lock);
	sluice_sock_unhook(sk);
	sluice_sock_restore(ss);
	write_unlock(&sk->sk_callback_lock);
}

/* Give back the memory of the socket. Context: any. */
void sluice_sock_release(struct sluice_sock *ss)
{
	sock_put(ss->sk);
}

/**
 * sluice_sock_peek() - copy what was received, and leave it where it is
 * @sk:   the socket
 * @buf:  where to
 * @size: at most so many bytes
 *
 * Context: socket locked, not busy.
 * Return: bytes copied.
 */
size_t sluice_sock_peek(struct sock *sk, u8 *buf, size_t size)
{
	return sluice_sock_peek_at(sk, tcp_sk(sk)->copied_seq, buf, size);
}

/* The same from @seq on, which is not before what was read. Socket locked in either form. */
size_t sluice_sock_peek_at(struct sock *sk, u32 seq, u8 *buf, size_t size)
{
	struct sk_buff *skb;
	size_t done = 0;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 off = seq - TCP_SKB_CB(skb)->seq;
		size_t n;

		if (off >= skb->len)	/* it is behind us, or only its FIN is left */
			continue;
		n = min_t(size_t, skb->len - off, size - done);
		if (skb_copy_bits(skb, off, buf + done, n))
			break;
		done += n;
		seq += n;
		if (done == size)
			break;
	}
	return done;
}

/* Drop @len bytes that were peeked. Context: socket locked, not busy. */
void sluice_sock_consume(struct sock *sk, size_t len)
{
	if (len)
		tcp_read_done(sk, len);
}

/* Drop what was received, at most @max bytes of it. Returns how much. */
size_t sluice_sock_discard(struct sock *sk, size_t max)
{
	size_t len = min_t(size_t, tcp_inq(sk), max);

	sluice_sock_consume(sk, len);
	return len;
}

/* Say that nothing more will be sent. Context: socket locked, not busy. */
void sluice_sock_shutdown(struct sluice_sock *ss)
{
	struct sock *sk = ss->sk;

	if (sk->sk_shutdown & SEND_SHUTDOWN)
		return;
	sk->sk_shutdown |= SEND_SHUTDOWN;
	sk->sk_prot->shutdown(sk, SEND_SHUTDOWN);
}

/* Closing will send a RST: the client must not take what it got for whole. */
void sluice_sock_reset_on_close(struct sluice_sock *ss)
{
	sock_set_flag(ss->sk, SOCK_LINGER);
	ss->sk->sk_lingertime = 0;
}

static void request_free(struct request_sock *req)
{
	/* reqsk_put(), open-coded: since 7.0 it calls what is not exported. */
	if (!refcount_dec_and_test(&req->rsk_refcnt))
		return;
	req->rsk_ops->destructor(req);
	if (req->rsk_listener)
		sock_put(req->rsk_listener);
	kfree(req->saved_syn);
	kmem_cache_free(req->rsk_ops->slab, req);
}

/*
 * Sockets that wait to be closed, and who closes them.  Each CPU closes its own:
 * where the last segments of a connection are processed its cache lines are.
 */
struct graveyard {
	struct llist_head	graves;
	struct delayed_work	work;
};

static DEFINE_PER_CPU(struct graveyard, graveyards);
static struct workqueue_struct *closing;

/*
 * Routes are their namespace's, and who waits for a disk may have the socket for longer than
 * that is there.  As tcp_disconnect() does it; what is counted keeps it there.
 */
static void drop_routes(struct sock *sk)
{
	if (sk->sk_net_refcnt)
		return;
	sk_dst_reset(sk);
	dst_release(xchg((__force struct dst_entry **)&sk->sk_rx_dst, NULL));
}

static void bury_work(struct work_struct *work)
{
	struct graveyard *yard = container_of(to_delayed_work(work),
					      struct graveyard, work);
	struct llist_node *list = llist_del_all(&yard->graves);
	struct sluice_sock *ss, *next;

	llist_for_each_entry_safe(ss, next, list, grave) {
		ss->sk->sk_prot->close(ss->sk, 0);
		drop_routes(ss->sk);
		if (ss->req)
			request_free(ss->req);
		ss->ops->buried(ss);
		cond_resched();
	}
}

/* It is not dead, nor going to be reset. */
static bool outlives_close(const struct sock *sk)
{
	return sk->sk_state != TCP_CLOSE && !(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime);
}

/**
 * sluice_sock_bury() - close a detached socket, soon
 * @ss: detached; ops->buried() is called when it is gone
 *
 * Closing may sleep, so it is left to a worker, a batch at a time; nobody else has a
 * file of it, so not for long.
 *
 * While it is ours it does not count its network namespace, as its listener does not.  A
 * socket that does not has no timers any more once it is closed, so that it may not have
 * anything to send then, nor wait for an answer.  So from here on it counts it; or, if the
 * namespace is about to go, it is reset.
 * Context: any, BH off.
 */
void sluice_sock_bury(struct sluice_sock *ss)
{
	struct graveyard *yard = this_cpu_ptr(&graveyards);

	if (outlives_close(ss->sk) && !compat_sock_count_net(ss->sk))
		sluice_sock_reset_on_close(ss);
	/* A jiffy later, so that many are closed for one wake-up. */
	if (llist_add(&ss->grave, &yard->graves))
		queue_delayed_work_on(smp_processor_id(), closing, &yard->work,
				      1);
}

/* What was buried before is closed when this returns. Context: process. */
void sluice_socks_settle(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		flush_delayed_work(&per_cpu_ptr(&graveyards, cpu)->work);
}

int sluice_socks_init(void)
{
	int cpu;

	sluice_options_init();
	closing = alloc_workqueue("sluice_close",
				  WQ_PERCPU | WQ_CPU_INTENSIVE, 0);
	if (!closing)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct graveyard *yard = per_cpu_ptr(&graveyards, cpu);

		init_llist_head(&yard->graves);
		INIT_DELAYED_WORK(&yard->work, bury_work);
	}
	return 0;
}

/* All are buried; a timer may still be armed for a grave that is empty. */
void sluice_socks_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(&graveyards, cpu)->work);
	destroy_workqueue(closing);
}
