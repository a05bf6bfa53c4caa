/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which way upcalls go in: a guest of one instruction is entered with a virtual
 * interrupt pending and IF = 1. CPUs take it at once (here: it exits, being
 * intercepted); one known model of a CPU looks only when IF changes, and there
 * EVENTINJ has to deliver when IF is 1 already.
 */
#include "hv/abi/hypercall.h"
#include "hv/console.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "hv/vm.h"

#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/msr.h"
#include "arch/svm/svm.h"
#include "arch/svm/vmcb.h"

#define SEG_CODE64	0xa9bu
#define PROBE_VECTOR	0x40
#define PROBE_TRIES	1000	/* host interrupts that may come first */

/* The guest runs in the hypervisor's own address space, without NPT: it is
 * the hypervisor's own code. */
static void prepare(struct vmcb *c)
{
	vmcb_init(c);
	vmcb_reset(c, (uint64_t)svm_probe_guest);
	c->np_enable = 0;
	c->intercept[INTERCEPT_GENERAL] |= INTERCEPT3_VINTR;
	c->asid = 1;
	c->tlb_control = TLB_CONTROL_ALL;
	c->int_ctl |= INT_CTL_V_IRQ | (uint64_t)PROBE_VECTOR << 32;
	c->cs.attributes = SEG_CODE64;
	c->cs.selector = SEL_CODE;
	c->ss.selector = SEL_DATA;
	c->cr0 = read_cr0();
	c->cr3 = read_cr3();
	c->cr4 = read_cr4();
	c->efer = rdmsr(MSR_EFER);
	c->rflags = RFLAGS_FIXED | RFLAGS_IF;
	c->rax = AMBIT_HC_COUNT;	/* not a call that is answered early */
}

void svm_probe_virq(void)
{
	static struct vcpu v;
	struct vcpu_exit exit;
	struct arch_pcpu *p = arch_pcpu_this();
	hpa_t page;

	if (frames_alloc(0, FRAME_OWNER_HV, &page))
		hv_refuse("too little memory to try AMD-V");
	for (int i = 0; i < PROBE_TRIES; i++) {
		struct vmcb *c = vmcb_at(page);

		memset(c, 0, PAGE_SIZE);
		prepare(c);
		svm_enter(&v, c, page.v, p->hvm_host.v, &exit);
		svm_caps.virq_if_on = c->exit_code == VMEXIT_VINTR;
		if (c->exit_code == VMEXIT_VINTR || c->exit_code == VMEXIT_VMMCALL)
			break;
		if ((uint32_t)c->exit_code == VMEXIT_INVALID)
			hv_refuse("AMD-V refuses to run a trivial guest");
		arch_take_interrupts();
	}
	frames_free(page, 0);
}
