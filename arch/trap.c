/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and NMIs of the hypervisor itself. An exception is expected only
 * at an address that the exception table lists (rdmsr_safe and the like);
 * any other one is a panic that names it in words.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "hv/console.h"
#include "hv/panic.h"
#include "hv/symbol.h"

struct exception_entry {
	uint64_t fault, fixup;
};

extern const struct exception_entry extable_start[], extable_end[];

#define DR6_RESET	0xffff0ff0ull
#define DR7_ENABLED	0xffull

static uint64_t nmis;
static uint32_t stopping;	/* pCPU + 1 that stops all others; 0: none */
static uint32_t stopped;	/* pCPUs that did stop */

static const char *const names[32] = {
	"divide error", "debug exception", "NMI", "breakpoint", "overflow",
	"bound range exceeded", "invalid opcode", "no FPU", "double fault",
	"coprocessor overrun", "invalid TSS", "segment not present",
	"stack-segment fault", "general protection fault", "page fault", NULL,
	"x87 error", "alignment check", "machine check", "SIMD error",
	"virtualization exception", "control protection exception",
	[28] = "hypervisor injection exception", "VMM communication exception",
	"security exception",
};

static bool fix_up(struct trap_frame *f)
{
	size_t count = ((uintptr_t)extable_end - (uintptr_t)extable_start) /
		       sizeof(struct exception_entry);

	for (size_t i = 0; i < count; i++) {
		if (extable_start[i].fault == f->rip) {
			f->rip = extable_start[i].fixup;
			return true;
		}
	}
	return false;
}

/* Does va lie in a guard page of a region? */
static bool is_guard(uint64_t va)
{
	uint64_t page = (va & (PERCPU_SIZE - 1)) >> PAGE_SHIFT;

	return va >= VA_PERCPU && va < VA_PERCPU + PCPU_MAX * PERCPU_SIZE &&
	       !(PERCPU_PAGES & BIT(page));
}

static void print_registers(const struct trap_frame *f)
{
	uint64_t offset = 0;
	const char *name = symbol_find(f->rip, &offset);

	if (name)
		hv_log("in %s+0x%lx", name, offset);
	hv_log("rip %016lx  rsp %016lx  rflags %08lx", f->rip, f->rsp, f->rflags);
	hv_log("rax %016lx  rbx %016lx  rcx %016lx", f->rax, f->rbx, f->rcx);
	hv_log("rdx %016lx  rsi %016lx  rdi %016lx", f->rdx, f->rsi, f->rdi);
	hv_log("rbp %016lx  r8  %016lx  r9  %016lx", f->rbp, f->r8, f->r9);
	hv_log("r10 %016lx  r11 %016lx  r12 %016lx", f->r10, f->r11, f->r12);
	hv_log("r13 %016lx  r14 %016lx  r15 %016lx", f->r13, f->r14, f->r15);
	hv_log("cr0 %08lx  cr2 %016lx  cr3 %016lx  cr4 %lx",
	       read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

static _Noreturn void report(const struct trap_frame *f)
{
	const char *name = f->vector < 32 && names[f->vector] ? names[f->vector] : "exception";
	uint64_t cr2 = read_cr2();

	panic_begin();
	print_registers(f);
	if ((f->vector == VECTOR_DF || f->vector == VECTOR_PF) && is_guard(cr2))
		panic_at(f->rip, f->rsp, "%s: stack overflow, guard page hit at %016lx", name, cr2);
	if (f->vector == VECTOR_PF)
		panic_at(f->rip, f->rsp, "page fault: %s %016lx (%s)",
			 f->error & 16 ? "execution of" : f->error & 2 ? "write to" : "read of",
			 cr2, f->error & 1 ? "forbidden" : "not mapped");
	panic_at(f->rip, f->rsp, "%s (vector %lu, error code 0x%lx)", name, f->vector, f->error);
}

/*
 * The hypervisor sets no breakpoint and never TF, so a #DB comes of a guest: a
 * step or hit that was pending at its exit and that the exit did not cancel. A
 * known model of a CPU does that. It is no reason to stop everybody.
 */
static bool is_spurious_debug(const struct trap_frame *f)
{
	uint64_t dr7;

	__asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
	return f->vector == VECTOR_DB && !(dr7 & DR7_ENABLED) &&
	       !(f->rflags & RFLAGS_TF);
}

void trap_handle(struct trap_frame *f)
{
	if (f->vector == VECTOR_NMI) {
		nmi_handle();
		return;
	}
	if (is_spurious_debug(f)) {
		__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_RESET));
		return;
	}
	if (f->vector != VECTOR_DF && f->vector != VECTOR_MC && fix_up(f))
		return;
	report(f);
}

void nmi_handle(void)
{
	uint32_t by = LOAD_ACQUIRE(stopping);

	if (by && by != percpu_id() + 1) {
		__atomic_fetch_add(&stopped, 1, __ATOMIC_RELEASE);
		arch_halt();
	}
	__atomic_fetch_add(&nmis, 1, __ATOMIC_RELAXED);
}

uint64_t nmi_count(void)
{
	return READ_ONCE(nmis);
}

bool nmi_stop_claim(void)
{
	uint32_t nobody = 0;

	return __atomic_compare_exchange_n(&stopping, &nobody, percpu_id() + 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

uint32_t nmi_stopped(void)
{
	return LOAD_ACQUIRE(stopped);
}
