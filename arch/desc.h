/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables and exceptions. Selectors are the same on every pCPU; the
 * GDT and TSS lie in struct arch_pcpu, one IDT serves all.
 */
#pragma once

#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_TSS		0x28

#define VECTOR_DB	1
#define VECTOR_NMI	2
#define VECTOR_UD	6
#define VECTOR_DF	8
#define VECTOR_GP	13
#define VECTOR_PF	14
#define VECTOR_AC	17
#define VECTOR_MC	18
#define VECTOR_IRQ	0x30	/* device interrupts: this one and 63 more */
#define VECTOR_KICK	0xf0	/* arch_kick() */
#define VECTOR_TIMER	0xf1	/* arch_timer_set() */
#define VECTOR_SPURIOUS	0xff	/* local APIC; gets no EOI */

#ifndef __ASSEMBLER__
#include "arch/percpu.h"
#include "hv/types.h"

/* What entry.asm pushes; the CPU's own part comes last. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* The region of the CPU that runs this. */
static inline struct arch_pcpu *arch_pcpu_this(void)
{
	return (struct arch_pcpu *)(read_rsp() & ~(uint64_t)(PERCPU_SIZE - 1));
}

/* Load this pCPU's GDT, TSS and the IDT. Once on each pCPU. */
void desc_init_cpu(void);
/* Address of the IDT, for the host state of VT-x; its limit is 0xfff. */
uint64_t desc_idt_base(void);

/* C side of the exception stubs. Returns only if the fault was expected. */
void trap_handle(struct trap_frame *f);
/*
 * An NMI was taken. Called by the IDT's handler and by a vendor whose guest
 * exits on NMI. Does not return once arch_stop_others() has been called.
 */
void nmi_handle(void);
/* This pCPU stops the others: true once only. How many did stop since. */
bool nmi_stop_claim(void);
uint32_t nmi_stopped(void);
/* NMIs that nobody asked for, all pCPUs. */
uint64_t nmi_count(void);
#endif
