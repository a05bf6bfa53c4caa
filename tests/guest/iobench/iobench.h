/* SPDX-License-Identifier: BSD-2-Clause */
/* iobench: what its files share. Each link is opened, used and closed in turn. */
#pragma once

#include "guests/lib/guest.h"

#define LEAD_ADDR	0x0a000001u	/* 10.0.0.1 */
#define PARTNER_ADDR	0x0a000002u

/* What operations took, both VMs together. */
struct cost {
	uint64_t ticks, exits;
};

/* Before: waits until the console has written all. */
void cost_begin(struct cost *c);
void cost_end(struct cost *c);
/* Print "bench: WHAT,scheme=..." and "bench: WHAT-exits,scheme=...", an operation's ticks and
 * exits, with limits (exits in hundredths; 0: none). */
void cost_lines(const char *what, uint32_t endpoint, const struct cost *c,
		uint32_t ticks_limit, uint32_t exits_limit);

/* The same for a figure with parameters, ",KEY=VALUE" each, without limits. */
void cost_sweep_lines(const char *what, const char *params, uint32_t endpoint,
		      const struct cost *c);
/* With "split": the next window is of one operation of that kind. */
void cost_window(const char *what, uint32_t endpoint);

void ping_lead(uint32_t endpoint);
void ping_partner(uint32_t endpoint);
void block_lead(uint32_t endpoint);
void block_partner(uint32_t endpoint);
