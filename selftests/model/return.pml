// SPDX-License-Identifier: GPL-2.0
/*
 * One connection that is lent to a backend, taken back, lent again: who may read, who may
 * write, who is woken.  See run for what is tried, and Documentation/security.rst for
 * what is left out.
 *
 * A step is what the code does in one go under the socket's lock.  Held in its spinning
 * form the lock lets nobody in, so a turn is one step; a task that owns the socket
 * takes several, and what arrives meanwhile waits in the backlog for release_sock().
 * Each inline bears the name of the function that it stands for.
 *
 * Positions are counted in halves of a message: a head that is whole is two.  Whoever
 * parses is assumed to parse well: that is what the fuzzers are for.
 *
 * The world does what it likes until it is calm.  From there on each does only what he
 * must; when nothing is left to be done, nobody may wait for anything.
 */
#define HALVES_MAX	5	/* that the client sends */
#ifndef PROCESSES
#define PROCESSES	1	/* of the backend, that have the connection's file */
#endif
#define RESCUES_MAX	1

/*
 * How much is tried, and what is broken on purpose, for the test of the model.  The
 * environment says it, so that it is in no state, and one compilation does for all.
 */
c_decl {
	enum broken {
		nothing, no_idle_check, no_copied_seq, no_writers, no_gate, no_missed,
		no_release_ring, late_clear, no_eof_wake, no_refused, no_room_kept,
		no_give_wake, no_lost, rescue_read, rescue_begun, no_ends, no_close_ring,
		no_answer_kept, no_eof_told, shutdown_now, evict_gives, abort_fin,
		no_tell
	} what_is_broken;
	int halves_that_come;
};
c_code {
	static int from_environment(const char *name, int otherwise)
	{
		return getenv(name) ? atoi(getenv(name)) : otherwise;
	}

	static __attribute__((constructor)) void configure(void)
	{
		what_is_broken = from_environment("BREAK", nothing);
		halves_that_come = from_environment("HALVES", HALVES_MAX);
	}
};
#define halves		c_expr { halves_that_come }
#define broken(how)	c_expr { what_is_broken == how }

mtype:conn_state = { HEAD, BACKEND, LOOKUP, SEND, HANDOFF, CLOSE, GONE };

#define NOBODY		0
#define SLUICE		1
#define SERVER		2

/* --- the socket ------------------------------------------------------------------- */

byte sent;		/* by the client; behind rcv_nxt it is in the backlog */
byte rcv_nxt;
byte copied_seq;
bit fin_sent, fin;	/* the client's end; likewise */
bit reset;		/* sk_err */
bit shut_out;		/* SEND_SHUTDOWN */
bit closed;		/* tcp_close() by whoever has it */
bit eaten;		/* the end was read: it counts as a byte */
bit owned;
bit crowded;		/* no room to send */
bit nospace;		/* SOCK_NOSPACE: an ACK calls sk_write_space() */
bit linger;		/* closing will reset */
bit has_file;		/* sk_socket is the backend's */
bit dynamic[HALVES_MAX / 2];	/* known when the head is whole */

/* --- sluice: struct sluice_loan, sluice_follow, sluice_sock, sluice_conn ---------- */

mtype:conn_state state = HEAD;
bit lent;		/* ss->loan */
bit ours, looking, answering, refused, shut, closing, missed, written;
byte writers;
byte unseen;		/* tp->write_seq - ss->write_seq */
byte at;		/* exchange.at; requests that are out are right before it */
byte count;
byte begun;		/* follow.request.len */
bit held;
bit response;		/* one has begun */
byte rescues;
bit keep_alive = 1;
byte found;		/* 1 + the request that it was looked up for */
bit outdated;		/* which the backend has had meanwhile */
byte left;		/* of the answer under way */
bit queued, taken;	/* SLUICE_TURN_QUEUED; a lane has the turn */
byte looked_up;
bit job_out, job_done;
bit leaving;		/* SLUICE_LEAVE_NOW */
bit sluice_return = 1, sluice_take_back = 1;

/* --- the backend ------------------------------------------------------------------ */

bit waits;		/* on the accept queue */
byte files;		/* processes that have it */
bit fork;
bit readable;		/* an event that epoll has, or a reader that sleeps */
bit blocked;		/* wants to write, and waits to be told that it can */
byte owes;		/* requests that were read whole and not answered */
byte first;		/* the oldest of them */
bit half_read, half_written;
bit replying;
bit at_end;		/* read() gave 0 */
bit lingers;		/* it has shut down, and waits for the client to close */
bit must_close;

/* --- what is true of it all ------------------------------------------------------- */

byte out;		/* the request whose answer comes next */
bit out_half;
byte out_by;
bit given_up;		/* the backend's for good */
bit calm, settled;

/*
 * Bytes leave.  Answers come in the order of their requests, each from one writer, and
 * nothing behind an end.
 */
inline put(who, request) {
	assert(!closed && !shut_out);
	assert(request == out);
	assert(!out_half || out_by == who);
	if
	:: out_half -> out_half = 0; out_by = NOBODY; out++
	:: else -> out_half = 1; out_by = who
	fi
}

/* An end that the client takes for one: ours is not to be cut short like that. */
inline put_fin() {
	assert(linger || reset || !(out_half && out_by == SLUICE));
}

/* --- waking ----------------------------------------------------------------------- */

/* sock_def_readable(); who accepts it looks by himself. */
inline wake() {
	if
	:: has_file -> readable = 1
	:: else
	fi
}

/* sk_stream_write_space() */
inline born_write_space() {
	if
	:: has_file && nospace && !crowded -> nospace = 0; blocked = 0
	:: else
	fi
}

/* What waits to be sent is thrown away, which makes room. */
inline tcp_reset() {
	reset = 1;
	crowded = 0;
	wake();
	blocked = 0
}

/* sluice_conn_ring() */
inline ring() {
	queued = 1
}

/* --- leaving ---------------------------------------------------------------------- */

/* Nothing in what is left over is looked at any more: one state, not many. */
inline forget() {
	lent = 0; ours = 0; looking = 0; answering = 0; refused = 0; shut = 0; closing = 0;
	missed = 0; written = 0; writers = 0; unseen = 0; at = 0; count = 0; begun = 0;
	held = 0; response = 0; rescues = 0; keep_alive = 1; found = 0; outdated = 0; left = 0
}

inline conn_loan_over() {
	given_up = 1;
	state = GONE;
	forget()
}

inline make_up() {
	wake();
	if
	:: refused -> nospace = 1; born_write_space()
	:: else
	fi
}

/* end_loan() */
inline sluice_lend_end() {
	assert(lent);
	make_up();
	if
	:: (shut || closing) && !shut_out -> shut_out = 1; put_fin()
	:: else
	fi;
	conn_loan_over()
}

inline sluice_lend_abort() {
	assert(lent);
	make_up();
	if
	:: broken(abort_fin) && (shut || closing) && !shut_out -> shut_out = 1; put_fin()
	:: else
	fi;
	tcp_reset();			/* reset_in_place() */
	conn_loan_over()
}

inline sluice_conn_bury() {
	if
	:: lent -> sluice_lend_end()
	:: else ->
		put_fin();
		closed = 1;
		state = GONE;
		forget()
	fi
}

inline sluice_conn_abort() {
	if
	:: lent -> sluice_lend_abort()
	:: else ->
		linger = 1;
		sluice_conn_bury()
	fi
}

/* --- following -------------------------------------------------------------------- */

#define at_eof		(fin || closing)
#define read_seq	(copied_seq + eaten)
#define is_lost		(!broken(no_lost) && copied_seq > at + begun)
#define is_silent	((!writers || broken(no_writers)) && !response && !unseen)
#define is_at_rest	(!count && (read_seq == at || broken(no_copied_seq)) && is_silent)
#define is_idle		((is_at_rest && (!begun || held)) || broken(no_idle_check))
#define oldest		(at - 2 * count)
#define is_kept		(looking && held)

/* What a function returns that does not end the loan: whether that is to be done. */
hidden byte why;

inline follow_requests() {
	/* Or there is nothing to be peeked at any more. */
	assert(broken(no_idle_check) || copied_seq <= at + begun);
	held = 0;
	count = count + (rcv_nxt - at) / 2;
	at = at + 2 * ((rcv_nxt - at) / 2);
	begun = rcv_nxt - at
}

inline give() {
	follow_requests();
	if
	:: broken(no_give_wake)
	:: else -> wake()
	fi
}

inline sluice_follow_hold() {
	begun = rcv_nxt - at;
	held = 1
}

inline heard_meanwhile() {
	if
	:: held -> begun = rcv_nxt - at			/* sluice_follow_keep() */
	:: !held && (looking || count || begun) -> give()
	:: !held && !looking && !count && !begun && rcv_nxt > at -> sluice_follow_hold()
	:: else
	fi
}

inline sluice_loan_heard(turn) {
	turn = 0;
	why = 0;
	if
	:: ours ->
		heard_meanwhile();
		if
		:: at_eof && !broken(no_eof_wake) -> wake()
		:: else
		fi
	:: !ours && closing -> turn = fin
	:: !ours && !closing && !sluice_return -> why = 1
	:: !ours && !closing && sluice_return ->
		if
		:: !fin && is_idle && (!owned || written) -> turn = 1
		:: !(!fin && is_idle && (!owned || written)) && is_lost -> why = 1
		:: else -> give()
		fi
	fi
}

/* And lent_turn(): whether to serve. */
inline lent_data_ready(serve) {
	sluice_loan_heard(serve);
	if
	:: why -> sluice_lend_end()
	:: !why && serve && owned -> missed = !broken(no_missed); serve = 0
	:: else
	fi
}

/* It may also be that the response is none to be followed. */
inline sluice_loan_wrote(n) {
	unseen = unseen - n;
	if
	:: unseen || is_lost -> why = 1
	:: else ->
		if
		:: held && read_seq != at -> follow_requests()
		:: else
		fi;
		if
		:: 2 * count < n + response -> why = 1
		:: else ->
			count = count - (n + response) / 2;
			response = (n + response) % 2;
			rescues = (count -> rescues : 0);
			if
			:: !calm -> why = 1
			:: skip
			fi
		fi
	fi
}

/* If so it is @ours. */
inline sluice_loan_look() {
	why = 0;
	ours = 0;
	looking = 0;
	if
	:: closing -> why = (fin || is_lost)
	:: !closing && shut -> why = 1
	:: !closing && !shut && is_idle ->
		begun = 0;				/* sluice_follow_unhold() */
		held = 0;
		ours = (rcv_nxt > copied_seq)
	/* An end that was read amid our answer passes for bytes that are gone. */
	:: !closing && !shut && !is_idle && (is_lost || eaten) -> why = 1
	:: !closing && !shut && !is_idle && !is_lost && !eaten &&
	   (held || rcv_nxt > at + begun) -> give()
	:: else
	fi
}

inline sluice_loan_keep() {
	looking = 1;
	sluice_follow_hold()
}

inline sluice_loan_hold() {
	ours = 0;
	if
	:: rcv_nxt > at + begun -> follow_requests(); held = 1
	:: else
	fi
}

inline sluice_loan_pass_on() {
	ours = 0;
	give()
}

inline sluice_loan_turn_over() {
	if
	:: ours && !looking && !count && !begun -> heard_meanwhile()
	:: else
	fi
}

/* --- the ladder: one turn --------------------------------------------------------- */

inline sluice_loan_end_answer() {
	answering = 0;
	if
	:: refused && !broken(no_refused) ->
		refused = 0;
		nospace = 1;
		born_write_space()
	:: else
	fi
}

/* sluice_respond_go_on(). A turn that has had its share rings for another. */
inline go_on() {
	assert(!lent || has_file);
	if
	:: crowded -> nospace = 1; go = 0
	:: !crowded ->
		put(SLUICE, out);
		left--;
		if
		:: left ->
			if
			:: crowded = 1
			:: ring(); go = 0
			:: skip
			fi
		:: else ->
			if
			:: crowded = 1
			:: skip
			fi;
			state = (keep_alive -> HEAD : CLOSE);
			if
			:: lent -> sluice_loan_end_answer()
			:: else
			fi
		fi
	fi
}

/* conn_act() with an answer of ours, to what lies at copied_seq. */
inline conn_act() {
	assert(copied_seq % 2 == 0 && copied_seq == 2 * out && !owes && !half_read);
	assert(!lent || (ours && has_file && !waits));
	copied_seq = copied_seq + 2;
	assert(!found || found == copied_seq / 2);
	if
	:: lent -> at = at + 2; answering = 1
	:: else
	fi;
	found = 0;
	left = 2;
	state = SEND
}

/* conn_hand_over(); nobody may listen, or lending may be off. */
inline hand_over() {
	if
	:: crowded -> nospace = 1; go = 0		/* not before all of ours is acknowledged */
	:: !crowded ->
		nospace = 0;
		waits = 1;
		go = 0;
		if
		:: sluice_return && !fin && !leaving ->
			lent = 1;			/* sluice_loan_prepare() */
			at = copied_seq;
			follow_requests();
			assert(count);
			state = BACKEND
		:: !sluice_return || fin || leaving || !calm ->
			given_up = 1;
			state = GONE;
			forget()
		fi
	:: !crowded && !calm && rcv_nxt - copied_seq >= 2 ->
		keep_alive = 0;
		conn_act()				/* 503 */
	:: !crowded && !calm && leaving -> keep_alive = 0; state = CLOSE
	fi
}

inline sluice_conn_lent_pass_on() {
	state = BACKEND;
	sluice_loan_pass_on();
	go = 0
}

inline sluice_conn_lent_hold() {
	state = BACKEND;
	sluice_loan_hold();
	go = 0
}

hidden byte kept;

/* Deadlines are not modelled: that of who is closing may have passed. */
inline sluice_conn_lent_return() {
	kept = is_kept;
	sluice_loan_look();
	if
	:: why || !kept || !ours -> found = 0
	:: else
	fi;
	if
	:: why || (closing && !calm) -> sluice_lend_end(); go = 0
	:: !why -> state = (ours -> HEAD : BACKEND); go = ours
	fi
}

inline conn_look_up() {
	state = LOOKUP;
	looked_up = 1 + copied_seq / 2;
	job_out = 1;
	job_done = 0;
	go = 0;
	if
	:: lent -> sluice_loan_keep()			/* sluice_conn_lent_keep() */
	:: else
	fi
}

inline conn_try_request() {
	if
	:: rcv_nxt - copied_seq >= 2 ->
		if
		:: dynamic[copied_seq / 2] ->
			if
			:: lent -> sluice_conn_lent_pass_on()
			:: else -> state = HANDOFF
			fi
		:: !dynamic[copied_seq / 2] -> conn_act()
		:: !dynamic[copied_seq / 2] && !found && !calm -> conn_look_up()
		fi
	:: else ->
		if
		:: lent && fin -> sluice_conn_lent_pass_on()
		:: lent && !fin -> sluice_conn_lent_hold()
		:: !lent && fin -> state = CLOSE
		:: !lent && !fin -> go = 0
		fi
	fi
}

inline conn_try_head() {
	if
	:: lent -> sluice_conn_lent_return()
	:: else
	fi;
	if
	:: outdated -> found = 0; outdated = 0
	:: else
	fi;
	if
	:: go -> conn_try_request()
	:: else
	fi
}

/* What has begun goes on. */
#define leaves		(leaving && state != SEND && (lent || state == HEAD || state == LOOKUP))

inline conn_leave_off() {
	if
	:: lent -> sluice_lend_end()
	:: else -> state = HANDOFF
	fi
}

/* What would have to wait now ends. */
inline conn_cut() {
	if
	:: !leaving || state == GONE
	:: leaving && state == SEND && !broken(evict_gives) -> sluice_conn_abort()
	:: leaving && state != GONE && (state != SEND || broken(evict_gives)) ->
		sluice_conn_bury()
	fi
}

inline sluice_ladder_run() {
	assert(!owned);
	go = 1;
	if
	:: reset -> sluice_conn_bury()
	:: else ->
		do
		:: !go || state == GONE -> break
		:: go && leaves -> conn_leave_off()
		:: go && !leaves && (state == HEAD || state == BACKEND) -> conn_try_head()
		:: go && !leaves && state == LOOKUP ->
			if
			:: job_done -> state = HEAD; found = looked_up
			:: else -> go = 0
			fi
		:: go && state == SEND -> go_on()
		:: go && state == HANDOFF -> hand_over()
		:: go && state == CLOSE ->
			assert(!keep_alive || out == rcv_nxt / 2);
			sluice_conn_bury()
		od;
		conn_cut();
		if
		:: lent -> sluice_loan_turn_over()
		:: else
		fi
	fi;
	go = 0
}

hidden byte go;
hidden byte here;

/* --- taking back ------------------------------------------------------------------ */

#define is_untouched	(count && rescues < RESCUES_MAX && \
			 (!response || broken(rescue_begun)) && !writers && !unseen && \
			 (read_seq == oldest || broken(rescue_read)))
#define must_end	(reset || linger || shut_out)
#define may_go_on	(sluice_take_back && sluice_return && !shut && \
			 !fin && (is_at_rest || is_untouched))
#define may_be_taken_back \
	(!must_end && ((answering && !broken(no_answer_kept)) || may_go_on))

#define sluice_loan_ends \
	(answering && (shut || !sluice_take_back || !sluice_return || !is_at_rest))

/* sluice_loan_closes(), and what follows. Afterwards it is ours if state is not GONE. */
inline take_back_or_end() {
	if
	:: !may_be_taken_back ->
		/* What nobody has begun to read is only lost for a reason. */
		assert(!sluice_return || !sluice_take_back || must_end || shut || fin ||
		       owes || half_read || half_written || unseen || response ||
		       rescues == RESCUES_MAX || !count);
		sluice_lend_end()
	:: else ->
		if
		:: sluice_loan_ends && !broken(no_ends) -> keep_alive = 0
		:: else
		fi;
		/* Where we go on to parse a request begins, and nobody else answers. */
		assert(!keep_alive || (copied_seq % 2 == 0 && !owes && !half_read && !half_written));
		/* tell_back() */
		if
		:: count -> rescues++
		:: else
		fi;
		kept = is_kept;
		lent = 0; ours = 0; looking = 0; answering = 0; refused = 0; shut = 0;
		closing = 0; missed = 0; written = 0; at = 0; count = 0; begun = 0; held = 0;
		response = 0; unseen = 0; nospace = 0;
		/* conn_loan_back() */
		outdated = !kept;
		if
		:: state == BACKEND -> state = HEAD
		:: else
		fi;
		if
		:: broken(no_close_ring)
		:: else -> ring()
		fi
	fi;
	has_file = 0
}

/* --- the lock --------------------------------------------------------------------- */

/* What has come is the connection's, or the backend's. Socket owned, or not. */
inline data_ready(serve) {
	serve = 0;
	if
	:: lent -> lent_data_ready(serve)
	:: !lent && state == GONE -> wake()
	:: !lent && state != GONE ->
		if
		:: owned -> ring()
		:: else -> serve = 1
		fi
	fi
}

/* Segments of the backlog, each by itself or some together. */
inline process_backlog() {
	do
	:: rcv_nxt < sent -> rcv_nxt++; data_ready(here)
	:: rcv_nxt + 1 < sent -> rcv_nxt = sent; data_ready(here)
	:: rcv_nxt == sent && fin_sent && !fin -> fin = 1; data_ready(here)
	:: rcv_nxt == sent && fin_sent == fin -> break
	od
}

/* release_sock(), with lent_release_cb() */
inline release_sock() {
	process_backlog();
	if
	:: lent ->
		written = 0;
		if
		:: missed && !broken(no_release_ring) -> missed = 0; ring()
		:: else
		fi
	:: else
	fi;
	owned = 0
}

/* --- the client and the network: softirq ------------------------------------------ */

#define connected	(!closed && !reset)

/* The last callback of TCP's for what has come. */
inline arrived() {
	if
	:: owned
	:: else ->
		rcv_nxt = sent;
		fin = fin_sent;
		data_ready(here);
		if
		:: here && queued
		:: here && !queued -> sluice_ladder_run()
		:: here -> ring()			/* the lane is in use */
		:: !here
		fi
	fi
}

active proctype client() {
	do
	:: atomic {
		!calm && connected && !fin_sent && sent < halves ->
		do
		:: sent < halves ->
			sent++;
			if
			:: sent % 2 == 0 -> dynamic[sent / 2 - 1] = 1
			:: skip
			fi
		:: break
		od;
		arrived()
	   }
	/* When it likes, and when it has got an end. */
	:: atomic { connected && !fin_sent && (!calm || shut_out) -> fin_sent = 1; arrived() }
	:: atomic {
		!calm && connected && !owned ->
		tcp_reset();
		if
		:: state != GONE -> ring()
		:: else
		fi
	   }
	:: atomic { !calm -> calm = 1 }
	od
}

/* The client reads. lent_write_space(), sock_write_space() */
active proctype ack() {
	do
	:: atomic {
		crowded && connected && !owned ->
		crowded = 0;
		if
		:: nospace ->
			if
			:: state == GONE || (lent && !answering) -> born_write_space()
			:: else ->
				nospace = 0;
				refused = (refused || lent) && !broken(no_room_kept);
				ring()
			fi
		:: else
		fi
	   }
	od
}

/* --- lanes and workers ------------------------------------------------------------ */

/* lane_run_turn(), conn_turn(); a timer may ring at any time. */
active proctype lane() {
	do
	:: atomic { queued && !taken -> taken = 1; queued = broken(late_clear) }
	:: atomic {
		/* Owned and not lent: sluice_conn_ring_soon() */
		taken && (state == GONE || lent || !owned) ->
		if
		:: state == GONE
		:: state != GONE && owned -> missed = !broken(no_missed)
		:: state != GONE && !owned -> sluice_ladder_run()
		fi;
		if
		:: !broken(late_clear) -> taken = 0
		:: broken(late_clear)
		fi
	   }
	:: atomic { broken(late_clear) && taken -> taken = 0; queued = 0 }
	:: atomic { !calm && state != GONE && !queued -> ring() }
	od
}

/* conn_job() */
active proctype slow_lane() {
	do
	:: atomic { job_out -> job_out = 0; job_done = 1; ring() }
	od
}

active proctype admin() {
	do
	:: atomic { !calm -> sluice_return = 0 }
	:: atomic { !calm -> sluice_take_back = 0 }
	/* conns_tell() */
	:: atomic {
		!calm && !leaving ->
		leaving = 1;
		if
		:: state != GONE && !broken(no_tell) -> ring()
		:: else
		fi
	   }
	od
}

/* --- the backend ------------------------------------------------------------------ */

/* A process has read @n halves. What comes behind its own end it throws away. */
inline has_read(n) {
	do
	:: n > 0 && (lingers || must_close) -> copied_seq++; n--
	:: n > 0 && !lingers && !must_close ->
		n--;
		if
		:: half_read ->
			assert(copied_seq % 2 == 1);
			assert(!owes || copied_seq / 2 == first + owes);
			half_read = 0;
			first = (owes -> first : copied_seq / 2);
			owes++
		:: else ->
			/* Never one that we have answered, nor the rest of one. */
			assert(copied_seq % 2 == 0 && copied_seq / 2 >= out);
			half_read = 1
		fi;
		copied_seq++
	:: n == 0 -> break
	od
}

/*
 * A message that nobody asked for. When a request has been given it passes for its
 * response, for us as for the client.
 */
inline put_unasked() {
	if
	:: lent && count -> put(SERVER, out)
	:: else -> assert(!closed && !shut_out && !(out_half && out_by == SLUICE))
	fi
}

inline write_some() {
	put(SERVER, first);
	if
	:: half_written -> half_written = 0; first++; owes--
	:: else -> half_written = 1
	fi
}

inline end_write() {
	if
	:: lent ->
		writers = writers - counted;
		written = 1;
		why = 0;
		if
		:: n -> sluice_loan_wrote(n)
		:: !n
		fi;
		if
		:: why -> sluice_lend_end()
		:: else
		fi
	:: else
	fi
}

inline forget_file() {
	has_file = 0; readable = 0; blocked = 0; owes = 0; first = 0; half_read = 0;
	half_written = 0; at_end = 0; lingers = 0; must_close = 0
}

/* What a process does with the connection, in any order, one system call at a time. */
active [PROCESSES] proctype server() {
	bit has, counted, unasked;
	byte n;

idle:	do
	/* accept(), of this process or one that it was forked from */
	:: atomic {
		waits && connected ->
		assert(copied_seq % 2 == 0 && !files);
		waits = 0;
		files = PROCESSES;
		fork = PROCESSES > 1;
		has = 1;
		has_file = 1;
		readable = 1
	   }
	:: atomic { fork && !has -> fork = 0; has = 1 }

	/* read(), when it is told to, and when it likes. closing_recvmsg() */
	:: atomic {
		has && closing && !at_end && !must_close && (readable || !calm) ->
		readable = 0;
		at_end = 1
	   }
	:: atomic {
		has && !owned && !closing && !at_end && !must_close && (readable || !calm) ->
		owned = 1;
		readable = 0
	   };
	   atomic {
		if
		:: process_backlog()			/* sk_flush_backlog() */
		:: skip
		fi;
		if
		:: reset -> must_close = 1
		:: else ->
			n = rcv_nxt - copied_seq;
			if
			:: n > 1 -> n = 1		/* and later the rest */
			:: n > 2 -> n = 2
			:: skip
			fi;
			at_end = (!n && at_eof);
			eaten = (!n && fin);
			readable = (copied_seq + n < rcv_nxt || (n && at_eof));
			has_read(n)
		fi;
		release_sock()
	   }

	/* write() */
	:: atomic {
		has && !owned && !replying && !blocked && !must_close && !lingers &&
		(owes || !calm) ->
		owned = 1;
		/* begin_write(): asleep, or it comes back when there is room. */
		if
		:: lent && answering && !closing && !broken(no_gate) ->
			refused = 1;
			blocked = 1;
			goto unlock
		:: lent && closing -> must_close = 1; goto unlock
		:: else
		fi;
		replying = 1;
		unasked = !owes;
		counted = lent;
		writers = writers + counted;
		goto more
	   }

	/* shutdown(SHUT_WR): lent_shutdown(), withhold_shutdown() */
	:: atomic {
		!calm && has && !owned && !replying && !must_close && !lingers ->
		owned = 1;
		lingers = 1;
		blocked = 0
	   };
	   atomic {
		if
		/* sluice_loan_shuts(), begin_closing() */
		:: lent && !must_end && may_go_on ->
			closing = 1;
			readable = !broken(no_eof_told);
			ring()
		:: lent && !(!must_end && may_go_on) && answering && !broken(shutdown_now) ->
			shut = 1
		:: lent && !(!must_end && may_go_on) && !answering -> sluice_lend_end()
		:: else
		fi;
		if
		:: !closing && !shut && !shut_out -> shut_out = 1; put_fin()
		:: else
		fi;
		release_sock()
	   }

	/* close(), which is that of the last who has it */
	:: atomic {
		has && (must_close || (at_end && (!owes || lingers)) || !calm) ->
		has = 0;
		files--;
		if
		:: files -> goto idle
		:: else
		fi
	   };
	   atomic { !owned -> owned = 1 };
	   atomic {
		if
		:: lent -> take_back_or_end()
		:: else
		fi;
		release_sock();
		forget_file();
		if
		:: state != GONE -> goto idle		/* taken back */
		:: else
		fi
	   };
	   atomic { !owned -> put_fin(); closed = 1; crowded = 0; nospace = 0 }
	od;

	/* tcp_sendmsg_locked() */
more:	skip;
	atomic {
		if
		:: process_backlog()
		:: skip
		fi;
		if
		:: reset || shut_out -> must_close = 1; goto done
		:: !reset && !shut_out && crowded ->
			nospace = 1;
			blocked = 1;
			if
			:: goto done
			:: skip				/* sk_stream_wait_memory() */
			fi
		:: !reset && !shut_out && !crowded ->
			n++;
			unseen = unseen + lent;
			if
			:: unasked -> put_unasked(); must_close = 1
			:: else -> write_some()
			fi;
			if
			:: crowded = 1
			:: skip
			fi;
			if
			:: unasked || !half_written -> goto done
			:: !unasked && half_written -> goto done
			:: !unasked && half_written -> goto more
			fi
		fi;
		release_sock()
	};
	if
	:: atomic { !blocked && !owned -> owned = 1; goto more }
	:: atomic { !calm && !owned -> owned = 1; blocked = 0; must_close = 1 }
	fi;
done:	atomic {
		end_write();
		n = 0;
		counted = 0;
		unasked = 0;
		replying = 0
	};
unlock:	atomic { release_sock(); goto idle }
}

/* The listener is closed while it waits there. lent_destroy() */
active proctype listener() {
	do
	:: atomic {
		!calm && waits && !owned ->
		waits = 0;
		if
		:: lent -> sluice_lend_end()
		:: else
		fi;
		reset = 1
	   }
	od
}

/* Nobody can do anything any more: so nobody may be waiting for anything. */
active proctype end() {
	timeout;
	settled = 1;
	assert(calm && !owned && !queued && !taken && !job_out && !replying);
	assert(!leaving || state == GONE);
	assert(!connected || (out == sent / 2 && !out_half));
	assert(!connected || (!fin_sent && !shut_out && !blocked && !lingers && !must_close));
	assert(!connected || state == HEAD || state == BACKEND || state == GONE);
	assert(connected || (state == GONE && !files))
}

/* When the world is calm it comes to that, and nothing goes round for ever. */
ltl settles { [] (calm -> <> settled) }
