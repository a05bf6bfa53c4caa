/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a VM: memory, image, modules, info pages, vCPUs. It goes in bounded
 * steps (64 KiB of copying or clearing at most), so that a restart does not
 * hold up the other VMs of the pCPU.
 */
#pragma once

#include "hv/vm.h"

/*
 * One step of building vm (VM_EMPTY, STOPPED or CRASHED and taken apart).
 * 1: done, ready to start; 0: call again; negative: cannot, *why in words; what
 * was built is for vm_unbuild_step().
 */
int MUST_CHECK vm_build_step(struct vm *vm, const char **why);
/*
 * One step of taking apart a VM that ran (vm_reap_step) or whose building
 * failed, vm->build zeroed before the first; true when all is given back. No
 * vCPU runs.
 */
bool vm_reap_step(struct vm *vm);
bool vm_unbuild_step(struct vm *vm);
/* The same for a VM that has an image: memory as it was, ends that are suspended. */
int MUST_CHECK vm_restore_step(struct vm *vm, const char **why);
/* What a VM with an image does without is given back, as by vm_unbuild_step(). */
bool vm_fold_step(struct vm *vm);
/* Some of its ends leave by that function, from vm->build.idx on; true when all have. */
bool vm_ends_step(struct vm *vm, void (*leave)(struct endpoint *e));
/* Its info area takes 2^order frames. */
uint32_t vm_info_order(const struct vm *vm);
