/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside boot/: the two parsers and what they share. They are pure functions
 * over a view of physical memory and believe nothing that they read there: a
 * length that leaves the view, a tag that leaves its list, a module that is not
 * RAM are refused, never followed.
 */
#pragma once

#include "hv/boot_info.h"

#define BOOT_MAGIC_1	0x2badb002
#define BOOT_MAGIC_2	0x36d76289

/* Physical memory [0, size), readable at base; the rest by mapping it. */
struct boot_view {
	const uint8_t *base;
	uint64_t size;
	const void *(*map)(uint64_t pa, uint64_t bytes);	/* may be NULL */
};

/* Pointer to bytes of physical memory, or NULL if they can't be seen. */
const void *boot_at(const struct boot_view *view, uint64_t pa, uint64_t bytes);
/* A string at pa: at most *max bytes of it can be seen. Empty if none can. */
const char *boot_string_at(const struct boot_view *view, uint64_t pa, size_t *max);
/* Little-endian loads from any alignment. */
uint32_t boot_u32(const void *p);
uint64_t boot_u64(const void *p);

/*
 * Copy the text at s, which ends at a NUL or after max bytes, into dst. What
 * does not fit is cut and bi->truncated set.
 */
void boot_copy(struct boot_info *bi, char *dst, size_t size, const char *s, size_t max);
/* The loader's command line: options only, without a leading file name. */
void boot_set_cmdline(struct boot_info *bi, const char *s, size_t max);
/* One module with its command line; refused (counted) if it can't be used. */
void boot_add_module(struct boot_info *bi, uint64_t base, uint64_t end,
		     const char *s, size_t max);

/* Memory map: add usable RAM, then cut what other entries claim. */
void boot_range_add(struct boot_info *bi, uint64_t base, uint64_t size);
void boot_range_cut(struct boot_info *bi, uint64_t base, uint64_t size);
/* Does one range hold all of [base, end)? */
bool boot_range_holds(const struct boot_info *bi, uint64_t base, uint64_t end);

/* Fill *bi, of which hv_base and hv_end are set. 0, or AMBIT_EINVAL if even the
 * fixed part is not readable. */
int multiboot1_parse(const struct boot_view *view, uint32_t info, struct boot_info *bi);
int multiboot2_parse(const struct boot_view *view, uint32_t info, struct boot_info *bi);
