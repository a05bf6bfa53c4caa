/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own page tables. Everything is mapped once, before guests
 * run, but for the regions of APs and device registers; nothing is ever
 * unmapped, so no TLB of another pCPU goes stale.
 */
#pragma once

#include "hv/boot_info.h"
#include "hv/types.h"

#define PTE_P		BIT(0)
#define PTE_W		BIT(1)
#define PTE_PWT		BIT(3)	/* alone: write-combining, by our PAT */
#define PTE_PCD		BIT(4)	/* with PWT: uncached */
#define PTE_A		BIT(5)	/* set by the CPU: it was used, ... */
#define PTE_D		BIT(6)	/* ... and written to */
#define PTE_PS		BIT(7)
#define PTE_G		BIT(8)
#define PTE_NX		BIT(63)
#define PTE_ADDR	0x000ffffffffff000ull

/* The directory that VA_PERCPU and VA_MMIO share, and the first table of the
 * latter; both in use from the first instruction on. */
extern uint64_t paging_hv_pd[], paging_mmio_pt[];

/* Control registers and PAT of this pCPU, as all of them have it. */
void paging_init_cpu(void);

/* As arch_map_mmio(), write-combining: for a framebuffer. */
volatile void *paging_map_fb(hpa_t pa, uint64_t bytes);

/*
 * Allocate and map region id (>= 1) for an AP, zeroed. 0 or AMBIT_ENOMEM.
 * Boot CPU only.
 */
int MUST_CHECK paging_map_region(uint32_t id);

/*
 * AP start: code below 1 MiB and tables that map it one to one beside the
 * final ones. paging_trampoline() is the page (0 if there was none free),
 * paging_start_cr3() the tables; paging_cr3() are the final ones.
 */
uint64_t paging_trampoline(void);
uint32_t paging_start_cr3(void);
uint64_t paging_cr3(void);
