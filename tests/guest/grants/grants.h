/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grants: mapping, querying and revoking by two VMs over a link of scheme grant.
 * `lead` says what is to happen, `mate` does its side of it: an order lies in
 * the lead's control area where the ring would be, the answer in the mate's.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/data.h"
#include "hv/abi/link.h"

#define GEN	5u		/* of all entries, unless something else is tried */
#define PAGES	600u		/* that each side has to grant: more than a table's */
#define RW	(AMBIT_GRANT_READ | AMBIT_GRANT_WRITE)

enum command {
	MATE_PUT,	/* entries ref ... for n own pages from `page` on: flags */
	MATE_PUT_RAW,	/* one entry as it stands in `entry` */
	MATE_MAP,	/* n entries from ref at window page `page`, flags */
	MATE_UNMAP,	/* n window pages from `page` on */
	MATE_UNMAP_LATER, /* the same, 300 ms after the answer */
	MATE_STAMP,	/* n own pages from `page` on get mark, mark + 1 ... */
	MATE_LOOK,	/* how many of n window pages from `page` on show those */
	MATE_WRITE,	/* mark into word 1 of a window page */
	MATE_READ,	/* word 0 of a window page, into value */
	MATE_LOOP,	/* vCPU 1 reads and writes n window pages from `page` on */
	MATE_COPY_LOOP,	/* vCPU 1 copies into n entries from ref on */
	MATE_LOOP_END,	/* result: how often it read POISON; value: its rounds */
	MATE_MUTUAL,	/* n rounds of revoking from each other */
	MATE_CRASH,
};

struct order {
	uint32_t command, ref, page, n, flags;
	uint32_t reserved;
	uint64_t mark;
	struct ambit_grant entry;
};

struct box {
	uint32_t seq;		/* lead: of the order; mate: of what is answered */
	int32_t result;		/* mate */
	uint64_t value;		/* mate */
	struct order order;	/* lead */
};

/* An end of the test's link. */
struct end {
	uint32_t endpoint;
	const struct ambit_link_info *info;
	const struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_grant *grant;	/* own entries */
	uint64_t *pages;		/* PAGES own ones, to grant */
	struct box *own;
	const struct box *peer;
};

/* In a page that was revoked: nobody may see it, nobody may change it. */
#define POISON	0xbad0bad0bad0bad0ull
/* What vCPU 1 of the mate writes. */
#define SCRIBBLE 0x5c5c000000000000ull

void end_open(struct end *e, uint32_t endpoint);
/* Until *word is value, or 20 s have passed (then false); how many events came. */
extern uint32_t end_events;
bool end_wait(struct end *e, const uint32_t *word, uint32_t value);
/* Have both ends connected. */
void end_meet(struct end *e);

uint64_t *own_page(const struct end *e, uint32_t i);
volatile uint64_t *window_page(const struct end *e, uint32_t i);
uint32_t use_count(const struct end *e, uint32_t ref);
/* Entries ref ... for n own pages from `page` on, flags AMBIT_GRANT_*. */
void entries_put(struct end *e, uint32_t ref, uint32_t page, uint32_t n, uint32_t flags);
void entries_clear(struct end *e, uint32_t ref, uint32_t n);

/* One item until it is done: its status, or the call's if that failed. *done (or
 * NULL) gets how far it came. */
int map_do(struct end *e, uint32_t flags, uint32_t ref, uint32_t page, uint32_t n,
	   uint32_t *done);
int unmap_do(struct end *e, uint32_t page, uint32_t n, uint32_t *done);
int revoke_do(struct end *e, uint32_t mode, uint32_t ref, uint32_t n, uint32_t *done);
/* Rounds of publishing, mapping the peer's page, and revoking by force; how many
 * readings were POISON or calls failed. */
uint32_t mutual_do(struct end *e, uint32_t rounds);

/* Of the lead. */
extern struct end end;
int tell(struct order o);
void test_calls(void);
void test_maps(void);
void test_revokes(void);
void test_deaths(void);

_Noreturn void mate(void);
int lead(void);
