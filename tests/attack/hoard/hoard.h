/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hoarder and its mate have in common: one link of scheme grant. */
#pragma once

#include "tests/attack/lib/attack.h"

#define PAGES		256u	/* entries to map, of each */
#define GIFTS		60u	/* entries for gifts, behind them */
#define HALF		64u	/* places of a pool: these full at first, those empty */
#define GENERATION	9u
#define HOARDED		0x40a4ded000000000ull	/* with the life: words of the hoarder's */

/* In the ring's place of the control area, by each for the other. */
struct notice {
	uint32_t life;		/* of the hoarder, that this is about */
	uint32_t mapped, given;
	uint32_t checked;	/* the last life whose death left nothing */
};

struct side {
	struct end e;
	struct notice *own;
	const struct notice *peer;
	uint64_t *pages;	/* PAGES of them, granted */
};

void side_open(struct side *s, const char *name);
/* Entries for all pages. */
void side_grant(const struct side *s);
/* Entries for gifts into the places from `half` on. */
void side_accept(const struct side *s, uint32_t half);
/* How many of the peer's PAGES entries are mapped, of the places from `half` on given. */
uint32_t side_map(const struct side *s);
uint32_t side_give(const struct side *s, uint32_t half);
/* How many pages of the window were unmapped. */
uint32_t side_unmap(const struct side *s);
volatile uint64_t *window_page(const struct side *s, uint32_t i);

_Noreturn void mate(void);
