/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice between VT-x and AMD-V, made once at boot by what CPUID says. */
#include "arch/hvm.h"

#include "hv/panic.h"
#include "hv/vcpu.h"

#include "arch/cpu.h"

#define CPUID1_ECX_VMX		BIT(5)
#define CPUID1_ECX_HYPERVISOR	BIT(31)
#define CPUID81_ECX_SVM		BIT(2)

const struct hvm_ops *hvm;
struct p2m_format p2m_format;

void hvm_init(void)
{
	uint32_t ecx = cpuid(1).ecx;

	if (ecx & CPUID1_ECX_VMX)
		hvm = &vmx_ops;
	else if (cpuid(0x80000001).ecx & CPUID81_ECX_SVM)
		hvm = &svm_ops;
	else
		hv_refuse("this CPU offers neither VT-x nor AMD-V%s",
			  (ecx & CPUID1_ECX_HYPERVISOR) ?
			  " (nor does the hypervisor below let us nest)" : "");
	hvm->cpu_init();
}

struct cpuid guest_cpuid_leaf(struct vcpu *v, uint32_t leaf, uint32_t index)
{
	struct vcpu_regs saved = v->regs;
	struct cpuid r;

	v->regs.rax = leaf;
	v->regs.rcx = index;
	guest_cpuid(v);
	r = (struct cpuid){ (uint32_t)v->regs.rax, (uint32_t)v->regs.rbx,
			    (uint32_t)v->regs.rcx, (uint32_t)v->regs.rdx };
	v->regs = saved;
	return r;
}
