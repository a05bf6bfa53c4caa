/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The window at VA_MMIO: device registers and firmware tables. The first 2 MiB
 * are handed out by 4 KiB pages, the rest of 512 MiB by 2 MiB pages. Its tables
 * are in use from the first instruction on, so mappings stay when
 * arch_init_paging() changes the rest. Boot CPU only, never unmapped.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/paging.h"

#define PAGES		512
#define PAGES_DEVICES	64		/* of them, not for tables of firmware */
#define LARGE		256		/* of the directory's entries */
#define LARGE_FIRST	256		/* the one for VA_MMIO: 4 KiB pages */

static uint32_t page_next;
static uint32_t large_next = 1;		/* 2 MiB steps from VA_MMIO */

/* Where a run of count pages from pa is mapped with these flags, or -1. The CPU has
 * noted in an entry that it was used. */
static int32_t find_mapped(uint64_t pa, uint64_t count, uint64_t flags)
{
	const uint64_t noted = PTE_A | PTE_D;

	for (uint32_t i = 0; i + count <= page_next; i++) {
		uint64_t n = 0;

		while (n < count && (paging_mmio_pt[i + n] & ~noted) ==
				    ((pa + n * PAGE_SIZE) | flags))
			n++;
		if (n == count)
			return (int32_t)i;
	}
	return -1;
}

/* By pages before the one of that index. */
static void *map_pages(uint64_t pa, uint64_t bytes, uint64_t flags, uint32_t last)
{
	uint64_t start = ALIGN_DOWN(pa, PAGE_SIZE);
	uint64_t count = (ALIGN_UP(pa + bytes, PAGE_SIZE) - start) / PAGE_SIZE;
	int32_t idx;

	idx = find_mapped(start, count, flags);
	if (idx < 0) {
		if (page_next + count > last)
			return NULL;
		idx = (int32_t)page_next;
		for (uint64_t i = 0; i < count; i++)
			paging_mmio_pt[page_next++] = (start + i * PAGE_SIZE) | flags;
	}
	return (void *)(VA_MMIO + (uint64_t)idx * PAGE_SIZE + (pa & PAGE_MASK));
}

static void *map_large(uint64_t pa, uint64_t bytes, uint64_t flags)
{
	uint64_t start = ALIGN_DOWN(pa, MIB(2));
	uint64_t count = (ALIGN_UP(pa + bytes, MIB(2)) - start) / MIB(2);
	uint64_t va = VA_MMIO + large_next * MIB(2) + (pa - start);

	if (count > LARGE - large_next)
		return NULL;
	for (uint64_t i = 0; i < count; i++)
		paging_hv_pd[LARGE_FIRST + large_next++] = (start + i * MIB(2)) | flags | PTE_PS;
	return (void *)va;
}

/* A physical range that can exist: not empty, no wrap, and none of the bits that are
 * reserved on this CPU, with which an entry faults. One that does not tell has 36 (SDM
 * 3A, Physical-Address Width); it will be refused, but by what it lacks. */
static bool range_sane(hpa_t pa, uint64_t bytes)
{
	bool tells = cpuid(0x80000000).eax >= 0x80000008;
	uint64_t end = BIT(tells ? cpuid(0x80000008).eax & 0xff : 36);

	return bytes && bytes <= MIB(512) && pa.v < end && bytes <= end - pa.v;
}

volatile void *arch_map_mmio(hpa_t pa, uint64_t bytes)
{
	const uint64_t flags = PTE_P | PTE_W | PTE_G | PTE_NX | PTE_PCD | PTE_PWT;

	if (!range_sane(pa, bytes))
		return NULL;
	if (bytes >= MIB(1))
		return map_large(pa.v, bytes, flags);
	return map_pages(pa.v, bytes, flags, PAGES);
}

volatile void *paging_map_fb(hpa_t pa, uint64_t bytes)
{
	if (!range_sane(pa, bytes))
		return NULL;
	return map_large(pa.v, bytes, PTE_P | PTE_W | PTE_G | PTE_NX | PTE_PWT);
}

const void *arch_map_firmware(hpa_t pa, uint64_t bytes)
{
	if (!range_sane(pa, bytes))
		return NULL;
	return map_pages(pa.v, bytes, PTE_P | PTE_G | PTE_NX, PAGES - PAGES_DEVICES);
}
