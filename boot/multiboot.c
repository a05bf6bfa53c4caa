/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First C code: turns what the loader left into struct boot_info and goes on
 * to hv_main(). Runs on the first page tables, which map the first GiB at
 * VA_DIRECT; what the loader left beyond is mapped as needed.
 */
#include "arch/arch.h"
#include "arch/paging.h"
#include "arch/percpu.h"
#include "boot/boot.h"
#include "hv/abi/errno.h"
#include "hv/panic.h"
#include "hv/string.h"

_Noreturn void boot_main(uint32_t magic, uint32_t info);

extern char image_boot[], image_end[];

static struct boot_info boot_info;
static uint8_t rsdp_copy[36] __attribute__((aligned(8)));

static const void *map_beyond(uint64_t pa, uint64_t bytes)
{
	return arch_map_firmware(hpa(pa), bytes);
}

/* The RSDP of multiboot 2 is a copy in the loader's list, in memory that will
 * be given away; ours stays. */
static void keep_rsdp(const struct boot_view *view, struct boot_info *bi)
{
	const void *p;

	if (!bi->rsdp)
		return;
	p = boot_at(view, bi->rsdp, sizeof(rsdp_copy));
	if (!p) {
		bi->rsdp = 0;
		return;
	}
	memcpy(rsdp_copy, p, sizeof(rsdp_copy));
	bi->rsdp = (uint64_t)(uintptr_t)rsdp_copy - VA_IMAGE;
}

_Noreturn void boot_main(uint32_t magic, uint32_t info)
{
	const struct boot_view view = { (const uint8_t *)VA_DIRECT, GIB(1), map_beyond };
	struct boot_info *bi = &boot_info;
	int err = AMBIT_EINVAL;

	paging_init_cpu();
	bi->hv_base = (uint64_t)(uintptr_t)image_boot;
	bi->hv_end = (uint64_t)(uintptr_t)image_end - VA_IMAGE;
	bi->vga_text = true;
	if (magic == BOOT_MAGIC_1)
		err = multiboot1_parse(&view, info, bi);
	else if (magic == BOOT_MAGIC_2)
		err = multiboot2_parse(&view, info, bi);
	if (err) {
		arch_console_init(bi);
		hv_refuse("not started by a multiboot loader (magic 0x%x)", magic);
	}
	if (magic == BOOT_MAGIC_2)
		keep_rsdp(&view, bi);
	hv_main(bi);
}
