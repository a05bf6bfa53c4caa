/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMBIT_VM_SAVE and AMBIT_VM_RESTORE. Both begin the operation, or say how it
 * stands: AMBIT_EAGAIN while it is under way, then its result once; AMBIT_EBUSY:
 * the VM is not suspended, or not saved.
 */
#pragma once

#include "hv/vm.h"

int vm_save(struct vm *vm);
int vm_restore(struct vm *vm);
