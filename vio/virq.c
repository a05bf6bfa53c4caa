/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raising virqs. The locked OR is also the full fence between setting the bit
 * and reading where the vCPU is; sched_wait() and the run loop's switch have
 * its counterpart, so that one of the two sides always sees the other.
 */
#include "vio/virq.h"

#include "hv/pcpu.h"
#include "hv/sched.h"
#include "hv/trace.h"
#include "vio/user.h"

static inline __attribute__((always_inline)) void raise(struct vcpu *v, uint32_t virq)
{
	struct ambit_vcpu_page *p = v->page;
	uint64_t bit = BIT(virq & 63);
	uint32_t word = virq / 64;

	if (__atomic_fetch_or(&p->pending[word], bit, __ATOMIC_SEQ_CST) & bit ||
	    READ_ONCE(p->mask[word]) & bit) {
		user_raise(v, virq);
		return;
	}
	if (TRACING())
		trace_put(TRACE_VIRQ, v, (uint16_t)virq, 0, 0);
	__atomic_fetch_add(&v->count.virqs, 1, __ATOMIC_RELAXED);
	if (READ_ONCE(v->run_state) != VCPU_WAITING ||
	    !sched_ready(v, VCPU_WAITING))
		sched_kick_virq(v);
}

void virq_raise_on(struct vcpu *v, uint32_t virq)
{
	raise(v, virq);
}

void virq_raise(struct vm *vm, uint32_t virq)
{
	raise(vm->vcpu[READ_ONCE(vm->virq_vcpu[virq])], virq);
}
