/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both readers of a guest's ELF64 file begin with: its header, and the one way to
 * its bytes. They are copied out after a bounds check, so neither alignment nor a
 * changing file can do harm.
 */
#pragma once

#include "hv/string.h"
#include "hv/types.h"

struct elf_header {
	uint8_t magic[4], class, data, version, abi[9];
	uint16_t type, machine;
	uint32_t version2;
	uint64_t entry, ph_offset, sh_offset;
	uint32_t flags;
	uint16_t size, ph_size, ph_count, sh_size, sh_count, sh_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64, ELF Header");

/* Are [at, at + bytes) inside of [0, size)? */
static inline bool elf_inside(uint64_t at, uint64_t bytes, uint64_t size)
{
	return at <= size && bytes <= size - at;
}

/* n bytes of image[0..size); false: they are not all there. */
static inline bool elf_copy(const void *image, uint64_t size, uint64_t at, void *to, uint64_t n)
{
	if (!elf_inside(at, n, size))
		return false;
	memcpy(to, (const uint8_t *)image + at, n);
	return true;
}

/* The file's first bytes, whatever they say. */
static inline bool elf_header(const void *image, uint64_t size, struct elf_header *h)
{
	return elf_copy(image, size, 0, h, sizeof(*h));
}
