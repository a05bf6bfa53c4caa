/* SPDX-License-Identifier: BSD-2-Clause */
/* Each ready vCPU is in one place of its home, and no other is in any. */
#include "hv/audit.h"

#include "hv/heap.h"
#include "hv/pcpu.h"
#include "hv/vm.h"

static bool in_heap(const struct vcpu_heap *h, uint32_t idx, const struct vcpu *v)
{
	return idx && idx <= h->count && h->v[idx - 1] == v;
}

static uint32_t places(const struct vcpu *v)
{
	const struct pcpu *home = pcpu_of(v->pcpu);
	uint32_t n = in_heap(&home->queue, v->queue_idx, v);

	n += home->current == v;
	n += home->handoff == v;
	for (const struct vcpu *i = home->inbox; i; i = i->inbox_next)
		n += i == v;
	return n;
}

static void vcpu_check(const struct vcpu *v)
{
	uint32_t n = places(v), state = v->run_state;

	if (n != (state == VCPU_READY))
		audit_wrong("%s, vCPU %u: state %u and in %u places", v->vm->name,
			    v->id, state, n);
	if (v->heap_idx && !in_heap(&pcpu_of(v->pcpu)->timers, v->heap_idx, v))
		audit_wrong("%s, vCPU %u: not in the timer heap where it should be",
			    v->vm->name, v->id);
}

static void heap_check(uint32_t pcpu, const struct vcpu_heap *h, bool queue)
{
	for (uint32_t i = 0; i < h->count; i++) {
		const struct vcpu *v = h->v[i], *up = h->v[i ? (i - 1) / 2 : 0];

		if ((queue ? v->queue_idx : v->heap_idx) != i + 1 || v->pcpu != pcpu ||
		    (queue ? up->vruntime > v->vruntime : up->heap_tsc > v->heap_tsc))
			audit_wrong("CPU %u: entry %u of its %s is out of place", pcpu,
				    i, queue ? "run queue" : "timer heap");
	}
}

static void vm_check(const struct vm *vm)
{
	uint32_t running = 0;

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		vcpu_check(vm->vcpu[i]);
		running += vm->vcpu[i]->run_state != VCPU_OFF;
	}
	if (running != vm->running_vcpus)
		audit_wrong("%s: %u vCPUs run, %u are counted", vm->name, running,
			    vm->running_vcpus);
}

void audit_sched(void)
{
	for (uint32_t i = 0; i < vm_count; i++)
		vm_check(&vm_table[i]);
	for (uint32_t i = 0; i < pcpu_limit; i++) {
		if (!pcpu_online[i])
			continue;
		heap_check(i, &pcpu_of(i)->queue, true);
		heap_check(i, &pcpu_of(i)->timers, false);
	}
}
