/* SPDX-License-Identifier: BSD-2-Clause */
/* Give pools: their place, making and unmaking, what holds a page. */
/* LINK: hv/pool.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "hv/pool.h"

#include "arch/arch.h"
#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define OWNER	(FRAME_OWNER_VM + 3)
#define TABLES	FRAME_OWNER_HV	/* tables of one test stay behind */
#define PLACES	1500u

struct p2m_format p2m_format = {
	.table = 0x7, .leaf = 6 << 3 | 0x40, .large = 0x80,
	.read = 1, .write = 2, .exec = 4, .max_level = 2, .phys_bits = 39,
};

static struct manifest_vm config;
static struct pool_page page[PLACES];
static struct vm vm = { .config = &config, .owner = OWNER, .pool_page = page };

static int build(uint32_t *steps)
{
	const char *why = "none";
	int r;

	vm.build = (struct vm_build){ 0 };
	*steps = 0;
	do {
		r = pool_build_step(&vm, &why);
		++*steps;
	} while (!r);
	return r;
}

static void unbuild(void)
{
	vm.build = (struct vm_build){ 0 };
	while (!pool_unbuild_step(&vm))
		;
}

/* What the tables show at a place: its own page, cleared, not executable. */
static bool shown(uint32_t i)
{
	const uint64_t *words = phys_to_virt(page[i].pa);
	gpa_t at = gpa(vm.pool.v + i * PAGE_SIZE);
	uint64_t run, any = 0;
	hpa_t pa;

	if (!page[i].pa.v || frame_of(page[i].pa)->owner != OWNER ||
	    !p2m_lookup(&vm.p2m, at, P2M_READ | P2M_WRITE, &pa, &run) ||
	    pa.v != page[i].pa.v || p2m_lookup(&vm.p2m, at, P2M_EXEC, &pa, &run))
		return false;
	for (uint32_t k = 0; k < PAGE_SIZE / 8; k++)
		any |= words[k];
	return !any;
}

static bool empty(uint32_t i)
{
	uint64_t run;
	hpa_t pa;

	return !page[i].pa.v &&
	       !p2m_lookup(&vm.p2m, gpa(vm.pool.v + i * PAGE_SIZE), 0, &pa, &run) &&
	       !*p2m_page(&vm.p2m, gpa(vm.pool.v + i * PAGE_SIZE));
}

static void test_place(void)
{
	config.pool_places = 0;
	ok_eq(pool_place(&vm, gpa(GIB(5) + PAGE_SIZE)).v, GIB(5) + PAGE_SIZE,
	      "no pool takes no room");
	ok_eq(vm.pool.v, 0, "and has no place");
	config.pool_places = 3;
	ok_eq(pool_place(&vm, gpa(GIB(5) + PAGE_SIZE)).v, GIB(5) + MIB(2) + 3 * PAGE_SIZE,
	      "a pool starts at 2 MiB and takes what it has");
	ok_eq(pool_place(&vm, gpa(GIB(5))).v, GIB(5) + 3 * PAGE_SIZE, "or where it is told");
	ok_eq(vm.pool.v, GIB(5), "which is its place");
}

static void test_build(uint32_t places, uint32_t filled)
{
	uint64_t before = frames_free_bytes();
	uint32_t steps, right = 0;

	config.pool_places = places;
	config.pool_pages = filled;
	pool_place(&vm, gpa(GIB(5)));
	ok(!p2m_create(&vm.p2m, TABLES) && build(&steps) == 1, "%u of %u places: built",
	   filled, places);
	ok(steps <= places / 8 + places / 512 + 3, "in %u steps", steps);
	for (uint32_t i = 0; i < places; i++)
		right += i < filled ? shown(i) : empty(i);
	ok_eq(right, places, "its first places are full, the others empty");
	ok_eq(frames_balance(OWNER), filled, "no frame besides");
	unbuild();
	ok_eq(frames_balance(OWNER), 0, "all go back");
	right = 0;
	for (uint32_t i = 0; i < places; i++)
		right += !page[i].pa.v;
	ok_eq(right, places, "and all places are empty");
	ok_eq(frames_free_bytes() + vm.p2m.table_count * PAGE_SIZE, before, "tables apart");
}

/* With room for some pages only: a clear line, and what was made goes back. */
static void test_no_memory(void)
{
	static hpa_t taken[1 << 17];
	const char *why = "none";
	uint32_t n = 0;
	int r;

	config.pool_places = config.pool_pages = 1000;
	pool_place(&vm, gpa(GIB(5)));
	ok(!p2m_create(&vm.p2m, TABLES), "tables");
	while (!frames_alloc(0, FRAME_OWNER_VM, &taken[n]))
		n++;
	for (uint32_t i = 0; i < 300; i++)
		frames_free(taken[--n], 0);
	vm.build = (struct vm_build){ 0 };
	do {
		r = pool_build_step(&vm, &why);
	} while (!r);
	ok_eq(r, AMBIT_ENOMEM, "300 frames are not enough for 1000 pages");
	ok_has(why, "not enough free memory for its give pool", "which the line says");
	unbuild();
	ok_eq(frames_balance(OWNER), 0, "what it had goes back");
	while (n)
		frames_free(taken[--n], 0);
	pool_place(&vm, gpa(GIB(512)));
	ok(!p2m_create(&vm.p2m, TABLES), "tables");
	vm.build = (struct vm_build){ 0 };
	ok_eq(pool_build_step(&vm, &why), AMBIT_EINVAL, "beyond the CPU's addresses");
	ok_has(why, "guest-physical addresses", "another line");
}

static void test_get(void)
{
	struct pool_page *place;
	uint32_t steps;

	config.pool_places = 4;
	config.pool_pages = 2;
	pool_place(&vm, gpa(GIB(5)));
	ok(!p2m_create(&vm.p2m, TABLES) && build(&steps) == 1, "a pool of 2 in 4");
	ok_eq(pool_get(&vm, gpa(GIB(5) + PAGE_SIZE)).v, page[1].pa.v, "a page is found");
	ok_eq(frame_of(page[1].pa)->uses, 1, "and held");
	ok(!frame_give(frame_of(page[1].pa), OWNER, OWNER + 1), "so it keeps its owner");
	pool_put(page[1].pa);
	ok(!frame_give(frame_of(page[1].pa), OWNER + 1, OWNER), "nobody gives what he has not");
	frame_of(page[1].pa)->dma = 1;
	ok(!frame_give(frame_of(page[1].pa), OWNER, OWNER + 1), "nor what a device uses");
	frame_of(page[1].pa)->dma = 0;
	ok(frame_give(frame_of(page[1].pa), OWNER, OWNER + 1), "without a use it changes hands");
	ok(!pool_get(&vm, gpa(GIB(5) + PAGE_SIZE)).v, "and is not found any more");
	ok(frame_give(frame_of(page[1].pa), OWNER + 1, OWNER), "back");
	ok(!pool_get(&vm, gpa(GIB(5) + 2 * PAGE_SIZE)).v &&
	   !pool_get(&vm, gpa(GIB(5) + 4 * PAGE_SIZE)).v &&
	   !pool_get(&vm, gpa(GIB(5) - PAGE_SIZE)).v && !pool_get(&vm, gpa(0)).v &&
	   !pool_get(&vm, gpa(GIB(5) + 8)).v && !pool_get(&vm, gpa(UINT64_MAX)).v,
	   "nothing at empty places, outside, or inside a page");
	place = pool_find(&vm, gpa(GIB(5) + 3 * PAGE_SIZE));
	ok(place == &page[3], "an empty place is found as a place");
	ok(!pool_find(&vm, gpa(GIB(5) + 4 * PAGE_SIZE)), "there is no fifth");
	ok(pool_reserve(place) && !pool_reserve(place), "it can be reserved once");
	pool_release(place);
	ok(pool_reserve(place), "and again");
	pool_release(place);
	pool_hide(&page[0]);
	ok(!*p2m_page(&vm.p2m, vm.pool), "hidden");
	pool_show(&page[0]);
	ok(shown(0), "and shown");
	unbuild();
}

int main(void)
{
	static const uint32_t sizes[][2] = {
		{ 0, 0 }, { 1, 0 }, { 1, 1 }, { 16, 16 }, { 17, 17 }, { 511, 511 },
		{ 512, 512 }, { 513, 512 }, { 513, 513 }, { 1024, 512 }, { PLACES, 0 },
		{ PLACES, 1 }, { PLACES, 600 }, { PLACES, PLACES },
	};

	fake_machine(MIB(256));
	test_place();
	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++)
		test_build(sizes[i][0], sizes[i][1]);
	test_no_memory();
	test_get();
	return done_testing();
}
