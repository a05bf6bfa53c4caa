/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker: uses its pCPU in the way that the command line names, until VM
 * control stops it. how=
 *   spin      never exits by itself
 *   call      makes hypercalls all the time, with a little work between them
 *   ping      works a little, then notifies its peer and waits for its answer
 *   tick      wakes by timer every 5 ms, says if it was late by more than late-ms
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/ticks.h"

#include "hv/abi/link.h"

#define MS	1000000ul
#define WORK_NS	200000ul	/* of ping, at a time */
#define TICKS	20

static volatile uint64_t work;

static void spin(void)
{
	irq_enable();
	for (;;)
		work = work + 1;
}

static void call(void)
{
	irq_enable();
	for (;;) {
		for (int i = 0; i < 1000; i++)
			work = work + 1;
		hcall1(AMBIT_HC_SETTLE, AMBIT_LINK_MAX);
	}
}

static void ping(void)
{
	const struct ambit_link_info *l = link_info(0);
	const struct ambit_status *s = (const struct ambit_status *)l->status;
	struct ambit_event *event = (struct ambit_event *)l->event;
	const uint64_t work_ticks = ns_ticks(WORK_NS);

	hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED);
	while (LOAD_ACQUIRE(s->peer_state) != AMBIT_LINK_CONNECTED)
		virq_wait(time_now() + MS);
	irq_enable();
	for (;;) {
		uint64_t from = rdtsc();

		while (rdtsc() - from < work_ticks)
			work = work + 1;
		hcall2(AMBIT_HC_NOTIFY_WAIT, 0, time_now() + 100 * MS);
		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		virq_poll();
	}
}

static void tick(void)
{
	uint64_t late_max = cmdline_u64("late-ms", 40) * MS, worst = 0;
	uint64_t next = time_now();

	for (int i = 0; i < TICKS; i++) {
		next += 5 * MS;
		hcall1(AMBIT_HC_TIMER_SET, next);
		while (time_now() < next)
			virq_wait(0);
		worst = MAX(worst, time_now() - next);
		next = MAX(next, time_now());
	}
	if (worst > late_max)
		guest_fail("a timer was late by %lu us", worst / 1000);
	printf("%u timers, none late by more than %lu ms\n", TICKS, late_max / MS);
}

int guest_main(void)
{
	char how[16] = "";

	cmdline_get("how", how, sizeof(how));
	if (!strcmp(how, "spin"))
		spin();
	else if (!strcmp(how, "call"))
		call();
	else if (!strcmp(how, "ping"))
		ping();
	else if (!strcmp(how, "tick"))
		tick();
	else
		guest_fail("how=%s is not known", how);
	return 0;
}
