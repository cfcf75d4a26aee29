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
#include <net/sock.h>
#include <net/tcp.h>

#include "base/stats.h"
#include "sock/options.h"

struct sluice_sock;

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
 *
 * Of a socket that is lent, under its lock in either form, and it may not be lent any
 * more when they return:
 *
 * @heard:  data came, or an end. rcu_read_lock()
 * @wrote:  the backend has written the first @len of @bytes. Process context
 * @closing: the backend shuts it down for writing. Process context. Return: 0 if no
 *           FIN is to be sent, since it will be taken back when it is closed; or what it
 *           is left for
 * @closed: the backend closes it. Process context. Return: true if it was taken back
 * @leave:  something is done to it that cannot be followed
 */
struct sluice_sock_ops {
	void (*ring)(struct sluice_sock *ss);
	void (*serve)(struct sluice_sock *ss);
	void (*buried)(struct sluice_sock *ss);
	void (*heard)(struct sluice_sock *ss);
	void (*wrote)(struct sluice_sock *ss, struct iov_iter *bytes, size_t len);
	enum sluice_stat (*closing)(struct sluice_sock *ss);
	bool (*closed)(struct sluice_sock *ss);
	void (*leave)(struct sluice_sock *ss, enum sluice_stat why);
};

/**
 * struct sluice_sock - an accepted socket without a file or an inode
 * @sk:    the socket; counted until sluice_sock_release()
 * @req:   its request_sock, kept: it is what goes onto a backend's queue; NULL when
 *         it went
 * @ops:   const
 * @drain: under the socket's lock: ring only when all that was sent is acked
 * @sending: under the socket's lock: inside our own send, which reports for itself
 * @fin_seen: under the socket's lock: sk_data_ready was called since the FIN came
 * @lent: under the socket's lock, as all down to @write_seq: the backend has it, see
 *        loan/lend.c
 * @answering: our answer is not all in the socket yet; the backend's writes wait
 * @refused: one does, or may
 * @shut: the backend has shut it down meanwhile
 * @closing: it has done so, and is told that the client has closed, till it closes too:
 *           what it shut down
 * @missed: a turn found it owned: ring when it is released
 * @written: its owner has written, and does not read any more
 * @writers: tasks of the backend that are about to write
 * @writer: number of the task that was so last, for who waits for it
 * @write_seq: behind the last byte that we know of
 * @options: what it was set to when it was lent
 * @taken_back: it was lent, and is not any more
 * @grave: place among the sockets that wait to be closed
 * @socket: what tcp dereferences when its buffer is full
 * @to_uid: behind a struct socket SOCK_INODE() expects an inode, of which
 *          /proc/net/tcp and the like read the owner
 * @to_ino: and the number: zeroes, and as much of an inode as there must be
 */
struct sluice_sock {
	struct sock			*sk;
	struct request_sock		*req;
	const struct sluice_sock_ops	*ops;
	bool				drain;
	bool				sending;
	bool				fin_seen;
	bool				lent;
	bool				answering;
	bool				refused;
	bool				shut;
	bool				missed;
	bool				written;
	bool				taken_back;
	u8				closing;
	unsigned int			writers;
	pid_t				writer;
	u32				write_seq;
	struct sluice_options		options;
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
 * What a TCP socket is born with, learnt from our own listeners before they
 * are hooked: the functions are not exported.
 */
struct sluice_born {
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	void (*error_report)(struct sock *sk);
};

extern struct sluice_born sluice_born;

int sluice_sock_attach(struct sluice_sock *ss, struct request_sock *req,
		       const struct sluice_listen_sock *lis,
		       const struct sluice_sock_ops *ops);
void sluice_sock_hook(struct sluice_sock *ss);
void sluice_sock_restore(struct sock *sk);
void sluice_sock_detach(struct sluice_sock *ss);
void sluice_sock_release(struct sluice_sock *ss);

size_t sluice_sock_peek(struct sock *sk, u8 *buf, size_t size);
size_t sluice_sock_peek_at(struct sock *sk, u32 seq, u8 *buf, size_t size);
void sluice_sock_consume(struct sock *sk, size_t len);
size_t sluice_sock_discard(struct sock *sk, size_t max);

void sluice_sock_shutdown(struct sluice_sock *ss);
void sluice_sock_reset_on_close(struct sluice_sock *ss);
void sluice_sock_bury(struct sluice_sock *ss);

int sluice_socks_init(void);
void sluice_socks_exit(void);

/* Tunable, see ctl/settings.c. */
extern bool sluice_direct;

#endif /* SLUICE_SOCK_SOCK_H */
