/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disktest: reads, writes, flushes and discards at random, many requests at a time
 * but none that overlap, and verifies what it reads; in the end it reads all. What a
 * restart of the server cut off is made again, or left in doubt. The same seed makes
 * the same requests. Command line:
 *   link=NAME seed=1 requests=1000 depth=8 read-percent=50 min-size=512 max-size=64K
 *   at=0 span=1M pause-ms=0 wait-ms=10000 connections=1 quiet
 * span: so much of the disk is used, from `at` on. connections: go on until the link
 * is in its nth. pause-ms: rest so long after each request. quiet: no line when the
 * link goes down or up.
 */
#include "guests/disktest/latency.h"
#include "guests/disktest/sectors.h"
#include "guests/drivers/disk.h"
#include "guests/lib/bm_guest.h"
#include "guests/lib/guest.h"
#include "guests/lib/prng.h"

#include "hv/abi/link.h"

#define MS		1000000ul
#define DEPTH_MAX	64u
#define TRIES		8	/* to find sectors that nobody has */
#define RARE		64u	/* one of so many is a flush, another a discard */
#define SAMPLES		16384u

enum state { IDLE, WANTED, IN_FLIGHT };

struct request {
	uint8_t state;		/* enum state */
	enum blk_op op;
	uint32_t first, n;	/* sectors */
	uint32_t write;		/* its number */
	uint64_t since;
	uint8_t *buf;
};

static struct test {
	struct disk disk;
	struct prng prng;
	struct request request[DEPTH_MAX];
	uint32_t depth, min, max;	/* sectors of a request */
	uint64_t base;			/* first sector that is used */
	uint64_t read_percent, wanted, connections;
	uint64_t pause, rest_until;	/* ns, system time */
	bool discards, sweeping, quiet, rests;
	uint32_t swept;			/* sectors asked for by the last pass */
	uint32_t writes, busy;
	uint64_t asked, done[BLK_LEND];	/* by operation */
	uint64_t again, doubts;		/* requests that came back */
} test;

/* --- answers -------------------------------------------------------------------- */

/* Made again; or, of writes, one of two is left in doubt. */
static void came_back(struct request *r)
{
	bool leave = r->op == BLK_WRITE && prng_below(&test.prng, 2) &&
		     sectors_in_doubt(r->first, r->n, r->write);

	r->state = leave ? IDLE : WANTED;
	test.doubts += leave;
	test.again += !leave;
}

static void succeeded(struct request *r)
{
	if (r->op == BLK_READ && !sectors_check(r->buf, r->first, r->n))
		guest_fail("seed %lu: the disk does not hold what it should",
			   cmdline_u64("seed", 1));
	if (r->op == BLK_WRITE)
		sectors_written(r->first, r->n, r->write);
	r->state = IDLE;
	test.rest_until = time_now() + test.pause;
	test.done[r->op]++;
	if (!test.sweeping)
		latency_add(time_now() - r->since);
}

static void answered(void *arg, uint64_t cookie, enum blk_result result)
{
	struct request *r = &test.request[cookie];

	(void)arg;
	disk_begin(&test.disk);
	if (result == BLK_EGONE)
		came_back(r);
	else if (result == BLK_OK)
		succeeded(r);
	else
		guest_fail("request of %u sectors from %u on: %s", r->n, r->first,
			   disk_error(result));
	if (r->state != IDLE)
		return;
	test.busy--;
	sectors_release(r->first, r->n);
}

/* --- requests --------------------------------------------------------------------- */

static enum blk_op random_op(void)
{
	uint64_t rare = prng_below(&test.prng, RARE);

	if (rare == 0)
		return BLK_FLUSH;
	if (rare == 1 && test.discards && test.read_percent < 100)
		return BLK_DISCARD;
	return prng_below(&test.prng, 100) < test.read_percent ? BLK_READ : BLK_WRITE;
}

/* As many small ones as large ones: each power of two is as likely. */
static uint32_t random_size(void)
{
	uint32_t orders = 1, order, n;

	while (test.min << orders <= test.max)
		orders++;
	order = (uint32_t)prng_below(&test.prng, orders);
	n = (test.min << order) + (uint32_t)prng_below(&test.prng, test.min << order);
	return MIN(n, test.max);
}

/* Where it goes; false if all that was tried is in use. */
static bool random_place(struct request *r)
{
	for (int i = 0; i < TRIES; i++) {
		r->n = MIN(random_size(), sectors_count());
		r->first = (uint32_t)prng_below(&test.prng, sectors_count() - r->n + 1);
		if (sectors_take(r->first, r->n))
			return true;
	}
	return false;
}

static bool next_of_sweep(struct request *r)
{
	r->op = BLK_READ;
	r->first = test.swept;
	r->n = MIN(test.max, sectors_count() - test.swept);
	if (!r->n || !sectors_take(r->first, r->n))
		return false;
	test.swept += r->n;
	return true;
}

static bool next_at_random(struct request *r)
{
	const struct ambit_status *s = (const void *)test.disk.link->status;

	if (test.asked >= test.wanted && READ_ONCE(s->generation) >= test.connections)
		return false;
	r->op = random_op();
	r->first = r->n = 0;
	if (r->op != BLK_FLUSH && !random_place(r))
		return false;
	if (r->op == BLK_WRITE) {
		r->write = ++test.writes;
		sectors_fill(r->buf, r->first, r->n, r->write);
	} else if (r->op == BLK_DISCARD) {
		sectors_forget(r->first, r->n);
	}
	test.asked++;
	return true;
}

static bool request_next(struct request *r)
{
	if (!test.sweeping && time_now() < test.rest_until) {
		test.rests = true;
		return false;
	}
	if (test.sweeping ? !next_of_sweep(r) : !next_at_random(r))
		return false;
	r->state = WANTED;
	r->since = time_now();
	test.busy++;
	return true;
}

static void request_submit(uint32_t i)
{
	struct request *r = &test.request[i];
	bool bytes = r->op == BLK_READ || r->op == BLK_WRITE;
	int result = blk_front_submit(test.disk.front, r->op, test.base + r->first,
				      bytes ? r->buf : NULL, r->n * BLK_SECTOR, i);

	if (result == BM_OK)
		r->state = IN_FLIGHT;
	else if (result != BM_FULL && result != BM_GONE)
		guest_fail("operation %u, %u sectors from %u on: refused, %d", r->op,
			   r->n, r->first, result);
}

static void requests_submit(void)
{
	for (uint32_t i = 0; i < test.depth; i++) {
		struct request *r = &test.request[i];

		if (r->state == WANTED || (r->state == IDLE && request_next(r)))
			request_submit(i);
	}
	bm_flush(test.disk.bm);
}

/* Until nothing is to be done any more. */
static void run(bool sweeping)
{
	test.sweeping = sweeping;
	disk_begin(&test.disk);
	for (;;) {
		test.rests = false;
		requests_submit();
		if (!test.busy && !test.rests)
			return;
		if (!test.busy)		/* no answer is due */
			disk_begin(&test.disk);
		if (!disk_poll(&test.disk, test.rests ? test.rest_until : UINT64_MAX))
			guest_fail("no answer any more: %s %s", test.disk.link->peer,
				   peer_state(test.disk.link));
		peer_look(&test.disk.watch, blk_front_disk(test.disk.front), test.quiet);
	}
}

/* --- begin and end -------------------------------------------------------------------- */

static void configure(void)
{
	struct bm_info info;
	uint64_t max;

	disk_open(&test.disk, answered, NULL);
	test.prng.state = cmdline_u64("seed", 1);
	test.quiet = cmdline_has("quiet");
	test.wanted = cmdline_u64("requests", 1000);
	test.connections = cmdline_u64("connections", 1);
	test.read_percent = cmdline_u64("read-percent", 50);
	test.pause = cmdline_u64("pause-ms", 0) * MS;
	bm_info(test.disk.bm, &info);
	max = MIN(cmdline_u64("max-size", 64 * 1024),
		  (uint64_t)blk_front_max_len(test.disk.front));
	test.max = (uint32_t)(max / BLK_SECTOR);
	test.min = (uint32_t)(MIN(cmdline_u64("min-size", BLK_SECTOR), max) / BLK_SECTOR);
	test.depth = (uint32_t)MIN(cmdline_u64("depth", 8), (uint64_t)MIN(info.slots,
								  DEPTH_MAX));
	if (!test.min || !test.depth)
		guest_fail("sizes must be %u or more, depth 1 or more", BLK_SECTOR);
	for (uint32_t i = 0; i < test.depth; i++)
		test.request[i].buf = page_alloc_bytes(test.max * BLK_SECTOR);
	latency_init(SAMPLES);
}

static void disk_look(void)
{
	const struct blk_identity *disk = disk_await(&test.disk);
	uint64_t bytes;

	if (disk->flags & BLK_READ_ONLY && test.read_percent < 100)
		guest_fail("the disk is read-only, so read-percent must be 100");
	test.discards = disk->flags & BLK_DISCARDS;
	bytes = MIN(cmdline_u64("span", 1 << 20), disk->bytes);
	test.base = cmdline_u64("at", 0) / BLK_SECTOR;
	if (bytes < BLK_SECTOR || test.base > (disk->bytes - bytes) / BLK_SECTOR)
		guest_fail("at and span are not within the disk's %lu bytes", disk->bytes);
	sectors_init(cmdline_u64("seed", 1), (uint32_t)(bytes / BLK_SECTOR));
	if (test.quiet)
		return;
	printf("disk of %lu bytes, %u sectors of it used: %u to %u sectors at a time, "
	       "%u in flight\n", disk->bytes, sectors_count(), test.min, test.max,
	       test.depth);
}

static int report(uint64_t ns)
{
	const struct sectors_stats *s = &sectors_stats;

	printf("%lu reads, %lu writes, %lu flushes, %lu discards in %lu ms\n",
	       test.done[BLK_READ], test.done[BLK_WRITE], test.done[BLK_FLUSH],
	       test.done[BLK_DISCARD], ns / MS);
	latency_print();
	if (test.disk.watch.lost)
		printf("the link went down %u times: %lu requests were made again, "
		       "%lu writes left in doubt, whose sectors were %lu times old, "
		       "%lu times new\n", test.disk.watch.lost, test.again, test.doubts,
		       s->found_old, s->found_new);
	printf("verified: %lu sectors read, all as they were written\n", s->checked);
	return 0;
}

int guest_main(void)
{
	uint64_t start, ns;

	configure();
	disk_look();
	start = time_now();
	run(false);
	ns = time_now() - start;
	run(true);
	return report(ns);
}
