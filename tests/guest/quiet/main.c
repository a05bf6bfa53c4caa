/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quiet: raising a virq that is pending already disturbs nobody. vCPU 1 spins
 * and counts how often something took its pCPU away for a moment, by gaps in its
 * TSC; vCPU 0 sends it virqs. For machines where an instruction is a tick.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"

#define GAP		60u	/* ticks; a turn of the loop takes some ten */
#define SENDS		100u

static uint64_t gaps, turns;

static void watch(void *arg)
{
	uint64_t last = rdtsc();

	(void)arg;
	irq_enable();
	for (;;) {
		uint64_t now = rdtsc();

		if (now - last > GAP)
			__atomic_fetch_add(&gaps, 1, __ATOMIC_RELAXED);
		last = now;
		WRITE_ONCE(turns, turns + 1);
	}
}

/* Gaps while vCPU 0 sends n virqs, each cleared before the next if asked. */
static uint64_t gaps_by_sending(uint32_t n, bool clear)
{
	uint64_t *pending = &vcpu_page(1)->pending[0];
	uint64_t before = READ_ONCE(gaps), from;

	for (uint32_t i = 0; i < n; i++) {
		if (clear)
			__atomic_store_n(pending, 0, __ATOMIC_SEQ_CST);
		hcall2(AMBIT_HC_VIRQ_SEND, 1, AMBIT_VIRQ_IPI);
		/* Time for it to arrive. */
		from = READ_ONCE(turns);
		while (READ_ONCE(turns) - from < 50)
			cpu_pause();
	}
	return READ_ONCE(gaps) - before;
}

int guest_main(void)
{
	uint64_t loud, quiet, still;

	CHECK_IS(vcpu_start(1, watch, NULL), 0);
	time_sleep_until(time_now() + 10 * MS);
	loud = gaps_by_sending(SENDS, true);
	quiet = gaps_by_sending(SENDS, false);
	/* Masked: pending is set, and that is all. */
	vcpu_page(1)->mask[0] = ~0ull;
	still = gaps_by_sending(SENDS, true);
	printf("%u virqs: %lu gaps; pending already: %lu; masked: %lu\n", SENDS,
	       loud, quiet, still);
	/* Besides these the hypervisor looks in now and then. */
	CHECK(loud >= SENDS && loud < 2 * SENDS);
	CHECK(quiet < SENDS / 5);
	CHECK(still < SENDS / 5);
	return check_end();
}
