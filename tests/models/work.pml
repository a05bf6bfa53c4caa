/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work asked for while it runs. Two pCPUs ask; the item's own runs it, in slices. A
 * slice that begins later sees what was done before work was asked for, else the home
 * would sleep with it undone, a deadlock; an item is in one list at most.
 *
 * Order: the exchanges of `queued`.
 *
 * MUTATION_DONE_LATE: queued falls behind the slice, not before it
 * MUTATION_DONE_PLAIN: queued falls by a plain store
 * MUTATION_AGAIN_BLIND: an unfinished item is linked though it is in an inbox
 */
#define CPUS	3
#define WORDS	5
#define QUEUED	0
#define INBOX	1	/* the item is in the home's inbox */
#define WORK	2	/* + CPU: 1, 2 */
#include "tso.pml"

bool kick;		/* an IPI is pending at the home */
bool in_list;		/* the item is in p->work */

proctype asker(byte cpu)
{
	byte old;

	STORE(WORK + cpu, 1);
	/* hv/work.c: work_add() */
	EXCHANGE(QUEUED, 1, old);
	if
	:: !old ->
		LOCKED(assert(!mem[INBOX] && !in_list); mem[INBOX] = 1);
		kick = true
	:: else
	fi
}

proctype home()
{
	byte cpu = 0, old, one, two, slices;
	bool done;

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
		:: one && two && !in_list -> break
		:: in_list
		:: else -> kick -> kick = false		/* hv/sched.c: idle() */
		fi;
		old = 0
	od
}

init
{
	atomic {
		run home();
		run asker(1);
		run asker(2)
	}
}
