/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls from ring 3: which are let through, and what ends their waits. */
#include "calls.h"

#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ring3.h"

#include "hv/abi/link.h"

static uint64_t user_call(uint64_t arg)
{
	return (uint64_t)hcall2(arg & 0xff, arg >> 8 & 0xff, 1);
}

static uint64_t user_wait(uint64_t deadline)
{
	return (uint64_t)hcall1(AMBIT_HC_WAIT, deadline);
}

static uint64_t user_notify_wait(uint64_t deadline)
{
	return (uint64_t)hcall2(AMBIT_HC_NOTIFY_WAIT, BUSY, deadline);
}

/* A wait of ring 3 ends by its endpoint's event, whose virq is masked. */
static void test_waits(void)
{
	const struct ambit_link_info *l = link_info((uint32_t)BUSY);
	struct ambit_event *event = (struct ambit_event *)l->event;
	volatile struct ambit_vcpu_page *page = vcpu_page(0);
	uint64_t from = time_now();

	page->mask[0] = 1ull << l->virq;
	page->user_endpoints[0] = 1ull << BUSY;
	clear_pending();
	event->pending = 1;
	CHECK_IS(ring3_call(user_wait, 0, 0), AMBIT_OK);	/* it does not block */
	event->mask = 1;
	CHECK_IS(ring3_call(user_wait, time_now() + MS, 0), AMBIT_ETIME);
	event->mask = 0;
	page->user_endpoints[0] = 1ull << IDLE;
	((struct ambit_event *)link_info((uint32_t)IDLE)->event)->pending = 0;
	CHECK_IS(ring3_call(user_wait, time_now() + MS, 0), AMBIT_ETIME);
	page->user_endpoints[0] = 1ull << BUSY;
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, l->virq, 1), 0);
	CHECK_IS(ring3_call(user_wait, time_now() + MS, 0), AMBIT_ETIME);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, l->virq, 0), 0);
	/* The answer ends it, every time, though nobody clears the virq. */
	for (int i = 0; i < 20; i++) {
		event->pending = 0;
		CHECK_IS(ring3_call(user_notify_wait, 0, 0), AMBIT_OK);
		CHECK_IS(event->pending, 1);
		CHECK_IS(page->pending[0], 1ull << l->virq);
	}
	/* The kernel's waits are not ended by it, its timer ends both. */
	CHECK_IS(hcall1(AMBIT_HC_WAIT, time_now() + MS), AMBIT_ETIME);
	event->pending = 0;
	hcall1(AMBIT_HC_TIMER_SET, time_now() + MS);
	CHECK_IS(ring3_call(user_wait, 0, 0), AMBIT_OK);
	CHECK_IS(event->pending, 0);
	CHECK(time_now() - from < 1000 * MS);
	page->user_endpoints[0] = page->mask[0] = 0;
	clear_pending();
}

static void test_rights(void)
{
	volatile struct ambit_vcpu_page *page = vcpu_page(0);

	for (uint64_t nr = 0; nr < AMBIT_HC_COUNT; nr++)
		CHECK_IS(ring3_call(user_call, nr | BUSY << 8, 0), AMBIT_EPERM);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_COUNT, 0), AMBIT_ENOSYS);
	page->user_endpoints[0] = 1ull << BUSY;
	CHECK_IS(ring3_call(user_call, AMBIT_HC_NOTIFY | BUSY << 8, 0), 0);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_NOTIFY | IDLE << 8, 0), AMBIT_EPERM);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_NOTIFY | 130 << 8, 0), AMBIT_EPERM);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_NOTIFY_WAIT | IDLE << 8, 0), AMBIT_EPERM);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_SETTLE | BUSY << 8, 0), AMBIT_EPERM);
	CHECK_IS(ring3_call(user_call, AMBIT_HC_STOP, 0), AMBIT_EPERM);
	page->user_endpoints[0] = 1ull << BUSY | 1ull << 5;
	CHECK_IS(ring3_call(user_call, AMBIT_HC_NOTIFY | 5 << 8, 0), AMBIT_ENOENT);
	page->user_endpoints[0] = 0;
	CHECK_IS(ring3_call(user_call, AMBIT_HC_WAIT, 0), AMBIT_EPERM);
	page->user_endpoints[1] = 1;
	time_sleep_until(time_now() + 20 * MS);	/* answers come */
	clear_pending();
	CHECK_IS(ring3_call(user_call, AMBIT_HC_WAIT | 1 << 8, 0), AMBIT_ETIME);
	page->user_endpoints[1] = 0;
}

void test_ring3(void)
{
	ring3_init();
	test_rights();
	test_waits();
}
