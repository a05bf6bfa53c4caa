/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a VM: start, stop, crash, pause, reap, restart, and the end of the
 * run when every VM that counts has ended. Any pCPU may ask; a VM's vCPUs leave
 * on their own pCPUs, and the last one to leave has the VM reaped.
 */
#pragma once

#include "hv/vcpu.h"
#include "hv/vm.h"

/* Boot CPU: build and start all that start at boot; the end of the run is looked
 * for from there on. May not return. */
void vm_start_all(void);
/* Start the vCPU (VCPU_OFF) at a gpa in PVH entry state. */
int vm_vcpu_start(struct vm *vm, uint32_t vcpu, uint64_t entry, uint64_t arg);
int vm_vcpu_stop(struct vm *vm, uint32_t vcpu);

/* The guest stops its VM with a status. */
void vm_stop(struct vm *vm, int32_t status);
/* VM control stops it, or ends its wait for a restart. AMBIT_EBUSY: it rests. */
int vm_end(struct vm *vm);
/* As if it had broken the rules: each vCPU that is on reports where it is, at its
 * home, and the VM has crashed. AMBIT_EBUSY: it does not run. */
int vm_kill(struct vm *vm, const char *why);
/* The VM broke the rules: report and stop. v is current; exit may be NULL. */
void vm_crash(struct vcpu *v, const struct vcpu_exit *exit, const char *fmt, ...)
	PRINTF(3, 4);
/* HLT with interrupts off: this vCPU is off; the last one stops its VM. */
void vm_vcpu_halted(struct vcpu *v, const struct vcpu_exit *exit);

/* vm_suspend.c. AMBIT_EBUSY: it does not run, or is in that state already. */
int vm_pause(struct vm *vm);
/* Ask the guest to suspend itself, by virq and request. */
int vm_suspend_ask(struct vm *vm);
/* It does so now, by a call of v: parked as by a pause. AMBIT_ENOENT: nobody asks. */
int vm_suspend(struct vcpu *v);
/* The end of either, or of the asking. */
int vm_resume(struct vm *vm);
/* Under vm->lock: its vCPUs are no longer to park. */
void vm_unpark(struct vm *vm);
/* Stop it if it runs, then start it afresh whatever its restart policy; at once, if
 * it waits for that. */
void vm_restart(struct vm *vm);

/* Locked, so a full fence between asking and looking where the vCPU is. */
static inline void vcpu_ask(struct vcpu *v, uint32_t what)
{
	__atomic_fetch_or(&v->ask, what, __ATOMIC_SEQ_CST);
}

/* Run loop: the current vCPU is asked to leave; park it or switch it off. */
void vm_vcpu_leave(struct vcpu *v);

/* AMBIT_VMS_* of a VM, for lists. */
uint32_t vm_listed_state(const struct vm *vm);
