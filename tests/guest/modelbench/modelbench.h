/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modelbench: the buffer model's own instructions, and its cost over doing the
 * same by hand. A leader and a partner go through their links in order, two of
 * each scheme: one for the model, then one by hand. What is transferred over a
 * pair of links is their plan, which both ends make from their link's size.
 */
#pragma once

#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"
#include "hv/abi/data.h"
#include "hv/abi/link.h"
#include "tests/guest/lib/measure.h"

#define RUNS		100
#define RUNS_MANY	5	/* of each of many transfers */
#define WARM_UP		3
#define DEPTH		16	/* slots in flight in a cycle */
#define SMALL		8u	/* bytes moved a cycle: so few that the model is all of it */
#define LARGE		65536u	/* bytes moved when the two ways are compared */
#define SIZE_MIN	64u
#define PAGE		4096u
#define BYTES		(1u << 20)	/* of a transfer at most */
#define PLAN_MAX	32

extern uint32_t sample[RUNS];
extern uint8_t *bytes;		/* BYTES of them, page-aligned */

/* Ticks that calls took so far (wrap.c). */
extern uint64_t call_ticks;

/* As measure_quiet, for programs that may have virqs pending. */
void quiet(void);

/* n slots of len bytes at a time, so often after WARM_UP: into (BM_IN) or out of the
 * leader's buffers. */
struct transfer {
	enum bm_dir dir;
	uint32_t n, len, runs;
};

/* The transfers over a link; their number. A link of two slots has all sizes, one of
 * 64 all batches, any other one a LARGE transfer and what else is told apart. */
uint32_t plan_make(const struct ambit_link_info *l, struct transfer t[PLAN_MAX]);

/* With "split": the next window is of that transfer, by the "model" or "raw". */
void transfer_window(const struct ambit_link_info *l, const char *way,
		     const struct transfer *t);

/* The model: cycles of small slots with their line, if the link has DEPTH slots;
 * then the ticks of each transfer, for a slot, both ends and all calls; then the link
 * is closed. */
void model_lead(uint32_t endpoint, const struct transfer *t, uint32_t count,
		struct spread *ticks);
/* The other end, until the leader closes the link. */
void model_partner(uint32_t endpoint);

/* The same transfers by hand. */
void raw_lead(uint32_t endpoint, const struct transfer *t, uint32_t count,
	      struct spread *ticks);
void raw_partner(uint32_t endpoint, const struct transfer *t, uint32_t count);
