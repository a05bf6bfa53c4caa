/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times of a command line in thousands of the TSC's ticks: of instructions, under the
 * emulators that count them, whatever their clocks make of these.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/time.h"

/* In nanoseconds of system time. */
static inline uint64_t kticks_ns(uint64_t kticks)
{
	const struct ambit_time *t = (const struct ambit_time *)((uint64_t)vm_info() +
								 AMBIT_APERTURE_TIME);

	return kticks * 1000000000 / (t->tsc_hz / 1000);
}
