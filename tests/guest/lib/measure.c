/* SPDX-License-Identifier: BSD-2-Clause */
/* Medians and lines of benchmarks. */
#include "tests/guest/lib/measure.h"

#include "guests/lib/guest.h"
#include "guests/lib/sort.h"
#include "tests/guest/lib/check.h"

uint32_t measure_median(uint32_t *sample, uint32_t n)
{
	sort_u32(sample, n);
	return sample[n / 2];
}

void measure_line(const char *name, uint64_t value, const char *unit,
		  uint64_t limit)
{
	if (limit)
		printf("bench: %s %lu %s %lu\n", name, value, unit, limit);
	else
		printf("bench: %s %lu %s\n", name, value, unit);
}

void measure_hundredths(const char *name, uint64_t value, const char *unit,
			uint64_t limit)
{
	printf("bench: %s %lu.%02lu %s", name, value / 100, value % 100, unit);
	if (limit)
		printf(" %lu.%02lu", limit / 100, limit % 100);
	printf("\n");
}

void measure_quiet(void)
{
	hcall1(AMBIT_HC_WAIT, time_now() + 200 * MS);
}
