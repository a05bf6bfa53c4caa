/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm: a device interrupts as fast as it can, set on by a vCPU of another CPU than
 * the one that gets the interrupts. The VM with `victim` on its command line runs
 * on that one too, and must keep most of it.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ne2k.h"

#define QUIET_FROM	(100 * MS)	/* of system time: the victim measures ... */
#define QUIET_TO	(200 * MS)
#define STORM_FROM	(250 * MS)
#define LOUD_FROM	(300 * MS)	/* ... and again, in the storm */
#define LOUD_TO		(400 * MS)
#define STORM_TO	(450 * MS)

static uint64_t rounds(uint64_t from, uint64_t to)
{
	uint64_t n = 1;

	while (time_now() < from)
		cpu_pause();
	for (; time_now() < to; n++)
		cpu_pause();
	return n;
}

static int victim(void)
{
	uint64_t quiet = rounds(QUIET_FROM, QUIET_TO);
	uint64_t loud = rounds(LOUD_FROM, LOUD_TO);

	printf("%lu%% of a CPU left in the storm\n", loud * 100 / quiet);
	CHECK(loud * 100 / quiet >= 60);
	return check_end();
}

static uint64_t edges;

static void hammer(void *arg)
{
	const uint16_t *card = arg;

	while (time_now() < STORM_FROM)
		cpu_pause();
	while (time_now() < STORM_TO) {
		ne2k_interrupt(*card);
		ne2k_withdraw(*card);
		hcall1(AMBIT_HC_IRQ_DONE, 0);
		hcall1(AMBIT_HC_IRQ_DONE, 1);
		WRITE_ONCE(edges, edges + 1);
	}
}

/* The virqs stay masked, so that this VM itself takes nothing of the victim's CPU. */
int guest_main(void)
{
	struct ambit_vcpu_page *page = vcpu_page(0);
	uint16_t card;

	if (cmdline_has("victim"))
		return victim();
	WRITE_ONCE(page->mask[AMBIT_VIRQ_IRQ / 64], UINT64_MAX);
	card = ne2k_find();
	CHECK_IS(vcpu_start(1, hammer, &card), 0);
	time_sleep_until(STORM_TO + 20 * MS);
	CHECK(READ_ONCE(page->pending[AMBIT_VIRQ_IRQ / 64]));
	printf("%lu interrupts in the storm\n", READ_ONCE(edges));
	CHECK(READ_ONCE(edges) > 2000);
	return check_end();
}
