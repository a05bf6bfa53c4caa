/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM that is asked to suspend itself: the ends of its links, then all of it. */
#include "guests/lib/bm_guest.h"
#include "guests/lib/internal.h"

/* The main loop looks at the request: who was about to wait has to go back there. */
static void suspend_virq(uint32_t virq, void *arg)
{
	(void)virq;
	(void)arg;
}

void suspend_init(void)
{
	virq_handle(AMBIT_VIRQ_CONTROL, suspend_virq, NULL);
}

bool suspend_asked(void)
{
	return unlikely(READ_ONCE(vcpu_page(0)->request) & AMBIT_REQUEST_SUSPEND);
}

bool suspend_now(struct bm *const *ends, uint32_t n)
{
	int64_t r;

	console_flush();
	for (uint32_t i = 0; i < n; i++)
		bm_suspend(ends[i]);
	r = hcall0(AMBIT_HC_SUSPEND);
	for (uint32_t i = 0; i < n; i++)
		bm_resume(ends[i]);
	return r == AMBIT_OK;
}
