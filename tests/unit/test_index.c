/* SPDX-License-Identifier: BSD-2-Clause */
/* Masks of indices that guests give: what passes stays, what does not becomes 0, and
 * the mask depends on the comparison by data. */
#include "hv/types.h"
#include "tests/unit/tap.h"

static const uint64_t values[] = {
	0, 1, 2, 63, 64, 127, 128, 1023, 4096, 0x7fffffff, 0x80000000, 0xffffffff,
	1ull << 32, (1ull << 32) + 1, 1ull << 47, 1ull << 62, 1ull << 63,
	0x8000000000000001, UINT64_MAX - 1, UINT64_MAX,
};

static void test_values(void)
{
	uint32_t wrong = 0, wrong_below = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (uint32_t k = 0; k < ARRAY_SIZE(values); k++) {
			uint64_t index = values[i], limit = values[k], same = index;
			bool in = index < limit;

			wrong += index_nospec(index, limit) != (in ? index : 0);
			wrong_below += index_below(&same, limit) != in;
			wrong_below += same != index;
		}
	}
	ok_eq(wrong, 0, "index_nospec");
	ok_eq(wrong_below, 0, "index_below");
}

/* What a CPU goes on with that took the wrong branch is the mask alone, so that must
 * not come from a branch itself: it is the borrow of the comparison. */
static __attribute__((noinline)) uint64_t masked(uint64_t index, uint64_t limit)
{
	return index_nospec(index, limit);
}

static void test_code(void)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)masked;
	bool borrow = false;

	for (uint32_t i = 0; i < 24; i++)
		borrow |= code[i] == 0x19 || code[i] == 0x1b;	/* SBB */
	ok(borrow, "the mask is a borrow");
}

int main(void)
{
	test_values();
	test_code();
	return done_testing();
}
