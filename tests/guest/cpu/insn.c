/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that a guest does not have, that do nothing, or that its own
 * privilege level forbids; and the vector units.
 */
#include "tests/guest/cpu/cpu.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/ring3.h"

#define UNDEFINED(insn)							\
	do {								\
		uint64_t a_ = (uint64_t)&scratch, c_ = 0, d_ = 0;	\
									\
		PROBE(insn, : "+a"(a_), "+c"(c_), "+d"(d_) : : "memory"); \
		if (probe_vector != FAULT_UD)				\
			printf("instruction %s:\n", insn);		\
		CHECK_IS(probe_vector, FAULT_UD);			\
	} while (0)

#define CPUID_AVX	(1u << 28)
#define CPUID_NEED_AVX	(1u << 12 | 1u << 29)	/* FMA, F16C ... */
#define CPUID7_NEED_AVX	(1u << 5)		/* AVX2 ... */
#define CPUIDE_NEED_AVX	(1u << 11 | 1u << 16)	/* XOP, FMA4 */
#define CPUID7_AVX512F	(1u << 16)

static uint64_t scratch[2] __attribute__((aligned(4096)));

static bool is_svm(void)
{
	return vm_info()->features & AMBIT_FEAT_VMMCALL;
}

static void test_undefined(void)
{
	UNDEFINED("monitor");
	UNDEFINED("mwait");
	UNDEFINED("vmxon (%%rax)");
	UNDEFINED("vmxoff");
	UNDEFINED("vmlaunch");
	UNDEFINED("vmresume");
	UNDEFINED("vmclear (%%rax)");
	UNDEFINED("vmptrld (%%rax)");
	UNDEFINED("vmptrst (%%rax)");
	UNDEFINED("vmread %%rcx, %%rdx");
	UNDEFINED("vmwrite %%rcx, %%rdx");
	UNDEFINED("vmfunc");
	UNDEFINED("invept (%%rax), %%rcx");
	UNDEFINED("invvpid (%%rax), %%rcx");
	UNDEFINED("getsec");
	UNDEFINED("vmrun");
	UNDEFINED("vmload");
	UNDEFINED("vmsave");
	UNDEFINED("stgi");
	UNDEFINED("clgi");
	UNDEFINED("skinit");
	UNDEFINED("invlpga");
	UNDEFINED("ud2");
	/* The other vendor's way to call. */
	if (is_svm())
		UNDEFINED(".byte 0x0f, 0x01, 0xc1");
	else
		UNDEFINED(".byte 0x0f, 0x01, 0xd9");
}

static void test_harmless(void)
{
	uint64_t cr8 = 5;

	scratch[0] = 0x1234;
	PROBE("invd");
	CHECK_IS(probe_vector, NO_FAULT);
	CHECK_IS(scratch[0], 0x1234);
	PROBE("wbinvd");
	CHECK_IS(probe_vector, NO_FAULT);
	PROBE("invlpg (%0)", : : "r"(&scratch) : "memory");
	CHECK_IS(probe_vector, NO_FAULT);
	PROBE("pause");
	CHECK_IS(probe_vector, NO_FAULT);
	__asm__ volatile("movq %0, %%cr8; xorl %k0, %k0; movq %%cr8, %0" : "+r"(cr8));
	CHECK_IS(cr8, 5);
	__asm__ volatile("movq %0, %%cr8" : : "r"(0ul));
	PROBE("rdpmc", : : "c"(0) : "rax", "rdx");
	CHECK_IS(probe_vector, FAULT_GP);
	if (!is_svm()) {
		uint64_t cr4;

		__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
		CHECK_IS(cr4 & 0x2000, 0);	/* VMXE */
		PROBE("movq %0, %%cr4", : : "r"(cr4 | 0x2000) : "memory");
		CHECK_IS(probe_vector, FAULT_GP);
		PROBE("movq %0, %%cr4", : : "r"(cr4) : "memory");
		CHECK_IS(probe_vector, NO_FAULT);
	}
}

/* --- ring 3 --------------------------------------------------------------------- */

static uint64_t user_add(uint64_t arg)
{
	return arg + 1;
}

#define USER_INSN(name, insn)						\
	static uint64_t name(uint64_t arg)				\
	{								\
		uint64_t a = arg, c = 0x10, d = 0x60;			\
									\
		__asm__ volatile(insn : "+a"(a), "+c"(c), "+d"(d) : : "memory"); \
		return 0;						\
	}

USER_INSN(user_hlt, "hlt")
USER_INSN(user_cli, "cli")
USER_INSN(user_in, "inb %%dx, %%al")
USER_INSN(user_out, "outb %%al, %%dx")
USER_INSN(user_rdmsr, "rdmsr")
USER_INSN(user_wbinvd, "wbinvd")
USER_INSN(user_invd, "invd")
USER_INSN(user_cpuid, "pushq %%rbx; cpuid; popq %%rbx")
USER_INSN(user_ud, "ud2")

/* A value that ring 0 could set. */
static uint64_t user_xsetbv(uint64_t arg)
{
	__asm__ volatile("xsetbv" : : "a"(1), "c"(0), "d"(0));
	return arg;
}

/* XSETBV is undefined where the CPU has no XSAVE. */
static void test_ring3(uint64_t xsetbv_fault)
{
	uint64_t xsetbv;
	static uint64_t (*const general[])(uint64_t) = {
		user_hlt, user_cli, user_in, user_out, user_rdmsr, user_wbinvd,
		user_invd,
	};

	CHECK_IS(ring3_call(user_add, 41, 0), 42);
	CHECK_IS(ring3_call(user_cpuid, 0, 0), 0);
	CHECK_IS(ring3_call(user_ud, 0, 0), RING3_FAULT + FAULT_UD);
	for (size_t i = 0; i < ARRAY_SIZE(general); i++) {
		uint64_t r = ring3_call(general[i], 0, 0);

		if (r != RING3_FAULT + FAULT_GP)
			printf("ring 3 instruction %zu:\n", i);
		CHECK_IS(r, RING3_FAULT + FAULT_GP);
	}
	xsetbv = ring3_call(user_xsetbv, 0, 0);	/* or the privilege is looked at first */
	CHECK(xsetbv == RING3_FAULT + xsetbv_fault || xsetbv == RING3_FAULT + FAULT_GP);
}

/* --- XCR0 and AVX ---------------------------------------------------------------- */

static void xsetbv(uint32_t index, uint64_t value)
{
	PROBE("xsetbv", : : "c"(index), "a"((uint32_t)value),
	      "d"((uint32_t)(value >> 32)) : "memory");
}

static void test_xcr0(uint64_t offered)
{
	uint32_t lo = 0;

	xsetbv(0, 0);
	CHECK_IS(probe_vector, FAULT_GP);
	xsetbv(1, 1);
	CHECK_IS(probe_vector, FAULT_GP);
	xsetbv(0, 1ull << 62 | 3);
	CHECK_IS(probe_vector, FAULT_GP);
	xsetbv(0, 1);
	CHECK_IS(probe_vector, NO_FAULT);
	__asm__ volatile("xgetbv" : "=a"(lo) : "c"(0) : "rdx");
	CHECK_IS(lo, 1);
	xsetbv(0, offered);
	CHECK_IS(probe_vector, NO_FAULT);
	__asm__ volatile("xgetbv" : "=a"(lo) : "c"(0) : "rdx");
	CHECK_IS(lo, offered);
}

/* Only with registers that can be turned on is there what needs them. */
static void test_vectors(uint64_t xcr0)
{
	bool avx = xcr0 & 4, avx512 = xcr0 && (cpuid(0xd, 0).eax & 0xe0) == 0xe0;

	CHECK_IS(!!(cpuid(1, 0).ecx & CPUID_AVX), avx);
	CHECK(avx || !(cpuid(1, 0).ecx & CPUID_NEED_AVX));
	CHECK(avx || !(cpuid(7, 0).ebx & CPUID7_NEED_AVX));
	CHECK(avx || !(cpuid(0x80000001, 0).ecx & CPUIDE_NEED_AVX));
	CHECK(avx512 || !(cpuid(7, 0).ebx & CPUID7_AVX512F));
}

/* The state survives an exit, a wait, and XCR0 without it in between. */
static void test_avx(void)
{
	static uint64_t in[4] = { 1, 2, 3, 4 }, out[4];

	__asm__ volatile("vmovdqu %0, %%ymm7" : : "m"(in));
	hcall1(AMBIT_HC_WAIT, time_now() + MS);
	cpuid(0, 0);
	__asm__ volatile("vmovdqu %%ymm7, %0" : "=m"(out));
	CHECK(!memcmp(in, out, sizeof(in)));
	memset(out, 0, sizeof(out));
	xsetbv(0, 3);
	hcall1(AMBIT_HC_WAIT, time_now() + MS);
	xsetbv(0, 7);
	__asm__ volatile("vmovdqu %%ymm7, %0" : "=m"(out));
	CHECK(!memcmp(in, out, sizeof(in)));
}

void test_instructions(void)
{
	uint64_t xcr0 = cpu_enable_vector();

	test_undefined();
	test_harmless();
	test_ring3(xcr0 ? FAULT_GP : FAULT_UD);
	if (xcr0)
		test_xcr0(xcr0);
	test_vectors(xcr0);
	if (xcr0 & 4)
		test_avx();
}
