/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of the sources' own for what reads a CPU's capabilities: a test brings
 * the leaves. */
#pragma once

#define cpuid_count	cpuid_count_of_this_cpu
#define cpuid(leaf)	cpuid_of_this_cpu(leaf)
#include_next "arch/cpu.h"
#undef cpuid_count
#undef cpuid

struct cpuid cpuid(uint32_t leaf);
