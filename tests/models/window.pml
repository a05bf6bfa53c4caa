/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheme direct's window. Both ends connect, suspend and leave, the viewer from two
 * pCPUs, and the VM whose RAM is shown rests and dies. RAM that is free is in nobody's
 * reach; while both ends are shown connected the viewer does not find the sink in the
 * window, unless one came and went so often that it is shown connected before a flush.
 *
 * All words are under the link's lock; what others read without it, the entry and
 * the states, is stored in order: so there are no store buffers. sync_flush() is one
 * step (flush.pml).
 *
 * MUTATION_FLUSH_LATE: the ends are shown connected before the flush
 * MUTATION_READY_EARLY: a window counts as open before its flush
 * MUTATION_OPENINGS: who flushed does not see that it was closed and opened since
 * MUTATION_LOOK_ONCE: after the flush it is not looked whether the peer is there
 * MUTATION_CLOSE_ONCE: who finds it closed does not flush, though another one does
 * MUTATION_NO_FLUSH: the window is closed without a flush
 * MUTATION_SPOILT: who gave up to flush first does not flush at all
 * MUTATION_KEPT: a VM that rests keeps its connection
 */
#define CLOSED		0
#define CONNECTED	1
#define DEAD		2
#define SUSPENDED	3
#define SINK		1
#define RAM		2
#define OWNER		0	/* ends, of RAM and window */
#define VIEWER		1
#define OPEN_MAX	1	/* of vio/link.c, but smaller */

byte state[2];
bool open, ready;	/* l->window_open, l->window_ready */
byte openings, closing;
byte entry = SINK;	/* in the viewer's tables */
byte tlb;		/* what its CPUs have of it, or 0 */
bool locked, freed;
byte spoilt;		/* callers that flush once they have shown their state */

#define TAKE_LOCK	atomic { !locked -> locked = true }
#define GIVE_LOCK	locked = false

/* hv/sync.c: sync_flush() */
#define FLUSH		tlb = 0

/* vio/link.c: open_first(); vio/window.c: window_open(), show(), window_flushed() */
inline open_first(end)
{
	do
	:: state[1 - end] == CONNECTED && !ready ->
		if
		:: !open -> entry = RAM; open = true; openings++
		:: else
		fi;
		if
		:: tries == OPEN_MAX -> spoils = true; spoilt++; break
		:: else -> tries++
		fi;
		seen = openings;
#ifdef MUTATION_READY_EARLY
		ready = true;
#endif
#ifdef MUTATION_FLUSH_LATE
		late = true;
		ready = true;
		break;
#endif
		GIVE_LOCK;
		FLUSH;
		TAKE_LOCK;
#ifdef MUTATION_OPENINGS
		ready = open;
#else
		ready = ready || open && openings == seen;
#endif
#ifdef MUTATION_LOOK_ONCE
		break
#endif
	:: else -> break
	od;
	seen = 0;
	tries = 0
}

/* vio/link.c: change_state(), close_last(); vio/window.c: window_close(),
 * window_closed() */
inline change_state(end, new, keep)
{
	closed = false;
	TAKE_LOCK;
	if
	:: new == CONNECTED -> open_first(end)
	:: else
	fi;
	state[end] = new;
	if
	:: !(keep) ->
#ifdef MUTATION_CLOSE_ONCE
		closed = open;
#else
		closed = open || closing;
#endif
		entry = (open -> SINK : entry);
		open = false;
		ready = false;
		closing = closing + closed
	:: else
	fi;
	GIVE_LOCK;
	if
	:: spoils ->
#ifndef MUTATION_SPOILT
		FLUSH;
#endif
		spoilt--;
		spoils = false
	:: else
	fi;
#ifdef MUTATION_FLUSH_LATE
	if
	:: late -> FLUSH; late = false
	:: else
	fi;
#endif
	if
	:: closed ->
#ifndef MUTATION_NO_FLUSH
		FLUSH;
#endif
		TAKE_LOCK;
		closing--;
		GIVE_LOCK
	:: else
	fi
}

#ifdef MUTATION_KEPT
#define RESTS		true
#else
#define RESTS		false
#endif

#define LOCALS								\
	byte seen, tries;						\
	bool closed, late, spoils

proctype owner()
{
	LOCALS;

	change_state(OWNER, CONNECTED, true);
	if
	:: change_state(OWNER, CLOSED, false);
		change_state(OWNER, CONNECTED, true)
	:: change_state(OWNER, SUSPENDED, true);
		change_state(OWNER, CONNECTED, true)
	:: true
	fi;
	/* vio/link.c: endpoint_rests(), of a VM whose RAM goes for a while */
	if
	:: change_state(OWNER, SUSPENDED, RESTS);
		d_step {
			assert(entry == SINK && tlb != RAM);
			freed = true
		}
		freed = false;
		change_state(OWNER, CONNECTED, true)
	:: true
	fi;
	/* hv/vm_unbuild.c: links_die(), free_ram(), free_windows() */
	change_state(OWNER, DEAD, false);
	d_step {
		assert(entry == SINK && tlb != RAM);
		freed = true
	}
}

proctype viewer(byte changes)
{
	LOCALS;

	do
	:: changes > 0 -> changes--; change_state(VIEWER, CONNECTED, true)
	:: changes > 0 -> changes--; change_state(VIEWER, SUSPENDED, true)
	:: changes > 0 -> changes--; change_state(VIEWER, CLOSED, false)
	:: else -> break
	od
}

#define SEES		(state[0] == CONNECTED && state[1] == CONNECTED && !spoilt)

/* The viewer's programs look at the window. */
active proctype look()
{
end:	do
	:: d_step {
		!tlb || (tlb == SINK && SEES) ->
		tlb = (tlb -> tlb : entry);
		assert(tlb != RAM || !freed);
		assert(tlb != SINK || !SEES)
	}
	od
}

init
{
	atomic {
		run owner();
		run viewer(3);
		run viewer(2)
	}
}
