/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 1 information (Multiboot Specification 0.6.96, Boot information
 * format). Offsets are given as there; fields are valid by flag.
 */
#include "boot/boot.h"
#include "hv/abi/errno.h"

#define INFO_BYTES	116
#define INFO_FLAGS	0
#define INFO_MEM_LOWER	4
#define INFO_MEM_UPPER	8
#define INFO_CMDLINE	16
#define INFO_MODS_COUNT	20
#define INFO_MODS_ADDR	24
#define INFO_MMAP_BYTES	44
#define INFO_MMAP_ADDR	48
#define INFO_LOADER	64
#define INFO_FB_ADDR	88
#define INFO_FB_PITCH	96
#define INFO_FB_WIDTH	100
#define INFO_FB_HEIGHT	104
#define INFO_FB_BPP	108
#define INFO_FB_TYPE	109
#define INFO_FB_COLOUR	110	/* position, size: red, green, blue */

#define FLAG_MEM	BIT(0)
#define FLAG_CMDLINE	BIT(2)
#define FLAG_MODS	BIT(3)
#define FLAG_MMAP	BIT(6)
#define FLAG_LOADER	BIT(9)
#define FLAG_FB		BIT(12)

#define MODULE_BYTES	16
#define MMAP_RAM	1
#define MMAP_MAX	4096u		/* entries looked at */

static uint32_t field(const uint8_t *info, uint32_t offset)
{
	return boot_u32(info + offset);
}

/* One pass over the map: RAM is added, or everything else is cut. */
static void walk_memory(const struct boot_view *view, const uint8_t *info,
			struct boot_info *bi, bool ram)
{
	uint64_t pa = field(info, INFO_MMAP_ADDR);
	uint64_t end = pa + field(info, INFO_MMAP_BYTES);

	for (uint32_t i = 0; i < MMAP_MAX && pa + 24 <= end; i++) {
		const uint8_t *e = boot_at(view, pa, 24);
		uint32_t size;

		if (!e)
			return;
		size = boot_u32(e);
		if (size < 20)
			return;
		if ((boot_u32(e + 20) == MMAP_RAM) == ram) {
			if (ram)
				boot_range_add(bi, boot_u64(e + 4), boot_u64(e + 12));
			else
				boot_range_cut(bi, boot_u64(e + 4), boot_u64(e + 12));
		}
		pa += (uint64_t)size + 4;
	}
}

static void read_memory(const struct boot_view *view, const uint8_t *info,
			uint32_t flags, struct boot_info *bi)
{
	if (flags & FLAG_MMAP) {
		walk_memory(view, info, bi, true);
		walk_memory(view, info, bi, false);
	} else if (flags & FLAG_MEM) {
		boot_range_add(bi, 0, KIB(field(info, INFO_MEM_LOWER)));
		boot_range_add(bi, MIB(1), KIB(field(info, INFO_MEM_UPPER)));
	}
}

static void read_modules(const struct boot_view *view, const uint8_t *info,
			 struct boot_info *bi)
{
	uint32_t count = field(info, INFO_MODS_COUNT);
	uint64_t pa = field(info, INFO_MODS_ADDR);

	for (uint32_t i = 0; i < count; i++, pa += MODULE_BYTES) {
		const uint8_t *m = boot_at(view, pa, MODULE_BYTES);
		const char *s;
		size_t max;

		if (!m || i == BOOT_MODULE_MAX) {
			bi->module_dropped += count - i;
			return;
		}
		s = boot_string_at(view, boot_u32(m + 8), &max);
		boot_add_module(bi, boot_u32(m), boot_u32(m + 4), s, max);
	}
}

static void read_framebuffer(const uint8_t *info, uint32_t flags, struct boot_info *bi)
{
	const uint8_t *colour = info + INFO_FB_COLOUR;

	bi->vga_text = !(flags & FLAG_FB) || info[INFO_FB_TYPE] == 2;
	if (!(flags & FLAG_FB) || info[INFO_FB_TYPE] != 1)
		return;
	bi->fb = (struct boot_framebuffer){
		.base = boot_u64(info + INFO_FB_ADDR),
		.pitch = field(info, INFO_FB_PITCH),
		.width = field(info, INFO_FB_WIDTH),
		.height = field(info, INFO_FB_HEIGHT),
		.bpp = info[INFO_FB_BPP],
		.red_pos = colour[0], .green_pos = colour[2], .blue_pos = colour[4],
	};
}

int multiboot1_parse(const struct boot_view *view, uint32_t pa, struct boot_info *bi)
{
	const uint8_t *info = boot_at(view, pa, INFO_BYTES);
	uint32_t flags;
	const char *s;
	size_t max;

	if (!info)
		return AMBIT_EINVAL;
	flags = field(info, INFO_FLAGS);
	if (flags & FLAG_CMDLINE) {
		s = boot_string_at(view, field(info, INFO_CMDLINE), &max);
		boot_set_cmdline(bi, s, max);
	}
	if (flags & FLAG_LOADER) {
		s = boot_string_at(view, field(info, INFO_LOADER), &max);
		boot_copy(bi, bi->loader, sizeof(bi->loader), s, max);
	}
	read_memory(view, info, flags, bi);
	if (flags & FLAG_MODS)
		read_modules(view, info, bi);
	read_framebuffer(info, flags, bi);
	return AMBIT_OK;
}
