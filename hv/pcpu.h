/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical CPU's private state, at the start of its region (arch/percpu.h).
 * Only the inbox, kick state and work list are touched by other pCPUs.
 */
#pragma once

#include "arch/arch.h"
#include "hv/types.h"

struct trace_event;
struct vcpu;
struct vm;

/* A resumable piece of work, run in slices between guest entries. run() does a
 * bounded step and returns true when there is nothing left to do. */
struct work {
	struct work *next;
	bool (*run)(struct work *w);
	uint32_t queued;	/* atomic: in some pCPU's list */
	uint64_t due_tsc;	/* while in the delayed list */
	struct vcpu *payer;	/* who is charged for its time, at home on the pCPU
				 * where it runs; NULL: nobody */
};

struct vcpu_heap {
	struct vcpu **v;
	uint32_t count, max;
};

struct pcpu {
	struct arch_pcpu arch;		/* first: asm and TSS rely on it */
	uint32_t id;

	/* others write these */
	struct vcpu *inbox __attribute__((aligned(64)));	/* LIFO, atomic */
	struct work *work_inbox;	/* LIFO, atomic */

	/* others look at these */
	uint32_t op;			/* odd: in a data operation (hv/sync.h) */
	uint32_t syncing;		/* waits for others; runs no guest */

	/* own */
	struct vcpu *current __attribute__((aligned(64)));
	struct vcpu *handoff;		/* made ready here, not queued yet */
	struct vcpu_heap queue;		/* ready vCPUs by vruntime */
	struct vcpu_heap timers;	/* vCPUs by heap_tsc */
	struct work *work;		/* to run now */
	struct work halt;		/* the end of the run (end.c) */
	uint64_t work_due;		/* TSC when a guest that runs has had its time */
	struct work *delayed;		/* to run later, unordered: few */
	uint64_t left_tsc;		/* when the last vCPU or idling ended */
	uint64_t slice_end;		/* TSC when current must look at the queue */
	uint64_t armed;			/* what the timer is set to */
	uint64_t min_vruntime;
	struct trace_event *trace;	/* its ring (trace.h) ... */
	uint64_t traced;		/* ... events ever put there ... */
	uint64_t trace_from;		/* ... and those of them that are of no interest */
	uint32_t vcpu_placed;		/* vCPUs that have their home here */
};
_Static_assert(sizeof(struct pcpu) <= 0x2000, "arch/percpu.h");

/* CPUs that came up; only their regions are mapped. Written at boot. */
extern bool pcpu_online[PCPU_MAX];
/* They are all below; constant once the run loops begin. */
extern uint32_t pcpu_limit;

#ifdef AMBIT_HV
static inline struct pcpu *pcpu_of(uint32_t id)
{
	return (struct pcpu *)(VA_PERCPU + (uint64_t)id * PERCPU_SIZE);
}

static inline struct pcpu *this_pcpu(void)
{
	return (struct pcpu *)(read_rsp() & ~(uint64_t)(PERCPU_SIZE - 1));
}
#else	/* tests/fake */
struct pcpu *pcpu_of(uint32_t id);
struct pcpu *this_pcpu(void);
#endif
