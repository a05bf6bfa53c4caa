/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-V: turning it on, and the table of its operations. */
#include "arch/svm/svm.h"

#include "hv/abi/hypercall.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"

#include "arch/arch.h"
#include "arch/desc.h"
#include "arch/hvm.h"
#include "arch/msr.h"
#include "arch/svm/vmcb.h"

struct svm_caps svm_caps;

/* Firmware can switch AMD-V off, with or without a lock on that. */
static void enable(void)
{
	uint64_t vm_cr;

	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		if ((vm_cr & VM_CR_LOCK) ||
		    !wrmsr_safe(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS) ||
		    (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS))
			hv_refuse("AMD-V is disabled by the firmware (pCPU %u)",
				  percpu_id());
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
}

static hpa_t page_alloc(void)
{
	hpa_t pa;

	if (frames_alloc(0, FRAME_OWNER_HV, &pa))
		hv_refuse("too little memory for pCPU %u", percpu_id());
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

static void svm_cpu_init(void)
{
	struct arch_pcpu *p = arch_pcpu_this();
	bool boot_cpu = percpu_id() == 0;
	struct svm_caps here;

	svm_caps_read(&here);
	if (boot_cpu) {
		svm_caps = here;
		svm_p2m_format();
		vmcb_maps_init();
	} else if (here.asid_count < svm_caps.asid_count ||
		   (svm_caps.features & ~here.features)) {
		hv_refuse("pCPU %u has less AMD-V than the boot CPU", percpu_id());
	}
	enable();
	if (svm_caps.tsc_aux)
		wrmsr(MSR_TSC_AUX, 0);
	p->hvm_page = page_alloc();
	wrmsr(MSR_VM_HSAVE_PA, p->hvm_page.v);
	p->hvm_host = page_alloc();
	__asm__ volatile("vmsave %0" : : "a"(p->hvm_host.v) : "memory");
	/* The pCPU's number in the low part: no two share a generation. The
	 * first ASID wraps at once, which flushes what was before us. */
	p->asid_generation = PCPU_MAX + percpu_id();
	p->asid_next = svm_caps.asid_count;
	if (boot_cpu)
		svm_probe_virq();
}

const struct hvm_ops svm_ops = {
	.name = "AMD-V",
	.vendor = "svm",
	.hypercall_feature = AMBIT_FEAT_VMMCALL,
	.cpu_init = svm_cpu_init,
	.vcpu_create = svm_vcpu_create,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_run = svm_vcpu_run,
	.vcpu_unload = svm_vcpu_unload,
	.answer_early = svm_answer_early,
	.vcpu_tables = svm_vcpu_tables,
	.skip = svm_skip,
	.repeat_call = svm_repeat_call,
	.inject = svm_inject,
	.get_state = svm_get_state,
	.interrupts_on = svm_interrupts_on,
	.cr4 = svm_cr4,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
};
