/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest kernels: ELF64 files with the note that the x86/HVM direct boot ABI
 * ("PVH") asks for. A pure function over a byte buffer; the file is trusted in
 * nothing.
 */
#pragma once

#include "hv/types.h"

#define ELF_SEGMENT_MAX 16

struct elf_segment {
	uint64_t gpa;		/* where it is loaded (p_paddr) */
	uint64_t file_offset, file_size;
	uint64_t mem_size;	/* >= file_size; the rest is zero; never 0 */
};

struct elf_kernel {
	uint32_t entry;		/* 32-bit entry, inside a segment */
	uint32_t segment_count;	/* 1 to ELF_SEGMENT_MAX, disjoint, file order */
	uint64_t low, high;	/* lowest gpa, and the end of the highest segment */
	struct elf_segment segment[ELF_SEGMENT_MAX];
};

/*
 * Look at image[0..size), of any alignment. Returns 0 and fills *out; or -1 and
 * a reason in *why ("its image is ..."). All of a segment's file
 * bytes lie in the image, and gpa + mem_size does not wrap.
 */
int MUST_CHECK elf_check(const void *image, uint64_t size,
			 struct elf_kernel *out, const char **why);

#define ELF_NAME_MAX 40	/* with the NUL; longer ones are cut */

struct elf_place {
	uint64_t address;
	uint64_t offset;	/* in the function ... */
	uint64_t name_at;	/* (where the file has it) */
	char name[ELF_NAME_MAX]; /* ... of this name; "": none */
};

/* Find the functions of n places by the file's symbol table; none, if that is too
 * long to look through. (elf_symbol.c) */
void elf_symbols(const void *image, uint64_t size, struct elf_place *place, uint32_t n);
