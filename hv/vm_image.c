/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image of a saved VM: its RAM without the pages of zeros, in frames of its
 * own. One page of an index for 2 MiB of RAM, 0 in it for a page of zeros.
 */
#include "hv/vm_image.h"

#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/guest_mem.h"
#include "hv/string.h"

#define CHUNK_PAGES	(GUEST_PIECE / PAGE_SIZE)
#define STEP_PAGES	16u	/* copied, cleared or freed in a step: 64 KiB */

static uint32_t chunk_count(const struct vm *vm)
{
	return (uint32_t)((vm->ram_low + vm->ram_high) / (CHUNK_PAGES * PAGE_SIZE));
}

static hpa_t *index_of(const struct vm *vm, uint32_t chunk)
{
	return phys_to_virt(vm->image[chunk]);
}

static void *ram_page(const struct vm *vm, uint32_t chunk, uint32_t page)
{
	return phys_to_virt(hpa(vm->ram[chunk].v + page * PAGE_SIZE));
}

static bool is_zero(const uint64_t *word)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < PAGE_SIZE / 8 && !any; i += 8)
		for (uint32_t k = 0; k < 8; k++)
			any |= word[i + k];
	return !any;
}

static int frame_take(struct vm *vm, hpa_t *out)
{
	int err = frames_alloc(0, vm->owner, out);

	vm->image_frames += !err;
	return err;
}

static void frame_return(struct vm *vm, hpa_t pa)
{
	frames_free(pa, 0);
	vm->image_frames--;
}

static int index_make(struct vm *vm, uint32_t chunk)
{
	int err;

	if (vm->image[chunk].v)
		return AMBIT_OK;
	err = frame_take(vm, &vm->image[chunk]);
	if (!err)
		memset(index_of(vm, chunk), 0, PAGE_SIZE);
	return err;
}

/* One that had bytes when it was looked at before keeps its frame. */
static int page_save(struct vm *vm, uint32_t chunk, uint32_t page, bool copy)
{
	const void *from = ram_page(vm, chunk, page);
	hpa_t *to = &index_of(vm, chunk)[page];

	if (!to->v && is_zero(from))
		return AMBIT_OK;
	if (!to->v) {
		int err = frame_take(vm, to);

		if (err)
			return err;
	}
	if (copy)
		memcpy(phys_to_virt(*to), from, PAGE_SIZE);
	return AMBIT_OK;
}

/* build.idx: the piece of RAM; build.offset: the page in it. */
static bool next_pages(struct vm_build *b)
{
	b->offset += STEP_PAGES;
	if (b->offset == CHUNK_PAGES) {
		b->offset = 0;
		b->idx++;
	}
	return false;
}

static int pages_step(struct vm *vm, bool copy)
{
	struct vm_build *b = &vm->build;
	int err;

	if (b->idx == chunk_count(vm))
		return 1;
	err = index_make(vm, b->idx);
	for (uint32_t i = 0; i < STEP_PAGES && !err; i++)
		err = page_save(vm, b->idx, (uint32_t)b->offset + i, copy);
	return err ? err : next_pages(b);
}

int image_reserve_step(struct vm *vm)
{
	return pages_step(vm, false);
}

int image_save_step(struct vm *vm)
{
	return pages_step(vm, true);
}

bool image_load_step(struct vm *vm)
{
	struct vm_build *b = &vm->build;

	if (b->idx == chunk_count(vm))
		return true;
	for (uint32_t i = 0; i < STEP_PAGES; i++) {
		uint32_t page = (uint32_t)b->offset + i;
		hpa_t from = index_of(vm, b->idx)[page];

		if (from.v)
			memcpy(ram_page(vm, b->idx, page), phys_to_virt(from), PAGE_SIZE);
	}
	return next_pages(b);
}

bool image_free_step(struct vm *vm)
{
	struct vm_build *b = &vm->build;

	/* It was made from the first piece on, and goes from there. */
	if (b->idx == chunk_count(vm) || !vm->image[b->idx].v)
		return true;
	for (uint32_t i = 0; i < STEP_PAGES; i++) {
		hpa_t page = index_of(vm, b->idx)[b->offset + i];

		if (page.v)
			frame_return(vm, page);
	}
	if (b->offset + STEP_PAGES == CHUNK_PAGES) {
		frame_return(vm, vm->image[b->idx]);
		vm->image[b->idx] = hpa(0);
	}
	return next_pages(b);
}
