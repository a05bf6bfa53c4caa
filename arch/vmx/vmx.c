/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-x behind struct hvm_ops, and turning it on. */
#include "arch/vmx/vmx.h"

#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/pcpu.h"
#include "hv/string.h"
#include "hv/vcpu.h"

#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/vmx/vmx_regs.h"

struct vmx_caps vmx_caps;
hpa_t vmx_msr_bitmap;

static void feature_enable(void)
{
	uint64_t feature = rdmsr(MSR_FEATURE_CONTROL);

	if (!(feature & FEATURE_LOCK)) {
		feature |= FEATURE_VMX | FEATURE_LOCK;
		wrmsr(MSR_FEATURE_CONTROL, feature);
	}
	if (!(feature & FEATURE_VMX))
		hv_refuse("VT-x is disabled by the firmware (look for it in the BIOS set-up)");
}

/* The low word of each is where reads are intercepted, low MSRs then high
 * ones; writes follow. */
static void msr_bitmap_pass(uint8_t *bitmap, uint32_t msr, bool write)
{
	uint32_t at = (msr & 0x1fff) + (msr >= 0xc0000000 ? 0x2000 : 0) +
		      (write ? 0x4000 : 0);

	bitmap[at / 8] &= (uint8_t)~(1u << at % 8);
}

static void msr_bitmap_create(void)
{
	/* Switched by VM entry, or the vCPU's own at every switch. */
	static const uint32_t free[] = {
		MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_EFER,
	};
	/* A write exits, which is rare, so that a switch need not read them. */
	static const uint32_t readable[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_TSC_AUX,
	};
	uint8_t *bitmap;

	if (frames_alloc(0, FRAME_OWNER_HV, &vmx_msr_bitmap))
		hv_refuse("no memory for the MSR bitmap");
	bitmap = phys_to_virt(vmx_msr_bitmap);
	memset(bitmap, 0xff, PAGE_SIZE);
	for (uint32_t i = 0; i < ARRAY_SIZE(free); i++) {
		msr_bitmap_pass(bitmap, free[i], false);
		msr_bitmap_pass(bitmap, free[i], true);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(readable); i++)
		if (readable[i] != MSR_TSC_AUX || vmx_caps.tsc_aux)
			msr_bitmap_pass(bitmap, readable[i], false);
}

/* RAM is write-back whatever the guest's PAT says, so that two VMs that share a
 * page never see it with two memory types; the guest's PAT stays its own toy. */
static void format_init(void)
{
	uint64_t cap = vmx_caps.ept_vpid;
	uint32_t width = cpuid(0x80000008).eax & 0xff;

	p2m_format = (struct p2m_format){
		.table = EPT_READ | EPT_WRITE | EPT_EXEC,
		.leaf = EPT_TYPE_WB << EPT_TYPE_SHIFT | EPT_IGNORE_PAT,
		.large = EPT_LARGE,
		.read = EPT_READ, .write = EPT_WRITE, .exec = EPT_EXEC,
		.max_level = !(cap & EPT_CAP_2M) ? 0 : !(cap & EPT_CAP_1G) ? 1 : 2,
		.phys_bits = (uint8_t)MIN(width, 48u),
	};
}

static void caps_init(void)
{
	struct vmx_caps here;

	memset(&here, 0, sizeof(here));
	vmx_caps_read(&here);
	if (!vmx_msr_bitmap.v) {
		vmx_caps = here;
		msr_bitmap_create();
		format_init();
	} else if (memcmp(&here, &vmx_caps, sizeof(here)) != 0) { /* NOLINT: no noise in gaps */
		hv_refuse("CPU %u differs in its VT-x capabilities", percpu_id());
	}
}

static void vmx_cpu_init(void)
{
	struct arch_pcpu *p = &this_pcpu()->arch;
	bool failed;

	feature_enable();
	caps_init();
	if (frames_alloc(0, FRAME_OWNER_HV, &p->hvm_page))
		hv_refuse("no memory for the VMXON region");
	memset(phys_to_virt(p->hvm_page), 0, PAGE_SIZE);
	*(uint32_t *)phys_to_virt(p->hvm_page) = vmx_caps.basic & BASIC_REVISION;
	write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
	write_cr4((read_cr4() | vmx_caps.cr4_fixed0) & vmx_caps.cr4_fixed1);
	__asm__ volatile("vmxon %1"
			 : "=@ccbe"(failed) : "m"(p->hvm_page.v) : "memory");
	if (failed)
		panic("VMXON refused");
}

const struct hvm_ops vmx_ops = {
	.name = "VT-x",
	.vendor = "vmx",
	.cpu_init = vmx_cpu_init,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_run = vmx_vcpu_run,
	.vcpu_unload = vmx_vcpu_unload,
	.answer_early = vmx_answer_early,
	.vcpu_tables = vmx_vcpu_tables,
	.skip = vmx_skip,
	.repeat_call = vmx_repeat_call,
	.inject = vmx_inject,
	.get_state = vmx_get_state,
	.interrupts_on = vmx_interrupts_on,
	.cr4 = vmx_cr4,
	.get_msr = vmx_get_msr,
	.set_msr = vmx_set_msr,
};
