/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU's AMD-V can do, and what was chosen from it. Nothing is assumed:
 * each feature bit is consulted.
 */
#include "hv/panic.h"

#include "arch/cpu.h"
#include "arch/hvm.h"
#include "arch/svm/svm.h"
#include "arch/svm/svm_regs.h"

#define NPT_USER	BIT(2)
#define NPT_ACCESSED	BIT(5)
#define NPT_DIRTY	BIT(6)
#define NPT_LARGE	BIT(7)
#define NPT_NX		BIT(63)
#define NPT_PHYS_BITS	48	/* four levels, as the host's paging */

/* Nested walks count as user accesses: every entry needs the U bit. */
void svm_p2m_format(void)
{
	uint32_t bits = cpuid(0x80000008).eax;
	uint8_t phys = (uint8_t)((bits >> 16 & 0xff) ? bits >> 16 : bits);
	bool giant = cpuid(0x80000001).edx & BIT(26);

	p2m_format = (struct p2m_format){
		.table = BIT(0) | BIT(1) | NPT_USER | NPT_ACCESSED,
		.leaf = NPT_USER | NPT_ACCESSED | NPT_DIRTY,
		.large = NPT_LARGE,
		.read = BIT(0),
		.write = BIT(1),
		.no_exec = NPT_NX,
		.max_level = giant ? 2 : 1,
		.phys_bits = phys ? MIN(phys, NPT_PHYS_BITS) : 36,
	};
}

void svm_caps_read(struct svm_caps *c)
{
	struct cpuid ext = cpuid(0x80000001), svm = cpuid(0x8000000a);
	uint32_t more = cpuid(0x80000008).ebx;

	if (!(ext.ecx & CPUID_EXT_ECX_SVM))
		hv_refuse("this CPU has no AMD-V (SVM)");
	if (!(svm.edx & SVM_FEATURE_NP))
		hv_refuse("this CPU's AMD-V lacks nested paging (NPT)");
	if (svm.ebx < 2)
		hv_refuse("this CPU's AMD-V has no address-space identifiers");
	*c = (struct svm_caps){
		.features = svm.edx,
		.asid_count = svm.ebx,
		.clean = svm.edx & SVM_FEATURE_CLEAN ? CLEAN_ALL : 0,
		.tsc_aux = ext.edx & BIT(27),
		.xsave = cpuid(1).ecx & BIT(26),
		.rdpru = more & BIT(4),
		.invlpgb = more & BIT(3),
		.mcommit = more & BIT(8),
		.virq_if_on = true,
	};
}
