/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual interrupts: bits in a vCPU page, an upcall or a wake-up. Raising one
 * that is pending already does nothing more (hv/abi/virq.h has the protocol).
 */
#pragma once

#include "hv/vcpu.h"
#include "hv/vm.h"

/* Set virq pending on the vCPU it is bound to; wake or kick that vCPU. */
void virq_raise(struct vm *vm, uint32_t virq);
/* The same for a vCPU's own virqs (timer, IPI, control). */
void virq_raise_on(struct vcpu *v, uint32_t virq);
/* Whether v has a virq pending that is not masked. */
static inline bool virq_deliverable(const struct vcpu *v)
{
	const struct ambit_vcpu_page *p = v->page;
	uint64_t any = READ_ONCE(p->pending[0]) & ~READ_ONCE(p->mask[0]);

	for (uint32_t i = 1; unlikely(i < v->virq_words); i++)
		any |= READ_ONCE(p->pending[i]) & ~READ_ONCE(p->mask[i]);
	return any != 0;
}
