// SPDX-License-Identifier: GPL-2.0
/*
 * The floor: the least that answering over TCP from inside the kernel costs.
 *
 * Whatever arrives is dropped unread and answered with one fixed response, right
 * in the socket's callback.  Nothing is parsed, looked up, timed or limited, so
 * what a real server costs above this is what its thinking costs.  For
 * bench/run; of no other use, and not safe where strangers can reach it.
 *
 * One answer per callback: right for clients that wait for it, as wrk does.
 */
#include "../src/compat/compat.h"

#include <linux/gfp.h>
#include <linux/in.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/request_sock.h>
#include <net/sock.h>

#include "../src/compat/tcp.h"

/* As in the module under test: longer bodies leave by reference. */
#define COPY_MAX 4096
#define SIZE_MAX_MB 4
#define BACKLOG 4096

static ushort port = 81;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "TCP port to listen on (default 81)");

static uint size = 1024;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes of the body, at most 4 MiB (default 1024)");

static bool close;
module_param(close, bool, 0444);
MODULE_PARM_DESC(close, "close each connection after one response (default 0)");

/**
 * struct floor_conn - a connection
 * @sk:    the socket; its lock guards @sent and the hooks
 * @req:   freed together with it
 * @sent:  bytes of the response that the socket took; @total when idle
 * @list:  on conns; added by the listener's callback, removed by floor_work()
 * @grave: on the graveyard, once the hooks are off
 */
struct floor_conn {
	struct sock		*sk;
	struct request_sock	*req;
	size_t			sent;
	struct list_head	list;
	struct llist_node	grave;
};

static struct socket *listener;
static struct workqueue_struct *wq;

#define FRAGS 4

/**
 * struct floor_frags - memory for what is copied, lent to sockets that send
 * @frag: taken in turns: when the last is full, the first is acknowledged and
 *        can be filled again
 * @now:  the one in use
 *
 * With memory of its own, each new socket would get and clear 32 KB for its
 * first bytes.  One per CPU, used with BH disabled.
 */
struct floor_frags {
	struct page_frag frag[FRAGS];
	unsigned int now;
};

static DEFINE_PER_CPU(struct floor_frags, frags);

/* Head, and body if it is small; else the body is in pages. */
static u8 *text;
static size_t text_len;
static struct page *pages;
static size_t total;

/* What tcp needs to find in sk_socket when a send buffer is full.  It has one
 * flag, SOCK_NOSPACE: once set it stays, and every ACK asks floor_write_space().
 */
static struct socket_alloc shared;

/* What a socket is born with: the functions are not exported. */
static void (*born_data_ready)(struct sock *sk);
static void (*born_state_change)(struct sock *sk);
static void (*born_write_space)(struct sock *sk);

static LIST_HEAD(conns);
static DEFINE_SPINLOCK(conns_lock);	/* among those who add */
static LLIST_HEAD(graveyard);
static bool rescan;	/* look at all connections again */
static bool leaving;	/* and bury them */

static void floor_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, floor_work);

/* Socket locked. Afterwards no callback finds the connection. */
static void floor_bury(struct floor_conn *conn)
{
	struct sock *sk = conn->sk;

	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	sk->sk_data_ready = born_data_ready;
	sk->sk_state_change = born_state_change;
	sk->sk_write_space = born_write_space;
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	write_unlock_bh(&sk->sk_callback_lock);

	/* Closing may sleep; a jiffy later, so that many share a wake-up. */
	if (llist_add(&conn->grave, &graveyard))
		queue_delayed_work(wq, &work, 1);
}

static struct page_frag *floor_frag(size_t len)
{
	struct floor_frags *f = this_cpu_ptr(&frags);

	if (f->frag[f->now].offset + len > f->frag[f->now].size)
		f->now = (f->now + 1) % FRAGS;
	return &f->frag[f->now];
}

static int floor_send_text(struct floor_conn *conn)
{
	struct sock *sk = conn->sk;
	struct kvec vec = {
		.iov_base = text + conn->sent,
		.iov_len = text_len - conn->sent,
	};
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
			     (text_len < total || close ? MSG_MORE : 0),
	};

	struct page_frag *frag = floor_frag(vec.iov_len);
	int ret;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, vec.iov_len);
	sk->sk_frag = *frag;
	ret = tcp_sendmsg_locked(sk, &msg, vec.iov_len);
	*frag = sk->sk_frag;
	sk->sk_frag.page = NULL;
	return ret;
}

static int floor_send_pages(struct floor_conn *conn)
{
	size_t off = conn->sent - text_len;
	struct bio_vec bv;

	bvec_set_page(&bv, pages, size - off, off);
	return compat_tcp_send_pages(conn->sk, &bv, 1, size - off, close);
}

/* Socket locked, BH disabled. As much as it takes; floor_write_space() goes on. */
static void floor_send(struct floor_conn *conn)
{
	while (conn->sent < total) {
		int ret = conn->sent < text_len ? floor_send_text(conn) :
						  floor_send_pages(conn);

		if (ret == -EAGAIN)
			return;
		if (ret < 0) {
			floor_bury(conn);
			return;
		}
		conn->sent += ret;
	}
	if (close) {
		conn->sk->sk_shutdown |= SEND_SHUTDOWN;
		conn->sk->sk_prot->shutdown(conn->sk, SEND_SHUTDOWN);
		floor_bury(conn);
	}
}

/* Socket locked. */
static void floor_serve(struct floor_conn *conn)
{
	struct sock *sk = conn->sk;
	int len = tcp_inq(sk);

	if (len > 0) {
		tcp_read_done(sk, len);
		if (conn->sent == total) {
			conn->sent = 0;
			floor_send(conn);
		}
	} else if (sk->sk_state != TCP_ESTABLISHED) {
		floor_bury(conn);
	}
}

static void floor_write_space(struct sock *sk)
{
	struct floor_conn *conn = rcu_dereference_sk_user_data(sk);

	if (conn && conn->sent < total && sk_stream_is_writeable(sk))
		floor_send(conn);
}

static void floor_state_change(struct sock *sk)
{
	struct floor_conn *conn = rcu_dereference_sk_user_data(sk);

	if (conn && sk->sk_state != TCP_ESTABLISHED)
		floor_bury(conn);
}

/*
 * Softirq.  The child may be locked, by this CPU even, so it is not touched
 * under its lock: everything is in place before the pointer that makes its
 * inherited callbacks do something.
 */
static void floor_adopt(struct floor_conn *conn, struct request_sock *req)
{
	struct sock *sk = req->sk;

	conn->sk = sk;
	conn->req = req;
	conn->sent = total;

	spin_lock(&conns_lock);
	list_add_tail_rcu(&conn->list, &conns);
	spin_unlock(&conns_lock);

	/* From the last assignment on another CPU may bury it. */
	sock_hold(sk);
	rcu_assign_pointer(sk->sk_wq, &shared.socket.wq);
	sk_set_socket(sk, &shared.socket);
	rcu_assign_sk_user_data(sk, conn);
	/* What arrived before found no pointer: see floor_rescan(). */
	smp_mb();
	if (unlikely(!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
		     READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)) {
		WRITE_ONCE(rescan, true);
		mod_delayed_work(wq, &work, 0);
	}
	sock_put(sk);
}

/* Softirq, the listener is not locked. Without memory the client waits. */
static void floor_accept(struct sock *sk)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;

	while (!reqsk_queue_empty(queue)) {
		struct floor_conn *conn = kmalloc(sizeof(*conn), GFP_ATOMIC);
		struct request_sock *req;

		if (!conn)
			return;
		req = reqsk_queue_remove(queue, sk);
		if (!req) {		/* another CPU was quicker */
			kfree(conn);
			return;
		}
		floor_adopt(conn, req);
	}
}

/* For the listener, and for its children, who inherit it. */
static void floor_data_ready(struct sock *sk)
{
	struct floor_conn *conn;

	if (sk->sk_state == TCP_LISTEN) {
		floor_accept(sk);
		return;
	}
	conn = rcu_dereference_sk_user_data(sk);
	if (conn)
		floor_serve(conn);
}

/* reqsk_put(), open-coded: since 7.0 it calls what is not exported. */
static void floor_free_request(struct request_sock *req)
{
	if (!refcount_dec_and_test(&req->rsk_refcnt))
		return;
	req->rsk_ops->destructor(req);
	if (req->rsk_listener)
		sock_put(req->rsk_listener);
	kfree(req->saved_syn);
	kmem_cache_free(req->rsk_ops->slab, req);
}

/* Only floor_work() removes from the list, so this part of it needs no lock. */
static void floor_rescan(void)
{
	struct floor_conn *conn;

	rcu_read_lock();
	list_for_each_entry_rcu(conn, &conns, list) {
		struct sock *sk = conn->sk;

		spin_lock_bh(&sk->sk_lock.slock);
		if (rcu_dereference_sk_user_data(sk) == conn) {
			if (leaving)
				floor_bury(conn);
			else
				floor_serve(conn);
		}
		spin_unlock_bh(&sk->sk_lock.slock);
	}
	rcu_read_unlock();
}

static void floor_work(struct work_struct *unused)
{
	struct llist_node *graves;
	struct floor_conn *conn, *next;

	if (xchg(&rescan, false))
		floor_rescan();

	graves = llist_del_all(&graveyard);
	llist_for_each_entry_safe(conn, next, graves, grave) {
		spin_lock_bh(&conns_lock);
		list_del_rcu(&conn->list);
		spin_unlock_bh(&conns_lock);
		conn->sk->sk_prot->close(conn->sk, 0);
		floor_free_request(conn->req);
		kfree(conn);
		cond_resched();
	}
}

static int floor_make_response(void)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\n"
		"Server: floor\r\n"
		"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"Content-Type: text/html\r\n"
		"Content-Length: %u\r\n"
		"Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"Connection: %s\r\n"
		"ETag: \"00000000-000\"\r\n"
		"Accept-Ranges: bytes\r\n"
		"\r\n";
	size_t room = sizeof(head) + 32 + COPY_MAX;

	if (!size || size > SIZE_MAX_MB << 20)
		return -EINVAL;
	/* It must not go from below tcp_check_space(). */
	if (close && size > COPY_MAX) {
		pr_err("close=1 is for sizes up to %u\n", COPY_MAX);
		return -EINVAL;
	}
	text = kmalloc(room, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	text_len = scnprintf(text, room, head, size,
			     close ? "close" : "keep-alive");
	total = text_len + size;
	if (size <= COPY_MAX) {
		memset(text + text_len, 'x', size);
		text_len = total;
		return 0;
	}

	/* One piece: the fewest fragments that there can be. */
	pages = alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(size));
	if (!pages) {
		kfree(text);
		return -ENOMEM;
	}
	memset(page_address(pages), 'x', size);
	return 0;
}

static void floor_free_response(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < FRAGS; i++) {
			struct page *page = per_cpu(frags, cpu).frag[i].page;

			if (page)
				put_page(page);
		}
	}
	kfree(text);
	if (pages)
		put_page(pages);	/* the last segments may hold it */
}

static void floor_hook(struct sock *sk)
{
	write_lock_bh(&sk->sk_callback_lock);
	born_data_ready = sk->sk_data_ready;
	born_state_change = sk->sk_state_change;
	born_write_space = sk->sk_write_space;
	sk->sk_data_ready = floor_data_ready;
	sk->sk_state_change = floor_state_change;
	sk->sk_write_space = floor_write_space;
	/* Inherited like the callbacks, and right for sends from softirq. */
	sk->sk_allocation = GFP_ATOMIC;
	compat_sk_use_task_frag(sk, false);
	write_unlock_bh(&sk->sk_callback_lock);
}

static int floor_listen(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	int err;

	err = sock_create(AF_INET, SOCK_STREAM, IPPROTO_TCP, &listener);
	if (err)
		return err;
	shared.socket.state = SS_CONNECTED;
	shared.socket.type = SOCK_STREAM;
	shared.socket.ops = listener->ops;
	init_waitqueue_head(&shared.socket.wq.wait);

	sock_set_reuseaddr(listener->sk);
	tcp_sock_set_nodelay(listener->sk);
	floor_hook(listener->sk);
	err = kernel_bind(listener, (struct sockaddr_unsized *)&addr,
			  sizeof(addr));
	if (!err)
		err = kernel_listen(listener, BACKLOG);
	if (err)
		sock_release(listener);
	return err;
}

static int __init floor_init(void)
{
	int err;

	err = floor_make_response();
	if (err)
		return err;
	wq = alloc_workqueue("floor", WQ_UNBOUND, 0);
	if (!wq) {
		err = -ENOMEM;
		goto err_free_response;
	}
	err = floor_listen();
	if (err)
		goto err_destroy_wq;
	return 0;

err_destroy_wq:
	destroy_workqueue(wq);
err_free_response:
	floor_free_response();
	return err;
}

/* First nobody comes in any more, then all hooks come off, then all is closed. */
static void __exit floor_exit(void)
{
	sock_release(listener);
	synchronize_net();

	WRITE_ONCE(leaving, true);
	WRITE_ONCE(rescan, true);
	mod_delayed_work(wq, &work, 0);
	flush_delayed_work(&work);
	/* Once more, for what callbacks queued while the hooks came off. */
	flush_delayed_work(&work);
	destroy_workqueue(wq);
	/* What callbacks ran have returned: they held the lock of a socket that
	 * is closed now; those of the listener held RCU.
	 */
	floor_free_response();
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("The simplest in-kernel HTTP responder, to measure against");
MODULE_LICENSE("GPL");
