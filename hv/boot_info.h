/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loader told us, in one form for multiboot 1 and 2. boot/ fills it
 * and calls hv_main() on the boot CPU, in long mode on the final page tables.
 * All addresses are physical; strings were copied, modules lie where the
 * loader put them and stay there, read-only, for good.
 */
#pragma once

#include "hv/types.h"

#define BOOT_MEMMAP_MAX		128
#define BOOT_MODULE_MAX		64
#define BOOT_REFUSED_MAX	16
#define BOOT_STRING_MAX		256

struct boot_range {		/* usable RAM only, page-aligned inwards, */
	uint64_t base, size;	/* sorted, disjoint; bytes */
};

struct boot_module {
	uint64_t base, size;		/* physical, bytes */
	char name[32];			/* last path component of the first word */
};

struct boot_refused {		/* a module that can't be used */
	uint64_t base, end;
	const char *why;
	char name[32];
};

struct boot_framebuffer {
	uint64_t base;			/* 0: none */
	uint32_t pitch, width, height;	/* bytes, pixels, pixels */
	uint8_t bpp;			/* bits a pixel: 24 or 32 */
	uint8_t red_pos, green_pos, blue_pos;
};

struct boot_info {
	char cmdline[BOOT_STRING_MAX];	/* options only, the loader's file name cut off */
	char loader[64];
	uint32_t range_count, module_count;
	struct boot_range range[BOOT_MEMMAP_MAX];
	struct boot_module module[BOOT_MODULE_MAX];
	uint32_t module_dropped;	/* modules beyond BOOT_MODULE_MAX */
	uint32_t module_refused;	/* outside of RAM, over another or us, of another's name ... */
	struct boot_refused refused[BOOT_REFUSED_MAX];	/* ... the first ones */
	bool truncated;			/* a string did not fit, or not all RAM */
	bool vga_text;			/* text mode at 0xb8000 is on */
	struct boot_framebuffer fb;
	uint64_t rsdp;			/* physical address of the RSDP, or 0 */
	uint64_t hv_base, hv_end;	/* physical range of the hypervisor's image */
};

/* Runs on the boot CPU's own stack; never returns. */
_Noreturn void hv_main(struct boot_info *bi);
