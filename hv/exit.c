/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit policy, the same for both vendors: default deny. A denied MSR raises
 * #GP, a denied port reads all ones and ignores writes; both are counted, and
 * logged the first time. What breaks the VM's contract stops it.
 */
#include "hv/exit.h"

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/console.h"
#include "hv/sched.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "vio/user.h"
#include "vio/virq.h"

#define VECTOR_UD	6
#define VECTOR_GP	13
#define LOGGED_MSR	BIT(0)
#define LOGGED_PORT	BIT(1)

static bool first_time(struct vm *vm, uint64_t kind)
{
	return !(__atomic_fetch_or(&vm->denied_logged, kind, __ATOMIC_RELAXED) &
		 kind);
}

static void deny_msr(struct vcpu *v, struct vcpu_exit *exit, bool write)
{
	uint32_t msr = (uint32_t)v->regs.rcx;

	v->count.denied_msr++;
	if (v->vm->config->strict) {
		vm_crash(v, exit, "forbidden %s of MSR 0x%x",
			 write ? "write" : "read", msr);
		return;
	}
	if (first_time(v->vm, LOGGED_MSR))
		hv_log("%s: %s of MSR 0x%x denied with #GP (further ones are only counted)",
		       v->vm->name, write ? "write" : "read", msr);
	hvm->inject(v, VECTOR_GP, true, 0);
}

static void exit_rdmsr(struct vcpu *v, struct vcpu_exit *exit)
{
	uint64_t value;

	if (!guest_rdmsr(v, (uint32_t)v->regs.rcx, &value)) {
		deny_msr(v, exit, false);
		return;
	}
	v->regs.rax = (uint32_t)value;
	v->regs.rdx = value >> 32;
	hvm->skip(v, exit);
}

static void exit_wrmsr(struct vcpu *v, struct vcpu_exit *exit)
{
	uint64_t value = v->regs.rdx << 32 | (uint32_t)v->regs.rax;

	if (guest_wrmsr(v, (uint32_t)v->regs.rcx, value))
		hvm->skip(v, exit);
	else
		deny_msr(v, exit, true);
}

static void exit_io(struct vcpu *v, struct vcpu_exit *exit)
{
	uint64_t mask = exit->io.size == 4 ? 0xffffffff :
			exit->io.size == 2 ? 0xffff : 0xff;

	v->count.denied_port++;
	if (v->vm->config->strict) {
		vm_crash(v, exit, "forbidden access to I/O port 0x%x",
			 exit->io.port);
		return;
	}
	if (first_time(v->vm, LOGGED_PORT))
		hv_log("%s: access to I/O port 0x%x denied (reads give all ones; further ones are only counted)",
		       v->vm->name, exit->io.port);
	/* String input would have to write guest memory: it is skipped as a
	 * whole, like output. */
	if (exit->io.in && !exit->io.string) {
		if (exit->io.size == 4)
			v->regs.rax = mask;
		else
			v->regs.rax |= mask;
	}
	hvm->skip(v, exit);
}

static void exit_memory(struct vcpu *v, struct vcpu_exit *exit)
{
	const char *how = exit->memory.write ? "write to" :
			  exit->memory.fetch ? "instruction fetch from" :
			  "read of";

	vm_crash(v, exit, "%s %s guest-physical address 0x%lx%s", how,
		 exit->memory.mapped ? "protected" : "unbacked",
		 exit->memory.gpa.v,
		 exit->memory.in_walk ? " (by its page-table walk)" : "");
}

/* HLT waits for a virq; with interrupts off nothing could ever end it. */
static void exit_hlt(struct vcpu *v, struct vcpu_exit *exit)
{
	if (!hvm->interrupts_on(v)) {
		vm_vcpu_halted(v, exit);
		return;
	}
	hvm->skip(v, exit);
	v->wait_call = false;
	sched_wait(v, NS_NEVER);
}

void exit_due(struct vcpu *v)
{
	if (v->due & VCPU_DUE_START) {
		v->timer_ns = NS_NEVER;
		hvm->vcpu_reset(v, v->start_entry, v->start_arg);
	} else if ((v->due & VCPU_DUE_TIMEOUT) && !virq_deliverable(v) &&
		   !((v->due & VCPU_DUE_USER) && user_event(v))) {
		v->regs.rax = (uint64_t)AMBIT_ETIME;
	}
	WRITE_ONCE(v->due, 0);
}

void exit_handle(struct vcpu *v, struct vcpu_exit *exit)
{
	switch (exit->reason) {
	case EXIT_NONE:
	case EXIT_EXCEPTION:
	case EXIT_REGISTER:
	case EXIT_WINDOW:
	case EXIT_PAUSE:
	case EXIT_INTERRUPT:	/* these two are the run loop's own */
	case EXIT_HYPERCALL:
		break;
	case EXIT_CPUID:
		v->count.late_cpuids++;
		guest_cpuid(v);
		hvm->skip(v, exit);
		break;
	case EXIT_HLT:
		exit_hlt(v, exit);
		break;
	case EXIT_IO:
		exit_io(v, exit);
		break;
	case EXIT_RDMSR:
		exit_rdmsr(v, exit);
		break;
	case EXIT_WRMSR:
		exit_wrmsr(v, exit);
		break;
	case EXIT_XSETBV:
		if (guest_xsetbv(v, (uint32_t)v->regs.rcx,
				 v->regs.rdx << 32 | (uint32_t)v->regs.rax))
			hvm->skip(v, exit);
		else
			hvm->inject(v, VECTOR_GP, true, 0);
		break;
	case EXIT_MEMORY:
		exit_memory(v, exit);
		break;
	case EXIT_UNDEFINED:
		hvm->inject(v, VECTOR_UD, false, 0);
		break;
	case EXIT_CACHE:
		hvm->skip(v, exit);
		break;
	case EXIT_TRIPLE_FAULT:
		vm_crash(v, exit, "triple fault (an exception in the double-fault path: look at its IDT and stack)");
		break;
	case EXIT_TASK_SWITCH:
		vm_crash(v, exit, "a hardware task switch");
		break;
	case EXIT_BAD_STATE:
		vm_crash(v, exit, "the CPU refuses its register state");
		break;
	case EXIT_UNKNOWN:
		vm_crash(v, exit, "an exit that no guest may cause (code 0x%lx)",
			 exit->code);
		break;
	}
}
