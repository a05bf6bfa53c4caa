/* SPDX-License-Identifier: BSD-2-Clause */
/* The tail of a data call: what it publishes, whom it wakes, when it sleeps. */
/* LINK: vio/copy.c vio/slot.c vio/data.c vio/tail.c vio/grant.c vio/grant_map.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c arch/copy.c */
#include "tests/unit/copy_machine.h"

static bool publishes(struct ambit_tail t, uint32_t wake, uint32_t quiet)
{
	struct endpoint *e = &links[ONE].end[0];
	uint32_t before = raises;

	t.flags |= AMBIT_TAIL_PUBLISH;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	e->peer->control->wake = wake;
	e->peer->control->wake_quiet = quiet;
	if (call(ONE, ITEMS, 0, TAIL) || e->control->prod != t.prod)
		return false;
	return raises > before;
}

static void test_tail(void)
{
	const uint32_t far = 0x80000000;
	struct ambit_tail t = { .from = 5, .prod = 8, .loud_from = 5, .loud = 7 };
	struct endpoint *e = &links[ONE].end[0];

	machine();
	for (uint32_t w = 3; w < 10; w++) {
		ok(publishes(t, far, w) == (w >= 5 && w < 8), "a quiet index of %u", w);
		ok(publishes(t, w, far) == (w >= 5 && w < 7), "a loud index of %u", w);
	}
	t.loud = t.loud_from = 5;
	ok(!publishes(t, 5, far) && !publishes(t, 4, far), "none is loud");
	t = (struct ambit_tail){ .from = 40, .prod = 41, .loud_from = 1, .loud = 41 };
	ok(!publishes(t, 24, far) && publishes(t, 25, far), "no further back than a ring");
	t = (struct ambit_tail){ .from = UINT32_MAX, .prod = 1, .loud_from = 0, .loud = 1 };
	ok(publishes(t, far, UINT32_MAX) && publishes(t, far, 0) && !publishes(t, far, 1),
	   "over the end of 32 bits");
	e->link->connected = false;
	t.flags = AMBIT_TAIL_WAIT;
	raises = 0;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	ok(call(ONE, ITEMS, 0, TAIL) == AMBIT_EGONE && !raises && !waits, "gone: no tail");
}

static void test_tail_wait(void)
{
	struct ambit_tail t = { .flags = AMBIT_TAIL_WAIT | AMBIT_TAIL_PUBLISH, .prod = 9 };
	struct endpoint *e = &links[ONE].end[0];

	machine();
	slot_set(ONE, 0, OUT, THEIRS, MIB(1));
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	*items() = make(0, 0, 0, 16);
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 1 && wait_deadline == NS_NEVER &&
	   vcpu.wait_call && e->control->prod == 9, "publish and wait for ever");
	t.deadline = 12345;
	t.flags = AMBIT_TAIL_WAIT;
	t.prod = 10;
	memcpy(at_gpa(&vms[0], TAIL), &t, sizeof(t));
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 2 && wait_deadline == 12345 &&
	   e->control->prod == 9, "wait alone, until a deadline");
	*items() = make(0, 7, 0, 16);
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 2, "not if an item failed");
	*items() = make(0, 0, 0, 65537);
	ok(call(ONE, ITEMS, 1, TAIL) == 0 && waits == 2, "nor if one is half done");
	ok(call(ONE, ITEMS, 1, TAIL) == 1 && waits == 3, "but when it is done");
	items()[0] = make(0, 0, 0, 1);
	t = (struct ambit_tail){ .flags = AMBIT_TAIL_WAIT | AMBIT_TAIL_PUBLISH, .prod = 77 };
	ok(data_run(e, &copy_op, items(), 1, &t) == 1 && waits == 3 &&
	   e->control->prod == 77, "an end of the hypervisor publishes and never waits");
}

int main(void)
{
	test_tail();
	test_tail_wait();
	return done_testing();
}
