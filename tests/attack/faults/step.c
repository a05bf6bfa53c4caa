/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single steps and data breakpoints over instructions that the hypervisor handles:
 * a trap that was due must come behind the instruction, once, and the state that is
 * entered again must be one that the CPU takes.
 */
#include "tests/attack/faults/faults.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/probe.h"

#define FAULT_STACK_SEGMENT 0x10
#define DR6_STILL	0xffff0ff0ul
#define DR6_BS		0x4000ul
#define DR7_READ_2	0x70401ul	/* of two bytes, read or written */

static volatile uint32_t traps, stepped, watched;
static uint64_t first_rip;

static bool hook(struct trap_frame *f)
{
	uint64_t dr6;

	if (f->vector != FAULT_DB)
		return probe_hook(f);
	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("movq %0, %%dr6" : : "r"(DR6_STILL));
	if (!traps)
		first_rip = f->rip;
	traps = traps + 1;
	stepped += !!(dr6 & DR6_BS);
	watched += dr6 & 1;
	return true;
}

static void begin(void)
{
	trap_hook = hook;
	traps = stepped = watched = 0;
}

/* With RFLAGS.TF over one instruction: traps behind it, and behind the two that
 * take the flag away again. A fault on the way is skipped by the probe. Of the last
 * one, behind POPF, an emulator's CPU does not say that it is a step. */
#define STEP(insn, ...) do {						\
	begin();							\
	PROBE("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t" insn		\
	      "\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq", __VA_ARGS__); \
	clear_tf();							\
	CHECK(traps >= 1 && traps <= 6);				\
	CHECK(stepped == traps || stepped == traps - 1);		\
} while (0)

static void clear_tf(void)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
}

void steps(void)
{
	uint32_t a = 0, c = 0, d = 0, b;

	STEP("cpuid", : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory", "cc");
	STEP("xorl %%eax, %%eax\n\t661: vmcall\n\t.pushsection .hcall, \"a\"\n\t.quad 661b\n\t"
	     ".popsection", : : : "rax", "rdx", "memory", "cc");
	STEP("inb $0x60, %%al", : : : "rax", "memory", "cc");
	STEP("outb %%al, $0x80", : : : "memory", "cc");
	STEP("rep insb", : : "D"(attack_arena), "c"(4), "d"(0x60) : "memory", "cc");
	STEP("invd", : : : "memory", "cc");
	STEP("wbinvd", : : : "memory", "cc");
	STEP("rdtsc", : : : "rax", "rdx", "memory", "cc");
	STEP("movq %%cr3, %%rax\n\tmovq %%rax, %%cr3", : : : "rax", "memory", "cc");
	STEP("movl $0x1b, %%ecx\n\trdmsr", : : : "rax", "rcx", "rdx", "memory", "cc");
	begin();
	/* HLT: a virq is pending, so it ends at once; no upcall is asked for. */
	hcall2(AMBIT_HC_VIRQ_SEND, vcpu_self(), AMBIT_VIRQ_IPI);
	STEP("hlt", : : : "memory", "cc");
	vcpu_page(vcpu_self())->pending[0] = 0;
	/* Faults: the trap is not due then. */
	begin();
	PROBE("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tmovl $0x3a, %%ecx\n\trdmsr",
	      : : : "rax", "rcx", "rdx", "memory", "cc");
	clear_tf();
	CHECK_IS(probe_vector, FAULT_GP);
}

/* A load of SS holds the trap of a watched word back to the next instruction,
 * which is one that exits; the trap may be lost there, but nothing else. */
#define SHADOW(insn, ...) do {						\
	begin();							\
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7"		\
			 : : "r"(&selector), "r"(DR7_READ_2));		\
	PROBE("movw selector, %%ss\n\t" insn, __VA_ARGS__);		\
	__asm__ volatile("movq %0, %%dr7" : : "r"(0x400ul));		\
	CHECK(traps <= 2 && !stepped);					\
	seen += watched;						\
} while (0)

extern volatile uint16_t selector;
volatile uint16_t selector = FAULT_STACK_SEGMENT;

void shadows(void)
{
	uint32_t a = 0, c = 0, d = 0, b, seen = 0;

	SHADOW("nop", : : : "memory", "cc");
	SHADOW("cpuid", : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory", "cc");
	SHADOW("xorl %%eax, %%eax\n\t661: vmcall\n\t.pushsection .hcall, \"a\"\n\t.quad 661b\n\t"
	       ".popsection", : : : "rax", "rdx", "memory", "cc");
	SHADOW("inb $0x60, %%al", : : : "rax", "memory", "cc");
	SHADOW("outb %%al, $0x80", : : : "memory", "cc");
	SHADOW("wbinvd", : : : "memory", "cc");
	SHADOW("int3", : : : "memory", "cc");
	SHADOW("ud2", : : : "memory", "cc");
	SHADOW("movl $0x3a, %%ecx\n\trdmsr", : : : "rax", "rcx", "rdx", "memory", "cc");
	/* With the trap flag besides. */
	STEP("movw selector, %%ss\n\tcpuid", : "+a"(a), "=b"(b), "+c"(c), "=d"(d)
	     : : "memory", "cc");
	STEP("movw selector, %%ss\n\toutb %%al, $0x80", : : : "memory", "cc");
	printf("%u traps behind loads of SS\n", seen);
	CHECK(seen >= 1);
}
