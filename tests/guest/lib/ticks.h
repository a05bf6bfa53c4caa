/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticks of the TSC: instructions, under the emulators that count them, whatever their
 * clocks make of these. Times are nanoseconds of system time, up to hours.
 */
#pragma once

#include "guests/lib/guest.h"
#include "hv/abi/time.h"

static inline uint64_t tsc_hz(void)
{
	return ((const struct ambit_time *)((uint64_t)vm_info() + AMBIT_APERTURE_TIME))->tsc_hz;
}

static inline uint64_t ns_ticks(uint64_t ns)
{
	return ns * (tsc_hz() / 1000000) / 1000;
}

/* Of a command line's thousands of ticks. */
static inline uint64_t kticks_ns(uint64_t kticks)
{
	return kticks * 1000000000 / (tsc_hz() / 1000);
}
