/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of ring 3: the second to fourth GiB of the identity map, where this
 * VM has no RAM. Everything else keeps its supervisor-only pages. Mappings are
 * only ever added, but for those first entries.
 */
#include "guests/lib/cpu.h"
#include "guests/userkernel/kernel.h"

#define PTE_PRESENT	0x1ull
#define PTE_WRITE	0x2ull
#define PTE_USER	0x4ull
#define PTE_NX		(1ull << 63)
#define PTE_ADDRESS	0x000ffffffffff000ull
#define ENTRIES		512
#define GIB		(1ull << 30)

extern uint64_t boot_pml4[];

static uint64_t no_exec;	/* PTE_NX, if the CPU has it */

void space_init(void)
{
	uint64_t *pdpt = (uint64_t *)(boot_pml4[0] & PTE_ADDRESS), cr3;

	if (vm_info()->ram_low > USER_BASE || vm_info()->ram_high)
		guest_fail("ring 3 lies where RAM is: give this VM at most 1G");
	if (cpuid(0x80000001, 0).edx & (1u << 20))
		no_exec = PTE_NX;
	boot_pml4[0] |= PTE_USER;
	for (uint64_t a = USER_BASE; a < USER_END; a += GIB)
		pdpt[a / GIB] = 0;
	__asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(cr3) : : "memory");
}

/* The table that an entry points to; NULL, or made if it is to be, if none. */
static uint64_t *table_below(uint64_t *entry, bool make)
{
	if (!*entry && make)
		*entry = (uint64_t)page_alloc_bytes(PAGE_SIZE) | PTE_PRESENT |
			 PTE_WRITE | PTE_USER;
	return *entry ? (uint64_t *)(*entry & PTE_ADDRESS) : NULL;
}

/* The last-level entry of an address of ring 3, or NULL. */
static uint64_t *entry_of(uint64_t at, bool make)
{
	uint64_t *table = (uint64_t *)(boot_pml4[0] & PTE_ADDRESS);

	for (unsigned int shift = 30; table && shift > PAGE_SHIFT; shift -= 9)
		table = table_below(&table[at >> shift & (ENTRIES - 1)], make);
	return table ? &table[at >> PAGE_SHIFT & (ENTRIES - 1)] : NULL;
}

void space_map(uint64_t at, uint64_t memory, uint64_t bytes, uint32_t rights)
{
	uint64_t bits = PTE_PRESENT | PTE_USER |
			(rights & SPACE_WRITE ? PTE_WRITE : 0) |
			(rights & SPACE_EXEC ? 0 : no_exec);

	if (at < USER_BASE || bytes > USER_END - at)
		guest_fail("no room in ring 3 for %lu KiB at 0x%lx", bytes >> 10, at);
	for (uint64_t i = 0; i < bytes; i += PAGE_SIZE) {
		uint64_t *entry = entry_of(at + i, true);

		if (!entry)
			guest_fail("no table for 0x%lx", at + i);
		*entry = (memory + i) | bits;
	}
}

bool space_readable(uint64_t at, uint64_t bytes)
{
	uint64_t *entry;

	if (at < USER_BASE || at > USER_END || bytes > USER_END - at)
		return false;
	for (uint64_t a = ALIGN_DOWN(at, PAGE_SIZE); a < at + bytes; a += PAGE_SIZE) {
		entry = entry_of(a, false);
		if (!entry || !*entry)
			return false;
	}
	return true;
}

uint64_t space_memory(uint64_t at)
{
	uint64_t *entry;

	if (at < USER_BASE || at >= USER_END)
		return 0;
	entry = entry_of(at, false);
	return entry && *entry ? (*entry & PTE_ADDRESS) + at % PAGE_SIZE : 0;
}
