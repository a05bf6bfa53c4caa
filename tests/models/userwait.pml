/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event and a wait of ring 3. A program waits for its endpoint's event, whose
 * virq its kernel keeps masked; the kernel waits in between; two pCPUs raise the
 * event; timers end waits. The program sees all that was done before an event was
 * raised, else it sleeps for ever, a deadlock. A wait of the kernel may end early.
 *
 * Order: the event word's locked exchange and the locked store of WAITING are the
 * fences; the mark is stored before WAITING, in order.
 *
 * MUTATION_MARK_LATE: the mark is set behind WAITING
 * MUTATION_NO_LOOK: the wait does not look at the event
 * MUTATION_WAIT_PLAIN: WAITING is a plain store
 * MUTATION_RAISE_PLAIN: the event is set by a plain store
 * MUTATION_STATE_FIRST: the raise reads run_state before it sets the event
 * MUTATION_TAKE_LATE: the program clears the event behind its look at the work
 */
#define CPUS	3
#define WORDS	6
#define EVENT	0	/* event.pending */
#define RUN_STATE 1
#define DUE	2	/* VCPU_DUE_USER */
#define WORK	3	/* + CPU */
#include "tso.pml"

#define READY	0
#define WAITING	1

bool woken;		/* the vCPU is on its way back to its home: wait.pml */

/* hv/sched.c: sched_ready() */
inline sched_ready()
{
	EXCHANGE_IF(RUN_STATE, WAITING, READY, won);
	if
	:: won -> assert(!woken); woken = true
	:: else
	fi
}

proctype raiser(byte cpu)
{
	byte old, state, due;
	bool won;

	STORE(WORK + cpu, 1);
	/* vio/link.c: endpoint_raise(); vio/virq.c: virq_raise_on() */
#ifdef MUTATION_STATE_FIRST
	state = LOAD(RUN_STATE);
#endif
#ifdef MUTATION_RAISE_PLAIN
	old = LOAD(EVENT);
	STORE(EVENT, 1);
#else
	EXCHANGE(EVENT, 1, old);
#endif
	if
	:: !old ->
		/* vio/user.c: user_raise() */
#ifndef MUTATION_STATE_FIRST
		state = LOAD(RUN_STATE);
#endif
		due = LOAD(DUE);
		if
		:: state == WAITING && due -> sched_ready()
		:: else
		fi
	:: else
	fi
}

/* hv/sched.c: wait_from(); looks: at what */
inline wait_from(user)
{
#ifdef MUTATION_WAIT_PLAIN
	STORE(RUN_STATE, WAITING);
#else
	STORE_LOCKED(RUN_STATE, WAITING);
#endif
#ifdef MUTATION_MARK_LATE
	if
	:: user -> STORE(DUE, 1)
	:: else
	fi;
#endif
	old = 0;
#ifndef MUTATION_NO_LOOK
	if
	:: user -> old = LOAD(EVENT)	/* vio/user.c: user_event() */
	:: else
	fi;
#endif
	won = false;
	if
	:: old -> EXCHANGE_IF(RUN_STATE, WAITING, READY, won)
	:: else
	fi;
	if
	:: won
	:: else ->
		if
		:: woken
		:: timeouts < 2 -> timeouts++; sched_ready(); woken
		fi;
		woken = false
	fi
}

proctype home()
{
	byte cpu = 0, old, one, two, timeouts, kernel_waits;
	bool won;

	do
	:: true ->
		/* guests/lib/bm_wait.c: bm_arm(), bm_wait_one() */
#ifdef MUTATION_TAKE_LATE
		one = LOAD(WORK + 1);
		two = LOAD(WORK + 2);
		EXCHANGE(EVENT, 0, old);
#else
		EXCHANGE(EVENT, 0, old);
		one = LOAD(WORK + 1);
		two = LOAD(WORK + 2);
#endif
		old = 0;
		if
		:: one && two -> break
		:: else
		fi;
		/* hv/sched.c: sched_wait_user() */
#ifndef MUTATION_MARK_LATE
		STORE(DUE, 1);
#endif
		wait_from(true);
		/* hv/exit.c: exit_due() */
		STORE(DUE, 0);
		if
		:: timeouts < 2 && kernel_waits < 2 ->
			/* hv/sched.c: sched_wait(); a deadline ends it */
			kernel_waits++;
			wait_from(false)
		:: true
		fi
	od
}

init
{
	atomic {
		run home();
		run raiser(1);
		run raiser(2)
	}
}
