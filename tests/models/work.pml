/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work asked for while it runs, and a vCPU that parks while its VM is resumed. Two
 * pCPUs ask; the item's own runs it, in slices. What was asked for before is seen by
 * a slice that begins later, else the home would sleep, a deadlock; an item is in
 * one list at most.
 *
 * Order: the exchanges of `queued`, the locked change of `ask`, the fence behind
 * PARKED.
 *
 * MUTATION_DONE_LATE: queued falls behind the slice, not before it
 * MUTATION_DONE_PLAIN: queued falls by a plain store
 * MUTATION_AGAIN_BLIND: an unfinished item is linked though it is in an inbox
 * MUTATION_PARK_PLAIN: no fence behind PARKED
 * MUTATION_PARK_BLIND: who parks does not look again
 * MUTATION_RESUME_EARLY: a resume wakes first, then takes back what it asked
 */
#define CPUS	3
#define WORDS	6
#define QUEUED	0
#define INBOX	1	/* the item is in the home's inbox */
#define ASK	2	/* VCPU_ASK_PAUSE */
#define RUN_STATE 3
#define WORK	3	/* + CPU: 1, 2 */
#include "tso.pml"

#define READY	0
#define PARKED	1

bool kick, in_list, woken;
byte running;		/* vCPUs that run */

proctype asker(byte cpu)
{
	byte old;
	bool won;

	STORE(WORK + cpu, 1);
	/* hv/work.c: work_add() */
	EXCHANGE(QUEUED, 1, old);
	if
	:: !old ->
		LOCKED(assert(!mem[INBOX] && !in_list); mem[INBOX] = 1);
		kick = true
	:: else
	fi;
	if
	:: cpu == 1 ->
		/* hv/vm_life.c: vm_resume() */
#ifndef MUTATION_RESUME_EARLY
		LOCKED(mem[ASK] = 0);
#endif
		EXCHANGE_IF(RUN_STATE, PARKED, READY, won);
		if
		:: won -> assert(!woken); woken = true; kick = true
		:: else
		fi
#ifdef MUTATION_RESUME_EARLY
		;
		LOCKED(mem[ASK] = 0)
#endif
	:: else
	fi
}

proctype home()
{
	byte cpu = 0, old, one, two, slices;
	bool won, done, vcpu = true;

	do
	:: true ->
		/* hv/work.c: work_run() */
		EXCHANGE(INBOX, 0, old);
		assert(!(old && in_list));
		in_list = in_list || old;
		if
		:: in_list ->
			in_list = false;
#ifdef MUTATION_DONE_PLAIN
			STORE(QUEUED, 0);
#elif !defined MUTATION_DONE_LATE
			EXCHANGE(QUEUED, 0, old);
#endif
			/* hv/work.c: work_slice() */
			one = LOAD(WORK + 1);
			two = LOAD(WORK + 2);
			slices++;
			if
			:: done = true
			:: slices < 3 -> done = false
			fi;
#ifdef MUTATION_DONE_LATE
			EXCHANGE(QUEUED, 0, old);
#endif
			if
			:: !done ->
				EXCHANGE(QUEUED, 1, old);
#ifdef MUTATION_AGAIN_BLIND
				old = 0;
#endif
				if
				:: !old -> in_list = true
				:: else
				fi
			:: else
			fi
		:: else
		fi;
		if
		:: vcpu ->
			/* hv/sched.c: sched_run(); hv/vm_life.c: vm_vcpu_leave() */
			old = LOAD(ASK);
			if
			:: old ->
				vcpu = false;
				/* hv/sched.c: sched_drop() */
				STORE(RUN_STATE, PARKED);
#ifndef MUTATION_PARK_PLAIN
				FENCE;
#endif
#ifndef MUTATION_PARK_BLIND
				old = LOAD(ASK);
				if
				:: !old ->
					EXCHANGE_IF(RUN_STATE, PARKED, READY, won);
					if
					:: won -> assert(!woken); woken = true
					:: else
					fi
				:: else
				fi
#endif
			:: else
			fi
		:: woken -> woken = false; vcpu = true
		:: else
		fi;
		old = LOAD(ASK);
		if
		:: one && two && !in_list && vcpu && !old -> break
		:: in_list || woken
		:: else -> kick -> kick = false
		fi;
		old = 0
	od
}

init
{
	atomic {
		mem[ASK] = 1;
		run home();
		run asker(1);
		run asker(2)
	}
}
