/* SPDX-License-Identifier: BSD-2-Clause */
/* A privileged end that goes beyond its window's rights or edges (how=...). */
#include "tests/guest/direct/direct.h"

static const struct ambit_link_info *link;

static void write_it(void)
{
	*(volatile uint32_t *)link->window = 1;
}

static void run_it(void)
{
	((void (*)(void))link->window)();
}

static void read_below(void)
{
	(void)*(volatile uint32_t *)(link->window - 4);
}

static void read_above(void)
{
	(void)*(volatile uint32_t *)(link->window + link->window_size);
}

static const struct {
	const char *name;
	void (*fn)(void);
} ways[] = {
	{ "write", write_it }, { "run", run_it },
	{ "below", read_below }, { "above", read_above },
};

int victim_main(const char *how)
{
	const volatile struct ambit_status *status;

	link = link_info(0);
	status = (const volatile struct ambit_status *)link->status;
	hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	while (status->peer_state != AMBIT_LINK_CONNECTED)
		virq_wait(time_now() + MS);
	/* The ends of the window itself are harmless. */
	(void)*(volatile uint32_t *)link->window;
	(void)*(volatile uint32_t *)(link->window + link->window_size - 4);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].name, how))
			ways[i].fn();
	guest_fail("how=%s: this guest lives on", how);
}
