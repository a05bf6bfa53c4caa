/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The identity map beyond the first 4 GiB, which entry.asm maps: 2 MiB pages, or
 * 1 GiB pages where the CPU has them. Mappings are only ever added, so that no
 * TLB needs to be flushed.
 */
#include "guests/lib/cpu.h"
#include "guests/lib/internal.h"

#define PTE_TABLE	0x3ull		/* present, writable */
#define PTE_LARGE	0x83ull
#define PTE_ADDRESS	0x000ffffffffff000ull
#define GIB		(1ull << 30)
#define LARGE_PAGE	(1ull << 21)
#define ENTRIES		512

extern uint64_t boot_pml4[];

static bool has_1gib_pages(void)
{
	return cpuid(0x80000000, 0).eax >= 0x80000001 &&
	       cpuid(0x80000001, 0).edx & (1u << 26);
}

/* The table that an entry points to, made if there is none. */
static uint64_t *table_below(uint64_t *entry)
{
	if (!*entry)
		*entry = (uint64_t)page_alloc_bytes(PAGE_SIZE) | PTE_TABLE;
	return (uint64_t *)(*entry & PTE_ADDRESS);
}

static void map_gib(uint64_t base)
{
	uint64_t *pdpt = table_below(&boot_pml4[base >> 39 & (ENTRIES - 1)]);
	uint64_t *entry = &pdpt[base >> 30 & (ENTRIES - 1)];
	uint64_t *pd;

	if (*entry)
		return;
	if (has_1gib_pages()) {
		*entry = base | PTE_LARGE;
		return;
	}
	pd = page_alloc_bytes(PAGE_SIZE);
	for (unsigned int i = 0; i < ENTRIES; i++)
		pd[i] = (base + i * LARGE_PAGE) | PTE_LARGE;
	*entry = (uint64_t)pd | PTE_TABLE;
}

void paging_map(uint64_t base, uint64_t size)
{
	for (uint64_t a = ALIGN_DOWN(base, GIB); a < base + size; a += GIB)
		map_gib(a);
}
