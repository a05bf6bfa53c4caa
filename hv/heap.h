/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two binary heaps of a pCPU, over vCPUs: the run queue by vruntime and the
 * timers by heap_tsc. Smallest key on top; a vCPU knows its place in each.
 */
#pragma once

#include "hv/pcpu.h"
#include "hv/vcpu.h"

void queue_insert(struct vcpu_heap *h, struct vcpu *v);
void queue_remove(struct vcpu_heap *h, struct vcpu *v);
void timers_insert(struct vcpu_heap *h, struct vcpu *v);
void timers_remove(struct vcpu_heap *h, struct vcpu *v);
/* v's key became smaller. */
void timers_earlier(struct vcpu_heap *h, struct vcpu *v);

static inline struct vcpu *heap_top(const struct vcpu_heap *h)
{
	return h->count ? h->v[0] : NULL;
}
