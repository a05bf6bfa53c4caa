/* SPDX-License-Identifier: BSD-2-Clause */
/* Which string instruction copies. */
#include "arch/copy.h"

#include "arch/cpu.h"
#include "hv/string.h"

#define CPUID_ERMS	BIT(9)		/* leaf 7, EBX */
#define CPUID_FSRM	BIT(4)		/* leaf 7, EDX */

bool copy_bytewise;

const char *arch_copy_init(const char *wanted)
{
	struct cpuid c = cpuid(7);

	copy_bytewise = (c.ebx & CPUID_ERMS) || (c.edx & CPUID_FSRM);
	if (wanted && !strcmp(wanted, "movsq"))
		copy_bytewise = false;
	return copy_bytewise ? "movsb" : "movsq";
}
