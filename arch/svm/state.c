/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's state for reports, and the MSRs that lie in the VMCB. */
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "arch/svm/svm.h"
#include "arch/svm/vmcb.h"

#define EFER_GUEST	(EFER_SCE | EFER_LME | EFER_NXE)

static struct cpu_segment segment(const struct vmcb_segment *s)
{
	return (struct cpu_segment){
		.selector = s->selector,
		.attributes = (s->attributes & 0xffu) |
			      (s->attributes & 0xf00u) << 4,
		.limit = s->limit,
		.base = s->base,
	};
}

void svm_get_state(struct vcpu *v, struct cpu_state *s)
{
	const struct vmcb *c = vmcb_of(v);

	*s = (struct cpu_state){
		.rip = c->rip, .rsp = c->rsp, .rflags = c->rflags,
		.cr0 = c->cr0, .cr2 = c->cr2, .cr3 = c->cr3, .cr4 = c->cr4,
		.efer = c->efer & ~EFER_SVME,
		.dr6 = c->dr6, .dr7 = c->dr7, .xcr0 = v->arch.xcr0,
		.cs = segment(&c->cs), .ss = segment(&c->ss),
		.ds = segment(&c->ds), .es = segment(&c->es),
		.fs = segment(&c->fs), .gs = segment(&c->gs),
		.tr = segment(&c->tr), .ldtr = segment(&c->ldtr),
		.gdtr_base = c->gdtr.base, .idtr_base = c->idtr.base,
		.gdtr_limit = c->gdtr.limit, .idtr_limit = c->idtr.limit,
		.cpl = c->cpl,
		.interruptible = (c->rflags & RFLAGS_IF) &&
				 !(c->interrupt_shadow & 1),
	};
}

bool svm_get_msr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	const struct vmcb *c = vmcb_of(v);

	if (msr == MSR_EFER)
		*value = c->efer & ~EFER_SVME;
	else if (msr == MSR_PAT)
		*value = c->pat;
	else
		return false;
	return true;
}

/* LME is fixed while paging is on, LMA follows by itself, SVME stays set. */
static bool set_efer(struct vcpu *v, struct vmcb *c, uint64_t value)
{
	if (((value ^ c->efer) & EFER_LME) && (c->cr0 & CR0_PG))
		return false;
	c->efer = (value & EFER_GUEST) | (c->efer & ~EFER_GUEST);
	c->clean &= ~CLEAN_CR;
	v->arch.asid_generation = 0;	/* NXE changes what entries mean */
	return true;
}

static void set_tsc_aux(struct vcpu *v, uint64_t value)
{
	v->arch.tsc_aux = value;
	arch_pcpu_this()->tsc_aux = value;
	wrmsr(MSR_TSC_AUX, value);
}

bool svm_set_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	struct vmcb *c = vmcb_of(v);

	if (msr == MSR_EFER) {
		return set_efer(v, c, value);
	} else if (msr == MSR_PAT) {
		c->pat = value;
		c->clean &= ~CLEAN_NP;
	} else if (msr == MSR_TSC_AUX && svm_caps.tsc_aux) {
		set_tsc_aux(v, value);
	} else {
		return false;
	}
	return true;
}
