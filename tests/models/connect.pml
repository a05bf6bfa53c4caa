/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections. A writer posts to a reader; its VM dies, anywhere, and is born anew;
 * the reader may end a connection too, or be suspended, over which one stands. A
 * message is taken only in the connection that it was written in: nothing that an
 * earlier life left in the ring, and nothing that a new one writes before the reader
 * knows of it. Who is shown a connection is not refused, but for its end.
 *
 * Order: all that the hypervisor shows is stored plainly under the link's lock, in
 * order; loads are in order. Two words of the status area are read as one.
 *
 * MUTATION_GENERATION_LATE: a new generation is stored behind the state
 * MUTATION_LINKED_LATE: the ends are shown connected before calls find them so
 * MUTATION_EPOCH_FIRST: an end shows its epoch, then sets up its ring
 * MUTATION_EPOCH_BLIND: the reader does not wait for the writer's epoch
 * MUTATION_ALIVE_FIRST: the reader looks at the connection, then reads prod
 * MUTATION_BLAME_BLIND: it takes nonsense for the peer's without a look at it
 */
#define CPUS	2
#define WORDS	15
#define STATE	0	/* + end: status.state */
#define PEER	2	/* + end: status.peer_state */
#define GENERATION 4	/* + end */
#define RESETS	6	/* + end */
#define EPOCH	8	/* + end: control.epoch */
#define PROD	10	/* of the writer */
#define RING	11	/* + place */
#define LOCK	13
#define LINKED	14	/* link->connected: what calls look at */
#include "tso.pml"

#define CLOSED		0
#define CONFIGURING	1
#define CONNECTED	2
#define DEAD		3
#define SUSPENDED	4
#define OTHER		(1 - cpu)
#define LIVES		2
#define POSTS		2	/* in a connection, and places of the ring */

/* vio/link.c: change_state(), show_state() */
inline show_state(new)
{
	atomic { DRAINED && !mem[LOCK] -> mem[LOCK] = 1 };
	was = LOAD(LINKED);
	is = new == CONNECTED || was && new == SUSPENDED;
	is = is && (was || LOAD(STATE + OTHER) == CONNECTED);
	if
	:: was && !is -> STORE(LINKED, 0)
	:: else
	fi;
#ifdef MUTATION_GENERATION_LATE
	STORE(STATE + cpu, new);
	STORE(PEER + OTHER, new);
#endif
	if
	:: is && !was ->
		seen = LOAD(GENERATION + cpu) + 1;
		STORE(GENERATION + cpu, seen);
		STORE(GENERATION + OTHER, seen);
		seen = 0
	:: else
	fi;
	if
#ifndef MUTATION_LINKED_LATE
	:: is && !was -> STORE(LINKED, 1)
#endif
	:: else
	fi;
#ifndef MUTATION_GENERATION_LATE
	STORE(STATE + cpu, new);
	STORE(PEER + OTHER, new);
#endif
	if
#ifdef MUTATION_LINKED_LATE
	:: is && !was -> STORE(LINKED, 1)
#endif
	:: was && !is ->
		STORE(RESETS + cpu, LOAD(RESETS + cpu) + 1);
		STORE(RESETS + OTHER, LOAD(RESETS + OTHER) + 1)
	:: else
	fi;
	STORE(LOCK, 0);
	d_step { was = false; is = false }
}

/* guests/lib/bm_impl.h: bm_epochs(), bm_alive() */
#define EPOCHS	(LOAD(GENERATION + cpu) * 8 + LOAD(RESETS + cpu))
#define ALIVE	(EPOCHS == epochs)
#define BOTH_CONNECTED							\
	(LOAD(STATE + cpu) == CONNECTED && LOAD(PEER + cpu) == CONNECTED)

/* guests/lib/bm_link.c: ring_init(); the reader writes no messages here */
inline ring_init()
{
	if
	:: cpu == 0 -> STORE(PROD, 0)
	:: else
	fi;
	count = 0
}

/* guests/lib/bm_link.c: link_connect() */
inline link_connect()
{
	show_state(CONFIGURING);
	STORE(EPOCH + cpu, 0);
	generation = 0;
	ring_init();
	show_state(CONNECTED)
}

/* vio/link.c: link_notify(); refused: the connection is over, and shows it */
inline link_notify()
{
	if
	:: !LOAD(LINKED) ->
		d_step {
			!mem[LOCK] -> assert(mem[RESETS + cpu] != resets ||
					     mem[GENERATION + cpu] != seen)
		}
	:: else
	fi
}

/* guests/lib/bm_link.c: link_step(), link_generation() */
inline link_step()
{
	up = false;
	seen = LOAD(STATE + cpu);
	if
	:: seen != CONNECTED -> link_connect()
	:: else
	fi;
	resets = LOAD(RESETS + cpu);
	alive = LOAD(STATE + cpu) == CONNECTED;
	alive = alive && LOAD(PEER + cpu) == CONNECTED;
	seen = LOAD(GENERATION + cpu);
	if
	:: alive && seen ->
		if
		:: seen != generation ->
			generation = seen;
#ifdef MUTATION_EPOCH_FIRST
			STORE(EPOCH + cpu, generation);
			ring_init();
#else
			ring_init();
			STORE(EPOCH + cpu, generation);
#endif
			link_notify()
		:: else
		fi;
		epochs = EPOCHS;
		seen = LOAD(EPOCH + OTHER);
#ifdef MUTATION_EPOCH_BLIND
		seen = (cpu == 1 -> generation : seen);
#endif
		alive = BOTH_CONNECTED;
		up = alive && LOAD(GENERATION + cpu) == generation &&
		     seen == generation
	:: else
	fi;
	d_step { seen = 0; resets = 0; alive = false }
}

#define END								\
	byte generation, epochs, count, seen, resets;				\
	bool was, is, alive, up

bool dead;		/* the writer's VM, for good */

/* The guest: its steps, unless death comes first. */
proctype writer()
{
	byte cpu = 0, lives = 1;
	END;

	do
	:: !up -> link_step()
	:: up && count < POSTS ->
		/* guests/lib/bm_inline.h: bm_push(); guests/lib/bm_wait.c:
		 * bm_publish() */
		STORE(RING + count, generation);
		count++;
		STORE(PROD, count)
	:: up ->
		/* guests/lib/bm.c: bm_look() */
		up = ALIVE
	:: lives < LIVES ->
		lives++;
		/* hv/vm_unbuild.c: links_die(); vio/link.c: endpoint_born() */
		show_state(DEAD);
		show_state(CLOSED);
		d_step { generation = 0; epochs = 0; count = 0; up = false }
	:: lives == LIVES -> break
	od;
	dead = true
}

proctype reader()
{
	byte cpu = 1, known;
	bool closed;		/* or suspended */
	END;

	do
	:: !up -> link_step(); known = count
	:: up && known == count ->
		/* guests/lib/bm.c: bm_look() */
#ifdef MUTATION_ALIVE_FIRST
		alive = ALIVE;
		seen = LOAD(PROD);
#else
		seen = LOAD(PROD);
		alive = ALIVE;
#endif
#ifdef MUTATION_BLAME_BLIND
		alive = alive || seen < count;
#endif
		assert(!alive || seen >= count);	/* or it blames the peer */
		up = alive;
		known = (alive -> seen : count);
		d_step { seen = 0; alive = false }
	:: up && known > count ->
		/* guests/lib/bm_inline.h: bm_next_inline() */
		seen = LOAD(RING + count);
		if
		:: ALIVE ->
			assert(seen == generation);
			count++
		:: else -> up = false; known = count	/* bm_next_lost() */
		fi;
		seen = 0
	:: up && !closed ->
		closed = true;
		show_state(CLOSED);	/* guests/lib/bm_link.c: bm_link_reset() */
		up = false;
		known = count
	:: up && !closed ->
		closed = true;
		/* guests/lib/bm_link.c: bm_suspend(), bm_resume() */
		show_state(SUSPENDED);
		show_state(CONNECTED)
	:: dead -> break
	od
}

init
{
	atomic {
		run writer();
		run reader()
	}
}
