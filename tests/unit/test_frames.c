/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table and the buddy allocator: map holes, joining, counts, races. */
/* LINK: hv/frames.c hv/frames_early.c hv/boot_alloc.c */
#include <pthread.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "hv/abi/errno.h"
#include "hv/boot_alloc.h"
#include "hv/frames.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define IMAGE_BASE	MIB(1)
#define IMAGE_END	(MIB(1) + KIB(300))
#define VM0		FRAME_OWNER_VM

static struct boot_info bi;

static void range_add(uint64_t base, uint64_t size)
{
	bi.range[bi.range_count++] = (struct boot_range){ base, size };
}

static void module_add(uint64_t base, uint64_t size)
{
	bi.module[bi.module_count++] = (struct boot_module){ base, size, "m" };
}

/* A PC with a hole below 1 MiB and this much RAM above it. */
static void machine(uint64_t bytes)
{
	bi = (struct boot_info){ .hv_base = IMAGE_BASE, .hv_end = IMAGE_END };
	range_add(0, KIB(636));
	range_add(MIB(1), bytes - MIB(1));
	fake_ram_create(bytes);
}

static void boot(void)
{
	frames_early_init(&bi);
	frames_init(&bi);
}

static bool all_zero(hpa_t pa, uint64_t bytes)
{
	const uint8_t *p = phys_to_virt(pa);

	for (uint64_t i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static void test_early(void)
{
	hpa_t a, b, c, d;

	machine(MIB(64));
	module_add(MIB(2), KIB(4) + 1);
	module_add(MIB(8), MIB(40));
	bi.fb = (struct boot_framebuffer){ .base = MIB(4), .pitch = 4096, .height = 256 };
	memset(phys_to_virt(hpa(MIB(1))), 0xaa, MIB(7));
	frames_early_init(&bi);

	a = frames_early_alloc(1, UINT64_MAX);
	ok_eq(a.v, ALIGN_UP(IMAGE_END, PAGE_SIZE), "the first page follows the image");
	ok(all_zero(a, PAGE_SIZE), "it is zeroed");
	b = frames_early_alloc(PAGE_SIZE, UINT64_MAX);
	ok_eq(b.v, a.v + PAGE_SIZE, "the next one follows it");
	c = frames_early_alloc(MIB(1), UINT64_MAX);
	ok_eq(c.v, MIB(2) + KIB(8), "a large piece goes behind the module, whole pages kept");
	d = frames_early_alloc(MIB(3), UINT64_MAX);
	ok_eq(d.v, MIB(5), "a larger one behind the framebuffer");
	ok_eq(frames_early_alloc(MIB(16), UINT64_MAX).v, MIB(48), "the largest behind the big module");
	ok_eq(frames_early_alloc(PAGE_SIZE, UINT64_MAX).v, b.v + PAGE_SIZE,
	      "a small one fills the gap that the large ones left");
	ok(PANICS(frames_early_alloc(MIB(4), MIB(8) + 1)), "no room below a border");
	ok_has(fake_last_words, "below 8 MiB", "which is told");
	ok(PANICS(frames_early_alloc(MIB(16), UINT64_MAX)), "no room: the machine is refused");
	ok_has(fake_last_words, "too little memory", "and told why");

	frames_init(&bi);
	ok(PANICS(frames_early_alloc(1, UINT64_MAX)), "no early memory after frames_init()");
	ok_eq(frames_balance(FRAME_OWNER_MODULE), 2 + MIB(40) / PAGE_SIZE,
	      "modules own their frames");
	ok_eq(frame_of(hpa(MIB(4)))->owner, FRAME_OWNER_HV, "the framebuffer is kept");
	ok_eq(frame_of(hpa(0x8000))->owner, FRAME_OWNER_HV, "low memory is kept");
	ok_eq(frame_of(hpa(MIB(6)))->owner, FRAME_OWNER_HV, "early memory is kept");
	ok_eq(frame_of(a)->owner, FRAME_OWNER_HV, "so is the first page of it");
}

/* Single pages far apart: no two pieces can be joined. */
static void test_early_pieces(void)
{
	bool refused = false;

	machine(MIB(4));
	bi.range_count = 0;
	for (uint32_t i = 0; i < BOOT_MEMMAP_MAX; i++)
		range_add(MIB(3) + i * 2 * PAGE_SIZE, PAGE_SIZE);
	for (uint32_t i = 0; i < 10; i++)
		module_add(MIB(2) + i * PAGE_SIZE, 1);
	frames_early_init(&bi);
	for (uint32_t i = 0; i < BOOT_MEMMAP_MAX && !refused; i++)
		refused = PANICS(frames_early_alloc(PAGE_SIZE, UINT64_MAX));
	ok(refused, "memory in too many pieces: the machine is refused");
	ok_has(fake_last_words, "too little memory: the loader's map",
	       "and told why");
}

static void test_table(void)
{
	uint64_t free_frames, all = 0;

	machine(MIB(512));
	boot();
	free_frames = frames_balance(0);
	ok_eq(free_frames * PAGE_SIZE, frames_free_bytes(), "free frames and free bytes agree");
	all = free_frames + frames_balance(FRAME_OWNER_HV);
	ok_eq(all, (KIB(636) + MIB(511)) / PAGE_SIZE, "free and own frames are all there is");
	ok(MIB(512) - frames_free_bytes() <= MIB(512) / 200 + MIB(1) + KIB(300),
	   "the table takes at most half a percent");
	ok(!frame_of(hpa(KIB(636))), "no frame in the hole");
	ok(!frame_of(hpa(MIB(512))), "none behind the end");
	ok(frame_of(hpa(MIB(512) - 1)), "one in the last byte");
	ok_eq(frame_pa(frame_of(hpa(MIB(300) + 5))).v, MIB(300), "there and back");
	ok_eq(frame_pa(frame_of(hpa(0x7123))).v, 0x7000, "there and back in low memory");
}

static void test_boot_pages(void)
{
	static const uint64_t pages[] = { 1, 2, 3, 5, 4095, 4097, 8192 };
	uint64_t before;

	machine(MIB(512));
	boot();
	for (uint32_t i = 0; i < ARRAY_SIZE(pages); i++) {
		before = frames_balance(0);
		ok(boot_alloc_pages(pages[i] * PAGE_SIZE - (i & 1)), "%lu pages", pages[i]);
		ok_eq(before - frames_balance(0), pages[i], "are not one more");
	}
	before = frames_balance(0);
	ok(!boot_alloc_pages(MIB(400)), "no piece is that large");
	ok_eq(frames_balance(0), before, "and nothing is lost");
}

static void test_alloc(void)
{
	uint64_t start;
	bool owned = true, aligned = true;
	hpa_t pa, second;

	machine(MIB(512));
	boot();
	start = frames_free_bytes();
	for (uint32_t order = 0; order <= 16; order++) {
		if (frames_alloc(order, VM0 + order, &pa)) {
			ok(false, "order %u", order);
			continue;
		}
		aligned &= !(pa.v & ((PAGE_SIZE << order) - 1));
		for (uint64_t i = 0; i < 1u << order; i++)
			owned &= frame_of(hpa(pa.v + i * PAGE_SIZE))->owner == VM0 + order;
		ok_eq(frames_balance(VM0 + order), 1u << order, "order %u is counted", order);
		frames_free(pa, order);
	}
	ok(aligned, "blocks are aligned to their size");
	ok(owned, "every frame of them has the owner");
	ok_eq(frames_free_bytes(), start, "all came back");
	ok_eq(frames_balance(0) * PAGE_SIZE, start, "and the lists are sound");

	ok_eq(frames_alloc(FRAMES_ORDER_MAX + 1, VM0, &pa), AMBIT_EINVAL, "order 19 is refused");
	ok_eq(frames_alloc(FRAMES_ORDER_MAX, VM0, &pa), AMBIT_ENOMEM, "no GiB in 512 MiB");
	ok_eq(frames_alloc(16, VM0, &pa), 0, "256 MiB");
	ok_eq(frames_alloc(16, VM0, &second), AMBIT_ENOMEM, "but not twice");
	for (uint64_t i = 0; i < 128; i++)
		frames_free(hpa(pa.v + i * MIB(2)), 9);
	ok_eq(frames_free_bytes(), start, "a block may be freed in parts");
	ok_eq(frames_alloc(16, VM0, &pa), 0, "the parts join again");
	frames_free(pa, 16);
}

/* All single frames, freed in an odd order, join to what was there before. */
static void test_exhaust(void)
{
	static hpa_t pa[MIB(32) / PAGE_SIZE];
	uint32_t n = 0, step = 1237;
	uint64_t start;
	hpa_t large;

	machine(MIB(32));
	boot();
	start = frames_free_bytes();
	while (!frames_alloc(0, VM0, &pa[n]))
		n++;
	ok_eq(n * PAGE_SIZE, start, "every free frame can be had");
	ok_eq(frames_free_bytes(), 0, "then nothing is free");
	ok_eq(frames_balance(VM0), n, "and the VM owns it all");
	for (uint32_t i = 0, at = 0; i < n; i++, at = (at + step) % n)
		frames_free(pa[at], 0);
	ok_eq(frames_balance(0) * PAGE_SIZE, start, "all are free again, each in a list");
	ok_eq(frames_alloc(12, VM0, &large), 0, "16 MiB in one piece");
}

/* Ranges that touch are one; blocks never cross a hole; ranges may be tiny. */
static void test_ranges(void)
{
	uint64_t all = 0;
	hpa_t pa;

	bi = (struct boot_info){ .hv_base = IMAGE_BASE, .hv_end = IMAGE_END };
	fake_ram_create(GIB(2));
	range_add(0, KIB(636));
	range_add(MIB(1), MIB(31));
	range_add(MIB(32), MIB(32));
	while (bi.range_count < BOOT_MEMMAP_MAX) {
		uint32_t i = bi.range_count;

		range_add(MIB(64) + MIB(8) * i + PAGE_SIZE * i, PAGE_SIZE * (1 + i * 7 % 1500));
	}
	for (uint32_t i = 0; i < bi.range_count; i++)
		all += bi.range[i].size;
	boot();
	ok_eq(frames_balance(0) + frames_balance(FRAME_OWNER_HV), all / PAGE_SIZE,
	      "128 ranges: no frame is lost");
	ok_eq(frames_alloc(13, VM0, &pa), 0, "touching ranges give 32 MiB");
	ok_eq(pa.v, MIB(32), "in the place where they join");
	for (uint32_t i = 3; i < bi.range_count; i++)
		if (frame_pa(frame_of(hpa(bi.range[i].base))).v != bi.range[i].base ||
		    frame_of(hpa(bi.range[i].base - 1)) ||
		    frame_of(hpa(bi.range[i].base + bi.range[i].size)))
			ok(false, "range %u", i);
	while (!frames_alloc(0, VM0 + 1, &pa))
		frame_of(pa)->dma = 0;
	ok_eq(frames_free_bytes(), 0, "every frame of every range can be had");
}

static void test_counts(void)
{
	struct frame *f;
	hpa_t pa;

	machine(MIB(32));
	boot();
	ok_eq(frames_alloc(1, VM0, &pa), 0, "two frames");
	f = frame_of(hpa(pa.v + PAGE_SIZE));
	ok(frame_get(f, VM0), "a reference of the owner's frame");
	ok(!frame_get(f, VM0 + 1), "not if somebody else is meant");
	ok_eq(f->uses, 1, "one use is counted");
	ok(PANICS(frames_free(pa, 1)), "a used frame cannot be freed");
	ok_has(fake_last_words, "1 uses", "the report tells the count");
	frame_put(f);
	ok(PANICS(frame_put(f)), "one put too many is noticed");

	machine(MIB(32));
	boot();
	ok_eq(frames_alloc(1, VM0, &pa), 0, "two frames again");
	f = frame_of(pa);
	f->dma = 1;
	ok(PANICS(frames_free(pa, 1)), "nor one that a device may reach");
	f->dma = 0;
	frames_free(pa, 1);
	ok(PANICS(frames_free(pa, 1)), "freeing twice is noticed");
	ok(!frame_get(f, VM0), "no reference of a free frame");
	ok(PANICS(frames_free(hpa(MIB(3) + 1), 0)), "an odd address is noticed");
	ok(PANICS(frames_free(hpa(KIB(640)), 0)), "one outside of RAM too");
	ok(PANICS(frames_free(hpa(MIB(16)), 13)), "and a block that leaves its range");
}

static void test_large(void)
{
	uint64_t huge = 0;
	hpa_t pa;

	bi = (struct boot_info){ .hv_base = IMAGE_BASE, .hv_end = IMAGE_END };
	fake_ram_create(GIB(301));
	range_add(0, KIB(636));
	range_add(MIB(1), GIB(3) - MIB(1));
	range_add(GIB(4), GIB(297));
	boot();
	ok(frames_free_bytes() > GIB(300) / 200 * 199, "300 GiB: half a percent is ours");
	while (!frames_alloc(FRAMES_ORDER_MAX, VM0, &pa))
		huge++;
	ok(huge >= 297, "most of it in pieces of 1 GiB (%llu)", (unsigned long long)huge);
	ok_eq(frames_alloc(9, VM0 + 1, &pa), 0, "2 MiB pages from the rest");
	fake_ram_create(MIB(1));
}

#define WORKERS 2	/* more would mostly wait: the lock is fair, the host is not */

static void *worker(void *arg)
{
	uint32_t id = (uint32_t)(uintptr_t)arg, seed = id * 7919 + 1, held = 0;
	struct { hpa_t pa; uint32_t order; } block[32];
	uintptr_t bad = 0;

	fake_cpu = id;
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t slot;

		seed = seed * 1103515245 + 12345;
		slot = seed >> 16 & 31;
		if (slot < held) {
			struct frame *f = frame_of(block[slot].pa);

			bad += !frame_get(f, VM0 + id);
			frame_put(f);
			frames_free(block[slot].pa, block[slot].order);
			block[slot] = block[--held];
		} else if (held < 32) {
			block[held].order = seed >> 24 & 3;
			if (frames_alloc(block[held].order, VM0 + id, &block[held].pa))
				continue;
			held++;
		}
	}
	while (held) {
		held--;
		frames_free(block[held].pa, block[held].order);
	}
	return (void *)bad;
}

static void test_threads(void)
{
	pthread_t thread[WORKERS];
	uint64_t start;
	uintptr_t bad = 0;
	void *result;

	machine(MIB(4));
	boot();
	start = frames_free_bytes();
	for (uintptr_t i = 0; i < WORKERS; i++)
		pthread_create(&thread[i], NULL, worker, (void *)i);
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], &result);
		bad += (uintptr_t)result;
	}
	ok_eq(bad, 0, "two pCPUs: each block belongs to one of them");
	ok_eq(frames_balance(0) * PAGE_SIZE, start, "and all come back");
}

int main(void)
{
	test_early();
	test_early_pieces();
	test_table();
	test_boot_pages();
	test_alloc();
	test_exhaust();
	test_ranges();
	test_counts();
	test_large();
	test_threads();
	return done_testing();
}
