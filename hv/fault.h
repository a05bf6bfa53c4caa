/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on demand, in builds with DEBUG=1 or COVERAGE=1: an allocation or a CHECK
 * that the command line names fails (docs/coverage.md). In any other build this is
 * nothing.
 */
#pragma once

#include "hv/types.h"

#ifdef AMBIT_FAULTS
/* What the command line wants to fail. Boot CPU, once the console speaks. */
void fault_init(const char *cmdline);
/* Asked by each function that hands out memory: shall it have none this time? */
bool fault_alloc(void);
/* Asked by each CHECK that holds: shall it fail all the same? */
bool fault_check(const char *file, uint32_t line);
/* At the end of a run: how many allocations there were, if that was asked for. */
void fault_report(void);
#else
static inline void fault_init(const char *cmdline)
{
	(void)cmdline;
}

static inline bool fault_alloc(void)
{
	return false;
}

static inline bool fault_check(const char *file, uint32_t line)
{
	(void)file;
	(void)line;
	return false;
}

static inline void fault_report(void)
{
}
#endif
