/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM that is asked to suspend itself: the ends of its links, then all of it. */
#include "guests/lib/bm_guest.h"
#include "guests/lib/internal.h"

bool suspend_now(struct bm *const *ends, uint32_t n)
{
	int64_t r;

	console_flush();
	for (uint32_t i = 0; i < n; i++)
		bm_suspend(ends[i]);
	r = suspend_call();
	for (uint32_t i = 0; i < n; i++)
		bm_resume(ends[i]);
	return r == AMBIT_OK;
}
