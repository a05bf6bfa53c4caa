/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gifts: give pools and giving, by two VMs over links of scheme grant. `lead`
 * says what is to happen, `mate` does its side of it: a command lies in the
 * lead's control area where the ring would be, the answer in the mate's.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/data.h"
#include "hv/abi/link.h"

enum command {
	MATE_POST,	/* acceptance entries ref, ref + 1 ... for places, n of them */
	MATE_WITHDRAW,	/* clear entries */
	MATE_GRANT,	/* a grant of a pool page to read */
	MATE_GIVE,	/* n pages from a place on, for lead's entries ref ...; mode */
	MATE_TAKE,	/* n gifts */
	MATE_STAMP,	/* mark n pages from a place on with mark ... */
	MATE_LOOK,	/* how many of n pages from a place on have them */
	MATE_STARE,	/* read a page in a loop on vCPU 1 from now on */
	MATE_TOUCH,	/* read a place, whatever is there */
};

struct order {
	uint32_t command, mode, ref, place, n, flags;
	uint64_t mark;
};

struct box {
	uint32_t seq;		/* lead: of the order; mate: of what is answered */
	int32_t result;		/* mate */
	uint64_t seen;		/* mate: by vCPU 1, in the page that it reads */
	struct order order;	/* lead */
};

/* An end of the test's link. */
struct end {
	uint32_t endpoint;
	const struct ambit_link_info *info;
	const struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_grant *grant;	/* own entries */
	struct box *own;
	const struct box *peer;
};

#define GEN	5u		/* of all entries, unless something else is tried */

void end_open(struct end *e, uint32_t endpoint);
/* Until *word is value, or 5 s have passed (then false). */
bool end_wait(struct end *e, const uint32_t *word, uint32_t value);

uint64_t pool_at(uint32_t place);
void mark_put(uint32_t place, uint64_t mark);
bool mark_is(uint32_t place, uint64_t mark);
/* Publish entries ref, ref + 1 ... for n places from one on. */
void entries_post(struct end *e, uint32_t ref, uint32_t place, uint32_t n, uint32_t flags);
void entries_clear(struct end *e, uint32_t ref, uint32_t n);
/* n items of a mode, page after page and entry after entry, in batches; returns
 * the status of the first one that failed. */
int gifts_do(struct end *e, uint32_t mode, uint32_t ref, uint32_t place, uint32_t n);
/* One item; its status, or the call's if that failed. */
int gift_do(struct end *e, uint32_t mode, uint32_t ref, uint64_t page);

_Noreturn void mate(void);
int lead(void);
