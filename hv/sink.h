/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sink of a VM: a private page, zeros until the VM itself writes it, that
 * takes the place of mappings withdrawn by force, and tables that show it all
 * over 1 GiB. Never shared between VMs.
 */
#pragma once

#include "hv/vm.h"

/* For a VM with map or peer windows, of which it has been told the sizes. 0, or
 * AMBIT_ENOMEM with a part made that sink_destroy() frees. */
int MUST_CHECK sink_create(struct vm *vm);
/* Nobody runs on the VM's tables, and no mapping shows the sink. */
void sink_destroy(struct vm *vm);
