/* SPDX-License-Identifier: BSD-2-Clause */
/* model: which side this is, and the end that both work with (model.h). */
#include "tests/guest/model/model.h"

struct bm *bm;
const struct ambit_link_info *info;

void end_open(uint32_t endpoint)
{
	info = link_info(endpoint);
	bm = bm_open_link(endpoint);
}

bool end_differs(uint32_t endpoint)
{
	return !endpoint || link_info(endpoint)->scheme == AMBIT_SCHEME_DIRECT;
}

struct bm_event event_wait(enum bm_type type)
{
	uint64_t end = time_now() + 20000 * MS;
	struct bm_event e;

	while (!bm_next(bm, &e)) {
		if (time_now() >= end)
			guest_fail("link %s: no event %u", info->name, type);
		bm_wait(&bm, 1, 0, end);
	}
	if (e.type != type)
		guest_fail("link %s: event %u of slot %u instead of %u", info->name, e.type,
			   e.slot, type);
	return e;
}

int guest_main(void)
{
	bytes_init();
	return cmdline_has("lead") ? lead() : partner();
}
