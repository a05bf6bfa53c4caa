/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block device's front and back between two ends in memory, for host tests. The
 * program has the sources of both and of the buffer model.
 */
#pragma once

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

static inline void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)arg;
	done.count++;
	done.last = cookie;
	done.result = result;
}

/* All that has arrived. */
static inline void back_serve(void)
{
	while (blk_back_step(&back, BLK_TURN))
		bm_flush(fake[BACK].bm);
}

static inline void poll_both(void)
{
	for (int i = 0; i < 4; i++) {
		blk_front_poll(front);
		bm_flush(fake[FRONT].bm);
		back_serve();
		bm_flush(fake[BACK].bm);
	}
}

static uint32_t segs = 1;

static inline void disk_prepare(void)
{
	struct bm *b;

	fake_make(SLOTS, BYTES, segs);
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
}

static inline void disk_connect(uint32_t flags)
{
	blk_back_init(&back, fake_open(BACK), &disk, flags, NULL);
	poll_both();
}

static inline void disk_open(uint32_t flags)
{
	disk_prepare();
	disk_connect(flags);
}

static inline void disk_close(void)
{
	fake_free();
}

static inline enum blk_result request(enum blk_op op, uint64_t sector, void *p,
			       uint32_t len)
{
	done.result = BLK_EOP;
	if (blk_front_submit(front, op, sector, p, len, 1234) != BM_OK)
		return BLK_EGONE;
	poll_both();
	return done.last == 1234 ? done.result : BLK_EOP;
}
