/* SPDX-License-Identifier: BSD-2-Clause */
/* copy: the call AMBIT_HC_COPY and its tail, from both sides (copy.h). */
#include "tests/guest/copy/copy.h"

void end_open(struct end *e, const char *name, bool connect)
{
	int n = link_find(0, AMBIT_CLASS_RAW, name);

	if (n < 0)
		guest_fail("there is no link '%s'", name);
	e->endpoint = (uint32_t)n;
	e->l = link_info(e->endpoint);
	e->control = (char *)e->l->control;
	e->peer = (const char *)e->l->peer_control;
	e->status = (const struct ambit_status *)e->l->status;
	e->event = (struct ambit_event *)e->l->event;
	if (connect)
		hcall2(AMBIT_HC_LINK_STATE, e->endpoint, AMBIT_LINK_CONNECTED);
}

void end_wait_connected(const struct end *e)
{
	while (READ_ONCE(e->status->peer_state) != AMBIT_LINK_CONNECTED)
		virq_wait(time_now() + MS);
}

void pattern_fill(uint8_t *p, uint64_t n, uint64_t seed)
{
	for (uint64_t i = 0; i < n; i++)
		p[i] = pattern(i, seed);
}

uint64_t pattern_check(const uint8_t *p, uint64_t n, uint64_t seed)
{
	uint64_t bad = 0;

	for (uint64_t i = 0; i < n; i++)
		bad += p[i] != pattern(i, seed);
	return bad;
}

static int lead_main(void)
{
	end_open(&one, "one", true);
	end_open(&two, "two", true);
	end_open(&page, "page", true);
	end_open(&idle, "idle", false);
	test_idle();
	end_wait_connected(&one);
	end_wait_connected(&two);
	end_wait_connected(&page);
	own = page_alloc_bytes(BUFFER_BYTES);
	theirs = order(ORDER_BASE, 0, 0, 0);
	test_calls();
	test_items();
	test_sizes();
	test_alignments();
	test_scatter();
	test_other_slot();
	test_batches();
	test_tails();
	test_race();
	order(ORDER_END, 0, 0, 0);
	return check_end();
}

int guest_main(void)
{
	return cmdline_has("lead") ? lead_main() : owner_main();
}
