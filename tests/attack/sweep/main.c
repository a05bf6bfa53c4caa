/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries every MSR of the ranges that CPUs have and some thousand others, every I/O
 * port in every width, every CPUID leaf, and XSETBV with every set of components
 * under every other. MSRs that can be read and written are checked to be the
 * attacker's own: what it writes comes back, and the witnesses notice nothing.
 */
#include "tests/attack/lib/attack.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/probe.h"

#define XCR0_BITS	8u	/* components that are tried in all sets */
#define CPUID_XSAVE	(1u << 26)

static uint32_t readable, writable, denied;

/* What docs/abi.md offers; nothing else can be read. */
static bool msr_offered(uint32_t msr)
{
	static const uint32_t single[] = {
		0x10, 0x17, 0x1b, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x1a0, 0x277,
		0xc0010010, 0xc0010015,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(single); i++)
		if (single[i] == msr)
			return true;
	return (msr >= 0xc0000080 && msr <= 0xc0000084) ||
	       (msr >= 0xc0000100 && msr <= 0xc0000103);
}

/* One that is there gets its own value again: the program lives by some of them. */
static void msr(uint32_t msr)
{
	uint64_t value = probe_rdmsr(msr);
	bool there = probe_vector == NO_FAULT;

	CHECK(there ? msr_offered(msr) : probe_vector == FAULT_GP);
	readable += there;
	denied += !there;
	probe_wrmsr(msr, there ? value : any());
	CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
	CHECK(there || probe_vector == FAULT_GP);
	writable += probe_vector == NO_FAULT;
}

static void msrs(void)
{
	static const uint32_t from[] = { 0, 0x40000000, 0xc0000000, 0xc0010000 };
	uint32_t n = (uint32_t)cmdline_u64("msrs", 0x2000);

	for (uint32_t r = 0; r < ARRAY_SIZE(from); r++)
		for (uint32_t i = 0; i < n; i++)
			msr(from[r] + i);
	for (uint32_t i = 0; i < n / 8; i++)
		msr((uint32_t)any() >> below(32));
	printf("MSRs: %u can be read, %u written, %u neither\n", readable, writable, denied);
	CHECK(readable >= 15);
	CHECK(writable >= 10 && writable <= readable);
}

/* Values that kernels do not write; those that are refused raise #GP. */
static void msr_values(void)
{
	static const uint32_t own[] = {
		0x174, 0x175, 0x176, 0x277, 0xc0000081, 0xc0000082, 0xc0000083,
		0xc0000084, 0xc0000100, 0xc0000102, 0xc0000103, 0xc0000080, 0x1b, 0x1a0,
		0x10, 0x8b,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(own); i++) {
		uint64_t value = probe_rdmsr(own[i]);

		for (uint32_t k = 0; k < 64 + 40; k++) {
			bool efer = own[i] == 0xc0000080;

			/* Without long mode the program could not go on. */
			probe_wrmsr(own[i], (k < 64 ? 1ull << k : any()) | (efer ? value : 0));
			CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
		}
		probe_wrmsr(own[i], value);
	}
}

/* --- ports ------------------------------------------------------------------------------ */

static void port(uint16_t p)
{
	uint64_t v = 0x1122334455667788;

	__asm__ volatile("inb %w1, %%al" : "+a"(v) : "d"(p));
	CHECK_IS(v, 0x11223344556677ff);
	outb(p, (uint8_t)p);
}

static void port_wide(uint16_t p)
{
	uint64_t v = 0x1122334455667788, n = 3, di = (uint64_t)attack_arena, si = di;

	__asm__ volatile("inw %w1, %%ax" : "+a"(v) : "d"(p));
	CHECK_IS(v, 0x112233445566ffff);
	__asm__ volatile("inl %w1, %%eax" : "+a"(v) : "d"(p));
	CHECK_IS(v, 0xffffffff);
	__asm__ volatile("outw %w0, %w1\n\toutl %k0, %w1" : : "a"(v), "d"(p));
	__asm__ volatile("rep insl" : "+D"(di), "+c"(n) : "d"(p) : "memory");
	__asm__ volatile("rep outsw" : "+S"(si), "+c"(n) : "d"(p) : "memory");
	CHECK_IS(*(uint64_t *)attack_arena, 0);
}

static void ports(void)
{
	uint32_t step = (uint32_t)cmdline_u64("port-step", 1);

	memset(attack_arena, 0, 64);
	for (uint32_t p = 0; p < 0x10000; p += step)
		port((uint16_t)p);
	for (uint32_t p = 0; p < 0x10000; p += 61)
		port_wide((uint16_t)p);
	for (uint32_t p = 0; p < 8; p++)
		port_wide((uint16_t)(0xfff8 + p));	/* some end beyond the last one */
}

/* --- CPUID -------------------------------------------------------------------------------- */

static bool offered(uint32_t leaf)
{
	return leaf <= 0xd || (leaf >= 0x80000000 && leaf <= 0x80000008) ||
	       leaf == AMBIT_CPUID_BASE || leaf == AMBIT_CPUID_FEATURES;
}

static void leaf(uint32_t l, uint32_t subleaf)
{
	struct cpuid a = cpuid(l, subleaf), b = cpuid(l, subleaf);

	CHECK(a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx);
	if (!offered(l))
		CHECK(!(a.eax | a.ebx | a.ecx | a.edx));
}

static void leaves(void)
{
	static const uint32_t from[] = {
		0, 0x40000000, 0x80000000, 0x8fffff00, 0xc0000000, 0xffffff80,
	};

	for (uint32_t r = 0; r < ARRAY_SIZE(from); r++)
		for (uint32_t i = 0; i < 0x80; i++)
			leaf(from[r] + i, 0);
	for (uint32_t l = 0; l < 0x20; l++)
		for (uint32_t s = 1; s < 0x44; s++)
			leaf(l, s);
	for (uint32_t i = 0; i < 2000; i++)
		leaf((uint32_t)any() >> below(32), (uint32_t)any() >> below(32));
}

/* --- XSETBV --------------------------------------------------------------------------------- */

static uint64_t xgetbv(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

static bool xsetbv(uint32_t index, uint64_t v)
{
	PROBE("xsetbv", : : "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
	CHECK(probe_vector == NO_FAULT || probe_vector == FAULT_GP);
	return probe_vector == NO_FAULT;
}

static void components(void)
{
	bool lax = vm_info()->features & AMBIT_FEAT_VMMCALL;
	uint64_t all, accepted = 0, refused = 0;

	if (!(cpuid(1, 0).ecx & CPUID_XSAVE))
		return;
	all = cpu_enable_vector();
	for (uint64_t under = 1; under < 1u << XCR0_BITS; under++) {
		if (!xsetbv(0, under))
			continue;
		accepted++;
		for (uint64_t v = 0; v < 1u << XCR0_BITS; v++) {
			if (xsetbv(0, v))
				CHECK_IS(xgetbv(), v);
			else
				CHECK(xgetbv());
		}
		/* Where XSETBV does not exit, the CPU's own components are there. */
		for (uint32_t bit = XCR0_BITS; bit < 64; bit++)
			refused += !xsetbv(0, all | 1ull << bit);
		CHECK(refused >= 64 - XCR0_BITS - (lax ? 4 : 0));
		refused = 0;
		CHECK(!xsetbv(1 + below(64), 1));
	}
	printf("XCR0: %lu sets of components\n", accepted);
	CHECK(accepted >= 2 && xsetbv(0, all));
}

static const struct act acts[] = {
	{ "MSRs", msrs, false },
	{ "values of MSRs", msr_values, false },
	{ "ports", ports, false },
	{ "CPUID", leaves, false },
	{ "XSETBV", components, false },
};

int guest_main(void)
{
	trap_hook = probe_hook;
	acts_run(acts, ARRAY_SIZE(acts));
}
