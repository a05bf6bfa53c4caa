/* SPDX-License-Identifier: BSD-2-Clause */
/* States and numbers are the hypervisor's, of the status area; a connection that
 * came and went between two looks shows by its generation. */
#include "guests/lib/peer.h"

#include "guests/lib/guest.h"
#include "hv/abi/link.h"

#define US	1000ul
#define MS	1000000ul
#define SAY_AFTER	(1000 * MS)

static const struct ambit_status *status_of(const struct ambit_link_info *link)
{
	return (const struct ambit_status *)link->status;
}

const char *peer_state(const struct ambit_link_info *link)
{
	const struct ambit_status *s = status_of(link);

	switch (READ_ONCE(s->peer_state)) {
	case AMBIT_LINK_DEAD:
		return "is gone";
	case AMBIT_LINK_CLOSED:
		return READ_ONCE(s->peer_incarnation) ? "does not serve it" :
							"was never started";
	case AMBIT_LINK_CONNECTED:
		return "is there";
	default:
		return "is not ready";
	}
}

uint64_t peer_await(struct peer_watch *w, uint64_t deadline)
{
	uint64_t now = time_now();

	if (!w->say_at)
		w->say_at = now + SAY_AFTER;
	if (now < w->say_at)
		return MIN(deadline, w->say_at);
	if (w->say_at != UINT64_MAX)
		printf("link %s: waiting, as %s %s\n", w->link->name,
		       w->link->peer, peer_state(w->link));
	w->say_at = UINT64_MAX;
	return deadline;
}

static void went_down(struct peer_watch *w, bool quiet)
{
	w->down = true;
	w->down_at = time_now();
	w->lost++;
	if (!quiet)
		printf("link %s is down, as %s %s\n", w->link->name, w->link->peer,
		       peer_state(w->link));
}

static void came_up(struct peer_watch *w, uint32_t generation, bool quiet)
{
	uint64_t ns = time_now() - w->down_at;

	if (w->down && !quiet)
		printf("link %s is up again after %lu.%03lu ms: connection %u, %s has started %u times\n",
		       w->link->name, ns / MS, ns % MS / US, generation,
		       w->link->peer, READ_ONCE(status_of(w->link)->peer_incarnation));
	w->generation = generation;
	w->down = false;
}

void peer_look(struct peer_watch *w, bool up, bool quiet)
{
	uint32_t generation = READ_ONCE(status_of(w->link)->generation);

	if (w->generation && !w->down && (!up || generation != w->generation))
		went_down(w, quiet);
	if (up && (w->down || !w->generation))
		came_up(w, generation, quiet);
}
