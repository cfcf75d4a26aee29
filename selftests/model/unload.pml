// SPDX-License-Identifier: GPL-2.0
/*
 * The module leaves while tasks are in its hooks: who still holds the connection, and who
 * still runs our code.  See run for what is tried.
 *
 * Finer than return.pml where a task is under no lock: it reads the address of a hook in
 * one step, comes to count itself in another, and may be preempted anywhere in between.
 * Coarser elsewhere: what the connection is about is left to chance.
 */
#ifndef TASKS
#define TASKS		2
#endif
#ifndef CALLS		/* system calls of each */
#define CALLS		2
#endif

/*
 * What is broken on purpose, for the test of the model: the environment says it, so that
 * it is in no state, and one compilation does for all.
 */
c_decl {
	enum broken {
		nothing, no_first_grace, no_count, no_second_grace, late_enter,
		early_leave, no_serve_ref, no_turn_ref, stale_end_write, stale_wait,
		no_busy_check, no_lane_wait, no_grave_ref, no_conn_wait, no_release_ring,
		no_tell, no_listed_wait
	} what_is_broken;
};
c_code {
	static __attribute__((constructor)) void break_it(void)
	{
		what_is_broken = getenv("BREAK") ? atoi(getenv("BREAK")) : nothing;
	}
};
#define broken(how)	c_expr { what_is_broken == how }

/* The socket. Where @lent, sk_prot and the callbacks are hooked. */
bit lent = 1;		/* and struct sluice_loan is there */
bit ours;		/* taken back: callbacks only */
bit owned;
bit backlog;
bit answering;
byte files = TASKS;

/* struct sluice_conn */
byte refs = 1;		/* the socket's user data */
bit listed = 1;
bit freed;
bit missed;
bit queued, taken;	/* the turn */
bit grave, burying;

/* The module. */
byte inside;
bit leaving;		/* SLUICE_LEAVE_NOW; gently what is done may be done before, too */
bit slab_gone;		/* kmem_cache_destroy() */
bit unloaded;

/* synchronize_rcu_tasks() waits for those who were under way when it began. */
bit under_way[TASKS];
bit awaited[TASKS];

#define in_module()	assert(!unloaded)
#define use_conn()	assert(!freed && !slab_gone)
#define use_loan()	assert(lent && !freed && !slab_gone)

inline sluice_conn_get() {
	use_conn();
	refs++
}

inline sluice_conn_put() {
	use_conn();
	refs--;
	if
	:: !refs -> assert(!lent && !ours && !listed); freed = 1
	:: else
	fi
}

/* sluice_conn_ring() */
inline ring() {
	if
	:: queued
	:: else ->
		queued = 1;
		if
		:: broken(no_turn_ref) -> use_conn()
		:: else -> sluice_conn_get()
		fi
	fi
}

/* end_loan(), conn_loan_over(). Whoever called may use neither any more. */
inline sluice_lend_end() {
	use_loan();
	lent = 0;
	answering = 0;
	listed = 0;
	sluice_conn_put()
}

/* sluice_conn_bury(). The reference of the user data is the graveyard's. */
inline bury() {
	listed = 0;
	ours = 0;
	grave = 1;
	if
	:: broken(no_grave_ref) -> sluice_conn_put()
	:: else
	fi
}

/* The backend's, for good: sluice_handoff() without lending. */
inline hand_over() {
	listed = 0;
	ours = 0;
	sluice_conn_put()
}

/* A voluntary switch of task @me, or its return to user space. */
inline switch_away(me) {
	awaited[me] = 0
}

/* conn_sock_serve(): a turn here and now, of which some things may come. */
inline serve() {
	if
	:: broken(no_serve_ref)
	:: else -> sluice_conn_get()
	fi;
	if
	:: lent && (!answering || leaving) -> sluice_lend_end()
	:: lent && !answering -> answering = 1; ring()
	:: ours -> bury()
	:: ours -> hand_over()
	:: skip
	fi;
	use_conn();			/* sluice_ladder_run() looks at its state */
	if
	:: broken(no_serve_ref)
	:: else -> sluice_conn_put()
	fi
}

/* lent_data_ready(), in whatever context. */
inline lent_data_ready() {
	in_module();
	use_loan();
	if
	:: sluice_lend_end()
	:: owned -> missed = 1		/* lent_turn() */
	:: !owned -> serve()
	:: ring()
	:: skip
	fi
}

/* sock_data_ready(), of one that was taken back. */
inline sock_data_ready() {
	in_module();
	if
	:: owned -> ring()
	:: !owned -> serve()
	:: ring()
	fi
}

/* Of the owner: the backlog with preemption enabled, release_cb() without. */
inline release_sock(me) {
	do
	:: atomic {
		backlog ->
		backlog = 0;
		called = lent || ours
	   };
	   atomic {
		if
		:: called && lent -> lent_data_ready()
		:: called && ours -> sock_data_ready()
		:: !called
		fi
	   };
	   /* On its way out of the callback. */
	   atomic {
		if
		:: called -> in_module(); called = 0
		:: else
		fi
	   };
	   /* cond_resched() in __release_sock() */
	   if
	   :: switch_away(me)
	   :: skip
	   fi
	:: atomic {
		!backlog ->
		if
		:: lent ->
			in_module();
			if
			:: missed && !broken(no_release_ring) -> missed = 0; ring()
			:: else
			fi
		:: else
		fi;
		owned = 0;
		break
	   }
	od
}

inline hook_enter() {
	in_module();
	inside++
}

inline hook_leave() {
	in_module();
	inside--
}

inline lock_sock(me) {
	if
	:: atomic { !owned -> owned = 1 }
	:: atomic { owned -> switch_away(me) };
	   atomic { !owned -> owned = 1 }
	fi
}

active [TASKS] proctype task() {
	bit hooked, called, has_loan;
	byte calls = CALLS;
	bit open = 1;

	do
	:: calls && open ->
		calls--;
		if
		/* sendmsg(): the address is read here, and jumped to later. */
		:: atomic { under_way[_pid] = 1; hooked = lent };
		   if
		   :: atomic { hooked && !broken(late_enter) -> hook_enter() }
		   :: else
		   fi;
		   lock_sock(_pid);
		   if
		   :: atomic { hooked && broken(late_enter) -> hook_enter() }
		   :: else
		   fi;
		   /* wait_for_answer(): asleep without the lock, @loan may go. */
		   atomic {
			has_loan = lent;
			if
			:: hooked -> in_module()
			:: else
			fi;
		   };
		   do
		   :: atomic { hooked && has_loan && answering -> use_loan() };
			release_sock(_pid);
			atomic { switch_away(_pid); !answering };
			lock_sock(_pid);
			atomic {
				in_module();
				if
				:: broken(stale_wait) -> use_loan()
				:: else -> has_loan = lent
				fi
			}
		   :: atomic { !(hooked && has_loan && answering) -> break }
		   od;
		   /* tcp_sendmsg_locked(): it may sleep, as long as it likes */
		   if
		   :: release_sock(_pid);
		      switch_away(_pid);
		      lock_sock(_pid)
		   :: skip
		   fi;
		   /* end_write(): looks anew; and what has ended it is used no more */
		   atomic {
			if
			:: hooked ->
				in_module();
				if
				:: broken(stale_end_write)
				:: else -> has_loan = lent
				fi;
				if
				:: has_loan -> use_loan()
				:: has_loan -> sluice_lend_end()
				:: !has_loan
				fi
			:: else
			fi
		   };
		   if
		   :: atomic { hooked && broken(early_leave) -> hook_leave() }
		   :: else
		   fi;
		   release_sock(_pid);
		   if
		   :: atomic { hooked && !broken(early_leave) -> hook_leave() }
		   :: else
		   fi

		/* recvmsg() has no hook, but what it releases has */
		:: atomic { under_way[_pid] = 1; hooked = 0 };
		   lock_sock(_pid);
		   release_sock(_pid)

		/* close() */
		:: open = 0;
		   if
		   :: atomic { files > 1 -> files--; under_way[_pid] = 1; hooked = 0 }
		   :: atomic { files == 1 -> files--; under_way[_pid] = 1; hooked = lent };
		      if
		      :: hooked ->
			hook_enter();
			lock_sock(_pid);
			atomic {
				in_module();
				has_loan = 0;
				if
				:: lent -> sluice_lend_end(); has_loan = 1
				:: lent ->
					/* take_back(), conn_loan_back() */
					lent = 0; ours = 1; answering = 0; missed = 0;
					ring()
				:: !lent -> has_loan = 1
				fi
			};
			release_sock(_pid);
			hook_leave()
		      :: else
		      fi
		   fi
		fi;
		/* The last instructions, uncounted. */
		atomic {
			if
			:: hooked -> in_module()
			:: else
			fi;
			hooked = 0;
			has_loan = 0;
			under_way[_pid] = 0;
			switch_away(_pid)
		}
	:: else -> break
	od
}

/* Segments, in softirq: not to be preempted, so with the lock one step. */
active proctype network() {
	byte segments = 2;

	do
	:: atomic {
		segments ->
		segments--;
		if
		:: owned -> backlog = 1
		:: else ->
			if
			:: lent -> lent_data_ready()
			:: ours -> sock_data_ready()
			:: !lent && !ours
			fi
		fi
	   }
	:: else -> break
	od
}

/*
 * conn_turn(); its buffers and its code are waited for in sluice_lanes_exit().  When we
 * leave nothing may wait: conn_leave_off(), conn_cut().
 */
active proctype lane() {
	do
	:: atomic { queued -> in_module(); queued = 0; taken = 1 };
	   atomic {
		use_conn();
		if
		:: owned && lent && !broken(no_busy_check) -> missed = 1
		:: owned && !lent && ours -> ring()	/* a jiffy later */
		:: !owned && lent && answering && !leaving -> answering = 0
		:: !owned && lent && !answering && !leaving -> answering = 1; ring()
		:: (!owned || broken(no_busy_check)) && lent && (!answering || leaving) ->
			sluice_lend_end()
		:: !owned && ours -> bury()
		:: !owned && ours -> hand_over()
		:: !owned && ours && !leaving
		:: !lent && !ours
		fi
	   };
	   atomic {
		if
		:: broken(no_turn_ref)
		:: else -> sluice_conn_put()
		fi
	   };
	   atomic { in_module(); taken = 0 }
	od
}

/* bury_work(); waited for in sluice_socks_exit() */
active proctype graveyard() {
	do
	:: atomic { grave && !owned -> in_module(); grave = 0; burying = 1 };
	   atomic {
		if
		:: broken(no_grave_ref) -> use_conn()
		:: else -> sluice_conn_put()
		fi
	   };
	   atomic { in_module(); burying = 0 }
	od
}

inline synchronize_rcu_tasks() {
	atomic {
		for (i : 0 .. TASKS - 1) {
			awaited[i] = under_way[i]
		}
	};
	atomic {
		!awaited[0] && !awaited[TASKS - 1] -> skip
	}
}

/* leave() */
active proctype rmmod() {
	byte i;

	/* conns_leave_now(): who is on the list has a turn. */
	atomic {
		leaving = 1;
		if
		:: listed && !broken(no_tell) -> ring()
		:: else
		fi
	};
	!listed || broken(no_listed_wait);
	/* sluice_lend_exit() */
	if
	:: broken(no_first_grace)
	:: else -> synchronize_rcu_tasks()
	fi;
	!inside || broken(no_count);
	/* sluice_conns_exit(): conns_all_gone */
	freed || broken(no_conn_wait);
	/* sluice_socks_exit() */
	!grave && !burying;
	if
	:: broken(no_second_grace)
	:: else -> synchronize_rcu_tasks()
	fi;
	atomic { assert(freed); slab_gone = 1 };
	/* sluice_lanes_exit() */
	(!queued && !taken) || broken(no_lane_wait);
	unloaded = 1
}

/* It came to that, and nobody hangs. */
active proctype end() {
	timeout;
	assert(unloaded && freed && !owned && !inside && !queued && !grave);
	assert(!lent && !ours)
}
