/* SPDX-License-Identifier: BSD-2-Clause */
/* Medians and lines of benchmarks. */
#include "tests/guest/lib/measure.h"

#include "guests/lib/guest.h"
#include "guests/lib/sort.h"
#include "tests/guest/lib/check.h"

uint32_t measure_marks;

struct spread measure_spread(uint32_t *sample, uint32_t n)
{
	sort_u32(sample, n);
	return (struct spread){ sample[n / 2], sample[n / 10], sample[n - 1 - n / 10] };
}

void measure_spread_line(const char *name, struct spread s, uint32_t limit)
{
	if (limit)
		printf("bench: %s %u ticks %u..%u %u\n", name, s.median, s.low, s.high,
		       limit);
	else
		printf("bench: %s %u ticks %u..%u\n", name, s.median, s.low, s.high);
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
	hcall1(AMBIT_HC_WAIT, time_now() + MEASURE_QUIET);
}

void measure_window(const char *name)
{
	if (!cmdline_has("split"))
		return;
	printf("split: %s\n", name);
	measure_marks = 2;
}
