/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The owner of the RAM: stamps it, connects all links, answers for ever. It
 * holds other stamps for a while before it connects: the viewer must never see
 * these.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/direct/direct.h"

static void fill(const struct answer *a, bool connected)
{
	for (uint64_t at = next_stamp(a, 0); at != UINT64_MAX;
	     at = next_stamp(a, at + 1))
		*(volatile uint64_t *)at = stamp(at, a->incarnation, connected);
}

static void answer(const struct ask *q, struct answer *a)
{
	uint32_t number = LOAD_ACQUIRE(q->number);

	if (number == a->number)
		return;
	if (q->command == ASK_DIE)
		__asm__ volatile("cli; hlt");
	for (uint32_t i = 0; i < MIN(q->count, ASK_MAX); i++)
		a->value[i] = *(const volatile uint64_t *)q->gpa[i];
	STORE_RELEASE(a->number, number);
}

int owner_main(void)
{
	const struct ambit_info *info = vm_info();
	uint32_t links = info->link_count;
	struct answer *a = NULL;

	for (uint32_t i = 0; i < links; i++) {
		const struct ambit_link_info *l = link_info(i);

		CHECK_IS(l->scheme, AMBIT_SCHEME_DIRECT);
		CHECK_IS(l->flags & (AMBIT_LINKF_PRIVILEGED | AMBIT_LINKF_PEER_PRIV),
			 AMBIT_LINKF_PEER_PRIV);
		CHECK_IS(l->window_size, 0);
		a = (struct answer *)l->data;
		a->ram_low = info->ram_low;
		a->ram_high = info->ram_high;
		a->incarnation = info->incarnation;
		/* What an earlier incarnation died of. */
		a->number = ((const struct ask *)l->peer_data)->number;
	}
	if (!a)
		guest_fail("no link to show RAM through");
	fill(a, false);
	time_sleep_until(time_now() + cmdline_u64("delay-ms", 20) * MS);
	fill(a, true);
	for (uint32_t i = 0; i < links; i++)
		hcall2(AMBIT_HC_LINK_STATE, i, AMBIT_LINK_CONNECTED);
	if (check_failures)
		return check_end();
	for (;;) {
		for (uint32_t i = 0; i < links; i++)
			answer((const struct ask *)link_info(i)->peer_data,
			       (struct answer *)link_info(i)->data);
		virq_wait(time_now() + MS);
	}
}
