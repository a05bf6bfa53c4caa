/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of VMs, made once from the manifest. */
#pragma once

#include "hv/vm.h"

/*
 * Make the table and the vCPU structs and place the vCPUs on pCPUs: where the
 * manifest says, else where the fewest are. Boot CPU, pCPUs are up. 0, or -1
 * when memory is short.
 */
int MUST_CHECK vm_table_init(const struct manifest *m, const struct boot_info *bi,
			     const struct manifest_limits *limits);
/* The module of this name, or NULL. */
const struct boot_module *vm_module(struct manifest_str name);
/* VM by number from a guest, or NULL. */
struct vm *vm_by_id(uint64_t id);
/* Whether a may control b, by the manifest. */
bool vm_controls(const struct vm *a, const struct vm *b);
/* Whether a may see b's counters, the same. */
bool vm_watches(const struct vm *a, const struct vm *b);
