/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves over every scheme: random cuts into segments and pieces, calls that do
 * only a part, and what both ends hear of moves that fail.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

#define LARGE	(9 * 4096u + 512u)
#define SEGS	5u

/* Whether the kind's moves are done by data calls of the holder B. */
static bool by_calls(void)
{
	return fake_kind == FAKE_COPY || fake_kind == FAKE_GRANT ||
	       fake_kind == FAKE_DIRECT_HOST;
}

/* --- bytes ------------------------------------------------------------------------ */

/* Up to SEGS segments in mem, which has room; their bytes. */
static uint32_t cut(struct prng *r, uint8_t *mem, struct bm_seg *seg, uint32_t *n)
{
	uint32_t total = 0, at = 0;

	*n = 1 + (uint32_t)prng_below(r, SEGS);
	for (uint32_t i = 0; i < *n; i++) {
		uint32_t len = 1 + (uint32_t)prng_below(r, LARGE / *n);

		if (!prng_below(r, 3))	/* page by page */
			len = ALIGN_UP(len, 4096u) / 2;
		len = MIN(len, LARGE - total - (*n - i));
		at += (uint32_t)prng_below(r, 4096);
		if (!prng_below(r, 2))
			at = ALIGN_UP(at, 4096u);
		seg[i] = (struct bm_seg){ mem + at, len };
		at += len;
		total += len;
	}
	return total;
}

/* The buffer's bytes [0, len) in one piece. */
static void gather(uint8_t *to, const struct bm_seg *seg, uint32_t len)
{
	for (; len; seg++) {
		uint32_t n = MIN(len, seg->len);

		memcpy(to, seg->p, n);
		to += n;
		len -= n;
	}
}

/* Move [0, len) of a held slot in random pieces, in any order. */
static void move_pieces(struct prng *r, const struct bm_event *e, uint8_t *own)
{
	uint32_t mid = (uint32_t)prng_below(r, e->len + 1);
	uint32_t from[2] = { mid, 0 }, to[2] = { e->len, mid };

	for (int half = 0; half < 2; half++) {
		for (uint32_t at = from[half], n; at < to[half]; at += n) {
			n = 1 + (uint32_t)prng_below(r, 6000);
			n = MIN(n, to[half] - at);
			if (e->dir == BM_IN)
				bm_send(fake[B].bm, e->slot, at, own + at, n);
			else
				bm_receive(fake[B].bm, e->slot, at, own + at, n);
		}
	}
}

/* Whether it keeps within the limits of bm_info(). */
static bool within_limits(const struct bm_seg *seg, uint32_t n)
{
	struct bm_info info;
	uint64_t pages = 0;

	bm_info(fake[A].bm, &info);
	for (uint32_t i = 0; i < n; i++)
		pages += (((uintptr_t)seg[i].p & PAGE_MASK) + seg[i].len +
			  PAGE_MASK) / PAGE_SIZE;
	return pages <= info.max_pages;
}

/* One buffer there and back: true if its bytes are right. */
static bool one_round(struct prng *r, uint8_t *mem, uint8_t *own)
{
	static uint8_t flat[LARGE];
	enum bm_dir dir = prng_below(r, 2) ? BM_IN : BM_OUT;
	struct bm_seg seg[SEGS];
	struct bm_event e;
	uint32_t n, len = cut(r, mem, seg, &n);

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < seg[i].len; k++)
			((uint8_t *)seg[i].p)[k] = (uint8_t)prng_next(r);
	for (uint32_t k = 0; k < len; k++)
		own[k] = (uint8_t)prng_next(r);
	if (!within_limits(seg, n))
		return bm_register(fake[A].bm, 3, dir, seg, n, 0) == BM_INVAL;
	if (bm_register(fake[A].bm, 3, dir, seg, n, BM_ONCE) ||
	    bm_post(fake[A].bm, 3, len, no_note, 0))
		return false;
	bm_flush(fake[A].bm);
	e = expect(B, BM_POSTED);
	move_pieces(r, &e, own);
	bm_flush(fake[B].bm);
	if (e.dir != dir || bm_result(fake[B].bm, 3))
		return false;
	bm_finish(fake[B].bm, 3, BM_OK, e.len, no_note);
	bm_flush(fake[B].bm);
	e = expect(A, BM_DONE);
	gather(flat, seg, len);
	return !e.status && e.len == len && !memcmp(flat, own, len);
}

static void test_bytes(void)
{
	struct prng r = { 11 };
	uint8_t *mem, *own;
	unsigned int bad = 0;

	connect_both(SLOTS, LARGE, SEGS);
	mem = fake_ram(4 * LARGE + 64);
	own = fake_ram(LARGE);
	for (int i = 0; i < 3000; i++) {
		fake_budget = i & 1 ? AMBIT_BATCH_BYTES :
				      1 + (uint32_t)prng_below(&r, 9000);
		bad += !one_round(&r, mem, own);
	}
	fake_budget = AMBIT_BATCH_BYTES;
	ok_eq(bad, 0, "3000 buffers in random segments and pieces");
}

/* --- failures ---------------------------------------------------------------------- */

/* A posts n IN slots, B sends one piece into each and finishes them. */
static void send_many(uint32_t n, uint8_t *mem)
{
	for (uint32_t i = 0; i < n; i++) {
		reg(A, i, BM_IN, mem + i * 64, 64, BM_ONCE);
		bm_post(fake[A].bm, i, 64, no_note, 0);
	}
	bm_flush(fake[A].bm);
	for (uint32_t i = 0; i < n; i++) {
		struct bm_event e = expect(B, BM_POSTED);

		bm_send(fake[B].bm, e.slot, 0, mem, 64);
		bm_finish(fake[B].bm, e.slot, BM_OK, 64, no_note);
	}
}

/* The n-th move of 12 fails; all DONEs were written before that. */
static void test_failed_move(void)
{
	unsigned int wrong = 0;
	uint8_t *mem;

	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(SLOTS * 64);
	if (!by_calls())
		return;
	for (uint32_t bad = 0; bad < 12; bad++) {
		unsigned long tails = fake_tails;

		send_many(12, mem);
		fake_budget = bad & 1 ? 64 * 5 : AMBIT_BATCH_BYTES;
		fake_fail = bad + 1;
		bm_flush(fake[B].bm);
		wrong += fake_tails != tails;
		for (uint32_t i = 0; i < 12; i++) {
			struct bm_event e = expect(A, BM_DONE);

			wrong += e.slot != i ||
				 e.status != (i == bad ? BM_FAULT : BM_OK);
		}
	}
	fake_budget = AMBIT_BATCH_BYTES;
	ok_eq(wrong, 0, "a move that fails: its DONE alone says so");
}

/* A failure in a flush of its own, and of a full queue, sticks to the slot. */
static void test_early_failure(void)
{
	struct bm_event e;
	uint8_t *mem;
	struct bm *b;

	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(BYTES);
	if (!by_calls())
		return;
	b = fake[B].bm;
	give(A, 0, BM_IN, mem, BYTES);
	expect(B, BM_POSTED);
	fake_fail = 7;
	for (uint32_t i = 0; i < 3 * AMBIT_BATCH_MAX; i++)
		bm_send(b, 0, i, mem, 1);
	bm_flush(b);
	ok(bm_result(b, 0) == BM_FAULT, "the holder hears of it");
	bm_send(b, 0, 0, mem, 1);
	bm_finish(b, 0, BM_OK, 1, no_note);
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.status == BM_FAULT, "and the owner");
	give(A, 0, BM_IN, mem, BYTES);
	expect(B, BM_POSTED);
	ok(!bm_result(b, 0), "the next post begins anew");
}

/* The owner took the buffer back: nothing of it moves, in any scheme. */
static void test_withdrawn(void)
{
	uint8_t *mem, *own;
	struct bm_event e;
	struct bm *b;

	connect_both(SLOTS, BYTES, 1);
	mem = fake_ram(BYTES);
	own = fake_ram(BYTES);
	b = fake[B].bm;
	memset(own, 0x77, BYTES);
	give(A, 1, BM_IN, mem, 1000);
	give(A, 2, BM_OUT, mem, 1000);
	expect(B, BM_POSTED);
	expect(B, BM_POSTED);
	bm_unregister(fake[A].bm, 1);
	bm_unregister(fake[A].bm, 2);
	memset(mem, 0x11, BYTES);
	bm_send(b, 1, 0, own, 1000);
	bm_receive(b, 2, 0, own, 1000);
	bm_finish(b, 1, BM_OK, 1000, no_note);
	bm_finish(b, 2, BM_OK, 1000, no_note);
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.slot == 1 && e.status == BM_GONE && mem[0] == 0x11 &&
	   mem[999] == 0x11, "nothing comes in");
	e = expect(A, BM_DONE);
	ok(e.status == BM_GONE && own[0] != 0x11, "nothing goes out");
	ok(!fake[A].status->use[1] && !fake[A].status->use[2], "no use is left");
}

/* --- descriptors that lie, seen by a window ------------------------------------------- */

static void test_lies(void)
{
	static const struct {
		const char *what;
		uint16_t flags, segs;
		struct ambit_seg seg[2];
	} lies[] = {
		{ "empty", 0, 0, { { 0, 0, 0 } } },
		{ "wrong direction", AMBIT_DESC_IN, 1, { { FAKE_GPA, 64, 0 } } },
		{ "too many segments", AMBIT_DESC_OUT, 3, { { 0, 0, 0 } } },
		{ "too short", AMBIT_DESC_OUT, 2,
		  { { FAKE_GPA, 31, 0 }, { FAKE_GPA, 32, 0 } } },
		{ "below the window", AMBIT_DESC_OUT, 1,
		  { { FAKE_GPA - 1, 64, 0 } } },
		{ "at its end", AMBIT_DESC_OUT, 1,
		  { { FAKE_GPA + FAKE_RAM, 64, 0 } } },
		{ "beyond its end", AMBIT_DESC_OUT, 1,
		  { { FAKE_GPA + FAKE_RAM - 63, 64, 0 } } },
		{ "around 2^64", AMBIT_DESC_OUT, 1,
		  { { UINT64_MAX - 31, 64, 0 } } },
		{ "a length that wraps", AMBIT_DESC_OUT, 1,
		  { { FAKE_GPA + 1, UINT32_MAX, 0 } } },
	};
	struct bm_seg view[2];
	uint8_t *mem;

	connect_both(SLOTS, BYTES, 2);
	mem = fake_ram(BYTES);
	if (!fake[B].info.window_size || fake_kind == FAKE_GRANT)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct bm_event e;

		give(A, 0, BM_OUT, mem, 64);
		expect(B, BM_POSTED);
		*fake_desc(A, 0) = (struct ambit_desc){
			64, lies[i].flags, lies[i].segs, 0 };
		memcpy(fake_seg(A, 0), lies[i].seg, sizeof(lies[i].seg));
		bm_receive(fake[B].bm, 0, 0, mem + 100, 64);
		ok(bm_result(fake[B].bm, 0) == BM_FAULT &&
		   bm_view(fake[B].bm, 0, view, 2) == BM_FAULT,
		   "descriptor: %s", lies[i].what);
		bm_finish(fake[B].bm, 0, BM_OK, 64, no_note);
		bm_flush(fake[B].bm);
		e = expect(A, BM_DONE);
		if (e.status != BM_FAULT)
			ok(false, "the DONE says so");
	}
}

/* Entries of a byte each, more than the slot may have segments. */
static void test_crumbs(void)
{
	uint8_t *mem, *own;
	struct bm_seg seg[2];

	if (fake_kind != FAKE_GRANT)
		return;
	connect_both(SLOTS, BYTES, 2);
	mem = fake_ram(BYTES);
	own = fake_ram(BYTES);
	seg[0] = (struct bm_seg){ mem, 1 };
	seg[1] = (struct bm_seg){ mem + 8, 8 };
	bm_register(fake[A].bm, 0, BM_OUT, seg, 2, BM_ONCE);
	bm_post(fake[A].bm, 0, 9, no_note, 0);
	bm_flush(fake[A].bm);
	expect(B, BM_POSTED);
	ok(bm_receive(fake[B].bm, 0, 0, own, 9) == BM_OK && bm_flush(fake[B].bm) == BM_OK &&
	   bm_result(fake[B].bm, 0) == BM_OK, "two segments");
	fake[A].bm->grant[1].len = 1;
	fake[A].bm->grant[2] = fake[A].bm->grant[1];
	bm_receive(fake[B].bm, 0, 0, own, 3);
	ok(fake[B].bm->move - fake[B].bm->queue->move == 2 &&
	   bm_result(fake[B].bm, 0) == BM_FAULT, "no more moves than segments");
}

int main(void)
{
	each_kind(test_crumbs);
	each_kind(test_bytes);
	each_kind(test_failed_move);
	each_kind(test_early_failure);
	each_kind(test_withdrawn);
	each_kind(test_lies);
	return done_testing();
}
