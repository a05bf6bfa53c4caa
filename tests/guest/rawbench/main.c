/* SPDX-License-Identifier: BSD-2-Clause */
/* rawbench: ends, calls, and the leader's list. */
#include "rawbench.h"

#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/measure.h"

uint32_t sample[RUNS];

void end_get(struct end *e, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	*e = (struct end){
		.l = l,
		.endpoint = endpoint,
		.control = (void *)l->control,
		.peer = (const void *)l->peer_control,
		.status = (const void *)l->status,
		.event = (void *)l->event,
		.grant = (void *)(l->control + l->grant_offset),
	};
}

void end_connect(struct end *e)
{
	hcall2(AMBIT_HC_LINK_STATE, e->endpoint, AMBIT_LINK_CONNECTED);
	while (READ_ONCE(e->status->peer_state) != AMBIT_LINK_CONNECTED)
		end_wait(e, MS);
}

void end_wait(struct end *e, uint64_t ns)
{
	virq_wait(time_now() + ns);
	__atomic_store_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
}

static bool link_get(struct end *e, const char *name)
{
	int endpoint = link_find(0, AMBIT_CLASS_RAW, name);

	if (endpoint < 0)
		return false;
	end_get(e, (uint32_t)endpoint);
	end_connect(e);
	return true;
}

int guest_main(void)
{
	uint32_t growth = (uint32_t)cmdline_u64("growth", 0);
	struct end e, copy;

	if (!cmdline_has("lead"))
		partner(growth);
	if (growth) {
		link_get(&copy, "copy");
		link_get(&e, "grant");
		lead_growth(&copy, &e, growth);
		return check_end();
	}
	if (link_get(&e, "copy"))
		lead_copies(&e, "", 0);
	if (link_get(&e, "grant")) {
		lead_copies(&e, "grant-", OWN_GENERATION);
		lead_maps(&e);
		lead_gives(&e);
		lead_revokes(&e, "revoke-forced");
	}
	if (link_get(&e, "far"))
		lead_revokes(&e, "revoke-forced-peer-runs");
	return check_end();
}
