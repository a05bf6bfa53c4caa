/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the buffer model asks of the system below it. Guests answer with
 * hypercalls (bm_guest.c), host tests with threads.
 */
#pragma once

#include "hv/abi/data.h"
#include "guests/lib/types.h"

/* AMBIT_HC_NOTIFY */
void bm_sys_notify(uint32_t endpoint);
/* AMBIT_HC_WAIT */
void bm_sys_wait(uint64_t deadline);
/* AMBIT_HC_NOTIFY_WAIT */
void bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline);
/* AMBIT_HC_LINK_STATE: the generation or AMBIT_E* */
int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state);
/* AMBIT_HC_SETTLE */
void bm_sys_settle(uint32_t endpoint);
/* The data call of that number over n items, with a tail or NULL: its result. */
int64_t bm_sys_data(uint32_t call, uint32_t endpoint, void *items, uint32_t n,
		    const struct ambit_tail *tail);
/* What others call the memory at p; consecutive for as long as a segment is. */
#ifdef AMBIT_GUEST
static inline uint64_t bm_sys_gpa(const void *p)
{
	return (uintptr_t)p;
}
#else
uint64_t bm_sys_gpa(const void *p);
#endif
/*
 * Before the last look at the rings: forget wake-ups that came until now; from
 * here on one that comes must end the wait, so no interrupt handler may take it.
 * True if one of the old ones was for something else, which the caller of
 * bm_wait() may want to look at instead of sleeping.
 */
bool bm_sys_before_wait(void);
/* After the wait, or instead of it: handlers may run again. */
void bm_sys_after_wait(void);
