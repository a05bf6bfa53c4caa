/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pause and suspension. Either has all vCPUs park before their next entry; a
 * suspension is what the VM itself called for, after it was asked to.
 */
#include "hv/vm_life.h"

#include "hv/abi/errno.h"
#include "hv/abi/virq.h"
#include "hv/sched.h"
#include "vio/virq.h"

/* Under vm->lock. */
static bool goes_on(const struct vm *vm)
{
	return vm->state == VM_RUNNING && !vm->stopping;
}

/* Under vm->lock. */
static void park_all(struct vm *vm)
{
	vm->paused = 1;
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		vcpu_ask(vm->vcpu[i], VCPU_ASK_PAUSE);
		sched_kick(vm->vcpu[i]);
	}
}

void vm_unpark(struct vm *vm)
{
	vm->paused = vm->suspended = 0;
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		__atomic_fetch_and(&vm->vcpu[i]->ask, ~(uint32_t)VCPU_ASK_PAUSE,
				   __ATOMIC_SEQ_CST);
		sched_ready(vm->vcpu[i], VCPU_PARKED);
	}
}

int vm_pause(struct vm *vm)
{
	int err = AMBIT_EBUSY;

	spin_lock(&vm->lock);
	if (goes_on(vm) && !vm->paused) {
		park_all(vm);
		err = AMBIT_OK;
	}
	spin_unlock(&vm->lock);
	return err;
}

/* Under vm->lock. The request is the guest's to read; what counts is ours. */
static void ask_set(struct vm *vm, bool asked)
{
	vm->suspend_asked = asked;
	WRITE_ONCE(vm->vcpu[0]->page->request, asked ? AMBIT_REQUEST_SUSPEND : 0);
}

int vm_suspend_ask(struct vm *vm)
{
	int err = AMBIT_EBUSY;

	spin_lock(&vm->lock);
	if (goes_on(vm) && !vm->paused && !vm->suspend_asked) {
		ask_set(vm, true);
		virq_raise_on(vm->vcpu[0], AMBIT_VIRQ_CONTROL);
		err = AMBIT_OK;
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_suspend(struct vcpu *v)
{
	struct vm *vm = v->vm;
	int err = AMBIT_ENOENT;

	spin_lock(&vm->lock);
	if (goes_on(vm) && vm->suspend_asked) {
		ask_set(vm, false);
		vm->suspended = 1;
		vm->suspender = v->id;
		v->regs.rdx = 0;	/* not restored (yet) */
		park_all(vm);
		err = AMBIT_OK;
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_resume(struct vm *vm)
{
	int err = AMBIT_EBUSY;

	spin_lock(&vm->lock);
	if (goes_on(vm) && (vm->paused || vm->suspend_asked)) {
		vm->answer_op = 0;
		ask_set(vm, false);
		vm_unpark(vm);
		err = AMBIT_OK;
	}
	spin_unlock(&vm->lock);
	return err;
}
