/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VM should own comes from its struct; what it does own, from the frame
 * table. Frames of the hypervisor, of modules and of links never change. */
#include "hv/balance.h"

#include "hv/abi/errno.h"
#include "hv/boot_alloc.h"
#include "hv/console.h"
#include "hv/frames.h"
#include "hv/guest_mem.h"
#include "hv/pool.h"
#include "hv/vm_build.h"
#include "vio/link.h"

#define CHUNK_FRAMES	(GUEST_PIECE / PAGE_SIZE)	/* of an entry of vm->ram[] */

static uint64_t *owned;		/* [FRAME_OWNER_VM + vm_count], for the census */
static uint64_t free_at_begin;	/* frames */

int balance_begin(void)
{
	owned = boot_alloc((FRAME_OWNER_VM + vm_count) * sizeof(*owned));
	free_at_begin = frames_free_bytes() >> PAGE_SHIFT;
	return owned ? AMBIT_OK : AMBIT_ENOMEM;
}

static uint64_t ram_frames(const struct vm *vm)
{
	uint64_t n = 0, count = (vm->ram_low + vm->ram_high) / GUEST_PIECE;

	for (uint64_t i = 0; i < count; i++)
		n += vm->ram[i].v ? CHUNK_FRAMES : 0;
	return n;
}

static uint64_t table_frames(const struct vm *vm)
{
	uint64_t n = vm->p2m.table_count;

	for (uint32_t i = 0; i < vm->endpoint_count; i++)
		n += vm->endpoint[i]->shown.table_count;
	return n;
}

static uint64_t page_frames(const struct vm *vm)
{
	const hpa_t single[] = { vm->time, vm->sink, vm->sink_table, vm->sink_dir };
	uint64_t n = vm->info.v ? BIT(vm_info_order(vm)) : 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(single); i++)
		n += single[i].v != 0;
	return n;
}

uint64_t vm_frames(const struct vm *vm)
{
	return ram_frames(vm) + page_frames(vm) + pool_frames(vm) + table_frames(vm) +
	       vm->image_frames;
}

bool balance_check(void)
{
	uint64_t all;
	bool good = true;

	frames_census(owned, FRAME_OWNER_VM + vm_count);
	all = owned[0];
	for (uint32_t i = 0; i < vm_count; i++) {
		uint64_t has = owned[FRAME_OWNER_VM + i], wanted = vm_frames(&vm_table[i]);

		all += has;
		if (has == wanted)
			continue;
		hv_log("frames: %s owns %lu, %lu would be right", vm_table[i].name,
		       has, wanted);
		good = false;
	}
	if (all != free_at_begin) {
		hv_log("frames: the hypervisor has %ld more than it had before the VMs",
		       (long)(free_at_begin - all));
		good = false;
	}
	if (good)
		hv_log("frames: %lu free, all accounted for", owned[0]);
	return good;
}
