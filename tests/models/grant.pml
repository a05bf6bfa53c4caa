/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant, map, unmap, revoke, die. An owner grants a page, clears the entry and has
 * it back in one of three ways, twice; the peer maps and unmaps it from two pCPUs.
 * A page that its owner has back, or that is free again, is in nobody's reach; what
 * a mapping held is given back once; who waits for the last use is told; and who
 * finds status.revocations unchanged has not read the sink.
 *
 * sync_flush() is one step here (flush.pml). Order: the use count's locked
 * operations against the owner's fences; `notify` the other way round.
 *
 * VARIANT_ALL_LIVE: nobody dies
 * VARIANT_OWNER_DIES: the owner's VM dies, a page granted
 * VARIANT_PEER_DIES: the peer's VM dies, the page mapped
 *
 * MUTATION_READ_FIRST: a map reads the entry before it marks its use
 * MUTATION_CLEAR_PLAIN: no fence behind the cleared entry
 * MUTATION_NO_OP: OWNER_DIES, but a map is no operation that sync_ops() waits for
 * MUTATION_NO_MARK: what goes is not marked as going
 * MUTATION_END_EARLY: what a mapping held is given back before the flush
 * MUTATION_FLUSH_OWN: a revoke does not flush for what another CPU withdraws
 * MUTATION_NOTIFY_PLAIN: notify is a plain store
 * MUTATION_NOTIFY_BLIND: who sets notify does not look again
 * MUTATION_CLOSE_EARLY: who ends a use reads notify first
 * MUTATION_COUNT_LATE: the sink is shown before it is counted
 * MUTATION_DEATH_NO_SYNC: OWNER_DIES, but running maps are not waited for
 * MUTATION_DEATH_FORCED: PEER_DIES, but its reaper does not leave alone what goes
 */
#define CPUS	3
#define WORDS	8
#define ENTRY	0	/* 0, or the page */
#define USE	1
#define NOTIFY	2
#define DEAD	3	/* the link's state */
#define OP	4	/* of CPU 1 */
#define WINDOW	5	/* the entry in the peer's tables: 0, a page, SINK */
#define COUNT	6	/* status.revocations */
#define LOCK	7	/* owner's grant_lock */
#include "tso.pml"

#if defined MUTATION_DEATH_NO_SYNC || defined MUTATION_NO_OP
#define VARIANT_OWNER_DIES
#endif
#ifdef MUTATION_DEATH_FORCED
#define VARIANT_PEER_DIES
#endif
#define ROUNDS	2
#define SINK	7
/* mapped[], beside MAPPED */
#define MAPPED	1
#define AT_SINK	2
#define GOING	4

/* Under the lock. */
bool page;		/* grant[].page: the entry is mapped */
byte mapped;		/* mapped[]: of the window's page */

byte tlb;		/* what the peer's CPUs see at the window's page */
bool back[ROUNDS + 2];	/* the page is used otherwise */
bool virq;		/* of the owner */
bool off;		/* the peer's vCPUs are */
bool other_off;		/* the second vCPU is */
byte ended;		/* processes */

#define TAKE_LOCK	atomic { DRAINED && !mem[LOCK] -> mem[LOCK] = 1 }
#define GIVE_LOCK	STORE(LOCK, 0)
/* Whoever waits for what goes drops the lock meanwhile. */
#define TAKE_LOCK_UNLESS_GOING						\
	atomic { DRAINED && !mem[LOCK] && !(mapped & GOING) -> mem[LOCK] = 1 }

/* hv/sync.c: sync_flush(), of the peer's VM */
inline sync_flush()
{
	LOCKED(tlb = 0)
}

/* vio/grant.c: grant_idle() */
inline grant_idle()
{
	EXCHANGE(NOTIFY, 0, notify);
	virq = virq || notify;
	notify = false
}

/* vio/grant.h: grant_close() */
inline grant_close()
{
#ifdef MUTATION_CLOSE_EARLY
	notify = LOAD(NOTIFY);
#endif
	LOCKED(assert(mem[USE] > 0); mem[USE]--; last = !mem[USE]);
#ifndef MUTATION_CLOSE_EARLY
	notify = LOAD(NOTIFY);
#endif
	if
	:: last && notify -> grant_idle()
	:: else -> notify = false
	fi;
	last = false
}

/* vio/mapping.h: mapping_end() */
inline mapping_end(next)
{
	if
	:: (mapped & ~GOING) == AT_SINK -> mapped = next
	:: else ->
		mapped = next;
		page = false;
		grant_close()
	fi
}

#ifdef MUTATION_NO_MARK
#define MARK_GOING
#else
#define MARK_GOING mapped = mapped | GOING
#endif

/* vio/grant_map.c: map_run(), map_page(), source_get(), map_undo() */
inline map()
{
	got = false;
#ifndef MUTATION_NO_OP
	op++;
	STORE(OP, op);
	FENCE;
#endif
	seen = LOAD(DEAD);
	if
	:: !seen ->
		TAKE_LOCK;
		if
		:: !mapped ->
#ifdef MUTATION_READ_FIRST
			seen = LOAD(ENTRY);
			LOCKED(mem[USE]++);
#else
			LOCKED(mem[USE]++);
			seen = LOAD(ENTRY);
#endif
			if
			:: !seen || page -> grant_close()
			:: else ->
				got = true;
				page = true;
				mapped = MAPPED;
				STORE(WINDOW, seen)
			fi
		:: else
		fi;
		GIVE_LOCK
	:: else
	fi;
#ifndef MUTATION_NO_OP
	op++;
	STORE(OP, op);
#endif
	seen = 0
}

/* vio/grant_map.c: unmap_run(), unmap_page(), unmap_finish() */
inline unmap()
{
	TAKE_LOCK_UNLESS_GOING;
	if
	:: mapped ->
		MARK_GOING;
		STORE(WINDOW, 0);
#ifdef MUTATION_END_EARLY
		mapping_end(0);
		GIVE_LOCK;
		sync_flush()
#else
		GIVE_LOCK;
		sync_flush();
		TAKE_LOCK;
		mapping_end(0);
		GIVE_LOCK
#endif
	:: else -> GIVE_LOCK
	fi
}

/* vio/revoke.c: revocation_add(), sink_in(); under the lock */
inline revocation_add()
{
	flush = false;
	mine = false;
	if
	:: page ->
#ifdef MUTATION_FLUSH_OWN
		flush = !(mapped & GOING);
#else
		flush = true;
#endif
		if
		:: !(mapped & GOING) ->
#ifdef MUTATION_COUNT_LATE
			STORE(WINDOW, SINK);
			STORE(COUNT, LOAD(COUNT) + 1);
#else
			STORE(COUNT, LOAD(COUNT) + 1);
			STORE(WINDOW, SINK);
#endif
			MARK_GOING;
			mine = true
		:: else
		fi
	:: else
	fi
}

/* vio/revoke.c: revocation_end() */
inline revocation_end()
{
	if
	:: flush ->
		sync_flush();
		if
		:: mine ->
			TAKE_LOCK;
			mapping_end(AT_SINK);
			GIVE_LOCK
		:: else
		fi
	:: else
	fi;
	flush = false;
	mine = false
}

/* hv/sync.c: sync_ops() */
inline sync_ops()
{
	FENCE;
	seen = LOAD(OP);
	if
	:: seen & 1 -> LOAD(OP) != seen
	:: else
	fi;
	seen = 0
}

/* vio/revoke.c: revoke_run(), entry_look(), notify_ask(), withdraw() */
inline revoke()
{
	do
	:: true ->
		seen = LOAD(USE);
		if
		:: !seen -> break
		:: seen ->	/* AMBIT_REVOKE_NOTIFY */
			seen = 0;
#ifdef MUTATION_NOTIFY_PLAIN
			STORE(NOTIFY, 1);
#else
			STORE_LOCKED(NOTIFY, 1);
#endif
#ifndef MUTATION_NOTIFY_BLIND
			seen = LOAD(USE);
			if
			:: !seen -> grant_idle(); break
			:: else -> seen = 0
			fi;
#endif
			virq -> virq = false
		:: seen ->	/* AMBIT_REVOKE_FORCE */
			sync_ops();
			TAKE_LOCK;
			revocation_add();
			GIVE_LOCK;
			revocation_end();
			break
		fi
	od;
	virq = false
}

inline take_back(it)
{
	d_step {
		assert(off || (tlb != it && mem[WINDOW] != it));
		back[it] = true
	}
}

proctype owner()
{
	byte cpu = 0, round, seen;
	bool notify, last, flush, mine;

	do
	:: round < ROUNDS ->
		round++;
		STORE(ENTRY, round);
		STORE(ENTRY, 0);
#ifndef MUTATION_CLEAR_PLAIN
		FENCE;
#endif
		revoke();
		take_back(round)
	:: else -> break
	od;
#ifdef VARIANT_OWNER_DIES	/* not VARIANT_ALL_LIVE */
	round++;
	STORE(ENTRY, round);
	/* hv/vm_unbuild.c: links_die(), operations_end(), free_ram() */
	STORE(DEAD, 1);
#ifndef MUTATION_DEATH_NO_SYNC
	sync_ops();
#endif
	/* vio/grant_life.c: grant_vm_died_step(), withdraw_own(), going() */
	TAKE_LOCK_UNLESS_GOING;
	revocation_add();
	STORE(NOTIFY, 0);
	GIVE_LOCK;
	revocation_end();
	take_back(round);
#endif
	ended++
}

/* The peer's programs read the window's page. */
active proctype reader()
{
end:	do
	:: d_step {
		!off && !tlb && mem[WINDOW] ->
		tlb = mem[WINDOW];
		assert(tlb == SINK || !back[tlb])
	}
	od
}

proctype peer(byte cpu)
{
	byte maps, op, seen, count;
	bool notify, last, got;

	do
	:: maps < 2 ->
		maps++;
		count = LOAD(COUNT);
		map();
		if
		:: got ->
			/* guests/lib/bm_queue.c: bm_queue_view_lost() */
			seen = (tlb -> tlb : mem[WINDOW]);
			assert(seen != SINK || LOAD(COUNT) != count);
			seen = 0
		:: else
		fi;
		count = 0
	:: maps < 2 -> maps++; unmap()
	:: else -> break
	od;
#ifdef VARIANT_PEER_DIES
	other_off;
	off = true;
	STORE(DEAD, 1);
	/* vio/grant_life.c: unmap_own() */
#ifdef MUTATION_DEATH_FORCED
	TAKE_LOCK;
#else
	TAKE_LOCK_UNLESS_GOING;
#endif
	if
	:: mapped -> mapping_end(0)
	:: else
	fi;
	GIVE_LOCK;	/* its tables go as a whole, what TLBs hold with a new life */
#else
	unmap();
#endif
	ended++
}

proctype peer_other(byte cpu)
{
	bool notify, last;

	unmap();
	other_off = true;
	ended++
}

active proctype in_the_end()
{
	ended == 3;
	assert(!page && mem[USE] == 0 && !(mapped & (MAPPED | GOING)))
}

init
{
	atomic {
		run owner();
		run peer(1);
		run peer_other(2)
	}
}
