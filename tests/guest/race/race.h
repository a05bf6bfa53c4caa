/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * race: one operation against a peer's memory, over and over, while the peer is
 * killed and started again at random moments and others get its memory.
 * role=survivor does it, role=peer is the victim, role=killer kills, and
 * role=poisoner takes the memory that is free then.
 */
#pragma once

#include "hv/abi/data.h"
#include "hv/abi/errno.h"
#include "hv/abi/link.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/end.h"

#define PAGES		32u	/* of the peer that the survivor works on */
#define STRIDE		64u	/* words from one mark in a page to the next */
#define PATTERN		0x9a77e2a000000000ull	/* the peer's marks, with the page */
#define SCRIBBLE	0x5c5c5c5c00000000ull	/* what the survivor writes */
#define POISON		0xbad0bad0bad0bad0ull	/* nobody but the poisoner has it */
#define TIMEOUT		(60000 * MS)

/* Statuses that a call may give here. */
#define STATUS(name)	(1u << -(AMBIT_##name))
#define CHECK_STATUS(expr, mask)					\
	do {								\
		int64_t status_ = (expr);				\
									\
		check_add(check_count);					\
		if ((status_ > 0 || status_ < -31 || !((mask) >> -status_ & 1)) && \
		    check_add(check_failures) < CHECK_SHOWN)		\
			printf("%s:%d: %s: status %ld\n", __FILE__, __LINE__, \
			       #expr, status_);				\
	} while (0)

/* In the control area, where the ring would be. */
struct box {
	uint32_t seq;		/* survivor: counts; peer: the last it has seen */
	uint32_t incarnation;
	uint64_t pages;		/* gpa of PAGES pages with marks */
};

extern struct end end;
/* Of each vCPU: its random numbers, and what the survivor counts. */
struct tally {
	struct prng prng;
	uint64_t done, refused;
};
extern struct tally tally[2];

/* What a scheme has to do. A step is short, and counts itself. */
struct race {
	void (*peer_setup)(void);	/* before it connects */
	void (*peer_step)(void);
	void (*setup)(void);
	void (*step)(uint32_t vcpu);
	void (*finish)(void);		/* when all kills are over; may be NULL */
};
extern const struct race race_page, race_direct, race_copy, race_grant, race_give;

/* The connection of the moment, 0 if there is none. */
uint32_t connection(void);
uint64_t *peer_pages(void);
void marks_put(uint64_t *page, uint32_t n);
/* Whether a word of page n is what its owner put there, or zero. */
static inline bool mark_good(uint64_t word, uint32_t n)
{
	return !word || word == (PATTERN | n);
}

int survivor_main(const struct race *race);
_Noreturn void peer_main(const struct race *race);
int killer_main(void);
_Noreturn void poisoner_main(void);
