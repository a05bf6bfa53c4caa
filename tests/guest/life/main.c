/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life: what an end of a link is told of its peer's end and return, how often, and
 * how long the pause before a restart is. role=subject does as role=observer says.
 */
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/vms.h"

#include "hv/abi/errno.h"
#include "hv/abi/link.h"

#define TIMEOUT	(60000 * MS)
#define RAN_WELL (10000 * MS)	/* a crash after that is the first in a row */

enum command { IDLE, CRASH, STOP };

struct box {
	uint32_t command;	/* observer */
};

static const struct ambit_link_info *link;
static const volatile struct ambit_status *status;
static struct ambit_event *event;
static struct box *own;
static const volatile struct box *peer;
static uint32_t subject;	/* number of the VM */

static void link_open(void)
{
	link = link_info(0);
	status = (const void *)link->status;
	event = (void *)link->event;
	own = (void *)(link->control + link->ring_offset);
	peer = (const void *)(link->peer_control + link->ring_offset);
}

static _Noreturn void subject_main(void)
{
	/* So that its return and its connecting are two events. */
	time_sleep_until(time_now() + 2 * MS);
	CHECK(hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED) >= 0);
	for (;;) {
		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		if (peer->command == CRASH)
			__asm__ volatile("cli; hlt");
		if (peer->command == STOP)
			guest_stop(0);
		virq_wait(0);
	}
}

/* --- observer ----------------------------------------------------------------------- */

/* Sleeps until its endpoint is raised, for whatever reason; when. 0: not in time. */
static uint64_t raised(uint64_t deadline)
{
	while (!__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST)) {
		if (time_now() >= deadline)
			return 0;
		virq_wait(deadline);
	}
	return time_now();
}

static void connected(void)
{
	uint64_t until = time_now() + TIMEOUT;

	for (;;) {
		__atomic_exchange_n(&event->pending, 0, __ATOMIC_SEQ_CST);
		if (status->peer_state == AMBIT_LINK_CONNECTED)
			break;
		if (time_now() > until)
			guest_fail("the peer stays in state %u", status->peer_state);
		virq_wait(until);
	}
	CHECK_IS(raised(time_now() + MS), 0);
}

/* One event tells that it is dead, one that it is there again, one that it has
 * connected; nothing else comes. Returns the pause in between. */
static uint64_t told(void)
{
	uint32_t generation = status->generation;
	uint32_t incarnation = status->peer_incarnation;
	uint64_t until = time_now() + TIMEOUT, dead, born;

	dead = raised(until);
	CHECK_IS(status->peer_state, AMBIT_LINK_DEAD);
	CHECK_IS(status->state, AMBIT_LINK_CONNECTED);
	CHECK_IS(status->peer_incarnation, incarnation);
	/* All that there were have ended; on another CPU it may have died already. */
	CHECK_IS(status->resets, generation);
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, 0), AMBIT_EGONE);
	WRITE_ONCE(own->command, IDLE);
	born = raised(until);
	CHECK_IS(status->peer_state, AMBIT_LINK_CLOSED);
	CHECK_IS(status->peer_incarnation, incarnation + 1);
	CHECK_IS(status->generation, generation);
	CHECK(raised(until));
	CHECK_IS(status->peer_state, AMBIT_LINK_CONNECTED);
	CHECK_IS(status->generation, generation + 1);
	CHECK_IS(raised(time_now() + MS), 0);
	return born - dead;
}

static void command(uint32_t what)
{
	WRITE_ONCE(own->command, what);
	CHECK_IS(hcall1(AMBIT_HC_NOTIFY, 0), AMBIT_OK);
}

static int64_t control(uint64_t op)
{
	return vm_control(op, subject);
}

static uint64_t building;	/* what a restart without a pause takes */

static void check_pause(uint64_t pause, uint64_t wanted_ms)
{
	uint64_t wanted = wanted_ms * MS + building, slack = building / 4 + MS;
	bool good = pause + slack >= wanted && pause <= wanted + slack;

	CHECK(good);
	if (!good)
		printf("a pause of %lu us, not %lu us\n", pause / US, wanted / US);
}

static void test_control(void)
{
	CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
	building = told();
	for (int i = 0; i < 3; i++) {
		CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
		check_pause(told(), 0);
	}
	printf("a restart takes %lu us\n", building / US);
}

/* 20 ms, doubled by each crash in a row; a stop of its own ends the row. */
static void test_backoff(void)
{
	for (uint64_t ms = 20; ms <= 160; ms *= 2) {
		command(CRASH);
		check_pause(told(), ms);
	}
	command(STOP);
	check_pause(told(), 10);
	command(CRASH);
	check_pause(told(), 20);
	command(CRASH);
	check_pause(told(), 40);
	time_sleep_until(time_now() + RAN_WELL);
	command(CRASH);
	check_pause(told(), 20);
}

static void die(void)
{
	command(CRASH);
	CHECK(raised(time_now() + TIMEOUT));
	CHECK_IS(status->peer_state, AMBIT_LINK_DEAD);
	WRITE_ONCE(own->command, IDLE);
}

/* VM control ends the pause: by a restart at once, or by a stop for good. */
static void test_pause_ends(void)
{
	uint64_t now;

	command(CRASH);
	check_pause(told(), 40);
	command(CRASH);
	check_pause(told(), 80);
	die();
	time_sleep_until(time_now() + 10 * MS);		/* of 160 ms */
	now = time_now();
	CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
	CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
	check_pause(raised(now + TIMEOUT) - now, 0);
	CHECK_IS(status->peer_state, AMBIT_LINK_CLOSED);
	connected();
	die();
	time_sleep_until(time_now() + 10 * MS);		/* of 20 ms */
	CHECK_IS(control(AMBIT_VM_STOP), AMBIT_OK);
	CHECK_IS(control(AMBIT_VM_STOP), AMBIT_EBUSY);
	CHECK_IS(raised(time_now() + 100 * MS), 0);
	CHECK_IS(vm_look(subject)->state, AMBIT_VMS_CRASHED);
	/* Both before its pCPU has a look. */
	CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
	connected();
	die();
	time_sleep_until(time_now() + 10 * MS);
	CHECK_IS(control(AMBIT_VM_STOP), AMBIT_OK);
	CHECK_IS(control(AMBIT_VM_RESTART), AMBIT_OK);
	connected();
	command(CRASH);
	check_pause(told(), 20);
}

int guest_main(void)
{
	char role[16] = "";

	link_open();
	cmdline_get("role", role, sizeof(role));
	if (strcmp(role, "observer"))
		subject_main();
	subject = vm_find(link->peer)->vm;
	CHECK(hcall2(AMBIT_HC_LINK_STATE, 0, AMBIT_LINK_CONNECTED) >= 0);
	connected();
	test_control();
	test_backoff();
	test_pause_ends();
	return check_end();
}
