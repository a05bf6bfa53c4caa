/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side stores (entry withdrawn, generation raised), fences, and looks at the
 * other pCPU; that one stores (operation begun, current set), fences, and looks
 * at what was withdrawn. So at least one of the two sees the other.
 */
#include "hv/sync.h"

#include "hv/sched.h"
#include "hv/vm.h"

void sync_ops(void)
{
	struct pcpu *self = this_pcpu();

	sync_away();	/* also the fence before the look */
	for (uint32_t i = 0; i < pcpu_limit; i++) {
		struct pcpu *p;
		uint32_t op;

		if (!pcpu_online[i] || (p = pcpu_of(i)) == self)
			continue;
		op = LOAD_ACQUIRE(p->op);
		while ((op & 1) && LOAD_ACQUIRE(p->op) == op)
			arch_pause();
	}
	sync_back();
}

/* Whether p runs no code of v on translations older than the generation. */
static bool left(const struct pcpu *p, const struct vcpu *v, uint64_t generation)
{
	return READ_ONCE(p->current) != v ||
	       LOAD_ACQUIRE(v->vm->flushed[p->id]) >= generation ||
	       READ_ONCE(p->syncing);
}

static void wait_left(struct vm *vm, struct pcpu *self, uint64_t generation)
{
	sync_away();
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *v = vm->vcpu[i];
		const struct pcpu *p = pcpu_of(v->pcpu);

		while (p != self && !left(p, v, generation))
			arch_pause();
	}
	/* Who saw us syncing relies on our reading its generation after this, before any
	 * guest runs here. */
	sync_back();
}

void sync_flush(struct vm *vm)
{
	struct pcpu *self = this_pcpu();
	uint64_t generation;
	bool others = false;

	generation = __atomic_add_fetch(&vm->tlb_generation, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		if (vm->vcpu[i]->pcpu == self->id)
			continue;
		sched_kick(vm->vcpu[i]);
		others = true;
	}
	if (others)
		wait_left(vm, self, generation);
}
