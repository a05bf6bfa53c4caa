/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The give pool of a VM: 4 KiB pages in its aperture that can change their
 * owner. A place holds a page or nothing. Frames carry their owner's number and
 * count uses (frame_get), and only an unused one changes its owner.
 */
#pragma once

#include "hv/vm.h"

struct pool_page {
	hpa_t pa;		/* 0: an empty place */
	uint32_t reserved;	/* by a gift under way */
};

/* The page at gpa `at`, with a reference that pool_put() ends; 0: none there. */
hpa_t pool_get(struct vm *vm, gpa_t at);
void pool_put(hpa_t pa);
/* Frames for the pool's first pages, mapped; a step, as vm_build_step(). */
int MUST_CHECK pool_build_step(struct vm *vm, const char **why);
/* Give all pages back, a step; true when done. */
bool pool_unbuild_step(struct vm *vm);
