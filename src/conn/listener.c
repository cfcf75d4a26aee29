// SPDX-License-Identifier: GPL-2.0
/*
 * Listening sockets: opened in the network namespace of their instance, drained by
 * lanes without a struct file or an inode for what comes in.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/lane.h"
#include "compat/net.h"
#include "conn/conn.h"
#include "conn/listener.h"
#include "conn/turn.h"
#include "loan/handoff.h"
#include "loan/lend.h"
#include "sock/listen.h"
#include "sock/sock.h"
#include "store/site.h"

/* Unless net.core.somaxconn wants less. */
#define BACKLOG 4096
/* Connections taken per turn. */
#define ACCEPT_BUDGET 64
/* Without memory, children wait this long on the queue before we try again. */
#define ACCEPT_RETRY (HZ / 10)
/* While the port is another's we try again after a second, two, four, ... */
#define REOPEN_PAUSE_MIN HZ
#define REOPEN_PAUSE_MAX (32 * HZ)
/* How often we look which sockets the backend has. */
#define FOLLOW_INTERVAL HZ
/* How long unload waits for handshakes that were begun. */
#define HANDSHAKES_MAX HZ

struct sluice_listener;

/**
 * struct accept_turn - taking what waits on the accept queue
 * @turn:     one per CPU, so that each lane takes the connections that it hears of
 * @listener: whose queue
 * @later:    queues the turn; pinned to the CPU
 */
struct accept_turn {
	struct sluice_turn	turn;
	struct sluice_listener	*listener;
	struct timer_list	later;
};

/**
 * struct sluice_listener - one address that we listen on
 * @conns:  of the instance
 * @ls:     the socket and its hook
 * @turns:  per CPU
 * @reopen: have the socket listen again, when it was made to stop
 * @pause:  @reopen's own: jiffies until it tries once more, 0 if it has not failed
 * @deaf:   it shall not listen any more
 * @twin:   of an IPv4 address there are two, one of each family, and each has the other; NULL
 *          if there is but one
 * @follow: of the one whose family is AF_INET: look which of the two is to hear
 *
 * Opened and closed with the instance, constant in between.
 *
 * Who accepts a connection makes of it what his own listener is of, AF_INET or, if that takes
 * IPv6 and IPv4 both, as servers open it by default, AF_INET6 (v4-mapped).  What is born as
 * the one cannot be made the other.  So of an IPv4 address two sockets are bound, and that of
 * the backend's family is in the table where TCP looks for listeners.  When the backend comes
 * back with the other, the other is put in, and then this one taken out: TCP prefers the one
 * of AF_INET while both are there, so at no time there is none.  It stays in TCP_LISTEN:
 * handshakes that it has begun end, and who waits on its queue is taken.  Only those that a
 * SYN cookie stands for are not.
 */
struct sluice_listener {
	struct sluice_conns		*conns;
	struct sluice_listen_sock	ls;
	struct accept_turn __percpu	*turns;
	struct delayed_work		reopen;
	unsigned long			pause;
	bool				deaf;
	struct sluice_listener		*twin;
	struct delayed_work		follow;
};

/*
 * Softirq, in the middle of tcp: children may be locked.  Most will have data before
 * the next jiffy, and are taken when those come; so the others can wait for each other.
 */
static void listener_ring(struct sluice_listen_sock *ls)
{
	struct sluice_listener *lis =
		container_of(ls, struct sluice_listener, ls);
	struct accept_turn *accept = this_cpu_ptr(lis->turns);
	struct sock *sk = ls->sock->sk;

	if (!READ_ONCE(sluice_direct) ||
	    READ_ONCE(sk->sk_ack_backlog) > READ_ONCE(sk->sk_max_ack_backlog) / 8)
		sluice_lane_queue(&accept->turn);
	else if (!timer_pending(&accept->later))
		mod_timer(&accept->later, jiffies + 1);
}

static void accept_later(struct timer_list *timer)
{
	struct accept_turn *accept = timer_container_of(accept, timer, later);
	struct sock *sk = accept->listener->ls.sock->sk;

	if (!reqsk_queue_empty(&inet_csk(sk)->icsk_accept_queue))
		sluice_lane_queue(&accept->turn);
}

/*
 * A child has its first data: take it and answer, in place.  Softirq, child locked, and
 * held by whoever received them.
 */
static void listener_serve(struct sluice_listen_sock *ls, struct sock *child)
{
	struct sluice_listener *lis =
		container_of(ls, struct sluice_listener, ls);
	struct request_sock *req = NULL;
	struct sluice_lane *lane;
	struct sluice_conn *conn;

	/* Memory first: what is on the queue can only be taken, not put back. */
	conn = sluice_conn_alloc(lis->conns);
	if (!conn)
		return;		/* the listener's turn will come, or we leave */
	lane = sluice_lane_borrow();
	if (lane)
		req = sluice_listen_take(ls, child);
	if (req) {
		sluice_conn_start(conn, req, ls, lane);
	} else {
		/* Others come first, or another lane has it already. */
		sluice_conn_free_unused(conn);
		sluice_lane_queue(&this_cpu_ptr(lis->turns)->turn);
	}
	if (lane)
		sluice_lane_return(lane);
}

static void accept_one(struct sluice_conn *conn, struct request_sock *req,
		       const struct sluice_listen_sock *ls,
		       struct sluice_lane *lane)
{
	struct sock *sk = req->sk;

	sock_hold(sk);		/* the first step may be the last */
	rcu_read_lock();
	bh_lock_sock(sk);
	sluice_conn_start(conn, req, ls, lane);
	bh_unlock_sock(sk);
	rcu_read_unlock();
	sock_put(sk);
}

static void accept_run(struct sluice_turn *turn, struct sluice_lane *lane)
{
	struct accept_turn *accept =
		container_of(turn, struct accept_turn, turn);
	struct sluice_listen_sock *ls = &accept->listener->ls;
	struct sock *sk = ls->sock->sk;
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	int budget = ACCEPT_BUDGET;

	while (!reqsk_queue_empty(queue)) {
		struct request_sock *req;
		struct sluice_conn *conn;

		if (!budget--) {
			sluice_lane_queue(turn);
			return;
		}
		conn = sluice_conn_alloc(accept->listener->conns);
		if (!conn) {
			mod_timer(&accept->later, jiffies + ACCEPT_RETRY);
			return;
		}
		req = reqsk_queue_remove(queue, sk);
		if (!req) {		/* another lane was quicker */
			sluice_conn_free_unused(conn);
			return;
		}
		accept_one(conn, req, ls, lane);
	}
}

static int set_option(struct socket *sock, int level, int option, int value)
{
	return sock->ops->setsockopt(sock, level, option,
				     KERNEL_SOCKPTR(&value), sizeof(value));
}

/* @reuse: SK_CAN_REUSE; or SK_FORCE_REUSE, for nobody else can have the port. */
static void set_reuse(struct socket *sock, unsigned char reuse)
{
	lock_sock(sock->sk);
	sock->sk->sk_reuse = reuse;
	release_sock(sock->sk);
}

static bool is_v4mapped(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 &&
	       ipv6_addr_v4mapped(&((const struct sockaddr_in6 *)addr)->sin6_addr);
}

/* Of IPv4, as AF_INET6 says it: ::ffff:0.0.0.0 is all of IPv4, and nothing of IPv6. */
static int listener_bind(struct socket *sock,
			 const struct sockaddr_storage *addr,
			 unsigned int defer_accept)
{
	int len = addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						sizeof(struct sockaddr_in);
	int err;

	/* That of AF_INET has the port already. */
	set_reuse(sock, is_v4mapped(addr) ? SK_FORCE_REUSE : SK_CAN_REUSE);
	/* Inherited: a response is pushed when we say so. */
	tcp_sock_set_nodelay(sock->sk);
	if (addr->ss_family == AF_INET6) {
		err = set_option(sock, SOL_IPV6, IPV6_V6ONLY, !is_v4mapped(addr));
		if (err)
			return err;
	}
	if (defer_accept) {
		err = set_option(sock, SOL_TCP, TCP_DEFER_ACCEPT, defer_accept);
		if (err)
			return err;
	}
	return kernel_bind(sock, (struct sockaddr_unsized *)addr, len);
}

/* For a system call listen(2) would see to it. */
static int listener_backlog(const struct socket *sock)
{
	return min(BACKLOG, READ_ONCE(sock_net(sock->sk)->core.sysctl_somaxconn));
}

static bool listener_listens(const struct sluice_listener *lis)
{
	return READ_ONCE(lis->ls.sock->sk->sk_state) == TCP_LISTEN;
}

/*
 * For the first time, or again.  While its twin listens nobody else can have taken the port,
 * and TCP would say that the twin has.
 */
static int listener_listen(struct sluice_listener *lis)
{
	struct socket *sock = lis->ls.sock;
	int err;

	sluice_listen_reset(&lis->ls);
	if (lis->twin && listener_listens(lis->twin))
		set_reuse(sock, SK_FORCE_REUSE);
	err = kernel_listen(sock, listener_backlog(sock));
	set_reuse(sock, SK_CAN_REUSE);
	return err;
}

/* Put into the table, where TCP looks; if it is there it stays. */
static int listener_let_in(struct sluice_listener *lis)
{
	struct sock *sk = lis->ls.sock->sk;
	int err = 0;

	if (!listener_listens(lis))
		return listener_listen(lis);
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN && sk_unhashed(sk))
		err = sk->sk_prot->hash(sk);
	release_sock(sk);
	return err;
}

/* Taken out, as when it is closed, but that what is on its way is still accepted. */
static void listener_keep_out(struct sluice_listener *lis)
{
	struct sock *sk = lis->ls.sock->sk;

	lock_sock(sk);
	sk->sk_prot->unhash(sk);
	release_sock(sk);
}

static int backend_family(const struct sluice_listener *lis)
{
	const struct sock *sk = lis->ls.sock->sk;
	u16 port;

	rcu_read_lock();
	port = sluice_site_peek(lis->conns->store)->backend_port;
	rcu_read_unlock();
	return sluice_backend_find(sock_net(sk), AF_INET, inet_sk(sk)->inet_rcv_saddr, port, NULL);
}

/* While there is no backend it stays as it is.  @lis is the one of AF_INET. */
static void listener_follow(struct sluice_listener *lis)
{
	struct sluice_listener *in = lis, *out = lis->twin;
	int family = backend_family(lis);

	if (!family)
		return;
	if (family == AF_INET6)
		swap(in, out);
	if (!listener_let_in(in))
		listener_keep_out(out);
}

static void follow_work(struct work_struct *work)
{
	struct sluice_listener *lis =
		container_of(to_delayed_work(work), struct sluice_listener, follow);

	listener_follow(lis);
	queue_delayed_work(sluice_housekeeping, &lis->follow, FOLLOW_INTERVAL);
}

/* Softirq, socket locked: see struct sluice_listen_sock. */
static void listener_lost(struct sluice_listen_sock *ls)
{
	struct sluice_listener *lis =
		container_of(ls, struct sluice_listener, ls);

	sluice_stat_inc(lis->conns->stats, SLUICE_STAT_LISTENERS_LOST);
	queue_delayed_work(sluice_housekeeping, &lis->reopen, 0);
}

/* It is said once, for it may take long; that it is over is said, too. */
static void listener_put_off(struct sluice_listener *lis,
			     const struct sockaddr_storage *addr, int err)
{
	if (!lis->pause)
		pr_err("%s%pISpc: closed by another (ss -K, BPF), and cannot listen again yet (%pe); stop the server that took the port, if one did\n",
		       lis->conns->prefix, addr, ERR_PTR(err));
	lis->pause = clamp(2 * lis->pause, (unsigned long)REOPEN_PAUSE_MIN,
			   (unsigned long)REOPEN_PAUSE_MAX);
	queue_delayed_work(sluice_housekeeping, &lis->reopen, lis->pause);
}

/*
 * The same socket listens again: so it has the options, the credentials and the namespace
 * that it was given, and what leads to it stays as it is.  If it has its port: that
 * stays bound to it, but another may listen there meanwhile.
 */
static void listener_reopen(struct work_struct *work)
{
	struct sluice_listener *lis =
		container_of(to_delayed_work(work), struct sluice_listener, reopen);
	struct sockaddr_storage addr = {};
	int err;

	if (READ_ONCE(lis->deaf))
		return;
	kernel_getsockname(lis->ls.sock, (struct sockaddr *)&addr);
	err = listener_listen(lis);
	if (err) {
		listener_put_off(lis, &addr, err);
		return;
	}
	lis->pause = 0;
	sluice_stat_inc(lis->conns->stats, SLUICE_STAT_LISTENERS_REOPENED);
	pr_warn("%s%pISpc: closed by another (ss -K, BPF); listens again\n",
		lis->conns->prefix, &addr);
}

/* Ready to listen: no child comes without a ring. */
static int listener_prepare(struct sluice_listener *lis)
{
	int cpu;

	lis->turns = alloc_percpu(struct accept_turn);
	if (!lis->turns)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct accept_turn *turn = per_cpu_ptr(lis->turns, cpu);

		turn->turn.run = accept_run;
		turn->listener = lis;
		timer_setup(&turn->later, accept_later, TIMER_PINNED);
	}
	/*
	 * No TCP Fast Open, whatever the sysctl says: such a child shares its
	 * request_sock with the queue until the handshake is over.  0 would
	 * mean "not decided yet".
	 */
	inet_csk(lis->ls.sock->sk)->icsk_accept_queue.fastopenq.max_qlen = -1;
	lis->ls.ring = listener_ring;
	lis->ls.serve = listener_serve;
	lis->ls.lost = listener_lost;
	INIT_DELAYED_WORK(&lis->reopen, listener_reopen);
	INIT_DELAYED_WORK(&lis->follow, follow_work);
	sluice_lend_learn(lis->ls.sock->sk);
	sluice_listen_hook(&lis->ls);
	return 0;
}

/*
 * Closing the socket resets children that nobody took.  They still carry the
 * listener's callback, which finds that no connection can begin any more, and is over
 * when synchronize_net() returns.
 */
static void listener_close(struct sluice_listener *lis)
{
	int cpu;

	sluice_listen_unhook(&lis->ls);
	synchronize_net();
	cancel_delayed_work_sync(&lis->reopen);
	for_each_possible_cpu(cpu) {
		struct accept_turn *accept = per_cpu_ptr(lis->turns, cpu);

		timer_shutdown_sync(&accept->later);
		sluice_lane_wait(&accept->turn);
	}
	sock_release(lis->ls.sock);
	synchronize_net();
	free_percpu(lis->turns);
	kfree(lis);
}

/* Return: one that is bound and ready to listen, or an ERR_PTR(). */
static struct sluice_listener *listener_make(struct sluice_conns *conns, struct net *net,
					     const struct sockaddr_storage *addr,
					     unsigned int defer_accept)
{
	struct sluice_listener *lis;
	int err;

	lis = kzalloc(sizeof(*lis), GFP_KERNEL);
	if (!lis)
		return ERR_PTR(-ENOMEM);
	lis->conns = conns;

	/*
	 * A user's socket, not the kernel's, as a backend's own would be; but for what holds
	 * the namespace, which its children inherit: see sluice_sock_bury().
	 */
	err = __sock_create(net, addr->ss_family, SOCK_STREAM, IPPROTO_TCP, &lis->ls.sock, 0);
	if (err)
		goto err_free;
	compat_sock_uncount_net(lis->ls.sock->sk);
	err = listener_bind(lis->ls.sock, addr, defer_accept);
	if (!err)
		err = listener_prepare(lis);
	if (!err)
		return lis;

	sock_release(lis->ls.sock);
err_free:
	kfree(lis);
	return ERR_PTR(err);
}

/*
 * The same address, for a backend whose socket takes IPv6 too.  Without IPv6 there is no such
 * backend.
 */
static void listener_make_twin(struct sluice_listener *lis, struct net *net,
			       const struct sockaddr_in *addr, unsigned int defer_accept)
{
	struct sockaddr_storage mapped = {};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&mapped;
	struct sluice_conns *conns = lis->conns;
	struct sluice_listener *twin;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = addr->sin_port;
	ipv6_addr_set_v4mapped(addr->sin_addr.s_addr, &in6->sin6_addr);
	twin = listener_make(conns, net, &mapped, defer_accept);
	if (IS_ERR(twin)) {
		if (PTR_ERR(twin) != -EAFNOSUPPORT)
			pr_warn("%s%pISpc: cannot be bound (%pe); a backend that takes IPv4 and IPv6 by one socket gets no IPv4 connections\n",
				conns->prefix, in6, twin);
		return;
	}
	twin->twin = lis;
	lis->twin = twin;
	conns->listeners[conns->listener_count++] = twin;
	follow_work(&lis->follow.work);
}

/**
 * sluice_listener_open() - listen on an address
 * @conns:        of the instance
 * @net:          where
 * @addr:         IPv4, or IPv6 which is then IPv6 only, with the port
 * @defer_accept: seconds for TCP_DEFER_ACCEPT, 0 for not
 *
 * Context: process.
 * Return: 0, or -EADDRINUSE, -EADDRNOTAVAIL, ...
 */
int sluice_listener_open(struct sluice_conns *conns, struct net *net,
			 const struct sockaddr_storage *addr, unsigned int defer_accept)
{
	struct sluice_listener *lis;
	int err;

	if (conns->address_count == SLUICE_ADDRESSES_MAX)
		return -E2BIG;
	lis = listener_make(conns, net, addr, defer_accept);
	if (IS_ERR(lis))
		return PTR_ERR(lis);
	err = listener_listen(lis);
	if (err) {
		listener_close(lis);
		return err;
	}
	conns->listeners[conns->listener_count++] = lis;
	conns->address_count++;
	if (addr->ss_family == AF_INET)
		listener_make_twin(lis, net, (const struct sockaddr_in *)addr, defer_accept);
	return 0;
}

/*
 * As when it is closed, but that what is on its way is still accepted.  If it was lost it
 * stays so: @reopen that comes now does nothing.
 */
static void listener_deafen(struct sluice_listener *lis)
{
	WRITE_ONCE(lis->deaf, true);
	cancel_delayed_work_sync(&lis->follow);
	cancel_delayed_work_sync(&lis->reopen);
	listener_keep_out(lis);
}

/**
 * sluice_listeners_deafen() - refuse new connections
 * @conns: of the instance
 *
 * Context: process. Does nothing the second time.
 */
void sluice_listeners_deafen(struct sluice_conns *conns)
{
	unsigned int i;

	for (i = 0; i < conns->listener_count; i++)
		listener_deafen(conns->listeners[i]);
}

/* No handshake is under way, and no child waits. */
static bool listener_is_drained(const struct sluice_listener *lis)
{
	const struct request_sock_queue *queue =
		&inet_csk(lis->ls.sock->sk)->icsk_accept_queue;

	return !reqsk_queue_len(queue) && reqsk_queue_empty(queue);
}

/**
 * sluice_listeners_drain() - let come who is on the way
 * @conns: of the instance
 *
 * After sluice_listeners_deafen().  Whoever began a handshake has a second to end it.
 * Context: process.
 */
void sluice_listeners_drain(struct sluice_conns *conns)
{
	unsigned long patience = jiffies + HANDSHAKES_MAX;
	unsigned int i;

	for (i = 0; i < conns->listener_count; i++)
		while (!listener_is_drained(conns->listeners[i]) &&
		       time_before(jiffies, patience))
			schedule_timeout_idle(1);
}

/**
 * sluice_listeners_close() - stop listening
 * @conns: of the instance
 *
 * After sluice_conns_stop(), so that nothing is taken any more meanwhile.
 * Context: process.
 */
void sluice_listeners_close(struct sluice_conns *conns)
{
	while (conns->listener_count)
		listener_close(conns->listeners[--conns->listener_count]);
}
