/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xstate: fills every register that a vCPU has with values of its own, lets the
 * other VM on the pCPU run, and looks whether they are still there. Two of these
 * ping each other; `juggle` makes one change XCR0 in every round. The first
 * incarnation of `fresh` leaves all registers dirty and crashes; the second must
 * find them as the CPU resets them. With `suspend` it suspends itself in each of
 * `rounds=` rounds, when it is asked to (rest.c).
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/xstate/xstate.h"

#include "hv/abi/link.h"

#define ROUNDS		240u
#define XCR0_SSE	2u
#define XCR0_AVX	4u
#define RDTSCP		(1u << 27)	/* 0x80000001, EDX */
#define TSC_AUX		0xc0000103

/* What FXSAVE stores, without the pointers that some CPUs do not switch. */
struct fx {
	uint16_t fcw, fsw, ftw, fop;
	uint64_t pointers[2];
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[128], xmm[256], rest[96];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct fx) == 512, "SDM 1, FXSAVE area");

struct regs {
	struct fx fx;
	uint64_t ymm[16][4];
	uint64_t dr[4], dr7, cr2;
	uint64_t msr[12];
};

static const uint32_t msrs[] = {
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000102,
	0x174, 0x175, 0x176, 0x277, TSC_AUX,
};
static struct regs want, have;
static bool has_aux, suspend;
static uint64_t offered;	/* of XCR0 */

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v),
		"d"((uint32_t)(v >> 32)));
}

static void xsetbv(uint64_t v)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"(0));
}

/* A number that no other VM, round or register has. */
static uint64_t value(uint64_t round, uint64_t n)
{
	uint64_t x = (vm_info()->vm + 1ull) << 48 ^ round << 16 ^ n;

	x *= 0x9e3779b97f4a7c15;
	return x ^ x >> 29;
}

#define YMM_EACH(op)							\
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)			\
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define YMM_LOAD(n)	"vmovdqu 32*" #n "(%0), %%ymm" #n "\n\t"
#define YMM_STORE(n)	"vmovdqu %%ymm" #n ", 32*" #n "(%0)\n\t"

static void load_vectors(uint64_t round, uint64_t xcr0)
{
	uint16_t fcw = (uint16_t)(0x37f ^ (round & 3) << 10);
	uint32_t mxcsr = 0x1f80 ^ (uint32_t)(round & 3) << 13;

	__asm__ volatile("fninit; fldcw %0" : : "m"(fcw));
	for (uint64_t i = 0; i < (round & 7) + 1; i++) {
		uint64_t v = value(round, i);

		__asm__ volatile("fildq %0" : : "m"(v));
	}
	if (!(xcr0 & XCR0_SSE) && xcr0)
		return;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	for (uint64_t i = 0; i < 16; i++)
		for (uint64_t k = 0; k < 4; k++)
			want.ymm[i][k] = value(round, 100 + i * 4 + k);
	if (xcr0 & XCR0_AVX)
		__asm__ volatile(YMM_EACH(YMM_LOAD) : : "r"(want.ymm) : "memory");
	else
		__asm__ volatile("movdqu (%0), %%xmm0; movdqu 32(%0), %%xmm15"
				 : : "r"(want.ymm) : "memory");
}

static void load_rest(uint64_t round)
{
	for (uint64_t i = 0; i < 4; i++)
		want.dr[i] = value(round, 200 + i) & 0x7fffffffffff;
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr1; movq %2, %%dr2; movq %3, %%dr3"
		: : "r"(want.dr[0]), "r"(want.dr[1]), "r"(want.dr[2]), "r"(want.dr[3]));
	/* Breakpoints on writes to where nobody writes. Not with AMD-V: QEMU's
	 * VMRUN loads DR7 without making them, and it crashes later. */
	want.dr7 = vm_info()->features & AMBIT_FEAT_VMMCALL ? 0x400 :
		   0x11110455 & ~(round & 1);
	__asm__ volatile("movq %0, %%dr7" : : "r"(want.dr7));
	want.cr2 = value(round, 210);
	__asm__ volatile("movq %0, %%cr2" : : "r"(want.cr2));
	for (uint64_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t v = value(round, 220 + i) & 0x00007fffffffffff;

		if (msrs[i] == 0xc0000084 || msrs[i] == 0x174 || msrs[i] == TSC_AUX)
			v &= 0xffff;
		if (msrs[i] == 0x277)
			v = round & 1 ? 0x0007010600070106 : 0x0007040600070406;
		want.msr[i] = v;
		if (msrs[i] != TSC_AUX || has_aux)
			wrmsr(msrs[i], v);
	}
}

static void fxsave(struct fx *fx)
{
	__asm__ volatile("fxsave64 %0" : "=m"(*fx));
}

static void read_rest(struct regs *r)
{
	__asm__ volatile("movq %%dr0, %0; movq %%dr1, %1; movq %%dr2, %2; movq %%dr3, %3"
		: "=r"(r->dr[0]), "=r"(r->dr[1]), "=r"(r->dr[2]), "=r"(r->dr[3]));
	__asm__ volatile("movq %%dr7, %0" : "=r"(r->dr7));
	__asm__ volatile("movq %%cr2, %0" : "=r"(r->cr2));
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		r->msr[i] = want.msr[i];
		if (msrs[i] != TSC_AUX)
			r->msr[i] = rdmsr(msrs[i]);
		else if (has_aux)
			__asm__ volatile("rdtscp" : "=c"(r->msr[i]) : : "rax", "rdx");
	}
}

static void check_fx(uint64_t round, const struct fx *a, const struct fx *b)
{
	bool same = a->fcw == b->fcw && a->fsw == b->fsw && a->ftw == b->ftw &&
		    a->mxcsr == b->mxcsr && !memcmp(a->st, b->st, sizeof(a->st)) &&
		    !memcmp(a->xmm, b->xmm, sizeof(a->xmm));

	if (!same)
		printf("round %lu: x87 or SSE registers changed\n", round);
	CHECK(same);
}

static void check_rest(uint64_t round)
{
	read_rest(&have);
	for (size_t i = 0; i < 4; i++)
		CHECK_IS(have.dr[i], want.dr[i]);
	CHECK_IS(have.dr7, want.dr7);
	CHECK_IS(have.cr2, want.cr2);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (have.msr[i] != want.msr[i])
			printf("round %lu, MSR 0x%x:\n", round, msrs[i]);
		CHECK_IS(have.msr[i], want.msr[i]);
	}
}

void check_general(uint64_t loops)
{
	uint64_t bad = 0;

	__asm__ volatile(
		"pushq %%rbp\n\t"
		"movq $0x1111, %%rax\n\t	movq $0x2222, %%rbx\n\t"
		"movq $0x3333, %%rdx\n\t	movq $0x4444, %%rsi\n\t"
		"movq $0x5555, %%rdi\n\t	movq $0x6666, %%rbp\n\t"
		"movq $0x7777, %%r8\n\t		movq $0x8888, %%r9\n\t"
		"movq $0x9999, %%r10\n\t	movq $0xaaaa, %%r11\n\t"
		"movq $0xbbbb, %%r12\n\t	movq $0xcccc, %%r13\n\t"
		"movq $0xdddd, %%r14\n\t	movq $0xeeee, %%r15\n"
		"1:	decq %%rcx\n\t"
		"jnz 1b\n\t"
		"xorq $0x1111, %%rax\n\t	xorq $0x2222, %%rbx\n\t"
		"xorq $0x3333, %%rdx\n\t	xorq $0x4444, %%rsi\n\t"
		"xorq $0x5555, %%rdi\n\t	xorq $0x6666, %%rbp\n\t"
		"xorq $0x7777, %%r8\n\t		xorq $0x8888, %%r9\n\t"
		"xorq $0x9999, %%r10\n\t	xorq $0xaaaa, %%r11\n\t"
		"xorq $0xbbbb, %%r12\n\t	xorq $0xcccc, %%r13\n\t"
		"xorq $0xdddd, %%r14\n\t	xorq $0xeeee, %%r15\n\t"
		"orq %%rbx, %%rax\n\t		orq %%rdx, %%rax\n\t"
		"orq %%rsi, %%rax\n\t		orq %%rdi, %%rax\n\t"
		"orq %%rbp, %%rax\n\t		orq %%r8, %%rax\n\t"
		"orq %%r9, %%rax\n\t		orq %%r10, %%rax\n\t"
		"orq %%r11, %%rax\n\t		orq %%r12, %%rax\n\t"
		"orq %%r13, %%rax\n\t		orq %%r14, %%rax\n\t"
		"orq %%r15, %%rax\n\t"
		"popq %%rbp"
		: "=&a"(bad), "+c"(loops)
		: : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
		    "r13", "r14", "r15", "memory", "cc");
	CHECK_IS(bad, 0);
}

/* Let the neighbour run: by handing over, by a call, by being preempted. */
static void let_run(uint64_t round)
{
	struct ambit_event *event = (struct ambit_event *)link_info(0)->event;

	if (suspend) {
		rest_round(round);
	} else if (round % 40 == 39) {
		check_general(cmdline_u64("loops", 40000));
	} else if (round % 4 == 3) {
		hcall1(AMBIT_HC_SETTLE, 0);
	} else {
		hcall2(AMBIT_HC_NOTIFY_WAIT, 0, time_now() + 20 * MS);
		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		virq_poll();
	}
}

static void run_round(uint64_t round, bool juggle)
{
	uint64_t xcr0 = offered;

	if (juggle && offered)
		xcr0 = offered & (round % 3 == 0 ? 1 : round % 3 == 1 ? 3 : 7);
	if (offered)
		xsetbv(xcr0);
	load_vectors(round, xcr0);
	load_rest(round);
	fxsave(&want.fx);
	let_run(round);
	fxsave(&have.fx);
	check_fx(round, &want.fx, &have.fx);
	if (xcr0 & XCR0_AVX) {
		__asm__ volatile(YMM_EACH(YMM_STORE) : : "r"(have.ymm) : "memory");
		CHECK(!memcmp(have.ymm, want.ymm, sizeof(have.ymm)));
	}
	check_rest(round);
}

/* As the CPU resets them, whatever others left there. */
static void check_fresh(void)
{
	static const struct regs zero;

	fxsave(&have.fx);
	CHECK_IS(have.fx.fcw, 0x37f);
	CHECK_IS(have.fx.ftw, 0);
	CHECK_IS(have.fx.mxcsr, 0x1f80);
	CHECK(!memcmp(have.fx.st, zero.fx.st, sizeof(zero.fx.st)));
	CHECK(!memcmp(have.fx.xmm, zero.fx.xmm, sizeof(zero.fx.xmm)));
	if (offered & XCR0_AVX) {
		__asm__ volatile(YMM_EACH(YMM_STORE) : : "r"(have.ymm) : "memory");
		CHECK(!memcmp(have.ymm, zero.ymm, sizeof(zero.ymm)));
	}
	read_rest(&have);
	CHECK(!memcmp(have.dr, zero.dr, sizeof(zero.dr)));
	CHECK_IS(have.dr7, 0x400);
	CHECK_IS(have.cr2, 0);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		CHECK_IS(have.msr[i], msrs[i] == 0x277 ? 0x0007040600070406 : 0);
}

int guest_main(void)
{
	bool juggle = cmdline_has("juggle");

	has_aux = cpuid(0x80000001, 0).edx & RDTSCP;
	offered = cpu_enable_vector();
	check_fresh();
	if (cmdline_has("fresh")) {
		load_vectors(7, offered);
		load_rest(7);
		if (vm_info()->incarnation == 1)
			__asm__ volatile("cli; hlt");
		return check_end();
	}
	suspend = cmdline_has("suspend");
	if (suspend)
		rest_begin();
	else
		hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	for (uint64_t i = 0; i < cmdline_u64("rounds", ROUNDS); i++)
		run_round(i, juggle);
	if (suspend)
		rest_end();
	return check_end();
}
