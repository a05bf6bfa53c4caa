/* SPDX-License-Identifier: BSD-2-Clause */
/* Goes round the cycle for ever. What it finds is of no concern, but for faults. */
#include "tests/guest/sweep/sweep.h"

#define RW (AMBIT_GRANT_READ | AMBIT_GRANT_WRITE)

/* The survivor withdraws and publishes meanwhile, and ends at last. */
#define CHECK_FINE(status)						\
	do {								\
		int64_t is = (status);					\
									\
		if (is != AMBIT_EGONE && is != AMBIT_ENOENT)		\
			CHECK_IS(is, AMBIT_OK);				\
	} while (0)

static void *page[4];

static void connect_all(void)
{
	EACH_END(e)
		hcall2(AMBIT_HC_LINK_STATE, e->endpoint, AMBIT_LINK_CONNECTED);
	EACH_END(e)
		while (!connected(e))
			virq_wait(time_now() + MS);
	PAGE->own->ready = 1;
}

static void echo(void)
{
	__atomic_exchange_n(&PAGE->event->pending, 0, __ATOMIC_SEQ_CST);
	PAGE->own->answered = PAGE->peer->asked;
	CHECK_FINE(hcall1(AMBIT_HC_NOTIFY, PAGE->endpoint));
}

static void direct_cycle(void)
{
	/* The window onto its RAM closes and opens. */
	hcall2(AMBIT_HC_LINK_STATE, DIRECT->endpoint, AMBIT_LINK_CLOSED);
	hcall2(AMBIT_HC_LINK_STATE, DIRECT->endpoint, AMBIT_LINK_CONFIGURING);
	hcall2(AMBIT_HC_LINK_STATE, DIRECT->endpoint, AMBIT_LINK_CONNECTED);
	hcall1(AMBIT_HC_NOTIFY, DIRECT->endpoint);
}

static void copy_cycle(void)
{
	desc_put(0, AMBIT_DESC_OUT, page[0]);
	desc_put(1, AMBIT_DESC_IN, page[1]);
	CHECK_FINE(copy(COPY, 0, 0, page[2], 256));
	CHECK_FINE(copy(COPY, AMBIT_COPY_TO_PEER, 1, page[2], 256));
	STORE_RELEASE(*(uint64_t *)&COPY->desc[1], 0ull);
	hcall1(AMBIT_HC_SETTLE, COPY->endpoint);
}

static void grant_cycle(void)
{
	int status = map(AMBIT_HC_GRANT_MAP, 0, 0);

	CHECK_FINE(status);
	if (status)
		return;
	*(volatile uint64_t *)GRANT->info->window = 1;
	grant_put(0, (uint64_t)page[3], RW);
	CHECK_FINE(copy(GRANT, 0, 1, page[2], 256));
	CHECK_IS(map(AMBIT_HC_GRANT_UNMAP, 0, 0), AMBIT_OK);
	STORE_RELEASE(GRANT->grant[0].frame, 0ull);
	CHECK_IS(revoke(AMBIT_REVOKE_FORCE, 0), AMBIT_OK);
}

/* One page to the survivor, once. */
static void give_cycle(void)
{
	static bool gone;
	uint64_t pool = vm_info()->give_pool;

	grant_put(GIFT, pool + PAGE_SIZE, AMBIT_GRANT_ACCEPT);
	gone |= !gone && give(AMBIT_GIVE_GIVE, GIFT, pool) == AMBIT_OK;
	STORE_RELEASE(GRANT->grant[GIFT].frame, 0ull);
	hcall1(AMBIT_HC_SETTLE, GRANT->endpoint);
	give(AMBIT_GIVE_TAKE, GIFT, 0);
}

_Noreturn void victim_main(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = page_alloc(1);
	connect_all();
	for (;;) {
		PAGE->own->cycle++;
		echo();
		/* An emulator that runs one CPU at a time turns to the other. */
		virq_wait(time_now() + US);
		copy_cycle();
		grant_cycle();
		direct_cycle();
		give_cycle();
		if (check_failures)
			guest_fail("the victim found a fault");
	}
}
