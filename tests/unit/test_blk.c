/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's front and back between two ends in memory: all operations,
 * limits, many requests in flight, a restart of the back end; over every scheme.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/blk_front.c guests/drivers/blk_back.c */
#include "tests/unit/blk_machine.h"

/* None of them means anything to the driver. */
static void test_cookies(void)
{
	static const uint64_t cookies[] = { 0, 1, UINT64_MAX, INT64_MAX };

	disk_open(0);
	for (uint32_t i = 0; i < ARRAY_SIZE(cookies); i++) {
		done.count = 0;
		blk_front_submit(front, BLK_READ, 3, buf, 512, cookies[i]);
		poll_both();
		ok(done.count == 1 && done.last == cookies[i] && blk_front_disk(front),
		   "cookie %llx comes back", (unsigned long long)cookies[i]);
	}
	disk_close();
}

static void test_operations(void)
{
	const struct blk_identity *id;

	disk_open(0);
	id = blk_front_disk(front);
	ok(id && id->bytes == DISK && !id->flags, "the disk is identified");
	ok(request(BLK_READ, 3, buf, BYTES) == BLK_OK &&
	   !memcmp(buf, disk.mem + 3 * 512, BYTES), "read");
	memset(buf, 0xaa, BYTES);
	ok(request(BLK_READ, 100, buf, 512) == BLK_OK &&
	   !memcmp(buf, disk.mem + 51200, 77) && !buf[77] && !buf[511],
	   "the partial last sector ends in zeros");
	ok(request(BLK_READ, 100, buf, 1024) == BLK_ERANGE, "beyond the end");
	ok(request(BLK_READ, 101, buf, 512) == BLK_ERANGE, "at the end");
	ok(request(BLK_READ, UINT64_MAX / 512 + 1, buf, 512) == BLK_ERANGE,
	   "a sector number that wraps");
	ok(request(BLK_READ, UINT64_MAX, buf, 512) == BLK_ERANGE,
	   "the largest sector number");
	ok(blk_front_submit(front, BLK_READ, 0, buf, 100, 0) == BM_INVAL,
	   "not whole sectors");
	memset(buf, 0xbb, BYTES);
	ok(request(BLK_WRITE, 10, buf, 1024) == BLK_OK &&
	   !memcmp(disk.mem + 5120, buf, 1024), "write");
	ok(request(BLK_WRITE, 100, buf, 512) == BLK_OK &&
	   disk.mem[DISK - 1] == 0xbb, "write the partial sector");
	ok(request(BLK_WRITE, 100, buf, 1024) == BLK_ERANGE, "not beyond it");
	ok(request(BLK_FLUSH, 0, NULL, 0) == BLK_OK, "flush");
	ok(back.stats.reads == 2 && back.stats.writes == 2 &&
	   back.stats.flushes == 1 && back.stats.refused == 5, "statistics");
	disk_close();
}

static void test_read_only(void)
{
	disk_open(BLK_READ_ONLY);
	ok(blk_front_disk(front)->flags == BLK_READ_ONLY, "a read-only disk");
	ok(request(BLK_WRITE, 0, buf, 512) == BLK_EREADONLY && disk.mem[1] == 7,
	   "is not written");
	disk_close();
}

/* Raw posts that no front of ours would make. */
static void test_bad_requests(void)
{
	static const struct {
		enum bm_dir dir;
		uint32_t len;
		uint64_t op;
		enum blk_result want;
	} cases[] = {
		{ BM_OUT, 512, BLK_READ, BLK_EOP },
		{ BM_IN, 512, BLK_WRITE, BLK_EOP },
		{ BM_IN, 512, 0, BLK_EOP },
		{ BM_IN, 512, UINT64_MAX, BLK_EOP },
		{ BM_IN, 63, BLK_IDENTIFY, BLK_ERANGE },
		{ BM_IN, 511, BLK_READ, BLK_ERANGE },
		{ BM_OUT, 1, BLK_WRITE, BLK_ERANGE },
	};
	struct bm_seg seg;

	disk_open(0);
	seg = (struct bm_seg){ buf, 512 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bm *b = fake[FRONT].bm;
		struct bm_event e = { 0 };

		bm_register(b, 0, cases[i].dir, &seg, 1, BM_ONCE);
		bm_post(b, 0, cases[i].len,
			(struct bm_note){ { cases[i].op, 0 } }, 0);
		bm_flush(b);
		back_serve();
		bm_flush(fake[BACK].bm);
		ok(bm_next(b, &e) && e.type == BM_DONE && !e.len &&
		   e.note.w[0] == cases[i].want, "bad request %zu", i);
	}
	disk_close();
}

static void test_many(void)
{
	struct prng r = { 1 };
	unsigned int sent = 0, bad = 0;

	disk_open(0);
	done.count = 0;
	for (int round = 0; round < 1000; round++) {
		uint64_t sector[SLOTS];
		uint32_t n = 0;

		for (; n < SLOTS; n++) {
			sector[n] = prng_below(&r, 100);
			if (blk_front_submit(front, BLK_READ, sector[n], bufs[n],
					     512, n) != BM_OK)
				break;
		}
		bad += n != SLOTS;
		bad += blk_front_submit(front, BLK_FLUSH, 0, NULL, 0, 0) !=
		       BM_FULL;
		sent += n;
		poll_both();
		while (n--)
			bad += !!memcmp(bufs[n], disk.mem + sector[n] * 512, 512);
	}
	ok(!bad && done.count == sent, "%u reads, %u at a time", sent, SLOTS);
	disk_close();
}

/* A long read goes on from step to step, each of them bounded. */
static void test_steps(void)
{
	unsigned int steps = 1;

	disk_open(0);
	done.count = 0;
	blk_front_submit(front, BLK_READ, 1, buf, BYTES, 1);
	blk_front_submit(front, BLK_FLUSH, 0, NULL, 0, 2);
	bm_flush(fake[FRONT].bm);
	for (; blk_back_step(&back, 1024); steps++) {
		bm_flush(fake[BACK].bm);
		blk_front_poll(front);
		if (steps == 4)
			ok(!done.count && back.at == 3 * 1024,
			   "a step moves no more than its budget");
	}
	bm_flush(fake[BACK].bm);
	blk_front_poll(front);
	ok(steps == 7 && done.count == 2 && done.result == BLK_OK &&
	   !memcmp(buf, disk.mem + 512, BYTES), "%u steps serve all of it", steps);
	disk_close();
}

/* Where a slot may have several segments each message counts as all of them. */
static void test_segments(void)
{
	segs = 4;
	disk_open(0);
	for (uint32_t i = 0; i < 4; i++)
		blk_front_submit(front, BLK_READ, i, bufs[i], 512, i);
	bm_flush(fake[FRONT].bm);
	back.stats.reads = 0;
	ok(blk_back_step(&back, 2 * (4 * BLK_SEGMENT_COST + 512)) && back.stats.reads == 2,
	   "four segments take a step's budget");
	disk_close();
	segs = 1;
}

/* A back end that says a read is done, but not of all its bytes. */
static void test_short_answer(void)
{
	static const uint32_t len[] = { 0, 511, 512 };

	disk_open(0);
	for (size_t i = 0; i < ARRAY_SIZE(len); i++) {
		struct bm *b = fake[BACK].bm;
		struct bm_event e = { 0 };

		blk_front_submit(front, BLK_READ, 0, buf, 512, i);
		bm_flush(fake[FRONT].bm);
		bm_next(b, &e);
		bm_finish(b, e.slot, BM_OK, len[i], (struct bm_note){ { BLK_OK, 0 } });
		bm_flush(b);
		blk_front_poll(front);
		ok(done.last == i && done.result == (len[i] < 512 ? BLK_EIO : BLK_OK),
		   "an answer with %u bytes of 512", len[i]);
	}
	disk_close();
}

/* --- discard ---------------------------------------------------------------------- */

static bool all_are(const uint8_t *p, uint32_t n, uint8_t v)
{
	while (n && p[n - 1] == v)
		n--;
	return !n;
}

static void test_discard(void)
{
	disk_open(BLK_DISCARDS);
	memset(disk.mem, 0x55, DISK);
	ok(request(BLK_DISCARD, 8, NULL, 16 * 512) == BLK_OK &&
	   all_are(disk.mem + 4096, 8192, 0) && disk.mem[4095] == 0x55 &&
	   disk.mem[4096 + 8192] == 0x55, "discarded sectors read as zeros");
	ok(request(BLK_DISCARD, 0, NULL, 101 * 512) == BLK_OK &&
	   all_are(disk.mem, DISK, 0), "more than a buffer, and the partial sector");
	ok(request(BLK_DISCARD, 1, NULL, 101 * 512) == BLK_ERANGE, "not beyond the end");
	ok(back.stats.discards == 2 && back.stats.refused == 1, "counted");
	disk_close();
	disk_open(0);
	ok(request(BLK_DISCARD, 0, NULL, 512) == BLK_EOP, "a disk without it");
	disk_close();
	disk_open(BLK_DISCARDS | BLK_READ_ONLY);
	ok(request(BLK_DISCARD, 0, NULL, 512) == BLK_EREADONLY, "a read-only disk");
	disk_close();
}

/* --- a disk that takes its time ------------------------------------------------------ */

static struct blk_request *started[SLOTS], requests[SLOTS];
static unsigned int started_count, forgotten;

static void slow_start(struct blk_disk *d, struct blk_request *r)
{
	(void)d;
	started[started_count++] = r;
}

static void slow_forget(struct blk_disk *d, struct blk_back *of)
{
	(void)d;
	forgotten += of == &back ? started_count : 100;
	started_count = 0;
}

static void slow_open(void)
{
	disk_open(0);
	disk.start = slow_start;
	disk.forget = slow_forget;
	started_count = forgotten = 0;
	blk_back_init(&back, fake[BACK].bm, &disk, BLK_DISCARDS, requests);
}

static void test_slow(void)
{
	struct blk_request *r;

	slow_open();
	done.count = 0;
	blk_front_submit(front, BLK_READ, 3, bufs[0], 512, 0);
	blk_front_submit(front, BLK_WRITE, 4, bufs[1], 512, 1);
	blk_front_submit(front, BLK_FLUSH, 0, NULL, 0, 2);
	blk_front_submit(front, BLK_DISCARD, 5, NULL, 2048, 3);
	blk_front_submit(front, BLK_READ, 101, bufs[4], 512, 4);
	poll_both();
	ok(started_count == 4 && done.count == 1 && done.last == 4 &&
	   done.result == BLK_ERANGE, "what is wrong is answered at once");
	ok(started[0]->op == BLK_READ && started[0]->off == 1536 &&
	   started[0]->bytes == 512 && started[1]->op == BLK_WRITE &&
	   started[2]->op == BLK_FLUSH && started[3]->op == BLK_DISCARD &&
	   started[3]->bytes == 2048, "the rest goes to the disk");
	blk_request_done(started[3], BLK_OK);
	r = started[0];
	ok(bm_send(r->back->bm, r->slot, 0, disk.mem, 512) == BM_OK, "it moves the bytes");
	blk_request_done(r, BLK_OK);
	blk_request_done(started[2], BLK_OK);
	blk_request_done(started[1], BLK_EIO);
	poll_both();
	ok(done.count == 5 && done.last == 1 && done.result == BLK_EIO &&
	   !memcmp(bufs[0], disk.mem, 512), "requests complete in any order");
	disk_close();
}

/* Of no bytes, which a front of ours never asks for: the disk hears nothing. */
static void test_slow_nothing(void)
{
	static const struct { enum bm_dir dir; uint64_t op; } cases[] = {
		{ BM_IN, BLK_READ }, { BM_OUT, BLK_WRITE }, { BM_OUT, BLK_DISCARD },
	};
	struct bm_seg seg = { buf, 512 };

	slow_open();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bm *b = fake[FRONT].bm;
		struct bm_event e = { 0 };

		bm_register(b, 0, cases[i].dir, &seg, 1, BM_ONCE);
		bm_post(b, 0, 0, (struct bm_note){ { cases[i].op, 0 } }, 0);
		bm_flush(b);
		back_serve();
		bm_flush(fake[BACK].bm);
		ok(bm_next(b, &e) && e.type == BM_DONE && !e.len &&
		   e.note.w[0] == BLK_OK && !started_count, "nothing is done at once, %zu", i);
	}
	disk_close();
}

static void test_slow_restart(void)
{
	slow_open();
	for (uint32_t i = 0; i < 3; i++)
		blk_front_submit(front, BLK_READ, i, bufs[i], 512, i);
	poll_both();
	bm_sys_link_state(FRONT, AMBIT_LINK_DEAD);
	back_serve();
	ok(forgotten == 3 && !started_count, "a dead front's requests are void");
	disk_close();
}

static void test_restart(void)
{
	disk_open(0);
	done.count = 0;
	for (uint32_t i = 0; i < 5; i++)
		blk_front_submit(front, BLK_READ, i, bufs[i], 512, i);
	bm_flush(fake[FRONT].bm);
	bm_sys_link_state(BACK, AMBIT_LINK_DEAD);
	blk_front_poll(front);
	ok(done.count == 5 && done.result == BLK_EGONE,
	   "requests to a dead back end come back");
	ok(!blk_front_disk(front) && blk_front_submit(front, BLK_READ, 0,
	   bufs[0], 512, 0) == BM_GONE, "the disk is not there");
	disk_connect(0);
	ok(blk_front_disk(front), "a new back end is found");
	ok(request(BLK_READ, 7, bufs[0], 512) == BLK_OK &&
	   !memcmp(bufs[0], disk.mem + 7 * 512, 512), "and serves");
	disk_close();
}

int main(void)
{
	each_kind(test_cookies);
	each_kind(test_operations);
	each_kind(test_read_only);
	each_kind(test_bad_requests);
	each_kind(test_many);
	each_kind(test_steps);
	each_kind(test_segments);
	each_kind(test_short_answer);
	each_kind(test_discard);
	each_kind(test_slow);
	each_kind(test_slow_nothing);
	each_kind(test_slow_restart);
	each_kind(test_restart);
	return done_testing();
}
