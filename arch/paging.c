/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the final tables: direct map, image, regions, device window. No page
 * is both writable and executable, and what is executable has no writable
 * alias: the direct map shows text, constants and modules read-only.
 */
#include "arch/paging.h"

#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/msr.h"
#include "arch/trampoline.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"

#define ENTRIES		512
#define PAGE_TABLE	__attribute__((aligned(4096), section(".bss.page")))
#define PML4_INDEX(va)	(((va) >> 39) & 511)

/* PAT 1 is write-combining instead of write-through, the rest is as at reset. */
#define PAT_VALUE	0x0007040600070106ull

/*
 * Filled by boot/head.asm. The first four serve until arch_init_paging(), then
 * for AP start; the others stay for good.
 */
extern uint64_t paging_boot_pml4[], paging_boot_pdpt[], paging_boot_high[], paging_boot_pd[];
extern uint64_t paging_region_pt[];
extern uint8_t paging_region0[];

uint64_t paging_boot_pml4[ENTRIES] PAGE_TABLE;
uint64_t paging_boot_pdpt[ENTRIES] PAGE_TABLE;
uint64_t paging_boot_high[ENTRIES] PAGE_TABLE;
uint64_t paging_boot_pd[ENTRIES] PAGE_TABLE;
uint64_t paging_hv_pd[ENTRIES] PAGE_TABLE;
uint64_t paging_region_pt[ENTRIES] PAGE_TABLE;
uint64_t paging_mmio_pt[ENTRIES] PAGE_TABLE;
uint8_t paging_region0[9 * PAGE_SIZE] PAGE_TABLE;

extern char image_text[], image_rodata[], image_data[], image_end[];

/* Physical ranges that the direct map shows read-only, and where it is split. */
#define READ_ONLY_MAX	(BOOT_MODULE_MAX + 2)
static struct {
	uint64_t base, end;
} read_only[READ_ONLY_MAX];
static uint32_t read_only_count;

static uint64_t final_cr3;
static uint64_t trampoline_page;
static bool giant_pages;

static uint64_t image_phys(const void *p)
{
	return (uint64_t)(uintptr_t)p - VA_IMAGE;
}

void paging_init_cpu(void)
{
	uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_MCE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	struct cpuid c1 = cpuid(1), c7 = cpuid(7);

	if (cpu_has_xsave())
		cr4 |= CR4_OSXSAVE;
	if (c7.ebx & BIT(7))
		cr4 |= CR4_SMEP;
	if (c7.ebx & BIT(20))
		cr4 |= CR4_SMAP;
	if (c7.ecx & BIT(2))
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
	if (c1.edx & BIT(16))
		wrmsr(MSR_PAT, PAT_VALUE);
}

/* --- the builder --------------------------------------------------------- */

static uint64_t table_alloc(void)
{
	return frames_early_alloc(PAGE_SIZE, FRAMES_EARLY_FIRST).v;
}

static uint64_t *table_below(uint64_t *entry)
{
	if (!*entry)
		*entry = table_alloc() | PTE_P | PTE_W;
	return phys_to_virt(hpa(*entry & PTE_ADDR));
}

/* The largest page (as a shift) that fits at va, pa with this much left. */
static uint32_t page_shift(uint64_t va, uint64_t pa, uint64_t left)
{
	uint64_t bits = va | pa;

	if (giant_pages && !(bits & (GIB(1) - 1)) && left >= GIB(1))
		return 30;
	if (!(bits & (MIB(2) - 1)) && left >= MIB(2))
		return 21;
	return PAGE_SHIFT;
}

/* va to va + size was not mapped before. */
static void map_range(uint64_t *pml4, uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
	while (size) {
		uint32_t shift = page_shift(va, pa, size);
		uint64_t *entry = &pml4[PML4_INDEX(va)];

		for (uint32_t level = 30; level >= shift; level -= 9)
			entry = &table_below(entry)[(va >> level) & 511];
		*entry = pa | flags | (shift > PAGE_SHIFT ? PTE_PS : 0);
		va += 1ull << shift;
		pa += 1ull << shift;
		size -= 1ull << shift;
	}
}

/* --- the direct map ------------------------------------------------------ */

static void read_only_add(uint64_t base, uint64_t end)
{
	uint32_t i = read_only_count;

	if (base >= end)
		return;
	for (; i && read_only[i - 1].base > base; i--)
		read_only[i] = read_only[i - 1];
	read_only[i].base = base;
	read_only[i].end = end;
	read_only_count++;
}

/* Modules may share their first and last page with something else. */
static void read_only_collect(const struct boot_info *bi)
{
	read_only_add(bi->hv_base, image_phys(image_data));
	if (trampoline_page)
		read_only_add(trampoline_page, trampoline_page + PAGE_SIZE);
	for (uint32_t i = 0; i < bi->module_count; i++) {
		const struct boot_module *m = &bi->module[i];

		read_only_add(ALIGN_UP(m->base, PAGE_SIZE),
			      ALIGN_DOWN(m->base + m->size, PAGE_SIZE));
	}
}

static void map_direct(uint64_t *pml4, uint64_t base, uint64_t end)
{
	const uint64_t flags = PTE_P | PTE_G | PTE_NX;

	for (uint32_t i = 0; i < read_only_count; i++) {
		uint64_t from = MAX(read_only[i].base, base), to = MIN(read_only[i].end, end);

		if (from >= to)
			continue;
		map_range(pml4, VA_DIRECT + base, base, from - base, flags | PTE_W);
		map_range(pml4, VA_DIRECT + from, from, to - from, flags);
		base = to;
	}
	map_range(pml4, VA_DIRECT + base, base, end - base, flags | PTE_W);
}

/* --- the image and AP start ------------------------------------------------ */

static void map_image(uint64_t *pml4, const char *from, const char *to, uint64_t flags)
{
	map_range(pml4, (uint64_t)(uintptr_t)from, image_phys(from), (uint64_t)(to - from),
		  flags | PTE_P | PTE_G);
}

static bool trampoline_fits(const struct boot_info *bi, uint64_t page)
{
	bool ram = false;

	for (uint32_t i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->range[i];

		ram |= r->base <= page && page + PAGE_SIZE <= r->base + r->size;
	}
	for (uint32_t i = 0; i < bi->module_count; i++) {
		const struct boot_module *m = &bi->module[i];

		if (m->base < page + PAGE_SIZE && page < m->base + m->size)
			return false;
	}
	return ram;
}

/* A free page that a SIPI can name, if possible the customary one; 0: none. */
static uint64_t trampoline_choose(const struct boot_info *bi)
{
	if (trampoline_fits(bi, TRAMPOLINE_PAGE))
		return TRAMPOLINE_PAGE;
	for (uint64_t page = PAGE_SIZE; page < 0xa0000; page += PAGE_SIZE) {
		if (trampoline_fits(bi, page))
			return page;
	}
	return 0;
}

/*
 * The first tables have served. Their root becomes the one for AP start: the
 * final upper half, and the trampoline's page, executable, where it lies.
 */
static void start_tables(const uint64_t *pml4)
{
	uint64_t *pdpt = paging_boot_pdpt, *pd = paging_boot_pd, *pt = paging_boot_high;

	memset(pdpt, 0, PAGE_SIZE);
	memset(pd, 0, PAGE_SIZE);
	memset(pt, 0, PAGE_SIZE);
	memcpy(paging_boot_pml4, pml4, PAGE_SIZE);
	if (!trampoline_page)
		return;
	paging_boot_pml4[0] = image_phys(pdpt) | PTE_P;
	pdpt[0] = image_phys(pd) | PTE_P;
	pd[0] = image_phys(pt) | PTE_P;
	pt[trampoline_page >> PAGE_SHIFT] = trampoline_page | PTE_P;
}

void arch_init_paging(const struct boot_info *bi)
{
	uint64_t *pml4;

	giant_pages = cpuid(0x80000001).edx & BIT(26);
	final_cr3 = table_alloc();
	pml4 = phys_to_virt(hpa(final_cr3));
	trampoline_page = trampoline_choose(bi);
	if (trampoline_page)
		trampoline_install(phys_to_virt(hpa(trampoline_page)), trampoline_page);
	read_only_collect(bi);
	for (uint32_t i = 0; i < bi->range_count; i++)
		map_direct(pml4, bi->range[i].base, bi->range[i].base + bi->range[i].size);
	map_image(pml4, image_text, image_rodata, 0);
	map_image(pml4, image_rodata, image_data, PTE_NX);
	map_image(pml4, image_data, image_end, PTE_W | PTE_NX);
	*table_below(&pml4[PML4_INDEX(VA_PERCPU)]) = image_phys(paging_hv_pd) | PTE_P | PTE_W;
	write_cr3(final_cr3);
	start_tables(pml4);
}

uint64_t paging_trampoline(void)
{
	return trampoline_page;
}

uint32_t paging_start_cr3(void)
{
	return (uint32_t)image_phys(paging_boot_pml4);
}

uint64_t paging_cr3(void)
{
	return final_cr3;
}

/* --- regions of APs ---------------------------------------------------------- */

/* The table for 32 regions, as a pointer into the direct map or the image. */
static uint64_t *region_table(uint32_t id)
{
	uint64_t *entry = &paging_hv_pd[id / 32];
	hpa_t pa;

	if (id < 32)
		return paging_region_pt;
	if (!*entry) {
		if (frames_alloc(0, FRAME_OWNER_HV, &pa))
			return NULL;
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
		*entry = pa.v | PTE_P | PTE_W;
	}
	return phys_to_virt(hpa(*entry & PTE_ADDR));
}

int paging_map_region(uint32_t id)
{
	uint64_t *pt = region_table(id);

	if (!pt)
		return AMBIT_ENOMEM;
	pt += (id % 32) * (PERCPU_SIZE / PAGE_SIZE);
	for (uint32_t i = 0; PERCPU_PAGES >> i; i++) {
		hpa_t pa;

		if (!(PERCPU_PAGES & BIT(i)) || pt[i])
			continue;
		if (frames_alloc(0, FRAME_OWNER_HV, &pa))
			return AMBIT_ENOMEM;
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
		pt[i] = pa.v | PTE_P | PTE_W | PTE_G | PTE_NX;
	}
	return AMBIT_OK;
}
