/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block (APM 2, Appendix B): one page, physical
 * memory that the CPU reads at VMRUN and writes at #VMEXIT; and what is the same
 * for every vCPU in it.
 */
#pragma once

#include "arch/percpu.h"
#include "arch/svm/svm_regs.h"
#include "hv/types.h"
#include "hv/vcpu.h"

struct vmcb_segment {
	uint16_t selector, attributes;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* control area */
	uint32_t intercept[6];		/* 0x000 */
	uint8_t reserved0[0x24];
	uint16_t pause_threshold, pause_count;
	uint64_t iopm, msrpm;		/* 0x040 */
	uint64_t tsc_offset;
	uint32_t asid;
	uint8_t tlb_control, reserved1[3];
	uint64_t int_ctl;		/* 0x060 */
	uint64_t interrupt_shadow;
	uint64_t exit_code;		/* 0x070 */
	uint64_t exit_info1, exit_info2, exit_int_info;
	uint64_t np_enable;		/* 0x090 */
	uint64_t reserved2[2];
	uint64_t event;			/* 0x0a8 */
	uint64_t np_cr3;
	uint64_t lbr_control;
	uint32_t clean, reserved3;	/* 0x0c0 */
	uint64_t next_rip;
	uint8_t reserved4[0x400 - 0x0d0];
	/* state save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved5[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved6;
	uint64_t efer;			/* 0x4d0 */
	uint8_t reserved7[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0;
	uint64_t dr7, dr6;		/* 0x560 */
	uint64_t rflags, rip;
	uint8_t reserved8[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t reserved9[0x5f8 - 0x5e0];
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base; /* 0x600 */
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;			/* 0x640 */
	uint8_t reserved10[0x668 - 0x648];
	uint64_t pat;
	uint8_t reserved11[0x1000 - 0x670];
};
_Static_assert(offsetof(struct vmcb, iopm) == 0x040, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, int_ctl) == 0x060, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, event) == 0x0a8, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0x0c8, "APM 2, B.1");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "APM 2, B.2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM 2, B.2");
_Static_assert(offsetof(struct vmcb, cr0) == 0x558, "APM 2, B.2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM 2, B.2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "entry.asm");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM 2, B.2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM 2, B.2");
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "APM 2, B");

static inline struct vmcb *vmcb_at(hpa_t pa)
{
	return (struct vmcb *)(VA_DIRECT + pa.v);
}

static inline struct vmcb *vmcb_of(const struct vcpu *v)
{
	return vmcb_at(v->arch.vmcb);
}

/* Fill the permission maps. Once, boot CPU, after svm_caps is set. */
void vmcb_maps_init(void);
/* Set what never changes of a zeroed VMCB. */
void vmcb_init(struct vmcb *c);
/* The PVH entry state: 32-bit flat, paging off. */
void vmcb_reset(struct vmcb *c, uint64_t entry);
