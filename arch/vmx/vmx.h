/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of arch/vmx/ share: the capabilities that were read once on
 * the boot CPU, and the steps of a vCPU's run.
 */
#pragma once

#include "arch/hvm.h"
#include "hv/types.h"

struct vcpu;

/* Capabilities and what was chosen from them; constant after boot. */
struct vmx_caps {
	uint64_t basic, ept_vpid;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	uint32_t pin, proc, exit, entry;	/* values for every VMCS */
	uint32_t proc2;		/* likewise, before what a guest's CPUID adds */
	uint32_t proc2_allowed;
	uint32_t bound;		/* guest time between two exits; 0: no limit */
	bool efer_switch;	/* VM entry and exit load EFER themselves */
	bool tsc_aux;		/* the MSR exists */
	bool io_bitmaps;	/* ports can be let through */
};
extern struct vmx_caps vmx_caps;
extern hpa_t vmx_msr_bitmap;

/* Read all capability MSRs, choose, or hv_refuse() with what lacks. */
void vmx_caps_read(struct vmx_caps *c);

/* With EFER not switched by the CPU: the MSR areas of one vCPU, in one frame. */
struct vmx_msr_entry {
	uint32_t index, reserved;
	uint64_t value;
};
struct vmx_msr_areas {
	struct vmx_msr_entry guest;	/* loaded by VM entry, stored by VM exit */
	struct vmx_msr_entry host;	/* loaded by VM exit */
};

/* The operations of struct hvm_ops that vmx.c does not have itself. */
int vmx_vcpu_create(struct vcpu *v);
void vmx_vcpu_tables(struct vcpu *v);
void vmx_vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t argument);
void vmx_vcpu_unload(struct vcpu *v);
void vmx_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit);

/* Where VM exits arrive; not a function. */
extern const char vmx_exit_entry[];

/* Called on each exit, with RBP and R12 to R15 not yet saved. true: it has been
 * dealt with, re-enter at once. */
bool vmx_exit_hot(struct vcpu *v);
/* What entry.asm calls: that, or nothing is hot (hvm.h: answer_early). */
extern bool (*vmx_answer)(struct vcpu *v);
void vmx_answer_early(bool may);
/* Before an entry: flush what is stale in the TLB. */
void vmx_tlb_update(struct vcpu *v);
/* All other exits: deal with it, or describe it in *exit. */
void vmx_exit_decode(struct vcpu *v, struct vcpu_exit *exit);

/* Go past the instruction of len bytes at RIP, with all side effects. */
void vmx_advance(uint64_t len);
/* The instruction at RIP begins again: a breakpoint on it was served before its exit,
 * which has cleared RF (SDM 3C, Saving RIP, RSP, RFLAGS, and SSP). */
void vmx_again(void);
bool vmx_in_64bit_code(void);
void vmx_skip(struct vcpu *v, const struct vcpu_exit *exit);
void vmx_repeat_call(struct vcpu *v);
void vmx_inject(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
void vmx_get_state(struct vcpu *v, struct cpu_state *s);
bool vmx_interrupts_on(struct vcpu *v);
uint64_t vmx_cr4(struct vcpu *v);
bool vmx_get_msr(struct vcpu *v, uint32_t msr, uint64_t *value);
bool vmx_set_msr(struct vcpu *v, uint32_t msr, uint64_t value);

/* CR4 bits that a guest may set, by its CPUID. */
uint64_t vmx_cr4_allowed(struct vcpu *v);

/* Make v's VMCS current for a moment, also if v is not the one loaded here.
 * false: it is loaded on another pCPU. */
bool MUST_CHECK vmx_borrow(struct vcpu *v);
void vmx_return(struct vcpu *v);

/* Debug registers: from now on v uses them without exits. */
void vmx_debug_use(struct vcpu *v);
void vmx_window_set(struct vcpu *v, bool on);
