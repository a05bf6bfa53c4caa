/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters that the compiler put in: they lie in one piece (linker.ld) and
 * are told by their place in it. This file alone has none, so that what is told
 * stands still.
 */
#include "arch/coverage.h"

#include "arch/cpu.h"
#include "hv/types.h"

#define DEBUG_PORT	0xe9	/* of QEMU (isa-debugcon) and Bochs (port_e9_hack) */

extern const uint64_t coverage_begin[], coverage_end[];

static void tell_hex(uint64_t v)
{
	int digit = 60;

	while (digit && !(v >> digit))
		digit -= 4;
	for (; digit >= 0; digit -= 4)
		outb(DEBUG_PORT, (uint8_t)"0123456789abcdef"[v >> digit & 15]);
}

/* One line; Bochs mixes its own ones in, which begin with other words. */
static void tell(const char *word, uint64_t a, uint64_t b)
{
	while (*word)
		outb(DEBUG_PORT, (uint8_t)*word++);
	tell_hex(a);
	outb(DEBUG_PORT, ' ');
	tell_hex(b);
	outb(DEBUG_PORT, '\n');
}

void coverage_tell(void)
{
	uint64_t told = 0;

	tell("\ncoverage of ", (uint64_t)(coverage_end - coverage_begin), 0);
	for (const uint64_t *p = coverage_begin; p < coverage_end; p++) {
		if (!*p)
			continue;
		tell("count ", (uint64_t)(p - coverage_begin), *p);
		told++;
	}
	tell("coverage told ", told, 0);
}
