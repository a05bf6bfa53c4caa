/* SPDX-License-Identifier: BSD-2-Clause */
/* The hook that makes a fault of a PROBE() resume behind it. */
#include "tests/guest/lib/probe.h"

volatile int64_t probe_vector;
volatile uint64_t probe_resume, probe_error;

bool probe_hook(struct trap_frame *f)
{
	if (!probe_resume)
		return false;
	probe_vector = (int64_t)f->vector;
	probe_error = f->error;
	f->rip = probe_resume;
	probe_resume = 0;
	return true;
}
