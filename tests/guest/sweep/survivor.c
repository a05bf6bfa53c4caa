/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kills the victim kills= times, spread evenly over the instructions of one cycle, and
 * looks what became of the links each time.
 */
#include "tests/guest/lib/vms.h"
#include "tests/guest/sweep/sweep.h"

#define RW (AMBIT_GRANT_READ | AMBIT_GRANT_WRITE)

static void *page[4];
static uint32_t victim;		/* number of the VM */
static uint32_t next_place = 1;	/* of the pool, that the next gift goes to */

static void publish(void)
{
	desc_put(0, AMBIT_DESC_OUT, page[0]);
	desc_put(1, AMBIT_DESC_IN, page[1]);
	grant_put(0, (uint64_t)page[2], RW);
	grant_put(1, (uint64_t)page[3], RW);
	grant_put(GIFT, vm_info()->give_pool + next_place * PAGE_SIZE,
		  AMBIT_GRANT_ACCEPT);
}

/* The next incarnation may try the entries already, and mark them for a moment. */
static void check_unused(uint32_t i)
{
	int status = AMBIT_EBUSY;
	uint32_t uses = 1;

	for (uint32_t n = 0; n < 1000 && (status || uses); n++) {
		status = revoke(AMBIT_REVOKE_POLITE, i);
		uses = COPY->status->use[i];
	}
	CHECK_IS(status, AMBIT_OK);
	CHECK_IS(uses, 0);
}

/* Everything that the dead one held is free; a gift has come, or not. */
static void withdraw(void)
{
	int status;

	for (uint32_t i = 0; i < 2; i++)
		STORE_RELEASE(*(uint64_t *)&COPY->desc[i], 0ull);
	for (uint32_t i = 0; i <= GIFT; i++)
		STORE_RELEASE(GRANT->grant[i].frame, 0ull);
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, COPY->endpoint), AMBIT_OK);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_IS(revoke(AMBIT_REVOKE_FORCE, i), AMBIT_OK);
		check_unused(i);
	}
	CHECK_IS(hcall1(AMBIT_HC_SETTLE, GRANT->endpoint), AMBIT_OK);
	status = give(AMBIT_GIVE_TAKE, GIFT, 0);
	CHECK(status == AMBIT_OK || status == AMBIT_ENOENT);
	if (!status)	/* there is a page, or this is the end */
		*(volatile uint64_t *)(vm_info()->give_pool +
				       next_place++ * PAGE_SIZE) = 1;
}

/* Until the word differs; false if that takes too long. It is told by an event; the
 * timer is for an emulator that runs one CPU at a time, and has to turn to this one. */
static bool changes(const volatile uint32_t *word, uint32_t is)
{
	uint64_t until = time_now() + TIMEOUT;

	for (;;) {
		__atomic_exchange_n(&PAGE->event->pending, 0, __ATOMIC_SEQ_CST);
		if (*word != is)
			return true;
		if (time_now() >= until)
			return false;
		virq_wait(time_now() + MS / 2);
	}
}

static void wait_connected(void)
{
	uint64_t until = time_now() + TIMEOUT;

	while (!PAGE->peer->ready || !connected(PAGE) || !connected(COPY) ||
	       !connected(GRANT)) {
		__atomic_exchange_n(&PAGE->event->pending, 0, __ATOMIC_SEQ_CST);
		if (time_now() > until)
			guest_fail("the victim does not come up");
		virq_wait(time_now() + MS / 2);
	}
}

/* One message there and back. */
static void check_echo(void)
{
	uint32_t asked = PAGE->own->asked + 1;
	uint64_t until = time_now() + TIMEOUT;

	PAGE->own->asked = asked;
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, PAGE->endpoint), AMBIT_OK);
	while (PAGE->peer->answered != asked && time_now() < until) {
		__atomic_exchange_n(&PAGE->event->pending, 0, __ATOMIC_SEQ_CST);
		virq_wait(time_now() + MS / 2);
	}
	CHECK_IS(PAGE->peer->answered, asked);
}

/* From one beginning to the next, in ns. */
static uint64_t cycle_time(void)
{
	uint64_t from;

	CHECK(changes(&PAGE->peer->cycle, PAGE->peer->cycle));
	from = time_now();
	CHECK(changes(&PAGE->peer->cycle, PAGE->peer->cycle));
	return time_now() - from;
}

static void kill(uint64_t delay)
{
	uint32_t incarnation = PAGE->status->peer_incarnation;
	uint32_t resets = PAGE->status->resets;

	CHECK(changes(&PAGE->peer->cycle, PAGE->peer->cycle));
	time_sleep_until(time_now() + delay);
	CHECK_IS(vm_control(AMBIT_VM_RESTART, victim), AMBIT_OK);
	/* Where CPUs take turns it may be back before this one has one. */
	CHECK(changes(&PAGE->status->resets, resets));
	withdraw();
	publish();
	CHECK(changes(&PAGE->status->peer_incarnation, incarnation));
	CHECK_IS(PAGE->status->peer_incarnation, incarnation + 1);
	CHECK_IS(PAGE->status->resets, resets + 1);
}

int survivor_main(void)
{
	uint32_t kills = (uint32_t)cmdline_u64("kills", 100);
	uint64_t cycle;

	victim = vm_find(PAGE->info->peer)->vm;
	for (uint32_t i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = page_alloc(1);
	publish();
	EACH_END(e)
		hcall2(AMBIT_HC_LINK_STATE, e->endpoint, AMBIT_LINK_CONNECTED);
	wait_connected();
	cycle = cycle_time();
	for (uint32_t n = 0; n < kills; n++) {
		wait_connected();
		check_echo();
		kill(cycle * n / kills);
	}
	wait_connected();
	check_echo();
	printf("%u kills in a cycle of %lu ns, %u gifts came\n", kills, cycle,
	       next_place - 1);
	return check_end();
}
