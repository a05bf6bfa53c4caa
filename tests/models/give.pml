/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gifts. Two VMs give each other pages between three places, one at first and one
 * another: a page goes and comes back elsewhere, or two are exchanged. A third pCPU
 * copies from a place meanwhile, and the second VM may die. A page has one owner and
 * one place; who holds a reference finds it where it was; no guest reaches a page
 * that is not its own; an acceptance entry takes one gift until it is taken note of;
 * the quota is given back as often as it was taken.
 *
 * Order: locked operations; what a place holds is stored plainly under its
 * reservation, and in order.
 *
 * VARIANT_MOVE: a page goes from place 0 to 2 and comes back to 1
 * VARIANT_EXCHANGE: pages at 0 and 2 change places, twice
 * VARIANT_DEATH: MOVE, and the second VM dies with it
 *
 * MUTATION_GET_BLIND: who got a reference does not look at the place again
 * MUTATION_GET_ANY: a reference is got whoever owns the page
 * MUTATION_GIVE_USED: the new owner is set whatever uses there are
 * MUTATION_FLUSH_EARLY: the flush comes before the page is hidden
 * MUTATION_SHOW_EARLY: the page is shown before it has its new owner
 * MUTATION_NO_RESERVE: the places are not reserved
 * MUTATION_NO_CLAIM: the acceptance entry is not claimed
 * MUTATION_HALF: EXCHANGE, but one that fails keeps the first page's new owner
 * MUTATION_UNDO_ONCE: EXCHANGE, but the first page is not waited for
 * MUTATION_DEATH_NO_SYNC: DEATH, but gifts under way are not waited for
 */
#define CPUS	3
#define WORDS	18
#define FRAME	0	/* + page, 1 or 2: owner * 4 + uses */
#define HOLDS	3	/* + place: pool_page.pa */
#define RESERVED 6	/* + place */
#define SHOWS	9	/* + place: its entry in the VM's tables */
#define SPENT	12	/* + acceptance entry, one of each VM */
#define OP	14	/* + CPU */
#define DEAD	17
#include "tso.pml"

#if defined MUTATION_HALF || defined MUTATION_UNDO_ONCE
#define VARIANT_EXCHANGE
#endif
#ifdef MUTATION_DEATH_NO_SYNC
#define VARIANT_DEATH
#endif
#ifdef VARIANT_EXCHANGE
#define SWAP	true
#else	/* VARIANT_MOVE */
#define SWAP	false
#endif

#define NONE	0
#define COMING	1
#define ARRIVED	2
#define VM_OF(place) (place == 2 -> 2 : 1)
#define OWNER(page) (mem[FRAME + page] / 4)
#define USES(page) (mem[FRAME + page] % 4)

byte tlb[3];		/* what the VMs' guests may reach, by place */
byte gifts[2];		/* in flight, counted against VM 1, 2 */
byte arrived[2];	/* at VM 1's entry, VM 2's, and not taken */
bool died;

/* hv/frames.h: frame_give() */
inline frame_give(it, old_owner, new_owner)
{
#ifdef MUTATION_GIVE_USED
	LOCKED(won = true; mem[FRAME + it] = new_owner * 4 + USES(it))
#else
	EXCHANGE_IF(FRAME + it, old_owner * 4, new_owner * 4, won)
#endif
}

/* vio/give.c: gift_own() */
inline gift_own(giver, acceptor)
{
	frame_give(page, giver, acceptor);
	if
	:: won && SWAP ->
		if
		:: frame_give(other, acceptor, giver)
		:: won = false		/* one more pCPU copies from it */
		fi;
		if
		:: !won ->
#ifdef MUTATION_UNDO_ONCE
			frame_give(page, acceptor, giver);
#elif !defined MUTATION_HALF
			do
			:: !won -> frame_give(page, acceptor, giver)
			:: else -> break
			od;
#endif
			won = false
		:: else
		fi
	:: else
	fi
}

/* vio/give.c: place_open(), gift_accept(), gift_begin() */
inline gift_begin(giver, from, to)
{
	ok = false;
#ifdef MUTATION_NO_RESERVE
	old = 0;
#else
	EXCHANGE(RESERVED + from, 1, old);
#endif
	if
	:: !old ->
		page = LOAD(HOLDS + from);
		if
		:: page && !USES(page) ->
#ifdef MUTATION_NO_CLAIM
			STORE(SPENT + 2 - giver, COMING);
			won = true;
#else
			EXCHANGE_IF(SPENT + 2 - giver, NONE, COMING, won);
#endif
			if
			:: won ->
#ifdef MUTATION_NO_RESERVE
				old = 0;
#else
				EXCHANGE(RESERVED + to, 1, old);
#endif
				if
				:: !old ->
					other = LOAD(HOLDS + to);
					ok = (SWAP -> other && !USES(other) :
						      !other);
					if
					:: ok -> LOCKED(gifts[giver - 1]++)
					:: else -> STORE(RESERVED + to, 0)
					fi
				:: else
				fi;
				if
				:: !ok -> STORE(SPENT + 2 - giver, NONE)
				:: else
				fi
			:: else
			fi
		:: else
		fi;
		if
		:: !ok -> STORE(RESERVED + from, 0)
		:: else
		fi
	:: else
	fi
}

/* hv/sync.c: sync_flush(), of both VMs if pages are exchanged */
inline sync_flush(from, to)
{
	LOCKED(tlb[from] = 0; tlb[to] = (SWAP -> 0 : tlb[to]))
}

/* vio/give.c: gifts_end(), gift_end(), gift_move() */
inline gift_end(giver, acceptor, from, to)
{
#ifdef MUTATION_FLUSH_EARLY
	sync_flush(from, to);
#endif
	/* hv/pool.h: pool_hide() */
	STORE(SHOWS + from, 0);
	STORE(SHOWS + to, 0);
#ifdef MUTATION_SHOW_EARLY
	STORE(SHOWS + to, page);
#endif
#ifndef MUTATION_FLUSH_EARLY
	sync_flush(from, to);
#endif
	gift_own(giver, acceptor);
	if
	:: won ->
		assert(!died && tlb[from] != page);
		assert(!SWAP || tlb[to] != other);
		STORE(HOLDS + from, other);
		STORE(HOLDS + to, page);
		d_step { assert(!arrived[2 - giver]); arrived[2 - giver]++ };
		/* hv/pool.h: pool_show() */
		STORE(SHOWS + from, other);
		STORE(SHOWS + to, page);
		STORE(SPENT + 2 - giver, ARRIVED)
	:: else ->
		assert(OWNER(page) == giver);
		LOCKED(gifts[giver - 1]--);
		STORE(SHOWS + from, page);
		STORE(SHOWS + to, other);
		STORE(SPENT + 2 - giver, NONE)
	fi;
	STORE(RESERVED + from, 0);
	STORE(RESERVED + to, 0)
}

inline op_begin()
{
	op++;
	STORE(OP + cpu, op);
	FENCE;
	old = LOAD(DEAD)
}

inline op_end()
{
	op++;
	STORE(OP + cpu, op);
	d_step { page = 0; other = 0; won = false; ok = false; old = 0 }
}

/* vio/give.c: give_run(), give_item() */
inline give(giver, acceptor, from, to)
{
	op_begin();
	if
	:: !old ->
		gift_begin(giver, from, to);
		if
		:: ok -> gift_end(giver, acceptor, from, to)
		:: else
		fi
	:: else
	fi;
	op_end()
}

/* vio/give.c: take(), gift_uncount() */
inline take(me, peer)
{
	old = LOAD(SPENT + me - 1);
	if
	:: old == ARRIVED ->
		d_step { assert(arrived[me - 1]); arrived[me - 1]-- };
		STORE(SPENT + me - 1, NONE);
		LOCKED(gifts[peer - 1]--)
	:: else
	fi;
	old = 0
}

#define LOCALS								\
	byte op, page, other, old, n;					\
	bool won, ok

#ifdef VARIANT_EXCHANGE
#define BACK	0
#else
#define BACK	1	/* where the page comes back to */
#endif

proctype first(byte cpu)
{
	LOCALS;

	give(1, 2, 0, 2);
	take(1, 2);
	give(1, 2, BACK, 2)
}

proctype second(byte cpu)
{
	LOCALS;

	take(2, 1);
	give(2, 1, 2, BACK);
	take(2, 1);
#ifdef VARIANT_DEATH
	/* hv/vm_unbuild.c: links_die(), operations_end() */
	STORE(DEAD, 1);
	FENCE;
#ifndef MUTATION_DEATH_NO_SYNC
	/* hv/sync.c: sync_ops() */
	do
	:: n < CPUS ->
		if
		:: n != cpu ->
			old = LOAD(OP + n);
			if
			:: old & 1 -> LOAD(OP + n) != old
			:: else
			fi
		:: else
		fi;
		n++
	:: else -> break
	od;
#endif
	/* vio/give.c: gift_drop() */
	take(2, 1);
	/* hv/pool.c: pool_unbuild_step(); hv/frames.c: frames_free() */
	died = true;
	page = LOAD(HOLDS + 2);
	if
	:: page -> LOCKED(assert(mem[FRAME + page] == 2 * 4); mem[FRAME + page] = 0)
	:: else
	fi
#endif
}

/* hv/pool.c: pool_get(), pool_put(); hv/frames.c: frame_get(), frame_put() */
proctype copier(byte cpu; byte place; byte vm)
{
	byte op, page, other, old;
	bool won, ok;

	op_begin();
	if
	:: !old ->
		page = LOAD(HOLDS + place);
		if
		:: page ->
#ifdef MUTATION_GET_ANY
			LOCKED(won = true; mem[FRAME + page]++);
#else
			LOCKED(won = OWNER(page) == vm;
			       mem[FRAME + page] = mem[FRAME + page] + won);
#endif
			if
			:: won ->
				other = LOAD(HOLDS + place);
#ifdef MUTATION_GET_BLIND
				other = page;
#endif
				if
				:: other == page ->
					assert(OWNER(page) == vm);
					assert(mem[HOLDS + place] == page)
				:: else
				fi;
				LOCKED(mem[FRAME + page]--)
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	op_end()
}

/* The guests use what they are shown. */
#define REACH(place)							\
	d_step {							\
		!tlb[place] && mem[SHOWS + place] ->			\
		tlb[place] = mem[SHOWS + place];			\
		assert(OWNER(tlb[place]) == VM_OF(place) || (died && place == 2)) \
	}

active proctype guests()
{
end:	do
#ifndef VARIANT_EXCHANGE	/* fewer states */
	:: REACH(0)
	:: REACH(1)
#endif
	:: REACH(2)
	od
}

init
{
	atomic {
		d_step {
			mem[FRAME + 1] = 1 * 4;
			mem[HOLDS] = 1;
			mem[SHOWS] = 1;
#ifdef VARIANT_EXCHANGE
			mem[FRAME + 2] = 2 * 4;
			mem[HOLDS + 2] = 2;
			mem[SHOWS + 2] = 2
#endif
		};
		run first(0);
		run second(1);
#ifdef VARIANT_EXCHANGE
		run copier(2, 2, 2)
#else
		if
		:: run copier(2, 0, 1)
		:: run copier(2, 2, 2)
		fi
#endif
	}
}
