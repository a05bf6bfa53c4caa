/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypercall table; numbers and registers are in hv/abi/hypercall.h. */
#pragma once

#include "hv/types.h"
#include "hv/vcpu.h"

extern uint32_t hv_features;	/* AMBIT_FEAT_*, constant after boot */

/*
 * Serve the call that v made at this privilege level; RIP is past it already.
 * Sets RAX (and RDX where the call has a second result), or leaves v waiting.
 */
void hypercall(struct vcpu *v, uint8_t cpl);
