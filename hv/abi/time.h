/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest time without an exit. System time counts nanoseconds from the
 * hypervisor's start, the same for all VMs and vCPUs. The page lies in the
 * aperture at AMBIT_APERTURE_TIME. Reading it:
 *
 *   do { v = version (acquire); copy the fields; } while (v odd or changed)
 *   ns = ns_base + (((RDTSC - tsc_base) * tsc_mul) >> 32)   (128-bit product)
 *
 * Without AMBIT_TIME_STABLE the TSC cannot be trusted: use AMBIT_HC_TIME.
 */
#ifndef AMBIT_ABI_TIME_H
#define AMBIT_ABI_TIME_H

#include <stdint.h>

#include "hv/abi/layout.h"

#define AMBIT_TIME_STABLE	(1u << 0)

struct ambit_time {	/* [HV] writes all of it */
	uint32_t version;	/* odd while it is being written */
	uint32_t flags;		/* AMBIT_TIME_* */
	uint64_t tsc_base;	/* guest TSC */
	uint64_t ns_base;	/* system time at tsc_base */
	uint64_t tsc_mul;	/* ns per tick, 32.32 fixed point */
	uint64_t tsc_hz;	/* ticks a second, as measured */
};
AMBIT_STATIC_ASSERT(sizeof(struct ambit_time) == 40, "docs/abi.md, time page");

#endif
