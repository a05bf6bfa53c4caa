/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters: what each vCPU and each end of a link has done since the machine
 * booted. Always on, they only grow, and a restart of a VM goes on with them. All
 * of it is written by the hypervisor; a VM that has AMBIT_RIGHT_COUNTERS finds a
 * directory at ambit_info.counters, read only, and behind it those of the VMs that
 * the manifest names for it. Read each word once; words are not one snapshot.
 */
#ifndef AMBIT_ABI_COUNTERS_H
#define AMBIT_ABI_COUNTERS_H

#include <stdint.h>

#include "hv/abi/layout.h"

#define AMBIT_COUNTERS_MAGIC	0x544e554354626d41ull	/* "AmbtCUNT" */
#define AMBIT_COUNTERS_VERSION	1

/* Reasons of exits that are no hypercalls, for both vendors: index of exit[]. */
#define AMBIT_EXIT_INTERNAL	0	/* the hypervisor's own: NMI, machine check, INIT */
#define AMBIT_EXIT_INTERRUPT	1	/* of the machine; also the timer of VT-x */
#define AMBIT_EXIT_CPUID	2
#define AMBIT_EXIT_HLT		3
#define AMBIT_EXIT_PAUSE	4
#define AMBIT_EXIT_IO		5
#define AMBIT_EXIT_RDMSR	6
#define AMBIT_EXIT_WRMSR	7
#define AMBIT_EXIT_XSETBV	8
#define AMBIT_EXIT_MEMORY	9	/* EPT violation, nested page fault */
#define AMBIT_EXIT_UNDEFINED	10	/* an instruction that guests do not have */
#define AMBIT_EXIT_CACHE	11	/* INVD, WBINVD */
#define AMBIT_EXIT_EXCEPTION	12	/* #DB, #AC; given back to the guest */
#define AMBIT_EXIT_REGISTER	13	/* control and debug registers; RDPMC */
#define AMBIT_EXIT_WINDOW	14	/* the guest can take an upcall now */
#define AMBIT_EXIT_TRIPLE_FAULT	15
#define AMBIT_EXIT_TASK_SWITCH	16
#define AMBIT_EXIT_BAD_STATE	17	/* the CPU refused the guest's state */
#define AMBIT_EXIT_UNKNOWN	18
#define AMBIT_EXIT_COUNT	19

#define AMBIT_COUNTED_EXITS	24	/* room in exit[] */
#define AMBIT_COUNTED_CALLS	48	/* room in call[] ... */
#define AMBIT_COUNTED_NO_CALL	47	/* ... and where numbers count that are no call */

/* Of a vCPU. All exits are the sum of call[] and of exit[]. */
struct ambit_vcpu_counters {
	uint64_t call[AMBIT_COUNTED_CALLS];	/* hypercalls, by number */
	uint64_t exit[AMBIT_COUNTED_EXITS];	/* other exits, by AMBIT_EXIT_* */
	/* by its own pCPU */
	uint64_t run_ticks;	/* TSC ticks run, up to where it last lost the pCPU ... */
	uint64_t since;		/* ... and the TSC there since it has one; 0: it has none */
	uint64_t switches;	/* times that it got the pCPU */
	uint64_t late_calls;	/* calls of a kind that is answered at once, but were not */
	uint64_t late_cpuids;	/* CPUID the same */
	uint64_t upcalls;	/* handed to the CPU for delivery */
	uint64_t flushes;	/* of its translations */
	uint64_t ipis;		/* interrupts that pCPUs were sent while it ran */
	uint64_t denied_msr;	/* accesses to MSRs that guests do not have */
	uint64_t denied_port;	/* to I/O ports */
	uint64_t reserved0[6];
	/* by any pCPU */
	uint64_t virqs;		/* raised on it that were not pending */
	uint64_t wakes;		/* times that it was waiting and was made ready */
	uint64_t kicks;		/* interrupts sent to its pCPU to have it look at something */
	uint64_t reserved1[5];
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_vcpu_counters) == 768, "docs/abi.md, vCPU counters");

/* Of an end of a link. What an operation on the peer's buffers did counts at the
 * end that asked for it. */
struct ambit_end_counters {
	uint64_t notifications;	/* of its peer */
	uint64_t calls;		/* data calls: batches of items */
	uint64_t copied;	/* bytes */
	uint64_t mapped;	/* pages of the peer that were mapped */
	uint64_t unmapped;	/* pages that it unmapped itself */
	uint64_t revoked;	/* entries of its own that it revoked by force while in use */
	uint64_t given;		/* pages that the peer has got from it */
	uint64_t resets;	/* ends of connections */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_end_counters) == 64, "docs/abi.md, end counters");

/* One for each VM that is shown. Offsets are bytes from the directory's start. */
struct ambit_counters_vm {
	char name[24];		/* NUL-padded */
	uint32_t vm;		/* its number */
	uint32_t vcpu_count;
	uint32_t end_count;	/* its endpoints, in the order of their numbers */
	uint32_t reserved;
	uint64_t vcpus;		/* struct ambit_vcpu_counters, 4096 bytes from one to the next */
	uint64_t ends;		/* struct ambit_end_counters[2 * end_count]: number n's at n, and
				 * at end_count + n its peer's where that is the hypervisor */
	uint64_t reserved1;
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_counters_vm) == 64, "docs/abi.md, counters entry");

/* The directory; it does not change while the VM lives. */
struct ambit_counters {
	uint64_t magic;
	uint32_t version;	/* AMBIT_COUNTERS_VERSION */
	uint32_t vm_offset;	/* of struct ambit_counters_vm[vm_count] */
	uint32_t vm_count;
	uint32_t vm_size;	/* bytes from one entry to the next */
	uint64_t tsc_hz;	/* ticks in a second */
	int64_t tsc_offset;	/* this VM's TSC less the TSC that `since` is in */
	uint64_t reserved[3];
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_counters) == 64, "docs/abi.md, counters directory");

#endif
