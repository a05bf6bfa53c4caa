/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a VM apart, as a machine of phases with a cursor each. First nobody
 * else reaches its memory any more: its links die, operations on them end. Then
 * its frames go back.
 */
#include "hv/device.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/sink.h"
#include "hv/sync.h"
#include "hv/vm_build.h"
#include "hv/vm_image.h"
#include "vio/grant.h"
#include "vio/link.h"
#include "vio/window.h"

#define STEP_ENDS	16u
#define CHUNK_ORDER	9u	/* RAM: a 2 MiB piece a step */

static bool devices_close(struct vm *vm)
{
	device_close(vm);
	return true;
}

/* One with a window a step: its flush may have waited for other pCPUs. */
bool vm_ends_step(struct vm *vm, void (*leave)(struct endpoint *e))
{
	struct vm_build *b = &vm->build;
	uint32_t end = MIN(b->idx + STEP_ENDS, vm->endpoint_count);

	while (b->idx < end) {
		struct endpoint *e = vm->endpoint[b->idx++];

		leave(e);
		if (e->link->scheme == AMBIT_SCHEME_DIRECT)
			break;
	}
	return b->idx == vm->endpoint_count;
}

static bool links_die(struct vm *vm)
{
	return vm_ends_step(vm, endpoint_died);
}

/* Those that began before the ends were dead. */
static bool operations_end(struct vm *vm)
{
	(void)vm;
	sync_ops();
	return true;
}

static bool free_ram(struct vm *vm)
{
	uint64_t i = vm->build.offset++;

	if (i == (vm->ram_low + vm->ram_high) / (PAGE_SIZE << CHUNK_ORDER) ||
	    !vm->ram[i].v)
		return true;
	frames_free(vm->ram[i], CHUNK_ORDER);
	vm->ram[i] = hpa(0);
	return false;
}

static bool free_windows(struct vm *vm)
{
	struct vm_build *b = &vm->build;

	while (b->idx < vm->endpoint_count) {
		if (!window_free_step(vm->endpoint[b->idx]))
			return false;
		b->idx++;
	}
	return true;
}

static bool free_pages(struct vm *vm)
{
	sink_destroy(vm);
	if (vm->time.v)
		frames_free(vm->time, 0);
	if (vm->info.v)
		frames_free(vm->info, vm_info_order(vm));
	vm->time = vm->info = hpa(0);
	return true;
}

static bool free_tables(struct vm *vm)
{
	return p2m_destroy_step(&vm->p2m);
}

static bool step(struct vm *vm, bool (*const *phases)(struct vm *), uint32_t count)
{
	uint32_t phase = vm->build.phase;

	if (!phases[phase](vm))
		return false;
	vm->build = (struct vm_build){ .phase = phase + 1 };
	if (vm->build.phase < count)
		return false;
	vm->build = (struct vm_build){ 0 };
	return true;
}

static bool (*const phases[])(struct vm *) = {
	devices_close,
	/* Here begins what a VM needs that could not be built; its peers are told too. */
	links_die, operations_end, grant_vm_died_step, pool_unbuild_step,
	/* And here what a VM does without that is saved. */
	free_ram, free_windows, free_pages, free_tables,
	image_free_step,
};
#define NEVER_RAN	1u
#define FOLD		5u
#define FOLD_END	9u
_Static_assert(FOLD_END + 1 == ARRAY_SIZE(phases), "all but the image");

bool vm_reap_step(struct vm *vm)
{
	return step(vm, phases, ARRAY_SIZE(phases));
}

bool vm_fold_step(struct vm *vm)
{
	return step(vm, phases + FOLD, FOLD_END - FOLD);
}

bool vm_unbuild_step(struct vm *vm)
{
	return step(vm, phases + NEVER_RAN, ARRAY_SIZE(phases) - NEVER_RAN);
}
