/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modelbench by the model. A cycle: the leader offers (registers for one use and
 * posts) DEPTH slots and waits; the partner moves SMALL bytes into or out of each and
 * finishes them. Each end counts the ticks from the return of a wait to the
 * next return, less those spent in calls; the partner's go with its notes.
 */
#include "modelbench.h"

#include "guests/lib/bm_inline.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/measure.h"

static const struct bm_note no_note;

static void wait(struct bm *b)
{
	bm_wait(&b, 1, 0, 0);
}

static void wait_up(struct bm *b)
{
	struct bm_event e;

	while (!bm_next(b, &e))
		wait(b);
	if (e.type != BM_UP)
		guest_fail("event %u instead of UP", e.type);
}

/* One round; the partner's ticks for the round before. Inline, so that the cycle of
 * constants has no more than the model's own instructions. */
static inline __attribute__((always_inline))
uint64_t round_lead(struct bm *b, enum bm_dir dir, uint32_t n, uint32_t len)
{
	uint8_t *at = bytes;
	struct bm_seg seg = { at, len };
	uint64_t partner = 0;
	struct bm_event e;

	bm_offer(b, 0, dir, &seg, len, no_note, 0);
	for (uint32_t i = 1; i < n; i++) {
		seg.p = at + i * len;
		bm_offer(b, i, dir, &seg, len, no_note, BM_QUIET);
	}
	while (n) {
		wait(b);
		while (bm_next(b, &e)) {
			if (e.type != BM_DONE || e.status != BM_OK)
				guest_fail("event %u, status %d", e.type, e.status);
			if (!e.slot)
				partner = e.note.w[0];
			n--;
		}
	}
	return partner;
}

/* Both ends' own ticks for a slot, by the median of the rounds. */
static struct spread cycle(struct bm *b, enum bm_dir dir)
{
	quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from = rdtsc(), calls = call_ticks;
		uint64_t partner = round_lead(b, dir, DEPTH, SMALL);

		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from -
					       (call_ticks - calls) + partner) / DEPTH;
	}
	return measure_spread(sample, RUNS);
}

static struct spread transfer(struct bm *b, const struct transfer *t)
{
	for (int i = -WARM_UP; i < (int)t->runs; i++) {
		uint64_t from;

		measure_mark_first(i);
		from = rdtsc();
		round_lead(b, t->dir, t->n, t->len);
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from) / t->n;
		measure_mark_first(i);
	}
	return measure_spread(sample, t->runs);
}

static void cycle_lines(struct bm *b, const char *scheme)
{
	char name[40];

	snprintf(name, sizeof(name), "model-cycle,scheme=%s", scheme);
	measure_spread_line(name, cycle(b, BM_IN), 300);
	snprintf(name, sizeof(name), "model-cycle-out,scheme=%s", scheme);
	measure_spread_line(name, cycle(b, BM_OUT), 300);
}

void model_lead(uint32_t endpoint, const struct transfer *t, uint32_t count,
		struct spread *ticks)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct bm *b = bm_open_link(endpoint);

	wait_up(b);
	if (l->slots == DEPTH)
		cycle_lines(b, link_scheme_name(l->scheme));
	quiet();
	for (uint32_t i = 0; i < count; i++) {
		transfer_window(l, "model", &t[i]);
		ticks[i] = transfer(b, &t[i]);
	}
	bm_close(b);
}

/* The slot that is told of last carries the ticks of the round before. */
static void serve(struct bm *b, const struct bm_event *e, uint64_t ticks)
{
	struct bm_note note = { { ticks, 0 } };

	if (e->dir == BM_IN)
		bm_send_all(b, e->slot, bytes, e->len, note);
	else
		bm_receive_all(b, e->slot, bytes, e->len, note);
}

void model_partner(uint32_t endpoint)
{
	struct bm *b = bm_open_link(endpoint);
	uint64_t from = rdtsc(), calls = call_ticks, ticks = 0;
	struct bm_event e;

	for (;;) {
		while (bm_next(b, &e)) {
			if (e.type == BM_POSTED)
				serve(b, &e, ticks);
			if (e.type == BM_DOWN) {
				bm_close(b);
				return;
			}
		}
		wait(b);
		ticks = rdtsc() - from - (call_ticks - calls);
		from = rdtsc();
		calls = call_ticks;
	}
}
