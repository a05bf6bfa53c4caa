/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a vCPU, its switch and its run. On each pCPU the current VMCS is
 * that of arch_pcpu.hvm_current, and all state that VM entry does not load is
 * that vCPU's too, until another one is loaded: a switch is whole, never lazy.
 */
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/pcpu.h"
#include "hv/string.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/tlb_debug.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"

#define DR6_RESET	0xffff0ff0
#define PAT_RESET	0x0007040600070406

/* VPIDs in use. Bit 0 is never given out: VPID 0 is the host's. */
#define VPID_COUNT	4096
static uint64_t vpid_used[VPID_COUNT / 64] = { 1 };

static uint16_t vpid_alloc(void)
{
	if (!(vmx_caps.proc2_allowed & PROC2_VPID))
		return 0;
	for (uint32_t i = 0; i < VPID_COUNT / 64; i++) {
		uint64_t used = READ_ONCE(vpid_used[i]);

		while (~used) {
			uint64_t bit = ~used & (used + 1);

			if (__atomic_compare_exchange_n(&vpid_used[i], &used,
							used | bit, false,
							__ATOMIC_RELAXED,
							__ATOMIC_RELAXED))
				return (uint16_t)(64 * i + (uint32_t)__builtin_ctzll(bit));
		}
	}
	return 0;	/* runs without: each entry and exit drops all */
}

/* The current VMCS again after another one was, if there is any. */
static void current_again(void)
{
	const struct vcpu *v = this_pcpu()->arch.hvm_current;

	if (v)
		vmcs_load(&v->arch.vmcs);
}

bool vmx_borrow(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (v->arch.vmcs_pcpu && v->arch.vmcs_pcpu != p->id + 1)
		return false;
	if (p->arch.hvm_current != v)
		vmcs_load(&v->arch.vmcs);
	return true;
}

void vmx_return(struct vcpu *v)
{
	if (this_pcpu()->arch.hvm_current == v)
		return;
	if (!v->arch.vmcs_pcpu)
		vmcs_clear(v->arch.vmcs);
	current_again();
}

static int vmcs_create(struct vcpu *v)
{
	int err = frames_alloc(0, FRAME_OWNER_HV, &v->arch.vmcs);

	if (err)
		return err;
	memset(phys_to_virt(v->arch.vmcs), 0, PAGE_SIZE);
	*(uint32_t *)phys_to_virt(v->arch.vmcs) = vmx_caps.basic & BASIC_REVISION;
	vmcs_clear(v->arch.vmcs);
	return 0;
}

int vmx_vcpu_create(struct vcpu *v)
{
	int err = xstate_create(v);

	if (err)
		return err;
	err = vmcs_create(v);
	if (err)
		goto err_xstate;
	if (!vmx_caps.efer_switch) {
		err = frames_alloc(0, FRAME_OWNER_HV, &v->arch.msr_areas);
		if (err)
			goto err_vmcs;
	}
	v->arch.vpid = vpid_alloc();
	if (!vmx_borrow(v))
		panic("a new VMCS is loaded elsewhere");
	vmcs_init_controls(v);
	vmx_return(v);
	return 0;

err_vmcs:
	frames_free(v->arch.vmcs, 0);
err_xstate:
	xstate_destroy(v);
	return err;
}

static void state_save(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;

	a->cr2 = read_cr2();
	a->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
	if (a->debug_used) {
		__asm__ volatile("mov %%dr0, %0" : "=r"(a->dr[0]));
		__asm__ volatile("mov %%dr1, %0" : "=r"(a->dr[1]));
		__asm__ volatile("mov %%dr2, %0" : "=r"(a->dr[2]));
		__asm__ volatile("mov %%dr3, %0" : "=r"(a->dr[3]));
		__asm__ volatile("mov %%dr6, %0" : "=r"(a->dr6));
	}
}

static void debug_load(const struct arch_vcpu *a)
{
	__asm__ volatile("mov %0, %%dr0" : : "r"(a->dr[0]));
	__asm__ volatile("mov %0, %%dr1" : : "r"(a->dr[1]));
	__asm__ volatile("mov %0, %%dr2" : : "r"(a->dr[2]));
	__asm__ volatile("mov %0, %%dr3" : : "r"(a->dr[3]));
	__asm__ volatile("mov %0, %%dr6" : : "r"(a->dr6));
}

/* Writing such an MSR costs more than finding out that one needs not. */
static void syscall_load(const struct arch_vcpu *a, const struct vcpu *old)
{
	const struct arch_vcpu *o = &old->arch;

	if (!old || o->star != a->star)
		wrmsr(MSR_STAR, a->star);
	if (!old || o->lstar != a->lstar)
		wrmsr(MSR_LSTAR, a->lstar);
	if (!old || o->cstar != a->cstar)
		wrmsr(MSR_CSTAR, a->cstar);
	if (!old || o->sfmask != a->sfmask)
		wrmsr(MSR_SFMASK, a->sfmask);
	if ((!old || o->tsc_aux != a->tsc_aux) && vmx_caps.tsc_aux)
		wrmsr(MSR_TSC_AUX, a->tsc_aux);
}

/*
 * old is the vCPU whose state is in the CPU, NULL if nobody knows. Who never
 * touched the system-call MSRs or the debug registers has their reset values,
 * and so has the CPU while it is loaded.
 */
static void state_load(struct vcpu *v, const struct vcpu *old)
{
	const struct arch_vcpu *a = &v->arch, *o = &old->arch;
	bool debug = !old || (o->debug_used | a->debug_used);
	bool syscall = !old || (o->syscall_used | a->syscall_used);

	if (!old || o->cr2 != a->cr2)
		write_cr2(a->cr2);
	if (!old || o->kernel_gs_base != a->kernel_gs_base)
		wrmsr(MSR_KERNEL_GS_BASE, a->kernel_gs_base);
	if (unlikely(syscall))
		syscall_load(a, old);
	if (unlikely(debug))
		debug_load(a);
}

void vmx_vcpu_unload(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (v->arch.vmcs_pcpu != p->id + 1)
		return;
	if (p->arch.hvm_current == v) {
		state_save(v);
		xstate_save(v);
		p->arch.hvm_current = NULL;
	}
	vmcs_clear(v->arch.vmcs);
	current_again();
	v->arch.launched = false;
	STORE_RELEASE(v->arch.vmcs_pcpu, 0);
}

/* What is stale in the TLB has an older generation, and another root besides. */
void vmx_vcpu_tables(struct vcpu *v)
{
	if (!vmx_borrow(v))
		panic("new tables for a vCPU that is loaded on another CPU");
	vmcs_set_tables(v);
	vmx_return(v);
}

void vmx_vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t argument)
{
	struct arch_vcpu *a = &v->arch;

	vmx_vcpu_unload(v);
	memset(&v->regs, 0, sizeof(v->regs));
	v->regs.rbx = argument;
	memset(a->dr, 0, sizeof(a->dr));
	a->dr6 = DR6_RESET;
	a->debug_used = a->syscall_used = a->window = false;
	a->cr2 = a->cr8 = a->kernel_gs_base = a->tsc_aux = 0;
	a->star = a->lstar = a->cstar = a->sfmask = 0;
	a->pat = PAT_RESET;
	a->inject = 0;
	xstate_reset(v);
	if (!vmx_borrow(v))
		panic("reset of a vCPU that is loaded on another CPU");
	vmcs_reset_guest(v, entry);
	vmx_return(v);
}

/* --- the run --------------------------------------------------------------------- */

static void invalidate(bool vpid, uint64_t type, uint64_t context)
{
	uint64_t descriptor[2] = { context, 0 };
	bool failed;

	if (vpid)
		__asm__ volatile("invvpid %1, %2" : "=@ccbe"(failed)
				 : "m"(descriptor), "r"(type) : "memory");
	else
		__asm__ volatile("invept %1, %2" : "=@ccbe"(failed)
				 : "m"(descriptor), "r"(type) : "memory");
	if (unlikely(failed))
		panic("%s of type %lu refused", vpid ? "INVVPID" : "INVEPT", type);
}

/* The generation is read first: what is withdrawn after that flushes again. */
static __attribute__((noinline)) void ept_flush(struct pcpu *p, struct vcpu *v)
{
	uint64_t generation = LOAD_ACQUIRE(v->vm->tlb_generation);
	bool one = vmx_caps.ept_vpid & EPT_CAP_INVEPT_ONE;

	invalidate(false, one ? INV_ONE : INV_ALL, one ? v->arch.eptp : 0);
	STORE_RELEASE(v->vm->flushed[p->id], generation);
	p->arch.debug[0]++;
	v->count.flushes++;
}

/* The VMCS comes to this pCPU: what an earlier stay, or another vCPU with this
 * VPID or an earlier VM with this root, left in the TLB is stale. */
static __attribute__((noinline)) void vmcs_arrive(struct pcpu *p, struct vcpu *v)
{
	bool one = vmx_caps.ept_vpid & VPID_CAP_INVVPID_ONE;

	vmcs_init_host();
	vmcs_write(VMCS_TSC_OFFSET, (uint64_t)v->tsc_offset);
	v->arch.host_rsp = 0;
	v->arch.vmcs_pcpu = p->id + 1;
	if (v->arch.vpid)
		invalidate(true, one ? INV_ONE : INV_ALL, one ? v->arch.vpid : 0);
	ept_flush(p, v);
}

static void vcpu_switch(struct pcpu *p, struct vcpu *v)
{
	struct vcpu *old = p->arch.hvm_current;

	if (likely(old != NULL)) {
		state_save(old);
		xstate_switch(old, v);
	} else {
		xstate_load(v);
	}
	state_load(v, old);
	vmcs_load(&v->arch.vmcs);
	p->arch.hvm_current = v;
	if (unlikely(v->arch.vmcs_pcpu != p->id + 1)) {
		CHECK(v->arch.vmcs_pcpu == 0);
		vmcs_arrive(p, v);
	}
}

void vmx_window_set(struct vcpu *v, bool on)
{
	if (v->arch.window == on)
		return;
	v->arch.window = on;
	v->arch.proc ^= PROC_WINDOW;
	vmcs_write(VMCS_PROC, v->arch.proc);
}

void vmx_debug_use(struct vcpu *v)
{
	if (v->arch.debug_used)
		return;
	v->arch.debug_used = true;
	v->arch.proc &= ~PROC_MOV_DR;
	vmcs_write(VMCS_PROC, v->arch.proc);
}

static bool can_take_interrupt(void)
{
	return (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
	       !(vmcs_read(VMCS_SHADOW) & SHADOW_INSTRUCTION);
}

/* Decide what this entry delivers. An exception, or what an exit broke off,
 * goes first; then the upcall, or an exit as soon as it can go. */
static void deliver(struct vcpu *v, uint32_t upcall)
{
	if (unlikely(v->arch.inject)) {
		vmcs_write(VMCS_ENTRY_EVENT, v->arch.inject);
		vmcs_write(VMCS_ENTRY_ERROR, v->arch.inject_error);
		vmcs_write(VMCS_ENTRY_LENGTH, v->arch.inject_len);
		v->arch.inject = 0;
		vmx_window_set(v, upcall != 0);
		return;
	}
	if (upcall && can_take_interrupt()) {
		vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID |
			   EVENT_TYPE_EXTERNAL << EVENT_TYPE_SHIFT | upcall);
		v->count.upcalls++;
		upcall = 0;
	}
	vmx_window_set(v, upcall != 0);
}

/*
 * entry.asm: enter the guest until an exit that vmx_exit_hot() leaves to us.
 * Not a C function, as the guest's registers take the place of nearly all: the
 * compiler saves just those that it uses. True if VMLAUNCH or VMRESUME failed.
 */
static inline bool enter(struct vcpu *v)
{
	uint64_t *host_rsp = &v->arch.host_rsp;
	uint32_t launched = v->arch.launched, failed;

	__asm__ volatile("call vmx_enter"
			 : "=a"(failed), "+D"(v), "+S"(launched), "+d"(host_rsp)
			 : : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
	return failed;
}

void vmx_tlb_update(struct vcpu *v)
{
	struct pcpu *p = this_pcpu();

	if (unlikely(LOAD_ACQUIRE(v->vm->tlb_generation) != v->vm->flushed[p->id]))
		ept_flush(p, v);
}

void vmx_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit)
{
	struct pcpu *p = this_pcpu();
	struct vm *vm = v->vm;

	TLB_RUN_BEGIN(&p->arch, vm);
	if (p->arch.hvm_current != v)
		vcpu_switch(p, v);
	if (unlikely(LOAD_ACQUIRE(vm->tlb_generation) != vm->flushed[p->id]))
		ept_flush(p, v);
	deliver(v, upcall);
	TLB_RUN_ENTER(&p->arch, vm->flushed[p->id]);
	if (likely(!enter(v))) {
		vmx_exit_decode(v, exit);
		return;
	}
	exit->reason = EXIT_BAD_STATE;
	exit->insn_len = 0;
	exit->code = vmcs_read(VMCS_INSTRUCTION_ERROR);
	exit->qualification = 0;
}
