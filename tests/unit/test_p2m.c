/* SPDX-License-Identifier: BSD-2-Clause */
/* Second-level page tables in both vendors' formats: leaves, limits, frames. */
/* LINK: hv/p2m.c hv/frames.c hv/frames_early.c */
#include "hv/p2m.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define OWNER	(FRAME_OWNER_VM + 3)
#define RWX	(P2M_READ | P2M_WRITE | P2M_EXEC)
#define R	P2M_READ
#define RW	(P2M_READ | P2M_WRITE)
#define RX	(P2M_READ | P2M_EXEC)

struct p2m_format p2m_format;

/* As arch/vmx and arch/svm fill it, in numbers of the manuals. */
static const struct p2m_format ept = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};
static const struct p2m_format npt = {
	.table = 0x27, .leaf = 0x64, .large = 0x80,
	.read = 1, .write = 2, .no_exec = BIT(63), .max_level = 2, .phys_bits = 48,
};

static struct p2m p;

/* All steps; how many it took. */
static uint32_t destroy(void)
{
	uint32_t steps = 1;

	while (!p2m_destroy_step(&p))
		steps++;
	return steps;
}

static int map(uint64_t at, uint64_t to, uint64_t bytes, uint32_t rights)
{
	return p2m_map(&p, gpa(at), hpa(to), bytes, rights);
}

static void fresh(void)
{
	destroy();
	ok_eq(p2m_create(&p, OWNER), 0, "new tables");
}

/* The entry that maps gpa, read by the manual: bit 7 ends the walk early. */
static uint64_t walk(uint64_t at, uint32_t *level)
{
	uint64_t table = p.root.v, e;

	for (*level = 3;; --*level) {
		e = ((uint64_t *)phys_to_virt(hpa(table)))[at >> (12 + 9 * *level) & 511];
		if (!(e & 7) || !*level || (e & 0x80))
			return e;
		if ((e & ~0xffffffffff000ull) != p2m_format.table)
			ok(false, "bits of the table entry %#lx", e);
		table = e & 0xffffffffff000ull;
	}
}

static bool at_level(uint64_t at, uint32_t level, uint64_t entry)
{
	uint32_t got;
	uint64_t e = walk(at, &got);

	if (got == level && e == entry)
		return true;
	printf("# level %u, entry %#lx\n", got, e);
	return false;
}

/* Whether [at, at + bytes) leads to [to, to + bytes) and ends where it should. */
static bool leads(uint64_t at, uint64_t to, uint64_t bytes)
{
	for (uint64_t off = 0x123; off < bytes; off += PAGE_SIZE) {
		uint64_t run = 0;
		hpa_t pa = hpa(0);

		if (!p2m_lookup(&p, gpa(at + off), R, &pa, &run) ||
		    pa.v != to + off || !run || run > GIB(1) ||
		    ((at + off + run) & PAGE_MASK))
			return false;
	}
	return true;
}

static bool found(uint64_t at, uint32_t rights)
{
	uint64_t run;
	hpa_t pa;

	return p2m_lookup(&p, gpa(at), rights, &pa, &run);
}

static void test_leaves(bool vmx)
{
	uint64_t small = vmx ? 0x77 : 0x67, nx = vmx ? 0 : BIT(63), run;
	hpa_t pa;

	fresh();
	ok_eq(p.table_count, 1, "a root alone");
	ok_eq(map(0x5000, 0xabc000, PAGE_SIZE, RWX), 0, "a 4 KiB page");
	ok(at_level(0x5000, 0, 0xabc000 | small), "is a leaf of level 0");
	ok_eq(p.table_count, 4, "below three tables");
	ok_eq(map(MIB(2), MIB(6), MIB(2), RWX), 0, "a 2 MiB page");
	ok(at_level(MIB(2), 1, MIB(6) | small | 0x80), "is a leaf of level 1");
	ok_eq(p.table_count, 4, "beside it");
	ok_eq(map(GIB(5), GIB(77), GIB(1), RW), 0, "a 1 GiB page");
	ok(at_level(GIB(5), 2, GIB(77) | 0x80 | nx | (vmx ? 0x73 : 0x67)),
	   "is a leaf of level 2, and not executable");
	ok_eq(p.table_count, 4, "in a table that is there");
	ok(p2m_lookup(&p, gpa(GIB(5) + 0x12345678), R, &pa, &run), "a byte of it");
	ok_eq(pa.v, GIB(77) + 0x12345678, "lies where it should");
	ok_eq(run, GIB(1) - 0x12345678, "the rest of the GiB is its run");
	ok(p2m_lookup(&p, gpa(MIB(4) - 1), R, &pa, &run), "the last byte of 2 MiB");
	ok(pa.v == MIB(8) - 1 && run == 1, "has a run of one");
	ok(p2m_lookup(&p, gpa(0x5001), R, &pa, &run), "the second byte of 4 KiB");
	ok(pa.v == 0xabc001 && run == 4095, "has one of 4095");
	ok(!found(0x4fff, R) && !found(0x6000, R) && !found(MIB(4), R) &&
	   !found(GIB(5) - 1, R) && !found(GIB(6), R), "nothing beside them");
	ok_eq(frames_balance(OWNER), p.table_count, "tables belong to the owner");
}

static void test_alignment(void)
{
	fresh();
	ok_eq(map(MIB(2) - PAGE_SIZE, MIB(8) - PAGE_SIZE, MIB(2) + 2 * PAGE_SIZE, RWX), 0,
	      "a range with ragged ends");
	ok_eq(p.table_count, 5, "has one large leaf and one table at each end");
	ok(leads(MIB(2) - PAGE_SIZE, MIB(8) - PAGE_SIZE, MIB(2) + 2 * PAGE_SIZE),
	   "leads to its frames");
	ok(!found(MIB(2) - PAGE_SIZE - 1, R) && !found(MIB(4) + PAGE_SIZE, R),
	   "and no further");
	ok_eq(map(GIB(1), GIB(2) + PAGE_SIZE, MIB(4), RWX), 0, "frames off by a page");
	ok_eq(p.table_count, 8, "take small leaves");
	ok(leads(GIB(1), GIB(2) + PAGE_SIZE, MIB(4)), "that lead to them");
	ok_eq(map(GIB(4), GIB(8) + MIB(2), GIB(1), RWX), 0, "a GiB off by 2 MiB");
	ok_eq(p.table_count, 9, "takes large leaves");
	ok(leads(GIB(4), GIB(8) + MIB(2), GIB(1)), "all of them right");
	ok_eq(map(GIB(7) - MIB(2), GIB(9) - MIB(2), GIB(1) + MIB(2), RWX), 0,
	      "2 MiB and a GiB");
	ok_eq(p.table_count, 10, "take one table more");
	ok(leads(GIB(7) - MIB(2), GIB(9) - MIB(2), GIB(1) + MIB(2)), "and lead there");
}

static void test_max_level(void)
{
	uint64_t run;
	hpa_t pa;

	p2m_format.max_level = 1;
	fresh();
	ok_eq(map(GIB(1), GIB(3), GIB(1), RWX), 0, "a GiB without 1 GiB pages");
	ok_eq(p.table_count, 3, "is 512 leaves");
	ok(p2m_lookup(&p, gpa(GIB(1) + 5), R, &pa, &run) && run == MIB(2) - 5,
	   "of 2 MiB each");
	ok(leads(GIB(1), GIB(3), GIB(1)), "in their places");
	p2m_format.max_level = 0;
	fresh();
	ok_eq(map(GIB(1), GIB(3), MIB(4), RWX), 0, "4 MiB without large pages");
	ok_eq(p.table_count, 5, "are 1024 leaves");
	ok(leads(GIB(1), GIB(3), MIB(4)), "in their places");
	p2m_format.max_level = 2;
}

static void test_refusals(void)
{
	uint64_t top = BIT(p2m_format.phys_bits);

	fresh();
	ok_eq(map(1, MIB(2), PAGE_SIZE, RWX), AMBIT_EINVAL, "an odd gpa");
	ok_eq(map(MIB(2), 0x800, PAGE_SIZE, RWX), AMBIT_EINVAL, "an odd hpa");
	ok_eq(map(MIB(2), MIB(2), PAGE_SIZE + 1, RWX), AMBIT_EINVAL, "an odd size");
	ok_eq(map(-PAGE_SIZE, 0, 2 * PAGE_SIZE, RWX), AMBIT_EINVAL, "a range that wraps");
	ok_eq(map(top, 0, PAGE_SIZE, RWX), AMBIT_EINVAL, "above the physical width");
	ok_eq(map(top - PAGE_SIZE, 0, 2 * PAGE_SIZE, RWX), AMBIT_EINVAL, "half above it");
	ok_eq(p.table_count, 1, "none of them made a table");
	ok_eq(map(top - PAGE_SIZE, MIB(3), PAGE_SIZE, RWX), 0, "its last page");
	ok(leads(top - PAGE_SIZE, MIB(3), PAGE_SIZE), "is there");
	ok(!found(top, R) && !found(top * 2 - PAGE_SIZE, R) && !found(UINT64_MAX, R),
	   "and nothing above, though the same bits lead to it");
	ok_eq(map(MIB(4), MIB(4), MIB(2), R), 0, "2 MiB");
	ok_eq(map(MIB(8), MIB(8), PAGE_SIZE, R), 0, "and a page");
	ok_eq(map(MIB(4), MIB(6), MIB(2), RWX), AMBIT_EBUSY, "no replacing a large leaf");
	ok_eq(map(MIB(5), MIB(6), PAGE_SIZE, RWX), AMBIT_EBUSY, "nor a part of it");
	ok_eq(map(MIB(8), MIB(6), PAGE_SIZE, RWX), AMBIT_EBUSY, "nor a page");
	ok_eq(map(MIB(8), MIB(10), MIB(2), RWX), AMBIT_EBUSY, "nor what is above a page");
	ok_eq(map(MIB(2), MIB(2), MIB(4), RWX), AMBIT_EBUSY, "a range stops where one is");
	ok(leads(MIB(2), MIB(2), MIB(4)) && leads(MIB(8), MIB(8), PAGE_SIZE),
	   "what was there is still there");
	ok(!found(MIB(4), P2M_WRITE) && !found(MIB(8), P2M_WRITE), "with its rights");
}

static void test_rights(bool vmx)
{
	static const uint32_t give[] = { R, RW, RX, RWX };

	fresh();
	for (uint32_t i = 0; i < ARRAY_SIZE(give); i++) {
		bool right = true;

		if (map(i * MIB(2), MIB(16), MIB(2), give[i]) ||
		    map(GIB(1) + i * PAGE_SIZE, MIB(16), PAGE_SIZE, give[i]))
			ok(false, "mapping");
		for (uint32_t want = 1; want <= RWX; want++) {
			bool may = !(want & ~give[i]);

			right &= found(i * MIB(2), want) == may;
			right &= found(GIB(1) + i * PAGE_SIZE, want) == may;
		}
		ok(right, "rights %u: those and no more", give[i]);
	}
	if (!vmx)
		return;
	ok_eq(map(GIB(2), MIB(16), PAGE_SIZE, P2M_EXEC), 0, "EPT can execute without reading");
	ok(found(GIB(2), P2M_EXEC) && !found(GIB(2), R), "and a lookup says so");
}

/* With 1, 2, 3 ... frames left. */
static void test_memory(void)
{
	static const uint64_t place[] = { 0, GIB(256), GIB(1), MIB(2), GIB(511) };
	uint32_t tables = 0;
	uint64_t free_frames;
	hpa_t pa;

	destroy();
	fake_machine(MIB(4));
	while (!frames_alloc(0, FRAME_OWNER_HV, &pa))
		;
	ok_eq(p2m_create(&p, OWNER), AMBIT_ENOMEM, "no frame, no root");
	ok_eq(p.root.v, 0, "there is none");
	destroy();
	for (uint32_t keep = 1; keep <= 12; keep++) {
		int err = 0;

		frames_free(pa, 0);
		pa.v -= PAGE_SIZE;
		free_frames = frames_free_bytes() / PAGE_SIZE;
		if (p2m_create(&p, OWNER)) {
			ok(false, "a root in %u frames", keep);
			return;
		}
		for (uint32_t i = 0; i < ARRAY_SIZE(place) && !err; i++)
			err = map(place[i], MIB(3), PAGE_SIZE, RWX);
		tables = p.table_count;
		if (frames_balance(OWNER) != tables || (err != 0) != (keep < 11) ||
		    (err && (err != AMBIT_ENOMEM || frames_free_bytes())))
			ok(false, "%u frames: %d, %u tables", keep, err, tables);
		destroy();
		if (frames_balance(OWNER) || free_frames * PAGE_SIZE != frames_free_bytes() ||
		    p.root.v || p.table_count)
			ok(false, "%u frames: not all came back", keep);
	}
	ok_eq(tables, 11, "out of memory after 1 to 10 tables: all frames come back");
	destroy();
	ok_eq(frames_balance(OWNER), 0, "destroying twice is harmless");
	fake_machine(MIB(64));
}

static void test_destroy(void)
{
	uint64_t before = frames_free_bytes();
	hpa_t ram;

	ok_eq(frames_alloc(9, OWNER, &ram), 0, "RAM of the VM");
	fresh();
	ok(!map(0, ram.v, MIB(2), RWX) && !map(GIB(4), ram.v, PAGE_SIZE, R) &&
	   !map(GIB(300), ram.v + 4096, PAGE_SIZE, R) && !map(GIB(8), 0, GIB(2), R),
	   "mapped at all levels");
	ok_eq(frames_balance(OWNER), 512 + p.table_count, "RAM and tables");
	destroy();
	ok_eq(frames_balance(OWNER), 512, "the tables go, the RAM stays");
	frames_free(ram, 9);
	ok_eq(frames_free_bytes(), before, "nothing is lost");
}

/* As many entries looked at in each step, however many tables there are. */
static void test_steps(void)
{
	uint32_t steps;

	fresh();
	for (uint64_t at = 0; at < GIB(2); at += MIB(2))
		if (map(at, at + PAGE_SIZE, PAGE_SIZE, RWX))
			ok(false, "mapping");
	ok_eq(p.table_count, 4 + 1024, "a p2m of 1028 tables");
	p2m_destroy_step(&p);
	ok(p.table_count >= 1028 - 513 && p.table_count < 1028, "a step frees some");
	ok_eq(frames_balance(OWNER), p.table_count, "and counts them");
	steps = destroy();
	/* 1024 lowest tables, and the other entries of the four above them. */
	ok(steps == 3, "all of them in %u more", steps);
	ok_eq(frames_balance(OWNER), 0, "none is left");
}

/* What it borrows of another p2m is found by it and stays when it goes. */
static void test_borrow(void)
{
	struct p2m other;
	uint64_t run;
	hpa_t pa;

	ok(!p2m_create(&other, OWNER + 1) && !p2m_map(&other, gpa(GIB(2)), hpa(MIB(6)), MIB(2), R) &&
	   !p2m_map(&other, gpa(GIB(3)), hpa(GIB(9)), GIB(1), RW), "another p2m");
	fresh();
	WRITE_ONCE(*p2m_gib(&p, gpa(GIB(5))), p2m_borrow(*p2m_gib(&other, gpa(GIB(2)))));
	WRITE_ONCE(*p2m_gib(&p, gpa(GIB(6))), p2m_borrow(*p2m_gib(&other, gpa(GIB(3)))));
	ok_eq(p2m_borrow(*p2m_gib(&other, gpa(GIB(4)))), 0, "of nothing comes nothing");
	ok(p2m_lookup(&p, gpa(GIB(5) + 5), R, &pa, &run) && pa.v == MIB(6) + 5 &&
	   !found(GIB(5), P2M_WRITE) && !found(GIB(5) + MIB(2), R), "a borrowed table");
	ok(p2m_lookup(&p, gpa(GIB(6) + 7), RW, &pa, &run) && pa.v == GIB(9) + 7 &&
	   !found(GIB(7), R), "a borrowed leaf");
	ok_eq(p.table_count, 2, "none of them is its own");
	destroy();
	ok_eq(frames_balance(OWNER + 1), other.table_count, "all stay with their owner");
	ok(p2m_lookup(&other, gpa(GIB(2)), R, &pa, &run), "and whole");
	while (!p2m_destroy_step(&other))
		;
	ok_eq(frames_balance(OWNER + 1), 0, "who gives them back");
}

/* Single pages that come and go. */
static void test_pages(void)
{
	fresh();
	ok_eq(p2m_reserve(&p, gpa(MIB(2) - PAGE_SIZE), MIB(2) + 2 * PAGE_SIZE), 0,
	      "tables for a range across three");
	ok_eq(p.table_count, 6, "are there");
	ok(!found(MIB(2) - PAGE_SIZE, R) && !found(MIB(4), R), "with nothing in them");
	WRITE_ONCE(*p2m_page(&p, gpa(MIB(4))), p2m_page_entry(hpa(MIB(7)), RW));
	ok(leads(MIB(4), MIB(7), PAGE_SIZE) && !found(MIB(4), P2M_EXEC) &&
	   !found(MIB(4) - 1, R) && !found(MIB(4) + PAGE_SIZE, R), "a page comes");
	WRITE_ONCE(*p2m_page(&p, gpa(MIB(4))), 0);
	ok(!found(MIB(4), R), "and goes");
	ok_eq(p2m_reserve(&p, gpa(BIT(p2m_format.phys_bits)), PAGE_SIZE), AMBIT_EINVAL,
	      "no range above the physical width");
}

static uint64_t step_looks, step_wrong, step_seen;

static void step_look(void)
{
	uint64_t run;
	hpa_t pa;

	step_looks++;
	if (!p2m_lookup(&p, gpa(GIB(3) + 0x10), R, &pa, &run))
		step_wrong += step_seen != 0;
	else if (pa.v != MIB(5) + 0x10 || run != 4096 - 0x10)
		step_wrong++;
	else
		step_seen++;
}

static void test_concurrent(void)
{
	hpa_t dirty;
	int err;

	fresh();
	ok_eq(frames_alloc(9, OWNER, &dirty), 0, "2 MiB ...");
	memset(phys_to_virt(dirty), 0xff, MIB(2));
	frames_free(dirty, 9);
	memset(phys_to_virt(hpa(0)), 0xff, PAGE_SIZE);	/* where half an entry leads */
	fake_step_begin(step_look);
	err = map(GIB(3), MIB(5), PAGE_SIZE, RWX);
	fake_step_end();
	ok_eq(err, 0, "... full of ones become tables");
	ok(step_looks > 100 && step_seen, "lookups between any two instructions (%lu, %lu)",
	   step_looks, step_seen);
	ok_eq(step_wrong, 0, "find nothing or the whole, and never lose it again");
}

struct walked {
	uint32_t count, borrowed;
	uint64_t last, bytes;
	bool rising, as_looked_up;
};

static void walked(void *arg, const struct p2m_seen *seen)
{
	struct walked *w = arg;
	uint64_t run;
	hpa_t pa;

	w->rising &= !w->count || seen->at.v > w->last;
	w->last = seen->at.v;
	w->count++;
	w->borrowed += seen->borrowed;
	if (seen->borrowed)
		return;
	w->bytes += seen->bytes;
	w->as_looked_up &= p2m_lookup(&p, seen->at, seen->rights, &pa, &run) &&
			   pa.v == seen->pa.v && run == seen->bytes;
}

static void test_walk(void)
{
	struct walked w = { .rising = true, .as_looked_up = true };
	struct p2m none = { .root = hpa(0) };
	uint32_t tables;

	fresh();
	ok_eq(map(PAGE_SIZE, MIB(8), 2 * PAGE_SIZE, R), 0, "two small pages");
	ok_eq(map(MIB(4), MIB(4), MIB(2), RWX), 0, "a larger one");
	ok_eq(map(BIT(p2m_format.phys_bits) - PAGE_SIZE, MIB(6), PAGE_SIZE, RW), 0,
	      "the last page");
	WRITE_ONCE(*p2m_gib(&p, gpa(GIB(5))), p2m_table_entry(p.root));
	tables = p2m_walk(&p, walked, &w);
	ok_eq(tables, p.table_count, "a walk sees each own table");
	ok(w.count == 5 && w.borrowed == 1 && w.bytes == MIB(2) + 3 * PAGE_SIZE,
	   "each entry once, borrowed tables not entered");
	ok(w.rising && w.as_looked_up, "by rising gpa, as a lookup finds them");
	ok_eq(p2m_walk(&none, walked, &w), 0, "no p2m has no tables");
}

static void test_format(const char *name, const struct p2m_format *f)
{
	printf("# %s\n", name);
	p2m_format = *f;
	step_looks = step_wrong = step_seen = 0;
	test_leaves(f == &ept);
	test_alignment();
	test_max_level();
	test_refusals();
	test_rights(f == &ept);
	test_memory();
	test_destroy();
	test_steps();
	test_borrow();
	test_pages();
	test_walk();
	test_concurrent();
	destroy();
	ok_eq(frames_balance(OWNER), 0, "%s: no frame is left behind", name);
}

int main(void)
{
	fake_machine(MIB(64));
	test_format("EPT", &ept);
	test_format("NPT", &npt);
	return done_testing();
}
