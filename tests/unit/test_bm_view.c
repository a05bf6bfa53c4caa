/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views over every scheme: pointers into bays and windows, bounce buffers,
 * mapped grants and what revokes them.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

#define LARGE	16384u

static uint8_t *mem, *own;

static void view_open(uint32_t segs)
{
	connect_both(SLOTS, LARGE, segs);
	mem = fake_ram(SLOTS * LARGE);
	own = fake_ram(LARGE);
	for (uint32_t i = 0; i < LARGE; i++)
		mem[i] = (uint8_t)(i * 13 + 1);
}

/* B asks for a view of a slot of A and gets it with a flush: its segments. */
static int view_get(uint32_t slot, struct bm_seg *seg, uint32_t max)
{
	int r = bm_map(fake[B].bm, slot);

	if (r)
		return r;
	bm_flush(fake[B].bm);
	return bm_view(fake[B].bm, slot, seg, max);
}

static struct bm_event view_end(uint32_t slot, uint32_t len)
{
	bm_finish(fake[B].bm, slot, BM_OK, len, no_note);
	bm_flush(fake[B].bm);
	return expect(A, BM_DONE);
}

/* The view's bytes are those of mem from there on. */
static bool view_shows(const struct bm_seg *seg, int n, uint32_t from,
		       uint32_t len)
{
	uint32_t at = from;

	for (int i = 0; i < n; at += seg[i++].len)
		if (memcmp(seg[i].p, mem + at, seg[i].len))
			return false;
	return at == from + len;
}

static bool in_map_window(const void *p)
{
	uint64_t at = (uint64_t)p - fake[B].info.window;

	return fake_kind == FAKE_GRANT && at < fake[B].info.window_size;
}

static void test_out(void)
{
	static const struct { uint32_t from, len; } cases[] = {
		{ 0, 4096 }, { 4096, 8192 }, { 0, LARGE }, { 100, 60 },
		{ 4000, 200 }, { 4096, 1 }, { 1, 4095 }, { 0, 4097 },
	};
	struct bm_seg seg[4];

	view_open(4);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t from = cases[i].from, len = cases[i].len;
		bool whole = !((from | len) & PAGE_MASK);
		int n;

		give(A, 2, BM_OUT, mem + from, len);
		expect(B, BM_POSTED);
		n = view_get(2, seg, 4);
		ok(n > 0 && view_shows(seg, n, from, len) &&
		   (fake_kind != FAKE_GRANT || in_map_window(seg[0].p) == whole),
		   "OUT view of %u bytes at %u", len, from);
		ok(!bm_result(fake[B].bm, 2) && !view_end(2, len).status &&
		   !fake_revokes, "and its end");
	}
	for (uint32_t i = 0; i < fake[B].info.grant_count; i++)
		if (fake[B].mapped[i] || *fake_use(A, i))
			ok(false, "page %u is still mapped", i);
	give(A, 2, BM_OUT, mem, 100);
	expect(B, BM_POSTED);
	if (fake_kind == FAKE_COPY || fake_kind == FAKE_GRANT)
		ok(bm_view(fake[B].bm, 2, seg, 4) == BM_INVAL, "not asked for");
}

static void test_empty(void)
{
	struct bm_seg seg;

	view_open(1);
	reg(A, 2, BM_OUT, mem, 64, BM_ONCE);
	bm_post(fake[A].bm, 2, 0, no_note, 0);
	bm_flush(fake[A].bm);
	expect(B, BM_POSTED);
	fake_calls = 0;
	ok(view_get(2, &seg, 1) <= 1 && !bm_result(fake[B].bm, 2) && !fake_calls &&
	   !view_end(2, 0).status, "a view of no bytes moves none");
}

static void test_in(void)
{
	struct bm_seg seg[2] = { { NULL, 100 }, { NULL, 8192 } }, view[2];
	struct bm_event e;
	unsigned int bad = 0;
	int n;

	view_open(2);
	seg[0].p = mem + 50;
	seg[1].p = mem + 4096;
	memset(mem, 0xee, LARGE);
	bm_register(fake[A].bm, 0, BM_IN, seg, 2, BM_ONCE);
	bm_post(fake[A].bm, 0, 8292, no_note, 0);
	bm_flush(fake[A].bm);
	expect(B, BM_POSTED);
	n = view_get(0, view, 2);
	for (int i = 0, k = 0; i < n; i++)
		for (uint32_t j = 0; j < view[i].len && k < 5000; j++, k++)
			((uint8_t *)view[i].p)[j] = (uint8_t)(k * 7);
	e = view_end(0, 5000);
	for (uint32_t k = 0; k < 5000; k++)
		bad += mem[k < 100 ? 50 + k : 4096 + k - 100] !=
		       (uint8_t)(k * 7);
	ok(n > 0 && !e.status && e.len == 5000 && !bad, "IN view of two segments");
	give(A, 1, BM_IN, mem + 8192, 4096);
	expect(B, BM_POSTED);
	n = view_get(1, view, 2);
	ok(n == 1 && view[0].len == 4096 &&
	   (fake_kind != FAKE_GRANT || in_map_window(view[0].p)),
	   "IN view of a page");
	memset(view[0].p, 0x5a, 4096);
	e = view_end(1, 4096);
	ok(!e.status && mem[8192] == 0x5a && mem[8192 + 4095] == 0x5a &&
	   mem[8191] != 0x5a && mem[12288] == 0xee, "is written");
}

/* A view that nobody writes back: the finish says that it went wrong. */
static void test_no_room(void)
{
	struct bm_seg seg;
	int r = BM_OK;
	uint32_t n;

	view_open(1);
	for (uint32_t i = 0; i < SLOTS; i++)
		give(A, i, BM_OUT, mem + i * LARGE, 100);
	for (n = 0; n < SLOTS; n++) {
		expect(B, BM_POSTED);
		r = bm_map(fake[B].bm, n);
		if (r)
			break;
	}
	bm_flush(fake[B].bm);
	if (fake_kind != FAKE_COPY && fake_kind != FAKE_GRANT &&
	    fake_kind != FAKE_DIRECT_HOST) {
		ok(n == SLOTS, "a view of each slot at a time");
		return;
	}
	ok(r == BM_NOMEM && n == 4, "no bounce buffer is left");
	ok(bm_view(fake[B].bm, n, &seg, 1) == BM_INVAL &&
	   !bm_result(fake[B].bm, n), "which is no fault of the slot's");
	view_end(0, 0);
	ok(view_get(n, &seg, 1) == 1, "until one is given back");
	bm_sys_link_state(A, AMBIT_LINK_DEAD);
	expect(B, BM_DOWN);
	ok(fake[B].bm->queue->bounce_free == 15, "or the connection ends");
}

/* --- mapped grants --------------------------------------------------------------------- */

static uint32_t mapped_pages(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < fake[B].info.grant_count; i++)
		n += fake[B].mapped[i] != 0;
	return n;
}

static void test_revoked(void)
{
	struct bm_seg seg;
	struct bm_event e;

	fake_kind = FAKE_GRANT;
	view_open(1);
	fake_revokes = 0;
	give(A, 5, BM_OUT, mem, 8192);
	expect(B, BM_POSTED);
	ok(view_get(5, &seg, 1) == 1 && !memcmp(seg.p, mem, 8192), "a view");
	bm_unregister(fake[A].bm, 5);
	memset(mem, 0x99, 8192);
	ok(fake_revokes == 1 && !*(uint8_t *)seg.p && bm_result(fake[B].bm, 5) ==
	   BM_FAULT, "its owner takes the pages back: zeros, and a fault");
	e = view_end(5, 0);
	ok(e.status == BM_GONE && !mapped_pages(), "its end frees the place");
	give(A, 5, BM_OUT, mem, 8192);
	expect(B, BM_POSTED);
	ok(view_get(5, &seg, 1) == 1 && *(uint8_t *)seg.p == 0x99 &&
	   !bm_result(fake[B].bm, 5), "the slot can be mapped again");
	give(A, 6, BM_IN, mem + 8192, 4096);
	expect(B, BM_POSTED);
	bm_map(fake[B].bm, 6);
	bm_sys_link_state(A, AMBIT_LINK_CLOSED);
	expect(B, BM_DOWN);
	ok(!mapped_pages(), "the connection's end unmaps all");
	fake_free();
}

static void test_quota(void)
{
	struct bm_seg seg;
	struct bm *b;

	fake_kind = FAKE_GRANT;
	view_open(1);
	b = fake[B].bm;
	fake_map_quota = 1;
	give(A, 5, BM_OUT, mem, 8192);
	expect(B, BM_POSTED);
	ok(view_get(5, &seg, 1) == BM_NOMEM && !bm_result(b, 5),
	   "quota of mappings used up: no view");
	ok(!mapped_pages() && fake_map_quota == 1, "half a mapping is none");
	bm_receive(b, 5, 0, own, 8192);
	bm_flush(b);
	ok(!bm_result(b, 5) && !memcmp(own, mem, 8192), "a move does it");
	ok(!view_end(5, 8192).status, "and the slot ends well");
	reg(A, 6, BM_OUT, mem, 8192, 0);
	bm_post(fake[A].bm, 6, 8192, no_note, 0);
	bm_flush(fake[A].bm);
	expect(B, BM_POSTED);
	memset(own, 0, 8192);
	ok(view_get(6, &seg, 1) == BM_NOMEM && !bm_result(b, 6) && !mapped_pages(),
	   "nor one of a slot that stays registered");
	bm_receive(b, 6, 0, own, 8192);
	bm_flush(b);
	ok(!bm_result(b, 6) && !memcmp(own, mem, 8192) && !view_end(6, 8192).status,
	   "of which moves go well too");
	fake_map_quota = UINT32_MAX;
	fake_free();
}

/* Maps, moves and ends of views in one flush: the tail goes with the last. */
static void test_together(void)
{
	unsigned long tails, calls;
	struct bm_event e;
	struct bm_seg seg;
	struct bm *b;

	fake_kind = FAKE_GRANT;
	view_open(1);
	b = fake[B].bm;
	for (uint32_t i = 0; i < 3; i++)
		give(A, i, BM_OUT, mem + i * LARGE, LARGE);
	for (uint32_t i = 0; i < 3; i++)
		expect(B, BM_POSTED);
	view_get(0, &seg, 1);
	tails = fake_tails;
	calls = fake_calls;
	bm_finish(b, 0, BM_OK, 0, no_note);
	bm_map(b, 1);
	bm_receive(b, 2, 0, own, 100);
	bm_finish(b, 2, BM_OK, 0, no_note);
	bm_flush(b);
	ok(fake_tails == tails + 1 && fake_calls == calls + 3, "one tail");
	ok(expect(A, BM_DONE).slot == 0 && expect(A, BM_DONE).slot == 2,
	   "both are DONE");
	bm_finish(b, 1, BM_OK, 0, no_note);
	for (uint32_t i = 0; i < SLOTS; i++)
		give(A, i, BM_OUT, mem + i * LARGE, LARGE);
	bm_flush(b);
	while (bm_next(fake[A].bm, &e))
		;
	ok(!mapped_pages(), "none is left");
	fake_free();
}

/* --- mappings that are kept while a slot stays registered ---------------------------- */

static unsigned int calls;

static void count_call(uint32_t endpoint, bool after)
{
	(void)endpoint;
	calls += !after;
}

/* A posts its slot once more, B fills it with bytes of that seed. */
static bool fill(uint32_t slot, uint32_t from, uint32_t len, uint8_t seed)
{
	struct bm_event e;

	if (bm_post(fake[A].bm, slot, len, no_note, 0) != BM_OK)
		return false;
	bm_flush(fake[A].bm);
	if (expect(B, BM_POSTED).type != BM_POSTED)
		return false;
	memset(own, seed, len);
	/* In two, as a move must not rely on what the flush is yet to map. */
	bm_send(fake[B].bm, slot, 0, own, len - 1);
	bm_send(fake[B].bm, slot, len - 1, own, 1);
	e = view_end(slot, len);
	if (e.status || e.len != len)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (mem[from + i] != seed)
			return false;
	return true;
}

static void test_kept(void)
{
	bool grant = fake_kind == FAKE_GRANT;
	unsigned long revokes = fake_revokes;

	view_open(1);
	reg(A, 0, BM_IN, mem, 8192, 0);
	ok(fill(0, 0, 8192, 1), "a slot that stays registered is filled");
	ok(mapped_pages() == (grant ? 2 : 0), "and its pages are mapped with grant");
	fake_exit = count_call;
	calls = 0;
	ok(fill(0, 0, 8192, 2) && fill(0, 0, 100, 3) && fill(0, 0, 8192, 4),
	   "again and again");
	ok(!grant || calls <= 6, "without a call but to notify (%u)", calls);
	fake_exit = NULL;
	ok(fake_revokes == revokes, "nothing was revoked");
	ok(bm_unregister(fake[A].bm, 0) == BM_OK && fake_revokes == revokes + grant,
	   "unregister takes the mapping back");
	reg(A, 0, BM_IN, mem + 4096, 4096, 0);
	ok(fill(0, 4096, 4096, 5) && fill(0, 4096, 4096, 6) && fill(0, 4096, 4096, 7),
	   "other pages of the same slot");
	ok(mem[0] == 4, "the first ones stay as they are");
	ok(mapped_pages() == (unsigned int)grant, "one page is mapped now");
	reg(A, 1, BM_IN, mem + 8200, 4096, 0);
	ok(fill(1, 8200, 4096, 8) && mapped_pages() == (unsigned int)grant,
	   "pages that are not whole are not mapped");
}

static void test_kept_down(void)
{
	view_open(1);
	for (uint32_t i = 0; i < SLOTS; i++) {
		reg(A, i, BM_IN, mem + i * LARGE, LARGE, 0);
		ok(fill(i, i * LARGE, LARGE, (uint8_t)i), "slot %u", i);
	}
	bm_sys_link_state(A, AMBIT_LINK_CLOSED);
	while (!silent(B))
		;
	ok(!mapped_pages(), "the end of the connection ends all mappings");
}

/* Longer posts than the one that was mapped, and posts of another generation. */
static void test_kept_other(void)
{
	word_t *e;

	view_open(1);
	reg(A, 0, BM_IN, mem, 8192, 0);
	ok(fill(0, 0, 100, 1) && fill(0, 0, 100, 2), "a page of two is mapped");
	ok(fill(0, 0, 8192, 3) && fill(0, 0, 8192, 4) && fill(0, 0, 8192, 5),
	   "longer ones are filled too");
	if (fake_kind != FAKE_GRANT)
		return;
	/* What no honest owner does: other pages without taking the first back. */
	e = fake[A].bm->own[0].entry;
	e[0] += 8192;
	e[2] += 8192;
	e[1] += 2;
	e[3] += 2;
	fake[A].bm->own[0].bay += 2;
	ok(fill(0, 8192, 8192, 6) && mem[0] == 5, "another generation is not what is mapped");
}

/* A view of such a slot is its mapping. */
static void test_kept_view(void)
{
	struct bm_seg seg;

	if (fake_kind != FAKE_GRANT)
		return;
	view_open(1);
	reg(A, 0, BM_IN, mem, 8192, 0);
	for (uint8_t i = 1; i < 4; i++) {
		bm_post(fake[A].bm, 0, 8192, no_note, 0);
		bm_flush(fake[A].bm);
		expect(B, BM_POSTED);
		ok(view_get(0, &seg, 1) == 1 && in_map_window(seg.p), "view %u", i);
		memset(seg.p, i, 8192);
		ok(!bm_result(fake[B].bm, 0) && !view_end(0, 8192).status &&
		   mem[8191] == i && mapped_pages() == 2, "stays mapped behind its finish");
	}
	bm_post(fake[A].bm, 0, 8192, no_note, 0);
	bm_flush(fake[A].bm);
	expect(B, BM_POSTED);
	view_get(0, &seg, 1);
	give(A, 1, BM_OUT, mem + LARGE, 4096);
	expect(B, BM_POSTED);
	bm_map(fake[B].bm, 1);
	ok(bm_view(fake[B].bm, 0, &seg, 1) == 1 && !bm_result(fake[B].bm, 0),
	   "it is there while another one is asked for");
	view_end(1, 0);
	bm_unregister(fake[A].bm, 0);
	ok(bm_result(fake[B].bm, 0) == BM_FAULT, "revoked under its user, it is lost");
}

int main(void)
{
	each_kind(test_out);
	each_kind(test_empty);
	each_kind(test_in);
	each_kind(test_no_room);
	test_revoked();
	test_quota();
	test_together();
	each_kind(test_kept);
	each_kind(test_kept_down);
	each_kind(test_kept_other);
	each_kind(test_kept_view);
	return done_testing();
}
