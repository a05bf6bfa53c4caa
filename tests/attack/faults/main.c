/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions without end, on vCPU 1 beside a witness: whose delivery raises the next
 * one, so that no instruction of it ever ends. Each has to be stoppable by vCPU 0,
 * and the witness keeps its share meanwhile. Then single steps and breakpoints over
 * instructions that exit; then deaths while an exception is being delivered: its
 * tables or stacks where nothing is, exceptions inside of exceptions. Words of the
 * command line: watch-stack and no-deaths, by what the emulator can do.
 */
#include "tests/attack/faults/faults.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/ring3.h"

#define NOWHERE		(vm_info()->ram_low + 0x10000)	/* mapped, not backed */
#define NOT_CANONICAL	0x1234567812345678ull
#define ENDLESS		(15 * MS)
#define VECTOR_UPCALL	0x50

/* --- without end ------------------------------------------------------------------------- */

extern uint8_t fault_iret[], fault_iret_error[], fault_int1[], fault_ud[], fault_spin[];
__asm__(".pushsection .text\n"
	"fault_iret_error: addq $8, %rsp\n"
	"fault_iret: iretq\n"
	"fault_int1: .byte 0xf1\n\tjmp fault_int1\n"
	"fault_ud: ud2\n"
	"fault_spin: pause\n\tjmp fault_spin\n"
	".popsection");

/* The write of the frame is itself what the breakpoint watches. */
static void debug_on_stack(void *arg)
{
	(void)arg;
	tables_clear();
	gate_set(FAULT_DB, (uint64_t)fault_iret, true);
	tables_load();
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7"
			 : : "r"(fault_stack + FAULT_STACK - 8), "r"(0x90401ul));
	for (;;)
		*(volatile uint64_t *)(fault_stack + FAULT_STACK - 8) = 1;
}

/* Its handler's first instruction raises it again. */
static void debug_in_debug(void *arg)
{
	(void)arg;
	tables_clear();
	gate_set(FAULT_DB, (uint64_t)fault_int1, true);
	gate_set(FAULT_UD, (uint64_t)fault_int1, true);
	tables_load();
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7; jmp fault_int1"
			 : : "r"(fault_int1), "r"(0x401ul));
}

static void undefined_in_undefined(void *arg)
{
	(void)arg;
	tables_clear();
	gate_set(FAULT_UD, (uint64_t)fault_ud, true);
	tables_load();
	__asm__ volatile("ud2");
}

/* The handler is where nothing is mapped: no instruction is ever fetched. */
static void page_fault_in_page_fault(void *arg)
{
	(void)arg;
	tables_clear();
	gate_set(14, 1ull << 40, true);
	tables_load();
	(void)*(volatile uint8_t *)(1ull << 41);
}

/* An upcall whose handler leaves it pending: a level, so it comes again. */
static void upcall_in_upcall(void *arg)
{
	struct ambit_vcpu_page *page = vcpu_page(1);

	(void)arg;
	tables_clear();
	gate_set(VECTOR_UPCALL, (uint64_t)fault_iret, true);
	tables_load();
	page->upcall_vector = VECTOR_UPCALL;
	hcall2(AMBIT_HC_VIRQ_SEND, 1, AMBIT_VIRQ_IPI);
	irq_enable();
	for (;;)
		cpu_pause();
}

static uint64_t misaligned(uint64_t at)
{
	while (at)	/* NOLINT: the exception ends it */
		(void)*(volatile uint32_t *)(at + 1);
	return at;
}

/* In ring 3, with a handler that returns to the same access. Not every emulator checks
 * alignment: then it is a loop like any other. */
static void misaligned_for_ever(void *arg)
{
	uint64_t cr0;

	(void)arg;
	tables_clear();
	gate_set(FAULT_AC, (uint64_t)fault_iret_error, false);
	tables_load();
	ring3_init();		/* a GDT and TSS of its own */
	__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | 1u << 18));
	ring3_call(misaligned, (uint64_t)attack_arena, 1u << 18);
}

/* Single steps without end: every instruction traps, the handler's too. */
static void step_in_step(void *arg)
{
	(void)arg;
	tables_clear();
	gate_set(FAULT_DB, (uint64_t)fault_iret, false);
	tables_load();
	__asm__ volatile("pushfq; orq $0x100, (%rsp); popfq");
	for (;;)
		cpu_pause();
}

static void nothing(void *arg)
{
	(void)arg;
}

static void stop_again(void)
{
	uint64_t until = time_now() + 1000 * MS;

	CHECK_IS(hcall1(AMBIT_HC_VCPU_STOP, 1), 0);
	vcpu_page(1)->upcall_vector = 0;
	vcpu_page(1)->pending[0] = 0;
	while (vcpu_start(1, nothing, NULL) == AMBIT_EBUSY && time_now() < until)
		cpu_pause();
	CHECK(time_now() < until);
	while (hcall1(AMBIT_HC_VCPU_STOP, 1) != AMBIT_EBUSY && time_now() < until)
		cpu_pause();
}

static void endless(void)
{
	static void (*const loop[])(void *) = {
		debug_in_debug, undefined_in_undefined, page_fault_in_page_fault,
		upcall_in_upcall, step_in_step, misaligned_for_ever, debug_on_stack,
	};
	/* QEMU 7.2 ends itself at a breakpoint that is hit by a delivery. */
	uint32_t n = ARRAY_SIZE(loop) - !cmdline_has("watch-stack");

	for (uint32_t i = 0; i < n; i++) {
		uint64_t until = time_now() + ENDLESS;

		CHECK_IS(vcpu_start(1, loop[i], NULL), 0);
		while (time_now() < until)
			cpu_pause();
		stop_again();
	}
}

/* --- deaths ------------------------------------------------------------------------------- */

static void raise(void)
{
	__asm__ volatile("ud2");
}

static void idt_nowhere(void)
{
	idt_load(NOWHERE, 4095);
	raise();
}

static void idt_protected(void)
{
	idt_load(link_info(0)->peer_control, 4095);
	raise();
}

static void idt_cut(void)
{
	tables_clear();
	tables_load();
	raise();
}

static void gdt_nowhere(void)
{
	tables_clear();
	gate_set(FAULT_UD, (uint64_t)fault_spin, false);
	tables_load();
	gdt_load(NOWHERE, 0xffff);
	raise();
}

static void with_stack(uint64_t rsp)
{
	__asm__ volatile("movq %0, %%rsp\n\tud2" : : "r"(rsp));
}

static void stack_nowhere(void)
{
	with_stack(NOWHERE);
}

static void stack_protected(void)
{
	with_stack(link_info(0)->status + 2048);
}

static void stack_not_canonical(void)
{
	with_stack(NOT_CANONICAL);
}

static void stack_not_mapped(void)
{
	with_stack(1ull << 41);
}

static void handler_not_canonical(void)
{
	tables_clear();
	gate_set(FAULT_UD, NOT_CANONICAL, false);
	tables_load();
	raise();
}

/* An upcall comes where its stack is nowhere: delivered by the hypervisor itself. */
static void upcall_nowhere(void)
{
	tables_clear();
	gate_set(VECTOR_UPCALL, (uint64_t)fault_spin, false);
	tables_load();
	vcpu_page(0)->upcall_vector = VECTOR_UPCALL;
	irq_disable();
	hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI);
	__asm__ volatile("movq %0, %%rsp\n\tsti\n\tnop\n\tjmp fault_spin" : : "r"(NOWHERE));
}

static void upcall_without_gate(void)
{
	tables_clear();
	tables_load();
	vcpu_page(0)->upcall_vector = 200;
	hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI);
	irq_enable();
	__asm__ volatile("jmp fault_spin");
}

static const struct act acts[] = {
	{ "exceptions without end", endless, false },
	{ "single steps", steps, false },
	{ "loads of SS", shadows, false },
	{ "an IDT that is nowhere", idt_nowhere, true },
	{ "an IDT in the peer's area", idt_protected, true },
	{ "an IDT without gates", idt_cut, true },
	{ "a GDT that is nowhere", gdt_nowhere, true },
	{ "a stack that is nowhere", stack_nowhere, true },
	{ "a stack that cannot be written", stack_protected, true },
	{ "a stack that is no address", stack_not_canonical, true },
	{ "a stack that is not mapped", stack_not_mapped, true },
	{ "a handler that is no address", handler_not_canonical, true },
	{ "an upcall to a stack that is nowhere", upcall_nowhere, true },
	{ "an upcall without a gate", upcall_without_gate, true },
};

int guest_main(void)
{
	acts_run(acts, cmdline_has("no-deaths") ? 3 : ARRAY_SIZE(acts));
}
