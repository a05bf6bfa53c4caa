/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD-V as the CPU defines it (APM 2, Secure Virtual Machine): CPUID bits,
 * MSRs, exit codes, and the bits of VMCB fields. No state.
 */
#pragma once

#include "hv/types.h"

/* CPUID 0x80000001 ECX, and 0x8000000a: EBX the ASIDs, EDX the features. */
#define CPUID_EXT_ECX_SVM	BIT(2)
#define SVM_FEATURE_NP		BIT(0)
#define SVM_FEATURE_NRIPS	BIT(3)
#define SVM_FEATURE_CLEAN	BIT(5)
#define SVM_FEATURE_FLUSH_ASID	BIT(6)
#define SVM_FEATURE_PAUSE	BIT(10)
#define SVM_FEATURE_PAUSE_THRESHOLD BIT(12)

#define MSR_VM_CR		0xc0010114
#define VM_CR_LOCK		BIT(3)
#define VM_CR_SVMDIS		BIT(4)
#define MSR_VM_HSAVE_PA		0xc0010117

/* Intercept vectors: word, and bit in it. */
#define INTERCEPT_CR		0	/* reads 0-15, writes 16-31 */
#define INTERCEPT_DR		1
#define INTERCEPT_EXCEPTION	2
#define INTERCEPT_GENERAL	3
#define INTERCEPT_SVM		4
#define INTERCEPT_MORE		5

#define INTERCEPT3_INTR		(1u << 0)
#define INTERCEPT3_NMI		(1u << 1)
#define INTERCEPT3_SMI		(1u << 2)
#define INTERCEPT3_INIT		(1u << 3)
#define INTERCEPT3_VINTR	(1u << 4)
#define INTERCEPT3_RDPMC	(1u << 15)
#define INTERCEPT3_CPUID	(1u << 18)
#define INTERCEPT3_INVD		(1u << 22)
#define INTERCEPT3_PAUSE	(1u << 23)
#define INTERCEPT3_HLT		(1u << 24)
#define INTERCEPT3_INVLPGA	(1u << 26)
#define INTERCEPT3_IOIO		(1u << 27)
#define INTERCEPT3_MSR		(1u << 28)
#define INTERCEPT3_TASK_SWITCH	(1u << 29)
#define INTERCEPT3_FERR_FREEZE	(1u << 30)
#define INTERCEPT3_SHUTDOWN	(1u << 31)

#define INTERCEPT4_VMRUN	(1u << 0)
#define INTERCEPT4_VMMCALL	(1u << 1)
#define INTERCEPT4_VMLOAD	(1u << 2)
#define INTERCEPT4_VMSAVE	(1u << 3)
#define INTERCEPT4_STGI		(1u << 4)
#define INTERCEPT4_CLGI		(1u << 5)
#define INTERCEPT4_SKINIT	(1u << 6)
#define INTERCEPT4_ICEBP	(1u << 8)
#define INTERCEPT4_WBINVD	(1u << 9)
#define INTERCEPT4_MONITOR	(1u << 10)
#define INTERCEPT4_MWAIT	(1u << 11)
#define INTERCEPT4_MWAIT_ARMED	(1u << 12)
#define INTERCEPT4_XSETBV	(1u << 13)
#define INTERCEPT4_RDPRU	(1u << 14)

#define INTERCEPT5_INVLPGB	(1u << 0)
#define INTERCEPT5_INVLPGB_BAD	(1u << 1)
#define INTERCEPT5_MCOMMIT	(1u << 3)
#define INTERCEPT5_TLBSYNC	(1u << 4)

/* Exit codes. */
enum svm_exit_code {
	VMEXIT_DR = 0x20,		/* + number, + 16 for a write; to 0x3f */
	VMEXIT_EXCEPTION = 0x40,	/* + vector */
	VMEXIT_INTR = 0x60,
	VMEXIT_NMI,
	VMEXIT_SMI,
	VMEXIT_INIT,
	VMEXIT_VINTR,
	VMEXIT_RDPMC = 0x6f,
	VMEXIT_CPUID = 0x72,
	VMEXIT_INVD = 0x76,
	VMEXIT_PAUSE,
	VMEXIT_HLT,
	VMEXIT_INVLPGA = 0x7a,
	VMEXIT_IOIO,
	VMEXIT_MSR,
	VMEXIT_TASK_SWITCH,
	VMEXIT_FERR_FREEZE,
	VMEXIT_SHUTDOWN,
	VMEXIT_VMRUN,
	VMEXIT_VMMCALL,
	VMEXIT_VMLOAD,
	VMEXIT_VMSAVE,
	VMEXIT_STGI,
	VMEXIT_CLGI,
	VMEXIT_SKINIT,
	VMEXIT_ICEBP = 0x88,
	VMEXIT_WBINVD,
	VMEXIT_MONITOR,
	VMEXIT_MWAIT,
	VMEXIT_MWAIT_ARMED,
	VMEXIT_XSETBV,
	VMEXIT_RDPRU,
	VMEXIT_INVLPGB = 0xa0,
	VMEXIT_INVLPGB_BAD,
	VMEXIT_MCOMMIT = 0xa3,
	VMEXIT_TLBSYNC,
	VMEXIT_NPF = 0x400,
};
#define VMEXIT_INVALID		0xffffffffu	/* in the low half */

/* EXITINFO1 of IOIO, MSR and NPF. */
#define IOIO_IN			BIT(0)
#define IOIO_STRING		BIT(2)
#define IOIO_REP		BIT(3)
#define IOIO_SIZE_SHIFT		4
#define IOIO_PORT_SHIFT		16
#define MSR_EXIT_WRITE		BIT(0)
#define NPF_PRESENT		BIT(0)
#define NPF_WRITE		BIT(1)
#define NPF_FETCH		BIT(4)
#define NPF_IN_WALK		BIT(33)

/* EVENTINJ and EXITINTINFO. */
#define EVENT_VALID		BIT(31)
#define EVENT_ERROR		BIT(11)
#define EVENT_TYPE_SHIFT	8
#define EVENT_TYPE_MASK		(7u << EVENT_TYPE_SHIFT)
#define EVENT_INTR		(0u << EVENT_TYPE_SHIFT)
#define EVENT_EXCEPTION		(3u << EVENT_TYPE_SHIFT)

/* Virtual interrupt control. */
#define INT_CTL_V_IRQ		BIT(8)
#define INT_CTL_V_PRIO		(0xfull << 16)	/* above any TPR */
#define INT_CTL_V_IGN_TPR	BIT(20)
#define INT_CTL_V_INTR_MASKING	BIT(24)

#define TLB_CONTROL_NONE	0
#define TLB_CONTROL_ALL		1
#define TLB_CONTROL_ASID	3

/* Clean bits: what of the VMCB is unchanged since this pCPU last ran it. */
#define CLEAN_ALL		0x3ffu
#define CLEAN_INTERCEPTS	(1u << 0)	/* also the TSC offset */
#define CLEAN_ASID		(1u << 2)
#define CLEAN_TPR		(1u << 3)
#define CLEAN_NP		(1u << 4)
#define CLEAN_CR		(1u << 5)
#define CLEAN_DR		(1u << 6)

/* Segment attributes: bits 40-47 and 52-55 of a descriptor. */
#define SEG_LONG		(1u << 9)
#define SEG_CODE32		0xc9bu
#define SEG_DATA32		0xc93u
#define SEG_TSS32_BUSY		0x08bu
#define SEG_LDT			0x082u

#define DR6_BS			BIT(14)
