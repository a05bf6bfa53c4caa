/* SPDX-License-Identifier: BSD-2-Clause */
/* A bump allocator over whole frames; a large request gets frames of its own. */
#include "hv/boot_alloc.h"

#include "hv/fault.h"
#include "hv/frames.h"
#include "hv/string.h"

#include "arch/arch.h"

static char *chunk;
static size_t chunk_left;

void *boot_alloc(size_t bytes)
{
	hpa_t pa;

	if (fault_alloc())
		return NULL;
	bytes = ALIGN_UP(MAX(bytes, (size_t)1), (size_t)64);
	if (bytes > chunk_left) {
		uint32_t order = frames_order(bytes);

		if (frames_alloc(order, FRAME_OWNER_HV, &pa))
			return NULL;
		chunk = phys_to_virt(pa);
		chunk_left = PAGE_SIZE << order;
		memset(chunk, 0, chunk_left);
	}
	void *p = chunk;

	chunk += bytes;
	chunk_left -= bytes;
	return p;
}

void *boot_alloc_pages(size_t bytes)
{
	uint32_t order = frames_order(bytes);
	uint64_t at, end;
	hpa_t pa;

	if (frames_alloc(order, FRAME_OWNER_HV, &pa))
		return NULL;
	end = pa.v + (PAGE_SIZE << order);
	/* The rest of the block, in as large parts as are aligned. */
	for (at = pa.v + ALIGN_UP(MAX(bytes, 1ul), PAGE_SIZE); at < end;
	     at += PAGE_SIZE << order) {
		order = (uint32_t)__builtin_ctzll(at >> PAGE_SHIFT);
		frames_free(hpa(at), order);
	}
	return phys_to_virt(pa);
}
