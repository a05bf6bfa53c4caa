/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saving a suspended VM and restoring it. Its vCPUs, their pages and the areas of
 * its links stay where they are, as at any other time; RAM goes into an image and
 * comes back from it, and what can be made anew is. One operation at a time owns
 * vm->work and vm->build: the VM is in a state in which nobody else uses them.
 */
#include "hv/vm_save.h"

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/device.h"
#include "hv/sched.h"
#include "hv/sync.h"
#include "hv/vm_build.h"
#include "hv/vm_image.h"
#include "hv/vm_life.h"
#include "hv/work.h"
#include "vio/grant.h"
#include "vio/link.h"

/* --- asking ---------------------------------------------------------------------- */

static int operation(struct vm *vm, uint32_t op, bool may_begin, uint32_t under_way,
		     bool (*step)(struct work *w))
{
	if (vm->answer_op == op) {
		vm->answer_op = 0;
		return vm->answer;
	}
	if (vm->state == under_way)
		return AMBIT_EAGAIN;
	if (!may_begin)
		return AMBIT_EBUSY;
	vm->answer_op = 0;
	vm->state = under_way;
	vm->build = (struct vm_build){ 0 };
	vm->work.run = step;
	work_add(vm->vcpu[0]->pcpu, &vm->work);
	return AMBIT_EAGAIN;
}

static bool save_step(struct work *w);
static bool restore_step(struct work *w);

/* Under vm->lock. */
static bool suspended(const struct vm *vm)
{
	return vm->state == VM_RUNNING && !vm->stopping && vm->suspended;
}

/* Under vm->lock: none is in a call, which may be one that ends the VM, and none is
 * off but not counted out yet. One that waits may become ready any time, but parks
 * before it enters. */
static bool vcpus_rest(const struct vm *vm)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		uint32_t state = LOAD_ACQUIRE(vm->vcpu[i]->run_state);

		n += state == VCPU_PARKED || state == VCPU_WAITING;
	}
	return n && n == vm->running_vcpus;
}

int vm_save(struct vm *vm)
{
	int err;

	spin_lock(&vm->lock);
	if (vm->answer_op != AMBIT_VM_SAVE && suspended(vm) && !vcpus_rest(vm))
		err = AMBIT_EAGAIN;
	else
		err = operation(vm, AMBIT_VM_SAVE, suspended(vm), VM_SAVING, save_step);
	spin_unlock(&vm->lock);
	return err;
}

int vm_restore(struct vm *vm)
{
	int err;

	spin_lock(&vm->lock);
	err = operation(vm, AMBIT_VM_RESTORE, vm->state == VM_SAVED && !vm->stopping,
			VM_RESTORING, restore_step);
	spin_unlock(&vm->lock);
	return err;
}

/* Under vm->lock. */
static void answer_set(struct vm *vm, uint32_t state, uint32_t op, int result)
{
	vm->state = state;
	vm->answer_op = op;
	vm->answer = result;
}

/* A restart that was asked for meanwhile had to wait. */
static void restart_if_asked(struct vm *vm)
{
	if (READ_ONCE(vm->restart_asked))
		vm_stop(vm, 0);
}

static void answer(struct vm *vm, uint32_t state, uint32_t op, int result)
{
	spin_lock(&vm->lock);
	answer_set(vm, state, op, result);
	spin_unlock(&vm->lock);
	restart_if_asked(vm);
}

/* --- saving ------------------------------------------------------------------------ */

static int devices_rest(struct vm *vm)
{
	device_close(vm);
	return 1;
}

/* Connections end, but peers see an end that is suspended. */
static int links_rest(struct vm *vm)
{
	return vm_ends_step(vm, endpoint_rests);
}

static int operations_end(struct vm *vm)
{
	(void)vm;
	sync_ops();
	return 1;
}

static int grants_end(struct vm *vm)
{
	return grant_vm_died_step(vm);
}

/* Whether there is memory is found out while nothing has changed yet; what peers
 * write until the links rest may still take more. */
static int (*const save_phases[])(struct vm *vm) = {
	image_reserve_step, devices_rest, links_rest, operations_end,
	grants_end, image_save_step,
};

static bool folded_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!vm_fold_step(vm))
		return false;
	answer(vm, VM_SAVED, AMBIT_VM_SAVE, AMBIT_OK);
	return true;
}

static bool not_saved_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!image_free_step(vm))
		return false;
	/* Its mappings may have gone; no vCPU has entered since. */
	__atomic_fetch_add(&vm->tlb_generation, 1, __ATOMIC_SEQ_CST);
	device_again(vm);
	answer(vm, VM_RUNNING, AMBIT_VM_SAVE, AMBIT_ENOMEM);
	return true;
}

static bool save_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);
	uint32_t phase = vm->build.phase;
	int r = save_phases[phase](vm);

	if (!r)
		return false;
	vm->build = (struct vm_build){ .phase = phase + 1 };
	if (r > 0 && vm->build.phase < ARRAY_SIZE(save_phases))
		return false;
	vm->build = (struct vm_build){ 0 };
	vm->work.run = r > 0 ? folded_step : not_saved_step;
	return false;
}

/* --- restoring --------------------------------------------------------------------- */

/* Behind the call that suspended it. */
static void go_on(struct vm *vm)
{
	spin_lock(&vm->lock);
	vm->vcpu[vm->suspender]->regs.rdx = 1;
	answer_set(vm, VM_RUNNING, AMBIT_VM_RESTORE, AMBIT_OK);
	for (uint32_t i = 0; i < vm->vcpu_count; i++)
		vcpu_ask(vm->vcpu[i], VCPU_ASK_TABLES);
	vm_unpark(vm);
	spin_unlock(&vm->lock);
	restart_if_asked(vm);
}

static bool restored_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!image_free_step(vm))
		return false;
	go_on(vm);
	return true;
}

static bool not_restored_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!vm_fold_step(vm))
		return false;
	answer(vm, VM_SAVED, AMBIT_VM_RESTORE, AMBIT_ENOMEM);
	return true;
}

static bool restore_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);
	const char *why = "";
	int r = vm_restore_step(vm, &why);

	if (!r)
		return false;
	vm->build = (struct vm_build){ 0 };
	vm->work.run = r > 0 ? restored_step : not_restored_step;
	return false;
}
