/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest side of the arch contract: what VT-x and AMD-V each implement
 * behind one constant table, chosen at boot. Exits come out vendor-neutral.
 * The run loop of hv/ owns scheduling, hypercalls and policy; a vendor owns the
 * hardware state of a vCPU and decodes its exits.
 */
#pragma once

#include "hv/abi/counters.h"
#include "hv/types.h"

struct cpuid;
struct vcpu;
struct vm;

/* Of VMCALL and VMMCALL, but for prefixes, which change nothing. */
#define CALL_LENGTH	3ul

/* General registers, in the order in which entry code saves them. RSP, RIP and
 * RFLAGS stay with the vendor (struct cpu_state has them when asked). */
struct vcpu_regs {
	uint64_t rax, rcx, rdx, rbx, rsp_unused, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

/* Numbers as counters show them. */
enum exit_reason {
	/* Dealt with inside; just look for work: */
	EXIT_NONE = AMBIT_EXIT_INTERNAL,
	EXIT_EXCEPTION = AMBIT_EXIT_EXCEPTION,	/* given to the guest */
	EXIT_REGISTER = AMBIT_EXIT_REGISTER,	/* of control or debugging */
	EXIT_WINDOW = AMBIT_EXIT_WINDOW,	/* an upcall can be taken now */

	EXIT_INTERRUPT = AMBIT_EXIT_INTERRUPT,	/* a host interrupt is (or was) pending */
	EXIT_CPUID = AMBIT_EXIT_CPUID,	/* only if not answered early */
	EXIT_HLT = AMBIT_EXIT_HLT,
	EXIT_PAUSE = AMBIT_EXIT_PAUSE,	/* spin loop seen by the CPU, where it offers that */
	EXIT_IO = AMBIT_EXIT_IO,	/* io is valid */
	EXIT_RDMSR = AMBIT_EXIT_RDMSR,	/* number in RCX */
	EXIT_WRMSR = AMBIT_EXIT_WRMSR,
	EXIT_XSETBV = AMBIT_EXIT_XSETBV,
	EXIT_MEMORY = AMBIT_EXIT_MEMORY,	/* memory is valid */
	EXIT_UNDEFINED = AMBIT_EXIT_UNDEFINED,	/* an instruction that guests do not have: #UD */
	EXIT_CACHE = AMBIT_EXIT_CACHE,	/* WBINVD or INVD: nothing to do but skip */
	EXIT_TRIPLE_FAULT = AMBIT_EXIT_TRIPLE_FAULT,
	EXIT_TASK_SWITCH = AMBIT_EXIT_TASK_SWITCH,	/* by hardware */
	EXIT_BAD_STATE = AMBIT_EXIT_BAD_STATE,	/* VM entry refused the guest state: code */
	EXIT_UNKNOWN = AMBIT_EXIT_UNKNOWN,	/* code and qualification are the vendor's */
	EXIT_HYPERCALL = AMBIT_EXIT_COUNT,	/* cpl is valid; counted by its number */
};

struct vcpu_exit {
	enum exit_reason reason;
	uint32_t insn_len;	/* bytes; 0: unknown, skip() finds out */
	uint64_t code;		/* the vendor's exit code, for reports */
	uint64_t qualification;	/* VMX exit qualification, SVM EXITINFO1 */
	union {
		struct {
			uint8_t cpl;
		} hypercall;
		struct {
			uint16_t port;
			uint8_t size;		/* 1, 2 or 4 bytes */
			bool in, string, rep;
		} io;
		struct {
			gpa_t gpa;
			bool read, write, fetch;	/* of the access */
			bool mapped;	/* a translation exists, without that right */
			bool in_walk;	/* access was by the guest's page walk */
		} memory;
	};
};

/* All that a report shows; filled on request, also for a stopped vCPU. */
struct cpu_segment {
	uint16_t selector;
	uint32_t attributes;	/* as in a descriptor's second word >> 8, bits 0-7 and 12-15 */
	uint32_t limit;
	uint64_t base;
};
struct cpu_state {
	uint64_t rip, rsp, rflags, cr0, cr2, cr3, cr4, efer, dr6, dr7, xcr0;
	struct cpu_segment cs, ss, ds, es, fs, gs, tr, ldtr;
	uint64_t gdtr_base, idtr_base;
	uint32_t gdtr_limit, idtr_limit;
	uint8_t cpl;
	bool interruptible;	/* IF = 1 and no shadow */
};

/* Second-level page-table format, so that one builder serves both vendors. */
struct p2m_format {
	uint64_t table;		/* bits of an entry that points to a table */
	uint64_t leaf;		/* bits of every leaf (memory type, accessed ...) */
	uint64_t large;		/* more bits of a 2 MiB or 1 GiB leaf */
	uint64_t read, write, exec, no_exec;
	uint8_t max_level;	/* largest leaf: 0 4 KiB, 1 2 MiB, 2 1 GiB */
	uint8_t phys_bits;	/* width of guest-physical addresses that work */
};

struct hvm_ops {
	const char *name;		/* "VT-x" or "AMD-V" */
	const char *vendor;		/* "vmx" or "svm", as in bench output */
	uint32_t hypercall_feature;	/* AMBIT_FEAT_VMMCALL or 0 */

	/*
	 * Turn the extension on for this pCPU; also on every AP. The boot CPU
	 * calls it first and it fills p2m_format; what the machine lacks goes
	 * to hv_refuse() in one line. Each capability MSR is consulted.
	 */
	void (*cpu_init)(void);

	/* Allocate the vendor's part (v->arch, all 0), for good; 0 or an error, which
	 * leaves nothing behind. Any pCPU; not running. Ports that the VM's io_map has a 0 for
	 * do not exit. */
	int (*vcpu_create)(struct vcpu *v);
	/* PVH entry state: 32-bit flat, paging off, RIP entry, EBX argument. */
	void (*vcpu_reset)(struct vcpu *v, uint64_t entry, uint64_t argument);

	/*
	 * Enter the guest on this pCPU until an exit that hv/ must see. If
	 * another vCPU is loaded it is switched first (all state, eagerly). If
	 * v->vm->tlb_generation is newer than what this pCPU flushed for the VM,
	 * it is flushed here. upcall: vector to deliver as an external
	 * interrupt as soon as the guest can take it; 0: none (a request of an
	 * earlier entry is dropped). An injection that an exit broke off is
	 * redone inside. Hot exits (null call, CPUID) may re-enter inside.
	 * Called and returns with host interrupts off.
	 */
	void (*vcpu_run)(struct vcpu *v, uint32_t upcall, struct vcpu_exit *exit);
	/* If v is loaded on this pCPU, bring all its state to memory, so that
	 * another pCPU may load it. */
	void (*vcpu_unload)(struct vcpu *v);
	/* The VM's tables are others than at the last run. At home; else as it was. */
	void (*vcpu_tables)(struct vcpu *v);

	/* Whether some exits may be answered inside, before hv/ hears of them; they may
	 * at first. Any pCPU; others follow at their next exit. */
	void (*answer_early)(bool may);

	/* Between exit and next entry: */
	void (*skip)(struct vcpu *v, const struct vcpu_exit *exit);
	/* A hypercall that was skipped is to be made again. */
	void (*repeat_call)(struct vcpu *v);
	void (*inject)(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
	void (*get_state)(struct vcpu *v, struct cpu_state *s);
	/* RFLAGS.IF of the loaded vCPU (HLT with IF = 0 never wakes). */
	bool (*interrupts_on)(struct vcpu *v);
	/* CR4 of the loaded vCPU as the guest reads it. Also from hot exits. */
	uint64_t (*cr4)(struct vcpu *v);
	/*
	 * A register of the loaded vCPU whose access exits with this vendor, though it
	 * has one: PAT; EFER; TSC_AUX and what SYSCALL uses, to write it. false: not one
	 * of these. A value comes checked by guest_wrmsr(), and as the guest sees it.
	 */
	bool (*get_msr)(struct vcpu *v, uint32_t msr, uint64_t *value);
	bool (*set_msr)(struct vcpu *v, uint32_t msr, uint64_t value);
};

extern const struct hvm_ops *hvm;	/* set once by hvm_init() */
extern struct p2m_format p2m_format;	/* filled by cpu_init on the boot CPU */
extern const struct hvm_ops vmx_ops, svm_ops;

/* Pick the vendor by CPUID, enable it on the boot CPU, or refuse. */
void hvm_init(void);

/*
 * Guest CPUID by the allow list (arch/guest_cpuid.c), the same for both
 * vendors; in: regs.rax, regs.rcx; out: RAX, RBX, RCX, RDX, zero-extended.
 * guest_cpuid_init() builds the table once at boot. Hot: about 30 instructions.
 */
void guest_cpuid_init(void);
void guest_cpuid(struct vcpu *v);
/* What it answers for one leaf; v's registers stay. Not hot. */
struct cpuid guest_cpuid_leaf(struct vcpu *v, uint32_t leaf, uint32_t index);

/*
 * MSRs that are not passed through (arch/guest_msr.c). false: denied, the
 * caller injects #GP. The vendor gives access to its copies by get_msr, set_msr.
 */
bool guest_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value);
bool guest_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value);
/* XCR0 by the guest; false: #GP. */
bool guest_xsetbv(struct vcpu *v, uint32_t index, uint64_t value);

/* Extended state (arch/xstate.c). One area a vCPU, sized for all of XCR0. */
int xstate_create(struct vcpu *v);
void xstate_destroy(struct vcpu *v);
void xstate_reset(struct vcpu *v);
void xstate_save(struct vcpu *v);	/* also reads XCR0 back */
void xstate_load(struct vcpu *v);
/* Both at once, for a vendor that intercepts every XSETBV. */
void xstate_switch(struct vcpu *old, struct vcpu *v);

/*
 * Length of the instruction at the vCPU's RIP, read from guest memory through
 * the guest's own page tables; 0 if it can't be read or is not one that the
 * hypervisor skips (arch/insn.c). For CPUs without next-RIP save.
 */
uint32_t insn_length(struct vcpu *v);
/* Up to max bytes of guest code at RIP: how many could be read. */
size_t insn_fetch(struct vcpu *v, uint8_t *buf, size_t max);
/* The same by a state that was read, and with it at any linear address. */
size_t guest_fetch_code(struct vm *vm, const struct cpu_state *s, uint8_t *buf, size_t max);
size_t guest_fetch(struct vm *vm, const struct cpu_state *s, uint64_t va, void *buf,
		   size_t max);
