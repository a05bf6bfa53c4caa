/* SPDX-License-Identifier: BSD-2-Clause */
/* At every instruction of a copy: a slot is withdrawn; what is counted only grows. */
/* LINK: vio/copy.c vio/slot.c vio/data.c vio/tail.c vio/grant.c vio/grant_map.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c arch/copy.c */
#include "tests/unit/copy_machine.h"

#define RACE_LEN 40u

static uint32_t step, at_step;
static bool by_settle, withdrawn, safe;

/* The owner, on another CPU, before each instruction of the copy. */
static void owner(void)
{
	struct endpoint *e = &links[ONE].end[1];

	if (step++ < at_step || safe)
		return;
	if (!withdrawn)
		memset(&e->desc[1], 0, 8);
	withdrawn = true;
	if (by_settle ? READ_ONCE(pcpu_of(0)->op) & 1 : READ_ONCE(e->status->use[1]))
		return;
	safe = true;
	for (uint32_t i = 0; i < RACE_LEN; i++)
		*at_gpa(&vms[1], THEIRS + i) = 0xee;
}

static bool no_late_byte(void)
{
	for (uint32_t i = 0; i < RACE_LEN; i++)
		if (safe && *at_gpa(&vms[1], THEIRS + i) != 0xee)
			return false;
	return true;
}

/* Withdrawn at every stride-th instruction in turn; once the owner is told that it
 * is safe, no byte arrives. segs 2: by the long way. */
static void race(bool settle, uint16_t segs, uint32_t stride)
{
	uint32_t late = 0, moved = 0;

	by_settle = settle;
	fill(&vms[0], OWN, RACE_LEN, 1);
	for (at_step = 0, step = 1; step > at_step; at_step += stride) {
		struct endpoint *e = &links[ONE].end[1];

		memset(at_gpa(&vms[1], THEIRS), 0, RACE_LEN);
		slot_set(ONE, 1, IN, THEIRS, RACE_LEN);
		if (segs == 2) {
			e->seg[SEGS].len = 10;
			e->seg[SEGS + 1] = (struct ambit_seg){ THEIRS + 10, RACE_LEN - 10, 0 };
			e->desc[1].seg_count = 2;
		}
		*items() = make(TO, 1, 0, RACE_LEN);
		withdrawn = safe = false;
		step = 0;
		fake_step_begin(owner);
		copy_op.run(&links[ONE].end[0], items(), 1);
		fake_step_end();
		late += !no_late_byte();
		moved += !items()->status;
		if (uses())
			late += 1000;
	}
	ok(!late && moved && at_step > 50, "withdrawn by %s at %u instructions, %u segments: "
	   "%u late, %u copied", settle ? "settle" : "use count", at_step, segs, late, moved);
}

static uint64_t copied_last;
static bool copied_fell;

static void copied_look(void)
{
	uint64_t now = READ_ONCE(links[ONE].end[0].count->copied);

	copied_fell |= now < copied_last;
	copied_last = now;
}

/* Pieces take more of the budget than their bytes: seen before each instruction, what
 * was copied never gets less. */
static void test_counted(void)
{
	struct endpoint *e = &links[ONE].end[1];
	uint64_t before;

	machine();
	slot_set(ONE, 0, OUT, THEIRS, 2);
	e->desc[0].seg_count = 2;
	for (uint32_t k = 0; k < 2; k++)
		e->seg[k] = (struct ambit_seg){ THEIRS + 2 * k, 1, 0 };
	slot_set(ONE, 1, OUT, THEIRS, PAGE_SIZE);
	items()[0] = make(0, 1, 0, 100);
	items()[1] = make(0, 0, 0, 2);
	items()[2] = make(0, 1, 0, 1000);
	copied_last = before = links[ONE].end[0].count->copied;
	fake_step_begin(copied_look);
	copy_op.run(&links[ONE].end[0], items(), 3);
	fake_step_end();
	ok(links[ONE].end[0].count->copied == before + 1102 && !copied_fell,
	   "what is counted as copied only grows");
}

int main(void)
{
	test_counted();
	machine();
	race(false, 1, 23);
	race(false, 2, 131);
	race(true, 1, 61);
	race(true, 2, 137);
	return done_testing();
}
