/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 2 information (Multiboot2 Specification 2.0, Boot information
 * format): a list of tags, each with type and size, on eight-byte boundaries.
 */
#include "boot/boot.h"
#include "hv/abi/errno.h"

enum {
	TAG_END = 0, TAG_CMDLINE = 1, TAG_LOADER = 2, TAG_MODULE = 3, TAG_MEM = 4,
	TAG_MMAP = 6, TAG_FB = 8, TAG_RSDP_OLD = 14, TAG_RSDP_NEW = 15,
};

#define MMAP_RAM	1
#define INFO_BYTES_MAX	(1u << 20)

struct list {
	const uint8_t *p;	/* all of the information */
	uint64_t pa;		/* where it lies */
	uint32_t bytes, next;	/* offset of the next tag */
};

struct tag {
	uint32_t type, size;	/* size of all of it */
	uint64_t pa;
	const uint8_t *p;
};

/* The next tag of the list; false at the end or at a bad tag. */
static bool next_tag(struct list *l, struct tag *t)
{
	uint32_t left = l->bytes - l->next;

	if (left < 8)
		return false;
	t->p = l->p + l->next;
	t->pa = l->pa + l->next;
	t->type = boot_u32(t->p);
	t->size = boot_u32(t->p + 4);
	if (t->type == TAG_END || t->size < 8 || t->size > left)
		return false;
	l->next += MIN(ALIGN_UP(t->size, 8), left);
	return true;
}

/* One pass over the map: RAM is added, or everything else is cut. */
static void walk_memory(const struct tag *t, struct boot_info *bi, bool ram)
{
	uint32_t step, offset;

	if (t->size < 16)
		return;
	step = boot_u32(t->p + 8);
	if (step < 24)
		return;
	for (offset = 16; t->size - offset >= step; offset += step) {
		const uint8_t *e = t->p + offset;

		if ((boot_u32(e + 16) == MMAP_RAM) != ram)
			continue;
		if (ram)
			boot_range_add(bi, boot_u64(e), boot_u64(e + 8));
		else
			boot_range_cut(bi, boot_u64(e), boot_u64(e + 8));
	}
}

static void read_framebuffer(const struct tag *t, struct boot_info *bi)
{
	uint8_t type;

	if (t->size < 32)
		return;
	type = t->p[29];
	bi->vga_text = type == 2;
	if (type != 1 || t->size < 38)
		return;
	bi->fb = (struct boot_framebuffer){
		.base = boot_u64(t->p + 8),
		.pitch = boot_u32(t->p + 16),
		.width = boot_u32(t->p + 20),
		.height = boot_u32(t->p + 24),
		.bpp = t->p[28],
		.red_pos = t->p[32], .green_pos = t->p[34], .blue_pos = t->p[36],
	};
}

/* Tags that stand on their own. */
static void read_tag(const struct tag *t, struct boot_info *bi)
{
	const char *s = (const char *)t->p + 8;
	size_t max = t->size - 8;

	switch (t->type) {
	case TAG_CMDLINE:
		boot_set_cmdline(bi, s, max);
		break;
	case TAG_LOADER:
		boot_copy(bi, bi->loader, sizeof(bi->loader), s, max);
		break;
	case TAG_MEM:
		if (t->size >= 16 && !bi->range_count) {
			boot_range_add(bi, 0, KIB(boot_u32(t->p + 8)));
			boot_range_add(bi, MIB(1), KIB(boot_u32(t->p + 12)));
		}
		break;
	case TAG_FB:
		read_framebuffer(t, bi);
		break;
	case TAG_RSDP_NEW:
		if (t->size >= 8 + 36)
			bi->rsdp = t->pa + 8;	/* a copy, as good as the original */
		break;
	case TAG_RSDP_OLD:
		if (!bi->rsdp && t->size >= 8 + 20)
			bi->rsdp = t->pa + 8;
		break;
	default:
		break;
	}
}

enum pass { PASS_RAM, PASS_CUT, PASS_REST, PASS_MODULES };

/* The order of tags is the loader's; ours is map, then all that relies on it. */
static void walk_tags(struct list l, enum pass pass, struct boot_info *bi)
{
	struct tag t;

	while (next_tag(&l, &t)) {
		if (pass == PASS_RAM || pass == PASS_CUT) {
			if (t.type == TAG_MMAP)
				walk_memory(&t, bi, pass == PASS_RAM);
		} else if (pass == PASS_REST) {
			read_tag(&t, bi);
		} else if (t.type == TAG_MODULE && t.size >= 16) {
			boot_add_module(bi, boot_u32(t.p + 8), boot_u32(t.p + 12),
					(const char *)t.p + 16, t.size - 16);
		}
	}
}

int multiboot2_parse(const struct boot_view *view, uint32_t pa, struct boot_info *bi)
{
	const uint8_t *head = boot_at(view, pa, 8);
	struct list l = { .pa = pa, .next = 8 };

	if (!head)
		return AMBIT_EINVAL;
	l.bytes = boot_u32(head);
	if (l.bytes < 8 || l.bytes > INFO_BYTES_MAX)
		return AMBIT_EINVAL;
	l.p = boot_at(view, pa, l.bytes);
	if (!l.p)
		return AMBIT_EINVAL;
	for (enum pass pass = PASS_RAM; pass <= PASS_MODULES; pass++)
		walk_tags(l, pass, bi);
	return AMBIT_OK;
}
