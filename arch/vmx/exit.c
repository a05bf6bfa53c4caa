/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM exits: the hot ones, answered before the run loop hears of them, and the
 * decoding of all others into struct vcpu_exit. Some are the vendor's own
 * business and end in EXIT_NONE: control and debug registers, and #DB and #AC,
 * which would otherwise be endless in delivery.
 */
#include "hv/abi/hypercall.h"
#include "hv/hypercall.h"
#include "hv/vcpu.h"
#include "vio/data.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/tlb_debug.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"

/* Exit qualifications (SDM 3C, Basic VM-Exit Information). */
#define EPT_Q_READ		BIT(0)
#define EPT_Q_WRITE		BIT(1)
#define EPT_Q_FETCH		BIT(2)
#define EPT_Q_RIGHTS		(BIT(3) | BIT(4) | BIT(5))
#define EPT_Q_LINEAR		BIT(7)
#define EPT_Q_TRANSLATED	BIT(8)	/* else: the access was by the page walk */
#define DB_Q_HITS		(BIT(0) | BIT(1) | BIT(2) | BIT(3))
#define DB_Q_BD_BS		(BIT(13) | BIT(14))
#define DB_Q_RTM		BIT(16)
#define DR6_RTM			BIT(16)
#define DR7_GD			BIT(13)

static void inject_gp(struct vcpu *v)
{
	vmx_inject(v, VECTOR_GP, true, 0);
}

/* --- hot exits -------------------------------------------------------------------- */

static bool at_cpl0(void)
{
	return (vmcs_read(VMCS_GUEST_SS_AR) >> AR_DPL_SHIFT & 3) == 0;
}

/* As vmx_advance(), shorter for an instruction that has no side effects. */
static inline void advance_hot(uint64_t len)
{
	uint64_t rip = vmcs_read(VMCS_GUEST_RIP);

	if (unlikely((uint32_t)rip > UINT32_MAX - 15) ||
	    unlikely(vmcs_read(VMCS_SHADOW) & SHADOW_INSTRUCTION) ||
	    unlikely(vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF))
		vmx_advance(len);
	else
		vmcs_write(VMCS_GUEST_RIP, rip + len);
}

void vmx_skip(struct vcpu *v, const struct vcpu_exit *exit)
{
	(void)v;
	advance_hot(exit->insn_len);
}

void vmx_repeat_call(struct vcpu *v)
{
	(void)v;
	vmx_advance(-CALL_LENGTH);
}

bool vmx_exit_hot(struct vcpu *v)
{
	uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);

	if (reason == VMX_EXIT_VMCALL && v->regs.rax == AMBIT_HC_VERSION &&
	    at_cpl0()) {
		v->regs.rax = AMBIT_ABI_VERSION;
		v->regs.rdx = hv_features;
		v->count.call[AMBIT_HC_VERSION]++;
	} else if (reason == VMX_EXIT_VMCALL && data_is_hot(v->regs.rax) &&
		   at_cpl0() && data_hot(v, v->regs.rax)) {
		TLB_RUN_BEGIN(arch_pcpu_this(), v->vm);
		vmx_tlb_update(v);
		TLB_RUN_ENTER(arch_pcpu_this(), v->vm->flushed[percpu_id()]);
	} else if (reason == VMX_EXIT_CPUID) {
		v->count.exit[EXIT_CPUID]++;
		guest_cpuid(v);
	} else {
		v->arch.exit_reason = reason;
		return false;
	}
	advance_hot(vmcs_read(VMCS_EXIT_LENGTH));
	return true;
}

/* The same for when none is to be answered here. */
static bool vmx_exit_cold(struct vcpu *v)
{
	v->arch.exit_reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);
	return false;
}

bool (*vmx_answer)(struct vcpu *v) = vmx_exit_hot;

void vmx_answer_early(bool may)
{
	WRITE_ONCE(vmx_answer, may ? vmx_exit_hot : vmx_exit_cold);
}

/* --- events ------------------------------------------------------------------------- */

/* IRET had unblocked NMIs when its fault exited: they are still blocked. */
static void block_nmi_again(uint64_t info)
{
	if (info & EVENT_NMI_UNBLOCKED)
		vmcs_write(VMCS_SHADOW, vmcs_read(VMCS_SHADOW) | SHADOW_NMI);
}

/* The exit came in the middle of delivering an event: deliver it again. */
static void redo_event(struct vcpu *v, uint64_t nmi_info)
{
	uint64_t info = vmcs_read(VMCS_VECTORING);

	if (!(info & EVENT_VALID)) {
		block_nmi_again(nmi_info);
		return;
	}
	if (EVENT_TYPE(info) == EVENT_TYPE_NMI)
		vmcs_write(VMCS_SHADOW, vmcs_read(VMCS_SHADOW) & ~SHADOW_NMI);
	v->arch.inject = info & (EVENT_VALID | 0xfff);
	if (info & EVENT_ERROR)
		v->arch.inject_error = (uint32_t)vmcs_read(VMCS_VECTORING_ERROR);
	if (EVENT_TYPE(info) >= EVENT_TYPE_SOFT_INT)
		v->arch.inject_len = (uint32_t)vmcs_read(VMCS_EXIT_LENGTH);
}

/* What the CPU does to the debug registers when it takes a #DB itself. */
static void debug_exception(struct vcpu *v)
{
	uint64_t hit = vmcs_read(VMCS_QUALIFICATION), dr6;

	vmx_debug_use(v);
	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	dr6 = (dr6 & ~DB_Q_HITS) | (hit & (DB_Q_HITS | DB_Q_BD_BS));
	if (hit & DB_Q_RTM)
		dr6 &= ~DR6_RTM;
	__asm__ volatile("mov %0, %%dr6" : : "r"(dr6));
	vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~DR7_GD);
}

/*
 * #DB and #AC go to the guest as they came. If they broke off the delivery of
 * another event that one is dropped, as the CPU does with benign exceptions:
 * a fault happens again, and an upcall is a level.
 */
static enum exit_reason exception(struct vcpu *v)
{
	uint64_t info = vmcs_read(VMCS_EXIT_EVENT);

	if (EVENT_TYPE(info) == EVENT_TYPE_NMI) {
		/* NMIs stay blocked until an IRET: the handler's own. */
		__asm__ volatile("int $2" : : : "memory");
		return EXIT_NONE;
	}
	if (EVENT_VECTOR(info) == VECTOR_MC) {
		__asm__ volatile("int $18" : : : "memory");
		return EXIT_NONE;
	}
	block_nmi_again(info);
	if (EVENT_VECTOR(info) == VECTOR_DB &&
	    EVENT_TYPE(info) == EVENT_TYPE_EXCEPTION)
		debug_exception(v);
	v->arch.inject = info & (EVENT_VALID | 0xfff);
	if (info & EVENT_ERROR)
		v->arch.inject_error = (uint32_t)vmcs_read(VMCS_EXIT_ERROR);
	if (EVENT_TYPE(info) >= EVENT_TYPE_SOFT_INT)
		v->arch.inject_len = (uint32_t)vmcs_read(VMCS_EXIT_LENGTH);
	vmcs_write(VMCS_SHADOW, vmcs_read(VMCS_SHADOW) & ~SHADOW_INSTRUCTION);
	return EXIT_EXCEPTION;
}

/* --- control registers -------------------------------------------------------------- */

/*
 * A write to CR0 or CR4 exits when it would change a bit that we own. If the
 * guest may, its view of those bits is changed and the instruction runs again:
 * then it does not exit, and the CPU does all the rest (long mode, PDPTEs).
 */
static void cr0_write(struct vcpu *v, uint64_t value)
{
	if (value >> 32 || ((value & CR0_NW) && !(value & CR0_CD)) ||
	    ((value & CR0_PG) && !(value & CR0_PE)))
		inject_gp(v);
	else
		vmcs_write(VMCS_CR0_SHADOW, value);
	vmx_again();
}

static void cr4_write(struct vcpu *v, uint64_t value)
{
	if (value & v->arch.cr4_own & ~CR4_MCE) {
		inject_gp(v);
		return;
	}
	v->arch.cr4_shadow = value & v->arch.cr4_own;
	vmcs_write(VMCS_CR4_SHADOW, value);
	vmx_again();
}

/* There is no local APIC whose priority it could be: a register, no more. */
static void cr8_access(struct vcpu *v, uint64_t *gpr, bool read, uint64_t value)
{
	if (!read && value > 15) {
		inject_gp(v);
		return;
	}
	if (!read)
		v->arch.cr8 = value;
	else if (gpr)
		*gpr = v->arch.cr8;
	else
		vmcs_write(VMCS_GUEST_RSP, v->arch.cr8);
	vmx_advance(vmcs_read(VMCS_EXIT_LENGTH));
}

/* Returns false for an access that was never asked to exit. */
static bool cr_access(struct vcpu *v, uint64_t qualification)
{
	uint32_t number = qualification & 15, reg = qualification >> 8 & 15;
	bool to = (qualification >> 4 & 3) == 0;
	bool from = (qualification >> 4 & 3) == 1;
	uint64_t *gpr = reg == 4 ? NULL : (uint64_t *)&v->regs + reg;
	uint64_t value = gpr ? *gpr : vmcs_read(VMCS_GUEST_RSP);

	if (!vmx_in_64bit_code())
		value = (uint32_t)value;
	if (number == 0 && to)
		cr0_write(v, value);
	else if (number == 4 && to)
		cr4_write(v, value);
	else if (number == 8 && (to || from))
		cr8_access(v, gpr, from, value);
	else
		return false;
	return true;
}

/* --- decoding ------------------------------------------------------------------------------ */

static void decode_io(struct vcpu_exit *exit)
{
	uint64_t q = exit->qualification;

	exit->io.size = (uint8_t)((q & 7) + 1);
	exit->io.in = q & BIT(3);
	exit->io.string = q & BIT(4);
	exit->io.rep = q & BIT(5);
	exit->io.port = (uint16_t)(q >> 16);
}

static void decode_memory(struct vcpu *v, struct vcpu_exit *exit)
{
	uint64_t q = exit->qualification;

	exit->memory.gpa = gpa(vmcs_read(VMCS_GUEST_PHYSICAL));
	exit->memory.read = q & EPT_Q_READ;
	exit->memory.write = q & EPT_Q_WRITE;
	exit->memory.fetch = q & EPT_Q_FETCH;
	exit->memory.mapped = q & EPT_Q_RIGHTS;
	exit->memory.in_walk = (q & EPT_Q_LINEAR) && !(q & EPT_Q_TRANSLATED);
	redo_event(v, q);
}

/* Reasons that need no look at the VMCS but for the qualification. */
static enum exit_reason plain_reason(uint32_t reason)
{
	switch (reason) {
	case VMX_EXIT_INTERRUPT:
		return EXIT_INTERRUPT;
	case VMX_EXIT_INIT:		/* for the machine, which does not reset so */
		return EXIT_NONE;
	case VMX_EXIT_WINDOW:
		return EXIT_WINDOW;
	case VMX_EXIT_TRIPLE_FAULT:
		return EXIT_TRIPLE_FAULT;
	case VMX_EXIT_TASK_SWITCH:
		return EXIT_TASK_SWITCH;
	case VMX_EXIT_CPUID:		/* nothing is to be answered early */
		return EXIT_CPUID;
	case VMX_EXIT_HLT:
		return EXIT_HLT;
	case VMX_EXIT_PAUSE:
		return EXIT_PAUSE;
	case VMX_EXIT_INVD:
	case VMX_EXIT_WBINVD:
		return EXIT_CACHE;
	case VMX_EXIT_RDMSR:
		return EXIT_RDMSR;
	case VMX_EXIT_WRMSR:
		return EXIT_WRMSR;
	case VMX_EXIT_GETSEC:
	case VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON:
	case VMX_EXIT_MWAIT:
	case VMX_EXIT_MONITOR:
	case VMX_EXIT_INVEPT:
	case VMX_EXIT_INVVPID:
	case VMX_EXIT_VMFUNC:
	case VMX_EXIT_ENCLS:
		return EXIT_UNDEFINED;
	default:
		return EXIT_UNKNOWN;
	}
}

/* VM entry failed after the host state was checked: RIP did not move. */
static void entry_failed(struct vcpu_exit *exit)
{
	exit->reason = EXIT_BAD_STATE;
	exit->insn_len = 0;
	exit->qualification = vmcs_read(VMCS_QUALIFICATION);
	if ((uint16_t)exit->code == VMX_EXIT_MC_ENTRY)
		__asm__ volatile("int $18" : : : "memory");
}

static void decode_rest(struct vcpu *v, struct vcpu_exit *exit)
{
	exit->qualification = vmcs_read(VMCS_QUALIFICATION);
	exit->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_LENGTH);
	exit->reason = EXIT_REGISTER;
	switch ((uint32_t)exit->code) {
	case VMX_EXIT_TIMER:
		vmcs_write(VMCS_TIMER, vmx_caps.bound);
		exit->reason = EXIT_INTERRUPT;	/* there may be one */
		break;
	case VMX_EXIT_EXCEPTION:
		exit->reason = exception(v);
		break;
	case VMX_EXIT_RDPMC:
		inject_gp(v);
		break;
	case VMX_EXIT_XSETBV:
		/* The fault of ring 3 goes first; not every CPU has it so. */
		exit->reason = EXIT_XSETBV;
		if (!at_cpl0()) {
			exit->reason = EXIT_NONE;
			inject_gp(v);
		}
		break;
	case VMX_EXIT_DR:
		vmx_debug_use(v);	/* and the instruction runs again */
		break;
	case VMX_EXIT_CR:
		if (!cr_access(v, exit->qualification))
			exit->reason = EXIT_UNKNOWN;
		break;
	case VMX_EXIT_IO:
		exit->reason = EXIT_IO;
		decode_io(exit);
		break;
	case VMX_EXIT_EPT_VIOLATION:
		exit->reason = EXIT_MEMORY;
		exit->insn_len = 0;
		decode_memory(v, exit);
		break;
	default:
		exit->reason = plain_reason((uint32_t)exit->code);
	}
}

/* Kept out of line so that a hypercall needs no stack frame. */
static __attribute__((noinline)) void decode_other(struct vcpu *v,
						   struct vcpu_exit *exit)
{
	if (exit->code == VMX_EXIT_INTERRUPT)
		exit->reason = EXIT_INTERRUPT;
	else if (exit->code & VMX_EXIT_ENTRY_FAILED)
		entry_failed(exit);
	else
		decode_rest(v, exit);
	v->arch.launched |= !(exit->code & VMX_EXIT_ENTRY_FAILED);
}

void vmx_exit_decode(struct vcpu *v, struct vcpu_exit *exit)
{
	uint32_t reason = v->arch.exit_reason;

	exit->code = reason;
	if (unlikely(reason != VMX_EXIT_VMCALL)) {
		decode_other(v, exit);
		return;
	}
	v->arch.launched = true;
	exit->reason = EXIT_HYPERCALL;
	exit->insn_len = (uint32_t)vmcs_read(VMCS_EXIT_LENGTH);
	exit->hypercall.cpl = (uint8_t)(vmcs_read(VMCS_GUEST_SS_AR) >>
					AR_DPL_SHIFT & 3);
}
