/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobench, reads from a disk in the partner's memory: random ones of 4 KiB, one
 * at a time and 32, and sequential ones of 64 KiB, 8 at a time. The copies are
 * measured by themselves and taken off.
 */
#include "iobench.h"

#include "hv/abi/link.h"

#include "guests/drivers/blk_back.h"
#include "guests/drivers/blk_front.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

#define REQUESTS 512u
#define QUIET	(200 * MS)	/* until the console has written all */
#define DEPTH_MAX 32u
#define LARGE	65536ul

static struct bm *end;
static struct blk_front *front;
static uint8_t *buffers;
static uint32_t free_count, free_buf[DEPTH_MAX], done_count;
static struct prng prng;

static void request_done(void *arg, uint64_t cookie, enum blk_result result)
{
	(void)arg;
	if (result != BLK_OK)
		guest_fail("read error %u", result);
	free_buf[free_count++] = (uint32_t)cookie;
	done_count++;
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

			if (blk_front_submit(front, BLK_READ, chunk * sectors,
					     buffers + buf * LARGE, len, buf))
				guest_fail("a read is refused");
		}
		bm_wait(&end, 1, 0, 0);
	}
}

static uint32_t ticks(uint32_t depth, uint32_t len, bool random)
{
	uint64_t from;

	run(64, depth, len, random);
	time_sleep_until(time_now() + QUIET);
	from = rdtsc();
	run(REQUESTS, depth, len, random);
	return (uint32_t)((rdtsc() - from) / REQUESTS);
}

void block_lead(uint32_t endpoint)
{
	const char *scheme = link_scheme_name(link_info(endpoint)->scheme);
	char name[40];

	end = bm_open_link(endpoint);
	front = blk_front_init(end, page_alloc_bytes(blk_front_memory(end)),
			       request_done, NULL);
	if (!buffers)	/* aligned to their size */
		buffers = (uint8_t *)ALIGN_UP((uintptr_t)
			page_alloc_bytes((DEPTH_MAX + 1) * LARGE), LARGE);
	while (!blk_front_disk(front)) {
		if (!blk_front_poll(front))
			bm_wait(&end, 1, 0, 0);
	}
	snprintf(name, sizeof(name), "block-4k-%s", scheme);
	measure_line(name, ticks(1, 4096, true), "instructions", 4000);
	snprintf(name, sizeof(name), "block-4k-depth32-%s", scheme);
	measure_line(name, ticks(32, 4096, true), "instructions", 1000);
	snprintf(name, sizeof(name), "block-64k-%s", scheme);
	measure_line(name, ticks(8, LARGE, false), "instructions", 1000);
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
		blk_back_poll(&back);
		if (status->generation && status->peer_state == AMBIT_LINK_CONNECTED)
			up = true;
		if (up && status->peer_state != AMBIT_LINK_CONNECTED)
			break;
		bm_wait(&end, 1, 0, 0);
	}
	bm_close(end);
}
