/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The give pool of a VM: 4 KiB pages in its aperture that can change their
 * owner. A place holds a page or nothing. Frames carry their owner's number and
 * count uses (frame_get), and only an unused one changes its owner. Who moves
 * a page reserves its place first; nobody waits for a reservation.
 */
#pragma once

#include "hv/vm.h"

struct pool_page {
	hpa_t pa;		/* 0: an empty place; changed under a reservation */
	uint32_t reserved;	/* by a gift under way, atomic */
};

/* Where the VM's pool would lie from gpa `at` on: sets vm->pool, 0 without one,
 * and returns the first gpa behind it. */
gpa_t pool_place(struct vm *vm, gpa_t at);
/* The page at gpa `at`, with a reference that pool_put() ends; 0: none there. */
hpa_t pool_get(struct vm *vm, gpa_t at);
void pool_put(hpa_t pa);
/*
 * The place of gpa `at`, reserved until pool_release(); NULL with *err
 * AMBIT_EFAULT if there is no such place, AMBIT_EBUSY if it is reserved. The VM
 * is held off from being taken apart (the caller's own, or by sync_op_begin()).
 */
struct pool_page *pool_reserve(struct vm *vm, gpa_t at, int *err);
static inline void pool_release(struct pool_page *place)
{
	STORE_RELEASE(place->reserved, 0);
}
/* Map what the place holds, or with its page withheld: nothing. The place is
 * reserved; before a page is used otherwise the VM needs a sync_flush(). */
void pool_show(struct vm *vm, const struct pool_page *place);
void pool_hide(struct vm *vm, const struct pool_page *place);

/* Tables of the pool, frames for its first pages, mapped; as vm_build_step(). */
int MUST_CHECK pool_build_step(struct vm *vm, const char **why);
/* Give all pages back, a step; true when done. Nobody else uses the pool. */
bool pool_unbuild_step(struct vm *vm);
