/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers: numbers that more than one file uses, and access.
 * The _safe forms survive #GP (exception table) and are for probing only.
 */
#pragma once

#include "hv/types.h"

#define MSR_APIC_BASE		0x1b
#define MSR_FEATURE_CONTROL	0x3a
#define MSR_MTRR_CAP		0xfe
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_PAT			0x277
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC_BASE		0x800	/* + register offset / 16 */
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

#define EFER_SCE		BIT(0)
#define EFER_LME		BIT(8)
#define EFER_LMA		BIT(10)
#define EFER_NXE		BIT(11)
#define EFER_SVME		BIT(12)

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value),
			 "d"((uint32_t)(value >> 32)) : "memory");
}

/* false if the CPU raised #GP; *value is then 0. */
static inline bool MUST_CHECK rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t lo, hi;
	uint8_t ok;

	__asm__ volatile("xor %k0, %k0\n"
			 "1:	rdmsr\n"
			 "	mov $1, %b0\n"
			 "	jmp 3f\n"
			 "2:	xor %k1, %k1\n"
			 "	xor %k2, %k2\n"
			 "3:\n"
			 "	.pushsection .extable, \"a\"\n"
			 "	.quad 1b, 2b\n"
			 "	.popsection"
			 : "=&q"(ok), "=&a"(lo), "=&d"(hi) : "c"(msr) : "memory", "cc");
	*value = (uint64_t)hi << 32 | lo;
	return ok;
}

/* false if the CPU raised #GP; nothing was written then. */
static inline bool MUST_CHECK wrmsr_safe(uint32_t msr, uint64_t value)
{
	uint8_t ok;

	__asm__ volatile("xor %k0, %k0\n"
			 "1:	wrmsr\n"
			 "	mov $1, %b0\n"
			 "2:\n"
			 "	.pushsection .extable, \"a\"\n"
			 "	.quad 1b, 2b\n"
			 "	.popsection"
			 : "=&q"(ok) : "c"(msr), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32)) : "memory", "cc");
	return ok;
}
