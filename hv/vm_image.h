/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved VM's RAM as the hypervisor keeps it, in bounded steps with vm->build as
 * the cursor. No vCPU runs, and vm->state is of the caller alone.
 */
#pragma once

#include "hv/vm.h"

/* Take frames for what RAM holds now; then copy it, with frames for what it holds
 * besides since. 1 done, 0 call again, or AMBIT_ENOMEM: the image is to be freed. */
int MUST_CHECK image_reserve_step(struct vm *vm);
int MUST_CHECK image_save_step(struct vm *vm);
/* The image into RAM that is all zeros. True when done, as below. */
bool image_load_step(struct vm *vm);
/* Free an image, also one that is not complete, or none. */
bool image_free_step(struct vm *vm);
