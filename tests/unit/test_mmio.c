/* SPDX-License-Identifier: BSD-2-Clause */
/* The window for device registers and firmware tables: what is mapped is found again. */
/* LINK: arch/mmio.c */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/paging.h"
#include "tests/unit/tap.h"

#define TABLE	0x7fe1000ull

uint64_t paging_hv_pd[512], paging_mmio_pt[512];

static uint32_t pages(void)
{
	uint32_t n = 0;

	while (n < 512 && paging_mmio_pt[n])
		n++;
	return n;
}

/* As the CPU does. */
static void use_all(void)
{
	for (uint32_t i = 0; i < pages(); i++)
		paging_mmio_pt[i] |= PTE_A | PTE_D;
}

int main(void)
{
	uint64_t end = BIT(cpuid(0x80000008).eax & 0xff);
	const char *table = arch_map_firmware(hpa(TABLE + 0x10), 36);
	volatile void *device = arch_map_mmio(hpa(TABLE), 36);

	ok_eq(pages(), 2, "a table; registers, uncached, apart from it");
	use_all();
	ok(arch_map_firmware(hpa(TABLE + 0x20), 4) == table + 0x10 &&
	   arch_map_mmio(hpa(TABLE), 36) == device && pages() == 2,
	   "a page that was used is found again");
	ok(arch_map_firmware(hpa(TABLE), 2 * PAGE_SIZE) && pages() == 4, "a longer run is not");
	ok(!arch_map_firmware(hpa(end), 36) && !arch_map_firmware(hpa(end - 35), 36) &&
	   !arch_map_mmio(hpa(end | 0xfee00000), 36) && !paging_map_fb(hpa(end), MIB(4)),
	   "nothing is mapped beyond this CPU's physical addresses");
	ok(arch_map_firmware(hpa(end - 36), 36) && pages() == 5, "the last bytes are");
	ok(!arch_map_firmware(hpa(TABLE), 0) && !arch_map_firmware(hpa(0), GIB(1)),
	   "nor nothing, nor too much");
	for (uint64_t at = GIB(1); arch_map_firmware(hpa(at), 4); at += PAGE_SIZE)
		;
	ok(pages() < 512 && arch_map_mmio(hpa(0xfec00000), 4), "tables leave room for devices");
	return done_testing();
}
