/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is the same in every VMCB: intercepts, permission maps, and the state in
 * which a vCPU starts. Default deny: a guest reaches without an exit only the
 * MSRs that are saved and loaded with it.
 */
#include "arch/svm/vmcb.h"

#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/desc.h"
#include "arch/svm/svm.h"

#define IOPM_BYTES	0x3000
#define MSRPM_BYTES	0x2000
#define PAUSE_COUNT	3000	/* of a spin loop, then EXIT_PAUSE */
#define PAUSE_THRESHOLD	128	/* cycles between the PAUSEs of one loop */
#define PAT_RESET	0x0007040600070406ull
#define DR6_RESET	0xffff0ff0u
#define DR7_RESET	0x400u

/* From the frame allocator, so that a machine with VT-x does not carry them. */
static uint8_t *iopm, *msrpm;

static uint8_t *map_alloc(uint32_t order, size_t bytes)
{
	hpa_t pa;

	if (frames_alloc(order, FRAME_OWNER_HV, &pa))
		hv_refuse("too little memory for the AMD-V permission maps");
	return memset(phys_to_virt(pa), 0xff, bytes);
}

#define MSRPM_READ	1u
#define MSRPM_WRITE	2u

/* Two bits an MSR, read and write; 0x2000 MSRs to each range of 0x800 bytes. */
static void msrpm_allow(uint32_t msr, uint32_t what)
{
	uint32_t range = msr >= 0xc0000000 ? 0x800 : 0;

	msrpm[range + (msr & 0x1fff) / 4] &= (uint8_t)~(what << (msr & 3) * 2);
}

void vmcb_maps_init(void)
{
	static const uint32_t open[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,
		MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_SYSENTER_CS,
		MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
	};

	iopm = map_alloc(2, IOPM_BYTES);
	msrpm = map_alloc(1, MSRPM_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		msrpm_allow(open[i], MSRPM_READ | MSRPM_WRITE);
	if (svm_caps.tsc_aux)
		msrpm_allow(MSR_TSC_AUX, MSRPM_READ);
}

static void init_intercepts(struct vmcb *c)
{
	const struct svm_caps *s = &svm_caps;

	/* An endless #AC or #DB delivery must not hold the pCPU. */
	c->intercept[INTERCEPT_EXCEPTION] = 1u << VECTOR_DB | 1u << VECTOR_AC |
					    1u << VECTOR_MC;
	c->intercept[INTERCEPT_GENERAL] =
		INTERCEPT3_INTR | INTERCEPT3_NMI | INTERCEPT3_SMI |
		INTERCEPT3_INIT | INTERCEPT3_RDPMC | INTERCEPT3_CPUID |
		INTERCEPT3_INVD | INTERCEPT3_HLT | INTERCEPT3_INVLPGA |
		INTERCEPT3_IOIO | INTERCEPT3_MSR | INTERCEPT3_TASK_SWITCH |
		INTERCEPT3_FERR_FREEZE | INTERCEPT3_SHUTDOWN;
	c->intercept[INTERCEPT_SVM] =
		INTERCEPT4_VMRUN | INTERCEPT4_VMMCALL | INTERCEPT4_VMLOAD |
		INTERCEPT4_VMSAVE | INTERCEPT4_STGI | INTERCEPT4_CLGI |
		INTERCEPT4_SKINIT | INTERCEPT4_ICEBP | INTERCEPT4_WBINVD |
		INTERCEPT4_MONITOR | INTERCEPT4_MWAIT | INTERCEPT4_MWAIT_ARMED;
	if (s->xsave)
		c->intercept[INTERCEPT_SVM] |= INTERCEPT4_XSETBV;
	if (s->rdpru)
		c->intercept[INTERCEPT_SVM] |= INTERCEPT4_RDPRU;
	if (s->invlpgb)
		c->intercept[INTERCEPT_MORE] |= INTERCEPT5_INVLPGB |
						INTERCEPT5_INVLPGB_BAD |
						INTERCEPT5_TLBSYNC;
	if (s->mcommit)
		c->intercept[INTERCEPT_MORE] |= INTERCEPT5_MCOMMIT;
	if (s->features & SVM_FEATURE_PAUSE) {
		c->intercept[INTERCEPT_GENERAL] |= INTERCEPT3_PAUSE;
		c->pause_count = PAUSE_COUNT;
		if (s->features & SVM_FEATURE_PAUSE_THRESHOLD)
			c->pause_threshold = PAUSE_THRESHOLD;
	}
}

void vmcb_init(struct vmcb *c)
{
	init_intercepts(c);
	c->iopm = virt_to_phys(iopm).v;
	c->msrpm = virt_to_phys(msrpm).v;
	c->int_ctl = INT_CTL_V_INTR_MASKING | INT_CTL_V_IGN_TPR | INT_CTL_V_PRIO;
	c->np_enable = 1;
}

static struct vmcb_segment flat(uint16_t attributes)
{
	return (struct vmcb_segment){
		.attributes = attributes, .limit = 0xffffffff,
	};
}

void vmcb_reset(struct vmcb *c, uint64_t entry)
{
	memset(&c->es, 0, sizeof(*c) - offsetof(struct vmcb, es));
	c->cs = flat(SEG_CODE32);
	c->ds = c->es = c->ss = flat(SEG_DATA32);
	c->fs = c->gs = flat(SEG_DATA32);
	c->tr = (struct vmcb_segment){ .attributes = SEG_TSS32_BUSY, .limit = 0x67 };
	c->ldtr = (struct vmcb_segment){ .attributes = SEG_LDT };
	c->cr0 = CR0_PE | CR0_ET;
	c->efer = EFER_SVME;
	c->rflags = RFLAGS_FIXED;
	c->rip = entry;
	c->dr6 = DR6_RESET;
	c->dr7 = DR7_RESET;
	c->pat = PAT_RESET;
	c->interrupt_shadow = 0;
	c->clean = 0;
}
