/* SPDX-License-Identifier: BSD-2-Clause */
/* How a link stands, in words for who watches the console. */
#pragma once

#include "hv/abi/info.h"
#include "guests/lib/types.h"

/* What the peer's end does: "is gone", "was never started", ... */
const char *peer_state(const struct ambit_link_info *link);

struct peer_watch {
	const struct ambit_link_info *link;
	uint32_t generation;	/* of the last connection told of; 0: none yet */
	bool down;
	uint64_t down_at;	/* system time */
	uint32_t lost;		/* connections that ended */
	uint64_t say_at;	/* when to tell that it waits */
};

/*
 * While the first connection is waited for: says once, after a second, what the
 * peer does. When to look again, deadline at the latest.
 */
uint64_t peer_await(struct peer_watch *w, uint64_t deadline);
/*
 * Look at the link: print a line when it has gone down or come up again since the
 * last look. Not for the first connection. up: the driver says that it works.
 */
void peer_look(struct peer_watch *w, bool up, bool quiet);
