/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD-V: turning it on, the life of a vCPU's hardware state, and the switch
 * from one vCPU to the next. A vCPU's debug registers, TSC_AUX and extended
 * state lie in its pCPU (hvm_current) until another one is loaded; all else is
 * in the VMCB whenever the guest does not run.
 */
#include "arch/svm/svm.h"

#include "hv/abi/hypercall.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "arch/svm/vmcb.h"

struct svm_caps svm_caps;

#define NPT_USER	BIT(2)
#define NPT_ACCESSED	BIT(5)
#define NPT_DIRTY	BIT(6)
#define NPT_LARGE	BIT(7)
#define NPT_NX		BIT(63)
#define NPT_PHYS_BITS	48	/* four levels, as the host's paging */

/* Nested walks count as user accesses: every entry needs the U bit. */
static void init_p2m_format(void)
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

/* Firmware can switch AMD-V off, with or without a lock on that. */
static void enable(void)
{
	uint64_t vm_cr;

	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		if ((vm_cr & VM_CR_LOCK) ||
		    !wrmsr_safe(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS) ||
		    (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS))
			hv_refuse("AMD-V is disabled by the firmware (pCPU %u)",
				  percpu_id());
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
}

static hpa_t page_alloc(void)
{
	hpa_t pa;

	if (frames_alloc(0, FRAME_OWNER_HV, &pa))
		hv_refuse("too little memory for pCPU %u", percpu_id());
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

static void svm_cpu_init(void)
{
	struct arch_pcpu *p = arch_pcpu_this();
	bool boot_cpu = percpu_id() == 0;
	struct svm_caps here;

	svm_caps_read(&here);
	if (boot_cpu) {
		svm_caps = here;
		init_p2m_format();
		vmcb_maps_init();
	} else if (here.asid_count < svm_caps.asid_count ||
		   (svm_caps.features & ~here.features)) {
		hv_refuse("pCPU %u has less AMD-V than the boot CPU", percpu_id());
	}
	enable();
	p->hvm_page = page_alloc();
	wrmsr(MSR_VM_HSAVE_PA, p->hvm_page.v);
	p->hvm_host = page_alloc();
	__asm__ volatile("vmsave %0" : : "a"(p->hvm_host.v) : "memory");
	/* The pCPU's number in the low part: no two share a generation. The
	 * first ASID wraps at once, which flushes what was before us. */
	p->asid_generation = PCPU_MAX + percpu_id();
	p->asid_next = svm_caps.asid_count;
	if (boot_cpu)
		svm_probe_virq();
}

static int svm_vcpu_create(struct vcpu *v)
{
	int err = frames_alloc(0, FRAME_OWNER_HV, &v->arch.vmcb);

	if (err)
		return err;
	err = xstate_create(v);
	if (err) {
		frames_free(v->arch.vmcb, 0);
		return err;
	}
	memset(vmcb_of(v), 0, PAGE_SIZE);
	vmcb_init(vmcb_of(v));
	v->arch.asid_generation = 0;
	v->arch.tlb_generation = 0;
	return 0;
}

static void svm_vcpu_destroy(struct vcpu *v)
{
	xstate_destroy(v);
	frames_free(v->arch.vmcb, 0);
}

/* What the VMCB does not hold goes to struct vcpu. */
static void unload(struct arch_pcpu *p, struct vcpu *v)
{
	uint64_t *dr = v->arch.dr;

	xstate_save(v);
	__asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
			 : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
	if (svm_caps.tsc_aux)
		v->arch.tsc_aux = rdmsr(MSR_TSC_AUX);
	p->hvm_current = NULL;
}

static void load(struct arch_pcpu *p, struct vcpu *v)
{
	const uint64_t *dr = v->arch.dr;

	xstate_load(v);
	/* DR7 is 0x400 outside of the guest: they break nothing here. */
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3"
			 : : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
	write_cr2(vmcb_of(v)->cr2);	/* not every VMRUN loads it */
	if (svm_caps.tsc_aux)
		wrmsr(MSR_TSC_AUX, v->arch.tsc_aux);
	p->hvm_current = v;
}

static void svm_vcpu_unload(struct vcpu *v)
{
	struct arch_pcpu *p = arch_pcpu_this();

	if (p->hvm_current == v)
		unload(p, v);
}

static void svm_vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t argument)
{
	svm_vcpu_unload(v);
	memset(&v->regs, 0, sizeof(v->regs));
	v->regs.rbx = argument;
	vmcb_reset(vmcb_of(v), entry);
	vmcb_of(v)->np_cr3 = v->vm->p2m.root.v;	/* new with each restart */
	memset(v->arch.dr, 0, sizeof(v->arch.dr));
	v->arch.tsc_aux = 0;
	v->arch.inject = 0;
	v->arch.asid_generation = 0;
	xstate_reset(v);
}

/*
 * A new ASID has no translations. Out of ASIDs: flush all and begin again; the
 * other vCPUs see by their generation that theirs is gone. A vCPU that comes
 * from another pCPU is seen here too: its VMCB is not in this one's cache.
 */
static void asid_new(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c)
{
	c->tlb_control = TLB_CONTROL_NONE;
	if (p->asid_next >= svm_caps.asid_count) {
		p->asid_generation += PCPU_MAX;
		p->asid_next = 1;
		c->tlb_control = TLB_CONTROL_ALL;
	}
	v->arch.asid = (uint32_t)p->asid_next++;
	v->arch.asid_generation = p->asid_generation;
	c->asid = v->arch.asid;
	c->clean = 0;
}

/* Mappings were withdrawn since this vCPU last ran: its ASID is the only place
 * where it could still find them. */
static void flush_guest(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c,
			uint64_t generation)
{
	if ((svm_caps.features & SVM_FEATURE_FLUSH_ASID) &&
	    v->arch.asid_generation == p->asid_generation)
		c->tlb_control = TLB_CONTROL_ASID;
	else
		v->arch.asid_generation = 0;
	v->arch.tlb_generation = generation;
}

static void prepare_tlb(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c)
{
	uint64_t generation = LOAD_ACQUIRE(v->vm->tlb_generation);

	if (unlikely(v->arch.tlb_generation != generation))
		flush_guest(p, v, c, generation);
	if (unlikely(v->arch.asid_generation != p->asid_generation))
		asid_new(p, v, c);
	WRITE_ONCE(v->vm->flushed[percpu_id()], generation);
}

/*
 * The upcall is a request that the CPU holds until the guest's IF is 1. One
 * that broke off is not redone by EVENTINJ: it is a level, so it comes again as
 * an argument.
 */
static void prepare_events(struct vcpu *v, struct vmcb *c, uint32_t upcall)
{
	uint64_t ctl = (c->int_ctl & 0xff) | INT_CTL_V_INTR_MASKING |
		       INT_CTL_V_IGN_TPR | INT_CTL_V_PRIO;

	c->event = v->arch.inject;
	v->arch.inject = 0;
	if (upcall) {
		if (unlikely(!svm_caps.virq_if_on) && !c->event &&
		    (c->rflags & RFLAGS_IF) && !(c->interrupt_shadow & 1))
			c->event = EVENT_VALID | EVENT_INTR | upcall;
		else
			ctl |= INT_CTL_V_IRQ | (uint64_t)upcall << 32;
	}
	if (c->int_ctl != ctl) {
		c->int_ctl = ctl;
		c->clean &= ~CLEAN_TPR;
	}
}

static void svm_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit)
{
	struct arch_pcpu *p = arch_pcpu_this();
	struct vmcb *c = vmcb_of(v);

	if (p->hvm_current != v) {
		if (p->hvm_current)
			unload(p, (struct vcpu *)(uintptr_t)p->hvm_current);
		load(p, v);
	}
	prepare_tlb(p, v, c);
	prepare_events(v, c, upcall);
	if (c->tsc_offset != (uint64_t)v->tsc_offset) {
		c->tsc_offset = (uint64_t)v->tsc_offset;
		c->clean &= ~CLEAN_INTERCEPTS;
	}
	svm_enter(v, c, v->arch.vmcb.v, p->hvm_host.v);
	c->clean = svm_caps.clean;
	svm_exit_decode(v, exit);
}

static bool svm_interrupts_on(struct vcpu *v)
{
	return vmcb_of(v)->rflags & RFLAGS_IF;
}

static uint64_t svm_cr4(struct vcpu *v)
{
	return vmcb_of(v)->cr4;
}

const struct hvm_ops svm_ops = {
	.name = "AMD-V",
	.vendor = "svm",
	.hypercall_feature = AMBIT_FEAT_VMMCALL,
	.cpu_init = svm_cpu_init,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_run = svm_vcpu_run,
	.vcpu_unload = svm_vcpu_unload,
	.skip = svm_skip,
	.inject = svm_inject,
	.get_state = svm_get_state,
	.interrupts_on = svm_interrupts_on,
	.cr4 = svm_cr4,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
};
