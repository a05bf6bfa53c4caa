/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the run: when every VM that is not a service rests, or was never
 * started, the summary is printed and the machine powered off.
 */
#pragma once

#include "hv/vm.h"

/* Before the VMs start. */
void end_init(void);
/* vm ended and will not be restarted by policy; may not return. */
void end_vm_rests(struct vm *vm);
/* vm, which rested, starts again. */
void end_vm_again(struct vm *vm);
