/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * level: a level-triggered interrupt comes once, and again only after it is done:
 * at once if the device still wants something. One by edge does not care.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ne2k.h"

#define ROUNDS		200

static uint32_t came[AMBIT_IRQS_MAX];	/* by number of the interrupt */

static void on_irq(uint32_t virq, void *arg)
{
	(void)arg;
	came[virq - AMBIT_VIRQ_IRQ]++;
}

static void nap(void)
{
	time_sleep_until(time_now() + 5 * MS);
}

/* Which of the VM's interrupts is the card's. */
static uint32_t find_irq(uint16_t card)
{
	ne2k_interrupt(card);
	nap();
	for (uint32_t i = 0; i < AMBIT_IRQS_MAX; i++)
		if (came[i])
			return i;
	guest_fail("no interrupt came");
}

static void done(uint32_t irq)
{
	CHECK_IS(hcall1(AMBIT_HC_IRQ_DONE, irq), AMBIT_OK);
}

/* again: 1 if it is level-triggered. */
static void test_once(uint16_t card, uint32_t irq, uint32_t again)
{
	CHECK_IS(came[irq], 1);
	nap();
	CHECK_IS(came[irq], 1);
	done(irq);			/* it stands still */
	nap();
	CHECK_IS(came[irq], 1 + again);
	ne2k_withdraw(card);
	done(irq);
	nap();
	CHECK_IS(came[irq], 1 + again);
	done(irq);			/* one too many does nothing */
	nap();
	CHECK_IS(came[irq], 1 + again);
}

static void test_rounds(uint16_t card, uint32_t irq)
{
	uint32_t first = came[irq];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t before = came[irq];

		ne2k_interrupt(card);
		virq_wait(time_now() + 1000 * MS);
		CHECK_IS(came[irq], before + 1);
		ne2k_withdraw(card);
		done(irq);
	}
	nap();
	CHECK_IS(came[irq], first + ROUNDS);
}

int guest_main(void)
{
	const struct ambit_info *info = vm_info();
	uint16_t card;
	uint32_t irq;
	bool level;

	for (uint32_t i = 1; i < info->device_count; i++)
		virq_handle(device_info(i)->virq, on_irq, NULL);
	card = ne2k_find();
	irq = find_irq(card);
	level = device_info(1 + irq)->flags & AMBIT_DEVICEF_LEVEL;
	printf("card at 0x%x, interrupt %u by %s\n", card, device_info(1 + irq)->first,
	       level ? "level" : "edge");
	test_once(card, irq, level);
	test_rounds(card, irq);
	return check_end();
}
