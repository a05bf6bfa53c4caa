/* SPDX-License-Identifier: BSD-2-Clause */
/* rawbench, leader: copies, maps, gifts and revocations, a line for each. */
#include "rawbench.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

#define PAGE 4096u

static struct ambit_copy_item copy_item[AMBIT_BATCH_MAX];
static struct ambit_map_item map_item[AMBIT_BATCH_MAX];
static struct ambit_give_item give_item[AMBIT_BATCH_MAX];

/* --- copies ---------------------------------------------------------------- */

static void copy_items_set(uint8_t *own, uint32_t len, uint32_t n,
			   uint32_t generation)
{
	for (uint32_t i = 0; i < n; i++) {
		copy_item[i] = (struct ambit_copy_item){
			.flags = i & 1 ? AMBIT_COPY_TO_PEER : 0,
			.slot = generation ? i * (len / PAGE) % GRANTED : i,
			.generation = generation,
			.len = len,
			.own = (uint64_t)own + (uint64_t)i * len % BUFFER,
		};
	}
}

struct spread copy_ticks(struct end *e, uint8_t *own, uint32_t len, uint32_t n,
			 uint32_t generation)
{
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from;

		copy_items_set(own, len, n, generation);
		from = rdtsc();
		data_calls(e, AMBIT_HC_COPY, copy_item, sizeof(copy_item[0]), n);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from) / n;
		for (uint32_t k = 0; k < n; k++)
			CHECK_IS(copy_item[k].status, AMBIT_OK);
	}
	return measure_spread(sample, RUNS);
}

static void line(const char *prefix, const char *name, struct spread ticks,
		 uint32_t limit)
{
	char all[48];

	snprintf(all, sizeof(all), "%s%s", prefix, name);
	measure_spread_line(all, ticks, limit);
}

/* Not much more than a string instruction that moves the same bytes. */
static void copy_large(struct end *e, const char *prefix, const char *name,
		       uint8_t *own, uint32_t len, uint32_t generation)
{
	/* Grants are looked up page by page; scheme copy finds one run of memory. */
	line(prefix, name, copy_ticks(e, own, len, 1, generation),
	     generation ? 0 : len / 8 * 110 / 100);
}

void lead_copies(struct end *e, const char *prefix, uint32_t generation)
{
	uint8_t *own = page_alloc_bytes(BUFFER);
	bool grant = generation != 0;

	line(prefix, "copy-64", copy_ticks(e, own, 64, 1, generation), 0);
	line(prefix, "copy-4k", copy_ticks(e, own, PAGE, 1, generation),
	     grant ? 0 : 900);
	line(prefix, "copy-4k-batch32",
	     copy_ticks(e, own, PAGE, AMBIT_BATCH_MAX, generation),
	     grant ? 722 : 672);
	copy_large(e, prefix, "copy-64k", own, 1u << 16, generation);
	copy_large(e, prefix, "copy-1m", own, BUFFER, generation);
	page_free(own, BUFFER / PAGE);
}

/* --- mappings -------------------------------------------------------------------- */

/* One item a page, or one item for a run of pages. */
struct spread map_ticks(struct end *e, uint32_t items, uint32_t run)
{
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from;

		for (uint32_t k = 0; k < items; k++) {
			map_item[k] = (struct ambit_map_item){
				.flags = AMBIT_MAP_WRITE, .ref = k * run,
				.generation = OWN_GENERATION, .page = k * run,
				.count = run,
			};
		}
		measure_mark_first(i);
		from = rdtsc();
		data_calls(e, AMBIT_HC_GRANT_MAP, map_item, sizeof(map_item[0]), items);
		for (uint32_t k = 0; k < items; k++)
			map_item[k].done = 0;
		data_calls(e, AMBIT_HC_GRANT_UNMAP, map_item, sizeof(map_item[0]), items);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from) / (items * run);
		measure_mark_first(i);
		for (uint32_t k = 0; k < items; k++)
			CHECK_IS(map_item[k].status, AMBIT_OK);
	}
	return measure_spread(sample, RUNS);
}

void lead_maps(struct end *e)
{
	measure_window("grant-map-unmap");
	measure_spread_line("grant-map-unmap", map_ticks(e, 1, 1), 900);
	measure_spread_line("grant-map-unmap-batch32", map_ticks(e, AMBIT_BATCH_MAX, 1), 400);
	measure_spread_line("grant-map-unmap-run32", map_ticks(e, 1, 32), 0);
}

/* --- gifts ------------------------------------------------------------------------- */

/* Each gift needs a page and an acceptance entry that are not used yet. */
struct spread give_ticks(struct end *e, uint32_t first, uint32_t runs, uint32_t n)
{
	measure_quiet();
	for (uint32_t i = 0; i < runs; i++) {
		uint64_t from;

		for (uint32_t k = 0; k < n; k++, first++) {
			give_item[k] = (struct ambit_give_item){
				.mode = AMBIT_GIVE_GIVE,
				.ref = GRANTED + first,
				.generation = OWN_GENERATION,
				.page = vm_info()->give_pool + first * PAGE,
			};
		}
		measure_mark_first((int)i - WARM_UP);
		from = rdtsc();
		data_calls(e, AMBIT_HC_GRANT_GIVE, give_item, sizeof(give_item[0]), n);
		sample[i] = (uint32_t)(rdtsc() - from) / n;
		measure_mark_first((int)i - WARM_UP);
		for (uint32_t k = 0; k < n; k++)
			CHECK_IS(give_item[k].status, AMBIT_OK);
	}
	return measure_spread(sample, runs);
}

void lead_gives(struct end *e)
{
	uint32_t singles = 64, batches = 16;

	measure_window("give");
	measure_spread_line("give", give_ticks(e, 0, singles, 1), 800);
	measure_spread_line("give-batch32",
			    give_ticks(e, singles, batches, AMBIT_BATCH_MAX), 350);
}

/* --- revocation ---------------------------------------------------------------------- */

/* The partner maps entry 0 when our prod moves, and says so by its own. */
static void have_it_mapped(struct end *e, uint32_t round)
{
	e->grant[0].generation = round;
	e->grant[0].offset = 0;
	e->grant[0].len = PAGE;
	STORE_RELEASE(e->grant[0].frame,
		      (uint64_t)sample / PAGE * PAGE | AMBIT_GRANT_READ);
	STORE_RELEASE(e->control->prod, round);
	hcall1(AMBIT_HC_NOTIFY, e->endpoint);
	while (LOAD_ACQUIRE(e->peer->prod) != round)
		end_wait(e, MS);
	/* Let a partner that sleeps come to that. */
	end_wait(e, 20 * US);
}

struct spread revoke_ticks(struct end *e)
{
	static struct ambit_revoke_item item;

	measure_quiet();
	for (uint32_t i = 0; i < REVOKE_RUNS; i++) {
		uint64_t from;

		have_it_mapped(e, i + 1);
		item = (struct ambit_revoke_item){
			.mode = AMBIT_REVOKE_FORCE, .count = 1,
		};
		measure_mark_first((int)i - WARM_UP);
		from = rdtsc();
		STORE_RELEASE(e->grant[0].frame, 0);
		FENCE_FULL();
		data_calls(e, AMBIT_HC_GRANT_REVOKE, &item, sizeof(item), 1);
		sample[i] = (uint32_t)(rdtsc() - from);
		measure_mark_first((int)i - WARM_UP);
		CHECK_IS(item.status, AMBIT_OK);
	}
	return measure_spread(sample, REVOKE_RUNS);
}

void lead_revokes(struct end *e, const char *name)
{
	measure_window(name);
	measure_spread_line(name, revoke_ticks(e), 0);
}
