/* SPDX-License-Identifier: BSD-2-Clause */
/* Both multiboot parsers: what loaders really hand over, then nonsense. */
/* LINK: boot/multiboot1.c boot/multiboot2.c boot/boot_string.c boot/boot_range.c */
#include <stdlib.h>

#include "boot/boot.h"
#include "hv/abi/errno.h"
#include "tests/unit/tap.h"

#define MEMORY	0x40000		/* physical memory of the test machine */
#define INFO	0x1000
#define MAP	0x2000
#define MODULES	0x3000
#define STRINGS	0x4000

static uint8_t *memory;
static struct boot_info bi;
static uint32_t string_next;

static void put32(uint32_t pa, uint32_t v)
{
	memcpy(memory + pa, &v, sizeof(v));
}

static void put64(uint32_t pa, uint64_t v)
{
	memcpy(memory + pa, &v, sizeof(v));
}

static uint32_t put_string(const char *s)
{
	uint32_t pa = string_next;

	memcpy(memory + pa, s, strlen(s) + 1);
	string_next += (uint32_t)strlen(s) + 1;
	return pa;
}

static void reset(void)
{
	memset(memory, 0, MEMORY);
	memset(&bi, 0, sizeof(bi));
	bi.hv_base = 0x200000;
	bi.hv_end = 0x240000;
	string_next = STRINGS;
}

static int parse(int version, uint32_t info)
{
	const struct boot_view view = { memory, MEMORY, NULL };

	return version == 1 ? multiboot1_parse(&view, info, &bi) :
			      multiboot2_parse(&view, info, &bi);
}

/* --- multiboot 1 ------------------------------------------------------------- */

static uint32_t map_entry1(uint32_t pa, uint64_t base, uint64_t size, uint32_t type)
{
	put32(pa, 20);
	put64(pa + 4, base);
	put64(pa + 12, size);
	put32(pa + 20, type);
	return pa + 24;
}

static void module1(uint32_t i, uint32_t base, uint32_t end, const char *s)
{
	put32(MODULES + 16 * i, base);
	put32(MODULES + 16 * i + 4, end);
	put32(MODULES + 16 * i + 8, put_string(s));
	put32(INFO + 20, i + 1);
	put32(INFO + 24, MODULES);
}

/* As `qemu -kernel` does it: file names first, reserved entries, 1 GiB. */
static void build1(const char *cmdline)
{
	uint32_t pa = MAP;

	reset();
	put32(INFO, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	put32(INFO + 4, 639);
	put32(INFO + 8, 100 * 1024);
	put32(INFO + 16, put_string(cmdline));
	put32(INFO + 64, put_string("test loader"));
	pa = map_entry1(pa, 0, 0x9fc00, 1);
	pa = map_entry1(pa, 0x9fc00, 0x400, 2);
	pa = map_entry1(pa, 0xf0000, 0x10000, 2);
	pa = map_entry1(pa, 0x100000, 0x3ff00000, 1);
	pa = map_entry1(pa, 0x3ffe0000, 0x20000, 3);
	put32(INFO + 44, pa - MAP);
	put32(INFO + 48, MAP);
	module1(0, 0x300000, 0x300123, "dir/mod1.bin name=x y=1");
	module1(1, 0x400000, 0x400000, "empty");
}

static void test_good1(void)
{
	build1("build/ambit32.elf poweroff=halt  log=1");
	ok(parse(1, INFO) == 0, "mb1: good information is taken");
	ok(!strcmp(bi.cmdline, "poweroff=halt  log=1"), "mb1: file name cut off");
	ok(!strcmp(bi.loader, "test loader"), "mb1: loader's name");
	ok_eq(bi.range_count, 2, "mb1: two ranges of RAM");
	ok(bi.range[0].base == 0 && bi.range[0].size == 0x9f000, "mb1: low RAM, whole pages");
	ok(bi.range[1].base == 0x100000 && bi.range[1].size == 0x3fee0000,
	   "mb1: what is reserved is cut");
	ok_eq(bi.module_count, 2, "mb1: two modules");
	ok(!strcmp(bi.module[0].name, "mod1.bin"),
	   "mb1: a module's name without path and arguments");
	ok(bi.module[0].base == 0x300000 && bi.module[0].size == 0x123, "mb1: module bounds");
	ok(bi.module[1].size == 0, "mb1: an empty module");
	ok(bi.vga_text && !bi.fb.base && !bi.truncated, "mb1: text mode");
}

static void test_cmdlines(void)
{
	static const struct { const char *in, *out; } t[] = {
		{ "", "" }, { "  ", "" }, { "k.elf", "" }, { "k.elf a=b", "a=b" },
		{ "/boot/k a=b", "a=b" }, { "a=b c=d", "a=b c=d" }, { "log=/x y=1", "log=/x y=1" },
		{ "dir.elf/x  y", "y" }, { "verbose", "verbose" }, { ".elf", "" },
		{ "image=a.elf", "image=a.elf" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		reset();
		boot_set_cmdline(&bi, t[i].in, strlen(t[i].in));
		if (!ok(!strcmp(bi.cmdline, t[i].out), "command line \"%s\"", t[i].in))
			printf("# got \"%s\"\n", bi.cmdline);
	}
}

static void test_limits1(void)
{
	char text[400];

	build1("x");
	put32(INFO, 1);
	ok(parse(1, INFO) == 0 && bi.range_count == 2 && bi.range[1].size == 100 << 20,
	   "mb1: without a map, lower and upper memory");
	build1("x");
	put32(INFO, 0);
	ok(parse(1, INFO) == 0 && !bi.range_count && !bi.module_count, "mb1: nothing at all");
	ok(parse(1, MEMORY - 50) == AMBIT_EINVAL, "mb1: information beyond memory");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	build1(text);
	ok(parse(1, INFO) == 0 && bi.truncated && strlen(bi.cmdline) == BOOT_STRING_MAX - 1,
	   "mb1: a long command line is cut and marked");
	build1("x");
	put32(INFO + 16, MEMORY - 4);
	memset(memory + MEMORY - 4, 'z', 4);
	ok(parse(1, INFO) == 0 && !strcmp(bi.cmdline, "zzzz"),
	   "mb1: a string that runs out of memory ends there");
	build1("x");
	put32(INFO + 44, 0xffffffff);
	ok(parse(1, INFO) == 0 && bi.range_count, "mb1: a map longer than memory");
	build1("x");
	put32(MAP + 24, 3);
	ok(parse(1, INFO) == 0 && bi.range_count == 1, "mb1: an entry too small ends the map");
	build1("x");
	put32(INFO + 20, 0xffffffff);
	put32(INFO + 24, MEMORY - 40);
	ok(parse(1, INFO) == 0 && bi.module_dropped == 0xffffffff - 2,
	   "mb1: module list leaves memory");
	build1("x");
	put32(INFO, 1 << 12);
	put64(INFO + 88, 0xe0000000);
	put32(INFO + 100, 1024);
	memory[INFO + 108] = 32;
	memory[INFO + 109] = 1;
	memory[INFO + 110] = 16;
	ok(parse(1, INFO) == 0 && bi.fb.base == 0xe0000000 && bi.fb.width == 1024 &&
	   bi.fb.red_pos == 16 && !bi.vga_text, "mb1: a framebuffer");
}

static bool refused(uint32_t i, const char *name, const char *why)
{
	return !strcmp(bi.refused[i].name, name) && !strcmp(bi.refused[i].why, why);
}

/* A new one for each module. */
static const char *name_of(uint32_t i)
{
	static char name[16];

	snprintf(name, sizeof(name), "n%u", i);
	return name;
}

static void test_modules(void)
{
	build1("x");
	module1(2, 0x230000, 0x250000, "over-image");
	module1(3, 0x300000, 0x300001, "over-module");
	module1(4, 0x500000, 0x4fffff, "backwards");
	module1(5, 0x3ffe0000, 0x3ffe1000, "reserved");
	module1(6, 0xf0000000, 0xf0001000, "no-memory");
	module1(7, 0x600000, 0x700000, "fine");
	module1(8, 0x700000, 0x800000, "other/fine");
	ok(parse(1, INFO) == 0 && bi.module_refused == 6, "six bad modules refused");
	ok(bi.module_count == 3 && !strcmp(bi.module[2].name, "fine"), "the good one is taken");
	ok(refused(0, "over-image", "it overlaps the hypervisor"), "over the image: said so");
	ok(refused(1, "over-module", "it overlaps a module before it"), "over another: said so");
	ok(refused(2, "backwards", "it ends before it begins"), "backwards: said so");
	ok(refused(3, "reserved", "it does not lie in RAM"), "in reserved memory: said so");
	ok(refused(4, "no-memory", "it does not lie in RAM"), "in no memory: said so");
	ok(refused(5, "fine", "a module before it has its name"), "of one name: said so");
	build1("x");
	for (uint32_t i = 0; i < BOOT_REFUSED_MAX + 3; i++)
		module1(i, 0x200000, 0x200001, "m");
	ok(parse(1, INFO) == 0 && bi.module_refused == BOOT_REFUSED_MAX + 3,
	   "more bad modules than are kept are counted");
	build1("x");
	for (uint32_t i = 0; i < BOOT_MODULE_MAX + 3; i++)
		module1(i, 0x300000 + i * 0x1000, 0x300000 + i * 0x1000 + 1, name_of(i));
	ok(parse(1, INFO) == 0 && bi.module_count == BOOT_MODULE_MAX && bi.module_dropped == 3,
	   "modules beyond the limit are counted");
}

/* --- multiboot 2 ---------------------------------------------------------------- */

static uint32_t tag_next;

static uint32_t tag2(uint32_t type, uint32_t size)
{
	uint32_t pa = tag_next;

	put32(pa, type);
	put32(pa + 4, size);
	tag_next = ALIGN_UP(pa + size, 8u);
	put32(INFO, tag_next - INFO);
	return pa;
}

static void string2(uint32_t type, const char *s)
{
	uint32_t pa = tag2(type, 8 + (uint32_t)strlen(s) + 1);

	memcpy(memory + pa + 8, s, strlen(s) + 1);
}

static void module2(uint32_t base, uint32_t end, const char *s)
{
	uint32_t pa = tag2(3, 16 + (uint32_t)strlen(s) + 1);

	put32(pa + 8, base);
	put32(pa + 12, end);
	memcpy(memory + pa + 16, s, strlen(s) + 1);
}

static void build2(void)
{
	static const uint64_t map[][3] = {
		{ 0x100000, 0x700000, 1 }, { 0x800000, 0x100000, 4 },
		{ 0x900000, 0x700000, 1 }, { 0, 0xa0000, 1 }, { 0x100000000, 0x40000000, 1 },
	};
	uint32_t pa;

	reset();
	tag_next = INFO + 8;
	module2(0x300000, 0x300010, "m1 a=1");		/* before the map */
	string2(1, "log=1");
	string2(2, "GRUB");
	pa = tag2(6, 16 + 24 * ARRAY_SIZE(map));
	put32(pa + 8, 24);
	for (uint32_t i = 0; i < ARRAY_SIZE(map); i++) {
		put64(pa + 16 + 24 * i, map[i][0]);
		put64(pa + 24 + 24 * i, map[i][1]);
		put32(pa + 32 + 24 * i, (uint32_t)map[i][2]);
	}
	tag2(14, 8 + 20);
	pa = tag2(15, 8 + 36);
	bi.rsdp = 0;
	put32(STRINGS, pa + 8);				/* where the test looks for it */
	pa = tag2(8, 38);
	put64(pa + 8, 0xc0000000);
	put32(pa + 16, 4096);
	put32(pa + 20, 1024);
	put32(pa + 24, 768);
	memory[pa + 28] = 32;
	memory[pa + 29] = 1;
	memory[pa + 32] = 16;
	memory[pa + 34] = 8;
	tag2(0, 8);
}

static void test_good2(void)
{
	build2();
	ok(parse(2, INFO) == 0, "mb2: good information is taken");
	ok(!strcmp(bi.cmdline, "log=1") && !strcmp(bi.loader, "GRUB"), "mb2: strings");
	ok(bi.range_count == 4 && bi.range[0].base == 0 && bi.range[1].base == 0x100000 &&
	   bi.range[2].base == 0x900000 && bi.range[3].base == 0x100000000,
	   "mb2: ranges are sorted");
	ok(bi.module_count == 1 && !strcmp(bi.module[0].name, "m1"),
	   "mb2: a module tag before the map");
	ok_eq(bi.rsdp, boot_u32(memory + STRINGS), "mb2: the newer RSDP wins");
	ok(bi.fb.base == 0xc0000000 && bi.fb.pitch == 4096 && bi.fb.height == 768 &&
	   bi.fb.bpp == 32 && bi.fb.green_pos == 8, "mb2: framebuffer");
}

static void test_bad2(void)
{
	build2();
	put32(INFO, 4);
	ok(parse(2, INFO) == AMBIT_EINVAL, "mb2: total size too small");
	build2();
	put32(INFO, MEMORY);
	ok(parse(2, INFO) == AMBIT_EINVAL, "mb2: total size beyond memory");
	ok(parse(2, MEMORY) == AMBIT_EINVAL, "mb2: nothing there at all");
	build2();
	put32(INFO + 8 + 4, 0);
	ok(parse(2, INFO) == 0 && !bi.range_count, "mb2: a tag of size 0 ends the list");
	build2();
	put32(INFO + 8 + 4, 0x7fffffff);
	ok(parse(2, INFO) == 0 && !bi.range_count, "mb2: a tag that overruns ends the list");
	reset();
	tag_next = INFO + 8;
	tag2(6, 16);
	put32(INFO + 8 + 8, 0);
	ok(parse(2, INFO) == 0 && !bi.range_count, "mb2: map entries of size 0");
	reset();
	tag_next = INFO + 8;
	put32(tag2(4, 16) + 12, 4096);
	ok(parse(2, INFO) == 0 && bi.range_count == 1 && bi.range[0].size == 4 << 20,
	   "mb2: without a map, upper memory");
	reset();
	tag_next = INFO + 8;
	tag2(15, 20);
	tag2(8, 24);
	tag2(3, 12);
	ok(parse(2, INFO) == 0 && !bi.rsdp && !bi.fb.base && !bi.module_count,
	   "mb2: tags too short for their type");
}

static void test_modules2(void)
{
	build2();
	tag_next -= 8;					/* the end comes later */
	for (uint32_t i = 0; i < BOOT_MODULE_MAX + 2; i++)
		module2(0x400000 + i * 0x1000, 0x400001 + i * 0x1000, name_of(i));
	tag2(0, 8);
	ok(parse(2, INFO) == 0 && bi.module_count == BOOT_MODULE_MAX && bi.module_dropped == 3,
	   "mb2: modules beyond the limit are counted");
}

/* --- ranges ------------------------------------------------------------------------- */

static bool sound(void)
{
	for (uint32_t i = 0; i < bi.range_count; i++) {
		const struct boot_range *r = &bi.range[i];

		if (!r->size || (r->base | r->size) & PAGE_MASK)
			return false;
		if (i && r->base <= r[-1].base + r[-1].size)
			return false;
	}
	return bi.range_count <= BOOT_MEMMAP_MAX;
}

static void test_ranges(void)
{
	reset();
	boot_range_add(&bi, 0x10000, 0x1000);
	boot_range_add(&bi, 0x12000, 0x1000);
	boot_range_add(&bi, 0x11000, 0x1000);
	ok(bi.range_count == 1 && bi.range[0].size == 0x3000, "ranges that touch are joined");
	boot_range_cut(&bi, 0x10800, 1);
	ok(bi.range_count == 1 && bi.range[0].base == 0x11000, "a cut takes whole pages");
	boot_range_cut(&bi, 0x12000, 0);
	ok(bi.range[0].size == 0x2000, "an empty cut takes nothing");
	boot_range_add(&bi, (1ull << 44) - 0x1000, 0x1000);
	ok(bi.range_count == 2 && !bi.truncated, "the last frame that 32 bits can number");
	boot_range_add(&bi, (1ull << 44) - 0x1000, 0x2000);
	ok(bi.range_count == 2 && bi.range[1].size == 0x1000 && bi.truncated,
	   "no frame behind it, which is told");
	boot_range_add(&bi, UINT64_MAX - 100, 1000);
	boot_range_add(&bi, 0x20000, UINT64_MAX);
	ok(bi.range_count == 2 && sound(), "sizes that wrap are cut at the top");
	boot_range_cut(&bi, 0, UINT64_MAX);
	ok(bi.range_count == 0, "cut all");
	boot_range_add(&bi, 0x800, 0x900);
	ok(bi.range_count == 0, "less than a page is nothing");
	for (uint64_t i = 0; i < BOOT_MEMMAP_MAX + 5; i++)
		boot_range_add(&bi, i * 0x4000, 0x1000);
	ok(bi.range_count == BOOT_MEMMAP_MAX && bi.truncated && sound(), "too many ranges");
}

/* --- noise ----------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252ull;

static uint32_t noise(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % limit;
}

/* Good information with some words changed: no fault, and sound results. */
static void test_noise(void)
{
	static const uint32_t words[] = { 0, 1, 7, 8, 0x7fffffff, 0xffffffff, 0xfffffff8, MEMORY };
	bool good = true;

	for (uint32_t n = 0; n < 20000; n++) {
		int version = 1 + (int)(n & 1);

		if (version == 1)
			build1("k.elf a=b");
		else
			build2();
		for (uint32_t i = noise(6) + 1; i; i--) {
			uint32_t pa = INFO + noise(version == 1 ? 0x80 : 0x180);

			if (version == 1 && noise(3) == 0)
				pa = (noise(2) ? MAP : MODULES) + noise(0x60);
			if (noise(2))
				put32(pa & ~3u, words[noise(ARRAY_SIZE(words))]);
			else
				memory[pa] = (uint8_t)noise(256);
		}
		(void)!parse(version, INFO);
		good &= sound() && bi.module_count <= BOOT_MODULE_MAX;
		for (uint32_t i = 0; i < bi.module_count; i++)
			good &= !bi.module[i].size || boot_range_holds(&bi, bi.module[i].base,
					bi.module[i].base + bi.module[i].size);
	}
	ok(good, "20000 damaged informations: no fault, sound results");
}

int main(void)
{
	memory = malloc(MEMORY);
	test_good1();
	test_cmdlines();
	test_limits1();
	test_modules();
	test_good2();
	test_bad2();
	test_modules2();
	test_ranges();
	test_noise();
	free(memory);
	return done_testing();
}
