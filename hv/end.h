/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the run: when every VM that is not a service rests, or was never
 * started, the summary is printed and the machine powered off.
 */
#pragma once

#include "hv/vm.h"

/* Before the VMs start; and once all that start at boot were built, before which the
 * run does not end, as the boot CPU would not come to rest. The latter may not return. */
void end_init(void);
void end_booted(void);
/* vm ended and will not be restarted by policy; may not return. */
void end_vm_rests(struct vm *vm);
/* vm, which rested, starts again. */
void end_vm_again(struct vm *vm);
