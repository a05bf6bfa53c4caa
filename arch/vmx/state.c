/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a guest that is not running: going past an instruction, events
 * to inject, registers for reports, and which control bits its CPUID allows.
 */
#include "hv/pcpu.h"
#include "hv/string.h"
#include "hv/vcpu.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/msr.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"

bool vmx_in_64bit_code(void)
{
	return (vmcs_read(VMCS_ENTRY) & ENTRY_GUEST_64) &&
	       (vmcs_read(VMCS_GUEST_CS_AR) & AR_L);
}

void vmx_advance(uint64_t len)
{
	uint64_t rip = vmcs_read(VMCS_GUEST_RIP), next = rip + len;

	/* Only 64-bit code may cross 4 GiB. */
	if (!vmx_in_64bit_code())
		next = (uint32_t)next;
	vmcs_write(VMCS_GUEST_RIP, next);
	vmcs_write(VMCS_SHADOW, vmcs_read(VMCS_SHADOW) & ~SHADOW_INSTRUCTION);
	/* A single-stepped instruction ends with #DB. */
	if (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF)
		vmcs_write(VMCS_PENDING_DEBUG,
			   vmcs_read(VMCS_PENDING_DEBUG) | PENDING_BS);
}

void vmx_again(void)
{
	vmcs_write(VMCS_GUEST_RFLAGS, vmcs_read(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

void vmx_inject(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
	uint64_t type = vector == VECTOR_NMI ? EVENT_TYPE_NMI : EVENT_TYPE_EXCEPTION;

	/* Real mode pushes no error codes. */
	if (!(vmcs_read(VMCS_GUEST_CR0) & CR0_PE))
		has_error = false;
	v->arch.inject = EVENT_VALID | type << EVENT_TYPE_SHIFT | vector |
			 (has_error ? EVENT_ERROR : 0);
	v->arch.inject_error = error;
	vmx_again();		/* after its fault was served */
	vmcs_write(VMCS_SHADOW, vmcs_read(VMCS_SHADOW) & ~SHADOW_INSTRUCTION);
}

bool vmx_interrupts_on(struct vcpu *v)
{
	(void)v;
	return vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF;
}

/* --- MSRs ------------------------------------------------------------------------- */

static uint64_t *efer_in_area(struct vcpu *v)
{
	struct vmx_msr_areas *areas = phys_to_virt(v->arch.msr_areas);

	return &areas->guest.value;
}

/* Registers that are in the CPU while v is loaded; memory has a copy, so that a
 * write exits. */
static uint64_t *msr_copy(struct vcpu *v, uint32_t msr)
{
	switch (msr) {
	case MSR_STAR:
		return &v->arch.star;
	case MSR_LSTAR:
		return &v->arch.lstar;
	case MSR_CSTAR:
		return &v->arch.cstar;
	case MSR_SFMASK:
		return &v->arch.sfmask;
	case MSR_TSC_AUX:
		return vmx_caps.tsc_aux ? &v->arch.tsc_aux : NULL;
	default:
		return NULL;
	}
}

bool vmx_get_msr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	if (msr != MSR_PAT)
		return false;
	*value = v->arch.pat;	/* EPT overrides it: never loaded */
	return true;
}

bool vmx_set_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	uint64_t *copy = msr_copy(v, msr);

	if (copy) {
		if (!wrmsr_safe(msr, value))
			return false;
		*copy = value;
		v->arch.syscall_used = true;
	} else if (msr == MSR_PAT) {
		v->arch.pat = value;
	} else {
		return false;
	}
	return true;
}

/* --- CPUID and CR4 ------------------------------------------------------------------ */

#define CR4_PVI		BIT(1)
#define CR4_PCE		BIT(8)
#define CR4_PKE		BIT(22)

struct cr4_rule {
	uint64_t cr4;
	uint32_t leaf;
	uint8_t reg, bit;	/* EAX, EBX, ECX, EDX: 0 to 3 */
};

static const struct cr4_rule cr4_rules[] = {
	{ CR4_VME | CR4_PVI, 1, 3, 1 },
	{ CR4_TSD, 1, 3, 4 },
	{ CR4_DE, 1, 3, 2 },
	{ CR4_PSE, 1, 3, 3 },
	{ CR4_PAE, 1, 3, 6 },
	{ CR4_MCE, 1, 3, 7 },
	{ CR4_PGE, 1, 3, 13 },
	{ CR4_OSFXSR, 1, 3, 24 },
	{ CR4_OSXMMEXCPT, 1, 3, 25 },
	{ CR4_PCIDE, 1, 2, 17 },
	{ CR4_OSXSAVE, 1, 2, 26 },
	{ CR4_FSGSBASE, 7, 1, 0 },
	{ CR4_SMEP, 7, 1, 7 },
	{ CR4_SMAP, 7, 1, 20 },
	{ CR4_UMIP, 7, 2, 2 },
	{ CR4_PKE, 7, 2, 3 },
	{ CR4_LA57, 7, 2, 16 },
};

uint64_t vmx_cr4_allowed(struct vcpu *v)
{
	uint64_t allowed = CR4_PCE;	/* RDPMC raises #GP all the same */

	for (uint32_t i = 0; i < ARRAY_SIZE(cr4_rules); i++) {
		const struct cr4_rule *r = &cr4_rules[i];
		struct cpuid c = guest_cpuid_leaf(v, r->leaf, 0);
		const uint32_t reg[4] = { c.eax, c.ebx, c.ecx, c.edx };

		if (reg[r->reg] & BIT(r->bit))
			allowed |= r->cr4;
	}
	return allowed & vmx_caps.cr4_fixed1;
}

/* --- reports -------------------------------------------------------------------------- */

static void get_segment(struct cpu_segment *out, enum vmcs_segment s)
{
	uint32_t step = 2 * (uint32_t)s;
	uint64_t attributes = vmcs_read(VMCS_GUEST_ES_AR + step);

	out->selector = (uint16_t)vmcs_read(VMCS_GUEST_ES + step);
	out->base = vmcs_read(VMCS_GUEST_ES_BASE + step);
	out->limit = (uint32_t)vmcs_read(VMCS_GUEST_ES_LIMIT + step);
	out->attributes = (attributes & AR_UNUSABLE) ? 0 : attributes & 0xf0ff;
}

static void get_segments(struct cpu_state *s)
{
	get_segment(&s->es, VMCS_ES);
	get_segment(&s->cs, VMCS_CS);
	get_segment(&s->ss, VMCS_SS);
	get_segment(&s->ds, VMCS_DS);
	get_segment(&s->fs, VMCS_FS);
	get_segment(&s->gs, VMCS_GS);
	get_segment(&s->ldtr, VMCS_LDTR);
	get_segment(&s->tr, VMCS_TR);
	s->gdtr_base = vmcs_read(VMCS_GUEST_GDTR_BASE);
	s->idtr_base = vmcs_read(VMCS_GUEST_IDTR_BASE);
	s->gdtr_limit = (uint32_t)vmcs_read(VMCS_GUEST_GDTR_LIMIT);
	s->idtr_limit = (uint32_t)vmcs_read(VMCS_GUEST_IDTR_LIMIT);
}

uint64_t vmx_cr4(struct vcpu *v)
{
	return (vmcs_read(VMCS_GUEST_CR4) & ~v->arch.cr4_own) | v->arch.cr4_shadow;
}

static void get_control(struct vcpu *v, struct cpu_state *s)
{
	uint64_t own = vmcs_read(VMCS_CR0_MASK);

	s->cr0 = (vmcs_read(VMCS_GUEST_CR0) & ~own) |
		 (vmcs_read(VMCS_CR0_SHADOW) & own);
	s->cr3 = vmcs_read(VMCS_GUEST_CR3);
	s->cr4 = vmx_cr4(v);
	s->dr7 = vmcs_read(VMCS_GUEST_DR7);
	s->efer = vmx_caps.efer_switch ? vmcs_read(VMCS_GUEST_EFER) :
					 *efer_in_area(v);
	s->cr2 = v->arch.cr2;
	s->dr6 = v->arch.dr6;
	s->xcr0 = v->arch.xcr0;
	if (this_pcpu()->arch.hvm_current == v) {
		s->cr2 = read_cr2();
		__asm__ volatile("mov %%dr6, %0" : "=r"(s->dr6));
	}
}

/* Loaded on another pCPU nothing can be read, and all is zero. */
void vmx_get_state(struct vcpu *v, struct cpu_state *s)
{
	memset(s, 0, sizeof(*s));
	if (!vmx_borrow(v))
		return;
	s->rip = vmcs_read(VMCS_GUEST_RIP);
	s->rsp = vmcs_read(VMCS_GUEST_RSP);
	s->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	s->cpl = (uint8_t)(vmcs_read(VMCS_GUEST_SS_AR) >> AR_DPL_SHIFT & 3);
	s->interruptible = (s->rflags & RFLAGS_IF) &&
			   !(vmcs_read(VMCS_SHADOW) & SHADOW_INSTRUCTION);
	get_control(v, s);
	get_segments(s);
	vmx_return(v);
}
