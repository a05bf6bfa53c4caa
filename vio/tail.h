/* SPDX-License-Identifier: BSD-2-Clause */
/* The tail of a data call (hv/abi/data.h): publish, notify, wait. */
#pragma once

#include "hv/abi/data.h"
#include "vio/link.h"

#define TAIL_FLAGS (AMBIT_TAIL_PUBLISH | AMBIT_TAIL_WAIT)

/* Run a checked copy of it for end e; v: the caller, or NULL, which never
 * waits. If the wait ends by its deadline, that is the call's result. */
void tail_run(struct endpoint *e, struct vcpu *v, const struct ambit_tail *tail);
