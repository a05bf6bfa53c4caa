/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a vCPU's hardware state, and the switch from one vCPU to the
 * next. A vCPU's debug registers and extended state lie in its pCPU
 * (hvm_current) until another one is loaded; all else is in the VMCB or in
 * struct vcpu whenever the guest does not run.
 */
#include "hv/frames.h"
#include "hv/string.h"
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "arch/svm/svm.h"
#include "arch/svm/vmcb.h"
#include "arch/tlb_debug.h"

#define OPCODE_HLT	0xf4

int svm_vcpu_create(struct vcpu *v)
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
	if (v->vm->io_map.v)
		vmcb_of(v)->iopm = v->vm->io_map.v;
	return 0;
}

/* What the VMCB does not hold goes to struct vcpu. */
static void unload(struct vcpu *v)
{
	xstate_save(v);
	if (unlikely(v->arch.debug_used))
		svm_debug_save(v);
}

static void load(struct arch_pcpu *p, struct vcpu *v, const struct vmcb *c)
{
	xstate_load(v);
	if (unlikely(v->arch.debug_used))
		svm_debug_load(v);
	write_cr2(c->cr2);	/* not every VMRUN loads it */
	if (unlikely(p->tsc_aux != v->arch.tsc_aux)) {
		p->tsc_aux = v->arch.tsc_aux;
		wrmsr(MSR_TSC_AUX, p->tsc_aux);
	}
	p->hvm_current = v;
}

void svm_vcpu_unload(struct vcpu *v)
{
	struct arch_pcpu *p = arch_pcpu_this();

	if (p->hvm_current == v) {
		unload(v);
		p->hvm_current = NULL;
	}
}

void svm_vcpu_tables(struct vcpu *v)
{
	vmcb_of(v)->np_cr3 = v->vm->p2m.root.v;
	v->arch.asid_generation = 0;	/* the next run has a new ASID */
}

void svm_vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t argument)
{
	svm_vcpu_unload(v);
	memset(&v->regs, 0, sizeof(v->regs));
	v->regs.rbx = argument;
	vmcb_reset(vmcb_of(v), entry);
	svm_vcpu_tables(v);	/* new with each restart */
	svm_debug_reset(v);
	v->arch.tsc_aux = 0;
	v->arch.inject = 0;
	xstate_reset(v);
}

/*
 * A new ASID has no translations. Out of ASIDs: flush all and begin again; the
 * other vCPUs see by their generation that theirs is gone. A vCPU that comes
 * from another pCPU is seen here too: its VMCB is not in this one's cache.
 */
static void asid_new(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c)
{
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

/*
 * This vCPU's ASID is from before a wrap or of another pCPU, or mappings were
 * withdrawn since it last ran; its ASID is the only place where it could still
 * find them.
 */
static void tlb_renew(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c)
{
	uint64_t generation = LOAD_ACQUIRE(v->vm->tlb_generation);

	if (v->arch.asid_generation == p->asid_generation &&
	    (svm_caps.features & SVM_FEATURE_FLUSH_ASID))
		c->tlb_control = TLB_CONTROL_ASID;
	else
		asid_new(p, v, c);
	v->arch.tlb_generation = generation;
	WRITE_ONCE(v->vm->flushed[percpu_id()], generation);
	v->count.flushes++;
}

/*
 * The exit came between STI and the instruction in its shadow, and not every CPU
 * still holds interrupts back for that one after VMRUN. If it is HLT, an upcall
 * before it would be slept over for good: take the HLT as done, which the upcall
 * would have ended at once. For any other instruction it makes no difference.
 */
static void leave_shadow(struct vcpu *v, struct vmcb *c)
{
	uint8_t code;

	if (!(c->rflags & RFLAGS_IF) || insn_fetch(v, &code, 1) != 1 ||
	    code != OPCODE_HLT)
		return;
	c->rip = c->cs.attributes & SEG_LONG ? c->rip + 1 : (uint32_t)(c->rip + 1);
	c->interrupt_shadow = 0;
}

/* True if that is another request than the one of the last entry. */
static inline bool request(struct vmcb *c, uint64_t ctl)
{
	if (c->int_ctl == ctl)
		return false;
	c->int_ctl = ctl;
	c->clean &= ~CLEAN_TPR;
	return true;
}

/*
 * The upcall is a request that the CPU holds until the guest's IF is 1. One
 * that broke off is not redone by EVENTINJ: it is a level, so it comes again as
 * an argument.
 */
static inline __attribute__((always_inline))
void prepare_events(struct vcpu *v, struct vmcb *c, uint32_t upcall)
{
	uint64_t ctl = (c->int_ctl & 0xff) | INT_CTL_V_INTR_MASKING |
		       INT_CTL_V_IGN_TPR | INT_CTL_V_PRIO;

	c->event = v->arch.inject;
	v->arch.inject = 0;
	if (!upcall) {
		request(c, ctl);
	} else if (unlikely(!svm_caps.virq_if_on) && !c->event &&
		   (c->rflags & RFLAGS_IF) && !(c->interrupt_shadow & 1)) {
		c->event = EVENT_VALID | EVENT_INTR | upcall;
		v->count.upcalls++;
		request(c, ctl);
	} else if (request(c, ctl | INT_CTL_V_IRQ | (uint64_t)upcall << 32)) {
		v->count.upcalls++;
	}
}

static inline bool tlb_is_stale(const struct arch_pcpu *p, const struct vcpu *v)
{
	return v->arch.tlb_generation != LOAD_ACQUIRE(v->vm->tlb_generation) ||
	       v->arch.asid_generation != p->asid_generation;
}

void svm_tlb_update(struct vcpu *v, struct vmcb *c)
{
	struct arch_pcpu *p = arch_pcpu_this();

	if (tlb_is_stale(p, v))
		tlb_renew(p, v, c);
}

static __attribute__((noinline)) void renew_and_run(struct vcpu *v, uint32_t upcall,
						    struct vcpu_exit *exit)
{
	tlb_renew(arch_pcpu_this(), v, vmcb_of(v));
	svm_vcpu_run(v, upcall, exit);
}

static inline void enter(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c,
			 uint32_t upcall, struct vcpu_exit *exit)
{
	prepare_events(v, c, upcall);
	if (c->tsc_offset != (uint64_t)v->tsc_offset) {
		c->tsc_offset = (uint64_t)v->tsc_offset;
		c->clean &= ~CLEAN_INTERCEPTS;
	}
	TLB_RUN_ENTER(p, v->arch.tlb_generation);
	/* Ends in svm_exit_decode(). */
	svm_enter(v, c, v->arch.vmcb.v, p->hvm_host.v, exit);
}

static __attribute__((noinline)) void leave_shadow_and_run(struct vcpu *v,
							   uint32_t upcall,
							   struct vcpu_exit *exit)
{
	leave_shadow(v, vmcb_of(v));
	enter(arch_pcpu_this(), v, vmcb_of(v), upcall, exit);
}

static inline void run_loaded(struct arch_pcpu *p, struct vcpu *v, struct vmcb *c,
			      uint32_t upcall, struct vcpu_exit *exit)
{
	if (unlikely(tlb_is_stale(p, v)))
		renew_and_run(v, upcall, exit);
	else if (unlikely(upcall && c->interrupt_shadow & 1))
		leave_shadow_and_run(v, upcall, exit);
	else
		enter(p, v, c, upcall, exit);
}

static __attribute__((noinline)) void switch_and_run(struct vcpu *v, uint32_t upcall,
						     struct vcpu_exit *exit)
{
	struct arch_pcpu *p = arch_pcpu_this();
	struct vmcb *c = vmcb_of(v);

	if (likely(p->hvm_current != NULL))
		unload(p->hvm_current);
	load(p, v, c);
	run_loaded(p, v, c, upcall, exit);
}

/* Without a switch all calls are tail calls: no register has to be saved. */
void svm_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit)
{
	struct arch_pcpu *p = arch_pcpu_this();

	TLB_RUN_BEGIN(p, v->vm);
	if (p->hvm_current != v)
		switch_and_run(v, upcall, exit);
	else
		run_loaded(p, v, vmcb_of(v), upcall, exit);
}

bool svm_interrupts_on(struct vcpu *v)
{
	return vmcb_of(v)->rflags & RFLAGS_IF;
}

uint64_t svm_cr4(struct vcpu *v)
{
	return vmcb_of(v)->cr4;
}
