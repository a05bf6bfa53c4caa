/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of benchmarks, as tools/bench reads them (docs/benchmarks.md):
 * `bench: NAME[,KEY=VALUE...] VALUE UNIT [LOW..HIGH] [LIMIT]`. Under the
 * deterministic emulators a tick of the TSC is an instruction.
 */
#pragma once

#include "guests/lib/types.h"

/* The median of samples, and between what the middle eight of ten lie. */
struct spread {
	uint32_t median, low, high;
};

/* Of n samples, which are sorted for it. */
struct spread measure_spread(uint32_t *sample, uint32_t n);
/* Its line, in ticks, with a limit of the median (0: none). */
void measure_spread_line(const char *name, struct spread s, uint32_t limit);
/* A value and its limit (0: none). */
void measure_line(const char *name, uint64_t value, const char *unit,
		  uint64_t limit);
/* The same in hundredths: 250 is printed as 2.50. */
void measure_hundredths(const char *name, uint64_t value, const char *unit,
			uint64_t limit);
/* Sleep until the console has written what was printed and partners sleep. */
void measure_quiet(void);
