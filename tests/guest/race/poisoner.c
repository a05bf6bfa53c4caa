/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets memory that was another's: nothing of its former owner is in it, and
 * what it holds now nobody else changes.
 */
#include "tests/guest/race/race.h"

#include "tests/guest/lib/untouched.h"

static void look(const uint64_t *word, uint64_t wanted, const char *when)
{
	uint64_t is = READ_ONCE(*word);

	if (is != wanted)
		guest_fail("%s: not mine: %lx holds %lx", when, (uint64_t)word, is);
}

_Noreturn void poisoner_main(void)
{
	size_t n = page_free_count() * 3 / 4, words = n * (PAGE_SIZE / 8);
	uint64_t *p = pages_untouched(n);

	/* From the end, where a peer has its pages too. */
	for (size_t i = words - STRIDE; i < words; i -= STRIDE) {
		look(&p[i], 0, "new");
		look(&p[i + 1], 0, "new");
		WRITE_ONCE(p[i], POISON);
		WRITE_ONCE(p[i + 1], POISON);
	}
	for (;;) {
		for (size_t i = 0; i < words; i += STRIDE) {
			look(&p[i], POISON, "later");
			look(&p[i + 1], POISON, "later");
		}
		virq_wait(time_now() + 300 * US);
	}
}
