/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of benchmarks, as tools/bench reads them: `bench: NAME VALUE UNIT [LIMIT]`.
 * Under the deterministic emulators a tick of the TSC is an instruction.
 */
#pragma once

#include "guests/lib/types.h"

/* The median of n samples, which are sorted for it. */
uint32_t measure_median(uint32_t *sample, uint32_t n);
/* A value and its limit (0: none). */
void measure_line(const char *name, uint64_t value, const char *unit,
		  uint64_t limit);
/* The same in hundredths: 250 is printed as 2.50. */
void measure_hundredths(const char *name, uint64_t value, const char *unit,
			uint64_t limit);
/* Sleep until the console has written what was printed and partners sleep. */
void measure_quiet(void);
