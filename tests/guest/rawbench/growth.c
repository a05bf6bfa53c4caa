/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawbench, leader: one operation of each kind while n VMs, links and grants
 * exist and n mappings are held. No figure may depend on n.
 */
#include "rawbench.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

#define PAGE 4096u
#define HELD_AT 64u	/* page of the map window where the held mappings begin */

static void line(const char *what, uint32_t n, struct spread ticks)
{
	char name[48];

	snprintf(name, sizeof(name), "growth-%s,n=%u", what, n);
	measure_spread_line(name, ticks, 0);
}

static struct spread notify_ticks(struct end *e)
{
	measure_quiet();
	for (uint32_t i = 0; i < RUNS; i++) {
		uint64_t from = rdtsc();

		hcall1(AMBIT_HC_NOTIFY, e->endpoint);
		sample[i] = (uint32_t)(rdtsc() - from);
	}
	return measure_spread(sample, RUNS);
}

static void hold(struct end *e, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ambit_map_item item = {
			.ref = GRANTED + ACCEPTING + i, .generation = OWN_GENERATION,
			.page = HELD_AT + i, .count = 1,
		};

		data_calls(e, AMBIT_HC_GRANT_MAP, &item, sizeof(item), 1);
		CHECK_IS(item.status, AMBIT_OK);
	}
}

void lead_growth(struct end *copy, struct end *grant, uint32_t n)
{
	uint8_t *own = page_alloc_bytes(BUFFER);

	hold(grant, n);
	line("notify", n, notify_ticks(copy));
	line("copy-4k", n, copy_ticks(copy, own, PAGE, 1, 0));
	line("grant-copy-4k", n, copy_ticks(grant, own, PAGE, 1, OWN_GENERATION));
	line("grant-map-unmap", n, map_ticks(grant, 1, 1));
	line("give", n, give_ticks(grant, 0, 64, 1));
	line("revoke-forced", n, revoke_ticks(grant));
}
