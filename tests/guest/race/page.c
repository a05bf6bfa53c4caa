/* SPDX-License-Identifier: BSD-2-Clause */
/* Schemes page and direct: the survivor reads, and may write, what it sees. */
#include "tests/guest/race/race.h"

/* --- page: the peer's data area, which outlives it -------------------------------- */

static void area_marks(void)
{
	for (uint32_t n = 0; n < PAGES; n++)
		marks_put((uint64_t *)(end.info->data + n * PAGE_SIZE), n);
}

static void page_setup(void)
{
}

static void page_step(uint32_t vcpu)
{
	const volatile uint64_t *p;

	for (uint32_t n = 0; n < PAGES; n++) {
		p = (const volatile uint64_t *)(end.info->peer_data + n * PAGE_SIZE);
		for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE) {
			uint64_t word = p[i];

			if (!mark_good(word, n))
				CHECK_IS(word, PATTERN | n);
		}
	}
	tally[vcpu].done++;
}

const struct race race_page = {
	.peer_setup = area_marks, .peer_step = area_marks,
	.setup = page_setup, .step = page_step,
};

/* --- direct: a window onto all of its RAM ------------------------------------------ */

static void direct_marks(void)
{
	for (uint32_t n = 0; n < PAGES; n++)
		marks_put(peer_pages() + n * (PAGE_SIZE / 8), n);
}

static void direct_setup(void)
{
	CHECK(end.info->flags & AMBIT_LINKF_WINDOW_RW);
	CHECK_IS(end.info->window_base, 0);
}

/* One page: what is read while one connection stands is the peer's RAM; what is
 * read at any other time may be zeros. A word that is written is the peer's, or
 * nobody's. */
static void window_look(uint32_t n, uint64_t gpa, uint32_t vcpu)
{
	volatile uint64_t *p = (volatile uint64_t *)(end.info->window + gpa);
	uint32_t generation = connection(), revocations = end.status->revocations;
	bool whole = true;

	for (uint32_t i = 0; i < PAGE_SIZE / 8; i += STRIDE) {
		uint64_t word = p[i];

		if (!mark_good(word, n))
			CHECK_IS(word, PATTERN | n);
		whole &= word != 0;
		p[i + 1] = SCRIBBLE | n;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (generation && generation == connection() &&
	    revocations == end.status->revocations) {
		if (!whole)
			CHECK(whole);
		tally[vcpu].done++;
	} else {
		tally[vcpu].refused++;
	}
}

static void direct_step(uint32_t vcpu)
{
	uint64_t base = READ_ONCE(end.peer->pages);

	/* A new incarnation has not said it yet. */
	if (!base || base > end.info->window_size - PAGES * PAGE_SIZE)
		return;
	for (uint32_t n = 0; n < PAGES; n++)
		window_look(n, base + n * PAGE_SIZE, vcpu);
}

const struct race race_direct = {
	.peer_setup = direct_marks, .peer_step = direct_marks,
	.setup = direct_setup, .step = direct_step,
};
