/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PVH kernel finds at its start, read as a guest would read it. */
/* LINK: hv/vm_start_info.c hv/guest_mem.c */
#include "hv/vm_start_info.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "hv/abi/errno.h"
#include "hv/abi/pvh.h"
#include "hv/guest_mem.h"
#include "hv/vm_table.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define LOW	MIB(8)

static struct boot_module module[MANIFEST_VM_MODULE_MAX] = {
	{ 0, 5000, "disk" }, { 0, 4096, "initrd" },
	{ 0, 0, "empty" }, { 0, MIB(3) + 1, "1234567890123456789012345678901" },
};
static struct manifest_vm config;
static hpa_t ram[LOW / MIB(2) + 4];
static struct vm vm;

const struct boot_module *vm_module(struct manifest_str name)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(module); i++)
		if (strlen(module[i].name) == name.len &&
		    !memcmp(module[i].name, name.p, name.len))
			return &module[i];
	return NULL;
}

/* A VM with so much RAM above 4 GiB and so many modules. */
static void machine(uint64_t high, uint32_t modules, struct manifest_str cmdline)
{
	fake_ram_create(MIB(64));
	config = (struct manifest_vm){ .cmdline = cmdline, .module_count = modules };
	for (uint32_t i = 0; i < modules; i++)
		config.module[i] = (struct manifest_str){
			module[i].name, (uint32_t)strlen(module[i].name)
		};
	vm = (struct vm){ .config = &config, .ram = ram, .ram_low = LOW, .ram_high = high };
	for (uint32_t i = 0; i < ARRAY_SIZE(ram); i++)
		ram[i] = hpa(MIB(4) * (i + 1));
}

static struct manifest_str text(const char *s)
{
	return (struct manifest_str){ s, (uint32_t)strlen(s) };
}

/* n bytes of guest memory; the test ends if they are not RAM. */
static const void *at(uint64_t where, uint64_t n)
{
	static char buf[4][16384];
	static uint32_t turn;
	char *b = buf[turn++ % 4];

	if (guest_read(&vm, gpa(where), b, n)) {
		printf("Bail out! %#lx is not RAM\n", where);
		exit(1);
	}
	return b;
}

static struct pvh_start_info start_info(void)
{
	struct pvh_start_info info;

	memcpy(&info, at(vm_start_info_base(&vm), sizeof(info)), sizeof(info));
	return info;
}

/* A string in the block: its length, or -1 if it does not end in there. */
static int64_t string_is(uint64_t where, const char *s, size_t n)
{
	const char *got;

	if (where < LOW - START_INFO_SIZE || where + n + 1 > LOW)
		return -1;
	got = at(where, n + 1);
	return got[n] || memcmp(got, s, n) ? -1 : (int64_t)n;
}

static void test_memmap(uint64_t high)
{
	const struct pvh_memmap *map;
	struct pvh_start_info info;

	machine(high, 0, text("console=tty"));
	ok_eq(vm_start_info_write(&vm), 0, "%lu MiB above 4 GiB", high >> 20);
	info = start_info();
	ok_eq(info.magic, 0x336ec578, "the magic number");
	ok_eq(info.version, 1, "the version that has a map");
	ok_eq(info.flags | info.rsdp | info.reserved, 0, "no flags, no ACPI");
	ok(!info.module_count && !info.modules, "no modules");
	ok_eq(string_is(info.cmdline, "console=tty", 11), 11, "the command line");
	ok_eq(info.memmap_count, high ? 3 : 2, "the map's entries");
	map = at(info.memmap, 3 * sizeof(*map));
	ok(!map[0].base && map[0].type == 1, "RAM from 0");
	ok(map[0].size == LOW - START_INFO_SIZE && map[1].base == map[0].size,
	   "up to the block");
	ok(map[1].type == 2 && map[1].base + map[1].size == LOW,
	   "which is reserved, and ends low RAM");
	ok(map[1].base <= info.memmap && info.memmap + 3 * sizeof(*map) <= LOW &&
	   map[1].base == vm_start_info_base(&vm), "everything lies in it");
	if (high)
		ok(map[2].base == GIB(4) && map[2].size == high && map[2].type == 1,
		   "RAM from 4 GiB on");
	ok_eq(vm_lowest_module(&vm), map[1].base, "no modules: free up to the block");
}

static void test_modules(void)
{
	uint64_t end = LOW - START_INFO_SIZE;
	const struct pvh_module *list;
	struct pvh_start_info info;

	machine(0, MANIFEST_VM_MODULE_MAX, text(""));
	ok_eq(vm_start_info_write(&vm), 0, "four modules");
	info = start_info();
	ok_eq(info.module_count, 4, "are told");
	list = at(info.modules, 4 * sizeof(*list));
	for (uint32_t i = 0; i < 4; i++) {
		size_t n = strlen(module[i].name);

		ok(list[i].base == vm_module_gpa(&vm, i) && list[i].size == module[i].size,
		   "module %u: where the builder puts it", i);
		ok(!(list[i].base & PAGE_MASK) && list[i].base + list[i].size <= end &&
		   end - list[i].base < module[i].size + PAGE_SIZE,
		   "on a page, just below the one before");
		ok_eq(string_is(list[i].cmdline, module[i].name, n), n, "with its name");
		end = list[i].base;
	}
	ok_eq(vm_lowest_module(&vm), end, "the image must end below the last");
	ok_eq(string_is(info.cmdline, "", 0), 0, "an empty command line is a string");
	machine(0, 1, (struct manifest_str){ 0 });
	ok_eq(vm_start_info_write(&vm), 0, "no command line at all");
	ok_eq(string_is(start_info().cmdline, "", 0), 0, "is an empty one");
	ok_eq(vm_lowest_module(&vm), LOW - START_INFO_SIZE - 8192, "5000 bytes take two pages");
}

/* The longest command line ends with the block; one more is refused. */
static void test_limits(void)
{
	static char line[START_INFO_SIZE + 1];
	struct pvh_start_info info;
	const struct pvh_module *list;
	uint32_t room;

	memset(line, 'x', sizeof(line));
	machine(0, 0, text("x"));
	ok_eq(vm_start_info_write(&vm), 0, "a short line");
	info = start_info();
	room = (uint32_t)(LOW - info.cmdline);
	ok(room > 4096, "%u bytes for strings", room);
	machine(0, 0, (struct manifest_str){ line, room });
	ok_eq(vm_start_info_write(&vm), AMBIT_ENOMEM, "no room for the NUL: refused");
	machine(0, 0, (struct manifest_str){ line, UINT32_MAX });
	ok_eq(vm_start_info_write(&vm), AMBIT_ENOMEM, "far too long: refused");
	machine(0, 2, (struct manifest_str){ line, room - 1 });
	ok_eq(vm_start_info_write(&vm), 0, "one that just fits");
	info = start_info();
	ok_eq(string_is(info.cmdline, line, room - 1), room - 1, "is there as a whole");
	ok_eq(info.cmdline + room, LOW, "up to the end of low RAM");
	list = at(info.modules, 2 * sizeof(*list));
	ok(!list[0].cmdline && !list[1].cmdline, "no room for the modules' names");
	ok(list[1].base == vm_module_gpa(&vm, 1) && list[1].size == 4096,
	   "but they are listed");
	machine(0, 2, (struct manifest_str){ line, room - 6 });
	ok_eq(vm_start_info_write(&vm), 0, "room for one name");
	list = at(start_info().modules, 2 * sizeof(*list));
	ok_eq(string_is(list[0].cmdline, "disk", 4), 4, "the first has it");
	ok(!list[1].cmdline, "the second has none");
}

/* The block's piece of RAM has other memory behind it. */
static void test_place(void)
{
	const uint8_t *behind = phys_to_virt(hpa(ram[LOW / MIB(2) - 1].v + MIB(2)));
	bool clean = true;

	for (uint64_t i = 0; i < MIB(2); i++)
		clean &= !behind[i];
	ok(clean, "nothing is written behind the block");
	vm.ram_low = 4096;
	ok_eq(vm_start_info_write(&vm), AMBIT_EFAULT, "a VM of one page is refused");
}

int main(void)
{
	test_memmap(0);
	test_memmap(MIB(6));
	test_modules();
	test_limits();
	test_place();
	return done_testing();
}
