/* SPDX-License-Identifier: BSD-2-Clause */
/* model: memory of the slots, the pattern in it, and the bytes around it. */
#include "tests/guest/model/model.h"

#define LARGE_PAGE (2ul << 20)

static uint8_t *rooms;

/* Two sets of rooms, from a 2 MiB border on, and some space before and behind. */
void bytes_init(void)
{
	uint64_t all = (uint64_t)page_alloc_bytes(2 * SLOTS * ROOM + 2 * LARGE_PAGE);

	rooms = (uint8_t *)ALIGN_UP(all + PAGE_SIZE, LARGE_PAGE);
}

uint8_t *room_own(uint32_t slot)
{
	return rooms + slot * ROOM;
}

uint8_t *room_move(uint32_t slot)
{
	return rooms + (SLOTS + slot) * ROOM;
}

#define STEP 0x9e3779b97f4a7c15ull	/* from a quadword to the next */
#define BLOCK 32u			/* bytes at a time, for speed */

static uint64_t mark(uint64_t seed)
{
	return seed * 0xbf58476d1ce4e5b9ull;
}

static uint8_t pattern_byte(uint32_t i, uint64_t seed)
{
	return (uint8_t)(((i / 8 + 1) * STEP ^ mark(seed)) >> i % 8 * 8);
}

void pattern_fill(uint8_t *p, uint32_t from, uint32_t n, uint64_t seed)
{
	uint64_t m = mark(seed), k;

	for (; n && from % 8; n--)
		*p++ = pattern_byte(from++, seed);
	for (k = from / 8 * STEP; n >= BLOCK; n -= BLOCK, p += BLOCK, from += BLOCK) {
		word_unaligned_t *w = (word_unaligned_t *)p;

		w[0] = (k += STEP) ^ m;
		w[1] = (k += STEP) ^ m;
		w[2] = (k += STEP) ^ m;
		w[3] = (k += STEP) ^ m;
	}
	for (; n; n--)
		*p++ = pattern_byte(from++, seed);
}

uint32_t pattern_bad(const uint8_t *p, uint32_t from, uint32_t n, uint64_t seed)
{
	uint64_t m = mark(seed), k, wrong;
	uint32_t bad = 0;

	for (; n && from % 8; n--)
		bad += *p++ != pattern_byte(from++, seed);
	for (k = from / 8 * STEP; n >= BLOCK; n -= BLOCK, p += BLOCK, from += BLOCK) {
		const word_unaligned_t *w = (const word_unaligned_t *)p;

		wrong = w[0] ^ m ^ (k += STEP);
		wrong |= w[1] ^ m ^ (k += STEP);
		wrong |= w[2] ^ m ^ (k += STEP);
		wrong |= w[3] ^ m ^ (k += STEP);
		bad += wrong != 0;
	}
	for (; n; n--)
		bad += *p++ != pattern_byte(from++, seed);
	return bad;
}

uint32_t value_bad(const uint8_t *p, uint32_t n, uint8_t value)
{
	uint32_t bad = 0;

	for (uint32_t i = 0; i < n; i++)
		bad += p[i] != value;
	return bad;
}

void edges_set(uint8_t *p, uint32_t n)
{
	memset(p - EDGE, JUNK, EDGE);
	memset(p + n, JUNK, EDGE);
}

uint32_t edges_bad(const uint8_t *p, uint32_t n)
{
	return value_bad(p - EDGE, EDGE, JUNK) + value_bad(p + n, EDGE, JUNK);
}
