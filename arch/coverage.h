/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a build with COVERAGE=1 adds: how often each piece of the hypervisor ran,
 * told at the end of a run. In any other build this is nothing.
 */
#pragma once

#ifdef AMBIT_COVERAGE
/*
 * Every counter that is not 0, through the debug port, where tools/coverage finds
 * it. For the pCPU that ends the run, when all others stand; it takes no lock.
 */
void coverage_tell(void);
#else
static inline void coverage_tell(void)
{
}
#endif
