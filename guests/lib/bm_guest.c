/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffer model's system side in a guest: hypercalls, areas by the info page. */
#include "guests/lib/bm_guest.h"

#include "guests/lib/bm_sys.h"
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"

struct bm *bm_open_link(uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);
	struct bm_areas areas = {
		.link = l,
		.endpoint = endpoint,
		.control = (void *)l->control,
		.peer_control = (const void *)l->peer_control,
		.data = (void *)l->data,
		.peer_data = (const void *)l->peer_data,
		.status = (const void *)l->status,
		.event = (void *)l->event,
		.window = (void *)l->window,
	};
	size_t bytes = bm_memory(l);
	struct bm *b = NULL;

	if (bytes)
		b = bm_open(&areas, page_alloc_bytes(bytes));
	if (!b)
		guest_fail("link %s: scheme %s is not known to this program, "
			   "or its entry is wrong", l->name,
			   link_scheme_name(l->scheme));
	return b;
}

void bm_sys_notify(uint32_t endpoint)
{
	hcall1(AMBIT_HC_NOTIFY, endpoint);
}

void bm_sys_wait(uint64_t deadline)
{
	hcall1(AMBIT_HC_WAIT, deadline);
}

void bm_sys_notify_wait(uint32_t endpoint, uint64_t deadline)
{
	/* Refused (the peer is gone, say), it has not waited. */
	if (hcall2(AMBIT_HC_NOTIFY_WAIT, endpoint, deadline) == AMBIT_EGONE)
		hcall1(AMBIT_HC_WAIT, deadline);
}

int64_t bm_sys_link_state(uint32_t endpoint, uint32_t state)
{
	return hcall2(AMBIT_HC_LINK_STATE, endpoint, state);
}

void bm_sys_settle(uint32_t endpoint)
{
	hcall1(AMBIT_HC_SETTLE, endpoint);
}

int64_t bm_sys_data(uint32_t call, uint32_t endpoint, void *items, uint32_t n,
		    const struct ambit_tail *tail)
{
	int64_t done = hcall4(call, endpoint, (uint64_t)items, n, (uint64_t)tail);

	/* The tail waited until its deadline: all items were dealt with before. */
	return done == AMBIT_ETIME ? n : done;
}

bool bm_sys_before_wait(void)
{
	irq_disable();
	return virq_poll();
}

void bm_sys_after_wait(void)
{
	irq_enable();
}
