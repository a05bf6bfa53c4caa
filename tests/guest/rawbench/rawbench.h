/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawbench: the data calls without the buffer model, as a leader (with "lead"
 * on its command line) sees them. Partners offer what it copies, maps and gives
 * to, and map what it grants.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/data.h"
#include "hv/abi/link.h"
#include "tests/guest/lib/measure.h"

#define RUNS		200
#define REVOKE_RUNS	40	/* with a partner that spins, slow to emulate */
#define WARM_UP		10
#define BUFFER		(1u << 20)	/* of a partner's slot */
#define GRANTED		256u		/* entries that grant pages; then accepting ones */
#define ACCEPTING	640u		/* of these; entries behind grant pages too */
#define OWN_GENERATION	1u

extern uint32_t sample[RUNS];

/* An end of a link, by pointers. */
struct end {
	const struct ambit_link_info *l;
	uint32_t endpoint;
	struct ambit_control *control;
	const struct ambit_control *peer;
	const struct ambit_status *status;
	struct ambit_event *event;
	struct ambit_grant *grant;
};

void end_get(struct end *e, uint32_t endpoint);
/* Connect it and wait for the peer. */
void end_connect(struct end *e);
/* Wait for its event, so long at most. */
void end_wait(struct end *e, uint64_t ns);
/* Items [0, n) by a data call, repeated until all are dealt with. */
static inline void data_calls(const struct end *e, uint32_t call, void *items,
			      uint32_t size, uint32_t n)
{
	uint64_t at = (uint64_t)items;

	while (n) {
		int64_t r = hcall4(call, e->endpoint, at, n, 0);

		if (r < 0)
			guest_fail("call %u is refused: %ld", call, r);
		n -= (uint32_t)r;
		at += (uint64_t)r * size;
	}
}

/* The operations once more in a system of n VMs, links, grants, mappings. */
void lead_growth(struct end *copy, struct end *grant, uint32_t n);
struct spread copy_ticks(struct end *e, uint8_t *own, uint32_t len, uint32_t n,
			 uint32_t generation);
struct spread map_ticks(struct end *e, uint32_t items, uint32_t run);
struct spread give_ticks(struct end *e, uint32_t first, uint32_t runs, uint32_t n);
struct spread revoke_ticks(struct end *e);

void lead_copies(struct end *e, const char *prefix, uint32_t generation);
void lead_maps(struct end *e);
void lead_gives(struct end *e);
void lead_revokes(struct end *e, const char *name);
_Noreturn void partner(uint32_t growth);
