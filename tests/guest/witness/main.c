/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * witness: has a link to each VM that will crash, sees each of them connect and
 * then die, and lives on; VM control says how they ended. The VMs "stop" and
 * "exception" stop by themselves, all others crash.
 */
#include "guests/lib/trap.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#include "hv/abi/link.h"

#define TIMEOUT (20000 * MS)

static bool was_connected[AMBIT_LINK_MAX];

static const struct ambit_status *status_of(uint32_t endpoint)
{
	return (const struct ambit_status *)link_info(endpoint)->status;
}

/* Whether all peers are dead by now. */
static bool look(void)
{
	uint32_t dead = 0, n = vm_info()->link_count;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t state = LOAD_ACQUIRE(status_of(i)->peer_state);
		struct ambit_event *event = (struct ambit_event *)link_info(i)->event;

		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		was_connected[i] |= state == AMBIT_LINK_CONNECTED;
		dead += state == AMBIT_LINK_DEAD;
	}
	return dead == n;
}

static void check_links(void)
{
	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		const struct ambit_status *s = status_of(i);

		CHECK(was_connected[i]);
		CHECK_IS(s->state, AMBIT_LINK_CONNECTED);
		CHECK_IS(s->peer_state, AMBIT_LINK_DEAD);
		CHECK_IS(s->generation, 1);
		CHECK_IS(s->resets, 1);
		CHECK_IS(hcall1(AMBIT_HC_NOTIFY, i), AMBIT_EGONE);
		/* Its areas outlive the peer. */
		(void)*(volatile uint32_t *)link_info(i)->peer_data;
	}
}

static void check_list(void)
{
	const struct ambit_vm_entry *e;
	uint32_t seen = 0, n = vm_list(&e);

	CHECK(n > vm_info()->link_count);
	for (uint32_t i = 0; i < n; i++) {
		if (e[i].vm == vm_info()->vm)
			continue;
		seen++;
		if (!strcmp(e[i].name, "stop") || !strcmp(e[i].name, "exception")) {
			CHECK_IS(e[i].state, AMBIT_VMS_STOPPED);
			CHECK_IS(e[i].status, e[i].name[0] == 's' ? 7 : TRAP_STATUS(6));
		} else {
			CHECK_IS(e[i].state, AMBIT_VMS_CRASHED);
		}
	}
	CHECK_IS(seen, vm_info()->link_count);
}

int guest_main(void)
{
	uint64_t end = time_now() + TIMEOUT;
	volatile uint64_t *canary = page_alloc(1);

	*canary = 0x5a5a5a5a;
	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		CHECK(hcall2(AMBIT_HC_LINK_STATE, i, AMBIT_LINK_CONNECTED) >= 0);
	while (!look() && time_now() < end)
		virq_wait(end);
	check_links();
	/* The state shows when the VM is taken apart, a little after the link. */
	time_sleep_until(time_now() + 50 * MS);
	check_list();
	CHECK_IS(*canary, 0x5a5a5a5a);
	return check_end();
}
