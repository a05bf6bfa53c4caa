/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercalls. Each call site is built as VMCALL and listed in section .hcall;
 * start-up rewrites all of them where the CPU wants VMMCALL, so that a call is
 * one instruction on both. Addresses are guest-physical, which equal pointers.
 */
#pragma once

#include "hv/abi/errno.h"
#include "hv/abi/hypercall.h"
#include "guests/lib/types.h"

/* The call with up to four arguments; *rdx is the third and the second result. */
static inline int64_t hcall_raw(uint64_t nr, uint64_t a, uint64_t b,
				uint64_t *rdx, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;
	uint64_t rax = nr;

	__asm__ volatile("661: vmcall\n\t"
			 ".pushsection .hcall, \"a\"\n\t"
			 ".quad 661b\n\t"
			 ".popsection"
			 : "+a"(rax), "+d"(*rdx)
			 : "D"(a), "S"(b), "r"(r10)
			 : "memory", "cc");
	return (int64_t)rax;
}

static inline int64_t hcall0(uint64_t nr)
{
	uint64_t rdx = 0;

	return hcall_raw(nr, 0, 0, &rdx, 0);
}

static inline int64_t hcall1(uint64_t nr, uint64_t a)
{
	uint64_t rdx = 0;

	return hcall_raw(nr, a, 0, &rdx, 0);
}

static inline int64_t hcall2(uint64_t nr, uint64_t a, uint64_t b)
{
	uint64_t rdx = 0;

	return hcall_raw(nr, a, b, &rdx, 0);
}

static inline int64_t hcall3(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	return hcall_raw(nr, a, b, &c, 0);
}

static inline int64_t hcall4(uint64_t nr, uint64_t a, uint64_t b, uint64_t c,
			     uint64_t d)
{
	return hcall_raw(nr, a, b, &c, d);
}
