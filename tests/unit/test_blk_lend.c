/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's buffers: an image that is read in place, and buffers that stay
 * registered; over every scheme.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/blk_front.c guests/drivers/blk_back.c */
#include "tests/unit/blk_machine.h"

/* --- lend ------------------------------------------------------------------------- */

static bool view_is(uint32_t lent, const uint8_t *wanted, uint32_t len)
{
	struct bm_seg seg[2];
	uint32_t at = 0;
	int n = blk_front_view(front, lent, seg, 2);

	for (int i = 0; i < n; at += seg[i++].len) {
		if (at + seg[i].len > len || memcmp(seg[i].p, wanted + at, seg[i].len))
			return false;
	}
	return n > 0 && at == len;
}

static enum blk_result lend(uint64_t sector, uint32_t len)
{
	done.result = BLK_EOP;
	if (blk_front_lend(front, sector, len, 99) != BM_OK)
		return BLK_EGONE;
	poll_both();
	return done.last == 99 ? done.result : BLK_EOP;
}

static void test_lend(void)
{
	uint32_t a, b;

	disk_open(BLK_LENDS | BLK_READ_ONLY);
	ok(lend(2, 1024) == BLK_OK, "sectors are lent");
	a = blk_front_lent(front);
	ok(view_is(a, disk.mem + 1024, 1024), "and are seen");
	ok(lend(2, 512) == BLK_OK, "others meanwhile");
	b = blk_front_lent(front);
	ok(a != b && view_is(b, disk.mem + 1024, 512) &&
	   view_is(a, disk.mem + 1024, 1024), "both are seen");
	ok(request(BLK_READ, 5, buf, 512) == BLK_OK &&
	   !memcmp(buf, disk.mem + 2560, 512), "a read beside them");
	ok(blk_front_return(front, a) == BM_OK && blk_front_return(front, b) == BM_OK,
	   "returned");
	poll_both();
	ok(blk_front_return(front, a) == BM_INVAL &&
	   blk_front_view(front, a, &(struct bm_seg){ 0 }, 1) == BM_INVAL &&
	   blk_front_return(front, 1000) == BM_INVAL, "once");
	ok(lend(100, 512) == BLK_ERANGE, "not the partial last sector");
	ok(lend(99, 1024) == BLK_ERANGE, "nor beyond the end");
	ok(blk_front_lend(front, 0, 100, 0) == BM_INVAL &&
	   blk_front_lend(front, 0, 2 * BYTES, 0) == BM_INVAL, "whole sectors of a buffer");
	ok(back.stats.lends == 2, "counted");
	disk_close();
	disk_open(0);
	ok(lend(0, 512) == BLK_EOP, "a disk that does not lend");
	disk_close();
}

static void test_lend_all(void)
{
	uint32_t lent[SLOTS], n = 0;

	disk_open(BLK_LENDS);
	for (; n < SLOTS; n++) {
		if (lend(n, 512) != BLK_OK)
			break;
		lent[n] = blk_front_lent(front);
	}
	ok(n == SLOTS && blk_front_lend(front, 0, 512, 0) == BM_FULL,
	   "all slots are lent");
	while (n--)
		if (!view_is(lent[n], disk.mem + n * 512, 512) ||
		    blk_front_return(front, lent[n]) != BM_OK)
			break;
	poll_both();
	ok(n == UINT32_MAX && lend(1, 512) == BLK_OK, "and again when they are returned");
	bm_sys_link_state(BACK, AMBIT_LINK_DEAD);
	blk_front_poll(front);
	ok(blk_front_return(front, blk_front_lent(front)) == BM_INVAL,
	   "nothing is lent when the link is down");
	disk_connect(BLK_LENDS);
	for (n = 0; n < SLOTS && lend(n, 512) == BLK_OK; n++)
		;
	ok(n == SLOTS, "all can be lent anew");
	disk_close();
}

/* A back end that says it lent what it did not, or lends what nobody asked for. */
static void test_lend_lies(void)
{
	struct bm_event e = { 0 }, post = { 0 };
	struct bm_seg seg = { NULL, 512 };
	struct bm *b;

	disk_open(BLK_LENDS);
	b = fake[BACK].bm;
	seg.p = disk.mem;
	blk_front_lend(front, 0, 512, 7);
	bm_flush(fake[FRONT].bm);
	bm_next(b, &post);
	bm_finish(b, post.slot, BM_OK, 0, (struct bm_note){ { BLK_OK, 0 } });
	bm_flush(b);
	blk_front_poll(front);
	ok(done.last == 7 && done.result == BLK_EIO, "nothing was lent");
	request(BLK_READ, 0, buf, 512);		/* by the slot that was freed last */
	bm_offer(b, post.slot, BM_OUT, &seg, 512, (struct bm_note){ { BLK_LEND, 0 } }, 0);
	bm_offer(b, post.slot ^ 1, BM_IN, &seg, 512, (struct bm_note){ { BLK_LEND, 0 } }, 0);
	bm_flush(b);
	blk_front_poll(front);
	bm_flush(fake[FRONT].bm);
	ok(bm_next(b, &e) && e.type == BM_DONE && e.status == BM_INVAL &&
	   bm_next(b, &e) && e.type == BM_DONE && e.status == BM_INVAL,
	   "what nobody asked for comes back");
	blk_front_lend(front, 0, 512, 8);
	bm_flush(fake[FRONT].bm);
	bm_next(b, &post);
	bm_offer(b, post.slot, BM_OUT, &seg, 511, (struct bm_note){ { BLK_LEND, 0 } }, 0);
	bm_finish(b, post.slot, BM_OK, 0, (struct bm_note){ { BLK_OK, 0 } });
	bm_flush(b);
	blk_front_poll(front);
	ok(done.last == 8 && done.result == BLK_EIO, "less than was asked for");
	disk_close();
}

/* --- buffers that stay registered ------------------------------------------------ */

static enum blk_result kept_request(uint32_t kept, uint64_t sector, uint32_t len)
{
	done.result = BLK_EOP;
	if (blk_front_submit_kept(front, kept, sector, len, 77) != BM_OK)
		return BLK_EGONE;
	poll_both();
	return done.last == 77 ? done.result : BLK_EOP;
}

static bool kept_reads(const uint8_t *to)
{
	for (uint64_t sector = 0; sector < 5; sector++)
		if (kept_request(0, sector, 2048) != BLK_OK ||
		    memcmp(to, disk.mem + sector * 512, 2048))
			return false;
	return true;
}

static void test_kept(void)
{
	uint8_t *in, *out;
	uint32_t n;

	disk_prepare();
	in = fake_ram(BYTES);
	out = fake_ram(BYTES);
	ok(blk_front_keep(front, BLK_READ, in, BYTES) == 0 &&
	   blk_front_keep(front, BLK_WRITE, out, 1024) == 1, "two buffers are kept");
	ok(blk_front_keep(front, BLK_FLUSH, in, 512) == BM_INVAL &&
	   blk_front_keep(front, BLK_READ, in, BYTES + 1) == BM_INVAL &&
	   blk_front_keep(front, BLK_READ, in, 0) == BM_INVAL, "others are refused");
	for (n = 2; blk_front_keep(front, BLK_READ, buf, 512) == (int)n; n++)
		;
	ok(n == SLOTS / 2, "half of the slots can be");
	disk_connect(0);
	ok(kept_reads(in), "read into one");
	memset(out, 0x77, 1024);
	ok(kept_request(1, 20, 1024) == BLK_OK && disk.mem[20 * 512 + 1023] == 0x77,
	   "written from the other");
	ok(blk_front_submit_kept(front, 1, 0, 1536, 0) == BM_INVAL &&
	   blk_front_submit_kept(front, 1, 0, 0, 0) == BM_INVAL &&
	   blk_front_submit_kept(front, 1, 0, 100, 0) == BM_INVAL &&
	   blk_front_submit_kept(front, SLOTS, 0, 512, 0) == BM_INVAL, "lengths are checked");
	ok(!blk_front_submit_kept(front, 0, 0, 512, 0) &&
	   blk_front_submit_kept(front, 0, 0, 512, 0) == BM_INVAL, "not two requests at a time");
	poll_both();
	for (n = 0; blk_front_submit(front, BLK_READ, n, bufs[n], 512, n) == BM_OK; n++)
		;
	ok(n == SLOTS / 2, "all other slots are as they were");
	poll_both();
	bm_sys_link_state(BACK, AMBIT_LINK_DEAD);
	blk_front_poll(front);
	ok(blk_front_submit_kept(front, 0, 0, 512, 0) == BM_GONE, "none while the link is down");
	disk_connect(0);
	ok(kept_reads(in), "they stay over a new connection");
	disk_close();
}

int main(void)
{
	each_kind(test_lend);
	each_kind(test_lend_all);
	each_kind(test_lend_lies);
	each_kind(test_kept);
	return done_testing();
}
