// SPDX-License-Identifier: GPL-2.0
/*
 * Lending: the backend has the socket, and we hear what it does with it.
 *
 * A lent socket's sk_prot is a copy of TCP's with hooks in it, and its callbacks are
 * ours; all else is as the backend's accept() leaves it.  There is no hook for reading:
 * tp->copied_seq tells what was read, however that was done, and sk_data_ready runs
 * under the very lock that the bytes were queued under.  Of writing there is one, and
 * tp->write_seq tells whether anybody went by it.
 *
 * The lock may be held in either form here, for the backend's tasks own the socket.
 * What is done for us is only done in the spinning one: who finds the socket owned
 * notes it in @missed, and is rung when the owner releases it.
 *
 * What it all means for the loan is for loan/loan.c to say; here it ends, and only here.
 *
 * Hooks run in the backend's tasks, and may sleep in the middle.  So they are counted,
 * for unload; see sluice_lend_exit().
 */
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <net/mptcp.h>

#include "base/stats.h"
#include "compat/net.h"
#include "compat/tcp.h"
#include "loan/lend.h"
#include "loan/loan.h"
#include "sock/options.h"
#include "sock/sock.h"

/*
 * Constant once a listener of the family listens: what lent sockets have, what they have
 * while they are @closing, and TCP's.
 */
static struct interposer {
	struct proto	proto;
	struct proto	closing;
	struct proto	*base;
} interposers[2] __read_mostly;

/* There has been a lent socket: somebody may be in a hook. */
static bool lending __read_mostly;

/* Tasks in a hook, summed over the CPUs: they may enter on one and leave on another. */
static DEFINE_PER_CPU(long, inside);

/* Of those the ones that may sleep there for as long as a client likes. */
static LIST_HEAD(sleepers);
static DEFINE_SPINLOCK(sleepers_lock);

/* How long unload lets them. */
#define SLEEPERS_MAX	HZ

struct sleeper {
	struct list_head	list;
	struct task_struct	*task;	/* NULL: it does not sleep */
	struct sock		*sk;	/* it has a reference till it leaves */
};

/* Nothing that may change the family of a lent socket goes by us. */
static struct interposer *interposer_of(const struct sock *sk)
{
	return &interposers[sk->sk_family == AF_INET6];
}

static void lent_release_cb(struct sock *sk);

/*
 * NULL if it is not lent any more: to be asked at the beginning of a hook, and when it has
 * slept.  Both copies of TCP's sk_prot have that hook, of either
 * family, and nobody else has.  Socket locked in either form.
 */
static struct sluice_loan *lent_of(const struct sock *sk)
{
	const struct sluice_sock *ss;

	sluice_sock_assert_locked(sk);
	if (sk->sk_prot->release_cb != lent_release_cb)
		return NULL;
	ss = rcu_dereference_protected(__sk_user_data(sk), true);
	return ss->loan;
}

static void hook_enter(void)
{
	this_cpu_inc(inside);
}

static void hook_leave(void)
{
	this_cpu_dec(inside);
}

static void sleeper_enter(struct sleeper *me, struct sock *sk, bool may_sleep)
{
	me->task = may_sleep ? current : NULL;
	me->sk = sk;
	if (!may_sleep)
		return;
	spin_lock(&sleepers_lock);
	list_add(&me->list, &sleepers);
	spin_unlock(&sleepers_lock);
}

static void sleeper_leave(struct sleeper *me)
{
	if (!me->task)
		return;
	spin_lock(&sleepers_lock);
	list_del(&me->list);
	spin_unlock(&sleepers_lock);
}

/*
 * As livepatch does it: what looks like a signal, with nobody to handle it.  The system
 * call says how much it has sent; or it is begun once more, without us.
 *
 * Who waits for a client does not own the socket.  Who owns it may wait for a page of his
 * own memory, and with a signal pending he would do so in a loop.
 */
static void sleepers_wake(void)
{
	struct sleeper *s;

	spin_lock(&sleepers_lock);
	list_for_each_entry(s, &sleepers, list) {
		/* data_race(): if it was not so, the next time comes in a jiffy. */
		if (data_race(sock_owned_by_user_nocheck(s->sk)) ||
		    READ_ONCE(s->task->__state) != TASK_INTERRUPTIBLE)
			continue;
		if (!(s->task->flags & PF_KTHREAD))
			set_tsk_thread_flag(s->task, TIF_NOTIFY_SIGNAL);
		wake_up_process(s->task);
	}
	spin_unlock(&sleepers_lock);
}

/* --- writing -------------------------------------------------------------- */

/* Two answers must not mix: ours is not all in the socket yet. Socket owned. */
static int wait_for_answer(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sluice_loan *loan;
	int err = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	while ((loan = lent_of(sk)) && loan->answering) {
		loan->refused = true;
		if (!timeout) {
			err = -EAGAIN;
			break;
		}
		if (signal_pending(current)) {
			err = sock_intr_errno(timeout);
			break;
		}
		/* Not sk_wait_event(): @loan may go while nobody has the lock. */
		release_sock(sk);
		timeout = wait_woken(&wait, TASK_INTERRUPTIBLE, timeout);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* Socket locked in either form. */
static void lent_leave(struct sock *sk, enum sluice_left why)
{
	struct sluice_loan *loan = lent_of(sk);

	if (loan)
		sluice_lend_end(loan, why);
}

/*
 * What is going to be written that cannot be followed.  @control: of the message.  Who wants
 * to be told when his bytes have left is told by the error queue, also when it is the next
 * one's.
 */
static enum sluice_left why_not_write(const struct sock *sk, int flags, size_t control)
{
	if (unlikely(flags & MSG_OOB))
		return SLUICE_LEFT_URGENT;
	return unlikely(sk->sk_tsflags || control) ? SLUICE_LEFT_OPTION : 0;
}

static int begin_write(struct sock *sk, int flags, size_t control)
{
	struct sluice_loan *loan = lent_of(sk);
	enum sluice_left why;
	int err;

	if (unlikely(loan && loan->answering && !loan->closing)) {
		err = wait_for_answer(sk, sock_sndtimeo(sk, flags & MSG_DONTWAIT));
		if (err)
			return err;
		loan = lent_of(sk);
	}
	if (!loan)
		return 0;
	if (unlikely(loan->closing))
		return sk_stream_error(sk, flags, -EPIPE);
	why = why_not_write(sk, flags, control);
	if (unlikely(why)) {
		sluice_lend_end(loan, why);
		return 0;
	}
	loan->writers++;
	WRITE_ONCE(loan->writer, task_pid_nr(current));
	return 0;
}

/*
 * @bytes are those that were to be written, of which @ret were.  Another writer may
 * have come in between while this one slept: then nobody knows what was sent.
 */
static void end_write(struct sock *sk, struct iov_iter *bytes, int ret)
{
	struct sluice_loan *loan = lent_of(sk);
	enum sluice_left why;

	if (!loan)
		return;
	loan->writers--;
	loan->written = true;
	why = ret > 0 ? sluice_loan_wrote(loan, bytes, ret) : 0;
	if (why)
		sluice_lend_end(loan, why);
}

/* Return: 0 if it may be written now. The socket is owned either way. */
static int enter_write(struct sock *sk, struct sleeper *me, int flags, size_t control)
{
	hook_enter();
	sleeper_enter(me, sk, !(flags & MSG_DONTWAIT));
	lock_sock(sk);
	return begin_write(sk, flags, control);
}

static void leave_write(struct sock *sk, struct sleeper *me)
{
	release_sock(sk);
	sleeper_leave(me);
	hook_leave();
}

static int lent_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct iov_iter bytes;
	struct sleeper me;
	int ret;

	ret = enter_write(sk, &me, msg->msg_flags, msg->msg_controllen);
	if (likely(!ret)) {
		bytes = msg->msg_iter;
		ret = tcp_sendmsg_locked(sk, msg, size);
		end_write(sk, &bytes, ret);
	}
	leave_write(sk, &me);
	return ret;
}

/* Of older kernels. */
static int lent_sendpage(struct sock *sk, struct page *page, int offset, size_t size,
			 int flags)
{
	struct bio_vec bv = {
		.bv_page = page, .bv_offset = offset, .bv_len = size,
	};
	struct iov_iter bytes;
	struct sleeper me;
	int ret;

	ret = enter_write(sk, &me, flags, 0);
	if (likely(!ret)) {
		iov_iter_bvec(&bytes, ITER_SOURCE, &bv, 1, size);
		ret = compat_tcp_sendpage_locked(sk, page, offset, size, flags);
		end_write(sk, &bytes, ret);
	}
	leave_write(sk, &me);
	return ret;
}

/* --- taking back ------------------------------------------------------------- */

/*
 * As each of them will be uncharged: tcp_wmem_free_skb().  The pages of who sends without
 * copying are charged as his memory, and not once more as the socket's.
 */
static int charged_for_sent(const struct sk_buff *skb)
{
	return skb_zcopy_pure(skb) ? SKB_TRUESIZE(skb_end_offset(skb)) : skb->truesize;
}

/*
 * What the memory cgroup is charged for, and all of it.  sk_rmem_alloc and sk_wmem_queued
 * would say more: the one counts what is on the error queue, which nobody is charged for
 * and which grows without the lock, the other those pages.  Socket owned.
 */
static int charged_memory(struct sock *sk)
{
	int total = sk->sk_forward_alloc;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		total += skb->truesize;
	skb_rbtree_walk(skb, &tcp_sk(sk)->out_of_order_queue)
		total += skb->truesize;
	skb_queue_walk(&sk->sk_write_queue, skb)
		total += charged_for_sent(skb);
	skb_rbtree_walk(skb, &sk->tcp_rtx_queue)
		total += charged_for_sent(skb);
	return total;
}

/*
 * accept() charged the backend's memory cgroup for it, and the next one will charge
 * again: what there is goes to nobody's account.  All of it is in whole pages; if not, then
 * something is charged that is not known here.  What is reserved stays the backend's.
 * Return: false if that is not possible: then it has to be closed. Socket owned.
 */
static bool leave_memory_cgroup(struct sock *sk)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg = sk->sk_memcg;
	int total;

	if (!memcg)
		return true;
	total = charged_memory(sk);
	if (sk->sk_reserved_mem || total < 0 || !PAGE_ALIGNED(total))
		return false;
	sk->sk_memcg = NULL;
	if (total && !__sk_mem_schedule(sk, total, SK_MEM_RECV)) {
		sk->sk_memcg = memcg;
		return false;
	}
	sk->sk_memcg = memcg;
	if (total)
		__sk_mem_reclaim(sk, total);
	sk->sk_memcg = NULL;
	css_put(&memcg->css);
#endif
	return true;
}

/* The client has not closed, whoever said so. Socket locked in either form. */
static void take_back_end(struct sock *sk)
{
	if (sk->sk_state == TCP_ESTABLISHED)
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown & ~RCV_SHUTDOWN);
}

/* The socket does not lead to it any more. */
static void forget(struct sluice_loan *loan)
{
	WRITE_ONCE(loan->ss->loan, NULL);
	sluice_loan_free(loan);
}

/* All that it is again when it is ours. Socket owned. */
static void take_back(struct sluice_loan *loan)
{
	struct sluice_sock *ss = loan->ss;
	struct sock *sk = ss->sk;

	sluice_options_restore(&loan->options, sk);
	write_lock(&sk->sk_callback_lock);
	sluice_sock_hook(ss);
	/*
	 * As in sluice_lend(): what it was asked for may still come, to our wait queue
	 * then.  So its memory is freed by RCU.
	 */
	ss->taken_back = true;
	sk->sk_error_report = sluice_born.error_report;
	take_back_end(sk);
	write_unlock(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_prot, interposer_of(sk)->base);
	compat_sock_uncount_net(sk);
}

/* Attached again, without a request_sock. Socket owned. */
static void tell_back(struct sluice_loan *loan, bool ends)
{
	const struct sluice_loan_ops *ops = loan->ops;
	bool kept = sluice_loan_is_kept(loan);
	struct sluice_sock *ss = loan->ss;

	sluice_stat_inc(ss->stats, SLUICE_STAT_TAKEN_BACK);
	if (loan->follow.exchange.count) {
		sluice_stat_inc(ss->stats, SLUICE_STAT_RESCUED);
		ss->rescues++;
	}
	forget(loan);
	ops->back(ss, kept, ends);
}

/*
 * The backend closes the socket: if we keep it the reference that the file had is ours then,
 * as the accepter's was before.
 * Context: process; socket owned.
 * Return: true if it is not to be closed.
 */
static bool take_back_or_end(struct sluice_loan *loan)
{
	enum sluice_left why = sluice_loan_closes(loan);
	struct sock *sk = loan->ss->sk;
	bool ends;

	if (!why) {
		ends = sluice_loan_ends(loan);
		if (leave_memory_cgroup(sk)) {
			local_bh_disable();
			take_back(loan);
			tell_back(loan, ends);
			local_bh_enable();
			return true;
		}
		/* What was cut short must not pass for whole. */
		if (loan->answering)
			sluice_sock_reset_on_close(loan->ss);
		why = SLUICE_LEFT_CLOSED;
	}
	sluice_lend_end(loan, why);
	return false;
}

/* --- the other hooks ------------------------------------------------------ */

static void lent_close(struct sock *sk, long timeout)
{
	struct proto *base = interposer_of(sk)->base;
	struct sluice_loan *loan;
	struct sleeper me;
	bool taken;

	hook_enter();
	sock_hold(sk);		/* for who looks at sleepers */
	sleeper_enter(&me, sk, timeout);
	/* What is held back goes out with the FIN, which may not be sent now. */
	if (tcp_sk(sk)->nonagle & TCP_NAGLE_CORK)
		tcp_sock_set_cork(sk, false);
	lock_sock(sk);
	loan = lent_of(sk);
	taken = loan && take_back_or_end(loan);
	release_sock(sk);
	/* Not closed: then the reference that the file had is ours. */
	if (!taken)
		base->close(sk, timeout);
	sleeper_leave(&me);
	sock_put(sk);
	hook_leave();
}

/*
 * Of one that is closing: there is nothing to read but an end.  What the client sends now
 * is not for somebody who only waits for it to go.
 */
static compat_recvmsg_hook(closing_recvmsg)
{
	int ret = 0;

	if (flags & MSG_ERRQUEUE) {
		hook_enter();
		ret = compat_call_recvmsg(interposer_of(sk)->base);
		hook_leave();
	}
	return ret;
}

/* The backend reads an end from here on. @shutdown: by itself. Socket locked in either form. */
static void say_closed(struct sluice_loan *loan, u8 shutdown)
{
	struct sock *sk = loan->ss->sk;

	loan->closing = shutdown;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	WRITE_ONCE(sk->sk_prot, &interposer_of(sk)->closing);
}

/*
 * Many servers end a connection that idles by a shutdown, and close it when they have read
 * the client's end, for a RST might destroy what they have written.  If it shall be kept,
 * they get that end at once, and the client gets none.
 * Return: 0, or what it is left for: the FIN has to go out, now or behind our answer.
 * Socket owned.
 */
static enum sluice_left begin_closing(struct sluice_loan *loan, u8 shutdown)
{
	enum sluice_left why = sluice_loan_shuts(loan);
	struct sluice_sock *ss = loan->ss;

	if (why)
		return why;
	/* If the backend takes its time to close it, it shall have it. */
	ss->ops->ring(ss);
	say_closed(loan, shutdown);
	return 0;
}

/*
 * Return: 0, or what it is left for if it is to be done. Socket owned, and sk_shutdown has
 * @how already.
 */
static enum sluice_left withhold_shutdown(struct sluice_loan *loan, int how)
{
	struct sock *sk = loan->ss->sk;
	u8 shutdown = sk->sk_shutdown;
	enum sluice_left why;

	if (how & SEND_SHUTDOWN)
		WRITE_ONCE(sk->sk_shutdown, shutdown & ~SEND_SHUTDOWN);
	if (loan->closing) {
		loan->closing |= how;
		return 0;
	}
	if (!(how & SEND_SHUTDOWN))
		return loan->answering ? 0 : SLUICE_LEFT_SHUTDOWN;
	why = begin_closing(loan, shutdown);
	if (!why)
		return 0;
	if (loan->answering) {
		/* Not amid our answer: end_loan() sees to it, behind that. */
		loan->shut = true;
		return 0;
	}
	WRITE_ONCE(sk->sk_shutdown, shutdown);
	return why;
}

/* The socket is locked, and sk_shutdown has @how already. */
static void lent_shutdown(struct sock *sk, int how)
{
	struct sluice_loan *loan;
	enum sluice_left why;

	hook_enter();
	loan = lent_of(sk);
	why = loan ? withhold_shutdown(loan, how) : SLUICE_LEFT_NOT;
	if (why)
		sluice_lend_end(loan, why);
	if (why || !loan)
		interposer_of(sk)->base->shutdown(sk, how);
	hook_leave();
}

/* Socket locked. */
static int lent_disconnect(struct sock *sk, int flags)
{
	int ret;

	hook_enter();
	lent_leave(sk, SLUICE_LEFT_SHUTDOWN);
	ret = interposer_of(sk)->base->disconnect(sk, flags);
	hook_leave();
	return ret;
}

/* Not accepted when the listener was closed. BH disabled, socket locked. */
static void lent_destroy(struct sock *sk)
{
	lent_leave(sk, SLUICE_LEFT_CLOSED);
	interposer_of(sk)->base->destroy(sk);
}

/*
 * Those that servers set, and that change nothing which we go by; when it is taken back
 * sock/options.c sees to them, or they are as TCP itself has them.
 */
static bool is_harmless(int level, int option)
{
	if (level == SOL_IP)
		return option == IP_TOS;
	if (level == SOL_IPV6)
		return option == IPV6_TCLASS;
	if (level != SOL_TCP)
		return false;
	switch (option) {
	case TCP_NODELAY:
	case TCP_CORK:
	case TCP_QUICKACK:
	case TCP_KEEPIDLE:
	case TCP_KEEPINTVL:
	case TCP_KEEPCNT:
	case TCP_USER_TIMEOUT:
	case TCP_NOTSENT_LOWAT:
	case TCP_CONGESTION:
	case TCP_LINGER2:
		return true;
	}
	return false;
}

/* What came by a system call says so itself. Socket owned. */
static bool is_nonblocking(const struct sock *sk)
{
	const struct file *file = sk->sk_socket->file;

	return file && READ_ONCE(file->f_flags) & O_NONBLOCK;
}

/*
 * Behind our answer the socket is the backend's alone.  It waits for that as its writes do:
 * with a client who reads slowly that may take long.
 */
static int leave_for_option(struct sock *sk)
{
	struct sleeper me;
	int err;

	sleeper_enter(&me, sk, true);
	lock_sock(sk);
	err = wait_for_answer(sk, sock_sndtimeo(sk, is_nonblocking(sk)));
	if (!err)
		lent_leave(sk, SLUICE_LEFT_OPTION);
	release_sock(sk);
	sleeper_leave(&me);
	return err;
}

static int lent_setsockopt(struct sock *sk, int level, int option, sockptr_t value,
			   unsigned int len)
{
	int ret = 0;

	hook_enter();
	if (!is_harmless(level, option))
		ret = leave_for_option(sk);
	if (!ret)
		ret = interposer_of(sk)->base->setsockopt(sk, level, option, value, len);
	hook_leave();
	return ret;
}

/* The owner is done, and with what came meanwhile. Spinning lock held. */
static void lent_release_cb(struct sock *sk)
{
	struct sluice_loan *loan;

	interposer_of(sk)->base->release_cb(sk);
	loan = lent_of(sk);
	if (!loan)
		return;
	loan->written = false;
	if (loan->missed) {
		loan->missed = false;
		loan->ss->ops->ring(loan->ss);
	}
}

/* --- callbacks ------------------------------------------------------------ */

/* Here and now, unless somebody owns it. rcu_read_lock(); it may be over afterwards. */
static void lent_turn(struct sluice_loan *loan)
{
	struct sluice_sock *ss = loan->ss;

	if (sluice_sock_is_busy(ss))
		sluice_loan_miss(loan);
	else if (READ_ONCE(sluice_direct))
		ss->ops->serve(ss);
	else
		ss->ops->ring(ss);
}

static void lent_data_ready(struct sock *sk)
{
	struct sluice_loan *loan;
	enum sluice_left why;
	bool turn;

	rcu_read_lock();
	loan = lent_of(sk);
	if (likely(loan)) {
		why = sluice_loan_heard(loan, &turn);
		if (unlikely(why))
			sluice_lend_end(loan, why);
		else if (turn)
			lent_turn(loan);
	}
	rcu_read_unlock();
}

static void lent_write_space(struct sock *sk)
{
	struct sluice_loan *loan = lent_of(sk);

	if (!loan || !loan->answering) {
		sluice_born.write_space(sk);
	} else if (!loan->ss->sending && __sk_stream_is_writeable(sk, 1)) {
		/* Others may wait for room too, and hear of it behind our answer. */
		loan->refused = true;
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		loan->ss->ops->ring(loan->ss);
	}
}

/* Whoever dies comes by here, with whatever error. */
static void lent_state_change(struct sock *sk)
{
	struct sluice_loan *loan = lent_of(sk);

	if (loan && sluice_sock_is_dead(sk))
		loan->ss->ops->ring(loan->ss);
	sluice_born.state_change(sk);
}

/* --- lending, and its end ------------------------------------------------- */

static void learn(struct interposer *ip, const struct sock *lsk)
{
	ip->base = lsk->sk_prot;
	ip->proto = *lsk->sk_prot;
	ip->proto.close = lent_close;
	ip->proto.shutdown = lent_shutdown;
	ip->proto.disconnect = lent_disconnect;
	ip->proto.destroy = lent_destroy;
	ip->proto.setsockopt = lent_setsockopt;
	ip->proto.sendmsg = lent_sendmsg;
	ip->proto.release_cb = lent_release_cb;
	compat_hook_sendpage(&ip->proto, lent_sendpage);
	ip->closing = ip->proto;
	ip->closing.recvmsg = closing_recvmsg;
}

/**
 * sluice_lend_learn() - prepare hooks for the children of a listening socket
 * @lsk: does not listen yet
 *
 * Context: process.
 */
void sluice_lend_learn(struct sock *lsk)
{
	static DEFINE_MUTEX(learning);	/* two instances may begin at once */
	struct interposer *ip = interposer_of(lsk);

	mutex_lock(&learning);
	if (!ip->base)
		learn(ip, lsk);
	mutex_unlock(&learning);
}

/**
 * sluice_lend_is_possible() - may a connection be lent to this listener
 * @lsk: the backend's, of the family of @sk
 * @sk:  the connection
 *
 * MPTCP goes by the pointer of TCP's sk_prot, SMC by its own sk_user_data.
 * Context: any.
 * Return: false if it can only be given away.
 */
bool sluice_lend_is_possible(const struct sock *lsk, const struct sock *sk)
{
	const struct proto *base = interposer_of(sk)->base;

	return sk->sk_prot == base && lsk->sk_prot == base && !sk_is_mptcp(lsk) &&
	       !rcu_access_pointer(__sk_user_data(lsk));
}

/**
 * sluice_lend() - make an own socket one that is lent
 * @loan: from sluice_loan_prepare(), taken over; the socket is attached, and its request_sock
 *        is not its any more
 *
 * As sluice_sock_detach(), but for what we hear.
 * Context: BH disabled; socket locked, not busy.
 */
void sluice_lend(struct sluice_loan *loan)
{
	struct sluice_sock *ss = loan->ss;
	struct sock *sk = ss->sk;

	sluice_sock_assert_turn(sk);
	write_lock(&sk->sk_callback_lock);
	sk->sk_data_ready = lent_data_ready;
	sk->sk_write_space = lent_write_space;
	sk->sk_state_change = lent_state_change;
	/* Without the lock, for who asked for timestamps or sends without copying. */
	sk->sk_error_report = sluice_born.error_report;
	sluice_sock_restore(ss);
	write_unlock(&sk->sk_callback_lock);

	if (unlikely(!READ_ONCE(lending)))
		WRITE_ONCE(lending, true);
	ss->req = NULL;
	ss->write_seq = tcp_sk(sk)->write_seq;
	sluice_options_note(&loan->options, sk);
	/* Pairs with the READ_ONCE() in sluice_lend_say_who(). */
	smp_store_release(&ss->loan, loan);
	WRITE_ONCE(sk->sk_prot, &interposer_of(sk)->proto);
}

/* No hook and no callback finds @loan afterwards. BH disabled. */
static void unhook(struct sluice_loan *loan)
{
	struct sock *sk = loan->ss->sk;

	write_lock(&sk->sk_callback_lock);
	sluice_sock_unhook(sk);
	write_unlock(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_prot, interposer_of(sk)->base);
}

/* What the backend has not been told. */
static void make_up(const struct sluice_loan *loan)
{
	struct sock *sk = loan->ss->sk;

	if (loan->closing && !(loan->closing & RCV_SHUTDOWN))
		take_back_end(sk);
	sk->sk_data_ready(sk);
	if (loan->refused) {
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		sk->sk_write_space(sk);
	}
}

/* Nobody uses the sluice_sock behind this, nor its memory. */
static void tell_over(struct sluice_loan *loan)
{
	const struct sluice_loan_ops *ops = loan->ops;
	struct sluice_sock *ss = loan->ss;

	forget(loan);
	ops->over(ss);
}

/*
 * The backend will find it reset, and so cannot write behind what is cut short.  That is done
 * in place, for who closes our own would have to wait for whoever owns it by then.
 * Socket locked, not busy, as TCP does it to children that nobody accepts.
 */
static void reset_in_place(struct sock *sk)
{
	/* Who waits in a system call on it has EPIPE, and the error next: sk_wait_event(). */
	sk->sk_disconnects++;
	sk->sk_prot->disconnect(sk, O_NONBLOCK);
}

/* The backend is woken: there may be bytes that it does not know of. */
static void end_loan(struct sluice_loan *loan, bool reset)
{
	struct sluice_sock *ss = loan->ss;

	sluice_sock_assert_locked(ss->sk);
	local_bh_disable();
	unhook(loan);
	make_up(loan);
	if (unlikely(reset))
		reset_in_place(ss->sk);
	else if (loan->shut || loan->closing)
		sluice_sock_shutdown(ss);
	tell_over(loan);
	local_bh_enable();
}

/**
 * sluice_lend_dismiss() - an answer of ours is the last: the client has closed, for the backend
 * @loan: ours is the turn
 *
 * It closes then, and the connection comes to its end as one of our own.  What is behind the
 * head, of a body or of further requests, is dropped, so that nobody takes it for a request
 * (RFC 9112 section 9.6).  Who is waked by this reads when the turn is over.
 * Context: BH disabled; socket locked, not busy.
 */
void sluice_lend_dismiss(struct sluice_loan *loan)
{
	sluice_sock_assert_turn(loan->ss->sk);
	loan->dismissed = true;
	say_closed(loan, SHUTDOWN_MASK);
	sluice_born.data_ready(loan->ss->sk);
}

/**
 * sluice_lend_end() - the socket is the backend's alone
 * @loan: freed; its ops->over() is called
 * @why:  to be counted; or 0
 *
 * Context: socket locked in either form.
 */
void sluice_lend_end(struct sluice_loan *loan, enum sluice_left why)
{
	if (why)
		sluice_left_count(loan->ss->stats, why);
	end_loan(loan, false);
}

/**
 * sluice_lend_abort() - reset a connection that the backend has
 * @loan: freed; its ops->over() is called
 *
 * Context: BH disabled; socket locked, not busy.
 */
void sluice_lend_abort(struct sluice_loan *loan)
{
	sluice_sock_assert_turn(loan->ss->sk);
	end_loan(loan, true);
}

/* --- unload ---------------------------------------------------------------- */

/* Not a snapshot; but when nobody can enter any more, zero is the truth. */
static long count_inside(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(&inside, cpu));
	return sum;
}

static void say_who(struct task_struct *task)
{
	pr_warn("cannot leave before %s (pid %d) is done with a system call on a connection that was lent; a page of its memory may be slow to come (userfaultfd, FUSE, NFS): see to that, or kill it; meanwhile the backend has all connections\n",
		task ? task->comm : "a process of the backend",
		task ? task_pid_nr(task) : 0);
}

/**
 * sluice_lend_say_who() - the module cannot leave, since a socket is owned
 * @ss: whoever has it counted calls; it may be lent, or not any more
 *
 * For readers there is no hook: who wrote last is a process of the same backend.
 * Context: process.
 * Return: false if it is not lent.
 */
bool sluice_lend_say_who(const struct sluice_sock *ss)
{
	const struct sluice_loan *loan;

	rcu_read_lock();
	/* Freed by RCU. Pairs with the release in sluice_lend(). */
	loan = READ_ONCE(ss->loan);
	if (loan)
		say_who(pid_task(find_pid_ns(READ_ONCE(loan->writer), &init_pid_ns),
				 PIDTYPE_PID));
	rcu_read_unlock();
	return loan;
}

/* The same of who is in a hook. */
static void say_who_is_inside(void)
{
	struct sleeper *s;

	spin_lock(&sleepers_lock);
	s = list_first_entry_or_null(&sleepers, struct sleeper, list);
	say_who(s ? s->task : NULL);
	spin_unlock(&sleepers_lock);
}

/**
 * sluice_lend_exit() - wait until nobody is in a hook
 *
 * No socket is lent any more.  A task may have read the address of a hook before that,
 * and not have come to count itself yet: that is a few instructions in which no task sleeps
 * by itself, so it is over when each has been switched away from.  Those that wait for a
 * client are let for a second, and then waked.  Who has a page fault in a hook can be
 * waited for only, as long as that takes.
 *
 * Who has discounted himself may still be on his way out: see sluice_conns_teardown().
 * Context: process.
 */
void sluice_lend_exit(void)
{
	unsigned long patience = jiffies + SLEEPERS_MAX;
	bool said = false;

	if (!READ_ONCE(lending))
		return;
	synchronize_rcu_tasks();
	while (count_inside()) {
		if (time_after(jiffies, patience))
			sleepers_wake();
		if (!said && time_after(jiffies, patience + SLEEPERS_MAX)) {
			said = true;
			say_who_is_inside();
		}
		schedule_timeout_idle(1);
	}
}
