/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sink of a VM: a private page, zeros until the VM itself writes it, that
 * takes the place of mappings withdrawn by force, and tables that show it all
 * over 1 GiB. Never shared between VMs.
 */
#pragma once

#include "hv/vm.h"

/* For a VM with map or peer windows; freed with it. */
int MUST_CHECK sink_create(struct vm *vm);
void sink_destroy(struct vm *vm);
