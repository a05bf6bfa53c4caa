/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two rings with event indices. An end posts, quietly if more is to follow; the
 * other answers each post, loudly; both sleep when there is nothing to do. All
 * posts come back, else both ends sleep, a deadlock; and a message is never taken
 * before it was written.
 *
 * A virq ends a wait, or the next one: that is wait.pml. Order: each side stores
 * its word (prod; the wake index), fences, reads the other's. The sleeper's fence
 * is its exchange of event.pending.
 *
 * MUTATION_PUBLISH_PLAIN: no fence behind prod
 * MUTATION_ARM_PLAIN: event.pending is cleared by a plain store
 * MUTATION_LOOK_EARLY: the sleeper looks at prod before it stores its index
 * MUTATION_CLEAR_LATE: event.pending is cleared behind the look
 * MUTATION_VIRQ_LATE: old virqs are forgotten behind the look
 * MUTATION_PROD_FIRST: prod is stored before the message
 * MUTATION_INDEX_OFF: the index of the message that is waited for does not pass
 */
#define CPUS	2
#define WORDS	10
#define PROD	0	/* + end */
#define WAKE	2	/* + end */
#define EVENT	4	/* + end */
#define RING	6	/* + 2 * end + place */
#include "tso.pml"

#define POSTS	4
#define SLOTS	2	/* the ring's size, too */
#define PEER	(1 - cpu)
#define MOD	8	/* counters wrap */

bool virq[2];		/* pending, of each end's vCPU */

/* guests/lib/bm_wait.c: passes(); vio/tail.c: passes() */
#ifdef MUTATION_INDEX_OFF
#define PASSES(wake, from, to)						\
	((to + MOD - wake) % MOD < (to + MOD - from) % MOD)
#else
#define PASSES(wake, from, to)						\
	((to + MOD - wake + MOD - 1) % MOD < (to + MOD - from) % MOD)
#endif

/* guests/lib/bm_inline.h: bm_push() */
inline push(message, is_loud)
{
#ifdef MUTATION_PROD_FIRST
	STORE(PROD + cpu, (prod + 1) % MOD);
#endif
	STORE(RING + 2 * cpu + prod % SLOTS, message);
	prod = (prod + 1) % MOD;
	loud = (is_loud -> prod : loud)
}

/* guests/lib/bm_wait.c: bm_publish(), bm_published(); vio/tail.c: publish() */
inline publish()
{
	notify = false;
	if
	:: published != prod ->
		STORE(PROD + cpu, prod);
#ifndef MUTATION_PUBLISH_PLAIN
		FENCE;
#endif
		wake = LOAD(WAKE + PEER);
		d_step {
			notify = loud != loud_published &&
				 PASSES(wake, loud_published, loud);
			published = prod;
			if
			:: (prod + MOD - loud) % MOD > SLOTS ->
				loud = (prod + MOD - SLOTS) % MOD
			:: else
			fi;
			loud_published = loud;
			wake = 0
		}
	:: else
	fi
}

/* vio/link.c: link_notify(), endpoint_raise() */
inline raise_peer()
{
	if
	:: notify ->
		EXCHANGE(EVENT + PEER, 1, old);
		if
		:: !old -> virq[PEER] = true
		:: else
		fi
	:: else
	fi;
	d_step { notify = false; old = 0 }
}

/* guests/lib/bm_wait.c: bm_arm() */
inline arm()
{
#ifdef MUTATION_LOOK_EARLY
	seen = LOAD(PROD + PEER);
#endif
	STORE(WAKE + cpu, cons);
#ifdef MUTATION_ARM_PLAIN
	STORE(EVENT + cpu, 0);
#else
#ifdef MUTATION_CLEAR_LATE
	FENCE;
	seen = LOAD(PROD + PEER);
#endif
	EXCHANGE(EVENT + cpu, 0, old);
#endif
#if !defined MUTATION_LOOK_EARLY && !defined MUTATION_CLEAR_LATE
	seen = LOAD(PROD + PEER);
#endif
#ifdef MUTATION_VIRQ_LATE
	virq[cpu] = false
#endif
}

/* guests/lib/bm_wait.c: bm_wait_one(), bm_carry(); vio/tail.c: tail_run() */
inline bm_wait()
{
#ifndef MUTATION_VIRQ_LATE
	/* guests/lib/bm_guest.c: bm_sys_before_wait() */
	virq[cpu] = false;
#endif
	if
	:: publish(); arm()
	:: arm(); publish()	/* with moves queued, by their call's tail */
	fi;
	raise_peer();
	if
	:: seen == cons -> seen = 0; virq[cpu]	/* AMBIT_HC_WAIT */
	:: else -> seen = 0
	fi
}

#define END								\
	byte prod, published, loud, loud_published, cons, wake, old, seen; \
	bool notify

proctype poster(byte cpu)
{
	END;
	byte posted, done;

	do
	:: posted < POSTS && posted - done < SLOTS ->
		posted++;
		if
		:: push(posted, true)
		:: posted < POSTS && posted - done < SLOTS ->
			push(posted, false)
		fi
	:: published != prod -> publish(); raise_peer()	/* guests/lib/bm_wait.c: bm_flush() */
	:: done < posted ->
		/* guests/lib/bm_inline.h: bm_next_inline() */
		seen = LOAD(PROD + PEER);
		if
		:: seen != cons ->
			old = LOAD(RING + 2 * PEER + cons % SLOTS);
			d_step {
				cons = (cons + 1) % MOD;
				done++;
				assert(old == done);
				old = 0;
				seen = 0
			}
		:: else -> seen = 0
		fi
	/* A quiet last post wakes nobody. */
	:: done < posted && loud == prod -> bm_wait()
	:: done == POSTS -> break
	od
}

proctype answerer(byte cpu)
{
	END;
	byte answered;

	do
	:: answered < POSTS ->
		seen = LOAD(PROD + PEER);
		if
		:: seen != cons ->
			old = LOAD(RING + 2 * PEER + cons % SLOTS);
			d_step {
				cons = (cons + 1) % MOD;
				answered++;
				assert(old == answered);
				old = 0;
				seen = 0
			}
			push(answered, true)
		:: else -> bm_wait()
		fi
	:: else -> break
	od;
	publish();
	raise_peer()
}

init
{
	atomic {
		run poster(0);
		run answerer(1)
	}
}
