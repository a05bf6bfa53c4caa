/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of the sources' own for what reads a CPU's capabilities: a test brings
 * the registers. */
#pragma once

#define rdmsr	rdmsr_of_this_cpu
#include_next "arch/msr.h"
#undef rdmsr

uint64_t rdmsr(uint32_t msr);
