/* SPDX-License-Identifier: BSD-2-Clause */
/* echo: answers each notification on each of its links with one of its own. */
#include "guests/lib/guest.h"

#include "hv/abi/link.h"

static void answer(uint32_t virq, void *arg)
{
	const struct ambit_link_info *l = arg;
	struct ambit_event *event = (struct ambit_event *)l->event;

	if (__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST))
		hcall1(AMBIT_HC_NOTIFY, virq - AMBIT_VIRQ_LINK);
}

int guest_main(void)
{
	uint32_t n = vm_info()->link_count;
	char idle[24] = "";

	cmdline_get("idle", idle, sizeof(idle));	/* a link that it leaves alone */
	for (uint32_t i = 0; i < n; i++) {
		const struct ambit_link_info *l = link_info(i);

		if (!strcmp(l->name, idle))
			continue;
		virq_handle(l->virq, answer, (void *)(uintptr_t)l);
		hcall2(AMBIT_HC_LINK_STATE, i, AMBIT_LINK_CONNECTED);
	}
	for (;;)
		virq_wait(0);
}
