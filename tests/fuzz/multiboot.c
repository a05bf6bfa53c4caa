/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Information of a loader: the input is the machine's low memory, but for its
 * first two bytes, which say the version and where the information lies. Beyond
 * what is mapped there are views of a few more bytes, made to measure.
 */
/* LINK: boot/multiboot1.c boot/multiboot2.c boot/boot_string.c boot/boot_range.c */
/* RUNS: 20000 */
#include "boot/boot.h"
#include "hv/abi/errno.h"
#include "tests/fuzz/fuzz.h"

#define BEYOND		0x100000	/* the views, and how much they show */
#define BEYOND_BYTES	0x2000
#define PA_MAX		(1ull << 46)
#define HV_BASE		0x200000
#define HV_END		0x240000

static void *views[2 * BOOT_MODULE_MAX + 4096 * 2 + 8];
static size_t view_count;

static const void *map_beyond(uint64_t pa, uint64_t bytes)
{
	uint8_t *p;

	if (pa < BEYOND || bytes > BEYOND_BYTES || pa - BEYOND > BEYOND_BYTES - bytes)
		return NULL;
	must(view_count < ARRAY_SIZE(views), "more views than entries are looked at");
	p = malloc(bytes);
	for (uint64_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(pa + i);
	views[view_count++] = p;
	return p;
}

static bool ends(const char *s, size_t max)
{
	return strnlen(s, max) < max;
}

static void ranges_sound(const struct boot_info *bi)
{
	uint64_t at = 0;

	must(bi->range_count <= BOOT_MEMMAP_MAX);
	for (uint32_t i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->range[i];

		must(r->size && !(r->base % PAGE_SIZE) && !(r->size % PAGE_SIZE));
		must(r->base >= at && r->base < PA_MAX && r->size <= PA_MAX - r->base);
		at = r->base + r->size;
	}
}

static bool in_ram(const struct boot_info *bi, const struct boot_module *m)
{
	for (uint32_t i = 0; i < bi->range_count; i++)
		if (m->base >= bi->range[i].base &&
		    m->base + m->size <= bi->range[i].base + bi->range[i].size)
			return true;
	return false;
}

static void modules_sound(const struct boot_info *bi)
{
	must(bi->module_count <= BOOT_MODULE_MAX);
	for (uint32_t i = 0; i < bi->module_count; i++) {
		const struct boot_module *m = &bi->module[i];

		must(ends(m->name, sizeof(m->name)) && !strchr(m->name, '/'));
		must(m->base + m->size >= m->base);
		if (!m->size)
			continue;
		must(in_ram(bi, m), "module at 0x%lx", m->base);
		must(m->base >= HV_END || m->base + m->size <= HV_BASE);
		for (uint32_t j = 0; j < i; j++) {
			const struct boot_module *o = &bi->module[j];

			must(m->base >= o->base + o->size || o->base >= m->base + m->size);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_info bi = { .hv_base = HV_BASE, .hv_end = HV_END };
	struct fuzz_input in = { data, size };
	uint8_t how = (uint8_t)fuzz_take(&in, 1), page = (uint8_t)fuzz_take(&in, 1);
	uint32_t info = how & 2 ? BEYOND : page * 16u;
	uint8_t *memory = fuzz_copy(in.p, in.left);
	const struct boot_view view = { memory, in.left, how & 4 ? map_beyond : NULL };
	int ret = how & 1 ? multiboot1_parse(&view, info, &bi) :
			    multiboot2_parse(&view, info, &bi);

	must(ret == 0 || ret == AMBIT_EINVAL);
	must(ends(bi.cmdline, sizeof(bi.cmdline)) && ends(bi.loader, sizeof(bi.loader)));
	must(bi.hv_base == HV_BASE && bi.hv_end == HV_END);
	ranges_sound(&bi);
	modules_sound(&bi);
	while (view_count)
		free(views[--view_count]);
	free(memory);
	return 0;
}
