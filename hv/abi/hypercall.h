/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercall numbers and registers. The instruction is VMCALL on Intel and
 * VMMCALL on AMD; AMBIT_FEAT_VMMCALL in CPUID leaf 0x40000001 says which.
 *
 *   RAX               call number (in), status or result (out)
 *   RDI RSI RDX R10 R8 R9   arguments one to six (in, preserved)
 *   RDX               second result, for the calls that have one (out)
 *
 * Every other register is preserved. Calls are for CPL 0; from ring 3 only
 * AMBIT_HC_WAIT, AMBIT_HC_NOTIFY and AMBIT_HC_NOTIFY_WAIT are allowed, on the
 * endpoints that the vCPU page's user_endpoints words name (virq.h). Times are
 * nanoseconds of system time (see time.h); a deadline is absolute.
 */
#ifndef AMBIT_ABI_HYPERCALL_H
#define AMBIT_ABI_HYPERCALL_H

#define AMBIT_ABI_MAJOR		1
#define AMBIT_ABI_MINOR		1
#define AMBIT_ABI_VERSION	((AMBIT_ABI_MAJOR << 16) | AMBIT_ABI_MINOR)

/* CPUID leaves: signature "AmbitAmbitHV" in EBX, ECX, EDX of the first. */
#define AMBIT_CPUID_BASE	0x40000000
#define AMBIT_CPUID_FEATURES	0x40000001	/* EAX ABI version, EBX features, */
						/* ECX/EDX low/high info page gpa */
#define AMBIT_SIGNATURE_EBX	0x69626d41	/* "Ambi" */
#define AMBIT_SIGNATURE_ECX	0x626d4174	/* "tAmb" */
#define AMBIT_SIGNATURE_EDX	0x56487469	/* "itHV" */

/* Feature bits, in CPUID and as second result of AMBIT_HC_VERSION. */
#define AMBIT_FEAT_VMMCALL	(1u << 0)	/* use VMMCALL, not VMCALL */
#define AMBIT_FEAT_TIME_PAGE	(1u << 1)	/* the time page is valid: TSC is invariant */
#define AMBIT_FEAT_PAGE		(1u << 2)	/* link schemes in this build */
#define AMBIT_FEAT_DIRECT	(1u << 3)
#define AMBIT_FEAT_COPY		(1u << 4)
#define AMBIT_FEAT_GRANT	(1u << 5)

/* Call numbers. A number is never used again for another meaning. */
#define AMBIT_HC_VERSION	0	/* () -> ABI version; RDX features */
#define AMBIT_HC_CONSOLE_WRITE	1	/* (gpa, bytes) -> bytes accepted */
#define AMBIT_HC_WAIT		2	/* (deadline ns; 0 = none) */
#define AMBIT_HC_NOTIFY		3	/* (endpoint) */
#define AMBIT_HC_NOTIFY_WAIT	4	/* (endpoint, deadline ns; 0 = none) */
#define AMBIT_HC_TIMER_SET	5	/* (deadline ns; 0 = disarm) */
#define AMBIT_HC_TIME		6	/* () -> status; RDX ns */
#define AMBIT_HC_VCPU_START	7	/* (vcpu, entry gpa, argument) */
#define AMBIT_HC_VCPU_STOP	8	/* (vcpu) */
#define AMBIT_HC_VIRQ_SEND	9	/* (vcpu, virq) */
#define AMBIT_HC_VIRQ_BIND	10	/* (virq, vcpu) */
#define AMBIT_HC_STOP		11	/* (status) does not return */
#define AMBIT_HC_LINK_STATE	12	/* (endpoint, AMBIT_LINK_*) -> generation */
#define AMBIT_HC_SETTLE		13	/* (endpoint) */
#define AMBIT_HC_VM_CONTROL	14	/* (AMBIT_VM_*, vm, gpa, bytes) */
/* Batches of items: (endpoint, gpa of items, number, gpa of a tail or 0), data.h. */
#define AMBIT_HC_COPY		15	/* schemes copy and grant */
#define AMBIT_HC_GRANT_MAP	16	/* the others: scheme grant */
#define AMBIT_HC_GRANT_UNMAP	17
#define AMBIT_HC_GRANT_QUERY	18
#define AMBIT_HC_GRANT_REVOKE	19
#define AMBIT_HC_GRANT_GIVE	20
#define AMBIT_HC_SUSPEND	21	/* () when AMBIT_REQUEST_SUSPEND asks for it; */
					/* RDX 1: restored meanwhile */
#define AMBIT_HC_IRQ_DONE	22	/* (index of the device interrupt) */
#define AMBIT_HC_CAPTURE	23	/* (endpoint, gpa of struct ambit_seg[], number) */
#define AMBIT_HC_CONSOLE_READ	24	/* (gpa, bytes) -> bytes read */
#define AMBIT_HC_COUNT		25

#define AMBIT_CAPTURE_SEGS	16	/* pieces of a frame that AMBIT_HC_CAPTURE takes */

/* AMBIT_HC_VM_CONTROL operations. */
#define AMBIT_VM_LIST		0	/* (first vm, gpa, bytes) -> entries written */
#define AMBIT_VM_PAUSE		1
#define AMBIT_VM_RESUME		2
#define AMBIT_VM_STOP		3
#define AMBIT_VM_RESTART	4
#define AMBIT_VM_SUSPEND	5	/* asks the VM to: AMBIT_VIRQ_CONTROL */
#define AMBIT_VM_SAVE		6	/* of a suspended one; again while AMBIT_EAGAIN */
#define AMBIT_VM_RESTORE	7	/* of a saved one; the same */
#define AMBIT_VM_COUNTERS	8	/* (vm, gpa, bytes) -> bytes written */

/* States a VM is listed in. */
#define AMBIT_VMS_RUNNING	1
#define AMBIT_VMS_PAUSED	2
#define AMBIT_VMS_STOPPED	3	/* by its own call or by VM control */
#define AMBIT_VMS_CRASHED	4	/* stopped by the hypervisor */
#define AMBIT_VMS_SUSPENDED	5	/* by its own call, when asked */
#define AMBIT_VMS_SAVED		6	/* suspended, its memory in an image */

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "hv/abi/layout.h"

/* One entry of AMBIT_VM_LIST. [HV] writes all of it. */
struct ambit_vm_entry {
	char name[24];		/* NUL-padded */
	uint32_t vm;		/* number for the other operations */
	uint32_t state;		/* AMBIT_VMS_* */
	uint32_t incarnation;	/* counts restarts from 1 */
	int32_t status;		/* of the last AMBIT_HC_STOP; 0 before one */
	uint32_t vcpu_count;
	uint32_t rights;	/* 1: the caller may control this VM */
	uint64_t memory;	/* bytes of RAM */
	uint64_t run_ns;	/* guest time used, all vCPUs */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_vm_entry) == 64, "docs/abi.md, VM list entry");

/* What AMBIT_VM_COUNTERS writes, summed over the VM's vCPUs, since boot. [HV] */
struct ambit_vm_counters {
	uint64_t exits;		/* VM exits, all of them */
	uint64_t hot_exits;	/* of these, answered before the run loop heard of them */
	uint64_t hypercalls;	/* of all others */
	uint64_t interrupts;	/* exits by a host interrupt */
	uint64_t upcalls;	/* injected */
	uint64_t switches;	/* times that a vCPU got a pCPU */
	uint64_t wakes;		/* times that one was made ready */
	uint64_t kicks;		/* interrupts sent to it on another pCPU */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_vm_counters) == 64, "docs/abi.md, VM counters");
#endif

#endif
