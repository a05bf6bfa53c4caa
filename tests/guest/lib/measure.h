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
/* In ns: so long before a measurement, and the console has written what was printed,
 * and partners sleep. */
#define MEASURE_QUIET	200000000ul

/* Sleep that long, or until a virq is pending. */
void measure_quiet(void);

/*
 * With "split" on the command line: what is executed between the next two marks, on all
 * CPUs, is counted by tools/bench, as the split of the figure of that name. Without,
 * and where no name was said before, a mark does nothing.
 */
void measure_window(const char *name);

/* Marks of the window yet to come. */
extern uint32_t measure_marks;

/* Bochs and the plugin of QEMU know the instruction; to a CPU it is a long NOP. */
static inline void measure_mark(void)
{
	if (!measure_marks)
		return;
	measure_marks--;
	__asm__ volatile("xchg %%bx, %%bx" ::: "memory");
}

/* In a loop of runs: the first counted one is the window. */
static inline void measure_mark_first(int i)
{
	if (!i)
		measure_mark();
}
