/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Give pools: places, the pages in them, and what the VM's tables show. The
 * tables of all places are made with the VM, so that a gift allocates nothing.
 */
#include "hv/pool.h"

#include "hv/abi/errno.h"
#include "hv/string.h"

#define FILL_PAGES	8u	/* cleared in a step, as tables are: 64 KiB together at most */
#define STEP_PAGES	16u	/* freed in a step */
#define TABLE_PAGES	512u	/* places that one table of 4 KiB entries shows */

uint64_t pool_leaf;

gpa_t pool_place(struct vm *vm, gpa_t at)
{
	uint64_t places = vm->config->pool_places;

	pool_leaf = p2m_page_entry(hpa(0), P2M_READ | P2M_WRITE);
	vm->pool = gpa(0);
	if (!places)
		return at;
	vm->pool = gpa(ALIGN_UP(at.v, MIB(2)));
	return gpa(vm->pool.v + places * PAGE_SIZE);
}

/* The look after the reference: in between the page may have gone, and come
 * back at another place. */
hpa_t pool_get(struct vm *vm, gpa_t at)
{
	struct pool_page *place = pool_find(vm, at);
	hpa_t pa;

	if (!place)
		return hpa(0);
	pa.v = READ_ONCE(place->pa.v);
	if (!pa.v || !frame_get(frame_of(pa), vm->owner))
		return hpa(0);
	if (READ_ONCE(place->pa.v) == pa.v)
		return pa;
	pool_put(pa);
	return hpa(0);
}

void pool_put(hpa_t pa)
{
	frame_put(frame_of(pa));
}

/* --- with the VM -------------------------------------------------------------- */

static int place_fill(struct vm *vm, struct pool_page *place)
{
	hpa_t pa;
	int err = frames_alloc(0, vm->owner, &pa);

	if (err)
		return err;
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	place->pa = pa;
	place->frame = frame_of(pa);
	pool_show(place);
	return 0;
}

/* A table, and where the places that it shows have their entries. */
static int table_make(struct vm *vm, uint32_t from)
{
	uint32_t n = MIN(vm->config->pool_places - from, TABLE_PAGES);
	gpa_t at = gpa(vm->pool.v + from * PAGE_SIZE);
	int err = p2m_reserve(&vm->p2m, at, n * PAGE_SIZE);

	for (uint32_t i = 0; i < n && !err; i++)
		vm->pool_page[from + i].entry = p2m_page(&vm->p2m, at) + i;
	return err;
}

/* build.idx: the next place. Behind the pages to fill it goes table by table. */
int pool_build_step(struct vm *vm, const char **why)
{
	uint32_t places = vm->config->pool_places, from = vm->build.idx, at = from;
	uint32_t end = MIN(from + FILL_PAGES, vm->config->pool_pages);
	int err = 0;

	if (from >= places)
		return 1;
	if (!(from % TABLE_PAGES))
		err = table_make(vm, from);
	*why = err == AMBIT_EINVAL ?
	       "its give pool reaches beyond this CPU's guest-physical addresses" :
	       "not enough free memory for its give pool";
	for (; at < end && !err; at++)
		err = place_fill(vm, &vm->pool_page[at]);
	if (at >= vm->config->pool_pages)
		at = ALIGN_UP(MAX(at, from + 1), TABLE_PAGES);
	vm->build.idx = at;
	return err;
}

int pool_rebuild_step(struct vm *vm, const char **why)
{
	uint32_t places = vm->config->pool_places, from = vm->build.idx;
	int err;

	if (from >= places)
		return 1;
	*why = "not enough free memory for the tables of its give pool";
	err = table_make(vm, from);
	vm->build.idx = MIN(from + TABLE_PAGES, places);
	for (uint32_t at = from; at < vm->build.idx && !err; at++)
		pool_show(&vm->pool_page[at]);
	return err;
}

bool pool_unbuild_step(struct vm *vm)
{
	uint32_t places = vm->config->pool_places, at = vm->build.idx;
	uint32_t end = MIN(at + STEP_PAGES, places);

	for (; at < end; at++) {
		struct pool_page *place = &vm->pool_page[at];

		if (place->pa.v)
			frames_free(place->pa, 0);
		place->pa = hpa(0);
	}
	vm->build.idx = at;
	return at == places;
}
