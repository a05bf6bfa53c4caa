/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's run state. It runs, waits and runs on; one pCPU pauses its VM and resumes
 * it, twice; another stops the VM at some time, or it ends by itself. In the end the
 * vCPU is off, else its home sleeps, or its guest computes, for ever: a deadlock. And
 * who makes it ready finds it nowhere else.
 *
 * Order: the locked changes of `ask` against the locked stores of WAITING and
 * `current`, and the fence behind PARKED.
 *
 * VARIANT_STOPPED: another pCPU stops the VM
 * VARIANT_ENDS: the guest ends the VM when it was resumed for the last time
 *
 * MUTATION_ASK_LATE: a stop wakes first and asks then
 * MUTATION_STOP_AWAKE: a stop does not try whether the vCPU is parked
 * MUTATION_WAIT_PLAIN: WAITING is a plain store
 * MUTATION_WAIT_BLIND: a wait does not look at what is asked
 * MUTATION_CURRENT_PLAIN: current is a plain store
 * MUTATION_PARK_PLAIN: no fence behind PARKED
 * MUTATION_PARK_BLIND: who parks does not look again
 * MUTATION_PARK_PAUSE: who parks looks only whether it is still paused
 * MUTATION_RESUME_EARLY: ENDS, but a resume wakes first and takes back what was asked then
 */
#define CPUS	3
#define WORDS	3
#define ASK	0
#define RUN_STATE 1
#define CURRENT	2	/* 1: the vCPU */
#include "tso.pml"

#if defined VARIANT_ENDS || defined MUTATION_RESUME_EARLY
#define ENDS	true
#else	/* VARIANT_STOPPED */
#define ENDS	false
#endif

#define READY	0
#define WAITING	1
#define PARKED	2
#define OFF	3
#define STOP	1	/* VCPU_ASK_STOP */
#define PAUSE	2	/* VCPU_ASK_PAUSE */

bool locked;		/* vm->lock, and what is under it: */
bool stopping, paused;
bool resumed;		/* for the last time */
bool kick;		/* an IPI is pending at the home */
bool ready;		/* the vCPU is in the home's inbox or queue: wait.pml */

#define TAKE_LOCK	atomic { DRAINED && !locked -> locked = true }
#define GIVE_LOCK	atomic { DRAINED -> locked = false }

/* hv/sched.c: sched_ready() */
inline sched_ready(from)
{
	EXCHANGE_IF(RUN_STATE, from, READY, won);
	if
	:: won -> assert(!ready); ready = true
	:: else
	fi
}

/* hv/sched.c: sched_kick() */
inline sched_kick()
{
	seen = LOAD(CURRENT);
	if
	:: seen -> kick = true
	:: else
	fi;
	seen = 0
}

/* hv/vm_suspend.c: vm_pause(), park_all(), vm_resume(); hv/vm_life.h: vcpu_ask() */
proctype pauser(byte cpu)
{
	byte seen, n;
	bool won;

	do
	:: n < 2 ->
		n++;
		TAKE_LOCK;
		if
		:: !stopping ->
			paused = true;
			LOCKED(mem[ASK] = mem[ASK] | PAUSE);
			sched_kick()
		:: else
		fi;
		GIVE_LOCK;
		TAKE_LOCK;
		if
		:: !stopping && paused ->
			paused = false;
#ifdef MUTATION_RESUME_EARLY
			sched_ready(PARKED);
			LOCKED(mem[ASK] = mem[ASK] & ~PAUSE)
#else
			LOCKED(mem[ASK] = mem[ASK] & ~PAUSE);
			sched_ready(PARKED)
#endif
		:: else
		fi;
		GIVE_LOCK
	:: else -> break
	od;
	resumed = true
}

/* hv/vm_life.c: vm_stop(), poke_all() */
proctype stopper(byte cpu)
{
	byte seen;
	bool won;

	TAKE_LOCK;
	stopping = true;
#ifndef MUTATION_ASK_LATE
	LOCKED(mem[ASK] = mem[ASK] | STOP);
#endif
#ifndef MUTATION_STOP_AWAKE
	sched_ready(PARKED);
#endif
	/* hv/sched.c: sched_poke() */
	sched_ready(WAITING);
	if
	:: !won -> sched_kick()
	:: else
	fi;
#ifdef MUTATION_ASK_LATE
	LOCKED(mem[ASK] = mem[ASK] | STOP);
#endif
	GIVE_LOCK
}

/* hv/sched.c: sched_drop() */
inline sched_drop(to)
{
	STORE(CURRENT, 0);
	STORE(RUN_STATE, to)
}

proctype home()
{
	byte cpu = 0, asked, waits;
	bool won, current;

	ready = true;
	do
	:: !current ->
		/* hv/sched.c: idle(), pick(), switch_to() */
		ready;
		ready = false;
		current = true;
#ifdef MUTATION_CURRENT_PLAIN
		STORE(CURRENT, 1)
#else
		STORE_LOCKED(CURRENT, 1)
#endif
	:: current ->
		/* hv/sched.c: sched_run() */
		asked = LOAD(ASK);
		if
		:: asked ->
			/* hv/vm_life.c: vm_vcpu_leave() */
			asked = LOAD(ASK);
			if
			:: asked & STOP ->
				sched_drop(OFF);
				break
			:: !asked		/* resumed meanwhile */
			:: asked == PAUSE ->
				current = false;
				sched_drop(PARKED);
#ifndef MUTATION_PARK_PLAIN
				FENCE;
#endif
#ifndef MUTATION_PARK_BLIND
				asked = LOAD(ASK);
#ifdef MUTATION_PARK_PAUSE
				asked = asked & PAUSE;
#endif
				if
				:: asked != PAUSE -> sched_ready(PARKED)
				:: else
				fi
#endif
			fi
		:: else ->
			/* hv/sched.c: run_current(), attend() */
			if
			:: kick -> kick = false
			:: ENDS && resumed -> LOCKED(mem[ASK] = mem[ASK] | STOP)
			:: waits < 2 ->
				waits++;
				/* hv/sched.c: wait_from() */
#ifdef MUTATION_WAIT_PLAIN
				STORE(RUN_STATE, WAITING);
#else
				STORE_LOCKED(RUN_STATE, WAITING);
#endif
				won = false;
#ifndef MUTATION_WAIT_BLIND
				asked = LOAD(ASK);
				if
				:: asked ->
					EXCHANGE_IF(RUN_STATE, WAITING, READY, won)
				:: else
				fi;
#endif
				if
				:: !won ->
					/* hv/sched.c: switch_from() */
					current = false;
					STORE(CURRENT, 0);
					if
					:: !ENDS	/* till somebody wakes it */
					:: sched_ready(WAITING)	/* a timer */
					fi
				:: else
				fi
			fi
		fi;
		asked = 0
	od
}

init
{
	atomic {
		run home();
		run pauser(1);
		if
		:: !ENDS -> run stopper(2)
		:: else
		fi
	}
}
