/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring 3 for tests: the first GiB becomes accessible to it, so any function can
 * run there. vCPU 0 alone; interrupts are off meanwhile.
 */
#pragma once

#include "guests/lib/trap.h"

#define RING3_FAULT	0xdead0000ull	/* + vector: fn raised that exception */

/* Once, before the first ring3_call(). */
void ring3_init(void);
/* fn(arg) in ring 3 with these RFLAGS: what it returns or RING3_FAULT. */
uint64_t ring3_call(uint64_t (*fn)(uint64_t arg), uint64_t arg, uint64_t rflags);
/* For trap_hook. */
bool ring3_hook(struct trap_frame *f);
