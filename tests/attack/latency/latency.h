/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders from the attacker to its mate, in the ring's place of their plain link. */
#pragma once

#include "tests/attack/lib/attack.h"

#define LIMIT		20000u	/* instructions of a call */
#define HAMMER_FROM	(3000 * MS)	/* of system time: all VMs have come up */
#define HAMMER_TO	(3200 * MS)

#define PAGES		512u	/* that a call maps at most */
#define SEGS		16u
#define SLOT_LONG	0u	/* 32 slots of 16 segments, 2 KiB together */
#define SLOT_TINY	32u	/* 32 slots of 16 segments of a byte each */
#define SLOT_PAIR	64u	/* 32 slots of 2 segments of a byte each */
#define SLOT_BIG	96u	/* one of 64 KiB */
#define SLOT_SHORT	97u	/* 16 segments of a byte each, said to be one byte more */
#define GENERATION	5u

enum order {
	ORDER_MAP = 1,		/* map PAGES of the attacker's entries */
	ORDER_UNMAP,
	ORDER_ACCEPT,		/* entries for gifts into empty places of the pool */
	ORDER_EXCHANGE,		/* the same of full ones */
	ORDER_TAKE,
	ORDER_POOL,		/* its entries name pages of its pool from now on */
};

struct orders {
	uint32_t seq, order;	/* the mate's seq: of the last order it has done */
	int32_t result;
};

struct desk {
	struct end e;
	struct orders *own;
	const struct orders *peer;
};

void desk_open(struct desk *d);
_Noreturn void mate(void);
/* PAGES entries to read and write, from entry 0 on: of so many bytes there, again and again. */
void entries_put(const struct end *e, uint64_t pages, uint64_t bytes);
/* All items of one map or unmap call: pages of the window from 0 on. */
int64_t map_call(const struct end *e, uint64_t nr);

/* A call's ticks, and its result in *r; its figure, less these iterations of string
 * instructions, which is checked. */
uint64_t timed(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, int64_t *r);
void report(const char *name, uint64_t ticks, uint64_t bytes);
/* Nothing goes on any more, for now. */
void quiet(void);
/* Waits for ever, and suspends its VM if that is asked. */
void idle(void *arg);
/* The calls without batch: to that endpoint's peer, and to save that VM. */
void small_calls(uint32_t endpoint, uint32_t vm);
/* The waits of ring 3, with all endpoints. The VM's status. */
int user_waits(void);
/* Timers while that VM is built again, which takes the hypervisor long. */
void building(uint32_t vm);
/* Timers while another guest makes the longest calls. The VM's status. */
int probe(void);
