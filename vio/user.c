/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring 3's rights and waits. Its words in the vCPU page belong to the guest's
 * kernel, which may change them at any time: they are read anew at each look.
 * The pending bit of a virq is only ever set here, so that a kernel which takes
 * an endpoint back unmasks its virq as always.
 */
#include "vio/user.h"

#include "hv/sched.h"
#include "vio/link.h"

bool user_may_wait(const struct vcpu *v)
{
	for (uint32_t i = 0; i < AMBIT_VIRQ_WORDS; i++) {
		if (READ_ONCE(v->page->user_endpoints[i]))
			return true;
	}
	return false;
}

bool user_may_use(const struct vcpu *v, uint64_t endpoint)
{
	if (endpoint >= AMBIT_LINK_MAX)
		return false;
	endpoint = index_nospec(endpoint, AMBIT_LINK_MAX);
	return READ_ONCE(v->page->user_endpoints[endpoint / 64]) &
	       BIT(endpoint & 63);
}

static bool shows_event(const struct vcpu *v, const struct endpoint *e)
{
	return READ_ONCE(v->vm->virq_vcpu[e->virq]) == v->id &&
	       READ_ONCE(e->event->pending) && !READ_ONCE(e->event->mask);
}

bool user_event(const struct vcpu *v)
{
	for (uint32_t i = 0; i < AMBIT_LINK_MAX / 64; i++) {
		uint64_t left = READ_ONCE(v->page->user_endpoints[i]);

		for (; left; left &= left - 1) {
			uint32_t n = i * 64 + (uint32_t)__builtin_ctzll(left);
			const struct endpoint *e = link_endpoint(v->vm, n);

			if (!e)
				return false;	/* nor are there higher ones */
			if (shows_event(v, e))
				return true;
		}
	}
	return false;
}

void user_raise(struct vcpu *v, uint32_t virq)
{
	/* The mark is set before WAITING. A wait of the kernel that began in
	 * between may end by this too: rare, and a spurious end is legal. */
	if (LOAD_ACQUIRE(v->run_state) == VCPU_WAITING &&
	    READ_ONCE(v->due) & VCPU_DUE_USER && virq >= AMBIT_VIRQ_LINK &&
	    user_may_use(v, virq - AMBIT_VIRQ_LINK))
		sched_ready(v, VCPU_WAITING);
}
