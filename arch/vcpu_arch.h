/* SPDX-License-Identifier: BSD-2-Clause */
/* The arch part of struct vcpu; its fields belong to arch/ alone. */
#pragma once

#include "hv/types.h"

struct arch_vcpu {
	/* both vendors */
	void *xsave;			/* extended state, 64-byte aligned */
	uint64_t xcr0;			/* the guest's, read back at each switch */
	uint64_t xcr0_ever;		/* all bits that guest_xsetbv() let through, and SSE */
	uint64_t cr2, dr[4], dr6;
	uint64_t kernel_gs_base, star, lstar, cstar, sfmask, tsc_aux;
	uint64_t pat;
	uint32_t upcall;		/* vector asked for by the current entry, 0 none */
	uint64_t inject;		/* event to inject at next entry, vendor's format */
	uint32_t inject_error;
	uint32_t inject_len;
	/* VT-x */
	hpa_t vmcs;
	uint32_t vmcs_pcpu;		/* + 1: where VMCLEAR is due; 0: cleared */
	bool launched, window;		/* VMRESUME works; window exiting is on */
	bool debug_used;		/* debug registers: no exits, may differ from reset */
	bool syscall_used;		/* STAR to TSC_AUX: may differ from reset */
	uint16_t vpid;			/* 0: none was left, translations do not last */
	uint32_t exit_reason;		/* of the last exit, VT-x's number */
	uint32_t proc;			/* what the VMCS has: processor-based controls */
	uint64_t host_rsp;		/* and host RSP */
	uint64_t eptp, cr8;
	uint64_t cr4_own, cr4_shadow;	/* CR4 bits that are ours; what it reads there */
	hpa_t msr_areas;		/* EFER's, where VM entry does not load it; or 0 */
	/* AMD-V */
	hpa_t vmcb;
	uint64_t asid_generation;
	uint32_t asid;
	uint64_t tlb_generation;	/* of the VM, when its ASID was flushed last */
};
