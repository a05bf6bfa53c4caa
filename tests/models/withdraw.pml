/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slot's withdrawal, and the copies that use it. The owner shows a buffer, takes
 * it back and uses it itself, several times, and in the end its VM dies with one
 * shown; two pCPUs copy. No copy goes on in a buffer that its owner has back, nor in
 * memory of a dead VM. (Schemes copy and grant; mappings are grant.pml.)
 *
 * Order: the copier's locked add against the owner's fence; the copier's fence
 * behind its odd `op` against sync_ops()' own.
 *
 * MUTATION_CLEAR_PLAIN: no fence behind the cleared entry
 * MUTATION_READ_FIRST: the copier reads the entry before it marks its use
 * MUTATION_MARK_PLAIN: the use count is raised by a plain store
 * MUTATION_DROP_EARLY: the use ends before the copy does
 * MUTATION_NO_SETTLE: the owner does not settle
 * MUTATION_SETTLE_ONCE: sync_ops() looks, but does not wait
 * MUTATION_SYNC_PLAIN: sync_ops() has no fence
 * MUTATION_OP_PLAIN: the copier has no fence behind its odd op
 * MUTATION_OP_LATE: the copier looks at the link before its op is odd
 */
#define CPUS	3
#define WORDS	7
#define DEAD	0	/* the link's state */
#define ENTRY	1	/* the descriptor's first quadword: valid */
#define SEGMENT	2	/* the buffer it names */
#define USE	3
#define OP	4	/* + CPU */
#include "tso.pml"

#define ROUNDS	2

byte copying[CPUS];	/* in this buffer */
bool back[ROUNDS + 2];	/* the buffer is its owner's alone */

inline take_back()
{
	d_step {
		assert(copying[1] != buffer && copying[2] != buffer);
		back[buffer] = true
	}
}

/* hv/sync.c: sync_ops() */
inline sync_ops()
{
#ifndef MUTATION_SYNC_PLAIN
	FENCE;
#endif
	other = 1;
	do
	:: other < CPUS ->
		op = LOAD(OP + other);
#ifndef MUTATION_SETTLE_ONCE
		if
		:: op & 1 -> LOAD(OP + other) != op
		:: else
		fi;
#endif
		other++
	:: else -> break
	od;
	op = 0;
	other = 0
}

proctype owner()
{
	byte cpu = 0, buffer, use, other, op;

	do
	:: buffer < ROUNDS ->
		buffer++;
		/* guests/lib/bm_desc.c: bm_desc_attach(), desc_publish() */
		STORE(SEGMENT, buffer);
		STORE(ENTRY, 1);
		/* guests/lib/bm_desc.c: desc_withdraw(); guests/lib/bm_grant.c:
		 * grant_withdraw(); guests/lib/bm_impl.h: bm_withdrawn_used() */
		STORE(ENTRY, 0);
#ifndef MUTATION_CLEAR_PLAIN
		FENCE;
#endif
		use = LOAD(USE);
		if
#ifndef MUTATION_NO_SETTLE
		/* hv/hypercall.c: hc_settle() */
		:: use -> use = 0; sync_ops()
#endif
		:: else -> use = 0
		fi;
		take_back()
	:: else -> break
	od;
	buffer++;
	STORE(SEGMENT, buffer);
	STORE(ENTRY, 1);
	/* vio/link.c: endpoint_died(), change_state(); hv/vm_unbuild.c: links_die(),
	 * operations_end(), free_ram() */
	STORE(DEAD, 1);
	sync_ops();
	take_back()
}

inline mark()
{
#ifdef MUTATION_MARK_PLAIN
	seen = LOAD(USE);
	STORE(USE, seen + 1)
#else
	LOCKED(mem[USE]++)
#endif
}

inline unmark()
{
	LOCKED(mem[USE]--)
}

proctype copier(byte cpu; byte copies)
{
	byte op, seen, buffer;

	do
	:: copies > 0 ->
		copies--;
#ifdef MUTATION_OP_LATE
		seen = LOAD(DEAD);
#endif
		/* vio/copy.c: copy_batch(); hv/sync.h: sync_op_begin() */
		op++;
		STORE(OP + cpu, op);
#ifndef MUTATION_OP_PLAIN
		FENCE;
#endif
#ifndef MUTATION_OP_LATE
		seen = LOAD(DEAD);
#endif
		if
		:: !seen ->
			/* vio/copy.c: desc_short(), desc_piece(); vio/slot.c:
			 * desc_open(), seg_next(); vio/grant.h: grant_mark() */
#ifdef MUTATION_READ_FIRST
			seen = LOAD(ENTRY);
			mark();
#else
			mark();
			seen = LOAD(ENTRY);
#endif
			if
			:: seen ->
				buffer = LOAD(SEGMENT);
#ifdef MUTATION_DROP_EARLY
				unmark();
#endif
				d_step {
					assert(!back[buffer]);
					copying[cpu] = buffer;
					buffer = 0
				}
				/* The bytes are stored and loaded meanwhile. */
				copying[cpu] = 0
			:: else
			fi;
#ifdef MUTATION_DROP_EARLY
			if
			:: !seen -> unmark()
			:: else
			fi
#else
			unmark()
#endif
		:: else
		fi;
		/* hv/sync.h: sync_op_end() */
		op++;
		STORE(OP + cpu, op);
		seen = 0
	:: else -> break
	od
}

init
{
	atomic {
		run owner();
		run copier(1, 2);
		run copier(2, 1)
	}
}
