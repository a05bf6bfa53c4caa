/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model's contract rule by rule, over every scheme.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c */
#include "tests/unit/bm_play.h"

static void test_out(void)
{
	struct bm_note note = { { 0x1111, 0x2222 } };
	struct bm_event e;
	uint8_t *src, *dst;
	struct bm *a, *b;

	ok(connect_both(SLOTS, BYTES, 4), "two ends come up");
	src = fake_ram(BYTES);
	dst = fake_ram(BYTES);
	a = fake[A].bm;
	b = fake[B].bm;
	memset(src, 0x5a, BYTES);
	ok(!reg(A, 3, BM_OUT, src, 100, 0), "register OUT");
	ok(!bm_post(a, 3, 60, note, 0), "post part of it");
	ok(silent(B), "nothing is visible before the flush");
	bm_flush(a);
	e = expect(B, BM_POSTED);
	ok(e.slot == 3 && e.dir == BM_OUT && e.len == 60, "POSTED says what");
	ok(e.note.w[0] == 0x1111 && e.note.w[1] == 0x2222, "and its note");
	ok(bm_receive(b, 3, 0, dst, 61) == BM_INVAL, "receive beyond the post");
	ok(bm_send(b, 3, 0, dst, 1) == BM_INVAL, "send into an OUT slot");
	ok(bm_receive(b, 4, 0, dst, 1) == BM_INVAL, "receive from no slot");
	ok(bm_receive(b, 3, UINT32_MAX, dst, 2) == BM_INVAL, "offset wraps");
	ok(!bm_receive(b, 3, 0, dst, 60), "receive");
	bm_flush(b);
	ok(!bm_result(b, 3), "after the flush it is done");
	ok(!memcmp(src, dst, 60), "the bytes are right");
	ok(bm_finish(b, 3, 1, 0, no_note) == BM_INVAL, "finish: bad status");
	ok(bm_finish(b, 3, 0, 61, no_note) == BM_INVAL, "finish: bad length");
	ok(!bm_finish(b, 3, BM_OK, 60, note), "finish");
	ok(bm_finish(b, 3, BM_OK, 60, note) == BM_INVAL, "only once");
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.slot == 3 && !e.status && e.len == 60 && e.note.w[1] == 0x2222,
	   "DONE says what");
	ok(!bm_post(a, 3, 100, note, 0), "a sticky slot can be posted again");
}

static void test_in(void)
{
	uint8_t *one, *two, *src;
	struct bm_seg seg[2];
	struct bm_event e;
	struct bm *a, *b;

	connect_both(SLOTS, BYTES, 2);
	one = fake_ram(100);
	two = fake_ram(50);
	src = fake_ram(150);
	seg[0] = (struct bm_seg){ one, 100 };
	seg[1] = (struct bm_seg){ two, 50 };
	a = fake[A].bm;
	b = fake[B].bm;
	for (unsigned int i = 0; i < 150; i++)
		src[i] = (uint8_t)i;
	ok(!bm_register(a, 0, BM_IN, seg, 2, BM_ONCE), "register two segments");
	ok(!bm_post(a, 0, 150, no_note, 0), "post IN");
	bm_flush(a);
	e = expect(B, BM_POSTED);
	ok(e.dir == BM_IN && e.len == 150, "POSTED IN");
	memset(one, 0, 100);
	memset(two, 0xee, 50);
	bm_send(b, 0, 0, src, 90);
	bm_send(b, 0, 90, src + 90, 40);
	bm_finish(b, 0, BM_OK, 130, no_note);
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.len == 130 && !memcmp(one, src, 100) && !memcmp(two, src + 100, 30),
	   "bytes are scattered over the segments");
	ok(two[30] == 0xee, "and nothing beyond the length");
	ok(bm_post(a, 0, 1, no_note, 0) == BM_INVAL, "ONCE: the slot is free");
	ok(!reg(A, 0, BM_IN, one, 100, 0), "and can be registered");
}

static void test_owner_errors(void)
{
	struct bm_seg many[3];
	uint8_t *page, *x;
	struct bm *a;

	connect_both(SLOTS, BYTES, 3);
	page = fake_ram(8192);
	x = fake_ram(BYTES);
	a = fake[A].bm;
	ok(reg(A, SLOTS, BM_OUT, x, 1, 0) == BM_INVAL, "register: slot");
	ok(reg(A, 0, (enum bm_dir)3, x, 1, 0) == BM_INVAL, "register: direction");
	ok(reg(A, 0, BM_OUT, x, 0, 0) == BM_INVAL, "register: empty");
	ok(reg(A, 0, BM_OUT, x, BYTES + 1, 0) == BM_INVAL, "register: too long");
	ok(reg(A, 0, BM_OUT, x, 1, 8) == BM_INVAL, "register: flags");
	ok(bm_register(a, 0, BM_OUT, many, 0, 0) == BM_INVAL, "no segments");
	ok(bm_register(a, 0, BM_OUT, many, 4, 0) == BM_INVAL, "too many");
	for (int i = 0; i < 3; i++)
		many[i] = (struct bm_seg){ x, BYTES / 2 };
	ok(bm_register(a, 0, BM_OUT, many, 3, 0) == BM_INVAL, "sum too long");
	for (int i = 0; i < 3; i++)
		many[i] = (struct bm_seg){ page + 4090, 12 };
	ok(bm_register(a, 0, BM_OUT, many, 3, 0) == BM_INVAL,
	   "more pages than max_pages");
	ok(bm_post(a, 0, 1, no_note, 0) == BM_INVAL, "post: not registered");
	ok(!reg(A, 0, BM_OUT, x, 64, 0), "register");
	ok(reg(A, 0, BM_OUT, x, 64, 0) == BM_INVAL, "register: taken");
	ok(bm_post(a, 0, 65, no_note, 0) == BM_INVAL, "post: too long");
	ok(!bm_unregister(a, 0) && bm_unregister(a, 0) == BM_INVAL,
	   "unregister once");
	for (uint32_t i = 0; i < SLOTS; i++)
		if (reg(A, i, BM_IN, x, 64, 0))
			break;
	ok(bm_unregister(a, SLOTS - 1) == BM_OK, "every slot can be registered");
}

static void test_unregister_posted(void)
{
	uint8_t *x, *later;
	struct bm_event e;
	struct bm *a, *b;

	connect_both(SLOTS, BYTES, 1);
	x = fake_ram(64);
	later = fake_ram(5);
	x[0] = 1;
	a = fake[A].bm;
	b = fake[B].bm;
	reg(A, 5, BM_IN, x, 64, 0);
	bm_post(a, 5, 64, no_note, 0);
	bm_flush(a);
	ok(!bm_unregister(a, 5), "unregister a posted slot");
	ok(reg(A, 5, BM_IN, x, 64, 0) == BM_INVAL, "its number is not free yet");
	expect(B, BM_POSTED);
	bm_send(b, 5, 0, later, 5);
	bm_finish(b, 5, BM_OK, 5, no_note);
	bm_flush(b);
	e = expect(A, BM_DONE);
	ok(e.status == BM_GONE && e.slot == 5, "it comes back as GONE");
	ok(x[0] == 1, "the memory was not touched");
	ok(!reg(A, 5, BM_IN, x, 64, 0), "then it is free");
}

static void test_open(void)
{
	struct ambit_link_info *l = &fake[A].info;

	fake_make(SLOTS, BYTES, 1);
	ok(bm_memory(l), "a good link entry");
	if (l->data_size) {
		l->data_size--;
		ok(!bm_memory(l), "data area too small");
		l->data_size++;
	}
	l->ring_size = 16;
	ok(!bm_memory(l), "ring too small");
	l->ring_size = 48;
	ok(!bm_memory(l), "ring no power of two");
	l->ring_size = 1024;
	ok(!bm_memory(l), "ring beyond the control area");
}

int main(void)
{
	each_kind(test_open);
	each_kind(test_out);
	each_kind(test_in);
	each_kind(test_owner_errors);
	each_kind(test_unregister_posted);
	return done_testing();
}
