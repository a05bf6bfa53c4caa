/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: runs of free pages in a list sorted by address, first
 * fit, kept in the free pages themselves. All RAM of the PVH memory map is
 * free but for the image, the first MiB, and what the start info names.
 */
#include "guests/lib/internal.h"

#define LOW_END		0x100000ull
#define MAPPED_END	(4ull << 30)	/* by entry.asm */
#define MODULE_MAX	8
#define RAM		1
#define RESERVED_MAX	(MODULE_MAX + 5)

struct run {
	struct run *next;
	size_t pages;
};

struct range {
	uint64_t base, end;
};

static struct run *free_runs;
static size_t free_pages;
static struct range reserved[RESERVED_MAX];
static unsigned int reserved_count;
static struct pvh_module modules[MODULE_MAX];
static uint32_t module_count;

static void reserve(uint64_t base, uint64_t size)
{
	if (!base || !size)
		return;
	reserved[reserved_count++] = (struct range){
		ALIGN_DOWN(base, PAGE_SIZE), ALIGN_UP(base + size, PAGE_SIZE)
	};
}

/* Add [base, end) to the free list, joined with its neighbours. */
static void free_insert(uint64_t base, uint64_t end)
{
	struct run **link = &free_runs, *run = (struct run *)base;
	struct run *before = NULL;

	while (*link && (uint64_t)*link < base) {
		before = *link;
		link = &before->next;
	}
	run->next = *link;
	run->pages = (end - base) / PAGE_SIZE;
	free_pages += run->pages;
	*link = run;
	if (run->next && (uint64_t)run->next == end) {
		run->pages += run->next->pages;
		run->next = run->next->next;
	}
	if (before && (uint64_t)before + before->pages * PAGE_SIZE == base) {
		before->pages += run->pages;
		before->next = run->next;
	}
}

/* Free the parts of [base, end) that nothing is in. */
static void free_unreserved(uint64_t base, uint64_t end)
{
	while (base < end) {
		uint64_t stop = end, next = end;

		for (unsigned int i = 0; i < reserved_count; i++) {
			const struct range *r = &reserved[i];

			if (r->end <= base || r->base >= stop)
				continue;
			stop = MAX(r->base, base);
			next = r->end;
		}
		if (base < stop)
			free_insert(base, stop);
		base = next;
	}
}

static void reserve_start_info(const struct pvh_start_info *si)
{
	const struct pvh_module *m = (const struct pvh_module *)si->modules;

	module_count = MIN(si->module_count, (uint32_t)MODULE_MAX);
	reserve((uint64_t)image_start, (uint64_t)(image_end - image_start));
	reserve((uint64_t)si, sizeof(*si));
	reserve(si->memmap, si->memmap_count * sizeof(struct pvh_memmap));
	reserve(si->cmdline,
		si->cmdline ? strlen((const char *)si->cmdline) + 1 : 0);
	reserve(si->modules, module_count * sizeof(*m));
	for (uint32_t i = 0; i < module_count; i++) {
		modules[i] = m[i];
		reserve(m[i].base, m[i].size);
	}
}

/* RAM is freed in two passes: the page tables of the second are of the first. */
static void free_ram(const struct pvh_start_info *si, uint64_t from, uint64_t to)
{
	const struct pvh_memmap *map = (const struct pvh_memmap *)si->memmap;

	for (uint32_t i = 0; i < si->memmap_count; i++) {
		uint64_t base = MAX(ALIGN_UP(map[i].base, PAGE_SIZE), from);
		uint64_t end = MIN(ALIGN_DOWN(map[i].base + map[i].size,
					      PAGE_SIZE), to);

		if (map[i].type != RAM || base >= end)
			continue;
		if (from >= MAPPED_END)
			paging_map(base, end - base);
		free_unreserved(base, end);
	}
}

void memory_init(const struct pvh_start_info *si)
{
	reserve_start_info(si);
	free_ram(si, LOW_END, MAPPED_END);
	free_ram(si, MAPPED_END, UINT64_MAX);
}

void *page_alloc(size_t n)
{
	for (struct run **link = &free_runs; *link; link = &(*link)->next) {
		struct run *run = *link;
		uint8_t *p;

		if (run->pages < n)
			continue;
		run->pages -= n;
		free_pages -= n;
		p = (uint8_t *)run + run->pages * PAGE_SIZE;
		if (!run->pages)
			*link = run->next;
		return memset(p, 0, n * PAGE_SIZE);
	}
	return NULL;
}

void page_free(void *p, size_t n)
{
	if (p && n)
		free_insert((uint64_t)p, (uint64_t)p + n * PAGE_SIZE);
}

void *page_alloc_bytes(size_t bytes)
{
	size_t n = (bytes + PAGE_MASK) / PAGE_SIZE;
	void *p = page_alloc(n);

	if (!p)
		guest_fail("out of memory: %zu KiB wanted, %zu KiB free; "
			   "give this VM more memory", n * PAGE_SIZE / 1024,
			   free_pages * PAGE_SIZE / 1024);
	return p;
}

size_t page_free_count(void)
{
	return free_pages;
}

void *module_get(uint32_t idx, size_t *size)
{
	if (idx >= module_count)
		return NULL;
	*size = modules[idx].size;
	return (void *)modules[idx].base;
}
