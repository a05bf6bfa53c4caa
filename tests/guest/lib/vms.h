/* SPDX-License-Identifier: BSD-2-Clause */
/* Other VMs, as VM control lists them to a VM that may control some. vCPU 0 alone. */
#pragma once

#include "hv/abi/hypercall.h"
#include "guests/lib/types.h"

/* As it stands now, until the next look; the program ends if there is no such VM
 * among the first of the list, a page of it. */
const struct ambit_vm_entry *vm_find(const char *name);
/* Until its incarnation n or a later one runs. */
void vm_await(const char *name, uint32_t n);
