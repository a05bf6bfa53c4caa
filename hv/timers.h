/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer of a pCPU: one hardware timer for the slice, delayed work, and the
 * heap of vCPUs with a deadline. On their own pCPU, interrupts off.
 */
#pragma once

#include "hv/pcpu.h"
#include "hv/vcpu.h"

/* The timer may be armed earlier than needed (that costs one look), never
 * later. So a deadline that moves out again and again costs nothing. */
static inline void timers_arm(struct pcpu *p, uint64_t tsc)
{
	if (tsc < p->armed) {
		p->armed = tsc;
		arch_timer_set(tsc);
	}
}

/*
 * v wants to be looked at when system time is ns. The heap has v for the
 * earliest time that it wanted since it was put there; a later one needs nothing
 * now, not even its TSC, and is put right when the earlier one expires.
 */
void timers_want(struct pcpu *p, struct vcpu *v, uint64_t ns);
/* Serve what has expired, if the timer's interrupt came. */
void timers_run(struct pcpu *p);
