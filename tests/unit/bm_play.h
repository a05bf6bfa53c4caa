/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of the buffer model share: two ends, their events, every scheme. */
#pragma once

#include "guests/lib/bm_impl.h"
#include "guests/lib/prng.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/tap.h"

#define SLOTS	16u
#define BYTES	4096u
#define A	0u
#define B	1u

static const struct bm_note no_note;

/* The next event of an end while it is of that type; else the test shows it. */
static inline struct bm_event expect(unsigned int end, enum bm_type type)
{
	struct bm_event e = { 0 };
	bool any = bm_next(fake[end].bm, &e);

	if (!any || e.type != type)
		printf("# end %u: got event %d, want %d\n", end,
		       any ? e.type : 0, type);
	if (!any)
		e.type = 0;
	return e;
}

static inline bool silent(unsigned int end)
{
	struct bm_event e;

	return !bm_next(fake[end].bm, &e);
}

/* Both ends open and up. */
static inline bool connect_both(uint32_t slots, uint32_t bytes, uint32_t segs)
{
	bool a, b;

	fake_make(slots, bytes, segs);
	fake_open(A);
	fake_open(B);
	if (!silent(A))
		return false;
	silent(B);
	a = expect(A, BM_UP).type == BM_UP;
	b = expect(B, BM_UP).type == BM_UP;
	return a && b;
}

static inline int reg(unsigned int end, uint32_t slot, enum bm_dir dir, void *p,
		      uint32_t len, uint32_t flags)
{
	struct bm_seg seg = { p, len };

	return bm_register(fake[end].bm, slot, dir, &seg, 1, flags);
}

/* Registered, posted and flushed. */
static inline void give(unsigned int end, uint32_t slot, enum bm_dir dir,
			void *p, uint32_t len)
{
	reg(end, slot, dir, p, len, BM_ONCE);
	bm_post(fake[end].bm, slot, len, no_note, 0);
	bm_flush(fake[end].bm);
}
