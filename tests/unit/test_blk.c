/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device's front and back between two ends in memory: all operations,
 * limits, many requests in flight, a restart of the back end; over every scheme.
 */
/* LINK: guests/lib/bm.c guests/lib/bm_link.c guests/lib/bm_wait.c guests/lib/bm_open.c guests/lib/bm_page.c guests/lib/bm_direct.c guests/lib/bm_copy.c guests/lib/bm_grant.c guests/lib/bm_desc.c guests/lib/bm_queue.c guests/drivers/blk_front.c guests/drivers/blk_back.c */
#include "guests/drivers/blk_back.h"
#include "guests/drivers/blk_front.h"
#include "guests/lib/prng.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/tap.h"

#define SLOTS	8u
#define BYTES	4096u
#define FRONT	0u
#define BACK	1u
#define DISK	(100 * 512 + 77)	/* the last sector is partial */

static struct blk_disk disk;
static struct blk_back back;
static struct blk_front *front;
static void *front_mem;
static uint8_t *buf, *bufs[SLOTS];
static struct {
	unsigned int count;
	uint64_t last;
	enum blk_result result;
} done;

static void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)arg;
	done.count++;
	done.last = cookie;
	done.result = result;
}

static void poll_both(void)
{
	for (int i = 0; i < 4; i++) {
		blk_front_poll(front);
		bm_flush(fake[FRONT].bm);
		blk_back_poll(&back);
		bm_flush(fake[BACK].bm);
	}
}

static void disk_open(bool read_only)
{
	struct bm *b;

	fake_make(SLOTS, BYTES, 1);
	disk.bytes = DISK;
	disk.mem = fake_ram(DISK);
	for (uint32_t i = 0; i < DISK; i++)
		disk.mem[i] = (uint8_t)(i * 7 + i / 512);
	buf = fake_ram(BYTES);
	for (uint32_t i = 0; i < SLOTS; i++)
		bufs[i] = fake_ram(512);
	b = fake_open(FRONT);
	front_mem = fake_ram(blk_front_memory(b));
	front = blk_front_init(b, front_mem, request_done, NULL);
	blk_back_init(&back, fake_open(BACK), &disk, read_only);
	poll_both();
}

static void disk_close(void)
{
	fake_free();
}

static enum blk_result request(enum blk_op op, uint64_t sector, void *p,
			       uint32_t len)
{
	done.result = BLK_EOP;
	if (blk_front_submit(front, op, sector, p, len, 1234) != BM_OK)
		return BLK_EGONE;
	poll_both();
	return done.last == 1234 ? done.result : BLK_EOP;
}

static void test_operations(void)
{
	const struct blk_identity *id;

	disk_open(false);
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
	disk_open(true);
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

	disk_open(false);
	seg = (struct bm_seg){ buf, 512 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bm *b = fake[FRONT].bm;
		struct bm_event e = { 0 };

		bm_register(b, 0, cases[i].dir, &seg, 1, BM_ONCE);
		bm_post(b, 0, cases[i].len,
			(struct bm_note){ { cases[i].op, 0 } }, 0);
		bm_flush(b);
		blk_back_poll(&back);
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

	disk_open(false);
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

	disk_open(false);
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

/* A back end that says a read is done, but not of all its bytes. */
static void test_short_answer(void)
{
	static const uint32_t len[] = { 0, 511, 512 };

	disk_open(false);
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

static void test_restart(void)
{
	disk_open(false);
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
	blk_back_init(&back, fake_open(BACK), &disk, false);
	poll_both();
	ok(blk_front_disk(front), "a new back end is found");
	ok(request(BLK_READ, 7, bufs[0], 512) == BLK_OK &&
	   !memcmp(bufs[0], disk.mem + 7 * 512, 512), "and serves");
	disk_close();
}

int main(void)
{
	each_kind(test_operations);
	each_kind(test_read_only);
	each_kind(test_bad_requests);
	each_kind(test_many);
	each_kind(test_steps);
	each_kind(test_short_answer);
	each_kind(test_restart);
	return done_testing();
}
