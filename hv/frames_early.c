/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory before the frame table exists: a short list of the pieces that are
 * taken, and a first fit around them. Pieces may touch or overlap; neighbours
 * from frames_early_alloc() are joined, so the list stays short.
 */
#include "hv/frames_early.h"

#include "hv/fault.h"
#include "hv/frames.h"
#include "hv/panic.h"
#include "hv/string.h"

#include "arch/arch.h"

#define LOW_MEMORY	MIB(1)	/* firmware's, VGA's and the AP trampoline's */
#define EARLY_MAX	64
#define TAKEN_MAX	(3 + BOOT_MODULE_MAX + EARLY_MAX)

static const struct boot_info *boot;
static struct frames_taken taken[TAKEN_MAX];
static uint32_t taken_count;

static void take(uint64_t base, uint64_t size, uint32_t owner)
{
	if (!size)
		return;
	if (taken_count == TAKEN_MAX)
		hv_refuse("too little memory: the loader's map is in too small pieces");
	taken[taken_count++] = (struct frames_taken){
		.base = ALIGN_DOWN(base, PAGE_SIZE),
		.end = ALIGN_UP(base + size, PAGE_SIZE),
		.owner = owner,
	};
}

void frames_early_init(const struct boot_info *bi)
{
	boot = bi;
	taken_count = 0;
	take(0, LOW_MEMORY, FRAME_OWNER_HV);
	take(bi->hv_base, bi->hv_end - bi->hv_base, FRAME_OWNER_HV);
	if (bi->fb.base)
		take(bi->fb.base, (uint64_t)bi->fb.pitch * bi->fb.height, FRAME_OWNER_HV);
	for (uint32_t i = 0; i < bi->module_count; i++)
		take(bi->module[i].base, bi->module[i].size, FRAME_OWNER_MODULE);
}

void frames_early_end(void)
{
	boot = NULL;
}

struct frames_taken frames_taken_first(uint64_t base, uint64_t end)
{
	struct frames_taken first = { .base = end, .end = end };

	for (uint32_t i = 0; i < taken_count; i++) {
		uint64_t from = MAX(taken[i].base, base), to = MIN(taken[i].end, end);

		if (from < to && from < first.base)
			first = (struct frames_taken){ from, to, taken[i].owner };
	}
	return first;
}

/* Lowest place in [base, end), or end if it has none. */
static uint64_t fit(uint64_t base, uint64_t end, uint64_t bytes)
{
	while (base < end && end - base >= bytes) {
		struct frames_taken t = frames_taken_first(base, base + bytes);

		if (t.base == t.end)
			return base;
		base = t.end;
	}
	return end;
}

/* Growing the piece before is the usual case. */
static void take_early(uint64_t base, uint64_t bytes)
{
	struct frames_taken *last = &taken[taken_count - 1];

	if (last->end == base && last->owner == FRAME_OWNER_HV)
		last->end += bytes;
	else
		take(base, bytes, FRAME_OWNER_HV);
}

hpa_t frames_early_alloc(uint64_t bytes, uint64_t below)
{
	bool fault = fault_alloc();

	CHECK(boot && bytes);
	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	for (uint32_t i = 0; i < boot->range_count && !fault; i++) {
		const struct boot_range *range = &boot->range[i];
		uint64_t end = MIN(range->base + range->size, below);
		uint64_t base = fit(range->base, end, bytes);

		if (base >= end)
			continue;
		take_early(base, bytes);
		memset(phys_to_virt(hpa(base)), 0, bytes);
		return hpa(base);
	}
	if (below < UINT64_MAX)
		hv_refuse("too little memory: no %lu KiB in one piece below %lu MiB",
			  bytes >> 10, below >> 20);
	hv_refuse("too little memory: no %lu KiB in one piece", bytes >> 10);
}
