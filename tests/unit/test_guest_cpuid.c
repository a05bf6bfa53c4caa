/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's CPUID on whatever CPU runs this: only what the allow list names,
 * and what depends on the vCPU.
 */
/* LINK: arch/guest_cpuid.c */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/hvm.h"
#include "hv/abi/hypercall.h"
#include "hv/hypercall.h"
#include "hv/vm.h"
#include "tests/unit/tap.h"

#define FEATURES (AMBIT_FEAT_PAGE | AMBIT_FEAT_VMMCALL)

uint32_t hv_features = FEATURES;
struct p2m_format p2m_format = { .phys_bits = 39 };
static uint64_t guest_cr4;

bool arch_tsc_stable(void)
{
	return true;
}

static uint64_t cr4(struct vcpu *v)
{
	(void)v;
	return guest_cr4;
}

static const struct hvm_ops ops = { .cr4 = cr4 };
const struct hvm_ops *hvm = &ops;

static struct vm vm = { .vcpu_count = 5, .aperture = { 0x123c0000000 } };
static struct vcpu vcpu = { .vm = &vm, .id = 3 };

static struct cpuid ask(uint32_t leaf, uint32_t index)
{
	struct vcpu_regs *r = &vcpu.regs;

	*r = (struct vcpu_regs){
		.rax = 0xdead00000000 | leaf, .rbx = UINT64_MAX,
		.rcx = 0xdead00000000 | index, .rdx = UINT64_MAX,
	};
	guest_cpuid(&vcpu);
	if ((r->rax | r->rbx | r->rcx | r->rdx) >> 32)
		ok(false, "leaf 0x%x zero-extends", leaf);
	return (struct cpuid){ (uint32_t)r->rax, (uint32_t)r->rbx,
			       (uint32_t)r->rcx, (uint32_t)r->rdx };
}

static bool is_zero(struct cpuid r)
{
	return !(r.eax | r.ebx | r.ecx | r.edx);
}

static void test_ambit(void)
{
	struct cpuid r = ask(0x40000000, 0);

	ok(r.eax == 0x40000001 && r.ebx == AMBIT_SIGNATURE_EBX &&
	   r.ecx == AMBIT_SIGNATURE_ECX && r.edx == AMBIT_SIGNATURE_EDX, "signature");
	r = ask(0x40000001, 0);
	ok(r.eax == AMBIT_ABI_VERSION && r.ebx == FEATURES, "version and features");
	ok(r.ecx == 0xc0000000 && r.edx == 0x123, "address of the info page");
	ok(is_zero(ask(0x40000002, 0)), "no more of them");
}

static void test_hidden(void)
{
	struct cpuid host = cpuid(1), r = ask(1, 0);

	ok_eq(r.ecx & ~host.ecx & ~BIT(31), 0, "leaf 1 ECX: nothing the CPU lacks");
	ok_eq(r.edx & ~host.edx & ~BIT(28), 0, "leaf 1 EDX: nothing the CPU lacks");
	ok_eq(r.ecx & (BIT(2) | BIT(3) | BIT(5) | BIT(6) | BIT(15) | BIT(17) |
		       BIT(21) | BIT(24)), 0,
	      "no debug store, MONITOR, VMX, SMX, PMU, PCID, x2APIC, TSC deadline");
	ok_eq(r.edx & (BIT(7) | BIT(9) | BIT(12) | BIT(14) | BIT(21) | BIT(22)), 0,
	      "no MCE, APIC, MTRR, MCA, debug store, ACPI");
	ok(r.ecx & BIT(31), "a hypervisor is there");
	r = ask(0x80000001, 0);
	ok_eq(r.ecx & (BIT(2) | BIT(3) | BIT(10) | BIT(12) | BIT(29)), 0,
	      "no SVM, extended APIC, IBS, SKINIT, MWAITX");
	r = ask(7, 0);
	ok_eq(r.ebx & (BIT(2) | BIT(4) | BIT(10) | BIT(11) | BIT(25)), 0,
	      "no SGX, HLE, INVPCID, RTM, processor trace");
	ok_eq(r.edx & (BIT(26) | BIT(27) | BIT(29) | BIT(31)), 0, "no control MSRs");
	ok_eq(ask(0x80000007, 0).edx, BIT(8), "TSC is invariant if we say so");
	ok(is_zero(ask(7, 2)), "no further subleaf of 7");
	for (uint32_t leaf = 0; leaf < 0x40; leaf++) {
		if (leaf == 3 || leaf == 5 || leaf == 6 || leaf == 8 || leaf == 9 ||
		    leaf == 0xa || leaf == 0xc || leaf > 0xd)
			ok(is_zero(ask(leaf, 0)), "leaf 0x%x is empty", leaf);
	}
	ok(is_zero(ask(0x7fffffff, 0)) && is_zero(ask(0xffffffff, 0)) &&
	   is_zero(ask(0x80000009, 0)) && is_zero(ask(0x8000000a, 0)),
	   "so are those beyond the last");
	ok_eq(ask(0, 0).eax, 0xd, "last basic leaf");
	ok(ask(0x80000000, 0).eax <= 0x80000008, "last extended leaf");
}

static void test_topology(void)
{
	struct cpuid r = ask(1, 0);

	ok_eq(r.ebx >> 24, 3, "initial APIC id is the vCPU's");
	ok_eq(r.ebx >> 16 & 0xff, 5, "logical processors");
	ok(r.edx & BIT(28), "more than one of them");
	r = ask(0xb, 0);
	ok(r.eax == 0 && r.ebx == 1 && r.ecx == 0x100 && r.edx == 3, "threads");
	r = ask(0xb, 1);
	ok(r.eax == 3 && r.ebx == 5 && r.ecx == 0x201 && r.edx == 3, "cores");
	r = ask(0xb, 2);
	ok(r.eax == 0 && r.ebx == 0 && r.ecx == 2 && r.edx == 3, "no more levels");
	r = ask(0x80000008, 0);
	ok_eq(r.eax & 0xff, 39, "physical address bits are those that work");
	ok_eq(r.ecx, 4 | 3 << 12, "cores, AMD's way");
	vm.vcpu_count = 1;
	ok(!(ask(1, 0).edx & BIT(28)), "one alone");
	vm.vcpu_count = 5;
}

static void test_xsave(void)
{
	bool has = ask(1, 0).ecx & BIT(26);
	struct cpuid r;

	guest_cr4 = CR4_OSXSAVE;
	ok_eq((ask(1, 0).ecx & BIT(27)) != 0, true, "OSXSAVE follows CR4");
	guest_cr4 = 0;
	ok_eq(ask(1, 0).ecx & BIT(27), 0, "both ways");
	r = ask(0xd, 0);
	ok_eq(r.eax & ~0xe7u, 0, "components: x87, SSE, AVX, AVX-512");
	ok_eq(r.edx, 0, "none of the high ones");
	ok(!has || r.ecx >= 576, "size of all of them");
	r = ask(0xd, 1);
	ok_eq(r.eax & ~7u, 0, "no XSAVES");
	ok_eq(r.ecx | r.edx, 0, "no supervisor components");
	ok(is_zero(ask(0xd, 9)) && is_zero(ask(0xd, 17)) && is_zero(ask(0xd, 64)),
	   "nothing about components that are not offered");
}

int main(void)
{
	guest_cpuid_init();
	test_ambit();
	test_hidden();
	test_topology();
	test_xsave();
	return done_testing();
}
