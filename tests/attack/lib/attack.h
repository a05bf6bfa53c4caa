/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attacks have in common: the ends of their links, random values that are
 * the same in each run, and lives. An act that ends in the attacker's death is
 * the last of its life; the witness starts the attacker again for the next one.
 * docs/attacks.md has the whole.
 */
#pragma once

#include "hv/abi/data.h"
#include "hv/abi/link.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"

/* What a witness offers on a link of scheme copy, by slot, or grant, by entry.
 * Around the bytes that may be written there lie others that must stay. */
#define OFFER_OPEN	0u	/* a page of OPEN to read */
#define OFFER_BOUND	1u	/* OFFER_LEN bytes from OFFER_AT of a page to write */
#define OFFER_WIDE	2u	/* from there on: whole pages to read and write */
#define OFFER_END	8u
#define OFFER_AT	1024u
#define OFFER_LEN	512u
#define OFFER_GENERATION 3u
#define OPEN		0x09e209e209e209e2ull

/* Words of a witness's own memory have this in their high half: nothing that an
 * attacker gets has it. (Stored turned, so that it is in no attacker's image.) */
#define SECRET_TURNED	0xa13818a1u
#define SECRET		(SECRET_TURNED ^ UINT32_MAX)

/* In an attacker's control areas, behind epoch: it has done what it can. */
#define DONE_AT		8u
#define DONE_MARK	0x444f4e4521ull

struct end {
	uint32_t endpoint;
	const struct ambit_link_info *l;
	const struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_control *control;
	struct ambit_msg *ring;
	struct ambit_desc *desc;
	struct ambit_seg *seg;
	struct ambit_grant *grant;
};

/* The end of an endpoint, connected; not waited for. */
void end_open(struct end *e, uint32_t endpoint);
/* The same of the link of that name; waits until the peer has connected too. */
void end_meet(struct end *e, const char *name);
/* Both ends are connected, within that time. */
bool end_wait(const struct end *e, uint64_t ns);

/* Numbers, the same in each run of one incarnation. */
extern struct prng attack_prng;
uint64_t any(void);
uint32_t below(uint64_t limit);
/* RAM that anything may be written to. */
#define ARENA_BYTES	(16 * PAGE_SIZE)
extern uint8_t attack_arena[ARENA_BYTES];
/* An address that is none, or nearly; sometimes one of the arena. */
uint64_t odd_gpa(void);
/* Whether a witness's own memory shows in these bytes. */
bool shows_secret(const void *p, size_t bytes);

struct act {
	const char *name;
	void (*run)(void);
	bool deadly;	/* does not come back; the console shows why */
};

/* All harmless acts, then a deadly one in each life. Does not come back. */
_Noreturn void acts_run(const struct act *act, uint32_t n);
/* The attacker has done what it can: tell the witnesses, and stop. */
_Noreturn void attack_end(void);
