/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books at the end of a run: each frame that was free before the first VM was
 * built is free again, or one that a VM should have, counted from what its struct
 * says that it holds.
 */
#pragma once

#include "hv/vm.h"

/* All that lives for good is allocated, no VM is built. 0, or AMBIT_ENOMEM. */
int MUST_CHECK balance_begin(void);
/* Nothing else runs, nor stopped half way through a step. Prints a line: all is
 * accounted for, or one for each owner whose count is wrong, and false. */
bool balance_check(void);
/* Frames that the VM holds, built or not, or half way between. */
uint64_t vm_frames(const struct vm *vm);
