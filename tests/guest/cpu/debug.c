/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug and alignment exceptions, which the hypervisor intercepts and hands on:
 * single steps over instructions that exit, breakpoints, INT3, INT1, #AC.
 */
#include "tests/guest/cpu/cpu.h"

#include "tests/guest/lib/check.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/ring3.h"

#define STEPS_MAX	32
#define RFLAGS_TF	0x100ull
#define RFLAGS_RF	0x10000ull
#define RFLAGS_AC	0x40000ull
#define CR0_AM		0x40000ull
#define CR4_MCE		0x40ull
#define DR6_BS		0x4000ull

static volatile uint64_t steps[STEPS_MAX];	/* RIP of each #DB */
static volatile uint64_t causes;	/* DR6, summed up */
static volatile uint32_t step_count;
static volatile uint64_t fault_rflags;	/* saved by any other exception */
static bool (*hook_before)(struct trap_frame *f);

static bool debug_hook(struct trap_frame *f)
{
	uint64_t dr6;

	if (f->vector != FAULT_DB) {
		fault_rflags = f->rflags;
		return hook_before(f);
	}
	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("movq %0, %%dr6" : : "r"(0xffff0ff0ul));
	causes = causes | (dr6 & 0xe00f);
	if (step_count < STEPS_MAX)
		steps[step_count] = f->rip;
	step_count = step_count + 1;
	if (dr6 & 0xf)
		f->rflags |= RFLAGS_RF;	/* past an execution breakpoint */
	return true;
}

static void debug_begin(void)
{
	step_count = 0;
	causes = 0;
}

/* A trap after each instruction from the one after POPF on, POPF included. */
static void test_steps(void)
{
	uint32_t a = 0, b, c = 0, d;
	extern uint8_t step_from[], step_cpuid[], step_in[], step_to[];

	debug_begin();
	__asm__ volatile("pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n"
			 "step_from: nop\n\t"
			 "cpuid\n"
			 "step_cpuid: nop\n\t"
			 "inb $0x60, %%al\n"
			 "step_in: nop\n\t"
			 "pushfq\n\t"
			 "andq $~0x100, (%%rsp)\n\t"
			 "popfq\n"
			 "step_to: nop"
			 : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory", "cc");
	CHECK_IS(step_count, 8);
	CHECK_IS(causes, DR6_BS);
	CHECK_IS(steps[0], step_from + 1);
	CHECK_IS(steps[1], step_cpuid);
	CHECK_IS(steps[3], step_in);
	CHECK_IS(steps[7], step_to);
}

static void dr_set(uint64_t address, uint64_t dr7)
{
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7"
			 : : "r"(address), "r"(dr7));
}

static void test_breakpoints(void)
{
	static volatile uint32_t watched;
	extern uint8_t break_here[];
	uint64_t dr0;

	debug_begin();
	dr_set((uint64_t)break_here, 0x401 | 1);
	__asm__ volatile("nop\nbreak_here: nop");
	CHECK_IS(step_count, 1);
	CHECK_IS(causes, 1);
	CHECK_IS(steps[0], break_here);
	debug_begin();
	dr_set((uint64_t)&watched, 0xd0401);	/* writes of four bytes */
	hcall0(AMBIT_HC_TIME);
	CHECK_IS(watched, 0);
	watched = 1;
	CHECK_IS(step_count, 1);
	CHECK_IS(causes, 1);
	__asm__ volatile("movq %%dr0, %0" : "=r"(dr0));
	CHECK_IS(dr0, &watched);
	dr_set(0, 0x400);
}

/* RF is over with the instruction that it was for, also if that one exits. */
static void test_resume_flag(void)
{
	uint32_t a = 0, b, c = 0, d;
	extern uint8_t resume_cpuid[], resume_in[], resume_next[];

	debug_begin();
	dr_set((uint64_t)resume_cpuid, 0x43f);
	__asm__ volatile("movq %0, %%dr1; movq %1, %%dr2"
			 : : "r"((uint64_t)resume_in), "r"((uint64_t)resume_next));
	__asm__ volatile("resume_cpuid: cpuid\n"
			 "resume_in: inb $0x60, %%al\n"
			 "resume_next: nop"
			 : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
	dr_set(0, 0x400);
	CHECK_IS(step_count, 3);
	CHECK_IS(steps[1], resume_in);
	CHECK_IS(steps[2], resume_next);
}

/* One that the hypervisor has executed again hits its breakpoint once, and a fault
 * that the hypervisor raises saves RF as any other, so as not to hit it twice. */
static void test_again(void)
{
	extern uint8_t again_cr4[];
	uint64_t cr4;

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	debug_begin();
	dr_set((uint64_t)again_cr4, 0x403);
	__asm__ volatile("again_cr4: movq %0, %%cr4" : : "r"(cr4 ^ CR4_MCE) : "memory");
	dr_set(0, 0x400);
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
	CHECK_IS(step_count, 1);
	PROBE("rdmsr", : : "c"(0x3a) : "rax", "rdx", "memory");
	CHECK_IS(probe_vector, FAULT_GP);
	CHECK(fault_rflags & RFLAGS_RF);
}

static void test_traps(void)
{
	extern uint8_t after_int1[];

	PROBE("int3");
	CHECK_IS(probe_vector, FAULT_BP);
	debug_begin();
	PROBE(".byte 0xf1\nafter_int1:");
	/* Not every emulator knows it. */
	if (probe_vector == FAULT_UD)
		return;
	CHECK_IS(step_count, 1);
	CHECK_IS(steps[0], after_int1);
}

static uint64_t user_misaligned(uint64_t arg)
{
	uint32_t v;

	__asm__ volatile("movl 1(%1), %0" : "=r"(v) : "r"(arg) : "memory");
	return v;
}

/* Not every emulator checks alignment: then the word is read. */
static void test_alignment(void)
{
	static uint64_t words[2] = { 0x1122334455667788, 0 };
	uint64_t cr0, r;

	CHECK_IS(ring3_call(user_misaligned, (uint64_t)words, RFLAGS_AC), 0x44556677);
	__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | CR0_AM));
	for (int i = 0; i < 3; i++) {
		r = ring3_call(user_misaligned, (uint64_t)words, RFLAGS_AC);
		CHECK(r == RING3_FAULT + FAULT_AC ||
		      (r == 0x44556677 && vm_info()->features & AMBIT_FEAT_VMMCALL));
	}
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0));
}

void test_debug(void)
{
	hook_before = trap_hook;
	trap_hook = debug_hook;
	test_steps();
	test_breakpoints();
	test_resume_flag();
	test_again();
	test_traps();
	test_alignment();
	trap_hook = hook_before;
}
