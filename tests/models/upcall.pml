/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virq, an entry and an unmask. A guest that takes upcalls masks its virq and
 * unmasks it, and then computes without a call; its home runs something else now
 * and then; another pCPU raises. No raise stays unseen while the guest computes:
 * nothing would end that, a deadlock.
 *
 * Too many kicks bring a time of quiet, in which a raise does not kick; its end, by the
 * home's timer, is as good as one.
 *
 * Order: the locked OR of a raise against the locked store of `current`, and
 * against the guest's fence behind its unmask and the locked store that ends the
 * quiet. Interrupts are off from the look at pending to the entry, so a kick that comes
 * in between ends guest mode.
 *
 * MUTATION_RAISE_PLAIN: the bit is set by a plain store
 * MUTATION_CURRENT_PLAIN: current is a plain store
 * MUTATION_LOOK_EARLY: the look at pending comes before the vCPU is current
 * MUTATION_NO_KICK: a raise does not kick
 * MUTATION_KICK_TAKEN: interrupts are taken between the look and the entry
 * MUTATION_UNMASK_PLAIN: no fence behind the unmask
 * MUTATION_UNMASK_BLIND: no look behind the unmask
 * MUTATION_QUIET_PLAIN: the end of the quiet is a plain store
 * MUTATION_QUIET_LATE: the look at pending comes before the quiet ends
 * MUTATION_QUIET_EVER: no timer ends it
 */
#define CPUS	2
#define WORDS	5
#define PENDING	0
#define MASK	1
#define CURRENT	2	/* 1: the vCPU */
#define WORK	3
#define QUIET	4
#include "tso.pml"

#define RAISES	2

/* Where the guest's program is. */
mtype = { OUTSIDE, CRITICAL, UNMASKED, FENCED, COMPUTING };

bool kick;		/* an IPI is pending at the home */
bool timer;		/* the home's timer is set */

proctype raiser(byte cpu)
{
	byte n, old, mask, current, quiet;

	do
	:: n < RAISES ->
		n++;
		STORE(WORK, n);
		/* vio/virq.c: virq_raise_on() */
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
				/* hv/sched.h: sched_kick_virq(), hv/sched.c: sched_kick() */
				quiet = LOAD(QUIET);
				current = LOAD(CURRENT);
				if
#ifndef MUTATION_NO_KICK
				:: current && !quiet -> kick = true
#endif
				:: else
				fi
			:: else
			fi
		:: else
		fi
	:: else -> break
	od
}

/* guests/lib/virq.c: virq_upcall(), virq_take(); interrupts are off in it */
inline handler()
{
	mask = LOAD(MASK);
	bits = 0;
	if
	:: !mask -> EXCHANGE(PENDING, 0, bits)
	:: else
	fi;
	if
	:: bits -> seen = LOAD(WORK)
	:: else
	fi
}

/* The guest's program, one instruction; none when it computes. */
inline guest_step()
{
	if
	:: at == OUTSIDE && sections < 2 ->
		STORE(MASK, 1);
		sections++;
		at = CRITICAL
	:: at == CRITICAL -> STORE(MASK, 0); at = UNMASKED
	:: at == UNMASKED ->
#ifndef MUTATION_UNMASK_PLAIN
		FENCE;
#endif
		at = FENCED
	:: at == FENCED ->
		at = COMPUTING;
#ifndef MUTATION_UNMASK_BLIND
		bits = LOAD(PENDING);
		if
		:: bits -> handler()
		:: else
		fi
#endif
	:: at == OUTSIDE -> at = COMPUTING
	:: at == COMPUTING && sections < 2 -> at = OUTSIDE
	fi
}

proctype home()
{
	byte cpu = 0, bits, mask, seen, sections, away;
	mtype at = OUTSIDE;

pick:
	/* hv/sched.c: switch_to() */
#ifdef MUTATION_LOOK_EARLY
	bits = LOAD(PENDING);
	mask = LOAD(MASK);
#endif
#ifdef MUTATION_CURRENT_PLAIN
	STORE(CURRENT, 1);
#else
	STORE_LOCKED(CURRENT, 1);
#endif
again:
	/* hv/sched.c: run_current() */
#ifndef MUTATION_LOOK_EARLY
	bits = LOAD(PENDING);
	mask = LOAD(MASK);
#endif
#ifdef MUTATION_KICK_TAKEN
	kick = false;
#endif
#ifdef MUTATION_QUIET_LATE
look:
#endif
	/* arch/vmx/vcpu.c: deliver(); arch/svm/vcpu.c: prepare_events() */
	if
	:: bits && !mask -> handler()
	:: else
	fi;
	do
	:: at == COMPUTING && seen == RAISES -> break
	:: kick ->
		/* hv/sched.c: attend(), kick_pay() */
		kick = false;
		if
		:: !timer && LOAD(PENDING) ->
			STORE(QUIET, 1);
#ifndef MUTATION_QUIET_EVER
			timer = true
#endif
		:: true
		fi;
#ifdef MUTATION_LOOK_EARLY
		bits = LOAD(PENDING);
		mask = LOAD(MASK);
#endif
		goto again
	:: timer ->
		/* hv/timers.c: quiet_end() */
		if
		:: LOAD(PENDING) -> goto again
		:: true
		fi;
		timer = false;
#ifdef MUTATION_QUIET_LATE
		bits = LOAD(PENDING);
		mask = LOAD(MASK);
#endif
#ifdef MUTATION_QUIET_PLAIN
		STORE(QUIET, 0);
#else
		STORE_LOCKED(QUIET, 0);
#endif
#ifdef MUTATION_QUIET_LATE
		goto look
#else
		goto again
#endif
	:: away < 2 ->
		/* hv/sched.c: slice_check(), switch_from(); then back */
		away++;
		STORE(CURRENT, 0);
		goto pick
	:: guest_step()
	od
}

init
{
	atomic {
		run home();
		run raiser(1)
	}
}
