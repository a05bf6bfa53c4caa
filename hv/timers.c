/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines of vCPUs in a heap, and what their expiry does. */
#include "hv/timers.h"

#include "hv/heap.h"
#include "hv/sched.h"
#include "hv/time.h"
#include "hv/work.h"
#include "vio/virq.h"

#define TIMER_BATCH	32	/* expired vCPUs served in one go */

static uint64_t wanted_ns(const struct vcpu *v)
{
	uint64_t ns = MIN(v->timer_ns, v->quiet_ns);

	return READ_ONCE(v->run_state) == VCPU_WAITING ? MIN(ns, v->wait_ns) : ns;
}

void timers_want(struct pcpu *p, struct vcpu *v, uint64_t ns)
{
	uint64_t tsc;

	if (ns == NS_NEVER || (v->heap_idx && ns >= v->heap_ns))
		return;
	tsc = time_deadline(ns);
	v->heap_ns = ns;
	if (!v->heap_idx) {
		v->heap_tsc = tsc;
		timers_insert(&p->timers, v);
	} else if (tsc < v->heap_tsc) {
		v->heap_tsc = tsc;
		timers_earlier(&p->timers, v);
	}
	timers_arm(p, tsc);
}

/* If it runs and has got more meanwhile, this interrupt is the kick for that, to be
 * paid for, and the next comes no sooner. */
static void quiet_end(const struct pcpu *p, struct vcpu *v, uint64_t now)
{
	if (p->current == v && READ_ONCE(v->count.virqs) != v->kick_virqs) {
		WRITE_ONCE(v->quiet_ns, now + KICK_NS);
	} else {
		/* Full fence: the look at pending before the next entry is later,
		 * and who raises a virq reads this after setting the bit. */
		__atomic_store_n(&v->quiet_ns, NS_NEVER, __ATOMIC_SEQ_CST);
	}
}

static void timer_expired(struct pcpu *p, struct vcpu *v, uint64_t now)
{
	timers_remove(&p->timers, v);
	if (v->timer_ns <= now) {
		v->timer_ns = NS_NEVER;
		virq_raise_on(v, AMBIT_VIRQ_TIMER);
	}
	if (v->quiet_ns <= now)
		quiet_end(p, v, now);
	if (READ_ONCE(v->run_state) == VCPU_WAITING && v->wait_ns <= now &&
	    sched_ready(v, VCPU_WAITING) && v->wait_call)
		v->due |= VCPU_DUE_TIMEOUT;
	timers_want(p, v, wanted_ns(v));
}

void timers_run(struct pcpu *p)
{
	uint64_t now = arch_tsc();
	struct vcpu *v;

	if (!arch_timer_fired())
		return;
	if (p->armed > now) {
		if (p->armed != TSC_NEVER)
			arch_timer_set(p->armed);	/* it fired too early */
		return;
	}
	p->armed = TSC_NEVER;
	for (int i = 0; i < TIMER_BATCH; i++) {
		v = heap_top(&p->timers);
		if (!v || v->heap_tsc > now)
			break;
		timer_expired(p, v, time_now());
	}
	work_delayed(p, now);
	v = heap_top(&p->timers);
	if (v)
		timers_arm(p, v->heap_tsc);
	if (p->queue.count && p->slice_end > now)
		timers_arm(p, p->slice_end);
}
