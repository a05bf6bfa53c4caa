/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory: the frame table (an owner and counts for every 4 KiB frame of
 * RAM) and a buddy allocator over it. A frame is free exactly when its owner is
 * 0. Owners change only while a frame's use and DMA counts are 0.
 */
#pragma once

#include "hv/boot_info.h"
#include "hv/types.h"

#define FRAMES_ORDER_MAX	18	/* 1 GiB */

#define FRAME_OWNER_HV		1u	/* the hypervisor, and what nobody may use */
#define FRAME_OWNER_MODULE	2u	/* a boot module */
#define FRAME_OWNER_VM		16u	/* + VM number */

/* Where the links lie, the frame is the head of a free block. */
struct frame {
	union {
		struct {
			uint32_t owner;		/* 0: free */
			union {
				uint32_t uses;	/* references (frame_get) */
				uint32_t next;	/* free list of its order, 0: none */
			};
		};
		uint64_t owner_uses;	/* both, for one locked operation */
	};
	uint32_t prev;		/* in that list, 0: first */
	uint16_t dma;		/* mappings for devices */
	uint8_t order;		/* of a free block's head */
	uint8_t free_head;	/* 1: head of a block in a free list */
};
_Static_assert(sizeof(struct frame) == 16, "0.4% of RAM");

/*
 * Before frames_init(): tell the allocator what there is. First of all frames_*
 * calls; bi must stay in place until frames_init().
 */
void frames_early_init(const struct boot_info *bi);

/* What the first page tables reach: until the final ones are in use, early memory
 * must lie below. */
#define FRAMES_EARLY_FIRST	GIB(1)

/*
 * Memory that is never given back: page-aligned, zeroed by way of the direct
 * map, lowest address above 1 MiB that is neither the image nor a module nor
 * the framebuffer, and all of it below `below`: FRAMES_EARLY_FIRST or UINT64_MAX.
 * Refuses to start the machine when there is none. Boot CPU, between
 * frames_early_init() and frames_init().
 */
hpa_t frames_early_alloc(uint64_t bytes, uint64_t below);

/*
 * Build the table and the free lists. The direct map must reach all RAM. From
 * here on all of this file but frames_early_*() is usable by any pCPU.
 */
void frames_init(const struct boot_info *bi);

/* The least order of a block that has room for so many bytes. */
static inline uint32_t frames_order(uint64_t bytes)
{
	uint32_t order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

/*
 * A block of 2^order frames, aligned to its size, not cleared; each frame gets
 * the owner (not 0) and counts of 0. 0, AMBIT_ENOMEM, or AMBIT_EINVAL for an
 * order above FRAMES_ORDER_MAX. Takes the allocator's lock, which nests inside
 * any other.
 */
int MUST_CHECK frames_alloc(uint32_t order, uint32_t owner, hpa_t *out);

/*
 * Give back 2^order frames, aligned to that size: a whole block as allocated or
 * any aligned part of one. Panics if one of them is free already or its use or
 * DMA count is not 0. Time grows with 2^order: free large memory in parts.
 */
void frames_free(hpa_t pa, uint32_t order);

uint64_t frames_free_bytes(void);

/* The frame that pa lies in; NULL outside of RAM. */
struct frame *frame_of(hpa_t pa);
/* Start of a frame of the table. */
hpa_t frame_pa(const struct frame *f);

/*
 * Take a reference if the frame still belongs to owner (not 0): from then on
 * the owner cannot change until frame_put(). False if it does not. Any pCPU.
 */
bool MUST_CHECK frame_get(struct frame *f, uint32_t owner);
void frame_put(struct frame *f);
/* The frame of owner `from` becomes that of `to` (neither is 0), in one, unless
 * it has uses: then false, and nothing changed. Any pCPU. */
static inline bool MUST_CHECK frame_give(struct frame *f, uint32_t from, uint32_t to)
{
	uint64_t seen = from;	/* and no uses */

	return !READ_ONCE(f->dma) &&
	       __atomic_compare_exchange_n(&f->owner_uses, &seen, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * Frames that belong to owner, 0 for the free ones, by a walk over the table
 * that also proves it sound (panics if not). Nothing else may run: for tests.
 */
uint64_t frames_balance(uint32_t owner);
/* The same for all owners below n at once, into count[n], all 0 before. */
void frames_census(uint64_t *count, uint32_t n);
/* References to all frames. Nothing else may run. */
uint64_t frames_uses(void);
