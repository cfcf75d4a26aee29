/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP socket while sluice owns it: callbacks, peek and consume, close.
 *
 * The rules that everything above relies on:
 *
 *  - The socket is only ever locked in its spinning form (sluice_sock_lock()),
 *    never owned with lock_sock().  So callbacks do not re-enter us through the
 *    backlog, and a handoff is legal at any moment that holds the lock.
 *  - Others may own it for a moment (ss -K, tcp_abort()): sluice_sock_is_busy()
 *    must be asked before anything is touched.
 *  - Bytes stay in the receive queue until their request has been answered.
 */
#ifndef SLUICE_SOCK_SOCK_H
#define SLUICE_SOCK_SOCK_H

#include <linux/llist.h>
#include <linux/uio.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

struct sluice_loan;
struct sluice_sock;
struct sluice_store;

/*
 * Bytes that may wait behind those in flight.  They keep pages in memory, and it is
 * not until they have left that a connection can be handed over.
 */
#define SLUICE_NOTSENT_LOWAT (256 * 1024)

/**
 * struct sluice_sock_ops - what the room above wants to hear of
 * @ring:   something happened: data, space, end, error. Under the socket's
 *          lock in either form; queues a turn and nothing else
 * @serve:  data came, and a turn may be taken here and now. BH disabled, socket
 *          locked and not busy, rcu_read_lock(); may detach the socket
 * @buried: the socket is closed and gone. Process context
 */
struct sluice_sock_ops {
	void (*ring)(struct sluice_sock *ss);
	void (*serve)(struct sluice_sock *ss);
	void (*buried)(struct sluice_sock *ss);
};

/**
 * struct sluice_sock - an accepted socket without a file or an inode
 * @stats: const: the counters of the instance
 * @store: const: that of the instance; for the rooms above
 * @sk:    the socket; counted until sluice_sock_release()
 * @req:   its request_sock, kept: it is what goes onto a backend's queue; NULL when
 *         it went
 * @ops:   const
 * @drain: under the socket's lock: ring only when all that was sent is acked
 * @sending: under the socket's lock: inside our own send, which reports for itself
 * @fin_seen: under the socket's lock: sk_data_ready was called since the FIN came
 * @loan: under the socket's lock: NULL unless the backend has it, see loan/loan.h
 * @write_seq: under the socket's lock, while it is lent: behind the last byte that is known
 *             of, ours or the backend's
 * @rescues: under the socket's lock: times that it was taken back with requests, since one
 *           was answered
 * @taken_back: it was lent, and is not any more
 * @adopted: const: a child of the backend's own listening socket, whose address and port it has
 * @nonagle: const: as the backend is to find it
 * @notsent_lowat: likewise
 * @grave: place among the sockets that wait to be closed
 * @socket: what tcp dereferences when its buffer is full
 * @to_uid: behind a struct socket SOCK_INODE() expects an inode, of which
 *          /proc/net/tcp and the like read the owner
 * @to_ino: and the number: zeroes, and as much of an inode as there must be
 */
struct sluice_sock {
	struct sluice_stats __percpu	*stats;
	struct sluice_store		*store;
	struct sock			*sk;
	struct request_sock		*req;
	const struct sluice_sock_ops	*ops;
	bool				drain;
	bool				sending;
	bool				fin_seen;
	bool				taken_back;
	bool				adopted;
	u8				nonagle;
	u8				rescues;
	u32				notsent_lowat;
	u32				write_seq;
	struct sluice_loan		*loan;
	struct llist_node		grave;
	union {
		struct socket		socket;
		u8			to_uid[offsetofend(struct socket_alloc,
							   vfs_inode.i_uid)];
		u8			to_ino[offsetofend(struct socket_alloc,
							   vfs_inode.i_ino)];
	};
};

/**
 * struct sluice_listen_sock - a listening socket whose children we take
 * @sock:  the socket
 * @ring:  a child waits on the accept queue, and may be locked. Softirq
 * @serve: data came for a child that waits there: it may be taken and have a turn
 *         here and now. BH disabled, child locked and not busy, rcu_read_lock()
 * @lost:  somebody else has it not listen any more, and what waited is reset. BH disabled,
 *         locked
 */
struct sluice_listen_sock {
	struct socket	*sock;
	void		(*ring)(struct sluice_listen_sock *lis);
	void		(*serve)(struct sluice_listen_sock *lis,
				 struct sock *child);
	void		(*lost)(struct sluice_listen_sock *lis);
};

static inline void sluice_sock_lock(struct sluice_sock *ss)
{
	bh_lock_sock(ss->sk);
}

static inline void sluice_sock_unlock(struct sluice_sock *ss)
{
	bh_unlock_sock(ss->sk);
}

/* IPv4, also through a socket of IPv6 (v4-mapped): TCP looks it up likewise. */
static inline bool sluice_sock_is_ipv4(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return true;
#endif
}

/* The socket is locked in either form. Nothing without lockdep. */
static inline void sluice_sock_assert_locked(const struct sock *sk)
{
	sock_owned_by_me(sk);
}

/* And it is in the spinning one, as in each turn. */
static inline void sluice_sock_assert_turn(const struct sock *sk)
{
	lockdep_assert_held(&sk->sk_lock.slock);
}

/* A process owns the socket for the moment. Socket locked. */
static inline bool sluice_sock_is_busy(const struct sluice_sock *ss)
{
	return sock_owned_by_user(ss->sk);
}

/* No byte will arrive after those in the receive queue. Socket locked. */
static inline bool sluice_sock_at_eof(const struct sock *sk)
{
	return sk->sk_shutdown & RCV_SHUTDOWN || sk->sk_state == TCP_CLOSE_WAIT;
}

/* Reset, timed out or aborted: nothing can be sent or received. */
static inline bool sluice_sock_is_dead(const struct sock *sk)
{
	return sk->sk_err || sk->sk_state == TCP_CLOSE;
}

/*
 * What a TCP socket is born with, learnt from our own before they are hooked: the functions
 * are not exported.
 */
struct sluice_born {
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	void (*error_report)(struct sock *sk);
};

extern struct sluice_born sluice_born;

void sluice_sock_learn(const struct sock *sk);
bool sluice_sock_is_as_born(const struct sock *sk);

int sluice_sock_attach(struct sluice_sock *ss, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       const struct sluice_sock_ops *ops);
void sluice_sock_adopt(struct sluice_sock *ss, struct sock *sk,
		       const struct proto_ops *socket_ops, const struct sluice_sock_ops *ops);
void sluice_sock_hook(struct sluice_sock *ss);
void sluice_sock_unhook(struct sock *sk);
void sluice_sock_restore(struct sluice_sock *ss);
void sluice_sock_detach(struct sluice_sock *ss);
void sluice_sock_release(struct sluice_sock *ss);

size_t sluice_sock_peek(struct sock *sk, u8 *buf, size_t size);
size_t sluice_sock_peek_at(struct sock *sk, u32 seq, u8 *buf, size_t size);
void sluice_sock_consume(struct sock *sk, size_t len);
size_t sluice_sock_discard(struct sock *sk, size_t max);

void sluice_sock_shutdown(struct sluice_sock *ss);
void sluice_sock_reset_on_close(struct sluice_sock *ss);
void sluice_sock_bury(struct sluice_sock *ss);
void sluice_socks_settle(void);

int sluice_socks_init(void);
void sluice_socks_exit(void);

/* Tunable, see ctl/settings.c. */
extern bool sluice_direct;

#endif /* SLUICE_SOCK_SOCK_H */
