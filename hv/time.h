/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System time: nanoseconds since the hypervisor's start, from the TSC when it
 * is invariant, else from the reference clock. Deadlines become TSC values of
 * the pCPU at hand, for its timer.
 */
#pragma once

#include "hv/types.h"

void system_time_init(void);
/* Boot CPU: have the reference clock read often enough; before its run loop, which sees
 * to that from there on, and in all that may take long before it. */
void system_time_keep(void);
void system_time_look(void);
uint64_t time_now(void);
/* TSC of this pCPU at system time ns; TSC_NEVER for what is centuries away. */
uint64_t time_deadline(uint64_t ns);
uint64_t time_ticks_to_ns(uint64_t ticks);
uint64_t time_ns_to_ticks(uint64_t ns);

struct ambit_time;
/* Fill a time page for a guest whose TSC is the boot CPU's plus tsc_offset. */
void time_fill_page(struct ambit_time *page, int64_t tsc_offset);
