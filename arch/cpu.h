/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrappers of single instructions (CPUID, control registers, XCR0, TLB; ports in
 * port.h) and the bits of the control registers. No state.
 */
#pragma once

#include "arch/port.h"
#include "hv/types.h"

#define CR0_PE		BIT(0)
#define CR0_MP		BIT(1)
#define CR0_EM		BIT(2)
#define CR0_TS		BIT(3)
#define CR0_ET		BIT(4)
#define CR0_NE		BIT(5)
#define CR0_WP		BIT(16)
#define CR0_AM		BIT(18)
#define CR0_NW		BIT(29)
#define CR0_CD		BIT(30)
#define CR0_PG		BIT(31)

#define CR4_VME		BIT(0)
#define CR4_TSD		BIT(2)
#define CR4_DE		BIT(3)
#define CR4_PSE		BIT(4)
#define CR4_PAE		BIT(5)
#define CR4_MCE		BIT(6)
#define CR4_PGE		BIT(7)
#define CR4_OSFXSR	BIT(9)
#define CR4_OSXMMEXCPT	BIT(10)
#define CR4_UMIP	BIT(11)
#define CR4_LA57	BIT(12)
#define CR4_VMXE	BIT(13)
#define CR4_FSGSBASE	BIT(16)
#define CR4_PCIDE	BIT(17)
#define CR4_OSXSAVE	BIT(18)
#define CR4_SMEP	BIT(20)
#define CR4_SMAP	BIT(21)

#define RFLAGS_FIXED	BIT(1)
#define RFLAGS_TF	BIT(8)
#define RFLAGS_IF	BIT(9)
#define RFLAGS_RF	BIT(16)

#define XCR0_X87	BIT(0)
#define XCR0_SSE	BIT(1)
#define XCR0_AVX	BIT(2)
#define XCR0_AVX512	(BIT(5) | BIT(6) | BIT(7))	/* all three or none */

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid_count(uint32_t leaf, uint32_t index)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(index));
	return r;
}

/* Leaf, index 0; all zero if the CPU does not have the leaf. */
static inline struct cpuid cpuid(uint32_t leaf)
{
	if (leaf > cpuid_count(leaf & 0xffff0000, 0).eax)
		return (struct cpuid){ 0, 0, 0, 0 };
	return cpuid_count(leaf, 0);
}

/*
 * XSAVE, where CR4.OSXSAVE can be set. QEMU's own CPU refuses that to a model which
 * has none of XSAVEOPT and its like, as AMD's family 15h has none; real ones do not.
 */
static inline bool cpu_has_xsave(void)
{
	uint32_t ecx = cpuid(1).ecx;

	return ecx & BIT(26) && (!(ecx & BIT(31)) || cpuid_count(0xd, 1).eax);
}

#define CONTROL_REGISTER(name)							\
	static inline uint64_t read_##name(void)				\
	{									\
		uint64_t v;							\
										\
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory");	\
		return v;							\
	}									\
	static inline void write_##name(uint64_t v)				\
	{									\
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");	\
	}
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
#undef CONTROL_REGISTER

static inline uint64_t xgetbv(uint32_t index)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(index));
	return (uint64_t)hi << 32 | lo;
}

static inline void xsetbv(uint32_t index, uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value),
			 "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void invlpg(const volatile void *va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
