/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu: what CPUID shows and hides, which MSRs and ports are denied and how, and
 * the rest of what a kernel sees of its CPU.
 */
#include "tests/guest/cpu/cpu.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/probe.h"
#include "tests/guest/lib/ring3.h"

#define BIT(n) (1u << (n))

static bool hook(struct trap_frame *f)
{
	return probe_hook(f) || ring3_hook(f);
}

/* --- CPUID ------------------------------------------------------------------ */

static void test_signature(void)
{
	struct cpuid r = cpuid(AMBIT_CPUID_BASE, 0);

	CHECK_IS(r.eax, AMBIT_CPUID_FEATURES);
	CHECK_IS(r.ebx, AMBIT_SIGNATURE_EBX);
	CHECK_IS(r.ecx, AMBIT_SIGNATURE_ECX);
	CHECK_IS(r.edx, AMBIT_SIGNATURE_EDX);
	r = cpuid(AMBIT_CPUID_FEATURES, 0);
	CHECK_IS(r.eax, AMBIT_ABI_VERSION);
	CHECK_IS((uint64_t)r.edx << 32 | r.ecx, vm_info());
	CHECK_IS(r.ebx, vm_info()->features);
	CHECK(r.ebx & AMBIT_FEAT_PAGE);
	CHECK(cpuid(1, 0).ecx & BIT(31));
}

static bool leaf_is_zero(uint32_t leaf)
{
	struct cpuid r = cpuid(leaf, 0);

	return !(r.eax | r.ebx | r.ecx | r.edx);
}

static void test_denied_features(void)
{
	struct cpuid r = cpuid(1, 0);

	/* MONITOR, VMX, SMX, PDCM, PCID, x2APIC, TSC deadline; MCE, APIC, MTRR, MCA */
	CHECK_IS(r.ecx & (BIT(3) | BIT(5) | BIT(6) | BIT(15) | BIT(17) | BIT(21) |
			  BIT(24)), 0);
	CHECK_IS(r.edx & (BIT(7) | BIT(9) | BIT(12) | BIT(14)), 0);
	r = cpuid(7, 0);
	/* SGX, TSX, INVPCID, RDT, MPX; PKU, WAITPKG, CET, 5-level paging */
	CHECK_IS(r.ebx & (BIT(2) | BIT(4) | BIT(10) | BIT(11) | BIT(12) | BIT(14)), 0);
	CHECK_IS(r.ecx & (BIT(3) | BIT(5) | BIT(7) | BIT(16)), 0);
	CHECK_IS(cpuid(0xd, 0).eax & ~0xe7u, 0);
	CHECK_IS(cpuid(0x80000001, 0).ecx & BIT(2), 0);		/* SVM */
	CHECK(leaf_is_zero(5));			/* MWAIT */
	CHECK(leaf_is_zero(0xa));		/* performance counters */
	CHECK(leaf_is_zero(0x8000000a));	/* SVM */
	CHECK(leaf_is_zero(AMBIT_CPUID_BASE + 2));
	CHECK(leaf_is_zero(0xffffffff));
}

static void test_osxsave(void)
{
	if (!(cpuid(1, 0).ecx & BIT(26)))
		return;
	cpu_enable_vector();
	CHECK(cpuid(1, 0).ecx & BIT(27));
}

/* --- MSRs -------------------------------------------------------------------- */

static void test_denied_msrs(void)
{
	static const uint32_t denied[] = {
		0x3a, 0x9b, 0xcd, 0x1d9, 0x38f, 0x480, 0x48b, 0x6e0, 0x802,
		0x830, 0x12345678, 0xc0010114, 0xc0010117, 0xc0011030,
	};

	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		probe_rdmsr(denied[i]);
		CHECK_IS(probe_vector, FAULT_GP);
		CHECK_IS(probe_error, 0);
		probe_wrmsr(denied[i], 0);
		CHECK_IS(probe_vector, FAULT_GP);
	}
	CHECK_IS(probe_rdmsr(0x1b) & 0x900, 0x100);	/* APIC off, boot CPU */
	CHECK_IS(probe_vector, NO_FAULT);
	probe_wrmsr(0x1b, 0xfee00900);
	CHECK_IS(probe_vector, FAULT_GP);
}

static void test_own_msrs(void)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
	} own[] = {
		{ 0xc0000081, 0x0013000800000000 },	/* STAR */
		{ 0xc0000082, 0xffff800012345678 },	/* LSTAR */
		{ 0xc0000083, 0x00007fff87654321 },	/* CSTAR */
		{ 0xc0000084, 0x47700 },		/* SFMASK */
		{ 0xc0000100, 0x0000123456789abc },	/* FS base */
		{ 0xc0000102, 0xffffa00000000018 },	/* KERNEL_GS_BASE */
		{ 0x174, 0x10 }, { 0x175, 0xffff800000001000 },
		{ 0x176, 0xffff800000002000 },		/* SYSENTER */
		{ 0x277, 0x0007010600070106 },		/* PAT */
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		uint64_t before = probe_rdmsr(own[i].msr);

		CHECK_IS(probe_vector, NO_FAULT);
		probe_wrmsr(own[i].msr, own[i].value);
		CHECK_IS(probe_vector, NO_FAULT);
		CHECK_IS(probe_rdmsr(own[i].msr), own[i].value);
		probe_wrmsr(own[i].msr, before);
	}
	if (cpuid(0x80000001, 0).edx & BIT(27)) {
		uint32_t aux = 0;

		probe_wrmsr(0xc0000103, 0x1234567);
		__asm__ volatile("rdtscp" : "=c"(aux) : : "rax", "rdx");
		CHECK_IS(aux, 0x1234567);
		CHECK_IS(probe_rdmsr(0xc0000103), 0x1234567);
	}
}

static void test_efer(void)
{
	uint64_t efer = probe_rdmsr(0xc0000080);

	CHECK_IS(efer & 0x1500, 0x500);		/* LME, LMA, no SVME */
	probe_wrmsr(0xc0000080, efer | 0x1000);
	CHECK_IS(probe_vector, FAULT_GP);
	probe_wrmsr(0xc0000080, efer | 0x801);	/* NXE, SCE */
	CHECK_IS(probe_vector, NO_FAULT);
	CHECK_IS(probe_rdmsr(0xc0000080), efer | 0x801);
	probe_wrmsr(0xc0000080, efer & ~0x100ull);	/* LME, under paging */
	CHECK_IS(probe_vector, FAULT_GP);
	probe_wrmsr(0xc0000080, efer);
	CHECK_IS(probe_rdmsr(0xc0000080), efer);
}

/* --- ports ----------------------------------------------------------------------- */

static void test_ports(void)
{
	static const uint16_t ports[] = {
		0x20, 0x40, 0x60, 0x64, 0x70, 0x80, 0x92, 0xcf8, 0xcfc, 0x3f8,
		0x3fd, 0x1f7, 0x8900, 0xb004, 0xf4, 0xffff,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		uint64_t v = 0x1122334455667788;

		__asm__ volatile("inb %w1, %%al" : "+a"(v) : "d"(ports[i]));
		CHECK_IS(v, 0x11223344556677ff);
		__asm__ volatile("inw %w1, %%ax" : "+a"(v) : "d"(ports[i]));
		CHECK_IS(v, 0x112233445566ffff);
		v = 0x1122334455667788;
		__asm__ volatile("inl %w1, %%eax" : "+a"(v) : "d"(ports[i]));
		CHECK_IS(v, 0xffffffff);
		v = 0x55;
		__asm__ volatile("outb %b0, %w1\n\toutw %w0, %w1\n\toutl %k0, %w1"
				 : : "a"(v), "d"(ports[i]));
	}
	CHECK_IS(inb(0x60), 0xff);	/* the short form */
}

/* String forms are skipped as a whole: memory stays as it is. */
static void test_string_ports(void)
{
	uint8_t buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint64_t di = (uint64_t)buf, si = (uint64_t)buf, n = sizeof(buf);

	PROBE("rep insb", : "+D"(di), "+c"(n) : "d"(0x60) : "memory");
	CHECK_IS(probe_vector, NO_FAULT);
	CHECK_IS(buf[0], 1);
	CHECK_IS(buf[7], 8);
	n = sizeof(buf);
	PROBE("rep outsb", : "+S"(si), "+c"(n) : "d"(0x60) : "memory");
	CHECK_IS(probe_vector, NO_FAULT);
}

/* --- time ------------------------------------------------------------------------- */

static void test_time(void)
{
	uint64_t tsc = rdtsc(), ns = time_now();

	for (int i = 0; i < 1000; i++) {
		uint64_t t = rdtsc(), now = time_now(), call = 0;

		CHECK(t > tsc);
		CHECK(now >= ns);
		if (i % 100 == 0) {
			hcall_raw(AMBIT_HC_TIME, 0, 0, &call, 0);
			CHECK(call >= now && call - now < 10 * MS);
			now = time_now();
			CHECK(now >= call);
		}
		tsc = t;
		ns = now;
	}
	CHECK(probe_rdmsr(0x10) - rdtsc() + 1000000 < 2000000);
}

int guest_main(void)
{
	trap_hook = hook;
	test_signature();
	test_denied_features();
	test_osxsave();
	test_denied_msrs();
	test_own_msrs();
	test_efer();
	test_ports();
	test_string_ports();
	test_time();
	ring3_init();
	test_instructions();
	test_debug();
	test_modes();
	return check_end();
}
