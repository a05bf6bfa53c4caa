/* SPDX-License-Identifier: BSD-2-Clause */
/* System time: from the time page without an exit, else by the call. */
#include "hv/abi/time.h"

#include "guests/lib/cpu.h"
#include "guests/lib/internal.h"

static uint64_t time_by_call(void)
{
	uint64_t ns = 0;

	hcall_raw(AMBIT_HC_TIME, 0, 0, &ns, 0);
	return ns;
}

uint64_t time_now(void)
{
	const struct ambit_time *t = (const struct ambit_time *)
		(info_aperture() + AMBIT_APERTURE_TIME);
	uint64_t tsc_base, ns_base, mul;
	uint32_t version, flags;

	if (!info_aperture())
		return time_by_call();
	do {
		version = LOAD_ACQUIRE(t->version);
		flags = READ_ONCE(t->flags);
		tsc_base = READ_ONCE(t->tsc_base);
		ns_base = READ_ONCE(t->ns_base);
		mul = READ_ONCE(t->tsc_mul);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != READ_ONCE(t->version));
	if (!(flags & AMBIT_TIME_STABLE))
		return time_by_call();
	return ns_base + (uint64_t)
		((unsigned __int128)(rdtsc() - tsc_base) * mul >> 32);
}

void time_sleep_until(uint64_t ns)
{
	while (time_now() < ns)
		virq_wait(ns);
}
