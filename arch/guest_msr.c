/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSRs of guests that do exit: an allow list of harmless ones that kernels
 * touch while they find out where they are. All others are denied.
 */
#include "hv/vcpu.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "arch/msr.h"

#define MSR_TSC			0x10
#define MSR_PLATFORM_ID		0x17
#define MSR_UCODE_REVISION	0x8b	/* AMD: PATCH_LEVEL */
#define MSR_AMD_SYSCFG		0xc0010010
#define MSR_AMD_HWCR		0xc0010015

#define APIC_BASE_RESET		0xfee00000u	/* global enable off: there is none */
#define APIC_BASE_BSP		BIT(8)
#define MISC_ENABLE_FAST_STRING	BIT(0)
#define EFER_KNOWN		(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

/* Memory types: UC, WC, WT, WP, WB, UC-. */
static bool pat_valid(uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++) {
		uint8_t type = (uint8_t)(value >> 8 * i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static bool canonical(uint64_t value)
{
	return (uint64_t)((int64_t)(value << 16) >> 16) == value;
}

/* May this value be written to the vendor's copy of that register? */
static bool value_valid(uint32_t msr, uint64_t value)
{
	switch (msr) {
	case MSR_EFER:
		return !(value & ~EFER_KNOWN);
	case MSR_PAT:
		return pat_valid(value);
	case MSR_TSC_AUX:
		return !(value >> 32);
	case MSR_LSTAR:
	case MSR_CSTAR:
		return canonical(value);
	default:
		return true;
	}
}

bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case MSR_TSC:
		*value = arch_tsc() + (uint64_t)v->tsc_offset;
		return true;
	case MSR_APIC_BASE:
		*value = APIC_BASE_RESET | (v->id == 0 ? APIC_BASE_BSP : 0);
		return true;
	case MSR_MISC_ENABLE:
		*value = MISC_ENABLE_FAST_STRING;
		return true;
	case MSR_PLATFORM_ID:
	case MSR_UCODE_REVISION:
	case MSR_MTRR_CAP:
	case MSR_AMD_SYSCFG:
	case MSR_AMD_HWCR:
		*value = 0;
		return true;
	default:
		return hvm->get_msr(v, msr, value);
	}
}

bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	/* Written with zero before CPUID loads the revision. */
	if (msr == MSR_UCODE_REVISION)
		return value == 0;
	return value_valid(msr, value) && hvm->set_msr(v, msr, value);
}
