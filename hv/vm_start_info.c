/* SPDX-License-Identifier: BSD-2-Clause */
/* The PVH start info block: struct, module list, memory map, strings. */
#include "hv/vm_start_info.h"

#include "hv/abi/errno.h"
#include "hv/abi/pvh.h"
#include "hv/guest_mem.h"
#include "hv/string.h"
#include "hv/vm_table.h"

#define E820_RAM	1
#define E820_RESERVED	2

struct block {
	struct pvh_start_info info;
	struct pvh_module module[MANIFEST_VM_MODULE_MAX];
	struct pvh_memmap map[3];
	char strings[];
};

uint64_t vm_start_info_base(const struct vm *vm)
{
	return vm->ram_low - START_INFO_SIZE;
}

uint64_t vm_module_gpa(const struct vm *vm, uint32_t idx)
{
	uint64_t at = vm_start_info_base(vm);

	for (uint32_t i = 0; i <= idx; i++)
		at -= ALIGN_UP(vm_module(vm->config->module[i])->size, PAGE_SIZE);
	return at;
}

uint64_t vm_lowest_module(const struct vm *vm)
{
	uint32_t n = vm->config->module_count;

	return n ? vm_module_gpa(vm, n - 1) : vm_start_info_base(vm);
}

/* Append a string to the block; its gpa, or 0 when it does not fit. */
static uint64_t add_string(struct block *b, uint64_t base, size_t *used,
			   const char *s, size_t n)
{
	uint64_t at = base + sizeof(*b) + *used;

	if (sizeof(*b) + *used + n + 1 > START_INFO_SIZE)
		return 0;
	if (n)		/* a text that is not given has no address */
		memcpy(b->strings + *used, s, n);
	b->strings[*used + n] = '\0';
	*used += n + 1;
	return at;
}

int vm_start_info_write(struct vm *vm)
{
	const struct manifest_vm *c = vm->config;
	uint64_t base = vm_start_info_base(vm);
	size_t run, used = 0;
	struct block *b = guest_ptr(vm, gpa(base), START_INFO_SIZE, &run);

	/* The block lies in the last 2 MiB piece of low RAM, so it is one run. */
	if (!b || run < START_INFO_SIZE)
		return AMBIT_EFAULT;
	b->info = (struct pvh_start_info){
		.magic = PVH_START_MAGIC, .version = 1,
		.module_count = c->module_count,
		.modules = c->module_count ? base + offsetof(struct block, module) : 0,
		.cmdline = add_string(b, base, &used, c->cmdline.p, c->cmdline.len),
		.memmap = base + offsetof(struct block, map),
		.memmap_count = vm->ram_high ? 3 : 2,
	};
	if (!b->info.cmdline)
		return AMBIT_ENOMEM;
	for (uint32_t i = 0; i < c->module_count; i++) {
		const struct boot_module *mod = vm_module(c->module[i]);

		b->module[i] = (struct pvh_module){
			.base = vm_module_gpa(vm, i), .size = mod->size,
			.cmdline = add_string(b, base, &used, mod->name,
					      strlen(mod->name)),
		};
	}
	b->map[0] = (struct pvh_memmap){ 0, base, E820_RAM, 0 };
	b->map[1] = (struct pvh_memmap){ base, START_INFO_SIZE, E820_RESERVED, 0 };
	b->map[2] = (struct pvh_memmap){ GIB(4), vm->ram_high, E820_RAM, 0 };
	return 0;
}
