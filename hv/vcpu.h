/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual CPU: its registers, where it runs, and what it waits for. Only its
 * home pCPU runs it and changes its run-queue fields; other pCPUs change
 * run_state by compare-exchange and hand it over through the home's inbox.
 */
#pragma once

#include "arch/hvm.h"
#include "arch/vcpu_arch.h"
#include "hv/abi/counters.h"
#include "hv/abi/virq.h"
#include "hv/types.h"

enum vcpu_run_state {
	VCPU_OFF,	/* never started, stopped by a call, or its VM is dead */
	VCPU_READY,	/* in the run queue or the inbox of its home, or running */
	VCPU_WAITING,	/* blocked in wait or HLT until a virq or wait_ns */
	VCPU_PARKED,	/* ready, but its VM is paused */
};

#define TSC_NEVER UINT64_MAX
#define NS_NEVER UINT64_MAX

#define VCPU_ASK_STOP	(1u << 0)	/* go OFF */
#define VCPU_ASK_PAUSE	(1u << 1)	/* park; its VM is paused */
#define VCPU_ASK_TABLES	(1u << 2)	/* run on the VM's new tables from now on */
#define VCPU_ASK_REPORT	(1u << 3)	/* with STOP: print its state first */

#define VCPU_DUE_TIMEOUT (1u << 0)	/* the deadline of a wait call passed */
#define VCPU_DUE_START	(1u << 1)	/* enter at start_entry with start_arg */
#define VCPU_DUE_USER	(1u << 2)	/* its wait is one of ring 3 (vio/user.h) */

struct vcpu {
	struct vcpu_regs regs;		/* offset 0: entry code relies on it */
	struct vm *vm;
	uint32_t id;			/* in its VM */
	uint32_t pcpu;			/* home */
	struct ambit_vcpu_page *page;	/* shared with the guest: read once */
	int64_t tsc_offset;		/* guest TSC - this home's TSC */

	uint32_t run_state;		/* enum vcpu_run_state, atomic */
	struct vcpu *inbox_next;	/* home's inbox, while READY and in it */

	uint64_t quiet_ns;		/* no virq kicks it before (NS_NEVER: each may); here,
					 * as who raises one has this line already */
	uint64_t wait_ns;		/* end of the wait (NS_NEVER: none) */
	uint64_t timer_ns;		/* one-shot timer virq (NS_NEVER: off) */
	uint64_t kick_tsc;		/* until when its kicks are paid for, ... */
	uint64_t kick_virqs;		/* ... which brought count.virqs up to this */
	uint64_t heap_ns;		/* what the timer heap has it for ... */
	uint64_t heap_tsc;		/* ... as the home's TSC: its key there */
	uint32_t heap_idx;		/* + 1 in the timer heap; 0: not in it */
	uint32_t queue_idx;		/* + 1 in the run queue; 0: not in it */
	uint64_t vruntime;		/* TSC ticks run, corrected on wake-up */

	uint32_t ask;			/* VCPU_ASK_*, atomic: at its home's next look */
	uint32_t due;			/* VCPU_DUE_*: before its next run, at home; who
					 * finds it WAITING reads DUE_USER */
	bool wait_call;			/* it waits in a call, which has a result */
	uint8_t virq_words;		/* words of pending that its VM's virqs use */
	uint64_t start_entry, start_arg;
	struct arch_vcpu arch;

	/* A page of its own, which VMs may be shown; nothing else may be there. */
	struct ambit_vcpu_counters count __attribute__((aligned(PAGE_SIZE)));
};
_Static_assert(offsetof(struct vcpu, regs) == 0, "entry code");
_Static_assert(offsetof(struct vcpu, pcpu) / 64 == offsetof(struct vcpu, quiet_ns) / 64, "line");
_Static_assert(sizeof(struct vcpu) == offsetof(struct vcpu, count) + PAGE_SIZE, "its page");
