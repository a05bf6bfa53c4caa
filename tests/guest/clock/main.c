/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock: long waits while nobody else asks for the time take as long as they should,
 * by the TSC. A reference counter of few bits comes round in the longest ones.
 */
#include "guests/lib/cpu.h"
#include "hv/abi/time.h"
#include "tests/guest/lib/check.h"

#define SECOND	(1000 * MS)

/* Ticks of the TSC, as the hypervisor has measured it. */
static uint64_t ticks_a_second(void)
{
	struct cpuid where = cpuid(AMBIT_CPUID_BASE + 1, 0);
	uint64_t aperture = (uint64_t)where.edx << 32 | where.ecx;

	return ((const struct ambit_time *)(aperture + AMBIT_APERTURE_TIME))->tsc_hz;
}

int guest_main(void)
{
	static const uint8_t seconds[] = { 1, 3, 4, 6, 11 };
	uint64_t hz = ticks_a_second();

	for (uint32_t i = 0; i < sizeof(seconds); i++) {
		uint64_t s = seconds[i], from = time_now(), tsc = rdtsc(), took;

		time_sleep_until(from + s * SECOND);
		took = rdtsc() - tsc;
		printf("%lu s: %lu ms by the TSC\n", s, took * 1000 / hz);
		CHECK(took >= s * hz - s * hz / 50);
		CHECK(took <= s * hz + hz / 10);
	}
	return check_end();
}
