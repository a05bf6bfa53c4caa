/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other VMs, as VM control lists them to a VM that may control some. What a look gives
 * is kept until the next one. vCPU 0 alone.
 */
#pragma once

#include "guests/lib/hypercall.h"
#include "guests/lib/types.h"

static inline int64_t vm_control(uint64_t op, uint32_t vm)
{
	return hcall2(AMBIT_HC_VM_CONTROL, op, vm);
}

/* A look at all, a page of them at most; how many. */
uint32_t vm_list(const struct ambit_vm_entry **first);
/* One of the list as it was read last; the program ends if there is none of that name. */
const struct ambit_vm_entry *vm_listed(const char *name);
/* A look at one; the program ends if there is none of that name or number. */
const struct ambit_vm_entry *vm_find(const char *name);
const struct ambit_vm_entry *vm_look(uint32_t vm);
/* Until its incarnation n or a later one runs. */
void vm_await(const char *name, uint32_t n);
