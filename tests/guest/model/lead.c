/* SPDX-License-Identifier: BSD-2-Clause */
/* model: the leader's tests of a link that stays up. */
#include "tests/guest/model/model.h"

static uint64_t seed;

static struct order order(uint8_t op, uint32_t parts, uint32_t place)
{
	seed++;
	return (struct order){ .op = op, .parts = (uint16_t)parts, .place = place,
			       .seed = seed };
}

/* --- sizes and places --------------------------------------------------------------- */

/* One way at one place, in both directions, by moves and views. */
static void both_ways(uint32_t slot, uint32_t len, uint32_t at, uint32_t place,
		      uint32_t parts)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct job j = {
			.slot = slot, .dir = i ? BM_IN : BM_OUT, .len = MAX(len, 1u), .use = len,
			.at = at, .segs = 1, .register_flags = BM_ONCE,
			.order = order(parts ? OP_MOVE : OP_VIEW, parts, place),
		};

		jobs_run(&j, 1);
	}
}

/* Where a buffer begins of which the middle is at the border. */
static uint32_t at_border(uint32_t len, uint32_t skew)
{
	return BORDER - len / 2 - (len < LARGEST / 2 ? skew : 0);
}

static void test_sizes(void)
{
	static const uint32_t size[] = {
		0, 1, 7, 8, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 65537,
		LARGEST - 1, LARGEST,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(size); i++) {
		uint32_t n = size[i];

		both_ways(1, n, at_border(n, 0), at_border(n, 3), n == LARGEST ? 5 : 1);
		if (n >= LARGEST - 1)
			continue;
		both_ways(2, n, 4096, 4096 - 1, 3);
		both_ways(0, n, 4096 * 3 - 1, 4096, 0);
		both_ways(1, n, BORDER + 1 - n, BORDER - 1, 1);
		both_ways(3, n, 4096 - n % 4096, 8192 - n / 2 % 4096, 40);
		both_ways(2, n, at_border(n, 5), 777, 0);
	}
}

static void aligned(uint32_t a, uint32_t b, uint32_t len)
{
	struct job j[SLOTS];

	for (uint32_t i = 0; i < SLOTS; i++)
		j[i] = (struct job){
			.slot = i, .dir = i & 1 ? BM_IN : BM_OUT, .len = len + i, .use = len + i,
			.at = EDGE + a, .segs = 1, .register_flags = BM_ONCE,
			.order = order(OP_MOVE, 1, EDGE + b + (i > 1 ? 4096 - 128 : 0)),
		};
	jobs_run(j, SLOTS);
}

static void test_alignments(void)
{
	for (uint32_t a = 0; a < 16; a++)
		for (uint32_t b = 0; b < 16; b++)
			aligned(a, b, 97 + (a + b) % 8);
	for (uint32_t a = 0; a < 64; a++)
		aligned(a, (a * 7 + 3) % 64, 1 + a % 61);
}

/* --- segments ------------------------------------------------------------------------- */

/* Bits of `way`: in, by a view, in many parts. */
static void segments_one(uint32_t way, uint32_t segs, uint32_t len, uint32_t use,
			 uint8_t flags)
{
	struct job j = {
		.slot = 1, .dir = way & 1 ? BM_IN : BM_OUT, .len = len, .use = use,
		.at = flags & WHOLE ? BORDER - 8192 : BORDER - len / 2, .segs = segs,
		.order = order(way & 2 ? OP_VIEW : OP_MOVE, way & 4 ? 7 : 1, 4000 + way),
	};

	j.order.flags = flags;
	jobs_run(&j, 1);
}

static void segments(uint32_t segs, uint32_t len, uint32_t use, uint8_t flags)
{
	for (uint32_t way = 0; way < 8; way++)
		segments_one(way, segs, len, use, flags);
}

static void test_segments(void)
{
	for (uint32_t segs = 1; segs <= SEGS; segs++) {
		segments(segs, 257, 257, 0);
		segments(segs, 9001, 9001, 0);
		segments(segs, 9001, 4999, 0);
		segments(segs, 16384, 16384, WHOLE);
		segments(segs, 16384, 9001, WHOLE);
	}
	for (uint32_t i = 1; i <= 2; i++) {
		segments_one(i, SEGS, LARGEST, LARGEST, 0);
		segments_one(i, 1, LARGEST, LARGEST, WHOLE);
	}
}

/* --- slots ------------------------------------------------------------------------------ */

/* A slot that stays registered while it is posted with many lengths. */
static void test_sticky(void)
{
	struct bm_note note = { { 0, 0 } };

	for (uint32_t dir = BM_OUT; dir <= BM_IN; dir++) {
		struct job j = { .slot = 2, .dir = dir, .len = 50000, .at = BORDER - 7000,
				 .segs = 3 };

		job_register(&j);
		for (uint32_t i = 0; i < 24; i++) {
			j.use = i * i * 80;
			j.order = order(i % 3 ? OP_MOVE : OP_VIEW, 1 + i % 2, 5 * i);
			job_post(&j);
			jobs_wait(&j, 1, 0);
		}
		CHECK_IS(bm_unregister(bm, 2), BM_OK);
		CHECK_IS(bm_unregister(bm, 2), BM_INVAL);
		CHECK_IS(bm_post(bm, 2, 1, note, 0), BM_INVAL);
	}
}

/* All slots in flight: the last posted releases the others, which come back in
 * the other order. */
static void test_flight(void)
{
	struct bm_event e;

	for (uint32_t round = 0; round < 8; round++) {
		struct job j[SLOTS];

		for (uint32_t i = 0; i < SLOTS; i++) {
			uint32_t len = 5000 * (round + i) + 13;

			j[i] = (struct job){
				.slot = (i + round) % SLOTS, .dir = (round >> i % 3) & 1 ? BM_IN : BM_OUT,
				.len = len, .use = len, .at = 4096 * i + round, .segs = 1 + round % SEGS,
				.register_flags = round & 1 ? BM_ONCE : 0,
				.order = order(OP_MOVE, 1 + round % 3, 300 * i),
			};
			j[i].order.flags = HOLD;
		}
		j[SLOTS - 1].order = order(OP_RELEASE, 0, 0);
		jobs_run(j, SLOTS);
	}
	CHECK(!bm_next(bm, &e));
}

/* The numbers in the order in which they come back. */
static void test_order(void)
{
	static const uint32_t wanted[SLOTS] = { 2, 1, 0, 3 };
	struct bm_event e;

	for (uint32_t i = 0; i < SLOTS; i++) {
		struct job j = {
			.slot = i, .dir = BM_IN, .len = 100, .use = 100, .at = 100, .segs = 1,
			.register_flags = BM_ONCE, .order = order(OP_MOVE, 1, 100),
		};

		j.order.flags = HOLD;
		if (i == SLOTS - 1)
			j.order = order(OP_RELEASE, 0, 0);
		job_register(&j);
		job_post(&j);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		e = event_wait(BM_DONE);
		CHECK_IS(e.slot, wanted[i]);
		CHECK_IS(e.status, BM_OK);
	}
}

static struct job small_job(uint32_t slot, uint8_t op, enum bm_dir dir)
{
	return (struct job){
		.slot = slot, .dir = dir, .len = 5001, .use = 5001, .at = 4095, .segs = 2,
		.order = order(op, 2, 7),
	};
}

/* There is no room for two views: the move is done all the same. */
static void test_room(void)
{
	for (uint32_t dir = BM_OUT; dir <= BM_IN; dir++) {
		struct job j[2] = { small_job(0, OP_MOVE, dir), small_job(1, OP_ROOM, dir) };

		j[0].order.flags = HOLD;
		jobs_run(j, 2);
	}
}

/* A quiet post wakes nobody, a quiet DONE only who waits for such. */
static void test_quiet(void)
{
	struct job j[2] = { small_job(0, OP_MOVE, BM_IN), small_job(1, OP_MOVE, BM_OUT) };
	struct bm_event e;

	j[0].post_flags = BM_QUIET_POST;
	job_register(&j[0]);
	job_post(&j[0]);
	CHECK_IS(bm_flush(bm), BM_OK);
	time_sleep_until(time_now() + MS);
	CHECK(!bm_next(bm, &e));
	job_register(&j[1]);
	job_post(&j[1]);
	jobs_wait(j, 2, 0);
	j[0].post_flags = j[1].post_flags = BM_QUIET;
	job_post(&j[0]);
	job_post(&j[1]);
	jobs_wait(j, 2, BM_WAIT_QUIET);
	CHECK_IS(bm_unregister(bm, 0), BM_OK);
	CHECK_IS(bm_unregister(bm, 1), BM_OK);
}

/* --- what is refused to an owner, and what comes back ---------------------------------- */

static void register_refused(uint32_t slot, uint32_t dir, const struct bm_seg *seg,
			     uint32_t n, uint32_t flags)
{
	CHECK_IS(bm_register(bm, slot, dir, seg, n, flags), BM_INVAL);
}

static void test_register_refused(void)
{
	struct bm_seg seg[SEGS + 1], none = { room_own(0), 0 };
	struct bm_note note = { { 0, 0 } };
	struct bm_seg large = { room_own(0), LARGEST + 1 }, huge = { room_own(0), ~0u };

	for (uint32_t i = 0; i <= SEGS; i++)
		seg[i] = (struct bm_seg){ room_own(0) + i, LARGEST / 2 };
	register_refused(SLOTS, BM_OUT, seg, 1, 0);
	register_refused(~0u, BM_OUT, seg, 1, 0);
	register_refused(0, 0, seg, 1, 0);
	register_refused(0, BM_OUT | BM_IN, seg, 1, 0);
	register_refused(0, BM_OUT, seg, 0, 0);
	register_refused(0, BM_OUT, seg, SEGS + 1, 0);
	register_refused(0, BM_OUT, seg, 3, 0);		/* half a buffer too much */
	register_refused(0, BM_OUT, seg, 1, 2);
	register_refused(0, BM_OUT, &none, 1, 0);
	register_refused(0, BM_IN, &large, 1, 0);
	register_refused(0, BM_IN, &huge, 1, 0);
	CHECK_IS(bm_offer(bm, SLOTS, BM_OUT, seg, 1, note, 0), BM_INVAL);
	CHECK_IS(bm_offer(bm, 0, 0, seg, 1, note, 0), BM_INVAL);
	CHECK_IS(bm_offer(bm, 0, BM_OUT, seg, seg->len + 1, note, 0), BM_INVAL);
	CHECK_IS(bm_offer(bm, 0, BM_OUT, seg, 1, note, 4), BM_INVAL);
	CHECK_IS(bm_offer(bm, 0, BM_IN, &large, 1, note, 0), BM_INVAL);
	CHECK_IS(bm_offer(bm, 0, BM_IN, &none, 0, note, 0), BM_INVAL);
	seg[1].len = 0;
	register_refused(0, BM_OUT, seg, 2, 0);
	register_refused(0, BM_OUT, seg, SEGS, 0);
}

static void test_status(void)
{
	struct job j = small_job(0, OP_STATUS, BM_OUT);
	struct bm_note note = { { 0, 0 } };
	struct bm_info limits;

	bm_info(bm, &limits);
	CHECK_IS(limits.slots, SLOTS);
	CHECK_IS(limits.max_len, LARGEST);
	CHECK_IS(limits.max_segs, SEGS);
	CHECK_IS(limits.max_pages, LARGEST / PAGE_SIZE + SEGS);
	test_register_refused();
	CHECK_IS(bm_post(bm, 0, 0, note, 0), BM_INVAL);
	CHECK_IS(bm_post(bm, SLOTS, 0, note, 0), BM_INVAL);
	CHECK_IS(bm_unregister(bm, SLOTS), BM_INVAL);
	CHECK_IS(bm_unregister(bm, 0), BM_INVAL);
	job_register(&j);
	register_refused(0, BM_OUT, j.seg, 1, 0);
	CHECK_IS(bm_post(bm, 0, j.len + 1, note, 0), BM_INVAL);
	CHECK_IS(bm_post(bm, 0, j.len, note, 4), BM_INVAL);
	job_post(&j);
	CHECK_IS(bm_post(bm, 0, j.len, note, 0), BM_INVAL);
	register_refused(0, BM_OUT, j.seg, 1, 0);
	jobs_wait(&j, 1, 0);
	CHECK_IS(bm_unregister(bm, 0), BM_OK);
	j = small_job(0, OP_STATUS, BM_IN);
	jobs_run(&j, 1);
}

static void test_results(void)
{
	for (uint32_t dir = BM_OUT; dir <= BM_IN; dir++) {
		struct job j = small_job(3, OP_FAULT, dir);

		jobs_run(&j, 1);
		for (int status = BM_OK; status >= BM_NOMEM; status--) {
			j = small_job(3, OP_FINISH, dir);
			j.order.parts = (uint16_t)-status;
			jobs_run(&j, 1);
		}
		/* And the slot is as good as before. */
		j = small_job(3, OP_MOVE, dir);
		jobs_run(&j, 1);
	}
}

/* Both sides own slots and hold some of the other's. */
static void test_duplex(void)
{
	struct job j = small_job(0, OP_POST, BM_IN);

	jobs_run(&j, 1);
	jobs_run(&j, 1);
}

static void test_link(uint32_t endpoint)
{
	uint64_t start = time_now();
	struct job end;

	end_open(endpoint);
	check_gone();
	event_wait(BM_UP);
	test_status();
	test_results();
	test_sizes();
	test_alignments();
	test_segments();
	test_sticky();
	test_flight();
	test_order();
	test_room();
	test_quiet();
	test_duplex();
	test_withdraw();
	test_leave();
	test_close();
	end = small_job(0, OP_END, BM_IN);
	jobs_run(&end, 1);
	bm_close(bm);
	printf("%s: %u checks, %lu ms\n", info->name, check_count,
	       (time_now() - start) / MS);
}

int lead(void)
{
	for (uint32_t i = 0; i < vm_info()->link_count && end_differs(i); i++)
		test_link(i);
	return check_end();
}
