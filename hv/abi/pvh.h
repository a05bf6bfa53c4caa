/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The x86/HVM direct boot ABI ("PVH"), as a guest sees it: the ELF note that
 * names the 32-bit entry, and the start info that EBX points to there. The
 * layout is that of the Xen project's published boot ABI (docs/specs.md).
 * At entry: 32-bit protected mode, flat segments, paging off, interrupts off.
 * AMBIT_HC_VCPU_START enters a secondary vCPU in the same state, with the
 * argument in EBX.
 */
#ifndef AMBIT_ABI_PVH_H
#define AMBIT_ABI_PVH_H

#define PVH_NOTE_NAME		"Xen"
#define PVH_NOTE_TYPE		18		/* PHYS32_ENTRY */
#define PVH_START_MAGIC		0x336ec578

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "hv/abi/layout.h"

struct pvh_start_info {
	uint32_t magic;		/* PVH_START_MAGIC */
	uint32_t version;	/* 1: memory map present */
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules;	/* gpa of struct pvh_module[] */
	uint64_t cmdline;	/* gpa of a NUL-terminated string, or 0 */
	uint64_t rsdp;		/* gpa of the ACPI RSDP, or 0 */
	uint64_t memmap;	/* gpa of struct pvh_memmap[] */
	uint32_t memmap_count;
	uint32_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct pvh_start_info) == 56, "PVH start info");

struct pvh_module {
	uint64_t base;		/* gpa */
	uint64_t size;		/* bytes */
	uint64_t cmdline;	/* gpa of a string, or 0 */
	uint64_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct pvh_module) == 32, "PVH module");

struct pvh_memmap {
	uint64_t base;
	uint64_t size;
	uint32_t type;		/* as in E820: 1 RAM, 2 reserved */
	uint32_t reserved;
};
AMBIT_STATIC_ASSERT(sizeof(struct pvh_memmap) == 24, "PVH memory map");
#endif

#endif
