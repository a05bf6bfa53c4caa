/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's memory map and its list of modules, copied and then spoilt. */
#include "tests/badboot/badboot.h"

#define TYPE_RAM	1
#define TYPE_RESERVED	2
#define MAP_MAX		8192u
#define MODULES_MAX	256u
#define GIB		(1u << 30)
#define MIB		(1u << 20)
#define NOWHERE		0xfffff000u	/* ROM, and the end of 32 bits */

struct entry {
	uint32_t size;			/* of what follows */
	uint64_t base, bytes;
	uint32_t type;
} __attribute__((packed));

static struct entry map[MAP_MAX];
static struct module modules[MODULES_MAX];

static uint32_t map_count(void)
{
	return info.mmap_length / sizeof(map[0]);
}

static void map_add(uint64_t base, uint64_t bytes, uint32_t type)
{
	uint32_t n = map_count();

	if (n == MAP_MAX)
		stop("the map is full");
	map[n] = (struct entry){ sizeof(map[0]) - sizeof(map[0].size), base, bytes, type };
	info.mmap_length += sizeof(map[0]);
}

static void module_add(uint32_t start, uint32_t end, const char *name)
{
	if (info.mods_count == MODULES_MAX)
		stop("the list of modules is full");
	modules[info.mods_count++] = (struct module){ start, end, (uint32_t)name, 0 };
}

void memory_begin(void)
{
	const char *from = (const char *)info.mmap_addr, *end = from + info.mmap_length;

	info.mmap_addr = (uint32_t)map;
	info.mmap_length = 0;
	while (from < end) {
		const struct entry *e = (const struct entry *)from;

		map_add(e->base, e->bytes, e->type);
		from += e->size + sizeof(e->size);
	}
	map_add((uint32_t)badboot_start, (uint32_t)(badboot_end - badboot_start),
		TYPE_RESERVED);
	if (--info.mods_count > MODULES_MAX)
		stop("too many modules");
	copy(modules, (const struct module *)info.mods_addr + 1,
	     info.mods_count * sizeof(modules[0]));
	info.mods_addr = (uint32_t)modules;
}

/* --- the map ----------------------------------------------------------------- */

void map_none(const char *arg)
{
	(void)arg;
	info.flags &= ~(FLAG_MMAP | FLAG_MEM);
}

void map_empty(const char *arg)
{
	(void)arg;
	info.mmap_length = 0;
}

/* The two sizes that old loaders give. */
void map_sizes(const char *arg)
{
	(void)arg;
	info.flags &= ~FLAG_MMAP;
}

void map_nowhere(const char *arg)
{
	(void)arg;
	info.mmap_addr = NOWHERE;
	info.mmap_length = 0xffffffff;
}

/* What is true, and over it what is twice, empty, not on pages, or wraps; a piece
 * that is claimed; an entry that is too short ends it. */
void map_odd(const char *arg)
{
	(void)arg;
	for (uint32_t i = 0, n = map_count(); i < n; i++)
		map_add(map[i].base, map[i].bytes, map[i].type);
	map_add(MIB, 0, TYPE_RAM);
	map_add(7 * MIB + 1, 3, TYPE_RAM);
	map_add(UINT64_MAX - 4095, 8192, TYPE_RESERVED);
	map_add(100 * (uint64_t)MIB + 5, 4097, TYPE_RESERVED);
	map_add(0, 0, TYPE_RESERVED);
	map_add(0, UINT64_MAX, TYPE_RAM);
	map[map_count() - 1].size = 19;
}

/* Every other page claimed, from 64 MiB on: more ranges than anyone keeps. */
void map_many(const char *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 4000; i++)
		map_add(64 * MIB + i * 8192, 4096, TYPE_RESERVED);
}

/* No RAM below 1 GiB. */
void map_high(const char *arg)
{
	(void)arg;
	map_add(0, GIB, TYPE_RESERVED);
}

/* --- modules -------------------------------------------------------------------- */

/* Each to an odd address of its own, from 48 MiB on. */
void modules_move(const char *arg)
{
	uint32_t to = 48 * MIB + 1;

	(void)arg;
	for (uint32_t i = 0; i < info.mods_count; i++) {
		uint32_t bytes = modules[i].end - modules[i].start;

		copy((void *)to, (const void *)modules[i].start, bytes);
		modules[i].start = to;
		modules[i].end = to + bytes;
		to += bytes + 2;
	}
}

/* Where no module can be, with names of their own; then one as large as memory. */
void modules_bad(const char *arg)
{
	(void)arg;
	module_add(2 * MIB, 2 * MIB + 4096, "over-hypervisor");
	module_add(modules[0].start, modules[0].end, "over-another");
	module_add(modules[0].end - 1, modules[0].end + 1, "over-one-byte");
	module_add(0xa0000, 0xb0000, "in-video-memory");
	module_add(NOWHERE, 0xffffffff, "at-4g");
	module_add(NOWHERE, 4096, "around-4g");
	module_add(8 * MIB, 8 * MIB - 1, "backwards");
	module_add(0, 0xffffffff, "everywhere");
	module_add(9 * MIB, 9 * MIB, "empty");
	module_add(9 * MIB, 9 * MIB + 1, "one-byte");
	module_add(0x8000, 0x9000, "at-start-up-code");
}

void modules_many(const char *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 100; i++)
		module_add(8 * MIB + i, 8 * MIB + i + 1, (i & 1) ? "odd" : "even");
}

void modules_nowhere(const char *arg)
{
	(void)arg;
	info.mods_addr = NOWHERE;
	info.mods_count = 0xffffffff;
}
