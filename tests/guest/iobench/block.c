/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench, reads from a disk in the partner's memory: random ones of 4 KiB, one
 * at a time and 32, and sequential ones of 64 KiB, 8 at a time. The client keeps its
 * buffers registered; `once` is without that. From each figure the copies are taken
 * off: an iteration of a string instruction for each eight bytes of each copy.
 */
#include "iobench.h"

#include "hv/abi/link.h"

#include "guests/drivers/blk_back.h"
#include "guests/drivers/blk_front.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/measure.h"

#define REQUESTS 512u
#define SWEEP_REQUESTS 128u
#define DEPTH_MAX 32u
#define LARGE	65536ul

static struct bm *end;
static struct blk_front *front;
static uint8_t *buffers;
static uint32_t free_count, free_buf[DEPTH_MAX], done_count;
static struct prng prng;
static bool kept;
static uint32_t copies;		/* of each byte, from the disk to the buffer */

static void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)arg;
	if (result != BLK_OK)
		guest_fail("read error %u", result);
	free_buf[free_count++] = (uint32_t)cookie;
	done_count++;
}

static int submit(uint32_t buf, uint64_t sector, uint32_t len)
{
	if (kept)
		return blk_front_submit_kept(front, buf, sector, len, buf);
	return blk_front_submit(front, BLK_READ, sector, buffers + buf * LARGE,
				len, buf);
}

/* As many reads of len bytes, random ones or one behind the other. */
static void run(uint32_t requests, uint32_t depth, uint32_t len, bool random)
{
	uint64_t sectors = len / BLK_SECTOR, chunks, at = 0;

	chunks = blk_front_disk(front)->bytes / len;
	for (free_count = 0; free_count < depth; free_count++)
		free_buf[free_count] = free_count;
	for (done_count = 0; done_count < requests; blk_front_poll(front)) {
		for (; free_count && at < requests; at++) {
			uint32_t buf = free_buf[--free_count];
			uint64_t chunk = (random ? prng_next(&prng) : at) % chunks;

			if (submit(buf, chunk * sectors, len) != BM_OK)
				guest_fail("a read is refused");
		}
		bm_wait(&end, 1, 0, 0);
	}
}

/* Of a request, without the copies, in the middle of so many. */
static struct cost measure_of(uint32_t requests, uint32_t depth, uint32_t len, bool random)
{
	struct cost c;

	run(64, depth, len, random);
	cost_begin(&c);
	run(requests, depth, len, random);
	cost_end(&c);
	measure_mark();
	run(depth, depth, len, random);
	measure_mark();
	c.ticks = c.ticks / requests - (uint64_t)copies * len / 8;
	c.exits = c.exits * 100 / requests;
	return c;
}

static struct cost measure(uint32_t depth, uint32_t len, bool random)
{
	return measure_of(REQUESTS, depth, len, random);
}

/* Both orders, all depths. */
static void sweep(uint32_t endpoint)
{
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t depth = 1; depth <= DEPTH_MAX; depth *= 2) {
			uint32_t len = i ? LARGE : 4096;
			struct cost c = measure_of(SWEEP_REQUESTS, depth, len, !i);
			char params[48];

			snprintf(params, sizeof(params), ",order=%s,size=%u,depth=%u",
				 i ? "sequential" : "random", len, depth);
			cost_sweep_lines("read", params, endpoint, &c);
		}
	}
}

static void front_open(uint32_t endpoint)
{
	end = bm_open_link(endpoint);
	front = blk_front_init(end, page_alloc_bytes(blk_front_memory(end)),
			       request_done, NULL);
	if (!buffers)	/* aligned to their size */
		buffers = (uint8_t *)ALIGN_UP((uintptr_t)
			page_alloc_bytes((DEPTH_MAX + 1) * LARGE), LARGE);
	for (uint32_t i = 0; i < DEPTH_MAX; i++)
		if (blk_front_keep(front, BLK_READ, buffers + i * LARGE, LARGE) < 0)
			guest_fail("a buffer cannot be kept");
	while (!blk_front_disk(front)) {
		if (!blk_front_poll(front))
			bm_wait(&end, 1, 0, 0);
	}
}

void block_lead(uint32_t endpoint)
{
	struct cost c;

	front_open(endpoint);
	copies = link_info(endpoint)->scheme == AMBIT_SCHEME_PAGE ? 2 : 1;
	kept = true;
	if (cmdline_has("sweep")) {
		sweep(endpoint);
		bm_close(end);
		return;
	}
	cost_window("block-4k", endpoint);
	c = measure(1, 4096, true);
	cost_lines("block-4k", endpoint, &c, 4000, 0);
	c = measure(32, 4096, true);
	cost_lines("block-4k-depth32", endpoint, &c, 1000, 0);
	c = measure(8, LARGE, false);
	cost_lines("block-64k", endpoint, &c, 1000, 0);
	kept = false;
	c = measure(8, LARGE, false);
	cost_lines("block-64k-once", endpoint, &c, 0, 0);
	bm_close(end);
}

void block_partner(uint32_t endpoint)
{
	static struct blk_back back;
	struct blk_disk disk;
	size_t size;
	bool up = false;
	struct ambit_status *status = (void *)link_info(endpoint)->status;

	disk.mem = module_get(0, &size);
	disk.bytes = size;
	end = bm_open_link(endpoint);
	blk_back_init(&back, end, &disk, BLK_READ_ONLY, NULL);
	for (;;) {
		while (blk_back_step(&back, BLK_TURN))
			bm_flush(end);
		if (status->generation && status->peer_state == AMBIT_LINK_CONNECTED)
			up = true;
		if (up && status->peer_state != AMBIT_LINK_CONNECTED)
			break;
		bm_wait(&end, 1, 0, 0);
	}
	bm_close(end);
}
