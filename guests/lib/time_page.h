/* SPDX-License-Identifier: BSD-2-Clause */
/* System time by the time page, without an exit. */
#pragma once

#include "hv/abi/time.h"
#include "guests/lib/cpu.h"

/* False: the page does not tell, as the TSC is not invariant. */
static inline bool time_by_page(const struct ambit_time *t, uint64_t *ns)
{
	uint64_t tsc_base, ns_base, mul;
	uint32_t version, flags;

	do {
		version = LOAD_ACQUIRE(t->version);
		flags = READ_ONCE(t->flags);
		tsc_base = READ_ONCE(t->tsc_base);
		ns_base = READ_ONCE(t->ns_base);
		mul = READ_ONCE(t->tsc_mul);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != READ_ONCE(t->version));
	*ns = ns_base + (uint64_t)
		((unsigned __int128)(rdtsc() - tsc_base) * mul >> 32);
	return flags & AMBIT_TIME_STABLE;
}
