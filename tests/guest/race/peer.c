/* SPDX-License-Identifier: BSD-2-Clause */
/* The end that is killed at any moment; it never ends by itself. */
#include "tests/guest/race/race.h"

_Noreturn void peer_main(const struct race *race)
{
	const struct ambit_link_info *watch = link_info(1);
	/* The killer sees how often it came round. */
	struct box *steps = (struct box *)(watch->control + watch->ring_offset);

	race->peer_setup();
	WRITE_ONCE(end.own->pages, (uint64_t)peer_pages());
	WRITE_ONCE(end.own->incarnation, vm_info()->incarnation);
	hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CONNECTED);
	for (;;) {
		uint32_t seq = LOAD_ACQUIRE(end.peer->seq);

		__atomic_exchange_n(&end.event->pending, 0, __ATOMIC_SEQ_CST);
		if (seq != end.own->seq) {
			STORE_RELEASE(end.own->seq, seq);
			hcall1(AMBIT_HC_NOTIFY, end.endpoint);
		}
		race->peer_step();
		STORE_RELEASE(steps->seq, steps->seq + 1);
		if (check_failures)
			guest_fail("the peer found a fault");
	}
}
