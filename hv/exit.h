/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor does about each exit of a guest. */
#pragma once

#include "hv/vcpu.h"

/* v is the current vCPU, its exit decoded; hypercalls and interrupts are the
 * run loop's own. May make it wait or stop its VM. */
void exit_handle(struct vcpu *v, struct vcpu_exit *exit);
/* Do what v->due says, before v runs again. */
void exit_due(struct vcpu *v);
