/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of VT-x that are not VMCS fields: capability MSRs, bits of the
 * controls, exit reasons, event formats (SDM 3C, Virtual Machine Control
 * Structures, and SDM 3D, appendices A and C).
 */
#pragma once

#include "hv/types.h"

#define MSR_VMX_BASIC		0x480
#define MSR_VMX_PIN		0x481
#define MSR_VMX_PROC		0x482
#define MSR_VMX_EXIT		0x483
#define MSR_VMX_ENTRY		0x484
#define MSR_VMX_MISC		0x485
#define MSR_VMX_CR0_FIXED0	0x486
#define MSR_VMX_CR0_FIXED1	0x487
#define MSR_VMX_CR4_FIXED0	0x488
#define MSR_VMX_CR4_FIXED1	0x489
#define MSR_VMX_PROC2		0x48b
#define MSR_VMX_EPT_VPID	0x48c
#define MSR_VMX_TRUE_PIN	0x48d
#define MSR_VMX_TRUE_PROC	0x48e
#define MSR_VMX_TRUE_EXIT	0x48f
#define MSR_VMX_TRUE_ENTRY	0x490

#define FEATURE_LOCK		BIT(0)
#define FEATURE_VMX		BIT(2)		/* outside of SMX */

#define BASIC_REVISION		0x7fffffffu
#define BASIC_ADDR_32		BIT(48)		/* VMX structures below 4 GiB */
#define BASIC_TYPE_SHIFT	50		/* memory type of VMX structures */
#define BASIC_TRUE		BIT(55)

#define MISC_TIMER_SHIFT	0x1fu		/* TSC ticks of one timer tick, log 2 */

#define PIN_INTERRUPT		(1u << 0)
#define PIN_NMI			(1u << 3)
#define PIN_VIRTUAL_NMI		(1u << 5)
#define PIN_TIMER		(1u << 6)

#define PROC_WINDOW		(1u << 2)
#define PROC_TSC_OFFSET		(1u << 3)
#define PROC_HLT		(1u << 7)
#define PROC_INVLPG		(1u << 9)
#define PROC_MWAIT		(1u << 10)
#define PROC_RDPMC		(1u << 11)
#define PROC_RDTSC		(1u << 12)
#define PROC_CR3_LOAD		(1u << 15)
#define PROC_CR3_STORE		(1u << 16)
#define PROC_CR8_LOAD		(1u << 19)
#define PROC_CR8_STORE		(1u << 20)
#define PROC_MOV_DR		(1u << 23)
#define PROC_IO			(1u << 24)
#define PROC_IO_BITMAPS		(1u << 25)	/* in place of PROC_IO */
#define PROC_MSR_BITMAP		(1u << 28)
#define PROC_MONITOR		(1u << 29)
#define PROC_SECONDARY		(1u << 31)

#define PROC2_EPT		(1u << 1)
#define PROC2_RDTSCP		(1u << 3)
#define PROC2_VPID		(1u << 5)
#define PROC2_WBINVD		(1u << 6)
#define PROC2_UNRESTRICTED	(1u << 7)
#define PROC2_PAUSE_LOOP	(1u << 10)
#define PROC2_INVPCID		(1u << 12)
#define PROC2_ENCLS		(1u << 15)
#define PROC2_XSAVES		(1u << 20)

#define EXIT_SAVE_DEBUG		(1u << 2)
#define EXIT_HOST_64		(1u << 9)
#define EXIT_SAVE_EFER		(1u << 20)
#define EXIT_LOAD_EFER		(1u << 21)
#define EXIT_SAVE_TIMER		(1u << 22)

#define ENTRY_LOAD_DEBUG	(1u << 2)
#define ENTRY_GUEST_64		(1u << 9)
#define ENTRY_LOAD_EFER		(1u << 15)

#define EPT_CAP_WALK_4		BIT(6)
#define EPT_CAP_WB		BIT(14)
#define EPT_CAP_2M		BIT(16)
#define EPT_CAP_1G		BIT(17)
#define EPT_CAP_INVEPT		BIT(20)
#define EPT_CAP_INVEPT_ONE	BIT(25)
#define EPT_CAP_INVEPT_ALL	BIT(26)
#define VPID_CAP_INVVPID	BIT(32)
#define VPID_CAP_INVVPID_ONE	BIT(41)
#define VPID_CAP_INVVPID_ALL	BIT(42)

#define INV_ONE			1		/* INVEPT and INVVPID: one context */
#define INV_ALL			2

#define EPT_READ		BIT(0)
#define EPT_WRITE		BIT(1)
#define EPT_EXEC		BIT(2)
#define EPT_TYPE_WB		6ull
#define EPT_TYPE_SHIFT		3
#define EPT_IGNORE_PAT		BIT(6)
#define EPT_LARGE		BIT(7)
#define EPTP_WALK_4		(3ull << 3)

enum vmx_exit_reason {
	VMX_EXIT_EXCEPTION = 0,
	VMX_EXIT_INTERRUPT = 1,
	VMX_EXIT_TRIPLE_FAULT = 2,
	VMX_EXIT_INIT = 3,
	VMX_EXIT_WINDOW = 7,
	VMX_EXIT_TASK_SWITCH = 9,
	VMX_EXIT_CPUID = 10,
	VMX_EXIT_GETSEC = 11,
	VMX_EXIT_HLT = 12,
	VMX_EXIT_INVD = 13,
	VMX_EXIT_RDPMC = 15,
	VMX_EXIT_VMCALL = 18,
	VMX_EXIT_VMCLEAR = 19,
	VMX_EXIT_VMXON = 27,
	VMX_EXIT_CR = 28,
	VMX_EXIT_DR = 29,
	VMX_EXIT_IO = 30,
	VMX_EXIT_RDMSR = 31,
	VMX_EXIT_WRMSR = 32,
	VMX_EXIT_BAD_GUEST = 33,
	VMX_EXIT_BAD_MSR = 34,
	VMX_EXIT_MWAIT = 36,
	VMX_EXIT_MONITOR = 39,
	VMX_EXIT_PAUSE = 40,
	VMX_EXIT_MC_ENTRY = 41,
	VMX_EXIT_EPT_VIOLATION = 48,
	VMX_EXIT_EPT_MISCONFIG = 49,
	VMX_EXIT_INVEPT = 50,
	VMX_EXIT_TIMER = 52,
	VMX_EXIT_INVVPID = 53,
	VMX_EXIT_WBINVD = 54,
	VMX_EXIT_XSETBV = 55,
	VMX_EXIT_VMFUNC = 59,
	VMX_EXIT_ENCLS = 60,
};
#define VMX_EXIT_ENTRY_FAILED	BIT(31)

/* Event information: VM entry, VM exit and IDT vectoring share one format. */
#define EVENT_VALID		BIT(31)
#define EVENT_ERROR		BIT(11)
#define EVENT_TYPE_SHIFT	8
#define EVENT_TYPE(info)	((uint32_t)(info) >> EVENT_TYPE_SHIFT & 7)
#define EVENT_VECTOR(info)	((uint8_t)(info))
#define EVENT_TYPE_EXTERNAL	0ull
#define EVENT_TYPE_NMI		2ull
#define EVENT_TYPE_EXCEPTION	3ull
#define EVENT_TYPE_SOFT_INT	4ull		/* and above: need a length */
#define EVENT_NMI_UNBLOCKED	BIT(12)		/* exit and EPT qualification */

#define SHADOW_STI		BIT(0)
#define SHADOW_MOV_SS		BIT(1)
#define SHADOW_NMI		BIT(3)
#define SHADOW_INSTRUCTION	(SHADOW_STI | SHADOW_MOV_SS)

#define PENDING_BS		BIT(14)		/* pending debug exceptions */

#define AR_L			BIT(13)		/* of CS: 64-bit */
#define AR_DPL_SHIFT		5
#define AR_UNUSABLE		BIT(16)
