/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model: the buffer model between two guests, over every link that they have.
 * The leader posts slots of which the note is an order; the partner does it and
 * answers by the note of its DONE. A byte at the wrong place shows: payload is
 * a pattern from a seed, and around each buffer lie bytes that must stay.
 */
#pragma once

#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"
#include "tests/guest/lib/check.h"

#define SLOTS	4u
#define SEGS	4u
#define LARGEST	(1u << 20)	/* buffer size of the links */
#define ROOM	(3u << 19)	/* memory for a slot: a large buffer and a half */
#define BORDER	(1u << 19)	/* in the rooms of slots 1 (a 2 MiB border) and 2 */
#define EDGE	64u		/* bytes watched before and behind a buffer */
#define JUNK	0xc5		/* their value, and that of buffers before use */

enum op {
	OP_MOVE = 1,	/* send or receive, in parts */
	OP_VIEW,	/* the same by a view */
	OP_LOST,	/* with HOLD: a view that is used again at the release */
	OP_RELEASE,	/* do what was held, the last first */
	OP_FINISH,	/* hand it back with status -parts and half of its length */
	OP_FAULT,	/* a move that fails */
	OP_ROOM,	/* a view beside that of what is held, then a release */
	OP_STATUS,	/* all that is refused to a holder */
	OP_POST,	/* post own slots, and answer when they are back */
	OP_OFFER,	/* post own slots, and answer at once */
	OP_LEAVE,	/* close the end and open it again */
	OP_END,		/* the link is done with */
};

#define HOLD	1u	/* order.flags: do it at the release */
#define WHOLE	2u	/* the buffer is made of whole pages */

struct order {		/* the note of a POST */
	uint8_t op;
	uint8_t flags;
	uint16_t parts;
	uint32_t place;	/* in the holder's room for the slot */
	uint64_t seed;
};

enum seen { SEEN_ODD, SEEN_PATTERN, SEEN_ZEROS, SEEN_JUNK };

struct answer {		/* the note of a DONE */
	uint32_t bad;		/* wrong bytes or blocks */
	int32_t result;		/* enum bm_status of the moves */
	uint32_t failures;	/* of the answering side's checks so far */
	uint32_t seen;		/* enum seen, of a view at its second look */
};

_Static_assert(sizeof(struct order) == sizeof(struct bm_note), "is a note");
_Static_assert(sizeof(struct answer) == sizeof(struct bm_note), "is a note");

/* A use of an own slot. */
struct job {
	uint32_t slot;
	enum bm_dir dir;
	uint32_t len;		/* registered */
	uint32_t use;		/* posted */
	uint32_t at;		/* in the slot's room */
	uint32_t segs;
	uint32_t register_flags, post_flags;
	struct order order;
	struct bm_seg seg[SEGS];
	bool done;
};

/* The end at hand. */
extern struct bm *bm;
extern const struct ambit_link_info *info;
void end_open(uint32_t endpoint);
/* Whether the link is another than the first, for its scheme. */
bool end_differs(uint32_t endpoint);
/* The next event of that type; any other is a failure of the program. */
struct bm_event event_wait(enum bm_type type);

/* --- bytes.c ------------------------------------------------------------------ */

void bytes_init(void);
/* The room of an own slot, and that for moves of the peer's slot. */
uint8_t *room_own(uint32_t slot);
uint8_t *room_move(uint32_t slot);
/* Bytes [from, from + n) of a pattern; how many bytes or blocks differ. */
void pattern_fill(uint8_t *p, uint32_t from, uint32_t n, uint64_t seed);
uint32_t pattern_bad(const uint8_t *p, uint32_t from, uint32_t n, uint64_t seed);
/* How many of n bytes are not `value`. */
uint32_t value_bad(const uint8_t *p, uint32_t n, uint8_t value);
void edges_set(uint8_t *p, uint32_t n);
uint32_t edges_bad(const uint8_t *p, uint32_t n);

/* --- own.c: owner ---------------------------------------------------------------- */

void job_register(struct job *j);
void job_post(struct job *j);
/* Wait until n jobs are DONE, serving the peer meanwhile; check what came. With
 * BM_WAIT_QUIET in flags also for those that come quietly. */
void jobs_wait(struct job *j, uint32_t n, uint32_t flags);
/* The whole of it; slots that stay registered are unregistered. */
void jobs_run(struct job *j, uint32_t n);
/* The other side's checks went well so far. */
void check_answer(const struct answer *a);
/* Calls on slot 0 while the end is not connected. */
void check_gone(void);

/* --- serve.c: holder ------------------------------------------------------------- */

void serve(const struct bm_event *e);
/* The connection is over: nothing is held for a release any more. */
void serve_forget(void);
int partner(void);

/* --- lead.c, withdraw.c ------------------------------------------------------------- */

int lead(void);
void test_withdraw(void);
void test_leave(void);
void test_close(void);
