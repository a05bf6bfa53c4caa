/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usermate: the other end of userattack's link, which it notifies every few ms,
 * and of link "other", which is its kernel's alone: nothing must come there.
 */
#include "hv/abi/link.h"
#include "tests/guest/lib/check.h"

#define EVERY (2 * MS)

static bool event_taken(const struct ambit_link_info *l)
{
	struct ambit_event *event = (struct ambit_event *)l->event;

	return __atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
}

int guest_main(void)
{
	int own = link_find(0, AMBIT_CLASS_RAW, "own");
	int other = link_find(0, AMBIT_CLASS_RAW, "other");
	const struct ambit_link_info *lo = link_info((uint32_t)own);
	const struct ambit_link_info *lt = link_info((uint32_t)other);
	const struct ambit_status *s = (const struct ambit_status *)lt->status;
	const uint32_t *done = (const uint32_t *)lo->peer_data;
	uint32_t told = 0, tries = 0, events = 0;

	hcall2(AMBIT_HC_LINK_STATE, (uint64_t)other, AMBIT_LINK_CONNECTED);
	hcall2(AMBIT_HC_LINK_STATE, (uint64_t)own, AMBIT_LINK_CONNECTED);
	while (event_taken(lt) || s->peer_state != AMBIT_LINK_CLOSED)
		virq_wait(time_now() + EVERY);
	while (!LOAD_ACQUIRE(*done)) {
		tries++;
		told += event_taken(lo);
		events += event_taken(lt);
		CHECK_IS(s->peer_state, AMBIT_LINK_CLOSED);
		hcall1(AMBIT_HC_NOTIFY, (uint64_t)own);
		time_sleep_until(time_now() + EVERY);
	}
	CHECK(told >= 2);	/* it connected, and notified once */
	CHECK_IS(events, 0);
	CHECK_IS(s->generation, 0);
	printf("told of %u events in %u looks, of %u where there must be none\n", told,
	       tries, events);
	return check_end();
}
