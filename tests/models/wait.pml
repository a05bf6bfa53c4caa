/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virq and a wait. A vCPU polls and waits; two other pCPUs raise its virq, its
 * own pCPU's timer may end the wait, and something else comes in by the inbox.
 * No wake-up is lost: else the home would sleep with work undone, a deadlock. And
 * the vCPU is in one place: who queues it finds it nowhere else.
 *
 * Order: the locked OR of a raise and the locked store of WAITING are the fences.
 * The guest clears its mask by a plain store and relies on the latter.
 *
 * MUTATION_RAISE_PLAIN: the bit is set by a plain store
 * MUTATION_STATE_FIRST: the raise reads run_state before it sets the bit
 * MUTATION_WAIT_PLAIN: WAITING is a plain store
 * MUTATION_NO_LOOK: the wait does not look again
 * MUTATION_BLIND: the wait goes back to READY by a store
 * MUTATION_NO_KICK: who finds the inbox empty does not kick
 * MUTATION_IDLE_GAP: interrupts come in before HLT, not with it
 */
#define CPUS	3
#define WORDS	6
#define PENDING	0
#define MASK	1
#define RUN_STATE 2
#define INBOX	3	/* a bit for each that is in it */
#define WORK	3	/* + CPU: what the raisers have done */
#include "tso.pml"

#define READY	0
#define WAITING	1
#define IN_VCPU	1
#define IN_OTHER 2

bool kick;		/* an IPI is pending at the home */
bool queued;		/* the vCPU is ready and not in the inbox */

inline inbox_push(item)
{
	LOCKED(old = mem[INBOX]; assert(!(old & item)); mem[INBOX] = old | item);
#ifndef MUTATION_NO_KICK
	if
	:: !old -> kick = true
	:: else
	fi
#endif
}

/* vio/virq.c: virq_raise_on() */
inline virq_raise_on()
{
#ifdef MUTATION_STATE_FIRST
	state = LOAD(RUN_STATE);
#endif
#ifdef MUTATION_RAISE_PLAIN
	old = LOAD(PENDING);
	STORE(PENDING, 1);
#else
	EXCHANGE(PENDING, 1, old);
#endif
	if
	:: !old ->
		mask = LOAD(MASK);
		if
		:: !mask ->
#ifndef MUTATION_STATE_FIRST
			state = LOAD(RUN_STATE);
#endif
			won = false;
			if
			:: state == WAITING ->
				/* hv/sched.c: sched_ready(), on another pCPU */
				EXCHANGE_IF(RUN_STATE, WAITING, READY, won)
			:: else
			fi;
			if
			:: won ->
				assert(!queued);
				inbox_push(IN_VCPU)
			:: else		/* hv/sched.c: sched_kick(); see upcall.pml */
			fi
		:: else
		fi
	:: else
	fi
}

proctype raiser(byte cpu; byte raises)
{
	byte n, old, mask, state;
	bool won;

	do
	:: n < raises ->
		n++;
		STORE(WORK + cpu, n);
		virq_raise_on()
	:: else -> break
	od;
	if
	:: cpu == 2 -> inbox_push(IN_OTHER)
	:: else
	fi
}

proctype home()
{
	byte cpu = 0, bits, mask, list, one, two;
	bool won, timer, other;

	queued = true;
guest:	queued = false;
	/* guests/lib/virq.c: virq_wait(), virq_take() */
	do
	:: one == 2 && two == 1 -> goto idle
	:: else ->
		STORE(MASK, 1);
		EXCHANGE(PENDING, 0, bits);
		STORE(MASK, 0);
		if
		:: bits ->
			one = LOAD(WORK + 1);
			two = LOAD(WORK + 2)
		:: else -> break
		fi
	od;
	/* hv/sched.c: wait_from() */
#ifdef MUTATION_WAIT_PLAIN
	STORE(RUN_STATE, WAITING);
#else
	STORE_LOCKED(RUN_STATE, WAITING);
#endif
#ifndef MUTATION_NO_LOOK
	/* vio/virq.h: virq_deliverable() */
	bits = LOAD(PENDING);
	mask = LOAD(MASK);
	if
	:: bits && !mask ->
#ifdef MUTATION_BLIND
		STORE(RUN_STATE, READY);
		won = true;
#else
		EXCHANGE_IF(RUN_STATE, WAITING, READY, won);
#endif
		if
		:: won -> queued = true; goto guest
		:: else		/* it comes by the inbox */
		fi
	:: else
	fi;
#endif
idle:	do
	:: true ->
		/* hv/sched.c: inbox_run(), enqueue(), pick() */
		EXCHANGE(INBOX, 0, list);
		other = other || list & IN_OTHER;
		if
		:: list & IN_VCPU -> queued = true; goto guest
		:: else
		fi;
		if
		:: one == 2 && two == 1 && other -> break
		:: else
		fi;
		/* hv/sched.c: idle() */
		list = LOAD(INBOX);
		if
		:: !list ->
#ifdef MUTATION_IDLE_GAP
			kick = false;
#endif
			/* arch/apic.c: arch_idle() */
			if
			:: kick -> kick = false
			:: !timer ->
				/* hv/timers.c: timer_expired() */
				timer = true;
				EXCHANGE_IF(RUN_STATE, WAITING, READY, won);
				if
				:: won -> queued = true; goto guest
				:: else
				fi
			fi
		:: else
		fi
	od
}

init
{
	atomic {
		run home();
		run raiser(1, 2);
		run raiser(2, 1)
	}
}
