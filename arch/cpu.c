/* SPDX-License-Identifier: BSD-2-Clause */
/* What a CPU must have, and its extended state. */
#include "arch/cpu.h"

#include "arch/arch.h"
#include "arch/desc.h"
#include "arch/machine.h"
#include "hv/panic.h"


struct need {
	uint32_t leaf;
	bool edx;			/* else ECX */
	uint32_t bit;
	const char *name;
};

static const struct need needs[] = {
	{ 1, true, 4, "a time-stamp counter" },
	{ 1, true, 9, "a local APIC" },
	{ 1, true, 13, "global pages" },
	{ 1, true, 16, "the page attribute table" },
	{ 1, true, 26, "SSE2" },
	{ 1, false, 13, "CMPXCHG16B" },
};

void cpu_init_xcr0(void)
{
	const uint64_t wanted = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512;
	struct cpuid c;
	uint64_t xcr0;

	if (!cpu_has_xsave())
		return;
	c = cpuid_count(0xd, 0);
	xcr0 = (c.eax | (uint64_t)c.edx << 32) & wanted;
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || !(xcr0 & XCR0_AVX))
		xcr0 &= ~XCR0_AVX512;
	xsetbv(0, xcr0);
	arch_pcpu_this()->xcr0 = xcr0;
}

void arch_init_cpu(void)
{
	desc_init_cpu();
	for (uint32_t i = 0; i < ARRAY_SIZE(needs); i++) {
		struct cpuid c = cpuid(needs[i].leaf);

		if (!((needs[i].edx ? c.edx : c.ecx) & BIT(needs[i].bit)))
			hv_refuse("this CPU lacks %s", needs[i].name);
	}
	cpu_init_xcr0();
}
