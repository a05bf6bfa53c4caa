/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling: one run queue a pCPU, ordered by run time used, so that a vCPU
 * which hands its slice over by notify-and-wait is charged for what it used
 * itself. A waiting vCPU is in no queue; its deadline is in the timer heap.
 * All functions run with interrupts off; "home" means on v's home pCPU.
 */
#pragma once

#include "hv/vcpu.h"

struct pcpu;

#define KICK_NS		50000ull	/* between kicks for virqs, in the long run */

/* Allocate a pCPU's queues for this many vCPUs, before it runs any. */
int MUST_CHECK sched_init(struct pcpu *p, uint32_t vcpu_max);
/* The run loop of every pCPU. */
_Noreturn void sched_run(void);

/* Make a vCPU in state from READY and hand it to its home (any pCPU); false if
 * it was not in that state. */
bool sched_ready(struct vcpu *v, enum vcpu_run_state from);
/*
 * Block the current vCPU until a deliverable virq or until system time
 * deadline (NS_NEVER: none); looks again after it has published the wait. home.
 */
void sched_wait(struct vcpu *v, uint64_t deadline);
/* The same for ring 3: an event of its endpoints ends it too (vio/user.h). */
void sched_wait_user(struct vcpu *v, uint64_t deadline);
/* Set the one-shot timer virq; home. */
void sched_timer_set(struct vcpu *v, uint64_t deadline);
/* Interrupt another pCPU, which the vCPU here, if any, has asked for. */
void sched_interrupt(const struct pcpu *p);
/* If v is in guest mode on another pCPU, make it leave. Any pCPU. */
void sched_kick(struct vcpu *v);
/* The same for a virq, which waits until v's time of quiet is over, if it is in one
 * (hv/sched.c: kick_pay). */
static inline void sched_kick_virq(struct vcpu *v)
{
	if (READ_ONCE(v->quiet_ns) == NS_NEVER)
		sched_kick(v);
}
/* Take the current vCPU v off its home, its state in memory, into state to. */
void sched_drop(struct vcpu *v, enum vcpu_run_state to);
/* Make the home look at v's VM again: it stops, pauses or resumes. Any pCPU. */
void sched_poke(struct vcpu *v);
/* Ticks that v has run, up to now if it does. Any pCPU. */
uint64_t sched_run_ticks(const struct vcpu *v);
/* v is to be charged for so much work that was done for it; home. */
void sched_charge(struct vcpu *v, uint64_t ticks);
