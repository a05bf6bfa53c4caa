/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The usable memory ranges of struct boot_info: kept sorted, disjoint, whole
 * pages, and low enough that 32 bits number their frames.
 */
#include "boot/boot.h"

#define BOOT_PA_MAX	(1ull << 44)	/* 32 bits of frame number */

/* End of [base, base + size) without wrapping. */
static uint64_t range_end(uint64_t base, uint64_t size)
{
	return size > UINT64_MAX - base ? UINT64_MAX : base + size;
}

static void range_remove(struct boot_info *bi, uint32_t idx)
{
	bi->range_count--;
	for (uint32_t i = idx; i < bi->range_count; i++)
		bi->range[i] = bi->range[i + 1];
}

static void range_insert(struct boot_info *bi, uint32_t idx, uint64_t base, uint64_t end)
{
	if (bi->range_count == BOOT_MEMMAP_MAX) {
		bi->truncated = true;
		return;
	}
	for (uint32_t i = bi->range_count; i > idx; i--)
		bi->range[i] = bi->range[i - 1];
	bi->range[idx] = (struct boot_range){ base, end - base };
	bi->range_count++;
}

void boot_range_add(struct boot_info *bi, uint64_t base, uint64_t size)
{
	uint64_t end = MIN(range_end(base, size), BOOT_PA_MAX);
	uint32_t i = 0;

	bi->truncated |= size && range_end(base, size) > BOOT_PA_MAX;
	if (base >= end || end < PAGE_SIZE)
		return;
	base = ALIGN_UP(base, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (base >= end)
		return;
	while (i < bi->range_count && bi->range[i].base + bi->range[i].size < base)
		i++;
	while (i < bi->range_count && bi->range[i].base <= end) {	/* touches: merge */
		base = MIN(base, bi->range[i].base);
		end = MAX(end, bi->range[i].base + bi->range[i].size);
		range_remove(bi, i);
	}
	range_insert(bi, i, base, end);
}

void boot_range_cut(struct boot_info *bi, uint64_t base, uint64_t size)
{
	uint64_t end = MIN(range_end(base, size), BOOT_PA_MAX);
	uint32_t i = 0;

	if (base >= end)
		return;
	base = ALIGN_DOWN(base, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	while (i < bi->range_count) {
		uint64_t b = bi->range[i].base, e = b + bi->range[i].size;

		if (e <= base || b >= end) {
			i++;
			continue;
		}
		range_remove(bi, i);
		if (end < e)
			range_insert(bi, i, end, e);
		if (b < base)
			range_insert(bi, i++, b, base);
	}
}

bool boot_range_holds(const struct boot_info *bi, uint64_t base, uint64_t end)
{
	for (uint32_t i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->range[i];

		if (base >= r->base && end <= r->base + r->size)
			return base <= end;
	}
	return false;
}
