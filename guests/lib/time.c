/* SPDX-License-Identifier: BSD-2-Clause */
/* System time: from the time page, else by the call. */
#include "guests/lib/internal.h"
#include "guests/lib/time_page.h"

static uint64_t time_by_call(void)
{
	uint64_t ns = 0;

	hcall_raw(AMBIT_HC_TIME, 0, 0, &ns, 0);
	return ns;
}

uint64_t time_now(void)
{
	uint64_t ns;

	if (info_aperture() &&
	    time_by_page((const struct ambit_time *)(info_aperture() +
						     AMBIT_APERTURE_TIME), &ns))
		return ns;
	return time_by_call();
}

void time_sleep_until(uint64_t ns)
{
	while (time_now() < ns)
		virq_wait(ns);
}
