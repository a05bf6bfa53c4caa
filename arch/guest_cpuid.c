/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID as guests see it: an allow list. What is not named here reads as zero,
 * so a feature of a new CPU stays hidden until somebody has thought about the
 * state it brings. The table is built once; a few leaves add what depends on the
 * vCPU when they are read.
 */
#include "hv/abi/hypercall.h"
#include "hv/hypercall.h"
#include "hv/vm.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/hvm.h"

#define BASIC_MAX	0x0d
#define EXTENDED_MAX	0x08
#define CACHE_MAX	4	/* caches that leaf 4 lists */
#define F(n)		(1u << (n))

/* Leaf 1. Not offered: MONITOR, VMX, PMU, PCID, x2APIC, TSC deadline; MCE and
 * MCA, APIC, MTRR, debug store, thermal control. */
#define L1_ECX	(F(0) | F(1) | F(9) | F(12) | F(13) | F(19) | F(20) | F(22) | \
		 F(23) | F(25) | F(26) | F(28) | F(29) | F(30))
#define L1_EDX	(F(0) | F(1) | F(2) | F(3) | F(4) | F(5) | F(6) | F(8) | F(11) | \
		 F(13) | F(15) | F(16) | F(17) | F(19) | F(23) | F(24) | F(25) | \
		 F(26) | F(27))
#define L1_ECX_XSAVE	F(26)
#define L1_ECX_OSXSAVE	F(27)
#define L1_ECX_AVX	(F(12) | F(28) | F(29))	/* and FMA, F16C */
#define L1_ECX_HYPERVISOR F(31)
#define L1_EDX_HTT	F(28)
/* Leaf 7, subleaves 0 and 1. Not offered: TSC_ADJUST, SGX, TSX, RDT, MPX, PT,
 * INVPCID; PKU, WAITPKG, CET, 5-level paging; every control MSR of EDX; AMX. */
#define L7_EBX	(F(0) | F(3) | F(5) | F(6) | F(7) | F(8) | F(9) | F(13) | F(16) | \
		 F(17) | F(18) | F(19) | F(20) | F(21) | F(23) | F(24) | F(26) | \
		 F(27) | F(28) | F(29) | F(30) | F(31))
#define L7_ECX	(F(0) | F(1) | F(2) | F(6) | F(8) | F(9) | F(10) | F(11) | F(12) | \
		 F(14) | F(22) | F(27) | F(28))
#define L7_ECX_RDPID	F(22)
#define L7_EBX_AVX	F(5)		/* AVX2 */
#define L7_ECX_AVX	(F(9) | F(10))	/* VAES, VPCLMULQDQ */
#define L7_1_EAX_AVX	F(4)		/* AVX-VNNI */
#define L7_EBX_AVX512	(F(16) | F(17) | F(21) | F(26) | F(27) | F(28) | F(30) | F(31))
#define L7_ECX_AVX512	(F(1) | F(6) | F(11) | F(12) | F(14))
#define L7_EDX_AVX512	(F(2) | F(3) | F(8) | F(23))
#define L7_1_EAX_AVX512	F(5)
#define L7_EDX	(F(2) | F(3) | F(4) | F(8) | F(14) | F(23))
#define L7_1_EAX (F(4) | F(5) | F(10) | F(11) | F(12))
/* Leaf 0xd, subleaf 1: XSAVEOPT, XSAVEC, XGETBV with ECX = 1; no XSAVES. */
#define LD_1_EAX (F(0) | F(1) | F(2))
/* Leaf 0x80000001. Not offered: SVM, the extended APIC space, OS-visible
 * workarounds, IBS, SKINIT, watchdog, topology leaves, counters, MWAITX. */
#define LE1_ECX	(F(0) | F(5) | F(6) | F(7) | F(8) | F(11) | F(16) | F(21))
#define LE1_EDX	(F(0) | F(1) | F(2) | F(3) | F(4) | F(5) | F(6) | F(8) | F(11) | \
		 F(13) | F(15) | F(16) | F(17) | F(20) | F(22) | F(23) | F(24) | \
		 F(26) | F(27) | F(29) | F(30) | F(31))
#define LE1_ECX_AVX	(F(11) | F(16))	/* XOP, FMA4 */
#define LE1_EDX_RDTSCP	F(27)
#define LE7_EDX_INVARIANT_TSC F(8)
#define LE8_EBX	(F(0) | F(2) | F(9))	/* CLZERO, XSAVE of error pointers, WBNOINVD */

enum fixup { FIX_NONE, FIX_1, FIX_4, FIX_7, FIX_B, FIX_D, FIX_FEATURES, FIX_ADDRESSES };

struct leaf {
	struct cpuid r;
	enum fixup fixup;
};

static struct leaf basic[BASIC_MAX + 1], extended[EXTENDED_MAX + 1], ambit[2];
static struct cpuid cache[CACHE_MAX], leaf7_1;
static uint64_t guest_xcr0;	/* components that guests may turn on */

static void init_basic(uint32_t max)
{
	struct cpuid r = cpuid(1);

	basic[0].r = cpuid(0);
	basic[0].r.eax = BASIC_MAX;	/* leaves that the CPU lacks read zero */
	basic[1].r = (struct cpuid){
		r.eax, r.ebx & 0xff00,
		(r.ecx & L1_ECX) | L1_ECX_HYPERVISOR, r.edx & L1_EDX,
	};
	if (!cpu_has_xsave())
		basic[1].r.ecx &= ~L1_ECX_XSAVE;
	basic[1].fixup = FIX_1;
	basic[2].r = cpuid(2);
	basic[4].fixup = FIX_4;
	for (uint32_t i = 0; i < CACHE_MAX && max >= 4; i++) {
		cache[i] = cpuid_count(4, i);
		cache[i].eax &= 0x3fff;		/* who shares it: nobody */
	}
	basic[7].fixup = FIX_7;
	r = cpuid(7);
	basic[7].r = (struct cpuid){
		MIN(r.eax, 1u), r.ebx & L7_EBX, r.ecx & L7_ECX, r.edx & L7_EDX,
	};
	if (basic[7].r.eax)
		leaf7_1.eax = cpuid_count(7, 1).eax & L7_1_EAX;
	basic[0xb].fixup = FIX_B;
}

static void init_xsave(void)
{
	uint64_t wanted = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512;
	struct cpuid r = cpuid(0xd);

	if (!(basic[1].r.ecx & L1_ECX_XSAVE))
		return;
	basic[0xd].fixup = FIX_D;
	guest_xcr0 = (((uint64_t)r.edx << 32) | r.eax) & wanted;
	if ((guest_xcr0 & XCR0_AVX512) != XCR0_AVX512)
		guest_xcr0 &= ~XCR0_AVX512;
}

static void init_extended(uint32_t max)
{
	struct cpuid r = cpuid(0x80000000);

	extended[0].r = r;
	extended[0].r.eax = 0x80000000 + MIN(max - 0x80000000, (uint32_t)EXTENDED_MAX);
	r = cpuid(0x80000001);
	extended[1].r = (struct cpuid){ r.eax, 0, r.ecx & LE1_ECX, r.edx & LE1_EDX };
	if (!(r.edx & LE1_EDX_RDTSCP))
		basic[7].r.ecx &= ~L7_ECX_RDPID;	/* TSC_AUX is switched by it */
	for (uint32_t i = 2; i <= 6; i++)
		extended[i].r = cpuid(0x80000000 + i);
	if (arch_tsc_stable())
		extended[7].r.edx = LE7_EDX_INVARIANT_TSC;
	r = cpuid(0x80000008);
	extended[8].r = (struct cpuid){
		p2m_format.phys_bits | 48u << 8, r.ebx & LE8_EBX, 0, 0,
	};
	extended[8].fixup = FIX_ADDRESSES;
}

/* What needs registers that guests cannot turn on would fault. */
static void vectors_hide(void)
{
	if (!(guest_xcr0 & XCR0_AVX)) {
		basic[1].r.ecx &= ~L1_ECX_AVX;
		basic[7].r.ebx &= ~L7_EBX_AVX;
		basic[7].r.ecx &= ~L7_ECX_AVX;
		leaf7_1.eax &= ~L7_1_EAX_AVX;
		extended[1].r.ecx &= ~LE1_ECX_AVX;
	}
	if (!(guest_xcr0 & XCR0_AVX512)) {
		basic[7].r.ebx &= ~L7_EBX_AVX512;
		basic[7].r.ecx &= ~L7_ECX_AVX512;
		basic[7].r.edx &= ~L7_EDX_AVX512;
		leaf7_1.eax &= ~L7_1_EAX_AVX512;
	}
}

void guest_cpuid_init(void)
{
	init_basic(cpuid(0).eax);
	init_xsave();
	init_extended(cpuid(0x80000000).eax);
	vectors_hide();
	ambit[0].r = (struct cpuid){
		AMBIT_CPUID_FEATURES, AMBIT_SIGNATURE_EBX,
		AMBIT_SIGNATURE_ECX, AMBIT_SIGNATURE_EDX,
	};
	ambit[1].fixup = FIX_FEATURES;
}

/* One package, each vCPU a core of it: bits of an id that name the core. */
static uint32_t core_bits(const struct vcpu *v)
{
	uint32_t bits = 0;

	while ((1u << bits) < v->vm->vcpu_count)
		bits++;
	return bits;
}

static void topology(const struct vcpu *v, uint32_t index, struct cpuid *r)
{
	*r = (struct cpuid){ 0, 0, index & 0xff, v->id };
	if (index == 0) {
		r->ebx = 1;
		r->ecx |= 1u << 8;		/* threads of a core */
	} else if (index == 1) {
		r->eax = core_bits(v);
		r->ebx = v->vm->vcpu_count;
		r->ecx |= 2u << 8;		/* cores of the package */
	}
}

/* XCR0 is the guest's own while its vCPU is loaded, so the CPU's answer about
 * the sizes for "what is on now" is right for the guest. */
static void xsave_leaf(uint32_t index, struct cpuid *r)
{
	if (index == 0) {
		r->eax = (uint32_t)guest_xcr0;
		r->edx = (uint32_t)(guest_xcr0 >> 32);
		r->ebx = cpuid_count(0xd, 0).ebx;
		r->ecx = 512 + 64;
		for (uint32_t i = 2; i < 64; i++) {
			if (guest_xcr0 & BIT(i)) {
				struct cpuid part = cpuid_count(0xd, i);

				r->ecx = MAX(r->ecx, part.ebx + part.eax);
			}
		}
	} else if (index == 1) {
		*r = cpuid_count(0xd, 1);
		*r = (struct cpuid){ r->eax & LD_1_EAX, r->ebx, 0, 0 };
	} else if (index < 64 && (guest_xcr0 & BIT(index))) {
		*r = cpuid_count(0xd, index);
	}
}

static void fix(struct vcpu *v, enum fixup fixup, struct cpuid *r)
{
	uint32_t index = (uint32_t)v->regs.rcx;
	uint32_t cores = v->vm->vcpu_count;

	switch (fixup) {
	case FIX_NONE:
	case FIX_1:
		break;
	case FIX_4:
		if (index < CACHE_MAX)
			*r = cache[index_nospec(index, CACHE_MAX)];
		if (r->eax & 0x1f)
			r->eax |= (cores - 1) << 26;
		break;
	case FIX_7:
		if (index == 1)
			*r = leaf7_1;
		else if (index)
			*r = (struct cpuid){ 0, 0, 0, 0 };
		break;
	case FIX_B:
		topology(v, index, r);
		break;
	case FIX_D:
		xsave_leaf(index, r);
		break;
	case FIX_FEATURES:
		*r = (struct cpuid){
			AMBIT_ABI_VERSION, hv_features,
			(uint32_t)v->vm->aperture.v,
			(uint32_t)(v->vm->aperture.v >> 32),
		};
		break;
	case FIX_ADDRESSES:
		r->ecx = (cores - 1) | core_bits(v) << 12;
		break;
	}
}

static const struct leaf *find(uint32_t leaf)
{
	const struct leaf *table = basic;
	uint32_t count = ARRAY_SIZE(basic);
	uint32_t idx = leaf;

	if (leaf >= 0x80000000) {
		table = extended;
		count = ARRAY_SIZE(extended);
		idx = leaf - 0x80000000;
	} else if (leaf >= AMBIT_CPUID_BASE) {
		table = ambit;
		count = ARRAY_SIZE(ambit);
		idx = leaf - AMBIT_CPUID_BASE;
	}
	return idx < count ? &table[index_nospec(idx, count)] : NULL;
}

/* The leaf that kernels ask for again and again, without a detour. */
static inline void leaf_1(struct vcpu *v, const struct cpuid *r)
{
	uint32_t cores = v->vm->vcpu_count;

	v->regs.rax = r->eax;
	v->regs.rbx = r->ebx | cores << 16 | v->id << 24;
	v->regs.rcx = r->ecx | (hvm->cr4(v) & CR4_OSXSAVE ? L1_ECX_OSXSAVE : 0);
	v->regs.rdx = r->edx | (cores > 1 ? L1_EDX_HTT : 0);
}

void guest_cpuid(struct vcpu *v)
{
	const struct leaf *leaf = find((uint32_t)v->regs.rax);
	struct cpuid r = { 0, 0, 0, 0 };

	if (leaf && leaf->fixup == FIX_1) {
		leaf_1(v, &leaf->r);
		return;
	}
	if (leaf) {
		r = leaf->r;
		fix(v, leaf->fixup, &r);
	}
	v->regs.rax = r.eax;
	v->regs.rbx = r.ebx;
	v->regs.rcx = r.ecx;
	v->regs.rdx = r.edx;
}
