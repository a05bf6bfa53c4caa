/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is copied arrives, whole and in its place, and no byte besides: sizes
 * over page and 2 MiB borders, alignments, segments, slots of other links.
 */
#include "guests/lib/prng.h"
#include "tests/guest/copy/copy.h"

#define OUT	10u
#define IN	11u
#define BOTH	(AMBIT_DESC_OUT | AMBIT_DESC_IN)
#define EDGE	64u	/* bytes watched before and behind a copy */

static uint8_t seed = 1;

/* [from, from + n) of own memory still has `value`. */
static bool untouched(const uint8_t *from, uint64_t n, uint8_t value)
{
	for (uint64_t i = 0; i < n; i++) {
		if (from[i] != value)
			return false;
	}
	return true;
}

static void from_peer(uint64_t there, uint8_t *here, uint32_t len)
{
	uint8_t wrong = (uint8_t)~seed;

	order(ORDER_FILL, there, len, ++seed);
	memset(here - EDGE, wrong, len + 2 * EDGE);
	copy_must(0, OUT, (uint32_t)(there - theirs), here, len);
	CHECK_IS(pattern_check(here, len, seed), 0);
	CHECK(untouched(here - EDGE, EDGE, wrong));
	CHECK(untouched(here + len, EDGE, wrong));
}

static void to_peer(uint64_t there, uint8_t *here, uint32_t len)
{
	uint64_t before = there - EDGE, behind = there + len;

	order(ORDER_FILL, before, EDGE, 0x5a);
	order(ORDER_FILL, behind, EDGE, 0xa5);
	pattern_fill(here, len, ++seed);
	copy_must(AMBIT_COPY_TO_PEER, IN, (uint32_t)(there - theirs), here, len);
	CHECK_IS(order(ORDER_CHECK, there, len, seed), 0);
	CHECK_IS(order(ORDER_CHECK, before, EDGE, 0x5a), 0);
	CHECK_IS(order(ORDER_CHECK, behind, EDGE, 0xa5), 0);
}

/* Both directions at a place that lies so far before borders at both sides. */
static void both_ways(uint64_t there, uint8_t *here, uint32_t len)
{
	from_peer(there, here, len);
	to_peer(there, here, len);
}

void test_sizes(void)
{
	static const uint32_t size[] = {
		0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 511, 4095, 4096, 4097, 8192,
		65535, 65536, 65537, 131071, 1 << 20,
	};
	/* 2 MiB borders, with room before them. */
	uint64_t there = ALIGN_UP(theirs + CHUNK / 2, CHUNK);
	uint8_t *here = (uint8_t *)ALIGN_UP((uint64_t)own + CHUNK / 2, CHUNK);

	slot_set1(&one, OUT, AMBIT_DESC_OUT, theirs, BUFFER_BYTES);
	slot_set1(&one, IN, AMBIT_DESC_IN, theirs, BUFFER_BYTES);
	for (uint32_t i = 0; i < ARRAY_SIZE(size); i++) {
		uint32_t n = size[i];

		both_ways(there + PAGE_SIZE, here + PAGE_SIZE, n);
		both_ways(there - n / 2, here + 8192 - n / 3, n);
		if (n < 1 << 20)
			both_ways(there + 1 - n, here - 1, n);
	}
	both_ways(there - 5, here - (1 << 19), 1 << 20);
}

/* --- alignments -------------------------------------------------------------------- */

#define STEP	256u	/* one copy's room */

/* The owner's byte at `theirs` + a + b * STEP comes from own + b * STEP + b. */
void test_alignments(void)
{
	struct ambit_copy_item *item = page_alloc_bytes(64 * sizeof(*item));
	uint8_t *back = own + 64 * STEP + 4096;

	for (uint32_t a = 0; a < 64; a++) {
		bool good = true;

		order(ORDER_FILL, theirs, 65 * STEP, 0);
		pattern_fill(own, 64 * STEP, a);
		for (uint32_t b = 0; b < 64; b++)
			item[b] = (struct ambit_copy_item){
				.flags = AMBIT_COPY_TO_PEER, .slot = IN,
				.offset = b * STEP + a, .len = (a * 7 + b * 3) % 130,
				.own = (uint64_t)own + b * STEP + b,
			};
		CHECK_IS(copy_call(&one, item, 64, NULL), 32);
		CHECK_IS(copy_call(&one, item + 32, 32, NULL), 32);
		memset(back, 0, 65 * STEP);
		copy_must(0, OUT, 0, back, 65 * STEP);
		for (uint32_t i = 0; i < 64 * STEP; i++) {
			uint32_t b = i / STEP, at = i % STEP;
			bool in = at >= a && at < a + item[b].len;

			good &= back[i] == (in ? pattern(i - a + b, a) : pattern(i, 0));
		}
		CHECK(good);
		for (uint32_t b = 0; b < 64; b++)
			good &= item[b].status == 0 && item[b].done == item[b].len;
		CHECK(good);
	}
}

/* --- scatter and gather ----------------------------------------------------------- */

#define MANY	12u	/* slot of many segments */
#define AREA	(SEGMENTS * 16384u)
#define ROUNDS	150u

static struct ambit_seg seg[SEGMENTS];
static uint32_t total;

/* Where byte i of the slot lies in the owner's buffer. */
static uint32_t place(uint32_t i)
{
	for (uint32_t k = 0; k < SEGMENTS; k++) {
		if (i < seg[k].len)
			return (uint32_t)(seg[k].gpa - theirs) + i;
		i -= seg[k].len;
	}
	return UINT32_MAX;
}

/* Segments apart and out of order, one of a byte and one of a whole room. */
static void segments_make(struct prng *r)
{
	total = 0;
	for (uint32_t k = 0; k < SEGMENTS; k++) {
		uint32_t room = (k * 5) % SEGMENTS * 16384;
		uint32_t skip = (uint32_t)prng_below(r, 4200);

		seg[k].gpa = theirs + room + skip;
		seg[k].len = 1 + (uint32_t)prng_below(r, 16384 - skip);
		if (k == 3)
			seg[k].len = 1;
		total += seg[k].len;
	}
	slot_set(&one, MANY, BOTH, seg, SEGMENTS);
}

/* Random parts written into the slot; then the owner's whole buffer is as it
 * should be, and so is what the slot reads as. */
void test_scatter(void)
{
	uint8_t *model = own, *data = own + AREA, *back = own + 2 * AREA;
	struct prng r = { 4711 };
	uint64_t bad = 0;

	segments_make(&r);
	order(ORDER_FILL, theirs, AREA, 0);
	pattern_fill(model, AREA, 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t at = (uint32_t)prng_below(&r, total);
		uint32_t n = (uint32_t)prng_below(&r, MIN(total - at, 1u << i % 18)) + 1;

		data[0] = (uint8_t)i;
		pattern_fill(data + 1, n, i);
		copy_must(AMBIT_COPY_TO_PEER, MANY, at, data, n);
		for (uint32_t k = 0; k < n; k++)
			model[place(at + k)] = data[k];
	}
	copy_must(0, OUT, 0, back, AREA);
	CHECK(!memcmp(back, model, AREA));
	copy_must(0, MANY, 0, back, total);
	for (uint32_t i = 0; i < total; i++)
		bad += back[i] != model[place(i)];
	CHECK_IS(bad, 0);
	copy_must(0, MANY, total, back, 0);
}

/* --- from slot to slot -------------------------------------------------------------- */

static void slot_to_slot(uint32_t flags, uint32_t at, uint32_t to, uint32_t n)
{
	struct ambit_copy_item i = {
		.flags = flags | AMBIT_COPY_OTHER_SLOT, .slot = MANY, .offset = at,
		.len = n, .own_endpoint = two.endpoint, .own_slot = MANY, .own = to,
	};

	CHECK_IS(copy_one(&one, &i), AMBIT_OK);
	CHECK_IS(i.done, n);
}

/* Many segments at both sides, in memory of the owner alone; and onto itself. */
void test_other_slot(void)
{
	uint64_t second = theirs + (2ul << 20) - 3000;
	struct ambit_seg there[2] = { { second, 5000, 0 }, { second + 8191, AREA, 0 } };
	uint32_t n = total - 333;

	slot_set(&two, MANY, BOTH, there, 2);
	pattern_fill(own, n, 9);
	copy_must(AMBIT_COPY_TO_PEER, MANY, 333, own, n);
	slot_to_slot(0, 333, 17, n);
	CHECK_IS(order(ORDER_CHECK, second + 17, 5000 - 17, 9), 0);
	order(ORDER_FILL, theirs, AREA, 0);
	slot_to_slot(AMBIT_COPY_TO_PEER, 333, 17, n);
	memset(own, 0, n);
	copy_must(0, MANY, 333, own, n);
	CHECK_IS(pattern_check(own, n, 9), 0);
	/* Of an overlap the bytes are undefined, but it ends. */
	slot_set1(&two, MANY, BOTH, theirs, AREA);
	slot_to_slot(0, 0, 1, total - 1);
	slot_set1(&two, MANY, BOTH, theirs + 1, AREA);
	slot_to_slot(AMBIT_COPY_TO_PEER, 0, 0, total);
	CHECK_IS(order(ORDER_USES, one.endpoint, 0, 0), 0);
	CHECK_IS(order(ORDER_USES, two.endpoint, 0, 0), 0);
}
