/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diskcopy: writes its module to a disk, from the first sector on, flushes, reads it
 * back and compares. Requests that a restart of the server cut off are made again.
 * Command line:
 *   link=NAME size=64K depth=8 wait-ms=10000 connections=1
 * connections: do it all over until the link is in its nth connection.
 */
#include "guests/drivers/disk.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"

#include "hv/abi/link.h"

#define MS		1000000ul
#define DEPTH_MAX	64u

enum chunk_state { CHUNK_WANTED, CHUNK_IN_FLIGHT, CHUNK_DONE };

static struct copy {
	struct disk disk;
	uint8_t *module, *buffers;	/* buffers: depth chunks to read to */
	uint64_t bytes;			/* of the module */
	uint32_t chunk, depth;		/* bytes of a request, requests */
	uint8_t state[DEPTH_MAX];	/* enum chunk_state, by number % depth */
	uint64_t again;			/* requests that came back */
} copy;

static void chunk_done(void *arg, uint64_t number, enum blk_result result)
{
	(void)arg;
	if (result != BLK_OK && result != BLK_EGONE)
		guest_fail("chunk %lu: %s", number, disk_error(result));
	copy.again += result == BLK_EGONE;
	copy.state[number % copy.depth] = result == BLK_OK ? CHUNK_DONE : CHUNK_WANTED;
}

static uint32_t chunk_bytes(uint64_t number)
{
	return (uint32_t)MIN((uint64_t)copy.chunk, copy.bytes - number * copy.chunk);
}

static uint8_t *chunk_buffer(enum blk_op op, uint64_t number)
{
	if (op == BLK_WRITE)
		return copy.module + number * copy.chunk;
	return copy.buffers + number % copy.depth * copy.chunk;
}

static void chunk_submit(enum blk_op op, uint64_t number)
{
	uint8_t *state = &copy.state[number % copy.depth];
	bool flush = op == BLK_FLUSH;

	/* What an answer without its bytes would leave there is not the module's. */
	if (*state == CHUNK_WANTED && op == BLK_READ)
		memset(chunk_buffer(op, number), 0xa5, copy.chunk);
	if (*state == CHUNK_WANTED &&
	    blk_front_submit(copy.disk.front, op, flush ? 0 : number * (copy.chunk / BLK_SECTOR),
			     flush ? NULL : chunk_buffer(op, number),
			     flush ? 0 : chunk_bytes(number), number) == BM_OK)
		*state = CHUNK_IN_FLIGHT;
}

static void chunk_finish(enum blk_op op, uint64_t number)
{
	if (op == BLK_READ && memcmp(chunk_buffer(op, number),
				     copy.module + number * copy.chunk, chunk_bytes(number)))
		guest_fail("chunk %lu reads otherwise than it was written", number);
	copy.state[number % copy.depth] = CHUNK_WANTED;
}

/* One operation on `count` chunks, depth of them in flight, finished in order. */
static void pass(enum blk_op op, uint64_t count)
{
	uint64_t first = 0;

	disk_begin(&copy.disk);
	memset(copy.state, CHUNK_WANTED, sizeof(copy.state));
	while (first < count) {
		for (uint64_t n = first; n < MIN(first + copy.depth, count); n++)
			chunk_submit(op, n);
		bm_flush(copy.disk.bm);
		if (!disk_poll(&copy.disk, UINT64_MAX))
			guest_fail("the disk does not answer");
		while (first < count && copy.state[first % copy.depth] == CHUNK_DONE) {
			chunk_finish(op, first++);
			disk_begin(&copy.disk);
		}
	}
}

static void configure(void)
{
	struct bm_info info;
	uint64_t chunk;

	disk_open(&copy.disk, chunk_done, NULL);
	bm_info(copy.disk.bm, &info);
	chunk = MIN(cmdline_u64("size", 64 * 1024),
		    (uint64_t)blk_front_max_len(copy.disk.front));
	copy.chunk = (uint32_t)ALIGN_DOWN(chunk, BLK_SECTOR);
	copy.depth = (uint32_t)MIN(cmdline_u64("depth", 8),
				   (uint64_t)MIN(info.slots, DEPTH_MAX));
	if (!copy.chunk || !copy.depth)
		guest_fail("size must be %u or more, depth 1 or more", BLK_SECTOR);
	copy.buffers = page_alloc_bytes((size_t)copy.depth * copy.chunk);
}

static void disk_check(void)
{
	const struct blk_identity *disk = disk_await(&copy.disk);

	if (disk->bytes < copy.bytes)
		guest_fail("the disk has %lu bytes, the module %lu", disk->bytes,
			   copy.bytes);
}

static uint32_t connection(void)
{
	const struct ambit_status *status = (const void *)copy.disk.link->status;

	return READ_ONCE(status->generation);
}

int guest_main(void)
{
	uint64_t count, times = 0, wanted = cmdline_u64("connections", 1);

	copy.module = module_get(0, &copy.bytes);
	if (!copy.module || copy.bytes % BLK_SECTOR)
		guest_fail("this VM needs a module of whole sectors");
	configure();
	disk_check();
	count = (copy.bytes + copy.chunk - 1) / copy.chunk;
	do {
		pass(BLK_WRITE, count);
		pass(BLK_FLUSH, 1);
		pass(BLK_READ, count);
		times++;
	} while (connection() < wanted);
	printf("%lu bytes written and read back, %lu time%s; %lu requests made again\n",
	       copy.bytes, times, times == 1 ? "" : "s", copy.again);
	return 0;
}
