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
