/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits of AMD-V: the hot ones answered at once, all others put into neutral
 * words. RIP is still at the instruction then; skip() goes past it.
 */
#include "hv/abi/hypercall.h"
#include "hv/hypercall.h"
#include "hv/vm.h"
#include "vio/data.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/hvm.h"
#include "arch/svm/svm.h"
#include "arch/svm/vmcb.h"
#include "arch/tlb_debug.h"

#define LENGTH_CPUID	2
#define LENGTH_VMMCALL	3
#define VECTOR_BP	3
#define VECTOR_OF	4
#define EXCEPTION_COUNT	32

/*
 * Next RIP of CPUID and VMMCALL. Without next-RIP save their length is taken
 * to be that without prefixes: to look at the bytes would cost more than the
 * whole exit, and a guest that puts prefixes there harms only itself.
 */
static inline uint64_t next_rip(const struct vmcb *c, uint32_t length)
{
	if (c->next_rip)
		return c->next_rip;
	if (c->cs.attributes & SEG_LONG)
		return c->rip + length;
	return (uint32_t)(c->rip + length);
}

/* What both hot exits end with. */
static inline void hot_done(struct vmcb *c, uint32_t length)
{
	c->rip = next_rip(c, length);
	c->interrupt_shadow = 0;
	c->tlb_control = TLB_CONTROL_NONE;
}

static __attribute__((noinline)) enum svm_heat hot_cpuid(struct vcpu *v, struct vmcb *c)
{
	v->regs.rax = c->rax;
	guest_cpuid(v);
	c->rax = v->regs.rax;
	v->count.exit[EXIT_CPUID]++;
	hot_done(c, LENGTH_CPUID);
	return SVM_HOT;
}

static __attribute__((noinline)) enum svm_heat hot_call(struct vcpu *v, struct vmcb *c)
{
	if (c->cpl || (c->rflags & (RFLAGS_TF | RFLAGS_RF)))
		return SVM_COLD;
	if (c->rax != AMBIT_HC_VERSION)
		return SVM_WARM;
	c->rax = AMBIT_ABI_VERSION;
	v->regs.rdx = hv_features;
	v->count.call[AMBIT_HC_VERSION]++;
	hot_done(c, LENGTH_VMMCALL);
	return SVM_HOT;
}

/* A call that is not one of the two is to get away from here fast; skip() knows
 * single stepping. */
enum svm_heat svm_exit_hot(struct vcpu *v, struct vmcb *c)
{
	if (likely(c->exit_code == VMEXIT_VMMCALL)) {
		if (c->rax == AMBIT_HC_VERSION || data_is_hot(c->rax))
			return hot_call(v, c);
		return SVM_COLD;
	}
	if (c->exit_code == VMEXIT_CPUID && !(c->rflags & (RFLAGS_TF | RFLAGS_RF)))
		return hot_cpuid(v, c);
	return SVM_COLD;
}

/* The same for when none is to be answered here. */
static enum svm_heat svm_exit_cold(struct vcpu *v, struct vmcb *c)
{
	(void)v;
	(void)c;
	return SVM_COLD;
}

enum svm_heat (*svm_answer)(struct vcpu *v, struct vmcb *c) = svm_exit_hot;

void svm_answer_early(bool may)
{
	WRITE_ONCE(svm_answer, may ? svm_exit_hot : svm_exit_cold);
}

bool svm_exit_warm(struct vcpu *v, struct vmcb *c)
{
	uint64_t nr = c->rax;

	if (!data_hot(v, nr))
		return false;
	c->rax = v->regs.rax;
	hot_done(c, LENGTH_VMMCALL);
	if (nr == AMBIT_HC_GRANT_UNMAP) {
		TLB_RUN_BEGIN(arch_pcpu_this(), v->vm);
		svm_tlb_update(v, c);
	}
	TLB_RUN_ENTER(arch_pcpu_this(), v->arch.tlb_generation);
	return true;
}

/* Faults, but for #DB, save RF as 1: a breakpoint on the instruction was before. */
void svm_inject(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
	if (vector != VECTOR_DB)
		vmcb_of(v)->rflags |= RFLAGS_RF;
	v->arch.inject = EVENT_VALID | EVENT_EXCEPTION | vector;
	if (has_error)
		v->arch.inject |= EVENT_ERROR | (uint64_t)error << 32;
}

/*
 * An event whose delivery an exit broke off. Upcalls come again by themselves
 * (an emulator calls them exceptions, so the vector is looked at too); INTn,
 * INT3 and INTO have not retired, so the guest executes them again.
 */
static void redo_event(struct vcpu *v, const struct vmcb *c)
{
	uint64_t info = c->exit_int_info;
	uint8_t vector = (uint8_t)info;

	if ((info & EVENT_TYPE_MASK) == EVENT_EXCEPTION &&
	    vector < EXCEPTION_COUNT && vector != VECTOR_BP && vector != VECTOR_OF)
		v->arch.inject = info;
}

/* The instruction was a step that a debugger in the guest wants to see. */
static void step_done(struct vcpu *v, struct vmcb *c)
{
	c->rflags &= ~RFLAGS_RF;
	if (c->rflags & RFLAGS_TF) {
		c->dr6 |= DR6_BS;
		c->clean &= ~CLEAN_DR;
		svm_inject(v, VECTOR_DB, false, 0);
	}
}

static inline void advance(struct vmcb *c, uint64_t length)
{
	uint64_t rip = c->rip + length;

	c->rip = c->cs.attributes & SEG_LONG ? rip : (uint32_t)rip;
	c->interrupt_shadow = 0;
}

static __attribute__((noinline)) void skip_slowly(struct vcpu *v, uint32_t length)
{
	struct vmcb *c = vmcb_of(v);

	if (!length)
		length = insn_length(v);
	/* Code that changed or vanished meanwhile: any length is as good. */
	advance(c, length ? length : 1);
	step_done(v, c);
}

void svm_skip(struct vcpu *v, const struct vcpu_exit *exit)
{
	struct vmcb *c = vmcb_of(v);

	if (unlikely(!exit->insn_len || (c->rflags & (RFLAGS_TF | RFLAGS_RF))))
		skip_slowly(v, exit->insn_len);
	else
		advance(c, exit->insn_len);
}

void svm_repeat_call(struct vcpu *v)
{
	advance(vmcb_of(v), -CALL_LENGTH);
}

static void decode_io(const struct vmcb *c, struct vcpu_exit *exit)
{
	uint64_t info = c->exit_info1;

	exit->reason = EXIT_IO;
	exit->insn_len = (uint32_t)(c->exit_info2 - c->rip);
	exit->io.port = (uint16_t)(info >> IOIO_PORT_SHIFT);
	exit->io.size = (uint8_t)(info >> IOIO_SIZE_SHIFT & 7);
	exit->io.in = info & IOIO_IN;
	exit->io.string = info & IOIO_STRING;
	exit->io.rep = info & IOIO_REP;
}

static void decode_memory(const struct vmcb *c, struct vcpu_exit *exit)
{
	uint64_t info = c->exit_info1;

	exit->reason = EXIT_MEMORY;
	exit->insn_len = 0;
	exit->memory.gpa = gpa(c->exit_info2);
	exit->memory.write = info & NPF_WRITE;
	exit->memory.fetch = info & NPF_FETCH;
	exit->memory.read = !(info & (NPF_WRITE | NPF_FETCH));
	exit->memory.mapped = info & NPF_PRESENT;
	exit->memory.in_walk = info & NPF_IN_WALK;
}

/* Given back to the guest, but only after C has looked for other work. */
static void reflect(struct vcpu *v, struct vmcb *c, uint32_t vector,
		    struct vcpu_exit *exit)
{
	exit->reason = vector == VECTOR_MC ? EXIT_NONE : EXIT_EXCEPTION;
	if (vector == VECTOR_MC)	/* ours: take it by our own handler */
		__asm__ volatile("int $18");
	else if (vector == VECTOR_DB)
		svm_debug_reflect(v, c);
	else
		svm_inject(v, (uint8_t)vector, true, 0);
}

/* INT1 raises #DB like a trap, without looking at the IDT's DPL. */
static void decode_icebp(struct vcpu *v, struct vcpu_exit *exit)
{
	svm_skip(v, exit);
	svm_inject(v, VECTOR_DB, false, 0);
	exit->reason = EXIT_EXCEPTION;
}

/* Instructions that fault at CPL 3, which the CPU looks at after the intercept. */
static void decode_privileged(struct vcpu *v, const struct vmcb *c,
			      struct vcpu_exit *exit, enum exit_reason reason)
{
	if (c->cpl == 0) {
		exit->reason = reason;
		return;
	}
	svm_inject(v, VECTOR_GP, true, 0);
	exit->reason = EXIT_NONE;
}

static void decode_instruction(struct vcpu *v, const struct vmcb *c,
			       struct vcpu_exit *exit)
{
	switch ((uint32_t)c->exit_code) {
	case VMEXIT_CPUID:
		exit->reason = EXIT_CPUID;
		exit->insn_len = (uint32_t)(next_rip(c, LENGTH_CPUID) - c->rip);
		break;
	case VMEXIT_HLT:
		exit->reason = EXIT_HLT;
		break;
	case VMEXIT_PAUSE:
		exit->reason = EXIT_PAUSE;
		break;
	case VMEXIT_IOIO:
		decode_io(c, exit);
		break;
	case VMEXIT_MSR:
		exit->reason = c->exit_info1 & MSR_EXIT_WRITE ? EXIT_WRMSR :
								EXIT_RDMSR;
		break;
	case VMEXIT_RDPMC:
		svm_inject(v, VECTOR_GP, true, 0);
		exit->reason = EXIT_REGISTER;
		break;
	case VMEXIT_INVD:
	case VMEXIT_WBINVD:
		decode_privileged(v, c, exit, EXIT_CACHE);
		break;
	case VMEXIT_XSETBV:
		decode_privileged(v, c, exit, EXIT_XSETBV);
		break;
	case VMEXIT_ICEBP:
		decode_icebp(v, exit);
		break;
	case VMEXIT_INVLPGA:
	case VMEXIT_VMRUN:
	case VMEXIT_VMLOAD ... VMEXIT_SKINIT:
	case VMEXIT_MONITOR:
	case VMEXIT_MWAIT:
	case VMEXIT_MWAIT_ARMED:
	case VMEXIT_RDPRU:
	case VMEXIT_INVLPGB:
	case VMEXIT_INVLPGB_BAD:
	case VMEXIT_MCOMMIT:
	case VMEXIT_TLBSYNC:
		exit->reason = EXIT_UNDEFINED;
		break;
	default:
		exit->reason = EXIT_UNKNOWN;
	}
}

static __attribute__((noinline)) void decode(struct vcpu *v, struct vmcb *c,
					     struct vcpu_exit *exit)
{
	uint32_t code = (uint32_t)c->exit_code;	/* some leave the high half out */

	if (unlikely(c->exit_int_info & EVENT_VALID))
		redo_event(v, c);
	switch (code) {
	case VMEXIT_DR ... VMEXIT_DR + 31:
		svm_debug_use(v);
		exit->reason = EXIT_REGISTER;
		break;
	case VMEXIT_INTR:
		exit->reason = EXIT_INTERRUPT;
		break;
	case VMEXIT_NMI:	/* these were taken at STGI */
	case VMEXIT_SMI:
	case VMEXIT_INIT:
		exit->reason = EXIT_NONE;
		break;
	case VMEXIT_VINTR:
		exit->reason = EXIT_WINDOW;
		break;
	case VMEXIT_EXCEPTION + VECTOR_DB:
	case VMEXIT_EXCEPTION + VECTOR_AC:
	case VMEXIT_EXCEPTION + VECTOR_MC:
		reflect(v, c, code - VMEXIT_EXCEPTION, exit);
		break;
	case VMEXIT_NPF:
		decode_memory(c, exit);
		break;
	case VMEXIT_SHUTDOWN:
		exit->reason = EXIT_TRIPLE_FAULT;
		break;
	case VMEXIT_TASK_SWITCH:
		exit->reason = EXIT_TASK_SWITCH;
		break;
	case VMEXIT_INVALID:	/* before any flush: the next ASID asks again */
		arch_pcpu_this()->asid_next = svm_caps.asid_count;
		exit->reason = EXIT_BAD_STATE;
		break;
	default:
		decode_instruction(v, c, exit);
	}
}

void svm_exit_decode(struct vcpu *v, struct vmcb *c, struct vcpu_exit *exit)
{
	c->clean = svm_caps.clean;
	c->tlb_control = TLB_CONTROL_NONE;
	if (likely(c->exit_code == VMEXIT_VMMCALL)) {
		exit->reason = EXIT_HYPERCALL;
		exit->hypercall.cpl = c->cpl;
		exit->insn_len = c->next_rip ? (uint32_t)(c->next_rip - c->rip) :
					       LENGTH_VMMCALL;
		return;
	}
	exit->code = (uint32_t)c->exit_code;
	exit->qualification = c->exit_info1;
	exit->insn_len = c->next_rip ? (uint32_t)(c->next_rip - c->rip) : 0;
	decode(v, c, exit);
}
