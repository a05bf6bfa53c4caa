/* SPDX-License-Identifier: BSD-2-Clause */
/* What VM control asks of this VM. */
#include "guests/lib/bm_guest.h"
#include "guests/lib/internal.h"

/* The main loop looks at the request: who was about to wait has to go back there. */
static void request_virq(uint32_t virq, void *arg)
{
	(void)virq;
	(void)arg;
}

void request_init(void)
{
	virq_handle(AMBIT_VIRQ_CONTROL, request_virq, NULL);
}

bool suspend_asked(void)
{
	return unlikely(READ_ONCE(vcpu_page(0)->request) & AMBIT_REQUEST_SUSPEND);
}

int64_t suspend_call(void)
{
	return hcall0(AMBIT_HC_SUSPEND);
}
