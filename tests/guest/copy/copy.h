/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The copy test: the VM with "lead" on its command line makes the calls, the
 * other one (the owner) does what it is ordered to: fill and check its memory,
 * write its descriptors, withdraw them in a race. Orders and answers lie in the
 * control areas of link "one", where a ring would be.
 */
#pragma once

#include "tests/guest/lib/check.h"

#include "hv/abi/data.h"
#include "hv/abi/link.h"

#define BUFFER_BYTES	(7ul << 20)	/* of each VM */
#define CHUNK		(2ul << 20)	/* pieces that a VM's RAM consists of */
#define SLOTS		64u
#define SEGMENTS	16u

enum order_op {
	ORDER_BASE,	/* gpa of the owner's buffer */
	ORDER_FILL,	/* a: gpa, b: bytes, c: seed */
	ORDER_CHECK,	/* the same: bytes that are not as filled */
	ORDER_POKE,	/* a: endpoint, b: offset in its control area, c: quadword */
	ORDER_PENDING,	/* a: endpoint: take its event */
	ORDER_ECHO,	/* a: endpoint: answer its next event by a notification */
	ORDER_USES,	/* a: endpoint: sum of its use counts */
	ORDER_RACE,	/* a: rounds, b: bytes, c: seed */
	ORDER_END,
};

struct order {		/* by the lead */
	uint32_t number, op;
	uint64_t a, b, c;
};

struct answer {		/* by the owner */
	uint32_t number, reserved;
	uint64_t value;
};

struct end {
	const struct ambit_link_info *l;
	uint32_t endpoint;
	char *control;			/* own */
	const char *peer;		/* the peer's */
	const struct ambit_status *status;
	struct ambit_event *event;
};

/* A link by its name, its state set to connected. */
void end_open(struct end *e, const char *name, bool connect);
void end_wait_connected(const struct end *e);

/* The byte at place i of a run filled with this seed. */
static inline uint8_t pattern(uint64_t i, uint64_t seed)
{
	return (uint8_t)(i ^ (i >> 8) * 7 ^ (i >> 16) * 13 ^ seed);
}

void pattern_fill(uint8_t *p, uint64_t n, uint64_t seed);
/* Bytes that differ. */
uint64_t pattern_check(const uint8_t *p, uint64_t n, uint64_t seed);

/* owner.c */
int owner_main(void);
uint64_t owner_race(const struct end *e, uint8_t *buffer, const struct order *o);

/* lead.c: orders, and what all tests of the lead use */
extern struct end one, two, page, idle;
extern uint8_t *own;			/* BUFFER_BYTES */
extern uint64_t theirs;			/* gpa of the owner's buffer */
uint64_t order(uint32_t op, uint64_t a, uint64_t b, uint64_t c);
void order_begin(uint32_t op, uint64_t a, uint64_t b, uint64_t c);
bool order_answered(uint64_t *value);
/* Have a descriptor of the owner published; of one segment: slot_set1(). */
void slot_set(const struct end *e, uint32_t slot, uint32_t flags,
	      const struct ambit_seg *seg, uint32_t count);
void slot_set1(const struct end *e, uint32_t slot, uint32_t flags, uint64_t gpa,
	       uint32_t len);
/* The descriptor's first quadword as it is. */
void slot_poke(const struct end *e, uint32_t slot, uint32_t len, uint32_t flags,
	       uint32_t count);
int64_t copy_call(const struct end *e, const void *items, uint64_t n,
		  const void *tail);
/* One item until it is dealt with: its status. */
int32_t copy_one(const struct end *e, struct ambit_copy_item *i);
/* Between own memory and a slot of link "one", which must succeed. */
void copy_must(uint32_t flags, uint32_t slot, uint32_t offset, const void *at,
	       uint32_t len);

void test_calls(void);			/* status.c: before and after */
void test_idle(void);
void test_items(void);
void test_sizes(void);			/* sizes.c */
void test_alignments(void);
void test_scatter(void);
void test_other_slot(void);
void test_batches(void);		/* batch.c */
void test_tails(void);			/* tail.c */
void test_race(void);			/* race.c */
