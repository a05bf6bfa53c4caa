/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a VM. `stopping` is set once an incarnation, under the lock; each vCPU
 * is asked to leave by its own word, which its home looks at before it runs it.
 */
#include "hv/vm_life.h"

#include <stdarg.h>

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "hv/console.h"
#include "hv/end.h"
#include "hv/printf.h"
#include "hv/report.h"
#include "hv/sched.h"
#include "hv/time.h"
#include "hv/vm_build.h"
#include "hv/work.h"

#define BACKOFF_NS	10000000ull	/* 10 ms, doubled by each crash in a row ... */
#define BACKOFF_MAX	9u		/* ... up to 5 s */
#define RAN_WELL_NS	10000000000ull	/* after 10 s a crash is none in a row */

uint32_t vm_listed_state(const struct vm *vm)
{
	switch (READ_ONCE(vm->state)) {
	case VM_RUNNING:
		if (READ_ONCE(vm->suspended))
			return AMBIT_VMS_SUSPENDED;
		return READ_ONCE(vm->paused) ? AMBIT_VMS_PAUSED : AMBIT_VMS_RUNNING;
	case VM_SAVING:
		return AMBIT_VMS_SUSPENDED;
	case VM_SAVED:
	case VM_RESTORING:
		return AMBIT_VMS_SAVED;
	case VM_CRASHED:
		return AMBIT_VMS_CRASHED;
	case VM_STOPPING:
		return READ_ONCE(vm->crashed) ? AMBIT_VMS_CRASHED :
						AMBIT_VMS_STOPPED;
	default:
		return AMBIT_VMS_STOPPED;
	}
}

/* --- vCPUs ---------------------------------------------------------------------- */

/* Under vm->lock, VM running, v off. */
static void vcpu_go(struct vcpu *v, uint64_t entry, uint64_t arg)
{
	v->start_entry = entry;
	v->start_arg = arg;
	v->due = VCPU_DUE_START;
	v->ask = v->vm->paused ? VCPU_ASK_PAUSE : 0;
	v->vm->running_vcpus++;
	sched_ready(v, VCPU_OFF);
}

int vm_vcpu_start(struct vm *vm, uint32_t vcpu, uint64_t entry, uint64_t arg)
{
	struct vcpu *v = vm->vcpu[vcpu];
	int err = AMBIT_EBUSY;

	spin_lock(&vm->lock);
	if (vm->state == VM_RUNNING && !vm->stopping &&
	    READ_ONCE(v->run_state) == VCPU_OFF) {
		vcpu_go(v, entry, arg);
		err = AMBIT_OK;
	}
	spin_unlock(&vm->lock);
	return err;
}

int vm_vcpu_stop(struct vm *vm, uint32_t vcpu)
{
	struct vcpu *v = vm->vcpu[vcpu];

	if (READ_ONCE(v->run_state) == VCPU_OFF)
		return AMBIT_EBUSY;
	vcpu_ask(v, VCPU_ASK_STOP);
	sched_poke(v);
	return AMBIT_OK;
}

static bool reap_step(struct work *w);

/* A vCPU went off; the last one has the VM reaped. */
static void vcpu_gone(struct vm *vm)
{
	bool last;

	spin_lock(&vm->lock);
	last = --vm->running_vcpus == 0;
	if (last) {
		if (vm->halted && !vm->stopping) {
			vm->crashed = true;
			hv_snprintf(vm->why, sizeof(vm->why),
				    "its vCPUs halted with interrupts off");
		}
		vm->state = VM_STOPPING;
		vm->stopping = 1;
		vm->build = (struct vm_build){ 0 };
		vm->work.run = reap_step;
	}
	spin_unlock(&vm->lock);
	if (!last)
		return;
	vm_console_drain();		/* for a last line without its end */
	work_add(vm->vcpu[0]->pcpu, &vm->work);
}

/* The VM was restored; at home, so that its registers are not loaded elsewhere. */
static void tables_renew(struct vcpu *v)
{
	__atomic_fetch_and(&v->ask, ~(uint32_t)VCPU_ASK_TABLES, __ATOMIC_SEQ_CST);
	hvm->vcpu_tables(v);
}

void vm_vcpu_leave(struct vcpu *v)
{
	struct vm *vm = v->vm;

	if (READ_ONCE(v->ask) & VCPU_ASK_STOP) {
		if (READ_ONCE(v->ask) & VCPU_ASK_REPORT)
			report_crash(v, NULL, vm->why);
		v->due = 0;
		sched_drop(v, VCPU_OFF);
		vcpu_gone(vm);
		return;
	}
	if (!(READ_ONCE(v->ask) & VCPU_ASK_PAUSE)) {
		if (READ_ONCE(v->ask) & VCPU_ASK_TABLES)
			tables_renew(v);
		return;
	}
	sched_drop(v, VCPU_PARKED);
	/* Publish, fence, look again, as in a wait: a resume or stop that came
	 * before PARKED was visible would not have found this vCPU. */
	FENCE_FULL();
	if ((READ_ONCE(v->ask) & (VCPU_ASK_STOP | VCPU_ASK_PAUSE)) != VCPU_ASK_PAUSE)
		sched_ready(v, VCPU_PARKED);
}

void vm_vcpu_halted(struct vcpu *v, const struct vcpu_exit *exit)
{
	if (READ_ONCE(v->vm->running_vcpus) == 1)
		vm_crash(v, exit, "its last running vCPU halted with interrupts off");
	else
		vcpu_ask(v, VCPU_ASK_STOP);
	v->vm->halted = true;
}

/* --- stopping ------------------------------------------------------------------- */

/* Under vm->lock; true for the one caller that stops this incarnation. */
static bool stop_begin(struct vm *vm, bool crashed, int32_t status)
{
	if ((vm->state != VM_RUNNING && vm->state != VM_SAVED) || vm->stopping)
		return false;
	vm->crashed = crashed;
	vm->status = status;
	vm->stopping = 1;
	return true;
}

/* While the VM cannot be reaped: a request that came after that would stop the
 * next incarnation. */
static void poke_all(struct vm *vm, uint32_t ask)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		vcpu_ask(vm->vcpu[i], ask);
		sched_ready(vm->vcpu[i], VCPU_PARKED);
		sched_poke(vm->vcpu[i]);
	}
}

void vm_stop(struct vm *vm, int32_t status)
{
	spin_lock(&vm->lock);	/* which the last vCPU to leave needs too */
	if (stop_begin(vm, false, status))
		poke_all(vm, VCPU_ASK_STOP);
	spin_unlock(&vm->lock);
}

void vm_crash(struct vcpu *v, const struct vcpu_exit *exit, const char *fmt, ...)
{
	struct vm *vm = v->vm;
	bool mine;
	va_list ap;

	spin_lock(&vm->lock);
	mine = stop_begin(vm, true, 0);
	spin_unlock(&vm->lock);
	if (!mine)
		return;
	va_start(ap, fmt);
	hv_vsnprintf(vm->why, sizeof(vm->why), fmt, ap);
	va_end(ap);
	report_crash(v, exit, vm->why);
	poke_all(vm, VCPU_ASK_STOP);		/* v is here still: nobody reaps it */
}

/* --- reaping and restarting -------------------------------------------------------- */

static bool build_step(struct work *w);

static bool wants_restart(const struct vm *vm)
{
	switch (vm->config->restart) {
	case RESTART_ALWAYS:
		return true;
	case RESTART_ON_CRASH:
		return vm->crashed;
	case RESTART_NEVER:
		break;
	}
	return false;
}

/* Ticks to its restart, by how it ended and how often in a row. */
static uint64_t backoff(struct vm *vm)
{
	if (arch_tsc() - vm->started_tsc > time_ns_to_ticks(RAN_WELL_NS))
		vm->crashes = 0;
	vm->crashes = vm->crashed ? vm->crashes + 1 : 0;
	return time_ns_to_ticks(BACKOFF_NS << MIN(vm->crashes, BACKOFF_MAX));
}

/* The VM is reaped: it rests, or its restart is scheduled. In one under the lock, so
 * that who finds it waiting can do something about that. */
static void rest_or_restart(struct vm *vm)
{
	bool asked, again;

	spin_lock(&vm->lock);
	asked = vm->restart_asked;
	again = asked || wants_restart(vm);
	vm->restart_asked = false;
	vm->state = vm->crashed ? VM_CRASHED : VM_STOPPED;
	vm->work.run = build_step;
	if (again) {
		uint64_t delay = asked ? 0 : backoff(vm);

		vm->state = VM_EMPTY;
		vm->waits = true;
		work_add_later(&vm->work, arch_tsc() + delay);
	}
	if (asked || !again)
		vm->crashes = 0;
	spin_unlock(&vm->lock);
	if (!again) {
		vm_console_ended(vm);
		end_vm_rests(vm);
	}
}

/* VM control ended the wait, on any pCPU: its item is in a list of this one. */
static bool wait_over_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, wait_over);

	spin_lock(&vm->lock);	/* it may have been restarted since */
	work_undelay(&vm->work, vm->state == VM_EMPTY);
	spin_unlock(&vm->lock);
	return true;
}

/* Under vm->lock: true if it waited for its restart; it is built at once, or not. */
static bool wait_end(struct vm *vm, uint32_t state)
{
	if (vm->state != VM_EMPTY || !vm->waits)
		return false;
	vm->waits = false;
	vm->state = state;
	vm->crashes = 0;
	vm->wait_over.run = wait_over_step;
	work_add(vm->vcpu[0]->pcpu, &vm->wait_over);
	return true;
}

static bool reap_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!vm_reap_step(vm))
		return false;
	rest_or_restart(vm);
	return true;
}

/* Under vm->lock: only now is it listed as another than the one that ended. */
static void vm_rises(struct vm *vm, uint32_t state)
{
	vm->state = state;
	vm->listed_incarnation = vm->incarnation;
}

static bool build_failed_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);

	if (!vm_unbuild_step(vm))
		return false;
	spin_lock(&vm->lock);
	vm_rises(vm, VM_CRASHED);
	vm->work.run = build_step;
	spin_unlock(&vm->lock);
	end_vm_rests(vm);
	return true;
}

/* Running and its first vCPU started in one: who stops it finds one to ask. */
static void vm_go(struct vm *vm)
{
	struct vcpu *v = vm->vcpu[0];

	spin_lock(&vm->lock);
	vm->stopping = vm->paused = vm->suspended = 0;
	vm->suspend_asked = false;
	vm->answer_op = 0;
	vm->crashed = vm->halted = false;
	vm->status = 0;
	vm->why[0] = '\0';
	vm_console_forget(vm);
	vm_rises(vm, VM_RUNNING);
	vm->started_tsc = arch_tsc();
	vcpu_go(v, v->start_entry, v->start_arg);
	spin_unlock(&vm->lock);
}

/* False if its wait for this was ended by a stop. */
static bool build_begins(struct vm *vm)
{
	bool begins;

	spin_lock(&vm->lock);
	vm->waits = false;
	begins = vm->state == VM_EMPTY;
	spin_unlock(&vm->lock);
	return begins;
}

static bool build_step(struct work *w)
{
	struct vm *vm = CONTAINER_OF(w, struct vm, work);
	const char *why = "";
	int r;

	if (!vm->build.phase && !build_begins(vm))
		return true;
	r = vm_build_step(vm, &why);
	if (r > 0) {
		vm_go(vm);
		return true;
	}
	if (r < 0) {
		hv_log("%s: cannot start: %s", vm->name, why);
		vm->crashed = true;
		hv_snprintf(vm->why, sizeof(vm->why), "cannot start: %s", why);
		vm->build = (struct vm_build){ 0 };
		vm->work.run = build_failed_step;
	}
	return false;
}

int vm_end(struct vm *vm)
{
	bool rests, stops;

	spin_lock(&vm->lock);
	rests = wait_end(vm, vm->crashed ? VM_CRASHED : VM_STOPPED);
	stops = vm->state == VM_RUNNING || vm->state == VM_SAVED;
	if (stop_begin(vm, false, 0))
		poke_all(vm, VCPU_ASK_STOP);
	spin_unlock(&vm->lock);
	if (rests) {
		vm_console_ended(vm);
		end_vm_rests(vm);
	}
	return rests || stops ? AMBIT_OK : AMBIT_EBUSY;
}

int vm_kill(struct vm *vm, const char *why)
{
	bool mine;

	spin_lock(&vm->lock);
	mine = vm->state == VM_RUNNING && stop_begin(vm, true, 0);
	if (mine) {
		hv_snprintf(vm->why, sizeof(vm->why), "%s", why);
		poke_all(vm, VCPU_ASK_STOP | VCPU_ASK_REPORT);
	}
	spin_unlock(&vm->lock);
	return mine ? AMBIT_OK : AMBIT_EBUSY;
}

void vm_restart(struct vm *vm)
{
	bool rested;

	spin_lock(&vm->lock);
	rested = vm->state == VM_STOPPED || vm->state == VM_CRASHED;
	if (rested) {
		vm->state = VM_EMPTY;
		end_vm_again(vm);
	} else if (vm->state == VM_EMPTY) {
		wait_end(vm, VM_EMPTY);
	} else {
		/* In one: this incarnation is stopped, not the next. */
		vm->restart_asked = true;
		if (stop_begin(vm, false, 0))
			poke_all(vm, VCPU_ASK_STOP);
	}
	spin_unlock(&vm->lock);
	if (rested)
		work_add(vm->vcpu[0]->pcpu, &vm->work);
}

void vm_start_all(void)
{
	end_init();
	/* All before any: one that runs on another pCPU may start those that do not. */
	for (uint32_t i = 0; i < vm_count; i++) {
		vm_table[i].work.run = build_step;
		if (!vm_table[i].config->start)
			vm_table[i].state = VM_STOPPED;
	}
	for (uint32_t i = 0; i < vm_count; i++) {
		struct vm *vm = &vm_table[i];

		while (vm->config->start && !vm->work.run(&vm->work))
			system_time_look();
	}
	end_booted();
}
