/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved VM's RAM as the hypervisor keeps it, in bounded steps with vm->build as
 * the cursor. No vCPU runs, and vm->state is of the caller alone.
 */
#pragma once

#include "hv/vm.h"

/* Copy RAM to the image, also a second time after it may have changed: 1 done, 0
 * call again, or AMBIT_ENOMEM; then the image is to be freed. */
int MUST_CHECK image_save_step(struct vm *vm);
/* The image into RAM that is all zeros. True when done, as below. */
bool image_load_step(struct vm *vm);
/* Free an image, also one that is not complete, or none. */
bool image_free_step(struct vm *vm);
