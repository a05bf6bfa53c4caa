/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each pCPU has one region of virtual memory, aligned to its size, that holds
 * its struct pcpu and all its stacks with unmapped guard pages between them.
 * So any stack pointer of the hypervisor finds the struct by masking, in NMI
 * and double-fault handlers too, and GS is never used: a guest's GS base can
 * stay loaded while the hypervisor runs.
 *
 *   0x0000  struct pcpu (two pages)     0x6000  guard
 *   0x2000  guard                       0x7000  #MC stack
 *   0x3000  NMI stack                   0x8000  guard
 *   0x4000  guard                       0x9000  stack (four pages)
 *   0x5000  #DF stack                   0xd000  guard, unused
 */
#pragma once

#define PERCPU_SIZE		0x10000
#define PERCPU_NMI_TOP		0x4000
#define PERCPU_DF_TOP		0x6000
#define PERCPU_MC_TOP		0x8000
#define PERCPU_STACK_BASE	0x9000
#define PERCPU_STACK_TOP	0xd000
#define PERCPU_PAGES		0x1eab	/* bit n: page n is mapped */

/* Virtual memory map of the hypervisor (docs/design.md). */
#define VA_DIRECT		0xffff800000000000	/* all RAM, RW NX */
#define VA_PERCPU		0xffffff8000000000	/* + id * PERCPU_SIZE */
#define VA_MMIO			0xffffff8020000000	/* device mappings, UC NX */
#define VA_IMAGE		0xffffffff80000000	/* the image: + physical */

#ifndef __ASSEMBLER__
#include "hv/types.h"

struct tss64 {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];	/* ist[0] is IST1: NMI, then #DF, #MC */
	uint64_t reserved2;
	uint16_t reserved3, iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss64) == 104, "SDM 3A, Task Management in 64-bit Mode");

/* The arch part of struct pcpu: first member, at offset 0 of the region. */
struct arch_pcpu {
	uint64_t timer_fired;	/* set by the timer's interrupt (entry.asm) */
	uint64_t irqs;		/* device interrupts that came, a bit each (entry.asm) */
	uint64_t gdt[8];	/* null, code, data, -, -, TSS (2) */
	struct tss64 tss;
	uint32_t apic_id;
	hpa_t hvm_page;		/* VMXON region or host save area */
	hpa_t hvm_host;		/* SVM: host VMCB for VMLOAD/VMSAVE */
	void *hvm_current;	/* vCPU whose state is loaded here, or NULL */
	uint64_t xcr0;		/* value now in XCR0 */
	uint64_t tsc_aux;	/* SVM: value now in TSC_AUX */
	uint64_t asid_next, asid_generation; /* SVM; VMX: unused */
	uint64_t debug[4];	/* for the vendor's own use */
};

static inline uint64_t read_rsp(void)
{
	uint64_t v;

	__asm__ volatile("mov %%rsp, %0" : "=r"(v));
	return v;
}

/* Number of the pCPU that runs this; host tests bring their own. */
#ifdef AMBIT_HV
static inline uint32_t percpu_id(void)
{
	return (uint32_t)((read_rsp() - VA_PERCPU) / PERCPU_SIZE);
}
#else
uint32_t percpu_id(void);
#endif
#endif
