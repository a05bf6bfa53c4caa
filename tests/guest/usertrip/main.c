/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usertrip: what a round trip of 64 bytes costs over the buffer model when both
 * ends sleep in between. The same objects are linked as a kernel and for ring 3.
 *   lead=NAME  this end begins, and prints under that name
 */
#include "guests/lib/bm_guest.h"
#include "guests/lib/bm_inline.h"
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

#define LEN	64u
#define RUNS	1000
#define WARM_UP	20
#define OUT	0u
#define IN	1u

static const struct bm_note no_note;
static uint32_t sample[RUNS];
static uint8_t out[LEN], in[LEN];
static struct bm *b;

static void wait(void)
{
	bm_wait(&b, 1, 0, 0);
}

/* A message, and the buffer for its answer, which comes last. */
static void trip(void)
{
	struct bm_seg s_out = { out, LEN }, s_in = { in, LEN };
	struct bm_event e = { 0 };

	bm_offer(b, OUT, BM_OUT, &s_out, LEN, no_note, BM_QUIET);
	bm_offer(b, IN, BM_IN, &s_in, LEN, no_note, 0);
	while (e.slot != IN) {
		wait();
		while (bm_next(b, &e)) {
			if (e.type != BM_DONE || e.status != BM_OK)
				guest_fail("event %u, status %d", e.type, e.status);
		}
	}
}

static int lead(const char *name)
{
	struct bm_event e;

	while (!bm_next(b, &e))
		wait();
	measure_quiet();
	for (int i = -WARM_UP; i < RUNS; i++) {
		uint64_t from = rdtsc();

		out[0]++;
		trip();
		if (i >= 0)
			sample[i] = (uint32_t)(rdtsc() - from);
		CHECK_IS(in[0], out[0]);
	}
	measure_spread_line(name, measure_spread(sample, RUNS), 0);
	return check_failures != 0;
}

static _Noreturn void answer(void)
{
	struct bm_event e;

	for (;;) {
		while (bm_next(b, &e)) {
			if (e.type != BM_POSTED)
				continue;
			if (e.dir == BM_OUT)
				bm_receive_all(b, e.slot, in, LEN, no_note);
			else
				bm_send_all(b, e.slot, in, LEN, no_note);
		}
		wait();
	}
}

int guest_main(void)
{
	char name[32];
	int endpoint = link_find(0, AMBIT_CLASS_RAW, NULL);

	b = bm_open_link((uint32_t)endpoint);
	if (cmdline_get("lead", name, sizeof(name)))
		return lead(name);
	answer();
}
