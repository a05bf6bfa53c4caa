/* SPDX-License-Identifier: BSD-2-Clause */
/* Data calls and AMBIT_HC_COPY: the frame, every status by the short and by the long
 * way, the bytes, and how far one call comes. */
/* LINK: vio/copy.c vio/slot.c vio/data.c vio/tail.c vio/grant.c vio/grant_map.c hv/sync.c hv/pool.c hv/guest_mem.c hv/p2m.c hv/frames.c hv/frames_early.c arch/copy.c */
#include "tests/unit/copy_machine.h"

#include "arch/copy.h"

static void test_frame(void)
{
	struct ambit_tail *tail = (void *)at_gpa(&vms[0], TAIL);
	struct ambit_copy_item i = make(0, 0, 0, 0);

	machine();
	*items() = i;
	ok_eq(call(LINKS, ITEMS, 1, 0), AMBIT_ENOENT, "no such endpoint");
	ok_eq(call(UINT64_MAX, ITEMS, 1, 0), AMBIT_ENOENT, "by far");
	ok_eq(call(PAGES, ITEMS, 1, 0), AMBIT_EINVAL, "scheme page has no copies");
	ok_eq(call(ONE, ITEMS + 4, 1, 0), AMBIT_EINVAL, "items not aligned");
	ok_eq(call(ONE, ITEMS, 1, TAIL + 1), AMBIT_EINVAL, "tail not aligned");
	ok_eq(call(IDLE, ITEMS, 1, 0), AMBIT_EGONE, "not connected");
	ok_eq(call(IDLE, ITEMS, 0, 0), AMBIT_EGONE, "without items too");
	ok_eq(call(ONE, RAM - 40, 1, 0), AMBIT_EFAULT, "items beyond RAM");
	ok_eq(call(ONE, RAM - 48 * 31, 32, 0), AMBIT_EFAULT, "the last one of many");
	ok_eq(call(ONE, RAM, (uint64_t)AMBIT_EFAULT, TAIL), AMBIT_EFAULT, "a huge number");
	ok_eq(call(ONE, ITEMS, 1, RAM - 24), AMBIT_EFAULT, "tail beyond RAM");
	tail = (void *)at_gpa(&vms[0], TAIL);
	*tail = (struct ambit_tail){ .flags = 4 };
	ok_eq(call(ONE, ITEMS, 1, TAIL), AMBIT_EINVAL, "unknown flag in the tail");
	ok(items()->status == 99 && !uses(), "nothing was done");
	ok_eq(call(ONE, RAM, 0, 0), 0, "no items: their address does not matter");
	ok_eq(call(ONE, RAM - 48, 1, 0), 1, "items up to the end of RAM");
	vcpu.regs.rdi = IDLE;
	vcpu.regs.rsi = ITEMS;
	vcpu.regs.rdx = 1;
	vcpu.regs.r10 = 0;
	ok(data_hot(&vcpu, AMBIT_HC_COPY) && (int64_t)vcpu.regs.rax == AMBIT_EGONE, "at the exit: gone");
	vcpu.regs.rdi = PAGES;
	ok(!data_hot(&vcpu, AMBIT_HC_COPY), "another scheme is not dealt with at the exit");
	vcpu.regs.rdi = ONE;
	vcpu.regs.r10 = TAIL;
	ok(!data_hot(&vcpu, AMBIT_HC_COPY), "nor is a tail");
}

/* --- items ------------------------------------------------------------------------ */

static void test_status(void)
{
	struct ambit_copy_item other = make(OTHER, 0, 0, 16);
	const struct {
		struct ambit_copy_item i;
		int want;
		const char *what;
	} c[] = {
		{ make(0, 0, 0, 100), 0, "from the peer" },
		{ make(TO, 1, 0, 100), 0, "to the peer" },
		{ make(0, 0, 0, 0), 0, "nothing" },
		{ make(0, 0, 4096, 0), 0, "nothing at the end" },
		{ make(0, 0, 4095, 1), 0, "the last byte" },
		{ make(0, 7, 0, 1), AMBIT_ENOENT, "an empty slot" },
		{ make(0, SLOTS, 0, 1), AMBIT_ENOENT, "no slot" },
		{ make(0, UINT32_MAX, 0, 1), AMBIT_ENOENT, "by far" },
		{ make(TO, 0, 0, 1), AMBIT_EACCES, "write to OUT" },
		{ make(0, 1, 0, 1), AMBIT_EACCES, "read from IN" },
		{ make(0, 0, 1, 4096), AMBIT_ERANGE, "a byte too far" },
		{ make(0, 0, 4097, 0), AMBIT_ERANGE, "nothing behind the end" },
		{ make(0, 0, UINT32_MAX, UINT32_MAX), AMBIT_ERANGE, "far behind" },
		{ make(4, 0, 0, 1), AMBIT_EINVAL, "an unknown flag" },
		{ make(0, 2, 0, 1), AMBIT_EINVAL, "no segments" },
		{ make(0, 3, 0, 1), AMBIT_EINVAL, "too many segments" },
		{ make(0, 4, 100, 1), AMBIT_EINVAL, "segments that end early" },
		{ make(0, 5, 0, 1), AMBIT_EFAULT, "a segment beyond RAM" },
		{ make(0, 6, 0, 1), AMBIT_EINVAL, "a segment of no bytes" },
		{ other, AMBIT_EINVAL, "the other slot on another scheme's link" },
	};

	machine();
	slot_set(ONE, 0, OUT, THEIRS, 4096);
	slot_set(ONE, 1, IN, THEIRS, 4096);
	for (uint32_t i = 2; i < 7; i++)
		slot_set(ONE, i, OUT | IN, THEIRS, 4096);
	links[ONE].end[1].desc[2].seg_count = 0;
	links[ONE].end[1].desc[3].seg_count = SEGS + 1;
	links[ONE].end[1].seg[4 * SEGS].len = 100;
	links[ONE].end[1].seg[5 * SEGS].gpa = RAM;
	links[ONE].end[1].seg[6 * SEGS].len = 0;
	for (uint32_t k = 0; k < ARRAY_SIZE(c); k++) {
		uint32_t done = 0;
		struct ambit_copy_item i = c[k].i;

		i.own_endpoint = PAGES;
		int got = one(i, &done);
		ok(got == c[k].want && done == (got ? 0 : i.len), "%s: %d", c[k].what, got);
	}
}

static void test_status_more(void)
{
	struct ambit_copy_item i;
	uint32_t done;

	i = make(0, 0, 0, 16);
	i.generation = 1;
	ok_eq(one(i, &done), AMBIT_EINVAL, "a generation for a descriptor");
	i = make(0, 0, 0, 16);
	i.done = 17;
	ok_eq(one(i, &done), AMBIT_EINVAL, "more done than there is");
	i.done = 16;
	ok_eq(one(i, &done), AMBIT_OK, "all done already");
	i.done = 0;
	i.own = RAM - 15;
	ok_eq(one(i, &done), AMBIT_EFAULT, "own memory beyond RAM");
	i.own = UINT64_MAX - 7;
	ok_eq(one(i, &done), AMBIT_EFAULT, "at the end of all addresses");
	i.own = RAM - 16;
	ok_eq(one(i, &done), AMBIT_OK, "up to the end of RAM");
	i = make(OTHER, 0, 0, 16);
	i.own_endpoint = TWO;
	i.own = 0;
	slot_set(TWO, 3, IN, THEIRS + 8192, 4096);
	i.own_slot = 3;
	ok_eq(one(i, &done), AMBIT_OK, "to a slot of another link");
	i.own = 4081;
	ok_eq(one(i, &done), AMBIT_ERANGE, "beyond it");
	i.own = 1ull << 32;
	ok_eq(one(i, &done), AMBIT_ERANGE, "far beyond it");
	i.own = 0;
	i.own_slot = 4;
	ok_eq(one(i, &done), AMBIT_ENOENT, "to an empty one");
	i.own_endpoint = IDLE;
	ok_eq(one(i, &done), AMBIT_EGONE, "of a link that is down");
	i.own_endpoint = LINKS;
	ok_eq(one(i, &done), AMBIT_EINVAL, "of none");
	i.own_endpoint = TWO;
	i.own_slot = 3;
	i.flags |= TO;
	i.slot = 1;
	ok_eq(one(i, &done), AMBIT_EACCES, "from a slot that is to be written");
}

/* --- bytes ------------------------------------------------------------------------ */

static void test_bytes(void)
{
	struct endpoint *e = &links[ONE].end[1];
	const uint64_t border = MIB(4);
	struct ambit_copy_item i;
	uint32_t done;
	bool good = true;

	machine();
	for (int way = 0; way < 2; way++) {
		copy_bytewise = way;
		for (uint32_t n = 0; n < 70; n++) {
			slot_set(ONE, 1, IN, border - n / 2, 4096);
			fill(&vms[0], MIB(4) - n / 3, n, (uint8_t)n);
			i = make(TO, 1, 0, n);
			i.own = MIB(4) - n / 3;
			memset(at_gpa(&vms[1], border - 200), 0, 200);
			memset(at_gpa(&vms[1], border), 0, 200);
			good &= !one(i, &done) && done == n &&
				filled(&vms[1], border - n / 2, n, (uint8_t)n) &&
				!*at_gpa(&vms[1], border - n / 2 - 1) &&
				!*at_gpa(&vms[1], border - n / 2 + n);
		}
	}
	ok(good, "small sizes over 2 MiB borders at both sides, bytes and quadwords");
	for (uint32_t k = 0; k < SEGS; k++)
		e->seg[2 * SEGS + k] = (struct ambit_seg){ THEIRS + 5000 * k, 333 * k + 1, 0 };
	e->desc[2] = (struct ambit_desc){ 333 * 6 + SEGS, IN | OUT, SEGS, 0 };
	fill(&vms[0], OWN, 2000, 3);
	ok_eq(one(make(TO, 2, 2, 2000), &done), 0, "scattered over four segments");
	ok(*at_gpa(&vms[1], THEIRS + 5001) == 3 && *at_gpa(&vms[1], THEIRS + 15000 + 999) ==
	   (uint8_t)(1999 * 7 + 3), "in their order");
	memset(at_gpa(&vms[0], OWN), 0, 2000);
	ok(!one(make(0, 2, 2, 2000), &done) && filled(&vms[0], OWN, 2000, 3), "and back");
	ok(one(make(0, 2, 0, 2003), &done) == AMBIT_ERANGE, "not further");
}

static void test_budget(void)
{
	struct ambit_copy_item *it = items();
	uint32_t done;

	machine();
	it = items();
	slot_set(ONE, 0, OUT, THEIRS, MIB(1));
	it[0] = make(0, 0, 0, 40000);
	it[1] = make(0, 0, 0, 40000);
	it[2] = make(0, 0, 0, 0);
	ok_eq(call(ONE, ITEMS, 3, 0), 1, "64 KiB a call");
	ok(it[1].status == AMBIT_EAGAIN && it[1].done == AMBIT_BATCH_BYTES - 40000 &&
	   it[2].status == 99, "the second item is half done, the third not begun");
	ok_eq(call(ONE, ITEMS + sizeof(*it), 2, 0), 2, "again from there");
	ok(!it[1].status && it[1].done == 40000 && !it[2].status, "done");
	it[0] = make(0, 0, 0, AMBIT_BATCH_BYTES);
	it[1] = make(0, 0, 0, 1);
	ok_eq(call(ONE, ITEMS, 2, 0), 1, "exactly 64 KiB are one item");
	ok(!it[0].status && it[1].status == 99, "and the next has to wait");
	ok_eq(one(make(0, 0, 0, 200000), &done), AMBIT_EAGAIN, "one long item");
	ok_eq(done, AMBIT_BATCH_BYTES, "has 64 KiB after a call");
	for (uint32_t i = 0; i < 40; i++)
		it[i] = make(0, 0, 0, 1);
	ok_eq(call(ONE, ITEMS, 40, 0), AMBIT_BATCH_MAX, "32 items a call");
	ok(!it[31].status && it[32].status == 99, "and no more");
}

/* Segments of a byte each: the call's length is bounded by their number too, and by
 * that of such items. */
static void test_pieces(void)
{
	struct endpoint *e = &links[ONE].end[1];
	struct ambit_copy_item *it = items();
	uint32_t cost = SEGS * 1536 + 3072, last = AMBIT_BATCH_BYTES / cost;

	machine();
	it = items();
	slot_set(ONE, 0, OUT, THEIRS, SEGS);
	e->desc[0].seg_count = SEGS;
	for (uint32_t k = 0; k < SEGS; k++)
		e->seg[k] = (struct ambit_seg){ THEIRS + 2 * k, 1, 0 };
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		it[i] = make(0, 0, 0, SEGS);
	ok_eq(call(ONE, ITEMS, AMBIT_BATCH_MAX, 0), last, "so many pieces a call");
	ok(it[last].done == (AMBIT_BATCH_BYTES % cost + 1535) / 1536 && it[last + 1].status == 99 &&
	   it[last].status == AMBIT_EAGAIN, "the next item begun, no other one");
	ok_eq(call(ONE, ITEMS + last * sizeof(*it), 1, 0), 1, "again from there");
	ok(!it[last].status && it[last].done == SEGS, "done");
	e->desc[0].len++;
	for (uint32_t i = 0; i < AMBIT_BATCH_MAX; i++)
		it[i] = make(0, 0, SEGS, 1);
	ok_eq(call(ONE, ITEMS, AMBIT_BATCH_MAX, 0), AMBIT_BATCH_BYTES / (1536 + 3072) + 1,
	      "what fails takes of it too");
	ok_eq(it[0].status, AMBIT_EINVAL, "it did fail");
}

int main(void)
{
	test_frame();
	test_status();
	test_status_more();
	test_bytes();
	test_budget();
	test_pieces();
	return done_testing();
}
