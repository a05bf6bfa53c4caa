/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS: field encodings (SDM 3D, Field Encoding in VMCS), access, and the
 * life of one. Each access is checked: a field that the CPU refuses is a bug
 * of ours and panics with its number.
 */
#pragma once

#include "hv/types.h"

struct vcpu;

enum vmcs_field {
	VMCS_VPID = 0x0000,
	VMCS_GUEST_ES = 0x0800,		/* ES CS SS DS FS GS LDTR TR: + 2 each */
	VMCS_GUEST_CS = 0x0802,
	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_FS = 0x0c08,
	VMCS_HOST_GS = 0x0c0a,
	VMCS_HOST_TR = 0x0c0c,
	VMCS_IO_BITMAP_A = 0x2000,	/* ports 0 to 0x7fff */
	VMCS_IO_BITMAP_B = 0x2002,
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_EXIT_MSR_STORE = 0x2006,
	VMCS_EXIT_MSR_LOAD = 0x2008,
	VMCS_ENTRY_MSR_LOAD = 0x200a,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_EPTP = 0x201a,
	VMCS_XSS_BITMAP = 0x202c,
	VMCS_ENCLS_BITMAP = 0x202e,
	VMCS_GUEST_PHYSICAL = 0x2400,
	VMCS_LINK = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE0 = 0x280a,	/* + 2 each */
	VMCS_HOST_EFER = 0x2c02,
	VMCS_PIN = 0x4000,
	VMCS_PROC = 0x4002,
	VMCS_EXCEPTIONS = 0x4004,
	VMCS_PF_MASK = 0x4006,
	VMCS_PF_MATCH = 0x4008,
	VMCS_CR3_TARGETS = 0x400a,
	VMCS_EXIT = 0x400c,
	VMCS_EXIT_STORE_COUNT = 0x400e,
	VMCS_EXIT_LOAD_COUNT = 0x4010,
	VMCS_ENTRY = 0x4012,
	VMCS_ENTRY_LOAD_COUNT = 0x4014,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR = 0x4018,
	VMCS_ENTRY_LENGTH = 0x401a,
	VMCS_PROC2 = 0x401e,
	VMCS_PLE_GAP = 0x4020,
	VMCS_PLE_WINDOW = 0x4022,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_EXIT_ERROR = 0x4406,
	VMCS_VECTORING = 0x4408,
	VMCS_VECTORING_ERROR = 0x440a,
	VMCS_EXIT_LENGTH = 0x440c,
	VMCS_GUEST_ES_LIMIT = 0x4800,	/* eight segments: + 2 each */
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ES_AR = 0x4814,	/* eight segments: + 2 each */
	VMCS_GUEST_CS_AR = 0x4816,
	VMCS_GUEST_SS_AR = 0x4818,
	VMCS_SHADOW = 0x4824,		/* interruptibility state */
	VMCS_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_TIMER = 0x482e,		/* counts down in guest mode */
	VMCS_HOST_SYSENTER_CS = 0x4c00,
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_QUALIFICATION = 0x6400,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_ES_BASE = 0x6806,	/* eight segments: + 2 each */
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14,
	VMCS_HOST_RIP = 0x6c16,
};

/* Order of the segments in the VMCS, as steps of 2 from the ES fields. */
enum vmcs_segment {
	VMCS_ES, VMCS_CS, VMCS_SS, VMCS_DS, VMCS_FS, VMCS_GS, VMCS_LDTR, VMCS_TR,
	VMCS_SEGMENT_COUNT
};

_Noreturn void vmcs_refused(uint32_t field, const char *what);

static inline uint64_t vmcs_read(uint32_t field)
{
	uint64_t value;
	bool failed;

	__asm__ volatile("vmread %2, %1"
			 : "=@ccbe"(failed), "=r"(value)
			 : "r"((uint64_t)field));
	if (unlikely(failed))
		vmcs_refused(field, "VMREAD");
	return value;
}

static inline void vmcs_write(uint32_t field, uint64_t value)
{
	bool failed;

	__asm__ volatile("vmwrite %1, %2"
			 : "=@ccbe"(failed)
			 : "r"(value), "r"((uint64_t)field));
	if (unlikely(failed))
		vmcs_refused(field, "VMWRITE");
}

/* Make this VMCS current, or write it back and make it inactive. */
static inline void vmcs_load(const hpa_t *vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1"
			 : "=@ccbe"(failed) : "m"(vmcs->v) : "memory");
	if (unlikely(failed))
		vmcs_refused(0, "VMPTRLD");
}
void vmcs_clear(hpa_t vmcs);

/* A new VMCS's controls and everything that stays as it is; v->arch.vmcs is
 * current. */
void vmcs_init_controls(struct vcpu *v);
/* Host state of the pCPU that runs this; v->arch.vmcs is current. */
void vmcs_init_host(void);
/* Of a loaded VMCS: the tables that its VM has now. */
void vmcs_set_tables(struct vcpu *v);
/* Guest state: 32-bit flat, paging off; v->arch.vmcs is current. */
void vmcs_reset_guest(struct vcpu *v, uint64_t entry);
