/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of arch/svm/ share: the capabilities that were read once on
 * the boot CPU, and the steps of a vCPU's run.
 */
#pragma once

#include "arch/hvm.h"
#include "hv/types.h"

struct vcpu;
struct vmcb;

/* Capabilities and what was chosen from them; constant after boot. */
struct svm_caps {
	uint32_t features;	/* SVM_FEATURE_*, CPUID 0x8000000a EDX */
	uint32_t asid_count;	/* ASIDs 1 to asid_count - 1 are for guests */
	uint32_t clean;		/* CLEAN_ALL, or 0 without clean bits */
	bool tsc_aux;		/* the MSR exists */
	bool xsave, rdpru, invlpgb, mcommit;	/* instructions to intercept */
	/* V_IRQ alone delivers, also if IF is 1 at VMRUN; else EVENTINJ then. */
	bool virq_if_on;
};
extern struct svm_caps svm_caps;

/* Read the capabilities or hv_refuse() with what lacks. */
void svm_caps_read(struct svm_caps *c);
/* Fill p2m_format. */
void svm_p2m_format(void);
/* Find svm_caps.virq_if_on by running a guest of one instruction. SVM is on. */
void svm_probe_virq(void);

/*
 * entry.asm. Enters the guest until an exit that svm_exit_hot() leaves to us,
 * and returns by way of svm_exit_decode(): c is the VMCB, c_pa and host_pa the
 * addresses of it and of the host's for VMLOAD. GIF is 1 before and after.
 */
void svm_enter(struct vcpu *v, struct vmcb *c, uint64_t c_pa, uint64_t host_pa,
	       struct vcpu_exit *exit);
/* entry.asm. The whole guest of svm_probe_virq(). */
extern const char svm_probe_guest[];

/*
 * Called on each exit with GIF 0, the guest's VMLOAD state loaded and RBP, R12
 * to R15 not saved. Hot: it has been dealt with, re-enter at once. Warm: call
 * svm_exit_warm() with the host's VMLOAD state; true: dealt with, else cold.
 */
enum svm_heat { SVM_COLD, SVM_HOT, SVM_WARM = -1 };	/* signs: entry.asm */
enum svm_heat svm_exit_hot(struct vcpu *v, struct vmcb *c);
/* What entry.asm calls: that, or nothing is hot (hvm.h: answer_early). */
extern enum svm_heat (*svm_answer)(struct vcpu *v, struct vmcb *c);
void svm_answer_early(bool may);
bool svm_exit_warm(struct vcpu *v, struct vmcb *c);
/* Before an entry: have what is stale in the TLB flushed by it. */
void svm_tlb_update(struct vcpu *v, struct vmcb *c);
/* All other exits: deal with it, or describe it in *exit. */
void svm_exit_decode(struct vcpu *v, struct vmcb *c, struct vcpu_exit *exit);

/* debug.c. Debug registers: from now on v, loaded here, uses them without exits. */
void svm_debug_use(struct vcpu *v);
/* Its DR0 to DR3 from and to this pCPU; their state at reset. */
void svm_debug_save(struct vcpu *v);
void svm_debug_load(const struct vcpu *v);
void svm_debug_reset(struct vcpu *v);
/* A #DB that exited goes back to the guest. */
void svm_debug_reflect(struct vcpu *v, struct vmcb *c);

/* The operations of struct hvm_ops. */
int svm_vcpu_create(struct vcpu *v);
void svm_vcpu_tables(struct vcpu *v);
void svm_vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t argument);
void svm_vcpu_run(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit);
void svm_vcpu_unload(struct vcpu *v);
bool svm_interrupts_on(struct vcpu *v);
uint64_t svm_cr4(struct vcpu *v);
void svm_skip(struct vcpu *v, const struct vcpu_exit *exit);
void svm_repeat_call(struct vcpu *v);
void svm_inject(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
void svm_get_state(struct vcpu *v, struct cpu_state *s);
bool svm_get_msr(struct vcpu *v, uint32_t msr, uint64_t *value);
bool svm_set_msr(struct vcpu *v, uint32_t msr, uint64_t value);
