/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a CPU lacks of VT-x or AMD-V: refused by name if there is no way without,
 * else done without. Each bit is taken away alone from a CPU that has everything.
 */
/* LINK: arch/vmx/caps.c arch/svm/caps.c */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "arch/svm/svm.h"
#include "arch/svm/svm_regs.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_regs.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define MAY(bits)	((uint64_t)(bits) << 32)
#define MSRS		0x11	/* from MSR_VMX_BASIC on */

struct p2m_format p2m_format;

static uint64_t msr[MSRS];
static struct cpuid ext, ext8, svm_leaf, one;
static struct vmx_caps vmx;
static struct svm_caps svm;

uint64_t rdmsr(uint32_t number)
{
	return msr[number - MSR_VMX_BASIC];
}

struct cpuid cpuid(uint32_t leaf)
{
	return leaf == 1 ? one : leaf == 0x80000001 ? ext :
	       leaf == 0x80000008 ? ext8 : svm_leaf;
}

uint64_t arch_tsc_hz(void)
{
	return 2000000000;
}

/* Everything may be set, nothing must, as on no CPU. */
static void perfect(void)
{
	for (uint32_t i = 0; i < MSRS; i++)
		msr[i] = MAY(UINT32_MAX);
	msr[0] = BASIC_TRUE | EPT_TYPE_WB << BASIC_TYPE_SHIFT;
	msr[MSR_VMX_MISC - MSR_VMX_BASIC] = 5;
	msr[MSR_VMX_EPT_VPID - MSR_VMX_BASIC] = UINT64_MAX;
	ext = (struct cpuid){ .ecx = BIT(2), .edx = BIT(26) | BIT(27) };
	ext8 = (struct cpuid){ .eax = 0x3030, .ebx = UINT32_MAX };
	svm_leaf = (struct cpuid){ .ebx = 16, .edx = UINT32_MAX };
	one = (struct cpuid){ .ecx = BIT(26) };
}

/* The last words of a CPU whose register number has other bits, or none. */
static const char *words(uint32_t number, uint64_t flip)
{
	perfect();
	msr[number - MSR_VMX_BASIC] ^= flip;
	memset(&vmx, 0, sizeof(vmx));
	return PANICS(vmx_caps_read(&vmx)) ? fake_last_words : "none";
}

static void vmx_refused(void)
{
	static const struct {
		uint32_t msr;
		uint64_t flip;
		const char *words;
	} lack[] = {
		{ MSR_VMX_BASIC, BASIC_ADDR_32, "below 4 GiB only" },
		{ MSR_VMX_BASIC, 2ull << BASIC_TYPE_SHIFT, "write-back control" },
		{ MSR_VMX_TRUE_PIN, MAY(PIN_NMI), "lacks pin-based controls 0x8" },
		{ MSR_VMX_TRUE_PROC, MAY(PROC_HLT), "lacks processor-based controls 0x80" },
		{ MSR_VMX_TRUE_PROC, MAY(PROC_WINDOW), "interrupt-window exits" },
		{ MSR_VMX_TRUE_PROC, PROC_CR3_LOAD, "forces exits (0x8000)" },
		{ MSR_VMX_TRUE_EXIT, MAY(EXIT_HOST_64), "lacks exit controls 0x200" },
		{ MSR_VMX_TRUE_ENTRY, MAY(ENTRY_LOAD_DEBUG), "lacks entry controls 0x4" },
		{ MSR_VMX_TRUE_ENTRY, MAY(ENTRY_GUEST_64), "lacks 64-bit guests" },
		{ MSR_VMX_PROC, MAY(PROC_SECONDARY), "has no EPT" },
		{ MSR_VMX_PROC2, MAY(PROC2_EPT), "has no EPT" },
		{ MSR_VMX_PROC2, MAY(PROC2_UNRESTRICTED), "no unrestricted guests" },
		{ MSR_VMX_EPT_VPID, EPT_CAP_WB, "lacks write-back paging" },
		{ MSR_VMX_EPT_VPID, EPT_CAP_WALK_4, "lacks four-level tables" },
		{ MSR_VMX_EPT_VPID, EPT_CAP_INVEPT, "lacks INVEPT" },
		{ MSR_VMX_EPT_VPID, EPT_CAP_INVEPT_ONE | EPT_CAP_INVEPT_ALL,
		  "lacks INVEPT" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(lack); i++)
		ok_has(words(lack[i].msr, lack[i].flip), lack[i].words,
		       "VT-x, MSR %x without %llx", lack[i].msr,
		       (unsigned long long)lack[i].flip);
}

static bool starts(uint32_t number, uint64_t flip)
{
	return !strcmp(words(number, flip), "none");
}

static void vmx_done_without(void)
{
	ok(starts(MSR_VMX_MISC, 0) && vmx.efer_switch && vmx.io_bitmaps && vmx.tsc_aux,
	   "a CPU that has everything");
	/* 200 a second, of a timer that counts each 32nd tick. */
	ok_eq(vmx.bound, 2000000000 / 200 / 32, "guest time is bounded by the timer");
	ok(starts(MSR_VMX_TRUE_PIN, MAY(PIN_TIMER)) && !vmx.bound &&
	   !(vmx.exit & EXIT_SAVE_TIMER), "no timer: no bound, and none is saved");
	ok(starts(MSR_VMX_TRUE_EXIT, MAY(EXIT_SAVE_TIMER)) && !vmx.bound &&
	   !(vmx.pin & PIN_TIMER), "a timer that cannot be saved is not used");
	ok(starts(MSR_VMX_MISC, 5 ^ 31) && vmx.bound == 1, "a slow timer: one tick");
	ok(starts(MSR_VMX_TRUE_EXIT, MAY(EXIT_LOAD_EFER)) && !vmx.efer_switch &&
	   !(vmx.entry & ENTRY_LOAD_EFER), "EFER is not switched if exits cannot");
	ok(starts(MSR_VMX_TRUE_ENTRY, MAY(ENTRY_LOAD_EFER)) && !vmx.efer_switch &&
	   !(vmx.exit & EXIT_LOAD_EFER), "nor if entries cannot");
	ok(starts(MSR_VMX_TRUE_PROC, MAY(PROC_IO_BITMAPS)) && !vmx.io_bitmaps,
	   "no I/O bitmaps");
	ok(starts(MSR_VMX_EPT_VPID, VPID_CAP_INVVPID) &&
	   !(vmx.proc2_allowed & PROC2_VPID), "no VPIDs without INVVPID");
	ok(starts(MSR_VMX_EPT_VPID, VPID_CAP_INVVPID_ONE | VPID_CAP_INVVPID_ALL) &&
	   !(vmx.proc2_allowed & PROC2_VPID), "nor without a type of it that serves");
	ok(starts(MSR_VMX_PROC2, MAY(PROC2_PAUSE_LOOP)) &&
	   !(vmx.proc2 & PROC2_PAUSE_LOOP), "what is only wished for is left out");
	ok(starts(MSR_VMX_TRUE_PIN, 1u << 2) && (vmx.pin & 1u << 2),
	   "what must be set is set");
	words(MSR_VMX_BASIC, BASIC_TRUE);
	msr[MSR_VMX_TRUE_PIN - MSR_VMX_BASIC] = 0;
	ok(!PANICS(vmx_caps_read(&vmx)), "without the newer MSRs nobody reads them");
}

static void svm_refused(void)
{
	perfect();
	ext.ecx = 0;
	ok(PANICS(svm_caps_read(&svm)), "no AMD-V");
	ok_has(fake_last_words, "no AMD-V (SVM)", "is said");
	perfect();
	svm_leaf.edx &= ~(uint32_t)SVM_FEATURE_NP;
	ok(PANICS(svm_caps_read(&svm)), "no nested paging");
	ok_has(fake_last_words, "nested paging", "is said");
	perfect();
	svm_leaf.ebx = 1;
	ok(PANICS(svm_caps_read(&svm)), "no ASID but the host's");
	ok_has(fake_last_words, "address-space identifiers", "is said");
}

static void svm_done_without(void)
{
	perfect();
	ok(!PANICS(svm_caps_read(&svm)) && svm.clean && svm.tsc_aux && svm.xsave &&
	   svm.rdpru && svm.invlpgb && svm.mcommit && svm.asid_count == 16,
	   "a CPU that has everything");
	ext.edx = ext8.ebx = one.ecx = 0;
	svm_leaf.edx = SVM_FEATURE_NP;
	ok(!PANICS(svm_caps_read(&svm)) && !svm.clean && !svm.tsc_aux && !svm.xsave &&
	   !svm.rdpru && !svm.invlpgb && !svm.mcommit, "one that has least");
}

static void svm_format(void)
{
	perfect();
	svm_p2m_format();
	ok(p2m_format.max_level == 2 && p2m_format.phys_bits == 48,
	   "guest-physical addresses: of the host's width");
	ext.edx = 0;
	ext8.eax = 0x283030;
	svm_p2m_format();
	ok(p2m_format.max_level == 1 && p2m_format.phys_bits == 40,
	   "no 1 GiB pages; a width of the guest's own");
	ext8.eax = 0x3034;
	svm_p2m_format();
	ok_eq(p2m_format.phys_bits, 48, "no more than four levels reach");
	ext8.eax = 0;
	svm_p2m_format();
	ok_eq(p2m_format.phys_bits, 36, "an old CPU does not tell");
}

int main(void)
{
	vmx_refused();
	vmx_done_without();
	svm_refused();
	svm_done_without();
	svm_format();
	return done_testing();
}
